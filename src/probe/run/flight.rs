//! Requests that leave together: one round trip for all of them.
//!
//! HTTP/1.1 servers answer pipelined requests in their order (RFC 9112, section 9.3.2), and HTTP/2 has a stream for each.
//! Not every server and front end does this well. So an answer counts only if it [fits](super::fit) its request. Otherwise,
//! and where a server closes or stalls, what is missing is requested one at a time on a further connection, and the
//! observation says why.

use std::time::Instant;

use jiff::Timestamp;
use tokio::time::Instant as Deadline;

use super::RunningProbe;
use super::fit::fits;
use crate::model::{Exchange, Failure, FailureKind, OneAtATime, Reply, Request};
use crate::probe::connection::Connection;
use crate::probe::dial::Dial;
use crate::probe::pause::{requested_pause, wait};

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
                let exchange = self.exchanged(&requests[0], now, Err(failure));
                self.observation.exchanges.push(exchange);
                return true;
            }
        };
        let made_before = self.observation.exchanges.len();
        let sent = (Timestamp::now(), Instant::now());
        let deadline = self.next_deadline();
        if let Err(failure) = self.send(&mut connection, requests, sent.0, deadline).await {
            return self.miss(requests, sent, &failure, &connection);
        }
        // Answers that ask for a pause, and how long the first of them asks for.
        let (mut put_off, mut pause) = (Vec::new(), None);
        for (index, request) in requests.iter().enumerate() {
            let waiting = Deadline::now();
            let until = if index == 0 {
                deadline
            } else {
                waiting + self.prober.timeout / STALLED
            };
            let reply = match self.receive(&mut connection, request, until).await {
                Ok(reply) => reply,
                Err(failure) if index > 0 && failure.kind == FailureKind::Deadline => {
                    self.deadline += waiting.elapsed();
                    return self.continue_apart(OneAtATime::Stalled);
                }
                Err(failure) => {
                    if failure.kind == FailureKind::InvalidHttp {
                        self.observation.exchanges.truncate(made_before);
                    }
                    return self.miss(&requests[index..], sent, &failure, &connection);
                }
            };
            if !fits(request, &reply) {
                self.observation.exchanges.truncate(made_before);
                return self.continue_apart(OneAtATime::Misfit);
            }
            let cut_short = (reply.body_failure.as_ref()).filter(|_| connection.is_http2());
            if cut_short.is_some_and(|failure| self.fall_back_to_http1(failure)) {
                return true;
            }
            let exchange = self.exchanged(request, sent, Ok(reply));
            let asked_pause = requested_pause(&exchange);
            if pause.is_some() && asked_pause.is_some() {
                put_off.push(exchange);
            } else {
                self.observation.exchanges.push(exchange);
            }
            pause = pause.or(asked_pause);
            if connection.is_spent() && index + 1 < requests.len() {
                return self.continue_apart(OneAtATime::Closed) && wait(pause, self.deadline).await;
            }
        }
        let is_reusable = connection.is_reusable().await;
        if connection.has_surplus() {
            self.observation.exchanges.truncate(made_before);
            return self.continue_apart(OneAtATime::Surplus);
        }
        self.connection = Some(connection).filter(|_| is_reusable);
        if !wait(pause, self.deadline).await {
            self.observation.exchanges.append(&mut put_off);
            return false;
        }
        if !put_off.is_empty() {
            // They are requested again, after the pause.
            self.continue_apart(OneAtATime::AskedToWait);
        }
        true
    }

    /// Decides what follows after requests whose responses did not come. Returns `false` if no further request can be
    /// made.
    fn miss(
        &mut self,
        missing: &[Request],
        sent: (Timestamp, Instant),
        failure: &Failure,
        connection: &Connection,
    ) -> bool {
        let lost = match failure.kind {
            FailureKind::Deadline => missing,
            // Answered requests show that the protocol is understood.
            _ if connection.served() == 0
                && connection.is_http2()
                && self.fall_back_to_http1(failure) =>
            {
                return true;
            }
            FailureKind::InvalidHttp => return self.continue_apart(OneAtATime::Misfit),
            _ if failure.is_transient() => return self.continue_apart(OneAtATime::Closed),
            _ => &missing[..1],
        };
        let is_over = failure.kind == FailureKind::Deadline;
        for request in lost {
            let exchange = self.exchanged(request, sent, Err(failure.clone()));
            self.observation.exchanges.push(exchange);
        }
        !is_over
    }

    /// Notes why the other requests of this probe are made one at a time. They can be made, so it returns `true`.
    fn continue_apart(&mut self, why: OneAtATime) -> bool {
        tracing::debug!(endpoint = %self.observation.endpoint, "asks one at a time: {}", why.as_str());
        self.observation.one_at_a_time.get_or_insert(why);
        true
    }

    fn exchanged(
        &self,
        request: &Request,
        (at, started): (Timestamp, Instant),
        outcome: Result<Reply, Failure>,
    ) -> Exchange {
        Exchange {
            request: request.clone(),
            probe: self.number,
            at,
            elapsed: started.elapsed(),
            outcome,
        }
    }
}
