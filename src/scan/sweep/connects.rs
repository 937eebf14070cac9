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

/// How many idle streams are kept: those of one look for results ([`GROUP`](super::GROUP)).
const MOST_IDLE: usize = super::GROUP;
/// How often a stream connects. Linux continues its sequence numbers, so an address that refuses could guess the next ones.
const MOST_USES: u8 = 16;

/// A target that may be connected to as soon as permits and rate allow it. Boxed, because it is handed on several times.
pub(super) struct Ready {
    pub(super) turn: Turn,
    pub(super) deferral: Option<Deferral>,
    pub(super) target: Target,
    pub(super) address: SocketAddr,
    pub(super) under_caps: UnderCaps,
}

/// What a token stands for.
enum Slot<'a> {
    Free,
    /// A stream that was refused and can connect again, and how often it has. It is registered with the slot's token.
    Idle(TcpStream, u8),
    InFlight(Connect<'a>),
}

/// A connect in flight.
pub(super) struct Connect<'a> {
    pub(super) ready: Box<Ready>,
    pub(super) stream: TcpStream,
    /// How often the stream has connected.
    pub(super) uses: u8,
    pub(super) started: Instant,
    pub(super) _permit: ConnectPermit<'a>,
    pub(super) _in_flight: InFlight<'a>,
}

/// The connects in flight, and idle streams. All connects may take equally long, so those that began
/// first are overdue first.
pub(super) struct Connects<'a> {
    timeout: Duration,
    slots: Vec<Slot<'a>>,
    /// The slots without a connect in flight. The last one is used next.
    free: Vec<usize>,
    /// How many of these have a stream.
    idle: usize,
    /// When connects began, and their slots. Connects that have ended are removed later.
    began: VecDeque<(Instant, usize)>,
}

impl<'a> Connects<'a> {
    pub(super) const fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            slots: Vec::new(),
            free: Vec::new(),
            idle: 0,
            began: VecDeque::new(),
        }
    }

    /// How many are in flight.
    pub(super) fn count(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// How many streams there are beside that of the next connect.
    pub(super) fn other_streams(&self) -> usize {
        self.count() + self.idle.saturating_sub(1)
    }

    /// The token of the next connect, and the stream that is registered with it, if there is one, with the number of its
    /// connects. The stream is used, or dropped.
    pub(super) fn next(&mut self) -> (Token, Option<(TcpStream, u8)>) {
        let Some(slot) = self.free.last().copied() else {
            return (Token(self.slots.len()), None);
        };
        let stream = match std::mem::replace(&mut self.slots[slot], Slot::Free) {
            Slot::Idle(stream, uses) => {
                self.idle -= 1;
                Some((stream, uses))
            }
            _ => None,
        };
        (Token(slot), stream)
    }

    /// Adds a connect with the next token.
    pub(super) fn insert(&mut self, Token(slot): Token, connect: Connect<'a>) {
        if self.free.pop().is_none() {
            self.slots.push(Slot::Free);
        }
        self.began.push_back((connect.started, slot));
        self.slots[slot] = Slot::InFlight(connect);
        if self.began.len() > 2 * self.slots.len() {
            let slots = &self.slots;
            self.began.retain(|entry| is_in_flight(slots, *entry));
        }
    }

    /// The connect in flight that a token stands for.
    pub(super) fn get(&self, token: Token) -> Option<&Connect<'a>> {
        match self.slots.get(token.0) {
            Some(Slot::InFlight(connect)) => Some(connect),
            _ => None,
        }
    }

    /// Takes a connect that has ended.
    pub(super) fn take(&mut self, token: Token) -> Option<Connect<'a>> {
        let slot = self.slots.get_mut(token.0)?;
        match std::mem::replace(slot, Slot::Free) {
            Slot::InFlight(connect) => {
                self.free.push(token.0);
                Some(connect)
            }
            other => {
                *slot = other;
                None
            }
        }
    }

    /// Keeps the stream of a connect that was taken, for one of the next.
    pub(super) fn keep(&mut self, token: Token, stream: TcpStream, uses: u8) {
        if uses < MOST_USES
            && self.idle < MOST_IDLE
            && let Some(slot @ Slot::Free) = self.slots.get_mut(token.0)
        {
            *slot = Slot::Idle(stream, uses);
            self.idle += 1;
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
fn is_in_flight(slots: &[Slot<'_>], (started, slot): (Instant, usize)) -> bool {
    matches!(slots.get(slot), Some(Slot::InFlight(connect)) if connect.started == started)
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
        // A stream that is kept has the slot that is used next.
        let (token, none) = connects.next();
        assert!(none.is_none());
        connects.insert(token, connect(8));
        let Connect { stream, uses, .. } = connects.take(token).unwrap();
        let port = stream.local_addr().unwrap().port();
        connects.keep(token, stream, uses);
        assert!(connects.get(token).is_none() && connects.take(token).is_none());
        assert_eq!((connects.count(), connects.idle), (0, 1));
        let (next, idle) = connects.next();
        assert_eq!(next, token);
        let (stream, uses) = idle.unwrap();
        assert_eq!((stream.local_addr().unwrap().port(), uses), (port, 1));
        connects.keep(token, stream, MOST_USES);
        assert_eq!((connects.count(), connects.idle), (0, 0));
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
