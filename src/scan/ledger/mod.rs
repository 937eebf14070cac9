//! What happened to each target. Every outcome is recorded here once: counted, queued for the next pass
//! if it is deferred, and written to the checkpoint if there is one.

mod checkpoint;
mod counters;
mod done;
mod first_record;
mod frame;
mod journal;
mod outcome;
mod replay;
mod retries;

use std::io;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use parking_lot::Mutex;

use super::plan::Turn;
use crate::model::Target;
use frame::{AttemptEntry, FrameBuilder};
use journal::Journal;

pub use checkpoint::{Began, Checkpoint, CheckpointError, EarlierRun};
pub(super) use counters::{Counters, InFlight};
pub(super) use done::Done;
pub(super) use outcome::{Deferral, Outcome, send};
pub(super) use replay::{ResumedPass, replay};
use retries::RetryQueue;
pub(super) use retries::RetryReader;

/// Bytes of a frame at which it is written without waiting for the next flush.
const FULL: usize = 1024 * 1024;

/// The ledger of one scan.
pub(super) struct Ledger {
    counters: Arc<Counters>,
    /// Locked before `books` where both are: frames are written in the order in which they were filled.
    journal: OnceLock<Mutex<Journal>>,
    books: Mutex<Books>,
}

struct Books {
    pass: u32,
    done: Done,
    /// Whether a resumed scan has something left to ask.
    is_unfinished: bool,
    /// What this pass defers.
    deferred: RetryQueue,
    frame: FrameBuilder,
}

impl Ledger {
    pub(super) fn new(counters: Arc<Counters>) -> Self {
        Self {
            counters,
            journal: OnceLock::new(),
            books: Mutex::new(Books {
                pass: 0,
                done: Done::default(),
                is_unfinished: false,
                deferred: RetryQueue::new(),
                frame: FrameBuilder::default(),
            }),
        }
    }

    /// Writes outcomes to a checkpoint from now on.
    pub(super) fn write_to(&self, journal: Journal) {
        let _ = self.journal.set(Mutex::new(journal));
    }

    /// Begins a pass. Returns the queue of what the pass before deferred.
    pub(super) fn begin(&self, pass: u32, resumed: ResumedPass) -> io::Result<RetryQueue> {
        self.flush()?;
        let mut books = self.books.lock();
        books.pass = pass;
        books.done = resumed.done;
        Ok(std::mem::replace(&mut books.deferred, resumed.deferred))
    }

    /// Which attempts of the current pass are finished.
    pub(super) fn done(&self) -> Done {
        self.books.lock().done.clone()
    }

    /// Records the outcomes of an attempt. Failures on our own side are counted, and left for a resumed scan.
    pub(super) fn record(
        &self,
        turn: Turn,
        target: &Target,
        outcomes: &[Outcome],
    ) -> io::Result<()> {
        for outcome in outcomes {
            self.counters.count(target, outcome);
        }
        if outcomes.iter().any(Outcome::is_unfinished) {
            self.books.lock().is_unfinished = true;
            return Ok(());
        }
        let has_journal = self.journal.get().is_some();
        // Without a journal it does not matter which attempts of the first pass are finished.
        let is_remembered = has_journal || turn.pass > 0;
        let is_deferred = |outcome: &Outcome| matches!(outcome, Outcome::Deferred(_));
        if !is_remembered && !outcomes.iter().any(is_deferred) {
            return Ok(());
        }
        let entry = has_journal
            .then(|| AttemptEntry::new(turn, outcomes))
            .transpose()?;
        let mut books = self.books.lock();
        for outcome in outcomes {
            if let Outcome::Deferred(deferral) = outcome {
                books.deferred.push(deferral)?;
            }
        }
        if is_remembered {
            books.done.insert(turn.ordinal);
        }
        let Some(entry) = entry else {
            return Ok(());
        };
        books.frame.add(turn, entry);
        let is_full = books.frame.bytes() >= FULL;
        drop(books);
        if is_full { self.flush() } else { Ok(()) }
    }

    /// Records that the scan came to its end, unless a resumed scan has something left to ask.
    pub(super) fn end(&self) -> io::Result<()> {
        {
            let mut books = self.books.lock();
            if books.is_unfinished {
                return Ok(());
            }
            books.frame.end(Timestamp::now().as_millisecond());
        }
        self.flush()
    }

    /// Writes the frame to the checkpoint.
    pub(super) fn flush(&self) -> io::Result<()> {
        let Some(journal) = self.journal.get() else {
            return Ok(());
        };
        let mut journal = journal.lock();
        let (frame, pass, low_water) = {
            let mut books = self.books.lock();
            if books.frame.bytes() == 0 {
                return Ok(());
            }
            let frame = std::mem::take(&mut books.frame);
            (frame, books.pass, books.done.low_water())
        };
        journal.append(&frame.encode(pass, low_water)?)
    }
}
