//! One pass over what there is to ask, handed out to the workers of addresses and to those of names:
//! each takes its own kind, so that neither waits for the other.

use std::collections::VecDeque;
use std::io;

use parking_lot::Mutex;

use super::job::Job;
use super::ledger::{Done, Turn};
use super::outcome::Deferral;
use super::queue::Reader;

/// Addresses that are passed over in search of a name. Lookups are what a scan waits for longest: they
/// begin early.
const AHEAD: usize = 16 * 1024;
/// What is gone through in one go.
const BATCH: usize = 1024;

/// Which workers take a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Address,
    Name,
}

/// Where the turns come from.
pub(super) enum Source {
    Everything { next: u64, end: u64 },
    Again(Reader),
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// This, for the reason that it is asked again where it is.
    Turn((Turn, Option<Deferral>)),
    /// Nothing was found yet.
    Later,
    /// All of the kind are handed out.
    End,
}

/// One pass.
pub(super) struct Pass {
    number: u32,
    pub(super) last: bool,
    /// What was finished before this run.
    pub(super) done: Done,
    state: Mutex<State>,
}

struct State {
    source: Source,
    /// What was passed over in search of the other kind. No more names than the set has.
    addresses: VecDeque<(Turn, Option<Deferral>)>,
    names: VecDeque<(Turn, Option<Deferral>)>,
}

impl Pass {
    pub(super) fn new(number: u32, last: bool, source: Source, done: Done) -> Self {
        let state = Mutex::new(State {
            source,
            addresses: VecDeque::new(),
            names: VecDeque::new(),
        });
        Self {
            number,
            last,
            done,
            state,
        }
    }

    pub(super) const fn number(&self) -> u32 {
        self.number
    }

    pub(super) fn len(&self) -> u64 {
        match &self.state.lock().source {
            Source::Everything { end, .. } => *end,
            Source::Again(reader) => reader.len(),
        }
    }

    /// The queue that it reads, from its beginning; the pass is over then.
    pub(super) fn take_queue(&self) -> io::Result<Option<Reader>> {
        let mut state = self.state.lock();
        match std::mem::replace(&mut state.source, Source::Everything { next: 0, end: 0 }) {
            Source::Everything { .. } => Ok(None),
            Source::Again(mut reader) => {
                reader.rewind()?;
                Ok(Some(reader))
            }
        }
    }

    /// The next of this kind that is not finished.
    pub(super) fn next(&self, job: &Job, kind: Kind) -> io::Result<Next> {
        let mut state = self.state.lock();
        let state = &mut *state;
        let (own, other) = match kind {
            Kind::Address => (&mut state.addresses, &mut state.names),
            Kind::Name => (&mut state.names, &mut state.addresses),
        };
        if let Some(turn) = own.pop_front() {
            return Ok(Next::Turn(turn));
        }
        for _ in 0..BATCH {
            if kind == Kind::Name && other.len() >= AHEAD {
                break;
            }
            let Some((turn, again)) = state.source.draw(self.number)? else {
                return Ok(Next::End);
            };
            if self.done.contains(turn.ordinal) {
                continue;
            }
            if job.is_name(turn.place) == (kind == Kind::Name) {
                return Ok(Next::Turn((turn, again)));
            }
            other.push_back((turn, again));
        }
        Ok(Next::Later)
    }
}

impl Source {
    fn draw(&mut self, pass: u32) -> io::Result<Option<(Turn, Option<Deferral>)>> {
        match self {
            Self::Everything { next, end } => {
                if *next >= *end {
                    return Ok(None);
                }
                let place = *next;
                *next += 1;
                Ok(Some((
                    Turn {
                        pass,
                        ordinal: place,
                        place,
                    },
                    None,
                )))
            }
            Self::Again(reader) => {
                let Some((ordinal, put)) = reader.next()? else {
                    return Ok(None);
                };
                let deferral = put
                    .deferral()
                    .ok_or_else(|| io::Error::other("the queue is damaged"))?;
                Ok(Some((
                    Turn {
                        pass,
                        ordinal,
                        place: put.place,
                    },
                    Some(deferral),
                )))
            }
        }
    }
}
