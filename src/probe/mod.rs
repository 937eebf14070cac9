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
//!    `continue=bogus` form.
//!
//! GET and HEAD only, no credential, no cookie, redirects not followed, no decompression. Every
//! answer is bounded in size and the whole look in time.

mod certificate;
mod connection;
mod reading;
mod sniff;
mod tls;

use std::collections::VecDeque;
use std::future::Future;
use std::time::Instant;

use http::HeaderValue;
use jiff::Timestamp;
use tokio::net::TcpStream;
use tokio::time::Instant as Deadline;

use crate::config::ScanConfig;
use crate::error::Error;
use crate::model::{Endpoint, Exchange, Failure, FailureKind, Method, Observation, Reply, Request, Stage};

use connection::Connection;

/// What is asked of every endpoint, in this order.
pub const ALWAYS: [&str; 3] = ["/version", "/api", "/healthz"];
/// What is asked next if all of [`ALWAYS`] answered 401.
pub const AFTER_401: [&str; 2] = ["/livez", "/readyz"];

/// Opens a further connection to an endpoint whose first one is spent.
pub trait Dial: Sync {
    /// A new connection, or why there is none.
    fn dial(&self, endpoint: &Endpoint) -> impl Future<Output = Result<TcpStream, Failure>> + Send;
}

/// Asks endpoints as configured.
pub struct Prober {
    tls: tls::Client,
    user_agent: HeaderValue,
    max_body: usize,
    timeout: std::time::Duration,
    retries: u32,
    always: Vec<Request>,
    after_401: Vec<Request>,
    extra: Vec<Request>,
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
            tls: tls::Client::new(config.http2)?,
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
            number,
            spare: Some(stream),
            connection: None,
            retries: self.retries,
            observation: Observation::new(endpoint.clone()),
        };
        look.run().await;
        let mut observation = look.observation;
        observation.timings.total = started.elapsed();
        observation
    }
}

/// The state of one look.
struct Look<'a, D> {
    prober: &'a Prober,
    dial: &'a D,
    deadline: Deadline,
    number: u8,
    /// The stream the sweep opened, until it is used.
    spare: Option<TcpStream>,
    connection: Option<Connection>,
    retries: u32,
    observation: Observation,
}

impl<D: Dial> Look<'_, D> {
    async fn run(&mut self) {
        let mut queue: VecDeque<Request> = self.prober.always.iter().cloned().collect();
        let mut trio_left = queue.len();
        let mut trio_all_401 = true;
        while let Some(request) = queue.pop_front() {
            let Some(exchange) = self.ask(&request).await else { return };
            if trio_left > 0 {
                trio_left -= 1;
                trio_all_401 &= exchange.outcome.as_ref().is_ok_and(|reply| reply.status == 401);
                if trio_left == 0 {
                    let more = if trio_all_401 { self.prober.after_401.as_slice() } else { &[] };
                    queue.extend(more.iter().chain(&self.prober.extra).cloned());
                    queue.retain({
                        let mut seen: Vec<Request> = self.prober.always.clone();
                        move |request| {
                            let new = !seen.contains(request);
                            seen.push(request.clone());
                            new
                        }
                    });
                }
            }
            let over = exchange.outcome.as_ref().is_err_and(|failure| failure.kind == FailureKind::Deadline);
            let another_form = self.form_without_head(&exchange);
            self.observation.exchanges.push(exchange);
            if over {
                return;
            }
            if let Some(form) = another_form {
                queue.push_front(form);
            }
        }
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
        let (at, started) = (Timestamp::now(), Instant::now());
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

    /// Whether a failure is worth one of the retries, which it then costs.
    fn again(&mut self, failure: &Failure) -> bool {
        let again = failure.may_pass() && self.retries > 0 && Deadline::now() < self.deadline;
        if again {
            self.retries -= 1;
        }
        again
    }

    /// A connection that is ready for requests: on the stream at hand, else on a new one.
    async fn open(&mut self) -> Result<Connection, Failure> {
        let stream = match self.spare.take() {
            Some(stream) => stream,
            None => self.dial.dial(&self.observation.endpoint).await?,
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
        let work = connection.ask(&self.observation.endpoint, request, &prober.user_agent, prober.max_body);
        match tokio::time::timeout_at(self.deadline, work).await {
            Ok(reply) => reply,
            Err(_) => Err(Failure::new(Stage::Http, FailureKind::Deadline, "")),
        }
    }
}
