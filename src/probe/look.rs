//! The run of one look: request after request, until all is asked or the time is over.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::net::TcpStream;
use tokio::time::Instant as Deadline;

use super::connection::Connection;
use super::{Dial, Dialled, Prober};
use crate::config::MAX_PAUSE;
use crate::model::{
    Endpoint, Exchange, Failure, FailureKind, Handshake, Method, Observation, PathClass, Reply,
    Request, Scheme, Stage,
};

/// Bytes of the documents beside the API (`/metrics`, `/openapi`, `/flagz`) that are read: enough to see that
/// one came.
const FIRST_BYTES: usize = 2048;

/// The part of the configured time that each request beyond the usual ones adds to a look: as much as one
/// of the usual five has.
const SHARE: u32 = 5;

/// Looks at an endpoint over a stream that is already open.
pub(super) async fn look(
    prober: &Prober,
    stream: TcpStream,
    endpoint: &Endpoint,
    number: u8,
    dial: &impl Dial,
    tentative: bool,
) -> Observation {
    let started = Instant::now();
    let mut look = Look {
        prober,
        dial,
        deadline: Deadline::now() + prober.timeout,
        waited: Duration::ZERO,
        number,
        spare: Some(stream),
        connection: None,
        retries: prober.retries,
        http1: false,
        tentative,
        observation: Observation::new(endpoint.clone()),
    };
    look.run().await;
    let mut observation = look.observation;
    // Where nothing answered, that is all there is to say.
    if observation.replies().next().is_none() {
        observation.unasked.clear();
    }
    observation.timings.total = started.elapsed().saturating_sub(look.waited);
    observation
}

/// The state of one look.
struct Look<'a, D> {
    prober: &'a Prober,
    dial: &'a D,
    deadline: Deadline,
    /// How long further connections waited for their turn: by so much the deadline has moved.
    waited: Duration,
    number: u8,
    /// The stream the sweep opened, until it is used.
    spare: Option<TcpStream>,
    connection: Option<Connection>,
    retries: u32,
    /// Whether HTTP/2 is not offered any more.
    http1: bool,
    /// Whether the first answer decides if there are further requests.
    tentative: bool,
    observation: Observation,
}

impl<D: Dial> Look<'_, D> {
    async fn run(&mut self) {
        let prober = self.prober;
        let mut going = self.ask_all(&prober.always, true).await;
        let refused = |exchange: &Exchange| {
            exchange
                .outcome
                .as_ref()
                .is_ok_and(|reply| reply.status == 401)
        };
        if going && self.observation.exchanges.iter().all(refused) {
            going = self.ask_all(&prober.after_401, going).await;
        }
        going = self.ask_more(&prober.extra, going).await;
        if !prober.deep.is_empty() && self.speaks_kubernetes() {
            going = self.ask_more(&prober.deep, going).await;
            if going {
                self.ask_without_sni().await;
            }
        }
    }

    /// Asks what is not asked of everybody, with the time that it needs.
    async fn ask_more(&mut self, requests: &[Request], going: bool) -> bool {
        let count = u32::try_from(requests.len()).unwrap_or(u32::MAX);
        self.deadline += (self.prober.timeout / SHARE).saturating_mul(count);
        self.ask_all(requests, going).await
    }

    /// Asks each of these that has not been asked yet, as long as it goes on; `false` when nothing more can
    /// be asked. What is left then is noted.
    async fn ask_all(&mut self, requests: &[Request], mut going: bool) -> bool {
        for request in requests {
            if self
                .observation
                .exchanges
                .iter()
                .any(|exchange| exchange.request == *request)
            {
                continue;
            }
            if going {
                going = self.ask_in_each_form(request).await;
            } else if !self.observation.unasked.contains(request) {
                self.observation.unasked.push(request.clone());
            }
        }
        going
    }

    /// One request, and its other form where the first proves nothing; `false` when nothing more can be
    /// asked.
    async fn ask_in_each_form(&mut self, request: &Request) -> bool {
        let mut next = Some(request.clone());
        while let Some(request) = next.take() {
            let Some(exchange) = self.ask(&request).await else {
                return false;
            };
            next = self.form_without_head(&exchange);
            let failure = exchange.outcome.as_ref().err().map(|failure| failure.kind);
            let pause = asked_to_wait(&exchange);
            self.observation.exchanges.push(exchange);
            let over = failure.is_some_and(|kind| kind == FailureKind::Deadline || kind.is_ours());
            if over || self.is_vain() || !waited(pause, self.deadline).await {
                return false;
            }
        }
        true
    }

    /// Whether a tentative look has come to nothing.
    fn is_vain(&self) -> bool {
        self.tentative
            && self
                .observation
                .replies()
                .all(|(_, reply)| reply.sends_to_tls())
    }

    /// Whether anything so far shows Kubernetes: `--deep` spares everybody else.
    fn speaks_kubernetes(&self) -> bool {
        self.observation
            .replies()
            .any(|(_, reply)| reply.speaks_kubernetes())
    }

    /// One handshake without SNI, where a name was sent with the others: `OpenShift` shows its internal
    /// certificate then, and Gardener's gateway leads nowhere.
    async fn ask_without_sni(&mut self) {
        let endpoint = &self.observation.endpoint;
        if endpoint.scheme != Scheme::Https || endpoint.name.is_none() {
            return;
        }
        let nameless = Endpoint {
            name: None,
            ..endpoint.clone()
        };
        // It has served; two connections at once would be more than the host was promised.
        self.connection = None;
        let outcome = self.handshake(&nameless).await;
        self.observation.without_sni = Some(outcome);
    }

    /// One handshake on a connection of its own.
    async fn handshake(&mut self, endpoint: &Endpoint) -> Result<Handshake, Failure> {
        let stream = self.dial(endpoint).await?;
        self.observation.connections += 1;
        let work = self.prober.tls.handshake(stream, endpoint, self.http1);
        let (_, handshake, _) = tokio::time::timeout_at(self.until(), work)
            .await
            .map_err(|_| Failure::new(Stage::Tls, FailureKind::Deadline, ""))?
            .map_err(|refused| refused.failure)?;
        self.observation.handshakes += 1;
        Ok(handshake)
    }

    /// When what begins now must be over: no single request takes the time of all that follow.
    fn until(&self) -> Deadline {
        self.deadline.min(Deadline::now() + self.prober.timeout)
    }

    /// A further connection. How long it waits for its turn depends on what else this scan does, and
    /// takes nothing from the endpoint's time.
    async fn dial(&mut self, endpoint: &Endpoint) -> Result<TcpStream, Failure> {
        let began = Instant::now();
        let Dialled { stream, took } = self.dial.dial(endpoint).await;
        let waited = began.elapsed().saturating_sub(took);
        self.waited += waited;
        self.deadline += waited;
        stream
    }

    /// The GET form of a HEAD whose answer nothing vouches for: a front end may have given it.
    fn form_without_head(&self, exchange: &Exchange) -> Option<Request> {
        let reply = exchange.outcome.as_ref().ok()?;
        let vouched = exchange.request.method == Method::Head
            && reply.vouched_by(self.observation.reference());
        if vouched {
            None
        } else {
            exchange.request.without_head()
        }
    }

    /// One request and what became of it. `None` when no connection could be made before anything
    /// was asked: the observation then has the failure.
    async fn ask(&mut self, request: &Request) -> Option<Exchange> {
        let (mut at, mut started) = (Timestamp::now(), Instant::now());
        let outcome = loop {
            let mut connection = match self.connection.take() {
                Some(connection) => connection,
                None => match self.open().await {
                    Ok(connection) => connection,
                    Err(failure) if self.over_http1(&failure) => continue,
                    Err(failure) if self.again(&failure) => continue,
                    Err(failure) if self.observation.exchanges.is_empty() => {
                        self.observation.failure = Some(failure);
                        return None;
                    }
                    Err(failure) => break Err(failure),
                },
            };
            let fresh = connection.served() == 0;
            (at, started) = (Timestamp::now(), Instant::now());
            let answer = self.exchange(&mut connection, request).await;
            let cut_short = answer
                .as_ref()
                .ok()
                .and_then(|reply| reply.body_failure.clone());
            match answer {
                Ok(_)
                    if connection.is_http2()
                        && cut_short.is_some_and(|failure| self.over_http1(&failure)) => {}
                Ok(reply) => {
                    if connection.reusable().await {
                        self.connection = Some(connection);
                    }
                    break Ok(reply);
                }
                // A server may close an idle connection just as we ask: that is no failure of the
                // request, and a fresh connection will tell.
                Err(failure) if !fresh && failure.may_pass() => {}
                Err(failure) if connection.is_http2() && self.over_http1(&failure) => {}
                Err(failure) if self.again(&failure) => {}
                Err(failure) => break Err(failure),
            }
        };
        Some(Exchange {
            request: request.clone(),
            look: self.number,
            at,
            elapsed: started.elapsed(),
            outcome,
        })
    }

    /// Whether a failure is worth one of the retries, which it then costs. Before the first answer it
    /// is not: who asked for the look may ask for another when the trouble has had time to pass.
    fn again(&mut self, failure: &Failure) -> bool {
        let begun = self.number > 1 || !self.observation.exchanges.is_empty();
        let again =
            begun && failure.may_pass() && self.retries > 0 && Deadline::now() < self.deadline;
        if again {
            self.retries -= 1;
        }
        again
    }

    /// Whether to go on over HTTP/1.1: what fails where HTTP/2 was offered says nothing of the endpoint yet.
    fn over_http1(&mut self, failure: &Failure) -> bool {
        let by_http2 = matches!(failure.stage, Stage::Tls | Stage::Http | Stage::Body)
            && matches!(
                failure.kind,
                FailureKind::Closed
                    | FailureKind::Reset
                    | FailureKind::Handshake
                    | FailureKind::InvalidHttp
            );
        let goes_on =
            self.prober.http2 && !self.http1 && by_http2 && Deadline::now() < self.deadline;
        self.http1 |= goes_on;
        goes_on
    }

    /// A connection that is ready for requests: on the stream at hand, else on a new one.
    async fn open(&mut self) -> Result<Connection, Failure> {
        let stream = if let Some(stream) = self.spare.take() {
            stream
        } else {
            let endpoint = self.observation.endpoint.clone();
            self.dial(&endpoint).await?
        };
        self.observation.connections += 1;
        if self.observation.local.is_none() {
            self.observation.local = stream
                .local_addr()
                .ok()
                .map(|address| address.ip().to_canonical());
        }
        let (prober, until) = (self.prober, self.until());
        let work = Connection::establish(stream, &prober.tls, &mut self.observation, self.http1);
        match tokio::time::timeout_at(until, work).await {
            Ok(connection) => connection,
            Err(_) => Err(Failure::new(Stage::Tls, FailureKind::Deadline, "")),
        }
    }

    async fn exchange(
        &mut self,
        connection: &mut Connection,
        request: &Request,
    ) -> Result<Reply, Failure> {
        let prober = self.prober;
        let room = match request.class {
            PathClass::OpenApi | PathClass::Metrics | PathClass::Diagnostics => {
                FIRST_BYTES.min(prober.max_body)
            }
            _ => prober.max_body,
        };
        let work = connection.ask(
            &self.observation.endpoint,
            request,
            &prober.user_agent,
            room,
        );
        match tokio::time::timeout_at(self.until(), work).await {
            Ok(reply) if matches!(request.class, PathClass::ResourceList { .. }) => {
                reply.map(Reply::without_objects)
            }
            Ok(reply) => reply,
            Err(_) => Err(Failure::new(Stage::Http, FailureKind::Deadline, "")),
        }
    }
}

/// The pause that a server with too much to do asks for before the next request.
fn asked_to_wait(exchange: &Exchange) -> Option<Duration> {
    exchange
        .outcome
        .as_ref()
        .ok()
        .filter(|reply| reply.status == 429)?;
    exchange.asks_to_wait()
}

/// Waits; `false` where the pause is longer than we wait, or would outlast the look.
async fn waited(pause: Option<Duration>, deadline: Deadline) -> bool {
    let Some(pause) = pause else { return true };
    if pause > MAX_PAUSE || Deadline::now() + pause >= deadline {
        return false;
    }
    tokio::time::sleep(pause).await;
    true
}
