//! Connections that a proxy opens for us. What it says of the target is told apart from its own
//! troubles, and from this machine's.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::Empty;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_socks::tcp::Socks5Stream;

use super::shortage;
use crate::config::{Proxy, ProxyKind};
use crate::model::{Failure, FailureKind, Stage};

/// Opens a connection through the proxy.
pub(super) async fn connect(proxy: &Proxy, address: SocketAddr) -> Result<TcpStream, Failure> {
    let at_fault = |detail: String| Failure::new(Stage::Proxy, FailureKind::Proxy, detail);
    let stream = TcpStream::connect((proxy.host.as_str(), proxy.port)).await.map_err(|error| {
        shortage::of(&error).unwrap_or_else(|| at_fault(format!("{}:{}: {error}", proxy.host, proxy.port)))
    })?;
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
