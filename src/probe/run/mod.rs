//! Runs one probe, until all requests are made or the time is over. They leave [together](flight), or one after
//! the other where a server does not take several at once.

mod connections;
mod fit;
mod flight;

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::net::TcpStream;
use tokio::time::Instant as Deadline;

use super::connection::{Connection, Outgoing};
use super::dial::Dial;
use super::pause::{requested_pause, wait};
use super::prober::Prober;
use crate::model::{
    Endpoint, Exchange, Failure, FailureKind, Method, Observation, Reply, Request, Stage,
};

/// How many bytes of large documents (`/metrics`, `/openapi`, `/flagz`) are read: enough to recognise one.
const FIRST_BYTES: usize = 2048;

/// Each request of `--path` and `--deep` extends the probe by `--timeout` divided by this: the share of one of
/// the five usual requests.
const SHARE: u32 = 5;

impl Prober {
    /// Probes an endpoint over a stream that is already open.
    pub async fn probe(
        &self,
        stream: TcpStream,
        endpoint: &Endpoint,
        round: Round,
        dial: &impl Dial,
    ) -> Observation {
        let mut probe = RunningProbe::new(self, stream, endpoint, round, dial, false);
        probe.run().await;
        probe.observation
    }

    /// Probes what may not be an HTTP endpoint. It makes no further request unless the first one gets a
    /// response, and that response does not redirect to TLS.
    pub async fn probe_tentatively(
        &self,
        stream: TcpStream,
        endpoint: &Endpoint,
        dial: &impl Dial,
    ) -> Observation {
        let mut probe = RunningProbe::new(self, stream, endpoint, Round::First, dial, true);
        probe.run().await;
        probe.observation
    }
}

/// Why a probe is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Round {
    /// The first probe.
    First,
    /// An earlier attempt got no answer. Perhaps it was refused because its requests left together, so these leave one at
    /// a time.
    Retry,
    /// The answers of the first probe contradict each other, or the server still started.
    Recheck,
}

impl Round {
    /// The number that exchanges have.
    const fn number(self) -> u8 {
        match self {
            Self::First | Self::Retry => 1,
            Self::Recheck => 2,
        }
    }
}

/// The state of one probe.
struct RunningProbe<'a, D> {
    prober: &'a Prober,
    dial: &'a D,
    started: Instant,
    deadline: Deadline,
    /// How long further connections waited for a permit. The deadline has moved by as much.
    waited: Duration,
    round: Round,
    /// The stream that the scan opened, until it is used.
    first_stream: Option<TcpStream>,
    connection: Option<Connection>,
    retries: u32,
    /// The number of exchanges before the first flight of the connection; `None` if it carried none.
    flights_from: Option<usize>,
    /// Exchanges of flights whose answers do not count.
    dropped: Vec<Arc<Exchange>>,
    /// Whether to stop offering HTTP/2.
    http1: bool,
    /// Whether the first response decides if there are further requests.
    tentative: bool,
    observation: Observation,
}

impl<'a, D: Dial> RunningProbe<'a, D> {
    fn new(
        prober: &'a Prober,
        stream: TcpStream,
        endpoint: &Endpoint,
        round: Round,
        dial: &'a D,
        tentative: bool,
    ) -> Self {
        Self {
            prober,
            dial,
            started: Instant::now(),
            deadline: Deadline::now() + prober.timeout,
            waited: Duration::ZERO,
            round,
            first_stream: Some(stream),
            connection: None,
            retries: prober.retries,
            flights_from: None,
            dropped: Vec::new(),
            http1: false,
            tentative,
            observation: Observation::new(endpoint.clone()),
        }
    }

    /// Makes all requests and observes what they show.
    async fn run(&mut self) {
        self.make_requests().await;
        self.record_dropped();
        // If nothing answered, a list of further requests says nothing more.
        if self.observation.replies().next().is_none() {
            self.observation.not_asked.clear();
        }
        self.observation.timings.total = self.started.elapsed().saturating_sub(self.waited);
    }

    /// Makes all requests.
    async fn make_requests(&mut self) {
        let prober = self.prober;
        let mut more = self.request_all(&prober.always, true).await;
        let is_401 = |exchange: &Arc<Exchange>| {
            exchange
                .outcome
                .as_ref()
                .is_ok_and(|reply| reply.status == 401)
        };
        if more && self.observation.exchanges.iter().all(is_401) {
            more = self.request_all(&prober.after_401, more).await;
        }
        more = self.request_extra(&prober.extra, more).await;
        if more {
            self.request_canary().await;
        }
        if !prober.deep.is_empty() && self.speaks_kubernetes() {
            more = self.request_extra(&prober.deep, more).await;
            if more {
                Box::pin(self.handshake_without_sni()).await;
            }
        }
    }

    /// Makes the request of `--audit-canary`, in the first probe of a server that looks like Kubernetes.
    async fn request_canary(&mut self) {
        if let Some(canary) = &self.prober.canary
            && self.round != Round::Recheck
            && self.speaks_kubernetes()
        {
            self.deadline += self.prober.timeout / SHARE;
            self.observation.audit_canary = Box::pin(self.request(canary)).await.map(Box::new);
        }
    }

    /// Makes the requests of `--path` or `--deep`, with a deadline extended for them.
    async fn request_extra(&mut self, requests: &[Request], more: bool) -> bool {
        let count = u32::try_from(requests.len()).unwrap_or(u32::MAX);
        self.deadline += (self.prober.timeout / SHARE).saturating_mul(count);
        self.request_all(requests, more).await
    }

    /// Makes each of these requests that was not made yet. Returns `false` once no further request can be
    /// made; the remaining ones are then listed in the observation.
    async fn request_all(&mut self, requests: &[Request], mut more: bool) -> bool {
        if more {
            more = self.request_together(requests).await;
        }
        for request in requests {
            if self.was_made(request) {
                continue;
            }
            if more {
                more = self.request_with_get_fallback(request).await;
            } else if !self.observation.not_asked.contains(request) {
                self.observation.not_asked.push(request.clone());
            }
        }
        more
    }

    fn was_made(&self, request: &Request) -> bool {
        let mut exchanges = self.observation.exchanges.iter();
        exchanges.any(|exchange| exchange.request == *request)
    }

    /// Makes one request, and repeats it with GET if the response to HEAD proves nothing. Returns `false` once no
    /// further request can be made.
    async fn request_with_get_fallback(&mut self, request: &Request) -> bool {
        let mut next = Some(request.clone());
        while let Some(request) = next.take() {
            let Some(exchange) = self.request(&request).await else {
                return false;
            };
            next = self.get_fallback(&exchange);
            let failure = exchange.outcome.as_ref().err().cloned();
            let pause = requested_pause(&exchange);
            self.observation.exchanges.push(exchange.into());
            let over = failure.is_some_and(|failure| {
                let kind = failure.kind;
                failure.is_connect_timeout() || kind == FailureKind::Deadline || kind.is_own_side()
            });
            if over || self.is_futile() || !wait(pause, self.deadline).await {
                return false;
            }
        }
        true
    }

    /// Whether a tentative probe found no HTTP endpoint.
    fn is_futile(&self) -> bool {
        self.tentative
            && self
                .observation
                .replies()
                .all(|(_, reply)| reply.sends_to_tls())
    }

    /// Whether any response so far shows Kubernetes, which the requests of `--deep` and `--audit-canary` require.
    fn speaks_kubernetes(&self) -> bool {
        self.observation
            .replies()
            .any(|(_, reply)| reply.speaks_kubernetes())
    }

    /// The deadline of a request that starts now: one request must not use up the time of all others.
    fn next_deadline(&self) -> Deadline {
        self.deadline.min(Deadline::now() + self.prober.timeout)
    }

    /// The request to repeat with GET: a HEAD request whose response may come from a front end.
    fn get_fallback(&self, exchange: &Exchange) -> Option<Request> {
        let reply = exchange.outcome.as_ref().ok()?;
        let from_api_server = exchange.request.method == Method::Head
            && reply.vouched_by(self.observation.reference());
        if from_api_server {
            None
        } else {
            exchange.request.without_head()
        }
    }

    /// Makes one request. Returns `None` if not even the first connection could be opened; the observation
    /// then has the failure.
    async fn request(&mut self, request: &Request) -> Option<Exchange> {
        let (mut at, mut started) = (Timestamp::now(), Instant::now());
        if self.flights_from.is_some() {
            // What a flight left behind there would be taken for the response.
            self.observation.gave_up_connection |= self.connection.take().is_some();
        }
        let outcome = loop {
            let mut connection = match self.take_connection().await {
                Ok(connection) => connection,
                Err(failure) if self.observation.exchanges.is_empty() => {
                    self.observation.failure = Some(failure);
                    return None;
                }
                Err(failure) => break Err(failure),
            };
            let fresh = connection.served() == 0;
            (at, started) = (Timestamp::now(), Instant::now());
            let outcome = self.exchange(&mut connection, request, at).await;
            let cut_short = outcome
                .as_ref()
                .ok()
                .and_then(|reply| reply.body_failure.clone());
            match outcome {
                Ok(_)
                    if connection.is_http2()
                        && cut_short.is_some_and(|failure| self.fall_back_to_http1(&failure)) => {}
                Ok(reply) => {
                    if connection.is_reusable().await {
                        self.connection = Some(connection);
                    }
                    break Ok(reply);
                }
                // A server may close an idle connection while we send. That is not a failure of the
                // request, so it is repeated on a new connection.
                Err(failure) if !fresh && failure.is_transient() => {}
                Err(failure) if connection.is_http2() && self.fall_back_to_http1(&failure) => {}
                Err(failure) if self.use_retry(&failure) => {}
                Err(failure) => break Err(failure),
            }
        };
        Some(Exchange {
            request: request.clone(),
            probe: self.round.number(),
            at,
            elapsed: started.elapsed(),
            outcome,
        })
    }

    /// Whether to retry after this failure; if so, it uses up one of the retries. Before the first response of a
    /// first probe it does not retry: the scan repeats the whole probe later.
    fn use_retry(&mut self, failure: &Failure) -> bool {
        let begun = self.round == Round::Recheck
            || !self.observation.exchanges.is_empty()
            || self.observation.one_at_a_time.is_some();
        let retry =
            begun && failure.is_transient() && self.retries > 0 && Deadline::now() < self.deadline;
        if retry {
            self.retries -= 1;
        }
        retry
    }

    /// Whether to continue over HTTP/1.1. A failure while HTTP/2 is offered may be due to HTTP/2.
    fn fall_back_to_http1(&mut self, failure: &Failure) -> bool {
        let may_be_http2 = matches!(failure.stage, Stage::Tls | Stage::Http | Stage::Body)
            && matches!(
                failure.kind,
                FailureKind::Closed
                    | FailureKind::Reset
                    | FailureKind::Handshake
                    | FailureKind::InvalidHttp
            );
        let falls_back =
            self.prober.http2 && !self.http1 && may_be_http2 && Deadline::now() < self.deadline;
        self.http1 |= falls_back;
        falls_back
    }

    async fn exchange(
        &mut self,
        connection: &mut Connection,
        request: &Request,
        at: Timestamp,
    ) -> Result<Reply, Failure> {
        let deadline = self.next_deadline();
        self.send(connection, std::slice::from_ref(request), at, deadline)
            .await?;
        self.receive(connection, request, deadline).await
    }

    /// Sends requests.
    async fn send(
        &mut self,
        connection: &mut Connection,
        requests: &[Request],
        at: Timestamp,
        deadline: Deadline,
    ) -> Result<(), Failure> {
        let (prober, endpoint) = (self.prober, &self.observation.endpoint);
        let outgoing: Vec<Outgoing<'_>> = (requests.iter())
            .map(|request| Outgoing {
                request,
                headers: prober.headers(endpoint, request, at),
            })
            .collect();
        let work = pin!(connection.send(endpoint, &outgoing));
        (tokio::time::timeout_at(deadline, work).await)
            .unwrap_or_else(|_| Err(Failure::new(Stage::Http, FailureKind::Deadline, "")))
    }

    /// Reads the response to this request, which was sent.
    async fn receive(
        &mut self,
        connection: &mut Connection,
        request: &Request,
        deadline: Deadline,
    ) -> Result<Reply, Failure> {
        let prober = self.prober;
        let max_body = if request.class.is_telemetry() {
            FIRST_BYTES.min(prober.max_body)
        } else {
            prober.max_body
        };
        let work = pin!(connection.receive(request, max_body, prober.keep(request)));
        match tokio::time::timeout_at(deadline, work).await {
            Ok(reply) if request.class.is_list() => reply.map(Reply::without_objects),
            Ok(reply) => reply,
            Err(_) => Err(Failure::new(Stage::Http, FailureKind::Deadline, "")),
        }
    }
}
