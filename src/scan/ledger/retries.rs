//! The queue of retries: filled during one pass, read during the next.
//!
//! Up to [`IN_MEMORY`] bytes are held in memory; a longer queue lies in a temporary file. A network that
//! does not answer at all costs some ten bytes of disk for each address, and no memory.

use std::io::{self, BufReader, BufWriter, Seek as _};

use tempfile::SpooledTempFile;

use super::outcome::Deferral;

/// Bytes that are held in memory.
const IN_MEMORY: usize = 256 * 1024;
const BUFFER: usize = 16 * 1024;

/// A queue that is being filled.
pub(in crate::scan) struct RetryQueue {
    file: BufWriter<SpooledTempFile>,
    len: u64,
}

impl Default for RetryQueue {
    fn default() -> Self {
        Self::new()
    }
}

impl RetryQueue {
    pub(super) fn new() -> Self {
        Self {
            file: BufWriter::with_capacity(BUFFER, tempfile::spooled_tempfile(IN_MEMORY)),
            len: 0,
        }
    }

    pub(in crate::scan) const fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn push(&mut self, deferral: &Deferral) -> io::Result<()> {
        postcard::to_io(deferral, &mut self.file).map_err(io::Error::other)?;
        self.len += 1;
        Ok(())
    }

    /// Turns the filled queue into one that is read from its beginning.
    pub(in crate::scan) fn into_reader(self) -> io::Result<RetryReader> {
        let mut file = self
            .file
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        Ok(RetryReader {
            file: BufReader::with_capacity(BUFFER, file),
            next: 0,
            len: self.len,
        })
    }
}

/// A queue that is being read.
pub(in crate::scan) struct RetryReader {
    file: BufReader<SpooledTempFile>,
    next: u64,
    len: u64,
}

impl RetryReader {
    /// The next retry and its ordinal.
    pub(in crate::scan) fn next(&mut self) -> io::Result<Option<(u64, Deferral)>> {
        if self.next >= self.len {
            return Ok(None);
        }
        let (deferral, _) =
            postcard::from_io((&mut self.file, &mut [])).map_err(io::Error::other)?;
        self.next += 1;
        Ok(Some((self.next - 1, deferral)))
    }

    /// Goes back to the beginning.
    pub(in crate::scan) fn rewind(&mut self) -> io::Result<()> {
        self.next = 0;
        self.file.rewind()
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::model::{FailureKind, Stage};

    const STAGES: [Stage; 3] = [Stage::Dns, Stage::Connect, Stage::Internal];

    #[test]
    fn retries_come_out_in_order_from_memory_and_from_disk() {
        for count in [0_u64, 1, 1000, 200_000] {
            let deferral = |index: u64| Deferral {
                rank: index * 1_000_003,
                address: index.is_multiple_of(3).then(|| {
                    if index.is_multiple_of(2) {
                        IpAddr::from([10, 1, 2, 3])
                    } else {
                        IpAddr::from([0x2001_u16, 0xdb8, 0, 0, 0, 0, 0, 7])
                    }
                }),
                stage: STAGES[usize::try_from(index % 3).unwrap()],
                kind: FailureKind::ALL[usize::try_from(index % 20).unwrap()],
            };
            let mut queue = RetryQueue::new();
            for index in 0..count {
                queue.push(&deferral(index)).unwrap();
            }
            assert_eq!(queue.len(), count);
            let mut reader = queue.into_reader().unwrap();
            for _ in 0..2 {
                for index in 0..count {
                    assert_eq!(reader.next().unwrap(), Some((index, deferral(index))));
                }
                assert!(reader.next().unwrap().is_none());
                reader.rewind().unwrap();
            }
        }
    }
}
