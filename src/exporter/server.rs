//! The HTTP server of the exporter: connections, TLS, and their limits.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::RwLock;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::authentication::Users;
use super::probing::Exporter;
use super::routes;
use super::web_config::WebConfig;

/// Connections at once. Further ones wait until one of them ends.
const MAX_CONNECTIONS: usize = 1024;
/// Bytes of the head of a request.
const MAX_HEAD: usize = 16 * 1024;
/// Time for a handshake of TLS.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Time for the head of a request, from the moment at which the connection is idle.
const IDLE: Duration = Duration::from_secs(75);
/// The pause after a failed accept. Without it, running out of descriptors would cause a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// Why the exporter cannot listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// Others than this machine could ask, and nobody is authenticated.
    #[error(
        "everybody who reaches {0} could read which clusters are open: name a file with basic_auth_users or client \
         certificates with --web.config.file, listen on 127.0.0.1, or add --listen-unprotected if something else \
         decides who reaches it"
    )]
    Unprotected(SocketAddr),
    /// The address cannot be used.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, io::Error),
}

/// What a connection needs of the web configuration.
struct Web {
    tls: Option<TlsAcceptor>,
    users: Arc<Users>,
}

/// The web configuration of now. Passwords count for each request, TLS for new connections.
type CurrentWeb = RwLock<Arc<Web>>;

/// The server. It answers while [`Self::serve`] runs.
pub struct Server {
    exporter: Arc<Exporter>,
    listener: TcpListener,
    address: SocketAddr,
    unprotected: bool,
    web: Arc<CurrentWeb>,
}

impl Server {
    /// Listens on this address. Port 0 takes a free one. `unprotected` allows everybody to ask.
    ///
    /// # Errors
    /// [`ServerError`].
    pub async fn listen(
        exporter: Arc<Exporter>,
        address: SocketAddr,
        web: WebConfig,
        unprotected: bool,
    ) -> Result<Self, ServerError> {
        check(address, &web, unprotected)?;
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|error| ServerError::Listen(address, error))?;
        let bound = listener.local_addr();
        Ok(Self {
            exporter,
            address: bound.map_err(|error| ServerError::Listen(address, error))?,
            listener,
            unprotected,
            web: Arc::new(RwLock::new(Arc::new(Web::new(web)))),
        })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Replaces the web configuration.
    ///
    /// # Errors
    /// [`ServerError::Unprotected`]: the old one stays.
    pub fn replace_web_config(&self, web: WebConfig) -> Result<(), ServerError> {
        check(self.address, &web, self.unprotected)?;
        *self.web.write() = Arc::new(Web::new(web));
        Ok(())
    }

    /// Answers until the future is dropped, which ends all connections and probes.
    pub async fn serve(&self) {
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut connections = JoinSet::new();
        loop {
            // The semaphore is never closed.
            let place = Arc::clone(&places).acquire_owned().await;
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let (exporter, web) = (Arc::clone(&self.exporter), Arc::clone(&self.web));
                    connections.spawn(async move {
                        let _place = place;
                        serve_connection(exporter, web, stream).await;
                    });
                }
                // A client that left before it was accepted must not delay the others.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
            while connections.try_join_next().is_some() {}
        }
    }
}

/// Refuses to answer others than this machine without authentication.
fn check(address: SocketAddr, web: &WebConfig, unprotected: bool) -> Result<(), ServerError> {
    let is_local = address.ip().to_canonical().is_loopback();
    if is_local || unprotected || web.authenticates() {
        return Ok(());
    }
    Err(ServerError::Unprotected(address))
}

impl Web {
    fn new(config: WebConfig) -> Self {
        Self {
            tls: config.tls.map(TlsAcceptor::from),
            users: Arc::new(Users::new(config.users)),
        }
    }
}

async fn serve_connection(exporter: Arc<Exporter>, web: Arc<CurrentWeb>, stream: TcpStream) {
    // Otherwise the second small write of an answer would wait for an acknowledgement.
    let _ = stream.set_nodelay(true);
    let tls = web.read().tls.clone();
    match tls {
        None => serve_http(exporter, &web, stream).await,
        Some(tls) => {
            let handshake = tokio::time::timeout(HANDSHAKE, tls.accept(stream));
            if let Ok(Ok(stream)) = handshake.await {
                serve_http(exporter, &web, stream).await;
            }
        }
    }
}

/// Answers until the client closes. Its end ends the request that is being answered, too.
async fn serve_http<S>(exporter: Arc<Exporter>, web: &CurrentWeb, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let service = service_fn(move |request| {
        let (exporter, users) = (Arc::clone(&exporter), Arc::clone(&web.read().users));
        async move { Ok::<_, Infallible>(routes::answer(&exporter, &users, &request).await) }
    });
    // How a connection ends does not matter.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
