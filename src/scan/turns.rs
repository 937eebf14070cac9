//! Hands out the turns of one pass. Address workers and name tasks have queues of their own, so neither waits for the
//! other.

use std::collections::VecDeque;
use std::io;

use parking_lot::Mutex;

use super::ledger::{Deferral, Done, RetryReader};
use super::plan::{Plan, Turn};

/// How many addresses may be set aside while looking for the next name in the order. Lookups take longest, so they
/// should begin early.
const MAX_AHEAD: usize = 16 * 1024;
/// How many turns are looked through at once for one of the wanted kind.
const BATCH: usize = 1024;

/// Whether a turn's target is an address or a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TargetKind {
    Address,
    Name,
}

/// Where the turns come from.
pub(super) enum TurnSource {
    /// The first pass: all ranks from `next` on.
    All { next: u64, end: u64 },
    /// A later pass: what the pass before it deferred.
    Retries(RetryReader),
}

/// A turn; for a retry also what was deferred.
type FoundTurn = (Turn, Option<Deferral>);

/// The next turn.
pub(super) enum Next {
    Turn(Turn, Option<Deferral>),
    /// None of this kind was found yet.
    Later,
    /// All turns of this kind are handed out.
    End,
}

/// The turns of one pass.
pub(super) struct Turns {
    pass: u32,
    /// What earlier runs finished.
    done: Done,
    state: Mutex<State>,
}

struct State {
    source: TurnSource,
    /// Turns that were set aside while looking for one of the other kind.
    addresses: VecDeque<FoundTurn>,
    names: VecDeque<FoundTurn>,
}

impl Turns {
    pub(super) fn new(pass: u32, source: TurnSource, done: Done) -> Self {
        let state = Mutex::new(State {
            source,
            addresses: VecDeque::new(),
            names: VecDeque::new(),
        });
        Self { pass, done, state }
    }

    /// Ends the pass. Returns its queue of retries, rewound.
    pub(super) fn take_retries(&self) -> io::Result<Option<RetryReader>> {
        let mut state = self.state.lock();
        match std::mem::replace(&mut state.source, TurnSource::All { next: 0, end: 0 }) {
            TurnSource::All { .. } => Ok(None),
            TurnSource::Retries(mut reader) => {
                reader.rewind()?;
                Ok(Some(reader))
            }
        }
    }

    /// The next turn of this kind that is not finished.
    pub(super) fn next(&self, plan: &Plan, kind: TargetKind) -> io::Result<Next> {
        let mut state = self.state.lock();
        let state = &mut *state;
        let (own, other) = match kind {
            TargetKind::Address => (&mut state.addresses, &mut state.names),
            TargetKind::Name => (&mut state.names, &mut state.addresses),
        };
        if let Some((turn, deferral)) = own.pop_front() {
            return Ok(Next::Turn(turn, deferral));
        }
        for _ in 0..BATCH {
            if kind == TargetKind::Name && other.len() >= MAX_AHEAD {
                break;
            }
            let Some((turn, deferral)) = state.source.next(self.pass)? else {
                return Ok(Next::End);
            };
            if self.done.contains(turn.ordinal) {
                continue;
            }
            if plan.is_name(turn.rank) == (kind == TargetKind::Name) {
                return Ok(Next::Turn(turn, deferral));
            }
            other.push_back((turn, deferral));
        }
        Ok(Next::Later)
    }
}

impl TurnSource {
    fn next(&mut self, pass: u32) -> io::Result<Option<FoundTurn>> {
        let (ordinal, rank, deferral) = match self {
            Self::All { next, end } if *next < *end => {
                let rank = *next;
                *next += 1;
                (rank, rank, None)
            }
            Self::All { .. } => return Ok(None),
            Self::Retries(reader) => match reader.next()? {
                Some((ordinal, deferral)) => (ordinal, deferral.rank, Some(deferral)),
                None => return Ok(None),
            },
        };
        let turn = Turn {
            pass,
            ordinal,
            rank,
        };
        Ok(Some((turn, deferral)))
    }
}
