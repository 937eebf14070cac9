//! One target's way through the stages, from its name to its records.

use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use crate::assess::assess;
use crate::config::ScanConfig;
use crate::error::Error;
use crate::identify::{self, identify};
use crate::model::{
    Endpoint, EndpointReport, Failure, FailureKind, Host, Observation, SecondLook, Stage, Target, Timings,
    Verdict,
};
use crate::probe::{Dial, Dialled, Prober};
use crate::resolve::{Names, Resolved};
use crate::sweep::Sweep;
use crate::targets::Exclusions;

use super::dialer::{Dialer, Redialer};
use super::outcome::{Deferral, Outcome, passes};
use super::own_side::{self, OwnSide};
use super::record::record;
use super::stop::Stop;
use super::tally::Tally;
use super::throttle::Throttle;

/// Names being resolved at once, each with a socket of its own.
const LOOKUPS: usize = 32;

/// How long a server at least bears a connection on which nothing is said: who hangs up sooner means it.
const PATIENCE: Duration = Duration::from_millis(200);

/// The stages, set up once.
pub(super) struct Pipeline {
    names: Names,
    pub(super) dialer: Dialer,
    prober: Prober,
    looks: Semaphore,
    lookups: Semaphore,
    second_look_pause: Duration,
}

/// One attempt at a target.
pub(super) struct Attempt<'a> {
    pub(super) target: &'a Target,
    /// What must not be asked among the addresses of a name; `None` to ask all.
    pub(super) exclusions: Option<&'a Exclusions>,
    /// Whether unreachable addresses are worth a record.
    pub(super) keep: bool,
    /// Whether there is no later attempt to put anything off to.
    pub(super) last: bool,
    /// Ends the wait of whoever has not begun.
    pub(super) stop: &'a Stop,
    pub(super) tally: &'a Tally,
}

/// The way to one endpoint of a target.
struct Way {
    address: IpAddr,
    /// How long resolving took; `None` for an address.
    resolve: Option<Duration>,
    /// What the name is an alias of.
    aliases: Arc<[Arc<str>]>,
}

/// Runs one endpoint's work; a panic in it becomes that endpoint's failure.
async fn guarded<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    AssertUnwindSafe(work).catch_unwind().await.map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        Failure::new(Stage::Internal, FailureKind::Panic, text)
    })
}

/// A semaphore of ours is never closed; said as a failure rather than a panic.
fn closed() -> Failure {
    Failure::new(Stage::Internal, FailureKind::Panic, "a semaphore was closed")
}

/// Whether the server has closed a connection on which nothing was said yet.
fn hung_up(stream: &TcpStream) -> bool {
    matches!(stream.peek(&mut [0]).now_or_never(), Some(Ok(0) | Err(_)))
}

impl Pipeline {
    pub(super) fn new(config: &ScanConfig) -> Result<Self, Error> {
        identify::prepare();
        Ok(Self {
            names: Names::new(config),
            dialer: Dialer {
                sweep: Sweep::new(config),
                throttle: Throttle::new(config),
                own_side: OwnSide::default(),
            },
            prober: Prober::new(config)?,
            looks: Semaphore::new(config.looks()),
            lookups: Semaphore::new(LOOKUPS.min(config.concurrency)),
            second_look_pause: config.second_look_pause,
        })
    }

    pub(super) const fn names(&self) -> &Names {
        &self.names
    }

    pub(super) const fn throttle(&self) -> &Throttle {
        &self.dialer.throttle
    }

    /// Knocks on a target, on all of its addresses or on this one. Each comes to one outcome;
    /// a record is made of each endpoint that accepted a connection, and of the others only if the
    /// attempt says so. `None` if the scan was stopped before anything was sent.
    pub(super) async fn knock(&self, attempt: &Attempt<'_>, only: Option<IpAddr>) -> Option<Vec<Outcome>> {
        let target = attempt.target;
        let name = match &target.host {
            Host::Ip(address) => {
                let way = Way { address: *address, resolve: None, aliases: Arc::default() };
                return Some(vec![self.endpoint(attempt, way, true).await?]);
            }
            Host::Name(name) => name,
        };
        let started = Instant::now();
        // Boxed, as is the look below: a worker that waits for a silent address stays small.
        let lookup = guarded(Box::pin(self.resolve(name, attempt.stop)));
        let resolved = tokio::select! {
            biased;
            resolved = lookup => resolved.and_then(|resolved| resolved),
            () = attempt.stop.stopped() => return None,
        };
        let elapsed = started.elapsed();
        let Resolved { addresses, aliases } = match (resolved, only) {
            (Ok(resolved), _) => resolved,
            (Err(failure), _) if attempt.was_not_made(&failure) => return None,
            // An address that is asked again is known: without an answer only its aliases are missing.
            (Err(failure), Some(only)) => {
                tracing::debug!(%target, address = %only, %failure, "the name is not resolved again");
                Resolved { addresses: vec![only], aliases: Arc::default() }
            }
            (Err(failure), None) => {
                let timings = Timings { resolve: Some(elapsed), total: elapsed, ..Timings::default() };
                return Some(vec![attempt.failed(None, failure, timings)]);
            }
        };
        let mut outcomes = Vec::new();
        if only.is_none() && addresses.len() > 1 {
            outcomes.push(Outcome::Further(addresses.len() as u64 - 1));
        }
        // An address that is asked again need not be in the answer any more.
        let addresses = only.map_or(addresses, |only| vec![only]);
        let mut begun = false;
        for address in addresses {
            if attempt.exclusions.is_some_and(|set| set.excludes_address(address, target.port)) {
                tracing::info!(%target, %address, "excluded");
                outcomes.push(Outcome::ExcludedAddress);
                continue;
            }
            // What is begun is finished, or as a whole not made: its outcomes add up.
            let way = Way { address, resolve: Some(elapsed), aliases: Arc::clone(&aliases) };
            outcomes.push(self.endpoint(attempt, way, !begun).await?);
            begun = true;
        }
        Some(outcomes)
    }

    /// The addresses of a name. What this machine lacks is waited for.
    async fn resolve(&self, name: &Arc<str>, stop: &Stop) -> Result<Resolved, Failure> {
        let _permit = self.lookups.acquire().await.map_err(|_| closed())?;
        let own_side = &self.dialer.own_side;
        let mut wait = None;
        loop {
            let outcome = self.names.addresses(name).await;
            if let Err(failure) = &outcome
                && failure.kind == FailureKind::LocalShortage
            {
                self.throttle().short(&failure.detail);
                if wait.get_or_insert_with(|| own_side.wait()).next(failure, stop).await {
                    continue;
                }
            }
            own_side.ended(outcome.as_ref().err(), stop);
            return outcome;
        }
    }

    /// Waits until the address may be asked, and asks. `None` if the scan was stopped meanwhile and
    /// the wait may be given up.
    async fn endpoint(
        &self,
        attempt: &Attempt<'_>,
        Way { address, resolve, aliases }: Way,
        may_give_up: bool,
    ) -> Option<Outcome> {
        let target = attempt.target;
        let throttle = self.throttle();
        let admission = async {
            let place = throttle.enter(address).await;
            (place, throttle.leave().await)
        };
        let (_place, leave) = tokio::select! {
            biased;
            () = attempt.stop.stopped(), if may_give_up => return None,
            admitted = admission => admitted,
        };
        let _flight = attempt.tally.flight();
        let address = SocketAddr::new(address, target.port);
        let Dialled { stream, took } = self.dialer.connect(address, leave, attempt.stop).await;
        let total = took + resolve.unwrap_or_default();
        let timings = Timings { resolve, connect: Some(took), total, ..Timings::default() };
        let stream = match stream {
            Ok(stream) => stream,
            Err(failure) if attempt.was_not_made(&failure) => return None,
            Err(failure) => return Some(attempt.failed(Some(address), failure, timings)),
        };
        let judged =
            guarded(Box::pin(self.judge(attempt, endpoint_of(target, address), aliases, stream))).await;
        let (mut report, short) = match judged {
            Ok(judged) => judged,
            Err(failure) => {
                let endpoint = Some(endpoint_of(target, address));
                let report = EndpointReport::without_answer(target.clone(), endpoint, failure, timings);
                return Some(Outcome::Record(Box::new(report)));
            }
        };
        if short.as_ref().is_some_and(|failure| attempt.was_not_made(failure)) {
            return None;
        }
        // A proxy may say that a connection is open before it is, and close it when it cannot be.
        if self.dialer.sweep.is_proxied()
            && let Some(failure) = own_side::unheard(&report)
        {
            return Some(attempt.failed(Some(address), failure, timings));
        }
        if let Some(failure) = report.failure.as_ref().or(short.as_ref()) {
            if matches!(failure.kind, FailureKind::Deadline | FailureKind::TimedOut) {
                throttle.silent(address.ip());
            }
            if !attempt.last && passes(failure) {
                return Some(attempt.put_off(address.ip(), failure));
            }
        }
        // That nothing showed is no finding where not everything could be asked.
        let nothing_showed = matches!(report.verdict, Verdict::NotApiServer | Verdict::Unreachable);
        if let Some(short) = short.filter(|_| nothing_showed) {
            return Some(attempt.failed(Some(address), short, timings));
        }
        report.timings.resolve = timings.resolve;
        report.timings.connect = timings.connect;
        report.timings.total += total;
        tracing::debug!(%target, %address, verdict = %report.verdict, reason = report.reason);
        Some(Outcome::Record(Box::new(report)))
    }

    /// Looks, identifies and assesses, and looks once more where the answers contradict each other.
    /// With it, what this machine was short of, where another verdict might stand without that.
    async fn judge(
        &self,
        attempt: &Attempt<'_>,
        endpoint: Endpoint,
        aliases: Arc<[Arc<str>]>,
        stream: TcpStream,
    ) -> (EndpointReport, Option<Failure>) {
        let target = attempt.target;
        let dial = Redialer { dialer: &self.dialer, stop: attempt.stop };
        let mut observation = self.first_look(&dial, stream, &endpoint).await;
        let mut second = None;
        observation.aliases = aliases;
        let mut identification = identify(&observation);
        let mut assessment = assess(&observation, &identification);
        if let Some(SecondLook { why, after }) = assessment.second_look.take() {
            tracing::info!(%target, why, "second look");
            let pause = after.unwrap_or(self.second_look_pause);
            match self.second_look(&dial, &endpoint, pause).await {
                Ok(second) => {
                    observation.absorb(second);
                    identification = identify(&observation);
                    assessment = assess(&observation, &identification);
                }
                Err(failure) => second = Some(failure),
            }
        }
        let short = own_side::of_look(&observation, assessment.verdict, second.as_ref());
        (record(target, observation, identification, assessment), short)
    }

    /// A look on the connection at hand, or on another one if the server did not wait for it.
    async fn first_look(&self, dial: &Redialer<'_>, stream: TcpStream, endpoint: &Endpoint) -> Observation {
        let failed = |failure| {
            let mut observation = Observation::new(endpoint.clone());
            observation.failure = Some(failure);
            observation
        };
        let waiting = Instant::now();
        let Ok(_permit) = self.looks.acquire().await else { return failed(closed()) };
        if waiting.elapsed() < PATIENCE || !hung_up(&stream) {
            return self.prober.look(stream, endpoint, 1, dial).await;
        }
        let Dialled { stream, took } = dial.dial(endpoint).await;
        let mut observation = match stream {
            Ok(stream) => self.prober.look(stream, endpoint, 1, dial).await,
            Err(failure) => failed(failure),
        };
        observation.connections += 1;
        observation.timings.total += took;
        observation
    }

    /// A look on a connection of its own, after a pause; or why there is no connection.
    async fn second_look(
        &self,
        dial: &Redialer<'_>,
        endpoint: &Endpoint,
        pause: Duration,
    ) -> Result<Observation, Failure> {
        tokio::time::sleep(pause).await;
        let _permit = self.looks.acquire().await.map_err(|_| closed())?;
        let Dialled { stream, took } = dial.dial(endpoint).await;
        let mut observation = self.prober.look(stream?, endpoint, 2, dial).await;
        observation.timings.total += pause + took;
        Ok(observation)
    }
}

impl Attempt<'_> {
    /// Whether the scan was stopped while the attempt waited for what this machine is short of.
    fn was_not_made(&self, failure: &Failure) -> bool {
        failure.kind == FailureKind::LocalShortage && self.stop.is_stopped()
    }

    /// The outcome of an address, or of a name without one, that could not be asked.
    fn failed(&self, address: Option<SocketAddr>, failure: Failure, timings: Timings) -> Outcome {
        if !self.last && passes(&failure) {
            return match address {
                Some(address) => self.put_off(address.ip(), &failure),
                None => Outcome::Deferred(Deferral::of(&failure, None)),
            };
        }
        if !self.keep {
            return Outcome::Silent(failure.kind);
        }
        let endpoint = address.map(|address| endpoint_of(self.target, address));
        Outcome::Record(Box::new(EndpointReport::without_answer(
            self.target.clone(),
            endpoint,
            failure,
            timings,
        )))
    }

    fn put_off(&self, address: IpAddr, failure: &Failure) -> Outcome {
        tracing::debug!(target = %self.target, %address, %failure, "to be asked again");
        let only = matches!(self.target.host, Host::Name(_)).then_some(address);
        Outcome::Deferred(Deferral::of(failure, only))
    }
}

pub(super) fn endpoint_of(target: &Target, address: SocketAddr) -> Endpoint {
    Endpoint {
        scheme: target.scheme,
        address,
        name: target.server_name(),
        prefix: Arc::clone(&target.prefix),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets::{TargetOptions, TargetSetBuilder};

    /// A name server that answers every query with SERVFAIL.
    async fn failing_name_server() -> SocketAddr {
        let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut message = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut message).await {
                message[2] |= 0x80;
                message[3] = 2;
                let _ = socket.send_to(&message[..length], from).await;
            }
        });
        address
    }

    /// An address that is asked again comes to one outcome of its own, also when the name server
    /// fails meanwhile.
    #[tokio::test]
    async fn an_address_asked_again_needs_no_name_server() {
        let config = ScanConfig { resolver: Some(failing_name_server().await), ..ScanConfig::default() };
        let pipeline = Pipeline::new(&config).unwrap();
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut builder = TargetSetBuilder::new(TargetOptions::default());
        builder.argument(&format!("two.example:{}", closed.port()));
        let target = builder.build().unwrap().get(0).unwrap();
        let (stop, tally) = (Stop::default(), Tally::default());
        for (only, last, came_to) in [
            (Some(closed.ip()), false, (Some(closed), FailureKind::Refused)),
            (Some(closed.ip()), true, (Some(closed), FailureKind::Refused)),
            // Nothing is known of a name that was never resolved.
            (None, true, (None, FailureKind::ResolverFailure)),
        ] {
            let attempt =
                Attempt { target: &target, exclusions: None, keep: true, last, stop: &stop, tally: &tally };
            let outcomes = pipeline.knock(&attempt, only).await.unwrap();
            let [Outcome::Record(report)] = outcomes.as_slice() else { panic!("{outcomes:?}") };
            let address = report.endpoint.as_ref().map(|endpoint| endpoint.address);
            assert_eq!((address, report.failure.as_ref().unwrap().kind), came_to);
        }
    }
}
