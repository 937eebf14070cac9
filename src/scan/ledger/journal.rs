//! An append-only file of records. Each record carries its length and CRC-32, so that a record that a
//! crash left incomplete is recognized and cut off.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom, Write};

/// Length and checksum in front of each record.
const HEAD: usize = 8;
/// The longest record that is read.
const MAX_RECORD: u32 = 64 * 1024 * 1024;

/// Appends records to a file.
pub(in crate::scan) struct Journal {
    file: File,
    /// Where the last complete record ends.
    end: u64,
    /// Whether a write failed. Nothing is appended after that.
    broken: bool,
}

impl Journal {
    /// Appends to a file whose complete records end at `end`; the bytes after that are cut off.
    pub(super) fn append_at(mut file: File, end: u64) -> io::Result<Self> {
        file.set_len(end)?;
        file.seek(SeekFrom::Start(end))?;
        Ok(Self {
            file,
            end,
            broken: false,
        })
    }

    /// Where the last complete record ends.
    pub(super) const fn end(&self) -> u64 {
        self.end
    }

    /// Appends one record and syncs it to the disk. A record that cannot be written completely is removed.
    pub(super) fn append(&mut self, record: &[u8]) -> io::Result<()> {
        if self.broken {
            return Ok(());
        }
        let written = write_record(&mut self.file, record).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            self.broken = true;
            // If this fails too, the reader cuts the record off.
            let _ = self.file.set_len(self.end);
            return Err(error);
        }
        self.end += (HEAD + record.len()) as u64;
        Ok(())
    }
}

/// Writes one record.
fn write_record(out: &mut impl Write, record: &[u8]) -> io::Result<()> {
    let length = u32::try_from(record.len()).map_err(io::Error::other)?;
    let mut bytes = Vec::with_capacity(HEAD + record.len());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&checksum(length, record).to_le_bytes());
    bytes.extend_from_slice(record);
    out.write_all(&bytes)
}

/// The length is part of the checksum, so that zeros are not a valid record.
fn checksum(length: u32, record: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length.to_le_bytes());
    hasher.update(record);
    hasher.finalize()
}

/// Reads records from the beginning of a file.
pub(super) struct JournalReader<R> {
    reader: BufReader<R>,
    /// Where the last complete record ends.
    end: u64,
}

impl<R: Read> JournalReader<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader: BufReader::new(reader),
            end: 0,
        }
    }

    pub(super) const fn end(&self) -> u64 {
        self.end
    }

    /// The next record; `None` at the end, or where a record is truncated or damaged.
    pub(super) fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut head = [0; HEAD];
        if !fill(&mut self.reader, &mut head)? {
            return Ok(None);
        }
        let number = |at: usize| u32::from_le_bytes(std::array::from_fn(|byte| head[at + byte]));
        let (length, crc) = (number(0), number(4));
        if length > MAX_RECORD {
            return Ok(None);
        }
        // The buffer grows as bytes arrive: a damaged length allocates nothing.
        let mut record = Vec::new();
        (&mut self.reader)
            .take(length.into())
            .read_to_end(&mut record)?;
        if record.len() as u64 != u64::from(length) || checksum(length, &record) != crc {
            return Ok(None);
        }
        self.end += (HEAD + record.len()) as u64;
        Ok(Some(record))
    }
}

/// Fills the buffer; `false` if the file ends first.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match reader.read_exact(buffer) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        outcome => outcome.map(|()| true),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8]) -> (Vec<Vec<u8>>, u64) {
        let mut records = JournalReader::new(bytes);
        let mut all = Vec::new();
        while let Some(record) = records.next().unwrap() {
            all.push(record);
        }
        (all, records.end())
    }

    fn written(records: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for record in records {
            write_record(&mut bytes, record).unwrap();
        }
        bytes
    }

    proptest! {
        #[test]
        fn complete_records_survive_truncation_and_damage(
            records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..8),
            at in any::<prop::sample::Index>(),
            bit in 0u8..8,
        ) {
            let bytes = written(&records);
            let (all, end) = read(&bytes);
            prop_assert_eq!((&all, end), (&records, bytes.len() as u64));
            if bytes.is_empty() {
                return Ok(());
            }
            let at = at.index(bytes.len());
            let is_complete = |end: u64| written(&records).len() as u64 >= end;
            for damaged in [bytes[..at].to_vec(), {
                let mut bytes = bytes.clone();
                bytes[at] ^= 1 << bit;
                bytes
            }] {
                let (left, end) = read(&damaged);
                prop_assert!(left.len() <= records.len() && left[..] == records[..left.len()]);
                prop_assert!(is_complete(end) && end <= at as u64, "cut off before the damage");
                prop_assert_eq!(&damaged[..usize::try_from(end).unwrap()], &written(&left)[..]);
            }
        }

        #[test]
        fn any_bytes_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            read(&bytes);
        }
    }

    #[test]
    fn zeros_are_no_records() {
        assert_eq!(read(&[0; 64]).0.len(), 0);
    }

    #[test]
    fn appending_continues_after_the_last_complete_record() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&written(&[b"one".to_vec()])).unwrap();
        file.write_all(b"part").unwrap();
        let mut journal = Journal::append_at(file.try_clone().unwrap(), 11).unwrap();
        journal.append(b"two").unwrap();
        file.rewind().unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        assert_eq!(read(&bytes).0, [b"one".to_vec(), b"two".to_vec()]);
    }

    #[test]
    fn a_write_error_is_reported_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        std::fs::write(&path, written(&[b"one".to_vec()])).unwrap();
        let mut journal = Journal {
            file: File::open(&path).unwrap(),
            end: 11,
            broken: false,
        };
        assert!(journal.append(b"two").is_err());
        assert!(
            journal.append(b"three").is_ok(),
            "the error is reported once"
        );
        assert_eq!(read(&std::fs::read(&path).unwrap()).0, [b"one".to_vec()]);
    }
}
