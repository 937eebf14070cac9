//! The probes of one endpoint, each on a connection of its own: the first one, one in plain HTTP if the port
//! shows no TLS, and a recheck if the answers contradict each other or the server is not ready.

use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::attempt::{Attempt, is_retryable};
use crate::config::ScanConfig;
use crate::error::Error;
use crate::model::{Endpoint, Failure, Observation, Scheme, Target};
use crate::probe::{Dial as _, Dialled, Prober, Round};
use crate::scan::admission::Redialer;

/// A connection that waited no longer than this is used without checking whether the server closed it.
const IDLE: Duration = Duration::from_millis(200);

/// Probes endpoints, a limited number at once.
pub(super) struct Probes {
    prober: Prober,
    /// Never closed, so that each `acquire` succeeds.
    permits: Semaphore,
}

impl Probes {
    pub(super) fn new(config: &ScanConfig) -> Result<Self, Error> {
        Ok(Self {
            prober: Prober::new(config)?,
            permits: Semaphore::new(config.max_probes()),
        })
    }

    /// Records whether the certificate chain ends at a CA that the inventory declares for the target.
    pub(super) fn check_authorities(&self, target: &Target, observation: &mut Observation) {
        if let Some(declared) = &target.declared {
            self.prober
                .check_authorities(observation, &declared.authorities);
        }
    }

    /// Probes over an open connection, or over a new one if the server closed it before its turn came.
    pub(super) async fn first(
        &self,
        attempt: &Attempt<'_>,
        dial: &Redialer<'_>,
        stream: TcpStream,
        endpoint: &Endpoint,
    ) -> Observation {
        let round = if attempt.first {
            Round::First
        } else {
            Round::Retry
        };
        let failed = |failure| Observation {
            failure: Some(failure),
            ..Observation::new(endpoint.clone())
        };
        let waiting = Instant::now();
        let _permit = self.permits.acquire().await;
        if waiting.elapsed() < IDLE || !is_closed(&stream) {
            return self.prober.probe(stream, endpoint, round, dial).await;
        }
        let Dialled { stream, took } = dial.dial(endpoint).await;
        let mut observation = match stream {
            Ok(stream) => self.prober.probe(stream, endpoint, round, dial).await,
            Err(failure) => failed(failure),
        };
        observation.connections += 1;
        observation.timings.total += took;
        observation
    }

    /// Whether to probe in plain HTTP, too: the server showed no TLS, because the connection ended before any byte, or
    /// other bytes came. The close may have been temporary, so plain HTTP comes after the retries.
    pub(super) fn may_be_plain_http(attempt: &Attempt<'_>, over_tls: &Observation) -> bool {
        let showed_no_tls =
            over_tls.endpoint.scheme == Scheme::Https && over_tls.no_tls && over_tls.tls.is_none();
        let is_final = |failure: &Failure| attempt.last || !is_retryable(failure);
        let is_asked_anyway = || {
            attempt
                .scope
                .is_some_and(|set| set.asks_in_plain_http(attempt.target))
        };
        showed_no_tls && over_tls.failure.as_ref().is_some_and(is_final) && !is_asked_anyway()
    }

    /// Probes in plain HTTP. An answer replaces the observation. Without one the observation keeps its failure.
    pub(super) async fn in_plain_http(
        &self,
        dial: &Redialer<'_>,
        over_tls: Observation,
    ) -> Observation {
        let endpoint = Endpoint {
            scheme: Scheme::Http,
            ..over_tls.endpoint.clone()
        };
        let _permit = self.permits.acquire().await;
        let Dialled { stream, took } = dial.dial(&endpoint).await;
        let plain = match stream {
            Ok(stream) => self.prober.probe_tentatively(stream, &endpoint, dial).await,
            Err(failure) => Observation {
                failure: Some(failure),
                ..Observation::new(endpoint)
            },
        };
        let answers = plain.replies().any(|(_, reply)| !reply.sends_to_tls());
        let (mut kept, other) = if answers {
            (plain, over_tls)
        } else {
            (over_tls, plain)
        };
        kept.connections += other.connections;
        kept.timings.total += other.timings.total + took;
        if !answers {
            // After a failure on our own side it is not known whether the port speaks plain HTTP.
            let own_side_failure = other.failures().find(|failure| failure.kind.is_own_side());
            kept.failure = own_side_failure.cloned().or(kept.failure);
        }
        kept
    }

    /// Probes once more after a pause, on a new connection.
    pub(super) async fn recheck(
        &self,
        dial: &Redialer<'_>,
        endpoint: &Endpoint,
        pause: Duration,
    ) -> Result<Observation, Failure> {
        tokio::time::sleep(pause).await;
        let _permit = self.permits.acquire().await;
        let Dialled { stream, took } = dial.dial(endpoint).await;
        let mut observation = self
            .prober
            .probe(stream?, endpoint, Round::Recheck, dial)
            .await;
        observation.timings.total += pause + took;
        Ok(observation)
    }
}

/// Whether the server has closed a connection on which nothing was sent yet.
fn is_closed(stream: &TcpStream) -> bool {
    matches!(stream.peek(&mut [0]).now_or_never(), Some(Ok(0) | Err(_)))
}
