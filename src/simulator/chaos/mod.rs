//! Servers that misbehave at random. Each connection gets a random combination of failures before TLS, in TLS and
//! in HTTP. No response grants anything.
//!
//! The same seed gives the same misbehaviour in the same order.

mod damaged_stream;
mod misbehaviour;
mod random;

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::catalogue;
use super::hostile::read_head;
use super::socket::{close, drain};
use damaged_stream::{Damage, DamagedStream};
use misbehaviour::Misbehaviour;
use random::Random;

/// How long a connection is kept open. Clients give up earlier.
const LIFETIME: Duration = Duration::from_secs(30);

/// A running server. Dropping it stops the server and its connections.
#[derive(Debug)]
pub struct ChaosServer {
    address: SocketAddr,
    misbehaviours: Arc<Mutex<BTreeSet<String>>>,
    accepting: JoinHandle<()>,
}

/// Starts a misbehaving server; port 0 selects a free port.
///
/// # Errors
/// The address cannot be bound, or no certificate could be created.
pub async fn chaos(seed: u64, listen: SocketAddr) -> io::Result<ChaosServer> {
    let scenario = catalogue::scenario("default").ok_or(io::ErrorKind::NotFound)?;
    let config = tokio::task::spawn_blocking(move || scenario.tls_config())
        .await
        .map_err(io::Error::other)??;
    let acceptor = TlsAcceptor::from(config.ok_or(io::ErrorKind::NotFound)?);
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    let misbehaviours = Arc::<Mutex<BTreeSet<String>>>::default();
    let accepting = tokio::spawn(accept(
        listener,
        acceptor,
        Random(seed),
        Arc::clone(&misbehaviours),
    ));
    Ok(ChaosServer {
        address,
        misbehaviours,
        accepting,
    })
}

impl ChaosServer {
    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The kinds of misbehaviour so far.
    pub fn misbehaviours(&self) -> BTreeSet<String> {
        self.misbehaviours.lock().clone()
    }
}

impl Drop for ChaosServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    mut random: Random,
    seen: Arc<Mutex<BTreeSet<String>>>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                // Each connection has its own sequence, independent of other connections.
                let random = Random(random.next());
                let (acceptor, seen) = (acceptor.clone(), Arc::clone(&seen));
                connections.spawn(async move {
                    let note = |name: String| {
                        seen.lock().insert(name);
                    };
                    let _ = tokio::time::timeout(LIFETIME, serve(stream, acceptor, random, note)).await;
                });
            }
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

/// Bytes that are sent instead of TLS.
const NOISE: [(&str, &[u8]); 7] = [
    ("an SSH banner", b"SSH-2.0-OpenSSH_9.6\r\n"),
    (
        "plain HTTP",
        b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\r\nhello",
    ),
    ("an HTTP/0.9 page", b"<html><body>it works</body></html>"),
    ("a TLS alert", &[0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x28]),
    (
        "half a ServerHello",
        &[
            0x16, 0x03, 0x03, 0x00, 0x7a, 0x02, 0x00, 0x00, 0x76, 0x03, 0x03, 0xaa, 0xbb,
        ],
    ),
    ("an empty TLS record", &[0x16, 0x03, 0x03, 0x00, 0x00]),
    (
        "a TLS record too long",
        &[0x16, 0x03, 0x03, 0xff, 0xff, 0x02, 0x00, 0xff, 0xff],
    ),
];

async fn serve(
    mut stream: TcpStream,
    acceptor: TlsAcceptor,
    mut random: Random,
    note: impl Fn(String),
) {
    let _ = stream.set_nodelay(true);
    match random.below(16) {
        0 => {
            note("closes at once".to_owned());
            return close(stream).await;
        }
        1 => {
            note("resets at once".to_owned());
            let _ = stream.set_zero_linger();
            return;
        }
        2 => {
            note("says nothing".to_owned());
            return drain(&mut stream).await;
        }
        3..=5 => {
            let (name, bytes) = NOISE[random.below(NOISE.len())];
            let times = 1 + random.below(200);
            note(format!(
                "{name} instead of TLS, {}",
                if times > 100 {
                    "over and over"
                } else {
                    "a few times"
                }
            ));
            let _ = stream.write_all(&bytes.repeat(times)).await;
            return close(stream).await;
        }
        _ => {}
    }
    let damage = Damage::choose(&mut random);
    let prefix = damage.name();
    match acceptor.accept(DamagedStream::new(stream, damage)).await {
        Ok(stream) => speak(stream, &mut random, |name| note(format!("{prefix}{name}"))).await,
        Err(_) => note(format!("{prefix}no handshake")),
    }
}

/// Misbehaves in one way until the client closes or the misbehaviour ends the connection.
async fn speak<S>(mut stream: S, random: &mut Random, note: impl Fn(String))
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let misbehaviour = Misbehaviour::choose(random);
    note(misbehaviour.name());
    let mut unread = Vec::new();
    while let Some(head) = read_head(&mut stream, &mut unread).await {
        let head = String::from_utf8_lossy(&head).into_owned();
        let mut words = head.split(' ');
        let (method, path) = (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        );
        if misbehaviour
            .answer(&mut stream, method, path, random)
            .await
            .is_err()
        {
            break;
        }
    }
    close(stream).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a run of random comes to, without a network.
    fn names(seed: u64) -> Vec<String> {
        let mut random = Random(seed);
        (0..2000)
            .map(|_| {
                format!(
                    "{}{}",
                    Damage::choose(&mut random).name(),
                    Misbehaviour::choose(&mut random).name()
                )
            })
            .collect()
    }

    #[test]
    fn there_are_hundreds_of_misbehaviours_and_the_seed_selects_them() {
        assert_eq!(names(7), names(7));
        assert_ne!(names(7), names(8));
        let kinds: BTreeSet<String> = names(7).into_iter().collect();
        assert!(kinds.len() > 400, "{}", kinds.len());
    }
}
