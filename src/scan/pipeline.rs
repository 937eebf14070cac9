//! One target's way through the stages, from its name to its records.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use crate::assess::assess;
use crate::config::{ProxyKind, ScanConfig};
use crate::connect::Connector;
use crate::error::Error;
use crate::identify::{self, identify};
use crate::model::{
    Endpoint, EndpointReport, Failure, FailureKind, Host, SecondLook, Stage, Timings, Verdict,
};
use crate::probe::{Dialled, Prober};
use crate::resolve::{Resolved, Resolver};

use super::addresses::{self, Choice};
use super::attempt::{Attempt, endpoint_of};
use super::dialer::{Dialer, Redialer};
use super::outcome::{Outcome, passes};
use super::own_side::{self, OwnSide};
use super::record::record;
use super::stop::Stop;
use super::throttle::Throttle;

/// The stages, set up once.
pub(super) struct Pipeline {
    names: Resolver,
    pub(super) dialer: Dialer,
    pub(super) prober: Prober,
    pub(super) looks: Semaphore,
    choice: Choice,
    second_look_pause: Duration,
    /// What to say of a name that could not be resolved.
    unresolved: Option<&'static str>,
}

/// The way to one endpoint of a target.
struct Way {
    host: Host,
    /// How long resolving took; `None` where nothing was resolved here.
    resolve: Option<Duration>,
    /// What the name is an alias of.
    aliases: Arc<[Arc<str>]>,
}

/// Runs one endpoint's work; a panic in it becomes that endpoint's failure.
async fn guarded<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    AssertUnwindSafe(work)
        .catch_unwind()
        .await
        .map_err(|panic| {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_default();
            Failure::new(Stage::Internal, FailureKind::Panic, text)
        })
}

/// A semaphore of ours is never closed; said as a failure rather than a panic.
pub(super) fn closed() -> Failure {
    Failure::new(
        Stage::Internal,
        FailureKind::Panic,
        "a semaphore was closed",
    )
}

impl Pipeline {
    pub(super) fn new(config: &ScanConfig) -> Result<Self, Error> {
        identify::prepare();
        Ok(Self {
            names: Resolver::new(config),
            dialer: Dialer {
                connector: Connector::new(config),
                throttle: Throttle::new(config),
                own_side: OwnSide::default(),
            },
            prober: Prober::new(config)?,
            looks: Semaphore::new(config.looks()),
            choice: Choice::new(config),
            second_look_pause: config.second_look_pause,
            unresolved: config.proxy.as_ref().map(|proxy| match proxy.kind {
                ProxyKind::HttpConnect => "names are resolved here, not by the proxy",
                _ => "names are resolved here; --proxy socks5h:// has the proxy resolve them",
            }),
        })
    }

    pub(super) const fn names(&self) -> &Resolver {
        &self.names
    }

    pub(super) const fn throttle(&self) -> &Throttle {
        &self.dialer.throttle
    }

    /// Knocks on a target, on all of its addresses or on this one. Each comes to one outcome;
    /// a record is made of each endpoint that accepted a connection, and of the others only if the
    /// attempt says so. `None` if the scan was stopped before anything was sent.
    pub(super) async fn knock(
        &self,
        attempt: &Attempt<'_>,
        only: Option<IpAddr>,
    ) -> Option<Vec<Outcome>> {
        let target = attempt.target;
        let name = match &target.host {
            Host::Name(name) if !self.dialer.connector.resolves_names() => name,
            host => {
                if let Host::Ip(address) = host
                    && let Some(outcome) = addresses::excluded(*address, target.port, attempt.scope)
                {
                    return Some(vec![outcome]);
                }
                let way = Way {
                    host: host.clone(),
                    resolve: None,
                    aliases: Arc::default(),
                };
                return Some(vec![self.endpoint(attempt, way, true).await?]);
            }
        };
        let started = Instant::now();
        // Boxed, as is the look below: a worker that waits for a silent address stays small.
        let lookup = guarded(Box::pin(self.resolve(name, target.absolute, attempt.stop)));
        let resolved = tokio::select! {
            biased;
            resolved = lookup => resolved.and_then(|resolved| resolved),
            () = attempt.stop.stopped() => return None,
        };
        let elapsed = started.elapsed();
        let resolved = match (resolved, only) {
            // An address that is asked again was chosen before, and need not be in the answer any more.
            (Ok(resolved), Some(only)) => Resolved {
                addresses: vec![only],
                failed: None,
                ..resolved
            },
            (Ok(resolved), None) => resolved,
            (Err(failure), _) if attempt.was_not_made(&failure) => return None,
            // Without an answer only its aliases are missing.
            (Err(failure), Some(only)) => {
                tracing::debug!(%target, address = %only, %failure, "the name is not resolved again");
                Resolved {
                    addresses: vec![only],
                    aliases: Arc::default(),
                    given: true,
                    failed: None,
                }
            }
            (Err(mut failure), None) => {
                failure.detail = [&*failure.detail]
                    .into_iter()
                    .chain(self.unresolved)
                    .collect::<Vec<_>>()
                    .join("; ");
                let timings = Timings {
                    resolve: Some(elapsed),
                    total: elapsed,
                    ..Timings::default()
                };
                return Some(vec![attempt.failed(None, failure, timings)]);
            }
        };
        let (found, aliases) = (
            resolved.addresses.len() as u64,
            Arc::clone(&resolved.aliases),
        );
        let (addresses, mut outcomes) = self.choice.of(target, resolved, attempt.scope);
        let addresses = addresses::routable(addresses, &mut outcomes, |address| {
            self.dialer.connector.has_route(address)
        });
        if found > 1 {
            outcomes.push(Outcome::Further(found - 1));
        }
        let mut begun = false;
        for address in addresses {
            // What is begun is finished, or as a whole not made: its outcomes add up.
            let way = Way {
                host: Host::Ip(address),
                resolve: Some(elapsed),
                aliases: Arc::clone(&aliases),
            };
            outcomes.push(self.endpoint(attempt, way, !begun).await?);
            begun = true;
        }
        Some(outcomes)
    }

    /// The addresses of a name. What this machine lacks is waited for.
    async fn resolve(
        &self,
        name: &Arc<str>,
        absolute: bool,
        stop: &Stop,
    ) -> Result<Resolved, Failure> {
        let own_side = &self.dialer.own_side;
        let mut wait = None;
        loop {
            let outcome = self.names.addresses(name, absolute).await;
            if let Err(failure) = &outcome
                && failure.kind == FailureKind::LocalShortage
            {
                self.throttle().short(&failure.detail);
                if wait
                    .get_or_insert_with(|| own_side.wait())
                    .next(failure, stop)
                    .await
                {
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
        Way {
            host,
            resolve,
            aliases,
        }: Way,
        may_give_up: bool,
    ) -> Option<Outcome> {
        let target = attempt.target;
        let throttle = self.throttle();
        let admission = async {
            let place = throttle.enter(&host).await;
            (place, throttle.leave().await)
        };
        let (_place, leave) = tokio::select! {
            biased;
            () = attempt.stop.stopped(), if may_give_up => return None,
            admitted = admission => admitted,
        };
        let _flight = attempt.tally.flight();
        let endpoint = endpoint_of(target, host.clone());
        let Dialled { stream, took } = self.dialer.connect(&endpoint, leave, attempt.stop).await;
        let total = took + resolve.unwrap_or_default();
        let timings = Timings {
            resolve,
            connect: Some(took),
            total,
            ..Timings::default()
        };
        let stream = match stream {
            Ok(stream) => stream,
            Err(failure) if attempt.was_not_made(&failure) => return None,
            Err(failure) => return Some(attempt.failed(Some(endpoint), failure, timings)),
        };
        let judged = guarded(Box::pin(self.judge(
            attempt,
            endpoint.clone(),
            aliases,
            stream,
        )))
        .await;
        let (mut report, short) = match judged {
            Ok(judged) => judged,
            Err(failure) => {
                let report = EndpointReport::without_answer(
                    target.clone(),
                    Some(endpoint),
                    failure,
                    timings,
                );
                return Some(Outcome::Record(Box::new(report)));
            }
        };
        if short
            .as_ref()
            .is_some_and(|failure| attempt.was_not_made(failure))
        {
            return None;
        }
        // A proxy may say that a connection is open before it is, and close it when it cannot be.
        if self.dialer.connector.is_proxied()
            && let Some(failure) = own_side::unheard(&report)
        {
            return Some(attempt.failed(Some(endpoint), failure, timings));
        }
        if let Some(failure) = report.failure.as_ref().or(short.as_ref()) {
            if matches!(failure.kind, FailureKind::Deadline | FailureKind::TimedOut) {
                throttle.silent(&host);
            }
            if !attempt.last && passes(failure) {
                return Some(attempt.put_off(Some(&endpoint), failure));
            }
        }
        // That nothing showed is no finding where not everything could be asked.
        let nothing_showed = matches!(report.verdict, Verdict::NotApiServer | Verdict::Unreachable);
        if let Some(short) = short.filter(|_| nothing_showed) {
            return Some(attempt.failed(Some(endpoint), short, timings));
        }
        report.timings.resolve = timings.resolve;
        report.timings.connect = timings.connect;
        report.timings.total += total;
        tracing::debug!(%target, %endpoint, verdict = %report.verdict, reason = report.reason);
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
        let dial = Redialer {
            dialer: &self.dialer,
            stop: attempt.stop,
        };
        let observation = self.first_look(&dial, stream, &endpoint).await;
        let mut observation = self.in_plain_http(attempt, &dial, observation).await;
        let endpoint = observation.endpoint.clone();
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
        (
            record(target, observation, identification, assessment),
            short,
        )
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::scan::tally::Tally;
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
        let config = ScanConfig {
            resolver: Some(failing_name_server().await),
            ..ScanConfig::default()
        };
        let pipeline = Pipeline::new(&config).unwrap();
        let closed = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let mut builder = TargetSetBuilder::new(TargetOptions::default());
        builder.argument(&format!("two.example:{}", closed.port()));
        let target = builder.build().unwrap().get(0).unwrap();
        let (stop, tally) = (Stop::default(), Tally::default());
        for (only, last, came_to) in [
            (
                Some(closed.ip()),
                false,
                (Some(closed), FailureKind::Refused),
            ),
            (
                Some(closed.ip()),
                true,
                (Some(closed), FailureKind::Refused),
            ),
            // Nothing is known of a name that was never resolved.
            (None, true, (None, FailureKind::ResolverFailure)),
        ] {
            let attempt = Attempt {
                target: &target,
                scope: None,
                keep: true,
                last,
                stop: &stop,
                tally: &tally,
            };
            let outcomes = pipeline.knock(&attempt, only).await.unwrap();
            let [Outcome::Record(report)] = outcomes.as_slice() else {
                panic!("{outcomes:?}")
            };
            let address = report.endpoint.as_ref().and_then(Endpoint::address);
            assert_eq!((address, report.failure.as_ref().unwrap().kind), came_to);
        }
    }
}
