//! Servers that misbehave at random: each connection in a way of its own, drawn from what goes wrong before
//! TLS, in TLS, and in HTTP, alone and together. No answer of theirs grants anything.
//!
//! The same seed draws the same misbehaviours in the same order.

mod answer;
mod mangled;

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
use super::connection::{close, drain};
use super::hostile::read_head;
use answer::Manner;
use mangled::{Mangled, Plan};

/// How long a connection is kept: nobody waits longer for a server of this kind.
const KEPT: Duration = Duration::from_secs(30);

/// A running server. It stops, connections and all, when this is dropped.
#[derive(Debug)]
pub struct ChaosServer {
    address: SocketAddr,
    misbehaviours: Arc<Mutex<BTreeSet<String>>>,
    accepting: JoinHandle<()>,
}

/// Starts a server that misbehaves; port 0 takes a free one.
///
/// # Errors
/// The address cannot be bound, or no certificate could be made.
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
        Draws(seed),
        Arc::clone(&misbehaviours),
    ));
    Ok(ChaosServer {
        address,
        misbehaviours,
        accepting,
    })
}

impl ChaosServer {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// In which ways it has misbehaved so far.
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
    mut draws: Draws,
    seen: Arc<Mutex<BTreeSet<String>>>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                // Each connection draws from a sequence of its own: what others do changes nothing for it.
                let draws = Draws(draws.next());
                let (acceptor, seen) = (acceptor.clone(), Arc::clone(&seen));
                connections.spawn(async move {
                    let note = |name: String| {
                        seen.lock().insert(name);
                    };
                    let _ = tokio::time::timeout(KEPT, serve(stream, acceptor, draws, note)).await;
                });
            }
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

/// What is said in place of TLS.
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
    mut draws: Draws,
    note: impl Fn(String),
) {
    let _ = stream.set_nodelay(true);
    match draws.below(16) {
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
            let (name, bytes) = NOISE[draws.below(NOISE.len())];
            let times = 1 + draws.below(200);
            note(format!(
                "{name} in place of TLS, {}",
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
    let plan = Plan::draw(&mut draws);
    let how = plan.name();
    match acceptor.accept(Mangled::new(stream, plan)).await {
        Ok(stream) => speak(stream, &mut draws, |manner| note(format!("{how}{manner}"))).await,
        Err(_) => note(format!("{how}no handshake")),
    }
}

/// Answers in one manner until the client goes, or the manner ends it.
async fn speak<S>(mut stream: S, draws: &mut Draws, note: impl Fn(String))
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let manner = Manner::draw(draws);
    note(manner.name());
    let mut unread = Vec::new();
    while let Some(head) = read_head(&mut stream, &mut unread).await {
        let head = String::from_utf8_lossy(&head).into_owned();
        let mut words = head.split(' ');
        let (method, path) = (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        );
        if manner
            .answer(&mut stream, method, path, draws)
            .await
            .is_err()
        {
            break;
        }
    }
    close(stream).await;
}

/// Numbers that look random (splitmix64): no harm comes from anybody guessing them.
#[derive(Debug)]
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> u64 {
        crate::random::next(&mut self.0)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a run of draws comes to, without a network.
    fn drawn(seed: u64) -> Vec<String> {
        let mut draws = Draws(seed);
        (0..2000)
            .map(|_| {
                format!(
                    "{}{}",
                    Plan::draw(&mut draws).name(),
                    Manner::draw(&mut draws).name()
                )
            })
            .collect()
    }

    #[test]
    fn hundreds_of_misbehaviours_and_the_same_for_the_same_seed() {
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
        let kinds: BTreeSet<String> = drawn(7).into_iter().collect();
        assert!(kinds.len() > 400, "{}", kinds.len());
    }
}
