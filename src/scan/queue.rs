//! What is to be asked again after a pass: written to the end, read from the beginning.
//!
//! Up to [`IN_MEMORY`] bytes are held in memory, then all of it lies in a temporary file: a network
//! that does not answer at all costs disk, some ten bytes an address, and no memory.

use std::io::{self, BufReader, BufWriter, Read as _, Seek as _, Write as _};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use tempfile::SpooledTempFile;

use super::outcome::Deferral;
use crate::model::{FailureKind, Stage};

/// Bytes that are held in memory.
const IN_MEMORY: usize = 256 * 1024;
const BUFFER: usize = 16 * 1024;

/// In the order of their numbers.
const STAGES: [Stage; 7] = [
    Stage::Dns,
    Stage::Proxy,
    Stage::Connect,
    Stage::Tls,
    Stage::Http,
    Stage::Body,
    Stage::Internal,
];

/// A deferral as it is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Put {
    /// The target's place in the first pass.
    pub(super) place: u64,
    address: Option<IpAddr>,
    stage: u8,
    kind: u8,
}

impl Put {
    pub(super) const fn new(place: u64, deferral: &Deferral) -> Self {
        Self {
            place,
            address: deferral.address,
            stage: deferral.stage as u8,
            kind: deferral.kind as u8,
        }
    }

    /// `None` for numbers that stand for nothing: the file is damaged.
    pub(super) fn deferral(&self) -> Option<Deferral> {
        Some(Deferral {
            address: self.address,
            stage: *STAGES.get(usize::from(self.stage))?,
            kind: *FailureKind::ALL.get(usize::from(self.kind))?,
        })
    }
}

/// A queue that is being filled.
pub(super) struct Queue {
    file: BufWriter<SpooledTempFile>,
    len: u64,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self {
            file: BufWriter::with_capacity(BUFFER, tempfile::spooled_tempfile(IN_MEMORY)),
            len: 0,
        }
    }

    pub(super) const fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn push(&mut self, put: &Put) -> io::Result<()> {
        let mut bytes = [0; 64];
        let written = postcard::to_slice(put, &mut bytes).map_err(io::Error::other)?;
        let length = u8::try_from(written.len()).map_err(io::Error::other)?;
        self.file.write_all(&[length])?;
        self.file.write_all(written)?;
        self.len += 1;
        Ok(())
    }

    /// From filling to reading.
    pub(super) fn read(self) -> io::Result<Reader> {
        let mut file = self
            .file
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        Ok(Reader {
            file: BufReader::with_capacity(BUFFER, file),
            next: 0,
            len: self.len,
        })
    }
}

/// A queue that is being read.
pub(super) struct Reader {
    file: BufReader<SpooledTempFile>,
    next: u64,
    len: u64,
}

impl Reader {
    pub(super) const fn len(&self) -> u64 {
        self.len
    }

    /// The next entry and its number.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, Put)>> {
        if self.next >= self.len {
            return Ok(None);
        }
        let mut length = [0];
        self.file.read_exact(&mut length)?;
        let mut bytes = [0; 256];
        let bytes = &mut bytes[..usize::from(length[0])];
        self.file.read_exact(bytes)?;
        let put = postcard::from_bytes(bytes).map_err(io::Error::other)?;
        self.next += 1;
        Ok(Some((self.next - 1, put)))
    }

    /// Reads from the beginning again.
    pub(super) fn rewind(&mut self) -> io::Result<()> {
        self.next = 0;
        self.file.rewind()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out_in_order_from_memory_and_from_disk() {
        for count in [0_u64, 1, 1000, 200_000] {
            let put = |index: u64| {
                let address = index.is_multiple_of(3).then(|| {
                    if index.is_multiple_of(2) {
                        IpAddr::from([10, 1, 2, 3])
                    } else {
                        IpAddr::from([0x2001_u16, 0xdb8, 0, 0, 0, 0, 0, 7])
                    }
                });
                let deferral = Deferral {
                    address,
                    stage: STAGES[usize::try_from(index % 7).unwrap()],
                    kind: FailureKind::ALL[usize::try_from(index % 20).unwrap()],
                };
                (Put::new(index * 1_000_003, &deferral), deferral)
            };
            let mut queue = Queue::new();
            for index in 0..count {
                queue.push(&put(index).0).unwrap();
            }
            assert_eq!(queue.len(), count);
            let mut reader = queue.read().unwrap();
            for _ in 0..2 {
                for index in 0..count {
                    let (number, entry) = reader.next().unwrap().unwrap();
                    let (expected, deferral) = put(index);
                    assert_eq!((number, entry), (index, expected));
                    assert_eq!(entry.deferral(), Some(deferral));
                }
                assert!(reader.next().unwrap().is_none());
                reader.rewind().unwrap();
            }
        }
    }

    #[test]
    fn numbers_that_stand_for_nothing_are_refused() {
        assert_eq!(
            Put {
                place: 0,
                address: None,
                stage: 7,
                kind: 0
            }
            .deferral(),
            None
        );
        assert_eq!(
            Put {
                place: 0,
                address: None,
                stage: 0,
                kind: 200
            }
            .deferral(),
            None
        );
    }
}
