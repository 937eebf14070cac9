//! What remains to be done for a target after the sweep: tasks of the runtime, and their number.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mio::Waker;

use crate::model::{EndpointReport, Target};
use crate::scan::admission::UnderCaps;
use crate::scan::ledger::{Deferral, Outcome, send};
use crate::scan::plan::Turn;
use crate::scan::run::Run;
use crate::scan::visit::catch_panic;

/// What remains to be done for a target.
pub(super) struct FollowUp {
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

    /// Goes on with the target. Stops the scan if that fails.
    pub(super) async fn run(self, run: Arc<Run>) {
        match catch_panic(self.go_on(&run)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => run.fail_to_record(&error),
            Err(panic) => run.fail_with_defect(&panic.detail),
        }
    }

    async fn go_on(self, run: &Run) -> io::Result<()> {
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
            // Boxed, so that the task which only asks stays small.
            Step::Attempt(deferral) => {
                Box::pin(run.attempt(self.turn, deferral)).await?;
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
    /// The sweep waits until there are fewer than this; 0 if it does not wait.
    awaited: AtomicUsize,
    waker: Waker,
}

impl Rooms {
    pub(super) fn new(waker: Waker) -> Self {
        Self {
            taken: AtomicUsize::new(0),
            awaited: AtomicUsize::new(0),
            waker,
        }
    }

    /// Whether there are fewer than so many follow-ups. If not, the sweep is woken when an eighth of them has ended:
    /// waking it for each costs more than the connect that it begins.
    pub(super) fn has_room(&self, most: usize) -> bool {
        let taken = || self.taken.load(Ordering::SeqCst);
        if taken() < most {
            return true;
        }
        let awaited = most - most / 8;
        self.awaited.store(awaited, Ordering::SeqCst);
        // Some may have ended meanwhile.
        taken() < awaited
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
        let left = self.0.taken.fetch_sub(1, Ordering::SeqCst) - 1;
        if left < self.0.awaited.load(Ordering::SeqCst)
            && self.0.awaited.swap(0, Ordering::SeqCst) > 0
        {
            // If it fails, the sweep notices after its longest sleep.
            let _ = self.0.waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use mio::{Events, Poll, Token};

    use super::*;

    #[test]
    fn the_sweep_is_woken_once_an_eighth_of_the_follow_ups_has_ended() {
        let mut poll = Poll::new().unwrap();
        let waker = Waker::new(poll.registry(), Token(0)).unwrap();
        let rooms = Arc::new(Rooms::new(waker));
        let mut events = Events::with_capacity(4);
        let mut was_woken = || {
            poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
            !events.is_empty()
        };
        let mut taken: Vec<Room> = (0..16).map(|_| Room::take(&rooms)).collect();
        assert!(rooms.has_room(17) && !rooms.has_room(16));
        taken.truncate(14);
        assert!(!was_woken());
        taken.truncate(13);
        assert!(was_woken());
        // Nobody waits any more.
        taken.truncate(8);
        assert!(!was_woken());
        // The last one of all is always noticed.
        assert!(!rooms.has_room(1));
        drop(taken);
        assert!(was_woken() && rooms.has_room(1));
    }
}
