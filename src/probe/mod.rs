//! One look at one endpoint: TLS on the stream that the sweep opened, then a few GETs on that one
//! connection.
//!
//! ```text
//! TcpStream ─ tls ─→ Handshake ─ connection ─→ request, reply; request, reply; …
//!                                └ closed? one more connection, recorded
//! ```
//!
//! What is asked, in this order and without an early stop:
//! 1. `/version`, `/api`, `/healthz`;
//! 2. `/livez` and `/readyz`, only if all three answered 401: path conditions may open just these;
//! 3. the requests of the configuration (`--path`), and after a HEAD that nothing vouches for, its
//!    `continue=bogus` form;
//! 4. with `--deep`, what [`deep()`] lists, if anything of the above speaks Kubernetes; then, if the
//!    endpoint has a name, one more handshake without it.
//!
//! GET and HEAD only, no credential, no cookie, redirects not followed, no decompression. Every
//! answer is bounded in size and the whole look in time.

mod anchors;
mod certificate;
mod connection;
mod deep;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzed;
mod reading;
mod sniff;
mod tls;

use std::future::Future;
use std::time::{Duration, Instant};

use http::HeaderValue;
use jiff::Timestamp;
use tokio::net::TcpStream;
use tokio::time::Instant as Deadline;

use crate::config::{MAX_PAUSE, ScanConfig};
use crate::error::Error;
use crate::model::{
    Endpoint, Exchange, Failure, FailureKind, Handshake, Method, Observation, PathClass, Reply, Request,
    Scheme, Stage,
};

use connection::Connection;
pub use deep::deep;

/// What is asked of every endpoint, in this order.
pub const ALWAYS: [&str; 3] = ["/version", "/api", "/healthz"];
/// What is asked next if all of [`ALWAYS`] answered 401.
pub const AFTER_401: [&str; 2] = ["/livez", "/readyz"];

/// Bytes of the large documents (`/metrics`, `/openapi`) that are read: enough to see that one came.
const FIRST_BYTES: usize = 2048;

/// Opens a further connection to an endpoint whose first one is spent.
pub trait Dial: Sync {
    /// A new connection, when it is its turn.
    fn dial(&self, endpoint: &Endpoint) -> impl Future<Output = Dialled> + Send;
}

/// What became of a connection that was asked for.
#[derive(Debug)]
pub struct Dialled {
    /// The connection, or why there is none.
    pub stream: Result<TcpStream, Failure>,
    /// How long it took to open. What passed before that was our own affair, not the endpoint's.
    pub took: Duration,
}

/// Asks endpoints as configured.
pub struct Prober {
    tls: tls::Client,
    user_agent: HeaderValue,
    max_body: usize,
    timeout: Duration,
    retries: u32,
    always: Vec<Request>,
    after_401: Vec<Request>,
    extra: Vec<Request>,
    /// Empty without `--deep`.
    deep: Vec<Request>,
}

impl Prober {
    /// As configured.
    ///
    /// # Errors
    /// [`Error::Tls`] if the TLS library refuses its settings, [`Error::Config`] for a user agent
    /// that is no header value.
    pub fn new(config: &ScanConfig) -> Result<Self, Error> {
        let requests =
            |paths: &[&str]| paths.iter().filter_map(|path| Request::for_path(path).ok()).collect();
        Ok(Self {
            tls: tls::Client::new(config)?,
            user_agent: HeaderValue::from_str(&config.user_agent).map_err(|_| Error::Config {
                setting: "user-agent",
                problem: "must be one line of printable characters".into(),
            })?,
            max_body: config.max_body,
            timeout: config.timeout,
            retries: config.retries,
            always: requests(&ALWAYS),
            after_401: requests(&AFTER_401),
            extra: config.requests.clone(),
            deep: if config.deep { deep().collect() } else { Vec::new() },
        })
    }

    /// Looks at an endpoint over a stream that is already open. `number` is 1 for the first look.
    pub async fn look(
        &self,
        stream: TcpStream,
        endpoint: &Endpoint,
        number: u8,
        dial: &impl Dial,
    ) -> Observation {
        let started = Instant::now();
        let mut look = Look {
            prober: self,
            dial,
            deadline: Deadline::now() + self.timeout,
            waited: Duration::ZERO,
            number,
            spare: Some(stream),
            connection: None,
            retries: self.retries,
            observation: Observation::new(endpoint.clone()),
        };
        look.run().await;
        let mut observation = look.observation;
        observation.timings.total = started.elapsed().saturating_sub(look.waited);
        observation
    }
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
    observation: Observation,
}

impl<D: Dial> Look<'_, D> {
    async fn run(&mut self) {
        let prober = self.prober;
        if !self.ask_all(&prober.always).await {
            return;
        }
        let refused = |exchange: &Exchange| exchange.outcome.as_ref().is_ok_and(|reply| reply.status == 401);
        if self.observation.exchanges.iter().all(refused) && !self.ask_all(&prober.after_401).await {
            return;
        }
        if self.ask_all(&prober.extra).await
            && !prober.deep.is_empty()
            && self.speaks_kubernetes()
            && self.ask_all(&prober.deep).await
        {
            self.ask_without_sni().await;
        }
    }

    /// Asks each of these that has not been asked yet; `false` when nothing more can be.
    async fn ask_all(&mut self, requests: &[Request]) -> bool {
        for request in requests {
            if self.observation.exchanges.iter().any(|exchange| exchange.request == *request) {
                continue;
            }
            let mut next = Some(request.clone());
            while let Some(request) = next.take() {
                let Some(exchange) = self.ask(&request).await else { return false };
                next = self.form_without_head(&exchange);
                let failure = exchange.outcome.as_ref().err().map(|failure| failure.kind);
                let pause = asked_to_wait(&exchange);
                self.observation.exchanges.push(exchange);
                let over = failure.is_some_and(|kind| kind == FailureKind::Deadline || kind.is_ours());
                if over || !waited(pause, self.deadline).await {
                    return false;
                }
            }
        }
        true
    }

    /// Whether anything so far shows Kubernetes: `--deep` spares everybody else.
    fn speaks_kubernetes(&self) -> bool {
        self.observation.replies().any(|(_, reply)| reply.speaks_kubernetes())
    }

    /// One handshake without SNI, where a name was sent with the others: `OpenShift` shows its internal
    /// certificate then, and Gardener's gateway leads nowhere.
    async fn ask_without_sni(&mut self) {
        let endpoint = &self.observation.endpoint;
        if endpoint.scheme != Scheme::Https || endpoint.name.is_none() {
            return;
        }
        let nameless = Endpoint { name: None, ..endpoint.clone() };
        // It has served; two connections at once would be more than the host was promised.
        self.connection = None;
        let outcome = self.handshake(&nameless).await;
        self.observation.without_sni = Some(outcome);
    }

    /// One handshake on a connection of its own.
    async fn handshake(&mut self, endpoint: &Endpoint) -> Result<Handshake, Failure> {
        let stream = self.dial(endpoint).await?;
        self.observation.connections += 1;
        let work = self.prober.tls.handshake(stream, endpoint);
        let (_, handshake, _) = tokio::time::timeout_at(self.deadline, work)
            .await
            .map_err(|_| Failure::new(Stage::Tls, FailureKind::Deadline, ""))??;
        self.observation.handshakes += 1;
        Ok(handshake)
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
        let vouched =
            exchange.request.method == Method::Head && reply.vouched_by(self.observation.reference());
        if vouched { None } else { exchange.request.without_head() }
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
            match self.exchange(&mut connection, request).await {
                Ok(reply) => {
                    if connection.reusable().await {
                        self.connection = Some(connection);
                    }
                    break Ok(reply);
                }
                // A server may close an idle connection just as we ask: that is no failure of the
                // request, and a fresh connection will tell.
                Err(failure) if !fresh && failure.may_pass() => {}
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
        let again = begun && failure.may_pass() && self.retries > 0 && Deadline::now() < self.deadline;
        if again {
            self.retries -= 1;
        }
        again
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
            self.observation.local = stream.local_addr().ok().map(|address| address.ip().to_canonical());
        }
        let prober = self.prober;
        let work = Connection::establish(stream, &prober.tls, &mut self.observation);
        match tokio::time::timeout_at(self.deadline, work).await {
            Ok(connection) => connection,
            Err(_) => Err(Failure::new(Stage::Tls, FailureKind::Deadline, "")),
        }
    }

    async fn exchange(&mut self, connection: &mut Connection, request: &Request) -> Result<Reply, Failure> {
        let prober = self.prober;
        let room = match request.class {
            PathClass::OpenApi | PathClass::Metrics | PathClass::Diagnostics => {
                FIRST_BYTES.min(prober.max_body)
            }
            _ => prober.max_body,
        };
        let work = connection.ask(&self.observation.endpoint, request, &prober.user_agent, room);
        match tokio::time::timeout_at(self.deadline, work).await {
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
    exchange.outcome.as_ref().ok().filter(|reply| reply.status == 429)?;
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
