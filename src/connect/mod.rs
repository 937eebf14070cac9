//! One TCP connect, directly or through a proxy: an open stream, or refused, timed out, unreachable …
//!
//! The probe uses the stream that is opened here. Failures of a proxy are distinguished from the
//! target's.

mod direct;
mod exhaustion;
#[cfg(target_os = "linux")]
mod icmp;
mod proxied;

use std::net::{IpAddr, SocketAddr};
use std::task::Poll;
use std::time::Duration;

pub(crate) use direct::RETRANSMITTED;
use direct::Stream;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::config::{Proxy, ScanConfig};
use crate::local_end::LocalEnd;
use crate::model::{Failure, FailureKind, Host, Stage};

/// Opens connections as configured.
pub struct Connector {
    connect_timeout: Duration,
    proxy: Option<Proxy>,
    local_end: LocalEnd,
}

impl Connector {
    /// A connector as configured.
    pub fn new(config: &ScanConfig) -> Self {
        Self {
            connect_timeout: config.connect_timeout,
            proxy: config.proxy.clone(),
            local_end: LocalEnd::new(config),
        }
    }

    /// Opens one connection. Only a proxy accepts names.
    ///
    /// # Errors
    /// A [`Failure`] of stage `connect`. Of stage `proxy` if the proxy failed or refused, or could not connect to the
    /// target. Of stage `internal` for a name without a proxy, which callers resolve first.
    pub async fn connect(&self, host: &Host, port: u16) -> Result<TcpStream, Failure> {
        let deadline = Instant::now() + self.connect_timeout;
        let stream = match (&self.proxy, host) {
            (Some(proxy), _) => {
                proxied::connect(proxy, host, port, &self.local_end, deadline).await?
            }
            (None, Host::Ip(address)) => {
                let address = SocketAddr::new(*address, port);
                timeout_at(deadline, direct::connect(address, &self.local_end))
                    .await
                    .map_err(|_| Failure::new(Stage::Connect, FailureKind::TimedOut, ""))??
            }
            (None, Host::Name(name)) => {
                let detail = format!("{name} was not resolved");
                return Err(Failure::new(Stage::Internal, FailureKind::Panic, detail));
            }
        };
        set_nodelay(&stream);
        Ok(stream)
    }

    /// Begins to connect to an address, without a proxy. Once the stream is writable, [`Self::end`] tells the result.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub(crate) fn begin(&self, address: SocketAddr) -> Result<std::net::TcpStream, Failure> {
        direct::begin(address, &self.local_end)
    }

    /// Whether a stream that an address refused after so long can connect to another address.
    pub(crate) fn can_begin_again(
        stream: &impl Stream,
        address: SocketAddr,
        took: Duration,
    ) -> bool {
        direct::can_begin_again(stream, address, took)
    }

    /// Begins to connect such a stream. That costs half as much as with a new one. `false` if a new one is needed.
    pub(crate) fn begin_again(stream: &impl Stream, address: SocketAddr) -> bool {
        direct::begin_again(stream, address)
    }

    /// The result of a connect to an address, once its stream is writable. Pending if it still connects.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub(crate) fn end(
        &self,
        stream: &impl Stream,
        address: SocketAddr,
    ) -> Poll<Result<(), Failure>> {
        let result = direct::end(stream, address, &self.local_end);
        if matches!(result, Poll::Ready(Ok(()))) {
            set_nodelay(stream);
        }
        result
    }

    /// How long a connect may take.
    pub(crate) const fn timeout(&self) -> Duration {
        self.connect_timeout
    }

    /// Whether the proxy resolves names.
    pub fn resolves_names(&self) -> bool {
        self.proxy.as_ref().is_some_and(Proxy::resolves_names)
    }

    /// Whether connections go through a proxy. A proxy may report a connection before it has one.
    pub const fn is_proxied(&self) -> bool {
        self.proxy.is_some()
    }

    /// Whether this machine has a route to the address. Through a proxy it needs none.
    pub fn has_route(&self, address: IpAddr) -> bool {
        self.is_proxied() || direct::has_route(address, &self.local_end)
    }
}

/// Requests are small and wait for their answers: Nagle's algorithm would only delay them.
fn set_nodelay(stream: &impl Stream) {
    let _ = SockRef::from(stream).set_tcp_nodelay(true);
}
