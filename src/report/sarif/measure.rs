//! Measures the compressed size of a log while it is written: the limit of an upload is a compressed size.

use std::cell::Cell;
use std::io::{self, Write};
use std::rc::Rc;

use flate2::Compression;
use flate2::write::GzEncoder;

/// A writer that passes everything on and counts the compressed bytes.
pub(super) struct Measured<W> {
    out: W,
    gzip: GzEncoder<Count>,
}

impl<W> Measured<W> {
    /// Returns the writer and the count. The count can lag by some hundred kilobytes that the compressor buffers.
    pub(super) fn new(out: W) -> (Self, Rc<Cell<u64>>) {
        let count = Rc::new(Cell::new(0));
        let gzip = GzEncoder::new(Count(Rc::clone(&count)), Compression::fast());
        (Self { out, gzip }, count)
    }
}

impl<W: Write> Write for Measured<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.gzip.write_all(&bytes[..written])?;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

struct Count(Rc<Cell<u64>>);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.set(self.0.get() + bytes.len() as u64);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
