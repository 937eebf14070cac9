//! One connection: what happens before HTTP, and a decent end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::scenario::Conduct;
use super::server::Shared;
use super::{hostile, ordinary};

/// How long a closing server waits for the other side to close too.
const LINGER: Duration = Duration::from_secs(1);

/// The first byte of a TLS handshake record.
const TLS_HANDSHAKE: u8 = 0x16;

/// What is known of a connection when its first request comes.
#[derive(Debug, Clone)]
pub(super) struct Visit {
    /// From 1, in the order accepted.
    pub(super) number: u64,
    /// The name sent as SNI.
    pub(super) sni: Option<String>,
    /// Whether HTTP/2 was agreed on.
    pub(super) http2: bool,
}

pub(super) async fn serve(shared: Arc<Shared>, mut stream: TcpStream, number: u64) {
    // Without it the second small write of an answer would wait for an acknowledgement.
    let _ = stream.set_nodelay(true);
    match &shared.scenario.conduct {
        Conduct::Answer(_) => answer(Arc::clone(&shared), stream, number).await,
        Conduct::Close => close(stream).await,
        Conduct::Silence => drain(&mut stream).await,
        Conduct::Say(words) => say(stream, words).await,
    }
}

async fn answer(shared: Arc<Shared>, stream: TcpStream, number: u64) {
    let Some(acceptor) = &shared.acceptor else {
        return speak(
            shared,
            Visit {
                number,
                sni: None,
                http2: false,
            },
            stream,
        )
        .await;
    };
    if let (Some(tls), Ok(false)) = (&shared.scenario.tls, starts_with_tls(&stream).await) {
        return say(stream, &tls.to_plain_http).await;
    }
    match acceptor.accept(stream).into_fallible().await {
        Ok(stream) => {
            shared.stats.handshake();
            let (_, session) = stream.get_ref();
            let sni = session.server_name().map(str::to_owned);
            let http2 = session.alpn_protocol() == Some(b"h2");
            speak(shared, Visit { number, sni, http2 }, stream).await;
        }
        // The alert is on its way; a hard close could overtake it.
        Err((_, stream)) => close(stream).await,
    }
}

/// Whether the client's first byte is TLS's. Anything but a letter is left to the TLS library.
async fn starts_with_tls(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [TLS_HANDSHAKE];
    stream.peek(&mut first).await?;
    Ok(!first[0].is_ascii_uppercase())
}

async fn speak<S: Socket>(shared: Arc<Shared>, visit: Visit, stream: S) {
    match shared.scenario.answers() {
        Some(answers) if answers.byte_level() => {
            hostile::serve(&shared, answers, &visit, stream).await;
        }
        _ => ordinary::serve(shared, visit, stream).await,
    }
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

/// Waits for the first bytes, whatever they are, says this and closes.
async fn say(mut stream: TcpStream, words: &[u8]) {
    let mut first = [0; 1024];
    if matches!(stream.read(&mut first).await, Ok(read) if read > 0)
        && stream.write_all(words).await.is_ok()
    {
        close(stream).await;
    }
}

/// Closes so that everything sent arrives: a socket closed with unread bytes in it is reset, and
/// the reset can overtake them.
pub(super) async fn close<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    if stream.shutdown().await.is_ok() {
        let _ = tokio::time::timeout(LINGER, drain(&mut stream)).await;
    }
}

/// Reads until the other side closes.
pub(super) async fn drain<S: AsyncRead + Unpin>(stream: &mut S) {
    let mut unread = [0; 1024];
    while matches!(stream.read(&mut unread).await, Ok(read) if read > 0) {}
}
