//! Requests that leave together: one round trip for all of them.
//!
//! HTTP/1.1 servers answer pipelined requests in their order (RFC 9112, section 9.3.2), and HTTP/2 has a stream for each.
//! Not every server and front end does this well, and a lost or repeated answer shifts those behind it. So answers over
//! HTTP/1.1 count only if all came and each is an API server's own answer to its request ([`fit`](super::fit)).
//! Otherwise those that name their request count, the probe makes the other requests again, one at a time on a further
//! connection, and the observation says why. Answers that are out of step put earlier flights of their connection in
//! doubt, too. No request is made alone on a connection that carried a flight.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use tokio::time::Instant as Deadline;

use super::fit::{Proof, doubt, is_due_to_company, names_its_request, proof, status};
use super::{Round, RunningProbe};
use crate::config::MAX_PAUSE;
use crate::kubernetes::PathClass;
use crate::model::{Exchange, Failure, FailureKind, OneAtATime, Reply, Request, Stage};
use crate::probe::connection::Connection;
use crate::probe::dial::Dial;
use crate::probe::pause::wait;

/// The most requests that leave together.
const MOST: usize = 32;

impl<D: Dial> RunningProbe<'_, D> {
    /// Makes those of these requests that can leave together. What is missing afterwards has to be requested one at a
    /// time. Returns `false` once no further request can be made.
    pub(super) async fn request_together(&mut self, requests: &[Request]) -> bool {
        let due = self.due(requests);
        let is_health = |request: &Request| request.class == PathClass::Health;
        let are_health = due.iter().all(is_health);
        // Where only the first bytes of a document are read, the connection ends. Two health paths have the same answers,
        // so they are in one flight only if nothing else is.
        let leave_together = |one: &Request, next: &Request| {
            one.method == next.method
                && !(one.class.is_telemetry() || next.class.is_telemetry())
                && (are_health || !(is_health(one) && is_health(next)))
        };
        for kind in due.chunk_by(leave_together) {
            for flight in kind.chunks(MOST) {
                if !self.may_pipeline() {
                    return true;
                }
                if self.is_a_flight(flight) && !self.fly(flight).await {
                    return false;
                }
            }
        }
        true
    }

    /// Those of these requests that were not made yet, each once.
    fn due<'r>(&self, requests: &'r [Request]) -> Cow<'r, [Request]> {
        let is_due = |(at, request): &(usize, &Request)| {
            !self.was_made(request) && !requests[..*at].contains(request)
        };
        let mut numbered = requests.iter().enumerate();
        if numbered.all(|request| is_due(&request)) {
            return requests.into();
        }
        let due = requests.iter().enumerate().filter(is_due);
        due.map(|(_, request)| request.clone()).collect()
    }

    /// Whether requests may leave together. A recheck decides between contradictory answers, so it makes them one at a
    /// time; a tentative probe decides after the first response.
    fn may_pipeline(&self) -> bool {
        self.prober.pipelining
            && self.round == Round::First
            && !self.tentative
            && self.observation.one_at_a_time.is_none()
    }

    /// Whether these requests leave as a flight: several, or one on a connection that carried a flight.
    fn is_a_flight(&self, requests: &[Request]) -> bool {
        let carried_a_flight = self.connection.is_some() && self.flights_from.is_some();
        let is_telemetry = |request: &Request| request.class.is_telemetry();
        requests.len() > 1 || carried_a_flight && !requests.iter().any(is_telemetry)
    }

    /// Makes these requests together, and repeats with GET what HEAD did not prove. What earlier flights asked is asked
    /// again if it is in doubt.
    async fn fly(&mut self, requests: &[Request]) -> bool {
        let first = self.observation.exchanges.len();
        if !self.exchange_together(requests).await {
            return false;
        }
        let made = self.observation.exchanges.iter().skip(first);
        let fallbacks: Vec<Request> = made
            .filter_map(|exchange| self.get_fallback(exchange))
            .collect();
        let doubted = self.dropped.iter().map(|exchange| &exchange.request);
        let again: Vec<Request> = doubted
            .filter(|request| !requests.contains(request) && !self.was_made(request))
            .chain(&fallbacks)
            .cloned()
            .collect();
        for request in &again {
            if !self.request_with_get_fallback(request).await {
                return false;
            }
        }
        true
    }

    /// Makes these requests together, and keeps the answers that certainly belong to them.
    async fn exchange_together(&mut self, requests: &[Request]) -> bool {
        let mut connection = match self.take_connection().await {
            Ok(connection) => connection,
            Err(failure) if self.observation.exchanges.is_empty() => {
                self.observation.failure = Some(failure);
                return false;
            }
            // The other requests try to connect themselves.
            Err(failure) => {
                let now = (Timestamp::now(), Instant::now());
                let is_gone = failure.is_connect_timeout();
                self.push(&requests[0], now, Err(failure));
                return !is_gone;
            }
        };
        let first = self.observation.exchanges.len();
        let from = *self.flights_from.get_or_insert(first);
        let sent = (Timestamp::now(), Instant::now());
        let doubt = self.receive_all(&mut connection, requests, sent).await;
        let is_reusable = connection.is_reusable().await;
        let is_http2 = connection.is_http2();
        let reference = self.observation.reference();
        let mut flight = self.observation.exchanges.split_off(first);
        let pause = flight
            .iter()
            .filter_map(|exchange| exchange.asks_to_wait())
            .max();
        let proof = if is_http2 {
            Proof::All
        } else {
            let is_surplus = connection.has_surplus();
            let doubt = doubt.or(is_surplus.then_some(OneAtATime::Surplus));
            let earlier = &self.observation.exchanges;
            let carried = from < first;
            proof(requests, &flight, earlier, carried, reference, doubt)
        };
        let is_unanswered =
            |request: &&Request| !flight.iter().any(|exchange| exchange.request == **request);
        let unanswered = (requests.iter().filter(is_unanswered))
            .map(|request| self.exchanged(request, sent, Err(none_of_its_own())));
        let unanswered: Vec<Arc<Exchange>> = unanswered.collect();
        self.dropped.extend(unanswered);
        let mut asked = Cow::Borrowed(requests);
        if proof.is_out_of_step() {
            let mut doubted = self.observation.exchanges.split_off(from);
            let asked = asked.to_mut();
            asked.extend(doubted.iter().map(|exchange| exchange.request.clone()));
            doubted.append(&mut flight);
            flight = doubted;
        }
        let earlier = &self.observation.exchanges;
        let counts = |exchange: &Arc<Exchange>| match proof {
            // A stream has its own answer, but the others may be the reason for it.
            Proof::All => !(is_http2 && status(exchange).is_some_and(is_due_to_company)),
            Proof::Named(_) => names_its_request(exchange, &asked, earlier),
            Proof::Nothing(_) => false,
        };
        let counts: Vec<bool> = flight.iter().map(counts).collect();
        let why = match proof {
            _ if pause.is_some() => Some(OneAtATime::AskedToWait),
            Proof::All => doubt.or(counts.contains(&false).then_some(OneAtATime::Misfit)),
            Proof::Named(why) | Proof::Nothing(why) => Some(why),
        };
        if let Some(why) = why {
            tracing::debug!(endpoint = %self.observation.endpoint, "asks one at a time: {}", why.text());
            self.observation.one_at_a_time = Some(why);
            self.observation.gave_up_connection = true;
            let resumed = Deadline::now() + pause.unwrap_or_default().min(MAX_PAUSE);
            self.deadline = self.deadline.max(resumed + self.prober.timeout);
        }
        let may_ask = wait(pause, self.deadline).await;
        for (exchange, counts) in flight.into_iter().zip(counts) {
            // Without a further request, the answer that asks for a pause shows why.
            let asks_to_wait = exchange.asks_to_wait().is_some();
            if counts && !asks_to_wait || asks_to_wait && !may_ask {
                self.observation.exchanges.push(exchange);
            } else {
                self.dropped.push(exchange);
            }
        }
        let is_given_up = is_http2 && self.http1;
        let is_kept = is_reusable && !is_given_up && (why.is_none() || is_http2);
        self.connection = Some(connection).filter(|_| is_kept);
        may_ask
    }

    /// Records what became of the requests whose answers were dropped, and which of them have no other answer: none, or
    /// only one that is less certain.
    pub(super) fn record_dropped(&mut self) {
        let is_certain =
            |exchange: &Exchange, reply: &Reply| doubt(&exchange.request, reply).is_none();
        for exchange in std::mem::take(&mut self.dropped) {
            let again = (self.observation.exchanges.iter())
                .filter(|other| other.request == exchange.request);
            let answer = again.clone().find_map(|other| other.outcome.as_ref().ok());
            let is_lost = exchange.outcome.as_ref().is_ok_and(|dropped| {
                answer.is_none_or(|answer| {
                    is_certain(&exchange, dropped) && !is_certain(&exchange, answer)
                })
            });
            let was_made = again.count() > 0;
            if is_lost {
                self.observation.unproven.push(exchange.request.clone());
            }
            if !was_made {
                let not_asked = &mut self.observation.not_asked;
                not_asked.retain(|request| *request != exchange.request);
                let mut exchange = Arc::unwrap_or_clone(exchange);
                exchange.outcome = exchange.outcome.and(Err(none_of_its_own()));
                self.observation.exchanges.push(exchange.into());
            }
        }
    }

    /// Sends these requests and reads their answers, as far as they come. Returns why they are in doubt.
    async fn receive_all(
        &mut self,
        connection: &mut Connection,
        requests: &[Request],
        sent: (Timestamp, Instant),
    ) -> Option<OneAtATime> {
        let deadline = self.next_deadline();
        let mut failed = self
            .send(connection, requests, sent.0, deadline)
            .await
            .err();
        let mut why = None;
        for (index, request) in requests.iter().enumerate() {
            let outcome = match failed.take() {
                Some(failure) => Err(failure),
                None => self.receive(connection, request, deadline).await,
            };
            let failure = match &outcome {
                Ok(reply) => reply.body_failure.as_ref(),
                Err(failure) => Some(failure),
            };
            let is_first = connection.served() <= u32::from(outcome.is_ok());
            if connection.is_http2()
                && let Some(failure) = failure
                && (is_first || outcome.is_ok())
                && self.fall_back_to_http1(failure)
            {
                return why;
            }
            match outcome {
                Ok(reply) => {
                    let closes = connection.is_spent() && index + 1 < requests.len();
                    if !connection.is_http2() {
                        why = why
                            .or(doubt(request, &reply))
                            .or(closes.then_some(OneAtATime::Closed));
                    }
                    self.push(request, sent, Ok(reply));
                    if closes {
                        return why;
                    }
                }
                Err(failure) => {
                    let after = one_at_a_time_after(&failure, connection.is_http2());
                    if after.is_none() {
                        self.push(request, sent, Err(failure));
                    }
                    return why.or(after);
                }
            }
        }
        why
    }

    fn push(
        &mut self,
        request: &Request,
        sent: (Timestamp, Instant),
        outcome: Result<Reply, Failure>,
    ) {
        let exchange = self.exchanged(request, sent, outcome);
        self.observation.exchanges.push(exchange);
    }

    fn exchanged(
        &self,
        request: &Request,
        (at, started): (Timestamp, Instant),
        outcome: Result<Reply, Failure>,
    ) -> Arc<Exchange> {
        Arc::new(Exchange {
            request: request.clone(),
            probe: self.round.number(),
            at,
            elapsed: started.elapsed(),
            outcome,
        })
    }
}

/// The failure of a request that was made only in a flight whose answers do not count.
fn none_of_its_own() -> Failure {
    Failure::new(
        Stage::Http,
        FailureKind::NoneOfItsOwn,
        "made together with other requests",
    )
}

/// Why requests are made one at a time after this failure; `None` if that would not help.
fn one_at_a_time_after(failure: &Failure, is_http2: bool) -> Option<OneAtATime> {
    match failure.kind {
        FailureKind::Deadline => Some(OneAtATime::Stalled),
        // A stream or a connection that the server ended.
        FailureKind::InvalidHttp if is_http2 => Some(OneAtATime::Closed),
        FailureKind::InvalidHttp => Some(OneAtATime::Misfit),
        _ => failure.is_transient().then_some(OneAtATime::Closed),
    }
}
