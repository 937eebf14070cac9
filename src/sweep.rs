//! One TCP connect, timed: an open stream, or refused, timed out, unreachable …
//!
//! The stream that is opened here is the one that the probe uses. Through a proxy the proxy hands
//! over the stream, and its refusals are told apart from the target's.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_socks::tcp::Socks5Stream;

use crate::config::{Proxy, ProxyKind, ScanConfig};
use crate::model::{Failure, FailureKind, Stage};

/// Opens connections as configured.
pub struct Sweep {
    connect_timeout: Duration,
    proxy: Option<Proxy>,
}

impl Sweep {
    /// As configured.
    pub fn new(config: &ScanConfig) -> Self {
        Self { connect_timeout: config.connect_timeout, proxy: config.proxy.clone() }
    }

    /// Opens one connection.
    ///
    /// # Errors
    /// A [`Failure`] of stage `connect`, or of stage `proxy` when the proxy itself is at fault.
    pub async fn connect(&self, address: SocketAddr) -> Result<TcpStream, Failure> {
        let stage = if self.proxy.is_some() { Stage::Proxy } else { Stage::Connect };
        let open = async {
            match &self.proxy {
                None => TcpStream::connect(address).await.map_err(|error| direct(&error)),
                Some(proxy) => through(proxy, address).await,
            }
        };
        let stream = timeout(self.connect_timeout, open)
            .await
            .map_err(|_| Failure::new(stage, FailureKind::TimedOut, ""))??;
        // Requests are small and each waits for its answer: Nagle's algorithm would only delay them.
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }
}

/// Numbers by which systems say that this machine ran out of something.
#[cfg(unix)]
const SHORTAGES: [i32; 4] = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM];
#[cfg(not(unix))]
const SHORTAGES: [i32; 0] = [];

fn direct(error: &io::Error) -> Failure {
    let short = error.raw_os_error().is_some_and(|code| SHORTAGES.contains(&code));
    let kind = match error.kind() {
        _ if short => FailureKind::LocalShortage,
        io::ErrorKind::AddrNotAvailable => FailureKind::LocalShortage,
        io::ErrorKind::ConnectionRefused => FailureKind::Refused,
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => FailureKind::Reset,
        io::ErrorKind::TimedOut => FailureKind::TimedOut,
        io::ErrorKind::NetworkUnreachable => FailureKind::NetworkUnreachable,
        io::ErrorKind::PermissionDenied => FailureKind::Prohibited,
        _ => FailureKind::HostUnreachable,
    };
    let detail = match kind {
        FailureKind::Refused | FailureKind::TimedOut => String::new(),
        _ => error.to_string(),
    };
    Failure::new(Stage::Connect, kind, detail)
}

async fn through(proxy: &Proxy, address: SocketAddr) -> Result<TcpStream, Failure> {
    let at_fault = |detail: String| Failure::new(Stage::Proxy, FailureKind::Proxy, detail);
    let stream = TcpStream::connect((proxy.host.as_str(), proxy.port))
        .await
        .map_err(|error| at_fault(format!("{}:{}: {error}", proxy.host, proxy.port)))?;
    match proxy.kind {
        ProxyKind::Socks5 => match Socks5Stream::connect_with_socket(stream, address).await {
            Ok(stream) => Ok(stream.into_inner()),
            Err(error) => Err(socks(&error)),
        },
        ProxyKind::HttpConnect => http_connect(stream, address).await,
    }
}

/// What a SOCKS server says of the target (RFC 1928, section 6), told apart from its own troubles.
fn socks(error: &tokio_socks::Error) -> Failure {
    let of_target = |kind| Failure::new(Stage::Connect, kind, "says the proxy");
    match error {
        tokio_socks::Error::ConnectionRefused => of_target(FailureKind::Refused),
        tokio_socks::Error::HostUnreachable => of_target(FailureKind::HostUnreachable),
        tokio_socks::Error::NetworkUnreachable => of_target(FailureKind::NetworkUnreachable),
        tokio_socks::Error::TtlExpired => of_target(FailureKind::TimedOut),
        tokio_socks::Error::ConnectionNotAllowedByRuleset => of_target(FailureKind::Prohibited),
        error => Failure::new(Stage::Proxy, FailureKind::Proxy, error.to_string()),
    }
}

/// A tunnel by `CONNECT` (RFC 9110, section 9.3.6). No answer but 2xx opens one, and a proxy's
/// status does not say whether the target is closed, so every refusal is the proxy's.
async fn http_connect(stream: TcpStream, address: SocketAddr) -> Result<TcpStream, Failure> {
    let failed = |detail: String| Failure::new(Stage::Proxy, FailureKind::Proxy, detail);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| failed(error.to_string()))?;
    let request = http::Request::builder()
        .method(http::Method::CONNECT)
        .uri(address.to_string())
        .header(http::header::HOST, address.to_string())
        .body(Empty::<Bytes>::new())
        .map_err(|error| failed(error.to_string()))?;
    let tunnel = async {
        let response = sender.send_request(request).await.map_err(|error| failed(error.to_string()))?;
        if !response.status().is_success() {
            return Err(failed(format!("CONNECT {address} answered {}", response.status().as_u16())));
        }
        hyper::upgrade::on(response).await.map_err(|error| failed(error.to_string()))
    };
    tokio::pin!(tunnel);
    let upgraded = tokio::select! {
        upgraded = &mut tunnel => upgraded?,
        // The connection ends when it has handed itself over.
        _ = connection.with_upgrades() => tunnel.await?,
    };
    let parts = upgraded
        .downcast::<TokioIo<TcpStream>>()
        .map_err(|_| failed("the tunnel is not the connection it was made on".to_owned()))?;
    // A target of ours never speaks first; bytes that came with the head are not a tunnel's.
    if !parts.read_buf.is_empty() {
        return Err(failed("the proxy sent more than its answer to CONNECT".to_owned()));
    }
    Ok(parts.io.into_inner())
}
