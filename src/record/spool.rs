//! Sorts any number of records with bounded memory.
//!
//! Up to [`HELD`] records stay in memory. More of them go to a temporary file as sorted runs of `jsonl` lines, which are
//! merged when they are read. Memory then holds [`HELD`] records, and for each run [`BUFFER`] bytes and one record.

use std::borrow::Cow;
use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::net::IpAddr;

use super::{from_line, to_line};
use crate::model::EndpointReport;

/// Records that are held in memory.
const HELD: usize = 10_000;
/// Bytes of a run that are read at once.
const BUFFER: usize = 16 * 1024;

/// What records are sorted by.
type Key = (u64, Option<(IpAddr, u16)>);

/// A collection of records that goes to disk when it is large.
#[derive(Debug)]
pub struct Spool {
    /// The number of records above which they go to the file.
    max_held: usize,
    #[expect(
        clippy::vec_box,
        reason = "a growing list would copy all records again and again"
    )]
    held: Vec<Box<EndpointReport>>,
    file: Option<RefCell<File>>,
    /// The start and end of each run in the file.
    runs: Vec<(u64, u64)>,
    /// Whether the file could not be written, so that all further records stay in memory.
    broken: bool,
    /// The records that are carried from earlier scans.
    carried: Option<Box<Spool>>,
}

impl Default for Spool {
    fn default() -> Self {
        Self::holding(HELD)
    }
}

impl Spool {
    fn holding(max_held: usize) -> Self {
        Self {
            max_held,
            held: Vec::new(),
            file: None,
            runs: Vec::new(),
            broken: false,
            carried: None,
        }
    }

    /// Adds a record. Those that are carried from earlier scans are kept apart.
    ///
    /// # Errors
    /// Once, if the temporary file cannot be written, most likely because the disk is full. No
    /// record is lost: this and later ones are held in memory.
    pub fn push(&mut self, record: impl Into<Box<EndpointReport>>) -> io::Result<()> {
        let record = record.into();
        if record.last_seen.is_none() {
            return self.hold(record);
        }
        let max_held = self.max_held;
        let carried = self
            .carried
            .get_or_insert_with(|| Self::holding(max_held).into());
        carried.hold(record)
    }

    fn hold(&mut self, record: Box<EndpointReport>) -> io::Result<()> {
        self.held.push(record);
        if self.held.len() <= self.max_held || self.broken {
            return Ok(());
        }
        let written = self.write_run();
        self.broken = written.is_err();
        written
    }

    fn write_run(&mut self) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(RefCell::new(tempfile::tempfile()?)),
        };
        self.held.sort_by_key(|record| record.order_key());
        let mut out = BufWriter::new(file.get_mut());
        let start = out.seek(SeekFrom::Start(self.runs.last().map_or(0, |(_, end)| *end)))?;
        for record in &self.held {
            out.write_all(&to_line(record)?)?;
        }
        out.flush()?;
        self.runs.push((start, out.stream_position()?));
        self.held.clear();
        Ok(())
    }

    /// Hands the records that are carried from earlier scans to `take`, sorted as [`Self::read`] does.
    ///
    /// # Errors
    /// The error of `take`, or the temporary file cannot be read.
    pub fn read_carried<T>(
        &mut self,
        take: impl FnOnce(&mut dyn Iterator<Item = Cow<'_, EndpointReport>>) -> io::Result<T>,
    ) -> io::Result<T> {
        match &mut self.carried {
            Some(carried) => carried.read(take),
            None => take(&mut std::iter::empty()),
        }
    }

    /// Hands the records of the scan and the carried ones to `take`, each sorted as [`Self::read`] does.
    ///
    /// # Errors
    /// The error of `take`, or the temporary file cannot be read.
    pub fn read_both<T>(
        &mut self,
        take: impl FnOnce(
            &mut dyn Iterator<Item = Cow<'_, EndpointReport>>,
            &mut dyn Iterator<Item = Cow<'_, EndpointReport>>,
        ) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut carried = self.carried.take().unwrap_or_default();
        let taken = self.read(|records| carried.read(|carried| take(records, carried)));
        self.carried = Some(carried);
        taken
    }

    /// Hands all records of the scan to `take`, sorted by [`EndpointReport::order_key`].
    ///
    /// # Errors
    /// The error of `take`, or the temporary file cannot be read.
    pub fn read<T>(
        &mut self,
        take: impl FnOnce(&mut dyn Iterator<Item = Cow<'_, EndpointReport>>) -> io::Result<T>,
    ) -> io::Result<T> {
        self.held.sort_by_key(|record| record.order_key());
        let Some(file) = &self.file else {
            return take(&mut self.held.iter().map(|record| Cow::Borrowed(&**record)));
        };
        let mut sources = vec![RecordSource::Held(self.held.iter())];
        sources.extend(
            self.runs
                .iter()
                .map(|(start, end)| RecordSource::SortedRun(SortedRun::new(file, *start, *end))),
        );
        let mut merged = Merged {
            heads: Vec::new(),
            next: BinaryHeap::new(),
            sources,
            error: None,
        };
        merged.begin();
        let taken = take(&mut merged);
        match merged.error {
            Some(error) => Err(error),
            None => taken,
        }
    }
}

/// Sorted records from one place.
enum RecordSource<'a> {
    Held(std::slice::Iter<'a, Box<EndpointReport>>),
    SortedRun(SortedRun<'a>),
}

impl<'a> RecordSource<'a> {
    fn next(&mut self) -> io::Result<Option<Cow<'a, EndpointReport>>> {
        match self {
            Self::Held(records) => Ok(records.next().map(|record| Cow::Borrowed(&**record))),
            Self::SortedRun(run) => Ok(run.next()?.map(Cow::Owned)),
        }
    }
}

/// A run in the file that all runs share.
struct SortedRun<'a> {
    file: &'a RefCell<File>,
    at: u64,
    end: u64,
    /// Bytes that are read and not yet used.
    buffer: Vec<u8>,
    used: usize,
}

impl<'a> SortedRun<'a> {
    const fn new(file: &'a RefCell<File>, at: u64, end: u64) -> Self {
        Self {
            file,
            at,
            end,
            buffer: Vec::new(),
            used: 0,
        }
    }

    fn next(&mut self) -> io::Result<Option<EndpointReport>> {
        let mut searched = self.used;
        loop {
            if let Some(length) = self.buffer[searched..]
                .iter()
                .position(|byte| *byte == b'\n')
            {
                let line = &self.buffer[self.used..searched + length];
                let record = from_line(line).map_err(io::Error::other)?;
                self.used = searched + length + 1;
                return Ok(Some(record));
            }
            if self.at == self.end {
                return Ok(None);
            }
            self.buffer.drain(..self.used);
            self.used = 0;
            searched = self.buffer.len();
            self.fill()?;
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        let mut file = self.file.borrow_mut();
        file.seek(SeekFrom::Start(self.at))?;
        let wanted = (self.end - self.at).min(BUFFER as u64);
        let read = (&mut *file).take(wanted).read_to_end(&mut self.buffer)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += read as u64;
        Ok(())
    }
}

/// The records of all sources, the least key first.
struct Merged<'a> {
    sources: Vec<RecordSource<'a>>,
    /// The next record of each source.
    heads: Vec<Option<Cow<'a, EndpointReport>>>,
    next: BinaryHeap<Reverse<(Key, usize)>>,
    error: Option<io::Error>,
}

impl Merged<'_> {
    fn begin(&mut self) {
        self.heads.resize_with(self.sources.len(), || None);
        for source in 0..self.sources.len() {
            self.advance(source);
        }
    }

    fn advance(&mut self, source: usize) {
        match self.sources[source].next() {
            Ok(Some(record)) => {
                self.next.push(Reverse((record.order_key(), source)));
                self.heads[source] = Some(record);
            }
            Ok(None) => {}
            Err(error) => self.error = Some(error),
        }
    }
}

impl<'a> Iterator for Merged<'a> {
    type Item = Cow<'a, EndpointReport>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.error.is_some() {
            return None;
        }
        let Reverse((_, source)) = self.next.pop()?;
        let record = self.heads[source].take();
        self.advance(source);
        record
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn records() -> Vec<EndpointReport> {
        let samples = [sample::mixed(), sample::hostile()];
        let all = samples.iter().flat_map(|sample| sample.reports.clone());
        let mut records: Vec<EndpointReport> = all.collect();
        for round in 1..8_u64 {
            let more: Vec<EndpointReport> = records[..5].to_vec();
            records.extend(more.into_iter().map(|mut record| {
                record.target.index = record.target.index * 7 + round * 1009;
                record
            }));
        }
        records
    }

    fn lines(spool: &mut Spool) -> Vec<String> {
        let line =
            |record: Cow<'_, EndpointReport>| String::from_utf8(to_line(&record).unwrap()).unwrap();
        spool
            .read(|records| Ok(records.map(line).collect()))
            .unwrap()
    }

    fn filled(most: usize, records: &[EndpointReport]) -> Spool {
        let mut spool = Spool::holding(most);
        for record in records {
            spool.push(record.clone()).unwrap();
        }
        spool
    }

    #[test]
    fn what_comes_from_disk_is_what_comes_from_memory() {
        let mut records = records();
        let mut sorted = records.clone();
        sorted.sort_by_key(EndpointReport::order_key);
        let expected: Vec<String> = sorted
            .iter()
            .map(|record| String::from_utf8(to_line(record).unwrap()).unwrap())
            .collect();
        for most in [1, 2, 3, 7, 1000] {
            records.reverse();
            let mut spool = filled(most, &records);
            assert!(spool.held.len() <= most);
            assert_eq!(spool.file.is_some(), records.len() > most);
            assert_eq!(lines(&mut spool), expected, "{most}");
            assert_eq!(lines(&mut spool), expected, "as often as it is read");
        }
    }

    #[test]
    fn carried_records_are_kept_apart() {
        let sample = sample::carrying();
        for most in [1, 1000] {
            let mut spool = filled(most, &sample.carried.0);
            for record in &sample.reports {
                spool.push(record.clone()).unwrap();
            }
            assert_eq!(lines(&mut spool).len(), sample.reports.len());
            let days = |records: &mut dyn Iterator<Item = Cow<'_, EndpointReport>>| {
                records.map(|record| record.last_seen).collect::<Vec<_>>()
            };
            let carried = spool.read_carried(|carried| Ok(days(carried))).unwrap();
            let expected = sample.carried.0.iter().map(|record| record.last_seen);
            assert_eq!(carried, expected.collect::<Vec<_>>());
            let both = spool.read_both(|own, carried| Ok((own.count(), days(carried))));
            assert_eq!(both.unwrap(), (sample.reports.len(), carried));
        }
    }

    #[test]
    fn a_disk_that_is_full_loses_nothing() {
        let records = records();
        let mut spool = filled(3, &records[..8]);
        // A file that cannot be written.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool");
        let mut bytes = Vec::new();
        let mut file = spool.file.as_ref().unwrap().borrow_mut();
        file.rewind().unwrap();
        file.read_to_end(&mut bytes).unwrap();
        drop(file);
        std::fs::write(&path, bytes).unwrap();
        spool.file = Some(RefCell::new(File::open(&path).unwrap()));
        let failures = records[8..]
            .iter()
            .filter(|record| spool.push((*record).clone()).is_err())
            .count();
        assert_eq!(failures, 1, "said once");
        assert_eq!(lines(&mut spool).len(), records.len());
    }

    #[test]
    fn a_file_that_is_torn_is_an_error_and_no_short_report() {
        let mut spool = filled(3, &records());
        let (_, end) = spool.runs[0];
        spool
            .file
            .as_ref()
            .unwrap()
            .borrow()
            .set_len(end - 5)
            .unwrap();
        assert!(spool.read(|records| Ok(records.count())).is_err());
    }
}
