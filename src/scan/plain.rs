//! A port that showed no TLS is asked once more, in plain HTTP: the insecure port of an old API server, or
//! `kubectl proxy` on an address that others reach.

use http::header::LOCATION;

use super::dialer::Redialer;
use super::outcome::passes;
use super::pipeline::{Attempt, Pipeline};
use crate::model::{Answer, Endpoint, Failure, Observation, Reply, Scheme};
use crate::probe::{Dial as _, Dialled};

impl Pipeline {
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
        let asked_so = || attempt.set.is_some_and(|set| set.asks_in_plain_http(attempt.target));
        if !showed_no_tls || !seen.failure.as_ref().is_some_and(due) || asked_so() {
            return seen;
        }
        let endpoint = Endpoint { scheme: Scheme::Http, ..seen.endpoint.clone() };
        let Ok(_permit) = self.looks.acquire().await else { return seen };
        let Dialled { stream, took } = dial.dial(&endpoint).await;
        let plain = match stream {
            Ok(stream) => self.prober.look(stream, &endpoint, 1, dial).await,
            Err(failure) => Observation { failure: Some(failure), ..Observation::new(endpoint) },
        };
        let answers = plain.replies().any(|(_, reply)| !sends_to_tls(reply));
        let (mut kept, other) = if answers { (plain, seen) } else { (seen, plain) };
        kept.connections += other.connections;
        kept.timings.total += other.timings.total + took;
        if !answers {
            // What this machine lacked says nothing of the port: nobody knows whether it speaks plain HTTP.
            let of_requests = other.exchanges.into_iter().filter_map(|exchange| exchange.outcome.err());
            let ours = other.failure.into_iter().chain(of_requests).find(|failure| failure.kind.is_ours());
            kept.failure = ours.or(kept.failure);
        }
        kept
    }
}

/// Whether an answer says no more than that TLS should be spoken: servers say so on the port that speaks it,
/// and many in no better words than "bad request".
fn sends_to_tls(reply: &Reply) -> bool {
    let https = || {
        let location = reply.headers.get(LOCATION).map(http::HeaderValue::as_bytes).unwrap_or_default();
        location.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"https://"))
    };
    match reply.status {
        _ if reply.answer == Answer::WantsTls => true,
        300..=399 => https(),
        400 | 426 => !reply.speaks_kubernetes(),
        _ => false,
    }
}
