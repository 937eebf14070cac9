//! The connects in flight, and streams that can connect again.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::Token;
use mio::net::TcpStream;

use crate::model::Target;
use crate::scan::admission::{ConnectPermit, UnderCaps};
use crate::scan::ledger::{Deferral, InFlight};
use crate::scan::plan::Turn;

/// How many turns are taken before the sweep looks for results. A stream that was refused connects again, and a result that
/// waits for long would look like a slow server.
pub(super) const GROUP: usize = 32;
/// How many idle streams are kept: those of one look for results.
const MOST_IDLE: usize = GROUP;
/// How often a stream connects, because Linux continues its sequence numbers.
const MOST_USES: u8 = 16;

/// A target that may be connected to as soon as permits and rate allow it. Boxed, because it is handed on several times.
pub(super) struct Ready {
    pub(super) turn: Turn,
    pub(super) deferral: Option<Deferral>,
    pub(super) target: Target,
    pub(super) address: SocketAddr,
    pub(super) under_caps: UnderCaps,
}

/// A stream that was refused and can connect again. It is registered with the token of its slot.
pub(super) struct Idle {
    slot: usize,
    pub(super) stream: TcpStream,
    /// How often it has connected.
    pub(super) uses: u8,
}

/// A connect in flight.
pub(super) struct Connect<'a> {
    pub(super) ready: Box<Ready>,
    pub(super) stream: TcpStream,
    /// How often the stream has connected, with this time.
    pub(super) uses: u8,
    pub(super) started: Instant,
    pub(super) _permit: ConnectPermit<'a>,
    pub(super) _in_flight: InFlight<'a>,
}

/// The connects in flight, and idle streams. All connects may take equally long, so those that began
/// first are overdue first.
pub(super) struct Connects<'a> {
    timeout: Duration,
    slots: Vec<Option<Connect<'a>>>,
    /// The slots without a stream. The last one is used next.
    free: Vec<usize>,
    idle: Vec<Idle>,
    /// When connects began, and their slots. Connects that have ended are removed later.
    began: VecDeque<(Instant, usize)>,
}

impl<'a> Connects<'a> {
    pub(super) const fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            slots: Vec::new(),
            free: Vec::new(),
            idle: Vec::new(),
            began: VecDeque::new(),
        }
    }

    /// How many are in flight.
    pub(super) fn count(&self) -> usize {
        self.slots.len() - self.free.len() - self.idle.len()
    }

    /// How many streams there are beside that of the next connect.
    pub(super) fn other_streams(&self) -> usize {
        self.count() + self.idle.len().saturating_sub(1)
    }

    /// The token of the next connect, and the stream that is registered with it, if there is one. It is used, or dropped.
    pub(super) fn next(&mut self) -> (Token, Option<Idle>) {
        let idle = self.idle.pop();
        self.free.extend(idle.as_ref().map(|idle| idle.slot));
        let slot = self.free.last().copied().unwrap_or(self.slots.len());
        (Token(slot), idle)
    }

    /// Adds a connect with the next token.
    pub(super) fn insert(&mut self, Token(slot): Token, connect: Connect<'a>) {
        if self.free.pop().is_none() {
            self.slots.push(None);
        }
        self.began.push_back((connect.started, slot));
        self.slots[slot] = Some(connect);
        if self.began.len() > 2 * self.slots.len() {
            let slots = &self.slots;
            self.began.retain(|entry| is_in_flight(slots, *entry));
        }
    }

    /// The connect in flight that a token stands for.
    pub(super) fn get(&self, token: Token) -> Option<&Connect<'a>> {
        self.slots.get(token.0)?.as_ref()
    }

    /// Takes a connect that has ended.
    pub(super) fn take(&mut self, token: Token) -> Option<Connect<'a>> {
        let connect = self.slots.get_mut(token.0)?.take()?;
        self.free.push(token.0);
        Some(connect)
    }

    /// Keeps the stream of the connect that was just taken.
    pub(super) fn keep(&mut self, Token(slot): Token, stream: TcpStream, uses: u8) {
        if uses < MOST_USES
            && self.idle.len() < MOST_IDLE
            && self.free.pop_if(|free| *free == slot).is_some()
        {
            self.idle.push(Idle { slot, stream, uses });
        }
    }

    /// How long the next connect may still take.
    pub(super) fn until_overdue(&mut self) -> Option<Duration> {
        while let Some(entry) = self.began.front()
            && !is_in_flight(&self.slots, *entry)
        {
            self.began.pop_front();
        }
        let (started, _) = self.began.front()?;
        Some(self.timeout.saturating_sub(started.elapsed()))
    }

    /// A connect that took too long.
    pub(super) fn take_overdue(&mut self, now: Instant) -> Option<Connect<'a>> {
        while let Some((started, slot)) = self.began.front().copied() {
            let is_in_flight = is_in_flight(&self.slots, (started, slot));
            if is_in_flight && now < started + self.timeout {
                return None;
            }
            self.began.pop_front();
            if is_in_flight {
                return self.take(Token(slot));
            }
        }
        None
    }
}

/// Whether the connect that began then is still in this slot.
fn is_in_flight(slots: &[Option<Connect<'_>>], (started, slot): (Instant, usize)) -> bool {
    let connect = slots.get(slot).and_then(Option::as_ref);
    connect.is_some_and(|connect| connect.started == started)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ScanConfig;
    use crate::scan::admission::Dialer;
    use crate::scan::ledger::Counters;
    use crate::targets::{TargetOptions, TargetSetBuilder};

    #[tokio::test]
    async fn those_that_began_first_are_overdue_first() {
        let mut builder = TargetSetBuilder::new(TargetOptions::default());
        builder.argument("127.0.0.1:9");
        let target = builder.build().unwrap().get(0).unwrap();
        let (throttle, counters) = (
            Dialer::new(&ScanConfig::default()).throttle,
            Counters::default(),
        );
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let began = Instant::now();
        let connect = |millis| Connect {
            ready: Box::new(Ready {
                turn: Turn {
                    pass: 0,
                    ordinal: millis,
                    rank: 0,
                },
                deferral: None,
                target: target.clone(),
                address,
                under_caps: throttle.caps.try_acquire(address.ip(), true).unwrap(),
            }),
            stream: TcpStream::connect(address).unwrap(),
            uses: 1,
            started: began + Duration::from_millis(millis),
            _permit: throttle.permits.try_acquire().unwrap(),
            _in_flight: counters.in_flight(),
        };
        let mut connects = Connects::new(Duration::from_secs(1));
        for millis in 0..4 {
            let (token, _) = connects.next();
            connects.insert(token, connect(millis));
        }
        assert_eq!(connects.take(Token(1)).unwrap().ready.turn.ordinal, 1);
        assert!(connects.take(Token(1)).is_none() && connects.take(Token(99)).is_none());
        // The slot is used again.
        let (token, _) = connects.next();
        connects.insert(token, connect(7));
        assert_eq!((connects.count(), connects.slots.len()), (4, 4));
        let mut overdue = |millis| {
            let now = began + Duration::from_millis(millis);
            let connect = connects.take_overdue(now);
            connect.map(|connect| connect.ready.turn.ordinal)
        };
        assert_eq!(overdue(999), None);
        assert_eq!(overdue(1003), Some(0));
        assert_eq!(overdue(1003), Some(2));
        assert_eq!(overdue(1003), Some(3));
        assert_eq!(overdue(1003), None);
        assert_eq!(overdue(1007), Some(7));
        assert_eq!((connects.count(), connects.began.len()), (0, 0));
        // Streams that are kept are used first, whatever slots became free after theirs.
        let began_two = [8, 9].map(|millis| {
            let (token, idle) = connects.next();
            assert!(idle.is_none());
            connects.insert(token, connect(millis));
            token
        });
        let Connect { stream, uses, .. } = connects.take(began_two[0]).unwrap();
        let port = stream.local_addr().unwrap().port();
        connects.keep(began_two[0], stream, uses);
        assert!(connects.get(began_two[0]).is_none());
        assert_eq!((connects.count(), connects.other_streams()), (1, 1));
        connects.take(began_two[1]).unwrap();
        assert_eq!((connects.count(), connects.other_streams()), (0, 0));
        let (token, idle) = connects.next();
        let Idle { stream, uses, .. } = idle.unwrap();
        assert_eq!(stream.local_addr().unwrap().port(), port);
        assert_eq!((token, uses), (began_two[0], 1));
        // It connected often enough.
        connects.keep(token, stream, MOST_USES);
        assert!(connects.next().1.is_none());
        assert!(
            connects
                .take_overdue(began + Duration::from_secs(9))
                .is_none()
        );
        // Connects that have ended are not remembered for ever.
        for millis in 0..1000 {
            let (token, _) = connects.next();
            connects.insert(token, connect(millis));
            (0..4).find_map(|slot| connects.take(Token(slot))).unwrap();
        }
        assert!(connects.began.len() <= 9, "{}", connects.began.len());
    }
}
