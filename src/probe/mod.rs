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
//! answer is bounded in size and the whole look in time: `--timeout` for 1 and 2, and a fifth of it more
//! for each request of 3 and 4, of which none may take longer than `--timeout`. What was to be asked and
//! was not is in the observation.

mod anchors;
mod certificate;
mod connection;
mod deep;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzed;
mod head;
mod look;
mod reading;
mod recorder;
mod signature;
mod sniff;
mod tls;
mod tolerant;

use std::future::Future;
use std::time::Duration;

use http::HeaderValue;
use tokio::net::TcpStream;

use crate::config::ScanConfig;
use crate::error::Error;
use crate::model::{Endpoint, Failure, Observation, Request};

pub use deep::deep;

/// What is asked of every endpoint, in this order.
pub const ALWAYS: [&str; 3] = ["/version", "/api", "/healthz"];
/// What is asked next if all of [`ALWAYS`] answered 401.
pub const AFTER_401: [&str; 2] = ["/livez", "/readyz"];

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
    http2: bool,
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
        let requests = |paths: &[&str]| {
            paths
                .iter()
                .filter_map(|path| Request::for_path(path).ok())
                .collect()
        };
        Ok(Self {
            tls: tls::Client::new(config)?,
            user_agent: HeaderValue::from_str(&config.user_agent).map_err(|_| Error::Config {
                setting: "user-agent",
                problem: "must be one line of printable characters".into(),
            })?,
            max_body: config.max_body,
            timeout: config.timeout,
            retries: config.retries,
            http2: config.http2,
            always: requests(&ALWAYS),
            after_401: requests(&AFTER_401),
            extra: config.requests.clone(),
            deep: if config.deep {
                deep().collect()
            } else {
                Vec::new()
            },
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
        look::look(self, stream, endpoint, number, dial, false).await
    }

    /// A first look at what may be no endpoint at all: nothing more is asked unless the first answer is one,
    /// and one that does not send to TLS.
    pub async fn try_look(
        &self,
        stream: TcpStream,
        endpoint: &Endpoint,
        dial: &impl Dial,
    ) -> Observation {
        look::look(self, stream, endpoint, 1, dial, true).await
    }
}
