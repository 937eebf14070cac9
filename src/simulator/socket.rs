//! A connection's stream, how it is closed, and what is known about it before the first request.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long a closing server waits for the client to close.
const LINGER: Duration = Duration::from_secs(1);

/// What is known about a connection when its first request arrives.
#[derive(Debug, Clone)]
pub(super) struct ConnectionInfo {
    /// Its number in the order of acceptance, from 1.
    pub(super) number: u64,
    /// The name sent as SNI.
    pub(super) sni: Option<String>,
    /// Whether ALPN selected HTTP/2.
    pub(super) http2: bool,
}

/// A stream whose TCP connection can be reset.
pub(super) trait Socket: AsyncRead + AsyncWrite + Unpin + Send {
    fn tcp(&self) -> &TcpStream;
}

impl Socket for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Socket for tokio_rustls::server::TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// Closes without losing sent bytes. Closing a socket that has unread bytes sends a reset, which can overtake
/// them.
pub(super) async fn close<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    if stream.shutdown().await.is_ok() {
        let _ = tokio::time::timeout(LINGER, drain(&mut stream)).await;
    }
}

/// Reads until the client closes.
pub(super) async fn drain<S: AsyncRead + Unpin>(stream: &mut S) {
    let mut unread = [0; 1024];
    while matches!(stream.read(&mut unread).await, Ok(read) if read > 0) {}
}
