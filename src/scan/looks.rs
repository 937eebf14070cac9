//! The looks at one endpoint, each on a connection of its own: the first, one in plain HTTP where no TLS showed,
//! and a second one where the answers contradict each other.

use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use tokio::net::TcpStream;

use super::attempt::Attempt;
use super::dialer::Redialer;
use super::outcome::passes;
use super::pipeline::{Pipeline, closed};
use crate::model::{Endpoint, Failure, Observation, Scheme};
use crate::probe::{Dial as _, Dialled};

/// How long a server at least bears a connection on which nothing is said: who hangs up sooner means it.
const PATIENCE: Duration = Duration::from_millis(200);

impl Pipeline {
    /// A look on the connection at hand, or on another one if the server did not wait for it.
    pub(super) async fn first_look(
        &self,
        dial: &Redialer<'_>,
        stream: TcpStream,
        endpoint: &Endpoint,
    ) -> Observation {
        let failed = |failure| {
            let mut observation = Observation::new(endpoint.clone());
            observation.failure = Some(failure);
            observation
        };
        let waiting = Instant::now();
        let Ok(_permit) = self.looks.acquire().await else {
            return failed(closed());
        };
        if waiting.elapsed() < PATIENCE || !hung_up(&stream) {
            return self.prober.probe(stream, endpoint, 1, dial).await;
        }
        let Dialled { stream, took } = dial.dial(endpoint).await;
        let mut observation = match stream {
            Ok(stream) => self.prober.probe(stream, endpoint, 1, dial).await,
            Err(failure) => failed(failure),
        };
        observation.connections += 1;
        observation.timings.total += took;
        observation
    }

    /// Asks in plain HTTP, on a connection of its own, where the handshake ended in bytes that are not TLS or
    /// in a close before any byte. What comes of it takes the place of the observation if somebody answers;
    /// otherwise the observation keeps its failure.
    ///
    /// A close may be a moment's: TLS is tried again first, where that is due.
    pub(super) async fn in_plain_http(
        &self,
        attempt: &Attempt<'_>,
        dial: &Redialer<'_>,
        seen: Observation,
    ) -> Observation {
        let showed_no_tls = seen.endpoint.scheme == Scheme::Https && seen.no_tls;
        let due = |failure: &Failure| attempt.last || !passes(failure);
        let asked_so = || {
            attempt
                .scope
                .is_some_and(|set| set.asks_in_plain_http(attempt.target))
        };
        if !showed_no_tls || !seen.failure.as_ref().is_some_and(due) || asked_so() {
            return seen;
        }
        let endpoint = Endpoint {
            scheme: Scheme::Http,
            ..seen.endpoint.clone()
        };
        let Ok(_permit) = self.looks.acquire().await else {
            return seen;
        };
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
            (plain, seen)
        } else {
            (seen, plain)
        };
        kept.connections += other.connections;
        kept.timings.total += other.timings.total + took;
        if !answers {
            // What this machine lacked says nothing of the port: nobody knows whether it speaks plain HTTP.
            let of_requests = other
                .exchanges
                .into_iter()
                .filter_map(|exchange| exchange.outcome.err());
            let ours = other
                .failure
                .into_iter()
                .chain(of_requests)
                .find(|failure| failure.kind.is_ours());
            kept.failure = ours.or(kept.failure);
        }
        kept
    }

    /// A look on a connection of its own, after a pause; or why there is no connection.
    pub(super) async fn second_look(
        &self,
        dial: &Redialer<'_>,
        endpoint: &Endpoint,
        pause: Duration,
    ) -> Result<Observation, Failure> {
        tokio::time::sleep(pause).await;
        let _permit = self.looks.acquire().await.map_err(|_| closed())?;
        let Dialled { stream, took } = dial.dial(endpoint).await;
        let mut observation = self.prober.probe(stream?, endpoint, 2, dial).await;
        observation.timings.total += pause + took;
        Ok(observation)
    }
}

/// Whether the server has closed a connection on which nothing was said yet.
fn hung_up(stream: &TcpStream) -> bool {
    matches!(stream.peek(&mut [0]).now_or_never(), Some(Ok(0) | Err(_)))
}
