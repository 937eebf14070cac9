//! `--checkpoint`: a journal from which a scan that was killed goes on.
//!
//! The first record says which scan it is: version, order and seed, shard, digests of the targets
//! and of the options that shape results; and when it began. The others are frames of what was
//! finished (see [`ledger`](super::ledger)), written at least every second; the last one of a scan
//! that came to its end says when.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::journal::{Journal, Records};
use super::ledger::Frame;
use crate::atomic_file;
use crate::config::{Order, ScanConfig};
use crate::targets::TargetSet;

/// What a checkpoint begins with.
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
        /// What the system says.
        error: io::Error,
    },
    /// There is a file already.
    #[error("{}: the file is there already; go on with --resume, or remove it", .0.display())]
    Exists(PathBuf),
    /// Another process writes it.
    #[error("{}: another scan is using it", .0.display())]
    InUse(PathBuf),
    /// It is no checkpoint, or not even its first record is whole.
    #[error("{}: it is no checkpoint of kubeknock", .0.display())]
    NoCheckpoint(PathBuf),
    /// It is another scan's.
    #[error("{}: it is another scan's checkpoint: {difference}", .path.display())]
    Another {
        /// The file.
        path: PathBuf,
        /// What differs.
        difference: String,
    },
}

/// Which scan a checkpoint is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    magic: String,
    version: String,
    /// `None` for the order as written.
    seed: Option<u64>,
    shard: String,
    targets: [u8; 32],
    options: [u8; 32],
    /// Milliseconds of Unix time at which the first run began.
    began: i64,
}

impl Header {
    fn of(config: &ScanConfig, targets: &TargetSet) -> Self {
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

    /// What makes the scan of `self` another one.
    fn difference(&self, ours: &Self) -> Option<String> {
        let seed = |seed: Option<u64>| seed.map_or("none".to_owned(), |seed| seed.to_string());
        if self.version != ours.version {
            return Some(format!(
                "made by version {}, this is {}",
                self.version, ours.version
            ));
        }
        if self.seed != ours.seed {
            return Some(format!(
                "its seed is {}, not {}",
                seed(self.seed),
                seed(ours.seed)
            ));
        }
        if self.shard != ours.shard {
            return Some(format!("it is of shard {}, not {}", self.shard, ours.shard));
        }
        if self.targets != ours.targets {
            return Some("its targets or exclusions are not these".to_owned());
        }
        (self.options != ours.options).then(|| {
            "its options are not these (timeouts, retries, requests, --deep, CAs, addresses, --all)"
                .to_owned()
        })
    }
}

/// What results depend on. How fast a scan goes may change when it goes on; order and shard stand in
/// the header by themselves. Every option is named here, so that a new one cannot be forgotten.
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
        second_look_pause,
    } = config;
    let shaping = (
        connect_timeout,
        timeout,
        retries,
        max_body,
        user_agent,
        requests,
        deep,
        trusted_cas,
    );
    let more = (
        http2,
        proxy,
        family,
        resolver,
        allow_special,
        keep_all,
        second_look_pause,
    );
    Sha256::digest(format!("{shaping:?} {more:?}")).into()
}

/// A checkpoint that fits the scan: new, or with what an earlier run finished.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    file: File,
    /// Where its whole records end.
    end: u64,
    /// Bytes behind them that are cut off.
    torn: u64,
    began: Timestamp,
    ended: Option<Timestamp>,
}

impl Checkpoint {
    /// Begins a checkpoint in a new file, which appears with its first record or not at all.
    ///
    /// # Errors
    /// [`CheckpointError`] if there is a file already or it cannot be written.
    pub fn create(
        path: &Path,
        config: &ScanConfig,
        targets: &TargetSet,
    ) -> Result<Self, CheckpointError> {
        let io = |error| CheckpointError::Io {
            path: path.to_owned(),
            error,
        };
        if path.exists() {
            return Err(CheckpointError::Exists(path.to_owned()));
        }
        let hidden = |folder: &Path| {
            tempfile::Builder::new()
                .prefix(".kubeknock-")
                .tempfile_in(folder)
        };
        let file = atomic_file::make(path, hidden).map_err(io)?;
        lock(file.as_file(), path)?;
        let header = Header::of(config, targets);
        let record = postcard::to_stdvec(&header)
            .map_err(io::Error::other)
            .map_err(io)?;
        let mut journal =
            Journal::append_at(file.as_file().try_clone().map_err(io)?, 0).map_err(io)?;
        journal.append(&record).map_err(io)?;
        let file = file
            .persist_noclobber(path)
            .map_err(|error| match error.error.kind() {
                io::ErrorKind::AlreadyExists => CheckpointError::Exists(path.to_owned()),
                _ => io(error.error),
            })?;
        let began = moment(header.began).map_err(io)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            end: journal.end(),
            torn: 0,
            began,
            ended: None,
        })
    }

    /// Goes on with the checkpoint of an earlier run of the same scan.
    ///
    /// # Errors
    /// [`CheckpointError`] if there is none, or if it is another scan's.
    pub fn resume(
        path: &Path,
        config: &ScanConfig,
        targets: &TargetSet,
    ) -> Result<Self, CheckpointError> {
        let io = |error| CheckpointError::Io {
            path: path.to_owned(),
            error,
        };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(io)?;
        lock(&file, path)?;
        let (saved, mut records) = open(&file, path)?;
        if let Some(difference) = saved.difference(&Header::of(config, targets)) {
            return Err(CheckpointError::Another {
                path: path.to_owned(),
                difference,
            });
        }
        let mut last = None;
        while let Some(record) = records.next().map_err(io)? {
            last = Some(record);
        }
        let last: Option<Frame> = last.map(|last| frame(&last)).transpose().map_err(io)?;
        let ended = last
            .and_then(|last| last.ended)
            .map(moment)
            .transpose()
            .map_err(io)?;
        let end = records.end();
        let torn = file.metadata().map_err(io)?.len().saturating_sub(end);
        Ok(Self {
            path: path.to_owned(),
            file,
            end,
            torn,
            began: moment(saved.began).map_err(io)?,
            ended,
        })
    }

    /// The order that a saved scan goes in, for a configuration that goes on with it.
    ///
    /// # Errors
    /// [`CheckpointError`] if there is no checkpoint.
    pub fn order(path: &Path) -> Result<Order, CheckpointError> {
        let io = |error| CheckpointError::Io {
            path: path.to_owned(),
            error,
        };
        let file = File::open(path).map_err(io)?;
        let (header, _) = open(&file, path)?;
        Ok(header.seed.map_or(Order::Sequential, Order::Seeded))
    }

    /// Bytes at the end that a crash left half-written, and that are cut off.
    pub fn torn(&self) -> u64 {
        self.torn
    }

    /// When the first run of the scan began: no result is older, and none is newer than the last run.
    pub fn began(&self) -> Timestamp {
        self.began
    }

    /// When the scan came to its end, if it did: then there is nothing left to ask.
    pub fn ended(&self) -> Option<Timestamp> {
        self.ended
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was finished, frame by frame, and the journal to go on with.
    pub(super) fn open(self) -> io::Result<(Frames, Journal)> {
        let mut file = self.file.try_clone()?;
        file.rewind()?;
        let mut records = Records::new(io::Read::take(File::open(&self.path)?, self.end));
        // The first record has been read before.
        records.next()?;
        Ok((Frames(records), Journal::append_at(file, self.end)?))
    }
}

/// The frames of a checkpoint.
pub(super) struct Frames(Records<io::Take<File>>);

impl Frames {
    pub(super) fn next(&mut self) -> io::Result<Option<Frame>> {
        let Some(record) = self.0.next()? else {
            return Ok(None);
        };
        frame(&record).map(Some)
    }
}

fn frame(record: &[u8]) -> io::Result<Frame> {
    postcard::from_bytes(record).map_err(io::Error::other)
}

fn moment(millisecond: i64) -> io::Result<Timestamp> {
    Timestamp::from_millisecond(millisecond).map_err(io::Error::other)
}

fn open(file: &File, path: &Path) -> Result<(Header, Records<File>), CheckpointError> {
    let io = |error| CheckpointError::Io {
        path: path.to_owned(),
        error,
    };
    let no_checkpoint = || CheckpointError::NoCheckpoint(path.to_owned());
    let mut file = file.try_clone().map_err(io)?;
    file.rewind().map_err(io)?;
    let mut records = Records::new(file);
    let first = records.next().map_err(io)?.ok_or_else(no_checkpoint)?;
    let header: Header = postcard::from_bytes(&first).map_err(|_| no_checkpoint())?;
    if header.magic != MAGIC {
        return Err(no_checkpoint());
    }
    Ok((header, records))
}

/// Nobody else may write the file while we do.
fn lock(file: &File, path: &Path) -> Result<(), CheckpointError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(std::fs::TryLockError::WouldBlock) => Err(CheckpointError::InUse(path.to_owned())),
        // A file system without locks is no reason to refuse.
        Err(std::fs::TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
            Ok(())
        }
        Err(std::fs::TryLockError::Error(error)) => Err(CheckpointError::Io {
            path: path.to_owned(),
            error,
        }),
    }
}
