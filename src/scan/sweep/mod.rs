//! Connects to addresses: one thread begins and ends all direct connects of a pass, so that an address that refuses or
//! stays silent costs no task, no timer and no wake-up of its own.
//!
//! What takes longer is a [`FollowUp`] for the runtime: to ask over an open connection, or to wait for something else than
//! the connect.

mod connects;
mod follow_up;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Events, Interest, Token, Waker};
use tokio::runtime::Handle;
use tokio::sync::mpsc::error::TrySendError;

use super::admission::ConnectPermit;
use super::ledger::{Deferral, Outcome};
use super::plan::Turn;
use super::run::Run;
use super::turns::{Next, TargetKind, Turns};
use crate::connect::Connector;
use crate::model::{Failure, FailureKind, Host, Stage, Target};
use connects::{Connect, Connects, GROUP, Idle, Ready};
use follow_up::{Accepted, FollowUp, Rooms, Step};

/// The longest sleep: a stop, a changed rate or a permit that a name returns is noticed after it.
const LONGEST_SLEEP: Duration = Duration::from_millis(100);
/// The sleep where a probe that continues goes first, or a turn is searched for.
const SHORT_SLEEP: Duration = Duration::from_millis(1);
/// How many connects may end at once.
const EVENTS: usize = 1024;
/// The token of the [`Waker`]; connects have the number of their slot.
const WAKE: Token = Token(usize::MAX);

/// The direct connects of one pass.
pub(super) struct Sweep {
    run: Arc<Run>,
    turns: Arc<Turns>,
    poll: mio::Poll,
    /// Whether the connections to one address may reach the cap of a host.
    may_share: bool,
    rooms: Arc<Rooms>,
    /// Where follow-ups run.
    runtime: Handle,
}

/// What may be connected to next.
#[derive(Default)]
struct Upcoming {
    ready: Option<Box<Ready>>,
    /// Since when only the rate has been waited for.
    since: Option<tokio::time::Instant>,
}

/// What the sweep does next.
enum Now {
    /// Wait for connects in flight, and at most this long before it tries to begin another one.
    Wait(Duration),
    /// Nothing is left to begin.
    Finish,
}

impl Sweep {
    /// A sweep whose follow-ups run on the current runtime.
    pub(super) fn new(run: Arc<Run>, turns: Arc<Turns>) -> io::Result<Self> {
        let poll = mio::Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKE)?;
        Ok(Self {
            may_share: run.plan.targets.may_share_an_address(run.config.per_host),
            run,
            turns,
            poll,
            rooms: Arc::new(Rooms::new(waker)),
            runtime: Handle::current(),
        })
    }

    /// Connects until every turn is taken, or the scan is over, and all connects and follow-ups have ended. Blocks.
    pub(super) fn run(mut self) -> io::Result<()> {
        let run = Arc::clone(&self.run);
        let mut events = Events::with_capacity(EVENTS);
        let connected = self.connect(&run, &mut events);
        while !self.rooms.has_room(1) {
            self.wait(&mut events, LONGEST_SLEEP)?;
        }
        connected
    }

    /// Connects until every turn is taken, or the scan is over, and all connects have ended.
    fn connect(&mut self, run: &Run, events: &mut Events) -> io::Result<()> {
        let connector = run.pipeline.connector();
        let mut connects = Connects::new(connector.timeout());
        let mut upcoming = Upcoming::default();
        while !run.reports.is_closed() {
            let sleep = match self.begin_some(run, &mut connects, &mut upcoming)? {
                Now::Finish if connects.count() == 0 => break,
                Now::Finish => LONGEST_SLEEP,
                Now::Wait(sleep) => sleep.min(LONGEST_SLEEP),
            };
            let sleep = connects
                .until_overdue()
                .map_or(sleep, |overdue| sleep.min(overdue));
            self.wait(events, sleep)?;
            let now = Instant::now();
            for token in events.iter().map(Event::token) {
                if let Some(connect) = connects.get(token)
                    && let Poll::Ready(result) =
                        connector.end(&connect.stream, connect.ready.address)
                {
                    self.end(&mut connects, token, result, now)?;
                }
            }
            while let Some(connect) = connects.take_overdue(now) {
                let failure = Failure::new(Stage::Connect, FailureKind::TimedOut, "");
                self.fail(&connect.ready, failure, now - connect.started)?;
            }
        }
        Ok(())
    }

    /// Waits until connects or follow-ups have ended, and at most this long.
    fn wait(&mut self, events: &mut Events, at_most: Duration) -> io::Result<()> {
        match self.poll.poll(events, Some(at_most)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
            _ => Ok(()),
        }
    }

    /// Begins as many connects as may begin now.
    fn begin_some<'a>(
        &self,
        run: &'a Run,
        connects: &mut Connects<'a>,
        upcoming: &mut Upcoming,
    ) -> io::Result<Now> {
        let throttle = run.pipeline.throttle();
        let mut since = upcoming.since.take();
        let mut turns = 0;
        loop {
            if run.is_over() {
                return Ok(Now::Finish);
            }
            let Some(ready) = upcoming.ready.take() else {
                if turns == GROUP {
                    upcoming.since = since;
                    return Ok(Now::Wait(Duration::ZERO));
                }
                turns += 1;
                let most = (run.config.connections()).saturating_sub(connects.other_streams());
                if !self.rooms.has_room(most) {
                    return Ok(Now::Wait(LONGEST_SLEEP));
                }
                match self.turns.next(&run.plan, TargetKind::Address)? {
                    Next::Turn(turn, deferral) => upcoming.ready = self.prepare(turn, deferral)?,
                    Next::Later => return Ok(Now::Wait(SHORT_SLEEP)),
                    Next::End => return Ok(Now::Finish),
                }
                continue;
            };
            let Some(permit) = throttle.permits.try_acquire() else {
                upcoming.ready = Some(ready);
                return Ok(Now::Wait(LONGEST_SLEEP));
            };
            let waiting_since = *since.get_or_insert_with(tokio::time::Instant::now);
            if let Err(again) = throttle.limiter.try_start(waiting_since) {
                upcoming.ready = Some(ready);
                upcoming.since = since;
                return Ok(Now::Wait(again.unwrap_or(SHORT_SLEEP)));
            }
            self.begin(run, connects, ready, permit)?;
        }
    }

    /// Prepares to connect to a target. `None` if it is not for this sweep, and was passed on.
    fn prepare(&self, turn: Turn, deferral: Option<Deferral>) -> io::Result<Option<Box<Ready>>> {
        let target = self.run.target(turn.rank)?;
        let Host::Ip(address) = target.host else {
            self.pass_on(turn, Step::Attempt(deferral));
            return Ok(None);
        };
        if let Some(left_out) = self.run.attempt_at(turn, &target).excluded() {
            self.record(turn, &target, Outcome::LeftOut(left_out))?;
            return Ok(None);
        }
        let Some(under_caps) = self
            .run
            .pipeline
            .throttle()
            .caps
            .try_acquire(address, self.may_share)
        else {
            self.pass_on(turn, Step::Attempt(deferral));
            return Ok(None);
        };
        let address = SocketAddr::new(address, target.port);
        Ok(Some(Box::new(Ready {
            turn,
            deferral,
            target,
            address,
            under_caps,
        })))
    }

    fn begin<'a>(
        &self,
        run: &'a Run,
        connects: &mut Connects<'a>,
        ready: Box<Ready>,
        permit: ConnectPermit<'a>,
    ) -> io::Result<()> {
        let started = Instant::now();
        let (token, idle) = connects.next();
        // A stream that cannot connect again is closed before a new one is made.
        let idle = idle.filter(|idle| Connector::begin_again(&idle.stream, ready.address));
        let (stream, uses) = match idle {
            Some(Idle { stream, uses, .. }) => (stream, uses + 1),
            None => match self.begin_new(ready.address, token) {
                Ok(stream) => (stream, 1),
                Err(failure) => return self.fail(&ready, failure, started.elapsed()),
            },
        };
        connects.insert(
            token,
            Connect {
                ready,
                stream,
                uses,
                started,
                _permit: permit,
                _in_flight: run.counters.in_flight(),
            },
        );
        Ok(())
    }

    /// Begins to connect a new stream, and registers it.
    fn begin_new(&self, address: SocketAddr, token: Token) -> Result<TcpStream, Failure> {
        let stream = self.run.pipeline.connector().begin(address)?;
        let mut stream = TcpStream::from_std(stream);
        let registry = self.poll.registry();
        // If it fails, the system watches no further connection.
        match registry.register(&mut stream, token, Interest::WRITABLE) {
            Ok(()) => Ok(stream),
            Err(error) => {
                let (kind, detail) = (FailureKind::ResourcesExhausted, error.to_string());
                Err(Failure::new(Stage::Connect, kind, detail))
            }
        }
    }

    /// Takes the result of a connect.
    fn end(
        &self,
        connects: &mut Connects<'_>,
        token: Token,
        result: Result<(), Failure>,
        now: Instant,
    ) -> io::Result<()> {
        let Some(connect) = connects.take(token) else {
            return Ok(());
        };
        let Connect {
            ready,
            mut stream,
            uses,
            started,
            ..
        } = connect;
        let (pipeline, took) = (&self.run.pipeline, now - started);
        if let Err(failure) = result {
            if failure.kind == FailureKind::Refused
                && self.run.plan.is_unpredictable()
                && Connector::can_begin_again(&stream, ready.address, took)
            {
                connects.keep(token, stream, uses);
            }
            return self.fail(&ready, failure, took);
        }
        self.poll.registry().deregister(&mut stream)?;
        pipeline.connected(&ready.target.host, None, took, &self.run.stop);
        let accepted = Accepted {
            target: ready.target,
            stream: stream.into(),
            took,
            under_caps: ready.under_caps,
        };
        self.pass_on(ready.turn, Step::Ask(Box::new(accepted)));
        Ok(())
    }

    /// Records that an address accepted no connection.
    fn fail(&self, ready: &Ready, failure: Failure, took: Duration) -> io::Result<()> {
        let (run, turn, target) = (&self.run, ready.turn, &ready.target);
        if failure.kind == FailureKind::ResourcesExhausted {
            run.pipeline.throttle().resources_exhausted(&failure.detail);
            self.pass_on(turn, Step::Attempt(ready.deferral));
            return Ok(());
        }
        run.pipeline
            .connected(&target.host, Some(&failure), took, &run.stop);
        let outcome = run.attempt_at(turn, target).not_accepted(failure, took);
        self.record(turn, target, outcome)
    }

    fn record(&self, turn: Turn, target: &Target, outcome: Outcome) -> io::Result<()> {
        let recorded = self
            .run
            .record(turn, target, std::slice::from_ref(&outcome));
        // What was counted is sent, even if it could not be recorded.
        if let Outcome::Record(report) = outcome
            && let Err(TrySendError::Full(report)) = self.run.reports.try_send(report)
        {
            self.pass_on(turn, Step::Send(report));
        }
        recorded
    }

    fn pass_on(&self, turn: Turn, step: Step) {
        let follow_up = FollowUp::new(turn, step, &self.rooms);
        self.runtime.spawn(follow_up.run(Arc::clone(&self.run)));
    }
}
