//! Bytes with a limit for each piece of a report.

use std::cell::Cell;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

use super::format::MAX_PIECE;

/// The bytes left for the current piece, and its limit.
#[derive(Clone)]
pub(super) struct Budget(Rc<Cell<(usize, usize)>>);

impl Budget {
    pub(super) fn new() -> Self {
        Self(Rc::new(Cell::new((MAX_PIECE, MAX_PIECE))))
    }

    pub(super) fn renew(&self, limit: usize) {
        self.0.set((limit, limit));
    }
}

/// A reader that fails when the budget is used up.
pub(super) struct Bounded<'a> {
    inner: &'a mut dyn BufRead,
    budget: Budget,
}

impl<'a> Bounded<'a> {
    pub(super) fn new(inner: &'a mut dyn BufRead, budget: Budget) -> Self {
        Self { inner, budget }
    }
}

impl Read for Bounded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (left, limit) = self.budget.0.get();
        if left == 0 {
            return Err(too_large(limit));
        }
        let wanted = buffer.len().min(left);
        let count = self.inner.read(&mut buffer[..wanted])?;
        self.budget.0.set((left - count, limit));
        Ok(count)
    }
}

/// The next line without its line feed, and whether it had one; `None` at the end.
pub(super) fn line(input: &mut dyn BufRead) -> io::Result<Option<(Vec<u8>, bool)>> {
    let mut line = Vec::new();
    let count = input.take(MAX_PIECE as u64).read_until(b'\n', &mut line)?;
    if count == 0 {
        return Ok(None);
    }
    let ended = line.pop_if(|last| *last == b'\n').is_some();
    if !ended && count == MAX_PIECE {
        return Err(too_large(MAX_PIECE));
    }
    Ok(Some((line, ended)))
}

fn too_large(limit: usize) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("a line or value is larger than {} MiB", limit >> 20),
    )
}
