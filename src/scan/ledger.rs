//! Where every outcome is written down once: counted, put into the queue of the next pass, and
//! noted in the checkpoint's journal if there is one.
//!
//! A frame of the journal holds what was finished since the last one. Plain refusals, which are
//! most, take a byte or two each.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::journal::Journal;
use super::outcome::Outcome;
use super::queue::{Put, Queue};
use super::tally::Tally;
use crate::model::{FailureKind, Target, Unasked};
use crate::report::jsonl;

/// Bytes of a frame at which it is written without waiting for the next flush.
const FULL: usize = 1024 * 1024;

/// A target in a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn {
    /// 0 is the first pass.
    pub(super) pass: u32,
    /// Its number in the pass.
    pub(super) ordinal: u64,
    /// Its place in the first pass.
    pub(super) place: u64,
}

/// What was finished since the last frame.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Frame {
    pub(super) pass: u32,
    /// Every ordinal of the pass below this one is finished, by this frame or by earlier ones.
    pub(super) low_water: u64,
    /// By kind of failure: targets of the first pass that came to nothing else; sorted, each as the
    /// distance from the one before.
    pub(super) silent: BTreeMap<u8, Vec<u64>>,
    pub(super) finished: Vec<Finished>,
    /// Milliseconds of Unix time at which the scan came to its end, in the last frame.
    pub(super) ended: Option<i64>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Finished {
    pub(super) ordinal: u64,
    pub(super) place: u64,
    pub(super) notes: Vec<Note>,
}

/// An [`Outcome`] as it is written down.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Note {
    Silent(u8),
    /// A line of `jsonl`.
    Record(Vec<u8>),
    /// Its reason by number, how many, and examples.
    Unasked(u8, u64, Vec<String>),
    Further(u64),
    Deferred(Put),
}

/// The numbers of a pass that are finished: runs of them, of which there are no more than targets in
/// flight, however far the slowest of those lies behind.
#[derive(Debug, Default, Clone)]
pub(super) struct Done {
    /// First → last. No two touch.
    runs: BTreeMap<u64, u64>,
    count: u64,
}

impl Done {
    /// `false` if it was finished before.
    pub(super) fn insert(&mut self, ordinal: u64) -> bool {
        let before = self.run_before(ordinal);
        if before.is_some_and(|(_, last)| ordinal <= last) {
            return false;
        }
        let touches = |(_, last): &(u64, u64)| last.checked_add(1) == Some(ordinal);
        let first = before.filter(touches).map_or(ordinal, |(first, _)| first);
        let after = ordinal
            .checked_add(1)
            .and_then(|next| self.runs.remove(&next));
        self.runs.insert(first, after.unwrap_or(ordinal));
        self.count += 1;
        true
    }

    pub(super) fn contains(&self, ordinal: u64) -> bool {
        self.run_before(ordinal)
            .is_some_and(|(_, last)| ordinal <= last)
    }

    /// All below are finished.
    pub(super) fn low_water(&self) -> u64 {
        self.runs.get(&0).map_or(0, |last| last.saturating_add(1))
    }

    /// How many are finished.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// The last run that begins at or before the number.
    fn run_before(&self, ordinal: u64) -> Option<(u64, u64)> {
        self.runs
            .range(..=ordinal)
            .next_back()
            .map(|(first, last)| (*first, *last))
    }
}

/// The books of one scan.
pub(super) struct Ledger {
    tally: Arc<Tally>,
    /// Taken before `books` where both are: frames are written in the order they were filled.
    journal: Option<Mutex<Journal>>,
    books: Mutex<Books>,
}

struct Books {
    pass: u32,
    done: Done,
    /// Whether some are left for a later run.
    left: bool,
    /// What this pass puts off.
    queue: Queue,
    frame: Frame,
    frame_bytes: usize,
}

impl Ledger {
    pub(super) fn new(tally: Arc<Tally>, journal: Option<Journal>) -> Self {
        let books = Books {
            pass: 0,
            done: Done::default(),
            left: false,
            queue: Queue::new(),
            frame: Frame::default(),
            frame_bytes: 0,
        };
        Self {
            tally,
            journal: journal.map(Mutex::new),
            books: Mutex::new(books),
        }
    }

    /// Begins a pass with what is finished of it and what it has put off already; gives back the
    /// queue of the pass before.
    pub(super) fn begin(&self, pass: u32, done: Done, queue: Queue) -> io::Result<Queue> {
        self.flush()?;
        let mut books = self.books.lock();
        books.pass = pass;
        books.done = done;
        Ok(std::mem::replace(&mut books.queue, queue))
    }

    /// What of the current pass is finished.
    pub(super) fn done(&self) -> Done {
        self.books.lock().done.clone()
    }

    /// Writes down what a target came to. What our own side failed at in the end is counted, and left for
    /// a run that goes on from the checkpoint.
    pub(super) fn finish(
        &self,
        turn: Turn,
        target: &Target,
        outcomes: &[Outcome],
    ) -> io::Result<()> {
        for outcome in outcomes {
            self.tally.count(target, outcome);
        }
        if outcomes.iter().any(Outcome::is_left) {
            self.books.lock().left = true;
            return Ok(());
        }
        // Turned into text before the lock is taken.
        let notes = if self.journal.is_some() {
            notes(turn.place, outcomes)?
        } else {
            Vec::new()
        };
        let mut books = self.books.lock();
        for outcome in outcomes {
            if let Outcome::Deferred(deferral) = outcome {
                books.queue.push(&Put::new(turn.place, deferral))?;
            }
        }
        // Without a journal nobody asks what of the first pass is finished.
        if self.journal.is_some() || turn.pass > 0 {
            books.done.insert(turn.ordinal);
        }
        if self.journal.is_none() {
            return Ok(());
        }
        books.note(turn, notes);
        let full = books.frame_bytes >= FULL;
        drop(books);
        if full { self.flush() } else { Ok(()) }
    }

    /// Writes down that the scan has come to its end, if nothing is left.
    pub(super) fn end(&self) -> io::Result<()> {
        {
            let mut books = self.books.lock();
            if books.left {
                return Ok(());
            }
            books.frame.ended = Some(Timestamp::now().as_millisecond());
            books.frame_bytes += 8;
        }
        self.flush()
    }

    /// Writes the frame to the journal.
    pub(super) fn flush(&self) -> io::Result<()> {
        let Some(journal) = &self.journal else {
            return Ok(());
        };
        let mut journal = journal.lock();
        let mut frame = {
            let mut books = self.books.lock();
            if books.frame_bytes == 0 {
                return Ok(());
            }
            books.frame_bytes = 0;
            let (pass, low_water) = (books.pass, books.done.low_water());
            Frame {
                pass,
                low_water,
                ..std::mem::take(&mut books.frame)
            }
        };
        frame.silent.values_mut().for_each(distances);
        journal.append(&postcard::to_stdvec(&frame).map_err(io::Error::other)?)
    }
}

impl Books {
    fn note(&mut self, turn: Turn, notes: Vec<Note>) {
        let bytes = |note: &Note| {
            if let Note::Record(line) = note {
                line.len()
            } else {
                32
            }
        };
        self.frame_bytes += notes.iter().map(bytes).sum::<usize>() + 8;
        match notes.as_slice() {
            [Note::Silent(kind)] if turn.pass == 0 => {
                self.frame
                    .silent
                    .entry(*kind)
                    .or_default()
                    .push(turn.ordinal);
            }
            _ => self.frame.finished.push(Finished {
                ordinal: turn.ordinal,
                place: turn.place,
                notes,
            }),
        }
    }
}

fn notes(place: u64, outcomes: &[Outcome]) -> io::Result<Vec<Note>> {
    let note = |outcome: &Outcome| {
        Ok(match outcome {
            Outcome::Silent(kind) => Note::Silent(*kind as u8),
            Outcome::Record(report) => Note::Record(jsonl::record(report)?),
            Outcome::Unasked(Unasked {
                why,
                count,
                examples,
            }) => Note::Unasked(*why as u8, *count, examples.iter().cloned().collect()),
            Outcome::Further(count) => Note::Further(*count),
            Outcome::Deferred(deferral) => Note::Deferred(Put::new(place, deferral)),
        })
    };
    outcomes.iter().map(note).collect()
}

/// Numbers → the sorted numbers' distances.
fn distances(numbers: &mut Vec<u64>) {
    numbers.sort_unstable();
    let mut before = 0;
    for number in numbers {
        let distance = *number - before;
        before = std::mem::replace(number, distance);
    }
}

/// The opposite of [`distances`].
pub(super) fn numbers(distances: &[u64]) -> impl Iterator<Item = Option<u64>> {
    distances.iter().scan(Some(0_u64), |at, distance| {
        *at = at.and_then(|at| at.checked_add(*distance));
        Some(*at)
    })
}

/// The kind of failure of this number.
pub(super) fn kind(number: u8) -> Option<FailureKind> {
    FailureKind::ALL.get(usize::from(number)).copied()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_kind_is_its_number() {
        for (number, expected) in (0..).zip(FailureKind::ALL) {
            assert_eq!(expected as u8, number);
            assert_eq!(kind(number), Some(expected));
        }
        assert_eq!(kind(255), None);
    }

    proptest! {
        #[test]
        fn distances_lead_back(mut given in prop::collection::vec(any::<u64>(), 0..50)) {
            let mut coded = given.clone();
            distances(&mut coded);
            given.sort_unstable();
            let back: Vec<u64> = numbers(&coded).map(Option::unwrap).collect();
            prop_assert_eq!(back, given);
        }

        #[test]
        fn it_is_the_set_it_claims_to_be(
            ordinals in prop::collection::vec(prop_oneof![8 => 0..60_u64, 1 => any::<u64>(), 1 => u64::MAX - 3..=u64::MAX], 0..120),
        ) {
            let (mut done, mut model) = (Done::default(), BTreeSet::new());
            for ordinal in ordinals {
                prop_assert_eq!(done.insert(ordinal), model.insert(ordinal));
                prop_assert_eq!(done.count(), model.len() as u64);
                prop_assert_eq!(done.low_water(), (0..200).find(|number| !model.contains(number)).unwrap());
                for number in (0..70).chain([ordinal]) {
                    prop_assert_eq!(done.contains(number), model.contains(&number));
                }
                // Nothing is held twice, and what touches is one.
                let runs: Vec<_> = done.runs.iter().collect();
                prop_assert!(runs.windows(2).all(|pair| pair[0].1 + 1 < *pair[1].0), "{:?}", done.runs);
            }
        }

        /// One slow target, and any number of others that are done in about their order.
        #[test]
        fn what_is_held_is_bounded_by_what_is_in_flight(
            picks in prop::collection::vec(any::<prop::sample::Index>(), 2000),
        ) {
            let (mut done, mut flying) = (Done::default(), (1..=16).collect::<Vec<u64>>());
            for (new, pick) in (17..).zip(picks) {
                let landed = std::mem::replace(&mut flying[pick.index(16)], new);
                done.insert(landed);
                prop_assert!(done.runs.len() <= 17, "{:?}", done.runs);
            }
            prop_assert_eq!(done.low_water(), 0);
        }
    }
}
