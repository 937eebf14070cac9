//! One target's way through the stages, from its name to its records.

mod addresses;
mod attempt;
mod doubtful;
mod endpoint;
mod probes;
mod record;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use crate::config::{ProxyKind, ScanConfig};
use crate::connect::Connector;
use crate::error::Error;
use crate::model::{EndpointReport, Failure, FailureKind, Host, Stage, Target, Timings};
use crate::resolve::{Resolved, Resolver};

use super::admission::{OwnSideFailures, Throttle};
use super::ledger::{Deferral, Outcome};
use super::stop::Stop;
use addresses::Selection;
use attempt::{connect_timings, endpoint_of};
use endpoint::{Endpoints, Location};

pub(super) use attempt::Attempt;
pub(super) use endpoint::catch_panic;
#[cfg(any(test, fuzzing))]
pub(crate) use record::record;

/// The stages, set up once for all scans.
pub(super) struct Pipeline {
    resolver: Resolver,
    selection: Selection,
    endpoints: Endpoints,
    /// With a proxy: the note on a failed lookup about where names are resolved.
    lookup_note: Option<&'static str>,
}

impl Pipeline {
    pub(super) fn new(config: &ScanConfig) -> Result<Self, Error> {
        Ok(Self {
            resolver: Resolver::new(config),
            selection: Selection::new(config),
            endpoints: Endpoints::new(config)?,
            lookup_note: config.proxy.as_ref().map(|proxy| match proxy.kind {
                ProxyKind::HttpConnect => "names are resolved here, not by the proxy",
                _ => "names are resolved here; --proxy socks5h:// has the proxy resolve them",
            }),
        })
    }

    pub(super) const fn resolver(&self) -> &Resolver {
        &self.resolver
    }

    pub(super) const fn throttle(&self) -> &Throttle {
        &self.endpoints.dialer.throttle
    }

    pub(super) const fn own_side_failures(&self) -> &OwnSideFailures {
        &self.endpoints.dialer.own_side_failures
    }

    pub(super) const fn connector(&self) -> &Connector {
        &self.endpoints.dialer.connector
    }

    /// Reports the result of a connect to a host, which took so long.
    pub(super) fn connected(
        &self,
        host: &Host,
        failure: Option<&Failure>,
        took: Duration,
        stop: &Stop,
    ) {
        self.endpoints.dialer.connected(host, failure, took, stop);
    }

    fn proxy_resolves_names(&self) -> bool {
        self.endpoints.dialer.connector.resolves_names()
    }

    /// Visits all addresses of a target, or only the one given. Each leads to one outcome. Endpoints that
    /// accepted a connection get a record; the others only if the attempt says so. `None` if the scan was
    /// stopped before anything was sent.
    pub(super) async fn visit(
        &self,
        attempt: &Attempt<'_>,
        only: Option<IpAddr>,
    ) -> Option<Vec<Outcome>> {
        let target = attempt.target;
        let name = match &target.host {
            Host::Name(name) if !self.proxy_resolves_names() => name,
            host => {
                if let Some(excluded) = attempt.excluded() {
                    return Some(vec![Outcome::LeftOut(excluded)]);
                }
                let location = Location {
                    host: host.clone(),
                    resolve: None,
                    aliases: Arc::default(),
                };
                return Some(vec![self.endpoints.visit(attempt, location, true).await?]);
            }
        };
        let started = Instant::now();
        // Boxed, so that a worker which waits for an answer stays small.
        let lookup = catch_panic(Box::pin(self.resolve(name, target.absolute, attempt.stop)));
        let resolved = tokio::select! {
            biased;
            resolved = lookup => resolved.and_then(|resolved| resolved),
            () = attempt.stop.stopped() => return None,
        };
        let elapsed = started.elapsed();
        let resolved = match (resolved, only) {
            // A retried address was selected before. The name may lead elsewhere by now.
            (Ok(resolved), Some(only)) => Resolved {
                addresses: vec![only],
                partial_failure: None,
                ..resolved
            },
            (Ok(resolved), None) => resolved,
            (Err(failure), _) if attempt.was_interrupted(&failure) => return None,
            // The address is known; only its aliases are missing.
            (Err(failure), Some(only)) => {
                tracing::debug!(%target, "{only} is asked again, but its aliases are unknown: {failure}");
                Resolved {
                    addresses: vec![only],
                    aliases: Arc::default(),
                    is_local: true,
                    partial_failure: None,
                }
            }
            (Err(mut failure), None) => {
                failure.detail = [&*failure.detail]
                    .into_iter()
                    .chain(self.lookup_note)
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
        let found = resolved.addresses.len() as u64;
        let aliases = Arc::clone(&resolved.aliases);
        let (selected, mut left_out) = self.selection.of(target, resolved, attempt.scope);
        let has_route = |address| self.endpoints.dialer.connector.has_route(address);
        let selected = addresses::routable(selected, &mut left_out, has_route);
        let mut outcomes: Vec<Outcome> = left_out.into_iter().map(Outcome::LeftOut).collect();
        if found > 1 {
            outcomes.push(Outcome::Further(found - 1));
        }
        let mut begun = false;
        for address in selected {
            let location = Location {
                host: Host::Ip(address),
                resolve: Some(elapsed),
                aliases: Arc::clone(&aliases),
            };
            // Once the first address was asked, the others are too: the outcomes have to be complete.
            outcomes.push(self.endpoints.visit(attempt, location, !begun).await?);
            begun = true;
        }
        Some(outcomes)
    }

    /// Asks a target that is an address, over a connection that took so long to open. `None` if the scan was stopped
    /// before anything was known.
    pub(super) async fn ask(
        &self,
        attempt: &Attempt<'_>,
        stream: std::net::TcpStream,
        took: Duration,
    ) -> Option<Outcome> {
        let timings = connect_timings(took);
        let endpoint = endpoint_of(attempt.target, attempt.target.host.clone());
        let _in_flight = attempt.counters.in_flight();
        let stream = match TcpStream::from_std(stream) {
            Ok(stream) => stream,
            // The system watches no further connection.
            Err(error) => {
                let detail = error.to_string();
                let failure = Failure::new(Stage::Connect, FailureKind::ResourcesExhausted, detail);
                return Some(attempt.failed(Some(endpoint), failure, timings));
            }
        };
        let aliases = Arc::default();
        (self.endpoints)
            .ask(attempt, endpoint, aliases, stream, timings)
            .await
    }

    /// The record of an attempt that is not retried.
    pub(super) fn give_up(&self, target: Target, deferral: Deferral) -> EndpointReport {
        let host = match (&target.host, deferral.address) {
            (Host::Name(_), Some(address)) => Some(Host::Ip(address)),
            (Host::Name(_), None) if !self.proxy_resolves_names() => None,
            (host, _) => Some(host.clone()),
        };
        let endpoint = host.map(|host| endpoint_of(&target, host));
        EndpointReport::without_answer(target, endpoint, deferral.failure(), Timings::default())
    }

    /// Resolves a name. Waits while this machine has run out of resources.
    async fn resolve(
        &self,
        name: &Arc<str>,
        absolute: bool,
        stop: &Stop,
    ) -> Result<Resolved, Failure> {
        let own_side_failures = self.own_side_failures();
        let mut wait = None;
        loop {
            let answer = self.resolver.addresses(name, absolute).await;
            if let Err(failure) = &answer
                && failure.kind == FailureKind::ResourcesExhausted
            {
                self.throttle().resources_exhausted(&failure.detail);
                let wait = wait.get_or_insert_with(|| own_side_failures.wait());
                if wait.before_retry(failure, stop).await {
                    continue;
                }
            }
            own_side_failures.record_result(answer.as_ref().err(), stop);
            return answer;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    use crate::scan::ledger::Counters;
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

    /// A retried address has one outcome of its own, even if the name server fails by then.
    #[tokio::test]
    async fn a_retried_address_needs_no_name_server() {
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
        let (stop, counters) = (Stop::default(), Counters::default());
        for (only, last, expected) in [
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
            // A name that was never resolved has no address.
            (None, true, (None, FailureKind::ResolverFailure)),
        ] {
            let attempt = Attempt {
                target: &target,
                scope: None,
                rank: 0,
                keep_unreachable: true,
                first: true,
                last,
                stop: &stop,
                counters: &counters,
            };
            let outcomes = pipeline.visit(&attempt, only).await.unwrap();
            let [Outcome::Record(report)] = outcomes.as_slice() else {
                panic!("{outcomes:?}")
            };
            let address = report.address();
            assert_eq!((address, report.failure.as_ref().unwrap().kind), expected);
        }
    }
}
