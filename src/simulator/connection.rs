//! One connection of a simulated server, up to the point where HTTP starts.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::scenario::ConnectionBehaviour;
use super::shared::Shared;
use super::socket::{ConnectionInfo, Socket, close, drain};
use super::{hostile, ordinary};

/// The first byte of a TLS handshake record.
const TLS_HANDSHAKE: u8 = 0x16;

pub(super) async fn serve(shared: Arc<Shared>, mut stream: TcpStream, number: u64) {
    // Otherwise the second small write of a response would wait for an acknowledgement.
    let _ = stream.set_nodelay(true);
    match &shared.scenario.behaviour {
        ConnectionBehaviour::Answer(_) => answer(Arc::clone(&shared), stream, number).await,
        ConnectionBehaviour::Close => close(stream).await,
        ConnectionBehaviour::Silence => drain(&mut stream).await,
        ConnectionBehaviour::Send(bytes) => send(stream, bytes).await,
    }
}

async fn answer(shared: Arc<Shared>, stream: TcpStream, number: u64) {
    let Some(acceptor) = &shared.acceptor else {
        return serve_http(
            shared,
            ConnectionInfo {
                number,
                sni: None,
                http2: false,
            },
            stream,
        )
        .await;
    };
    if let (Some(tls), Ok(false)) = (&shared.scenario.tls, starts_with_tls(&stream).await) {
        return send(stream, &tls.to_plain_http).await;
    }
    match acceptor.accept(stream).into_fallible().await {
        Ok(stream) => {
            shared.stats.handshake();
            let (_, session) = stream.get_ref();
            let sni = session.server_name().map(str::to_owned);
            let http2 = session.alpn_protocol() == Some(b"h2");
            serve_http(shared, ConnectionInfo { number, sni, http2 }, stream).await;
        }
        // The alert is in flight; a reset could overtake it.
        Err((_, stream)) => close(stream).await,
    }
}

/// Whether the client speaks TLS. Only an upper-case letter, the start of an HTTP method, counts as plain HTTP.
async fn starts_with_tls(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [TLS_HANDSHAKE];
    stream.peek(&mut first).await?;
    Ok(!first[0].is_ascii_uppercase())
}

async fn serve_http<S: Socket>(shared: Arc<Shared>, info: ConnectionInfo, stream: S) {
    match shared.scenario.answers() {
        Some(answers) if answers.need_raw_bytes() => {
            hostile::serve(&shared, answers, &info, stream).await;
        }
        _ => ordinary::serve(shared, info, stream).await,
    }
}

/// Waits for the first bytes, whatever they are, sends this and closes.
async fn send(mut stream: TcpStream, bytes: &[u8]) {
    let mut first = [0; 1024];
    if matches!(stream.read(&mut first).await, Ok(read) if read > 0)
        && stream.write_all(bytes).await.is_ok()
    {
        close(stream).await;
    }
}
