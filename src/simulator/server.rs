//! Starting, accepting, stopping.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::answers::{Answers, Asked};
use super::connection;
use super::scenario::Scenario;
use super::stats::Stats;

/// Connections the system holds until they are accepted: a scan opens thousands at once.
const BACKLOG: u32 = 4096;

/// The pause after a failed accept; without one, a lack of descriptors would be a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// A running server. It stops, connections and all, when this is dropped.
#[derive(Debug)]
pub struct SimulatedServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

/// What every connection of one server needs.
pub(super) struct Shared {
    pub(super) scenario: Arc<Scenario>,
    pub(super) acceptor: Option<TlsAcceptor>,
    pub(super) asked: Asked,
    pub(super) stats: Stats,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("scenario", &self.scenario.name)
            .finish_non_exhaustive()
    }
}

/// Starts a server on this address; port 0 takes a free one.
///
/// # Errors
/// The address cannot be bound, or no certificate could be made.
pub async fn start(scenario: Arc<Scenario>, listen: SocketAddr) -> io::Result<SimulatedServer> {
    let config = {
        let scenario = Arc::clone(&scenario);
        tokio::task::spawn_blocking(move || scenario.tls_config())
            .await
            .map_err(io::Error::other)??
    };
    let socket = if listen.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // A server that is started again must not wait for the old connections to be forgotten.
    // On Windows the option means something else: it lets others take the port.
    if cfg!(unix) {
        socket.set_reuseaddr(true)?;
    }
    socket.bind(listen)?;
    let listener = socket.listen(BACKLOG)?;
    let address = listener.local_addr()?;
    let asked = scenario.answers().map(Answers::asked).unwrap_or_default();
    let acceptor = config.map(TlsAcceptor::from);
    let shared = Arc::new(Shared {
        scenario,
        acceptor,
        asked,
        stats: Stats::default(),
    });
    let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
    Ok(SimulatedServer {
        address,
        shared,
        accepting,
    })
}

impl SimulatedServer {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it saw so far.
    pub fn stats(&self) -> &Stats {
        &self.shared.stats
    }

    /// What it plays.
    pub fn scenario(&self) -> &Scenario {
        &self.shared.scenario
    }
}

impl Drop for SimulatedServer {
    fn drop(&mut self) {
        // The accepting task owns the connections' tasks: they end with it.
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let number = shared.stats.connection();
                    connections.spawn(connection::serve(Arc::clone(&shared), stream, number));
                }
                // One that went away before it was accepted is no reason to let the others wait.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}
