//! `--checkpoint`: a journal from which a killed scan can be resumed.
//!
//! The first record identifies the scan: version, seed, shard, digests of the targets and of the options
//! that affect results, and the start time. The others are [frames](super::frame), written at least once
//! a second. The last frame of a complete scan has the end time.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tempfile::NamedTempFile;

use super::first_record::FirstRecord;
use super::frame::Frame;
use super::journal::{Journal, JournalReader};
use crate::atomic_file;
use crate::config::{Order, RunId, ScanConfig};
use crate::targets::TargetSet;

/// What a resumed scan keeps of its first run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EarlierRun {
    /// The order of the targets.
    pub order: Order,
    /// The id of the run.
    pub run_id: Option<RunId>,
}

impl EarlierRun {
    fn of(first: &FirstRecord) -> Self {
        Self {
            order: first.order(),
            run_id: first.run_id(),
        }
    }
}

/// Why a checkpoint cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The file cannot be opened, read or written.
    #[error("{}: {error}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
    /// The file exists already.
    #[error("{}: the file exists already; remove it, or name another one", .0.display())]
    Exists(PathBuf),
    /// Another process is writing it.
    #[error("{}: another scan is using it", .0.display())]
    InUse(PathBuf),
    /// The file is no checkpoint, or its first record is truncated.
    #[error("{}: not a checkpoint of kubeknock; name another file, or remove this one", .0.display())]
    NoCheckpoint(PathBuf),
    /// The checkpoint belongs to another scan.
    #[error("{}: the checkpoint belongs to another scan: {difference}; repeat that scan, name another file, or remove this one", .path.display())]
    Another {
        /// The file.
        path: PathBuf,
        /// What differs.
        difference: String,
    },
}

/// What a checkpoint's file was before the scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Began {
    /// There was none: the scan is new.
    New,
    /// It had an unfinished scan of the same targets and options, which continues.
    Continued,
    /// It had such a scan that was complete at this time. A new scan replaces it.
    Replaced(Timestamp),
}

/// The checkpoint of a scan: a new one, or one that an earlier run wrote.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    file: File,
    /// Where its complete records end.
    end: u64,
    /// Bytes after them, of a record that was not written completely.
    truncated: u64,
    began: Timestamp,
    ended: Option<Timestamp>,
}

impl Checkpoint {
    /// Creates a checkpoint. The file appears with its first record or not at all.
    ///
    /// # Errors
    /// [`CheckpointError`] if the file exists already or cannot be written.
    pub fn create(
        path: &Path,
        config: &ScanConfig,
        targets: &TargetSet,
    ) -> Result<Self, CheckpointError> {
        if path.exists() {
            return Err(CheckpointError::Exists(path.to_owned()));
        }
        Self::write(path, config, targets, |file, path| {
            file.persist_noclobber(path)
        })
    }

    /// Opens the checkpoint of an earlier run of the same scan.
    ///
    /// # Errors
    /// [`CheckpointError`] if there is no checkpoint, or it belongs to another scan.
    pub fn resume(
        path: &Path,
        config: &ScanConfig,
        targets: &TargetSet,
    ) -> Result<Self, CheckpointError> {
        let (first, checkpoint) = Self::existing(path)?;
        check(&first, &FirstRecord::new(config, targets), path)?;
        Ok(checkpoint)
    }

    /// Continues the unfinished scan of a checkpoint. If there is no checkpoint, or its scan is complete, a new scan
    /// begins.
    ///
    /// # Errors
    /// [`CheckpointError`] if the file is no checkpoint, belongs to another scan, or cannot be written.
    pub fn start(
        path: &Path,
        config: &ScanConfig,
        targets: &TargetSet,
    ) -> Result<(Self, Began), CheckpointError> {
        let (mut first, checkpoint) = match Self::existing(path) {
            Err(CheckpointError::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
                return Ok((Self::create(path, config, targets)?, Began::New));
            }
            existing => existing?,
        };
        let ours = FirstRecord::new(config, targets);
        let Some(ended) = checkpoint.ended else {
            check(&first, &ours, path)?;
            return Ok((checkpoint, Began::Continued));
        };
        // Nothing of a complete scan is used, so its seed and version may differ.
        first.header.seed = ours.header.seed;
        first.header.version.clone_from(&ours.header.version);
        check(&first, &ours, path)?;
        let new = Self::write(path, config, targets, |file, path| file.persist(path))?;
        Ok((new, Began::Replaced(ended)))
    }

    /// Writes a checkpoint without frames, and puts it in place.
    fn write(
        path: &Path,
        config: &ScanConfig,
        targets: &TargetSet,
        place: impl FnOnce(NamedTempFile, &Path) -> Result<File, tempfile::PersistError>,
    ) -> Result<Self, CheckpointError> {
        let io = io_error(path);
        let hidden = |folder: &Path| {
            tempfile::Builder::new()
                .prefix(".kubeknock-")
                .tempfile_in(folder)
        };
        let file = atomic_file::make(path, hidden).map_err(&io)?;
        lock(file.as_file(), path)?;
        let first = FirstRecord::new(config, targets);
        let record = first.encode().map_err(&io)?;
        let mut journal =
            Journal::append_at(file.as_file().try_clone().map_err(&io)?, 0).map_err(&io)?;
        journal.append(&record).map_err(&io)?;
        let file = place(file, path).map_err(|error| match error.error.kind() {
            io::ErrorKind::AlreadyExists => CheckpointError::Exists(path.to_owned()),
            _ => io(error.error),
        })?;
        Ok(Self {
            path: path.to_owned(),
            file,
            end: journal.end(),
            truncated: 0,
            began: timestamp(first.header.began).map_err(&io)?,
            ended: None,
        })
    }

    /// Opens and locks a checkpoint, whatever scan it belongs to.
    fn existing(path: &Path) -> Result<(FirstRecord, Self), CheckpointError> {
        let io = io_error(path);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(&io)?;
        lock(&file, path)?;
        let (first, mut records) = open(&file, path)?;
        let ended = ended(&mut records).map_err(&io)?;
        let end = records.end();
        let length = file.metadata().map_err(&io)?.len();
        let began = timestamp(first.header.began).map_err(&io)?;
        let checkpoint = Self {
            path: path.to_owned(),
            file,
            end,
            truncated: length.saturating_sub(end),
            began,
            ended,
        };
        Ok((first, checkpoint))
    }

    /// What a scan keeps that continues this checkpoint.
    ///
    /// # Errors
    /// [`CheckpointError`] if there is no checkpoint.
    pub fn earlier(path: &Path) -> Result<EarlierRun, CheckpointError> {
        let io = io_error(path);
        let file = File::open(path).map_err(&io)?;
        let (first, _) = open(&file, path)?;
        Ok(EarlierRun::of(&first))
    }

    /// What the scan keeps that [`Self::start`] would continue; `None` if it would begin a new one.
    ///
    /// # Errors
    /// [`CheckpointError`] if the file is no checkpoint.
    pub fn unfinished(path: &Path) -> Result<Option<EarlierRun>, CheckpointError> {
        let io = io_error(path);
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(&io)?,
        };
        let (first, mut records) = open(&file, path)?;
        let ended = ended(&mut records).map_err(&io)?;
        Ok(ended.is_none().then(|| EarlierRun::of(&first)))
    }

    /// How many bytes of an incomplete record a crash left at the end. They are cut off.
    pub fn truncated(&self) -> u64 {
        self.truncated
    }

    /// When the first run of the scan began. No result is older.
    pub fn began(&self) -> Timestamp {
        self.began
    }

    /// When the scan was complete; `None` if it was not.
    pub fn ended(&self) -> Option<Timestamp> {
        self.ended
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The frames that were written, and the journal to continue.
    pub(super) fn open(self) -> io::Result<(Frames, Journal)> {
        let mut file = self.file.try_clone()?;
        file.rewind()?;
        let mut records = JournalReader::new(io::Read::take(File::open(&self.path)?, self.end));
        // The first record is the header.
        records.next()?;
        Ok((Frames(records), Journal::append_at(file, self.end)?))
    }
}

/// The frames of a checkpoint.
pub(super) struct Frames(JournalReader<io::Take<File>>);

impl Frames {
    pub(super) fn next(&mut self) -> io::Result<Option<Frame>> {
        let record = self.0.next()?;
        record.map(|record| Frame::decode(&record)).transpose()
    }
}

fn timestamp(millisecond: i64) -> io::Result<Timestamp> {
    Timestamp::from_millisecond(millisecond).map_err(io::Error::other)
}

fn io_error(path: &Path) -> impl Fn(io::Error) -> CheckpointError {
    move |error| CheckpointError::Io {
        path: path.to_owned(),
        error,
    }
}

/// Fails if a checkpoint belongs to another scan, and says what differs.
fn check(saved: &FirstRecord, ours: &FirstRecord, path: &Path) -> Result<(), CheckpointError> {
    match saved.difference(ours) {
        None => Ok(()),
        Some(difference) => Err(CheckpointError::Another {
            path: path.to_owned(),
            difference,
        }),
    }
}

fn open(file: &File, path: &Path) -> Result<(FirstRecord, JournalReader<File>), CheckpointError> {
    let io = io_error(path);
    let no_checkpoint = || CheckpointError::NoCheckpoint(path.to_owned());
    let mut file = file.try_clone().map_err(&io)?;
    file.rewind().map_err(&io)?;
    let mut records = JournalReader::new(file);
    let first = records.next().map_err(&io)?.ok_or_else(no_checkpoint)?;
    let first = FirstRecord::decode(&first).ok_or_else(no_checkpoint)?;
    Ok((first, records))
}

/// Reads the records to their end. Returns when the scan was complete.
fn ended(records: &mut JournalReader<File>) -> io::Result<Option<Timestamp>> {
    let mut last = None;
    while let Some(record) = records.next()? {
        last = Some(record);
    }
    let last = last.map(|record| Frame::decode(&record)).transpose()?;
    last.and_then(|frame| frame.ended)
        .map(timestamp)
        .transpose()
}

/// Locks the file against other processes.
fn lock(file: &File, path: &Path) -> Result<(), CheckpointError> {
    if atomic_file::lock(file).map_err(io_error(path))? {
        Ok(())
    } else {
        Err(CheckpointError::InUse(path.to_owned()))
    }
}
