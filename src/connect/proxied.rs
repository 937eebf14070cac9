//! Connections through a proxy. What the proxy says about the target is distinguished from failures of
//! the proxy and of this machine.

use std::borrow::Cow;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::StatusCode;
use http_body_util::Empty;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_socks::tcp::Socks5Stream;
use tokio_socks::{Error as SocksError, TargetAddr};
use tokio_util::io::InspectReader;

use super::exhaustion;
use crate::config::{Proxy, ProxyKind};
use crate::local_end::LocalEnd;
use crate::model::{Failure, FailureKind, Host, Stage};

/// The length of the answer with which a SOCKS server accepts the client (RFC 1928, section 3).
const GREETING: usize = 2;
const CREDENTIALS: &str = "requires credentials, and kubeknock never sends any";

/// Opens a connection through the proxy.
pub(super) async fn connect(
    proxy: &Proxy,
    host: &Host,
    port: u16,
    local_end: &LocalEnd,
    deadline: Instant,
) -> Result<TcpStream, Failure> {
    let connecting = timeout_at(deadline, reach(proxy, local_end));
    let stream = match connecting.await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            return Err(exhaustion::failure(&error)
                .unwrap_or_else(|| failed(proxy, FailureKind::Proxy, error)));
        }
        Err(_) => return Err(failed(proxy, FailureKind::Proxy, "does not answer")),
    };
    match proxy.kind {
        ProxyKind::Socks5 | ProxyKind::Socks5h => {
            let target = match host {
                Host::Ip(address) => TargetAddr::Ip(SocketAddr::new(*address, port)),
                Host::Name(name) => TargetAddr::Domain(Cow::Borrowed(name), port),
            };
            socks(proxy, stream, target, deadline).await
        }
        ProxyKind::HttpConnect => {
            let authority = format!("{host}:{port}");
            let tunnel = timeout_at(deadline, http_connect(proxy, stream, &authority));
            tunnel
                .await
                .unwrap_or_else(|_| Err(Failure::new(Stage::Proxy, FailureKind::TimedOut, "")))
        }
    }
}

/// A connection to the proxy: to the first of its addresses that accepts one.
async fn reach(proxy: &Proxy, local_end: &LocalEnd) -> io::Result<TcpStream> {
    if local_end.is_any() {
        return TcpStream::connect((proxy.host.as_str(), proxy.port)).await;
    }
    let mut last = io::Error::new(io::ErrorKind::NotFound, "its name has no address");
    for address in tokio::net::lookup_host((proxy.host.as_str(), proxy.port)).await? {
        match local_end.connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// A failure of the proxy, with its address.
fn failed(proxy: &Proxy, kind: FailureKind, what: impl std::fmt::Display) -> Failure {
    Failure::new(
        Stage::Proxy,
        kind,
        format!("{}:{}: {what}", proxy.host, proxy.port),
    )
}

/// A connection through SOCKS (RFC 1928).
async fn socks(
    proxy: &Proxy,
    stream: TcpStream,
    target: TargetAddr<'_>,
    deadline: Instant,
) -> Result<TcpStream, Failure> {
    let received = AtomicUsize::new(0);
    let stream = InspectReader::new(stream, |bytes| {
        received.fetch_add(bytes.len(), Ordering::Relaxed);
    });
    let connected = timeout_at(deadline, Socks5Stream::connect_with_socket(stream, target)).await;
    let greeted = received.load(Ordering::Relaxed) >= GREETING;
    match connected {
        Ok(Ok(stream)) => Ok(stream.into_inner().into_inner()),
        Ok(Err(error)) => Err(socks_failure(proxy, &error, greeted)),
        Err(_) if greeted => Err(Failure::new(Stage::Proxy, FailureKind::TimedOut, "")),
        Err(_) => Err(failed(proxy, FailureKind::Proxy, "does not speak SOCKS")),
    }
}

/// What a SOCKS server says about the target (RFC 1928, section 6), or how the server itself failed.
/// OpenSSH closes without an answer if it cannot connect.
fn socks_failure(proxy: &Proxy, error: &SocksError, greeted: bool) -> Failure {
    let of_target = |kind| Failure::new(Stage::Connect, kind, "reported by the proxy");
    match error {
        SocksError::ConnectionRefused => of_target(FailureKind::Refused),
        SocksError::HostUnreachable => of_target(FailureKind::HostUnreachable),
        SocksError::NetworkUnreachable => of_target(FailureKind::NetworkUnreachable),
        SocksError::TtlExpired => of_target(FailureKind::TimedOut),
        SocksError::ConnectionNotAllowedByRuleset | SocksError::AddressTypeNotSupported => {
            failed(proxy, FailureKind::ProxyRefused, error)
        }
        SocksError::NoAcceptableAuthMethods => failed(proxy, FailureKind::Proxy, CREDENTIALS),
        SocksError::Io(_) if greeted => failed(
            proxy,
            FailureKind::ProxyCouldNotConnect,
            "closed without an answer",
        ),
        // `UnknownAuthMethod` is what the library reports for reply codes that RFC 1928 does not define.
        SocksError::GeneralSocksServerFailure | SocksError::UnknownAuthMethod if greeted => {
            failed(proxy, FailureKind::ProxyCouldNotConnect, "general failure")
        }
        error => failed(proxy, FailureKind::Proxy, error),
    }
}

/// A tunnel through `CONNECT` (RFC 9110, section 9.3.6). Only a 2xx answer opens one.
async fn http_connect(
    proxy: &Proxy,
    stream: TcpStream,
    authority: &str,
) -> Result<TcpStream, Failure> {
    let at_fault = |error: &dyn std::fmt::Display| failed(proxy, FailureKind::Proxy, error);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| at_fault(&error))?;
    let request = http::Request::builder()
        .method(http::Method::CONNECT)
        .uri(authority)
        .header(http::header::HOST, authority)
        .body(Empty::<Bytes>::new())
        .map_err(|error| at_fault(&error))?;
    let tunnel = async {
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| at_fault(&error))?;
        if !response.status().is_success() {
            return Err(no_tunnel(proxy, authority, response.status()));
        }
        hyper::upgrade::on(response)
            .await
            .map_err(|error| at_fault(&error))
    };
    tokio::pin!(tunnel);
    let upgraded = tokio::select! {
        upgraded = &mut tunnel => upgraded?,
        // The connection future ends once it has handed over the stream.
        _ = connection.with_upgrades() => tunnel.await?,
    };
    let parts = upgraded
        .downcast::<TokioIo<TcpStream>>()
        .map_err(|_| at_fault(&"the tunnel is not the connection it was made on"))?;
    // API servers never send first: bytes after the head are not from the target.
    if !parts.read_buf.is_empty() {
        return Err(at_fault(&"sent more than its answer to CONNECT"));
    }
    Ok(parts.io.into_inner())
}

/// Why a status opens no tunnel: the proxy could not connect, does not connect to this target, or connects
/// to no target.
fn no_tunnel(proxy: &Proxy, authority: &str, status: StatusCode) -> Failure {
    let (kind, why) = match status {
        // tinyproxy answers 500.
        StatusCode::INTERNAL_SERVER_ERROR
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => (FailureKind::ProxyCouldNotConnect, None),
        StatusCode::PROXY_AUTHENTICATION_REQUIRED | StatusCode::UNAUTHORIZED => {
            (FailureKind::Proxy, Some(CREDENTIALS))
        }
        // Rules for the host or the port, or too many connections.
        StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS => (FailureKind::ProxyRefused, None),
        _ => (FailureKind::Proxy, Some("does not connect")),
    };
    let answer = format!("CONNECT {authority} answered {}", status.as_u16());
    // `CONNECT 192.0.2.1:6443 answered 404: it does not connect`, or only the part before the colon.
    let parts: Vec<&str> = [&*answer].into_iter().chain(why).collect();
    failed(proxy, kind, parts.join(": it "))
}
