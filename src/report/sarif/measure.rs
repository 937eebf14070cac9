//! Measures the size of a log while it is written.

use std::cell::Cell;
use std::io::{self, Write};
use std::rc::Rc;

/// A writer that passes everything on and counts the bytes.
pub(super) struct Measured<W> {
    out: W,
    bytes: Rc<Cell<u64>>,
}

impl<W> Measured<W> {
    /// Returns the writer and the count.
    pub(super) fn new(out: W) -> (Self, Rc<Cell<u64>>) {
        let bytes = Rc::new(Cell::new(0));
        let count = Rc::clone(&bytes);
        (Self { out, bytes }, count)
    }
}

impl<W: Write> Write for Measured<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.bytes.set(self.bytes.get() + written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
