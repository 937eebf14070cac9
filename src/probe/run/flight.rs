//! Requests that leave together: one round trip for all of them.
//!
//! HTTP/1.1 servers answer pipelined requests in their order (RFC 9112, section 9.3.2), and HTTP/2 has a stream for each.
//! Not every server and front end does this well, and a lost request shifts the answers behind it. So answers over
//! HTTP/1.1 count only if all came and each is an API server's own answer to its request ([`fit`](super::fit)).
//! Otherwise those that name their request count, the probe makes the other requests again, one at a time, and the
//! observation says why.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::time::Instant as Deadline;

use super::RunningProbe;
use super::fit::doubt;
use crate::model::{Exchange, Failure, FailureKind, Method, OneAtATime, Reply, Request};
use crate::probe::dial::Dial;
use crate::probe::pause::requested_pause;

/// The most requests that leave together.
const MOST: usize = 32;
/// The share of `--timeout` in which the next response must come. A server that loses requests is not waited for
/// longer, and one that is slow is asked again.
const STALLED: u32 = 2;

impl<D: Dial> RunningProbe<'_, D> {
    /// Makes those of these requests that can leave together. What is missing afterwards has to be requested one at a
    /// time. Returns `false` once no further request can be made.
    pub(super) async fn request_together(&mut self, requests: &[Request]) -> bool {
        let due: Vec<Request> = (requests.iter())
            .filter(|request| !self.was_made(request))
            .cloned()
            .collect();
        // Where only the first bytes of a document are read, the connection ends.
        let leave_together = |one: &Request, next: &Request| {
            one.method == next.method && !one.class.is_telemetry() && !next.class.is_telemetry()
        };
        for kind in due.chunk_by(leave_together) {
            for flight in kind.chunks(MOST).filter(|flight| flight.len() > 1) {
                if !self.may_pipeline() {
                    return true;
                }
                if !self.fly(flight).await {
                    return false;
                }
            }
        }
        true
    }

    /// Whether requests may leave together. A recheck decides between contradictory answers, so it makes them one at a
    /// time; a tentative probe decides after the first response.
    fn may_pipeline(&self) -> bool {
        self.prober.pipelining
            && self.number == 1
            && !self.tentative
            && self.observation.one_at_a_time.is_none()
    }

    /// Makes these requests together, and repeats with GET what HEAD did not prove.
    async fn fly(&mut self, requests: &[Request]) -> bool {
        let first = self.observation.exchanges.len();
        if !self.exchange_together(requests).await {
            return false;
        }
        let made = self.observation.exchanges.iter().skip(first);
        let repeated: Vec<Request> = made
            .filter_map(|exchange| self.get_fallback(exchange))
            .collect();
        for request in &repeated {
            if !self.request_with_get_fallback(request).await {
                return false;
            }
        }
        true
    }

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
                self.push(&requests[0], now, Err(failure));
                return true;
            }
        };
        let made_before = self.observation.exchanges.len();
        let sent = (Timestamp::now(), Instant::now());
        let deadline = self.next_deadline();
        let mut failed = self
            .send(&mut connection, requests, sent.0, deadline)
            .await
            .err();
        let mut pause = None;
        for (index, request) in requests.iter().enumerate() {
            let until = self
                .deadline
                .min(Deadline::now() + self.prober.timeout / STALLED);
            let outcome = match failed.take() {
                Some(failure) => Err(failure),
                None => self.receive(&mut connection, request, until).await,
            };
            match outcome {
                Ok(reply) if connection.is_http2() => {
                    let cut_short = reply.body_failure.clone();
                    if cut_short.is_some_and(|failure| self.fall_back_to_http1(&failure)) {
                        return true;
                    }
                    pause = pause.or(self.push(request, sent, Ok(reply)));
                }
                Ok(reply) => {
                    let closes = connection.is_spent() && index + 1 < requests.len();
                    let doubt = doubt(request, &reply).or(closes.then_some(OneAtATime::Closed));
                    pause = pause.or(self.push(request, sent, Ok(reply)));
                    if let Some(why) = doubt {
                        return self.start_over(why, pause);
                    }
                }
                Err(failure) => {
                    let Some(why) = one_at_a_time_after(&failure) else {
                        self.push(request, sent, Err(failure));
                        return true;
                    };
                    if connection.is_http2() && why != OneAtATime::Stalled {
                        // Each answer has a stream of its own, so the others count.
                        let is_first = connection.served() == 0;
                        if !(is_first && self.fall_back_to_http1(&failure)) {
                            self.observation.one_at_a_time = Some(why);
                        }
                        return true;
                    }
                    return self.start_over(why, pause);
                }
            }
        }
        let is_reusable = connection.is_reusable().await;
        if connection.has_surplus() {
            return self.start_over(OneAtATime::Surplus, pause);
        }
        if pause.is_some() {
            return self.start_over(OneAtATime::AskedToWait, pause);
        }
        let is_http2 = connection.is_http2();
        self.connection = Some(connection).filter(|_| is_reusable);
        if !is_http2 && !self.are_alike(made_before) {
            self.observation.exchanges.truncate(made_before);
            self.observation.one_at_a_time = Some(OneAtATime::Unproven);
        }
        true
    }

    /// Whether answers to HEAD, from this exchange on, prove the same whichever of them belongs to which request. They have
    /// no body that could tell. Other answers do.
    fn are_alike(&self, first: usize) -> bool {
        let reference = self.observation.reference();
        let exchanges = &self.observation.exchanges[first..];
        let mut of_head = exchanges.iter().filter_map(|exchange| {
            let is_head = exchange.request.method == Method::Head;
            exchange.outcome.as_ref().ok().filter(|_| is_head)
        });
        let status = of_head.clone().next().map(|reply| reply.status);
        of_head.all(|reply| Some(reply.status) == status && reply.vouched_by(reference))
    }

    /// Makes this probe start over, and ask one at a time, after the pause that an answer asked for. Returns `false`: no
    /// further request is made until then.
    fn start_over(&mut self, why: OneAtATime, pause: Option<Duration>) -> bool {
        tracing::debug!(endpoint = %self.observation.endpoint, "asks one at a time: {}", why.text());
        self.observation.one_at_a_time = Some(why);
        self.start_over_after = Some(pause.unwrap_or_default());
        false
    }

    /// Adds an exchange. Returns the pause that its answer asks for.
    fn push(
        &mut self,
        request: &Request,
        (at, started): (Timestamp, Instant),
        outcome: Result<Reply, Failure>,
    ) -> Option<Duration> {
        let exchange = Exchange {
            request: request.clone(),
            probe: self.number,
            at,
            elapsed: started.elapsed(),
            outcome,
        };
        let pause = requested_pause(&exchange);
        self.observation.exchanges.push(exchange);
        pause
    }
}

/// Why requests are made one at a time after this failure; `None` if that would not help.
fn one_at_a_time_after(failure: &Failure) -> Option<OneAtATime> {
    match failure.kind {
        FailureKind::Deadline => Some(OneAtATime::Stalled),
        FailureKind::InvalidHttp => Some(OneAtATime::Misfit),
        _ => failure.is_transient().then_some(OneAtATime::Closed),
    }
}
