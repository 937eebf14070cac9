//! What remains to be done for a target after the sweep: tasks of the runtime, and their number.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use mio::Waker;

use crate::model::{EndpointReport, Target};
use crate::scan::admission::UnderCaps;
use crate::scan::ledger::{Deferral, Outcome, send};
use crate::scan::plan::Turn;
use crate::scan::run::Run;

/// What remains to be done for a target.
pub(in crate::scan) struct FollowUp {
    turn: Turn,
    step: Step,
    _room: Room,
}

/// How a [`FollowUp`] goes on.
pub(super) enum Step {
    /// The address accepted a connection: ask over it.
    Ask(Box<Accepted>),
    /// Its host or its network is at its cap, or this machine ran out of resources: wait, then connect.
    Attempt(Option<Deferral>),
    /// Send the record of an address that accepted no connection.
    Send(Box<EndpointReport>),
}

/// An address that accepted a connection.
pub(super) struct Accepted {
    pub(super) target: Target,
    pub(super) stream: std::net::TcpStream,
    /// How long the connect took.
    pub(super) took: Duration,
    pub(super) under_caps: UnderCaps,
}

impl FollowUp {
    pub(super) fn new(turn: Turn, step: Step, rooms: &Arc<Rooms>) -> Self {
        Self {
            turn,
            step,
            _room: Room::take(rooms),
        }
    }

    /// Goes on with the target.
    pub(in crate::scan) async fn run(self, run: &Run) -> io::Result<()> {
        match self.step {
            Step::Ask(accepted) => {
                let Accepted {
                    target,
                    stream,
                    took,
                    under_caps: _under_caps,
                } = *accepted;
                let attempt = run.attempt_at(self.turn, &target);
                if let Some(outcome) = run.pipeline.ask(&attempt, stream, took).await {
                    run.finish(self.turn, &target, vec![outcome]).await?;
                }
            }
            Step::Attempt(deferral) => {
                run.attempt(self.turn, deferral).await?;
            }
            Step::Send(report) => {
                send(vec![Outcome::Record(report)], &run.reports).await;
            }
        }
        Ok(())
    }
}

/// How many follow-ups there are.
pub(super) struct Rooms {
    taken: AtomicUsize,
    /// Whether the sweep waits until there are fewer.
    is_awaited: AtomicBool,
    waker: Waker,
}

impl Rooms {
    pub(super) fn new(waker: Waker) -> Self {
        Self {
            taken: AtomicUsize::new(0),
            is_awaited: AtomicBool::new(false),
            waker,
        }
    }

    /// Whether there are fewer than so many follow-ups. If not, the sweep is woken when one ends.
    pub(super) fn has_room(&self, most: usize) -> bool {
        let has_room = || self.taken.load(Ordering::SeqCst) < most;
        if has_room() {
            return true;
        }
        self.is_awaited.store(true, Ordering::SeqCst);
        // One may have ended meanwhile.
        has_room()
    }
}

/// Counts a follow-up until it is dropped.
struct Room(Arc<Rooms>);

impl Room {
    fn take(rooms: &Arc<Rooms>) -> Self {
        rooms.taken.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(rooms))
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::SeqCst);
        if self.0.is_awaited.swap(false, Ordering::SeqCst) {
            // If it fails, the sweep notices after its longest sleep.
            let _ = self.0.waker.wake();
        }
    }
}
