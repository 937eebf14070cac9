//! A frame of a checkpoint: what was finished since the frame before it.
//!
//! Most targets have one outcome in the first pass, a failure without a record. They take a byte or two each.

use std::collections::BTreeMap;
use std::io;

use serde::Deserialize;

use super::outcome::Outcome;
use crate::model::FailureKind;
use crate::scan::plan::Turn;

/// A frame as it is read.
#[derive(Debug, Deserialize)]
pub(super) struct Frame {
    pub(super) pass: u32,
    /// Every ordinal of the pass below this one is finished, by this frame or by earlier ones.
    pub(super) low_water: u64,
    /// By kind of failure: the ranks of targets without a record, as the distances between them.
    counted_only: BTreeMap<FailureKind, Vec<u64>>,
    pub(super) finished: Vec<Finished>,
    /// When the scan came to its end, in milliseconds of Unix time; only in the last frame.
    pub(super) ended: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Finished {
    pub(super) ordinal: u64,
    pub(super) rank: u64,
    pub(super) outcomes: Vec<Outcome>,
}

impl Frame {
    pub(super) fn decode(record: &[u8]) -> io::Result<Self> {
        postcard::from_bytes(record).map_err(|_| damaged())
    }

    /// The targets that were only counted: their ranks and kinds of failure.
    pub(super) fn counted_only(&self) -> impl Iterator<Item = io::Result<(u64, FailureKind)>> {
        self.counted_only.iter().flat_map(|(kind, distances)| {
            numbers(distances).map(|rank| Ok((rank.ok_or_else(damaged)?, *kind)))
        })
    }
}

/// A frame that is being filled.
#[derive(Debug, Default)]
pub(super) struct FrameBuilder {
    /// By kind of failure: the ranks of targets that had no other outcome in the first pass.
    counted_only: BTreeMap<FailureKind, Vec<u64>>,
    finished: u64,
    /// The finished targets, each encoded.
    encoded: Vec<u8>,
    ended: Option<i64>,
    bytes: usize,
}

/// What a frame holds about one attempt. Encoded before the ledger is locked.
pub(super) enum AttemptEntry {
    CountedOnly(FailureKind),
    Encoded(Vec<u8>),
}

impl AttemptEntry {
    pub(super) fn new(turn: Turn, outcomes: &[Outcome]) -> io::Result<Self> {
        match outcomes {
            [Outcome::CountedOnly(kind)] if turn.pass == 0 => Ok(Self::CountedOnly(*kind)),
            _ => postcard::to_stdvec(&(turn.ordinal, turn.rank, outcomes))
                .map(Self::Encoded)
                .map_err(io::Error::other),
        }
    }
}

impl FrameBuilder {
    pub(super) fn add(&mut self, turn: Turn, entry: AttemptEntry) {
        match entry {
            AttemptEntry::CountedOnly(kind) => {
                self.bytes += size_of::<u64>();
                // In the first pass, a target's ordinal is its rank.
                let ranks = self.counted_only.entry(kind).or_default();
                ranks.push(turn.ordinal);
            }
            AttemptEntry::Encoded(bytes) => {
                self.bytes += bytes.len();
                self.finished += 1;
                self.encoded.extend(bytes);
            }
        }
    }

    /// Notes that the scan came to its end.
    pub(super) fn end(&mut self, millisecond: i64) {
        self.ended = Some(millisecond);
        self.bytes += size_of::<i64>();
    }

    /// About how many bytes the frame holds; 0 for an empty one.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The frame as [`Frame::decode`] reads it.
    pub(super) fn encode(mut self, pass: u32, low_water: u64) -> io::Result<Vec<u8>> {
        self.counted_only.values_mut().for_each(distances);
        // Postcard writes a list as its length and then its elements.
        let mut frame = postcard::to_stdvec(&(pass, low_water, self.counted_only, self.finished))
            .map_err(io::Error::other)?;
        frame.extend(self.encoded);
        postcard::to_extend(&self.ended, frame).map_err(io::Error::other)
    }
}

/// The error for a checkpoint whose checksums are right but whose content is impossible.
pub(super) fn damaged() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "the checkpoint contradicts itself; start again without it",
    )
}

/// Replaces numbers by the differences between them, in sorted order.
fn distances(numbers: &mut Vec<u64>) {
    numbers.sort_unstable();
    let mut before = 0;
    for number in numbers {
        let distance = *number - before;
        before = std::mem::replace(number, distance);
    }
}

/// Undoes [`distances`]; `None` where a number is too large.
fn numbers(distances: &[u64]) -> impl Iterator<Item = Option<u64>> {
    distances.iter().scan(Some(0_u64), |at, distance| {
        *at = at.and_then(|at| at.checked_add(*distance));
        Some(*at)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn distances_lead_back_to_the_numbers(mut given in prop::collection::vec(any::<u64>(), 0..50)) {
            let mut coded = given.clone();
            distances(&mut coded);
            given.sort_unstable();
            let back: Vec<u64> = numbers(&coded).map(Option::unwrap).collect();
            prop_assert_eq!(back, given);
        }
    }

    #[test]
    fn a_frame_is_read_as_it_was_filled() {
        let mut builder = FrameBuilder::default();
        let turn = |ordinal| Turn {
            pass: 0,
            ordinal,
            rank: ordinal,
        };
        for rank in [7, 3, 300] {
            let entry =
                AttemptEntry::new(turn(rank), &[Outcome::CountedOnly(FailureKind::Refused)]);
            builder.add(turn(rank), entry.unwrap());
        }
        let outcomes = [
            Outcome::Further(1),
            Outcome::CountedOnly(FailureKind::TimedOut),
            Outcome::CountedOnly(FailureKind::Refused),
        ];
        builder.add(turn(4), AttemptEntry::new(turn(4), &outcomes).unwrap());
        builder.end(1_700_000_000_000);
        let frame = Frame::decode(&builder.encode(0, 3).unwrap()).unwrap();
        let counted_only: Vec<_> = frame.counted_only().map(Result::unwrap).collect();
        let refused = [3, 7, 300].map(|rank| (rank, FailureKind::Refused));
        assert_eq!(counted_only, refused);
        assert_eq!((frame.pass, frame.low_water), (0, 3));
        assert_eq!(frame.ended, Some(1_700_000_000_000));
        let [finished] = frame.finished.as_slice() else {
            panic!("{frame:?}")
        };
        assert_eq!((finished.ordinal, finished.rank), (4, 4));
        assert_eq!(finished.outcomes.len(), 3);
    }
}
