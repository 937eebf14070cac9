//! `--checkpoint`: a journal from which a killed scan can be resumed.
//!
//! The first record identifies the scan: version, seed, shard, digests of the targets and of the options
//! that affect results, and the start time. The others are [frames](super::frame), written at least once
//! a second. The last frame of a complete scan has the end time.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::frame::Frame;
use super::journal::{Journal, Records};
use crate::atomic_file;
use crate::config::{Order, ScanConfig};
use crate::targets::TargetSet;

/// The first bytes of a checkpoint.
const MAGIC: &str = "kubeknock checkpoint 2";

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
    #[error("{}: the file exists already; continue with --resume, or remove it", .0.display())]
    Exists(PathBuf),
    /// Another process is writing it.
    #[error("{}: another scan is using it", .0.display())]
    InUse(PathBuf),
    /// The file is no checkpoint, or its first record is truncated.
    #[error("{}: not a checkpoint of kubeknock", .0.display())]
    NoCheckpoint(PathBuf),
    /// The checkpoint belongs to another scan.
    #[error("{}: the checkpoint belongs to another scan: {difference}", .path.display())]
    Another {
        /// The file.
        path: PathBuf,
        /// What differs.
        difference: String,
    },
}

/// Identifies the scan of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    magic: String,
    version: String,
    /// `None` for sequential order.
    seed: Option<u64>,
    shard: String,
    targets: [u8; 32],
    options: [u8; 32],
    /// Milliseconds of Unix time at which the first run began.
    began: i64,
}

impl Header {
    fn new(config: &ScanConfig, targets: &TargetSet) -> Self {
        Self {
            magic: MAGIC.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            seed: match config.order {
                Order::Seeded(seed) => Some(seed),
                Order::Sequential => None,
            },
            shard: config.shard.to_string(),
            targets: targets.digest(),
            options: options_digest(config),
            began: Timestamp::now().as_millisecond(),
        }
    }

    /// Why a scan with header `ours` cannot resume this one.
    fn difference(&self, ours: &Self) -> Option<String> {
        let seed = |seed: Option<u64>| seed.map_or("none".to_owned(), |seed| seed.to_string());
        if self.version != ours.version {
            Some(format!(
                "written by version {}, this is {}",
                self.version, ours.version
            ))
        } else if self.seed != ours.seed {
            Some(format!(
                "its seed is {}, not {}",
                seed(self.seed),
                seed(ours.seed)
            ))
        } else if self.shard != ours.shard {
            Some(format!("its shard is {}, not {}", self.shard, ours.shard))
        } else if self.targets != ours.targets {
            Some("its targets or exclusions differ".to_owned())
        } else if self.options != ours.options {
            Some(
                "its options differ (timeouts, retries, requests, --deep, CAs, addresses, --all)"
                    .to_owned(),
            )
        } else {
            None
        }
    }
}

/// A digest of the options that affect results. A resumed scan may run at another speed; seed and shard
/// have header fields of their own. The pattern names every option, so that a new one cannot be forgotten.
fn options_digest(config: &ScanConfig) -> [u8; 32] {
    let ScanConfig {
        connect_timeout,
        timeout,
        retries,
        concurrency: _,
        rate: _,
        per_host: _,
        per_network: _,
        adaptive: _,
        shard: _,
        max_body,
        max_duration: _,
        user_agent,
        requests,
        deep,
        trusted_cas,
        http2,
        proxy,
        family,
        resolver,
        allow_special,
        lookups: _,
        order: _,
        keep_all,
        keep_answers: _,
        second_look_pause,
    } = config;
    let first = (
        connect_timeout,
        timeout,
        retries,
        max_body,
        user_agent,
        requests,
        deep,
        trusted_cas,
    );
    let second = (
        http2,
        proxy,
        family,
        resolver,
        allow_special,
        keep_all,
        second_look_pause,
    );
    Sha256::digest(format!("{first:?} {second:?}")).into()
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
        let io = io_error(path);
        if path.exists() {
            return Err(CheckpointError::Exists(path.to_owned()));
        }
        let hidden = |folder: &Path| {
            tempfile::Builder::new()
                .prefix(".kubeknock-")
                .tempfile_in(folder)
        };
        let file = atomic_file::make(path, hidden).map_err(&io)?;
        lock(file.as_file(), path)?;
        let header = Header::new(config, targets);
        let record = postcard::to_stdvec(&header)
            .map_err(io::Error::other)
            .map_err(&io)?;
        let mut journal =
            Journal::append_at(file.as_file().try_clone().map_err(&io)?, 0).map_err(&io)?;
        journal.append(&record).map_err(&io)?;
        let file = file
            .persist_noclobber(path)
            .map_err(|error| match error.error.kind() {
                io::ErrorKind::AlreadyExists => CheckpointError::Exists(path.to_owned()),
                _ => io(error.error),
            })?;
        let began = timestamp(header.began).map_err(&io)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            end: journal.end(),
            truncated: 0,
            began,
            ended: None,
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
        let io = io_error(path);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(&io)?;
        lock(&file, path)?;
        let (saved, mut records) = open(&file, path)?;
        if let Some(difference) = saved.difference(&Header::new(config, targets)) {
            return Err(CheckpointError::Another {
                path: path.to_owned(),
                difference,
            });
        }
        let mut last = None;
        while let Some(record) = records.next().map_err(&io)? {
            last = Some(record);
        }
        let last = last.map(|record| Frame::decode(&record)).transpose();
        let ended = last
            .map_err(&io)?
            .and_then(|frame| frame.ended)
            .map(timestamp)
            .transpose()
            .map_err(&io)?;
        let end = records.end();
        let length = file.metadata().map_err(&io)?.len();
        Ok(Self {
            path: path.to_owned(),
            file,
            end,
            truncated: length.saturating_sub(end),
            began: timestamp(saved.began).map_err(&io)?,
            ended,
        })
    }

    /// The order of the scan that wrote the checkpoint.
    ///
    /// # Errors
    /// [`CheckpointError`] if there is no checkpoint.
    pub fn order(path: &Path) -> Result<Order, CheckpointError> {
        let io = io_error(path);
        let file = File::open(path).map_err(&io)?;
        let (header, _) = open(&file, path)?;
        Ok(header.seed.map_or(Order::Sequential, Order::Seeded))
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
        let mut records = Records::new(io::Read::take(File::open(&self.path)?, self.end));
        // The first record is the header.
        records.next()?;
        Ok((Frames(records), Journal::append_at(file, self.end)?))
    }
}

/// The frames of a checkpoint.
pub(super) struct Frames(Records<io::Take<File>>);

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

fn open(file: &File, path: &Path) -> Result<(Header, Records<File>), CheckpointError> {
    let io = io_error(path);
    let no_checkpoint = || CheckpointError::NoCheckpoint(path.to_owned());
    let mut file = file.try_clone().map_err(&io)?;
    file.rewind().map_err(&io)?;
    let mut records = Records::new(file);
    let first = records.next().map_err(&io)?.ok_or_else(no_checkpoint)?;
    let header: Header = postcard::from_bytes(&first).map_err(|_| no_checkpoint())?;
    if header.magic != MAGIC {
        return Err(no_checkpoint());
    }
    Ok((header, records))
}

/// Locks the file against other processes.
fn lock(file: &File, path: &Path) -> Result<(), CheckpointError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(std::fs::TryLockError::WouldBlock) => Err(CheckpointError::InUse(path.to_owned())),
        // Some file systems have no locks.
        Err(std::fs::TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
            Ok(())
        }
        Err(std::fs::TryLockError::Error(error)) => Err(io_error(path)(error)),
    }
}
