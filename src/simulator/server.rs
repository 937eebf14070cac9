//! Starts and stops a simulated server, and accepts its connections.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::answers::Answers;
use super::connection;
use super::scenario::Scenario;
use super::shared::Shared;
use super::stats::Stats;

/// How many connections the system queues until they are accepted: a scan opens thousands at once.
const BACKLOG: u32 = 4096;

/// The pause after a failed accept. Without it, running out of descriptors would cause a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// A running server. Dropping it stops the server and its connections.
#[derive(Debug)]
pub struct SimulatedServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

/// Starts a server on this address; port 0 selects a free port.
///
/// # Errors
/// The address cannot be bound, or no certificate could be created.
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
    // A restarted server must not wait until the system forgets old connections. On Windows the option would let
    // other programs take the port.
    if cfg!(unix) {
        socket.set_reuseaddr(true)?;
    }
    socket.bind(listen)?;
    let listener = socket.listen(BACKLOG)?;
    let address = listener.local_addr()?;
    let request_counts = scenario
        .answers()
        .map(Answers::request_counts)
        .unwrap_or_default();
    let acceptor = config.map(TlsAcceptor::from);
    let shared = Arc::new(Shared {
        scenario,
        acceptor,
        request_counts,
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
    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has seen so far.
    pub fn stats(&self) -> &Stats {
        &self.shared.stats
    }

    /// The scenario it plays.
    pub fn scenario(&self) -> &Scenario {
        &self.shared.scenario
    }
}

impl Drop for SimulatedServer {
    fn drop(&mut self) {
        // The accepting task owns the tasks of the connections, so they end with it.
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
                // A client that left before it was accepted must not delay the others.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}
