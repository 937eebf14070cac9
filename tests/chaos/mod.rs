//! Servers that misbehave at random, for the tests and the `chaos` benchmark.
//!
//! Each connection gets a random combination of failures before TLS, in TLS and in HTTP. No response grants anything.
//!
//! The same seed gives the same misbehaviour in the same order.

mod damaged_stream;
mod misbehaviour;

use std::collections::BTreeSet;
use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

use damaged_stream::{Damage, DamagedStream};
use misbehaviour::Misbehaviour;

/// How long a connection is kept open. Clients give up earlier.
const LIFETIME: Duration = Duration::from_secs(30);

/// A running server. Dropping it stops the server and its connections.
#[derive(Debug)]
pub(crate) struct ChaosServer {
    misbehaviours: Arc<Mutex<BTreeSet<String>>>,
    accepting: JoinHandle<()>,
}

/// Starts a misbehaving server.
///
/// # Errors
/// No certificate could be created.
pub(crate) fn chaos(seed: u64, listener: TcpListener) -> io::Result<ChaosServer> {
    let acceptor = TlsAcceptor::from(Arc::new(tls().map_err(io::Error::other)?));
    let misbehaviours = Arc::<Mutex<BTreeSet<String>>>::default();
    let accepting = tokio::spawn(accept(
        listener,
        acceptor,
        Rng::with_seed(seed),
        Arc::clone(&misbehaviours),
    ));
    Ok(ChaosServer {
        misbehaviours,
        accepting,
    })
}

impl ChaosServer {
    /// The kinds of misbehaviour so far.
    pub(crate) fn misbehaviours(&self) -> BTreeSet<String> {
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
    mut random: Rng,
    seen: Arc<Mutex<BTreeSet<String>>>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else {
                    // Out of descriptors: they are free again soon.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                };
                // Each connection has its own sequence, independent of other connections.
                let random = random.fork();
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

/// The settings for TLS, with a certificate that nobody trusts.
fn tls() -> Result<ServerConfig, Box<dyn Error + Send + Sync>> {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["kubernetes".to_owned()])?;
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let builder = ServerConfig::builder().with_no_client_auth();
    Ok(builder.with_single_cert(vec![cert.der().clone()], key.into())?)
}

/// Reads a request's head; returns its first line.
async fn read_head<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> Option<String> {
    let (mut first, mut line) = (String::new(), String::new());
    stream.read_line(&mut first).await.ok()?;
    loop {
        line.clear();
        match (stream.read_line(&mut line).await.ok()?, line.trim_end()) {
            (0, _) => return None,
            (_, "") => return Some(first),
            _ => {}
        }
    }
}

/// Closes without losing sent bytes: a reset after unread bytes can overtake them.
async fn close<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    if stream.shutdown().await.is_ok() {
        let _ = tokio::time::timeout(Duration::from_secs(1), drain(&mut stream)).await;
    }
}

/// Reads until the client closes.
async fn drain<S: AsyncRead + Unpin>(stream: &mut S) {
    let _ = tokio::io::copy(stream, &mut tokio::io::sink()).await;
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
    mut random: Rng,
    note: impl Fn(String),
) {
    let _ = stream.set_nodelay(true);
    match random.usize(..16) {
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
            let (name, bytes) = NOISE[random.usize(..NOISE.len())];
            let times = 1 + random.usize(..200);
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
    let plan = Plan::choose(&mut random);
    match acceptor
        .accept(DamagedStream::new(stream, plan.damage))
        .await
    {
        Ok(stream) => {
            note(plan.name());
            speak(stream, &mut random, &plan.misbehaviour).await;
        }
        Err(_) => note(format!("{}no handshake", plan.damage.name())),
    }
}

/// How a connection misbehaves in TLS and in HTTP.
pub(crate) struct Plan {
    damage: Damage,
    misbehaviour: Misbehaviour,
}

impl Plan {
    pub(crate) fn choose(random: &mut Rng) -> Self {
        Self {
            damage: Damage::choose(random),
            misbehaviour: Misbehaviour::choose(random),
        }
    }

    pub(crate) fn name(&self) -> String {
        format!("{}{}", self.damage.name(), self.misbehaviour.name())
    }
}

/// Misbehaves in one way until the client closes or the misbehaviour ends the connection.
async fn speak<S>(stream: S, random: &mut Rng, misbehaviour: &Misbehaviour)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut stream = BufReader::new(stream);
    while let Some(request_line) = read_head(&mut stream).await {
        let mut words = request_line.split(' ');
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
