//! The sockets of queries: tokio's, from the chosen local end.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::net::runtime::iocompat::AsyncIoTokioAsStd;
use hickory_resolver::net::runtime::{RuntimeProvider, TokioRuntimeProvider};
use socket2::Type;

use crate::local_end::LocalEnd;

/// How long a TCP connect to a name server may take, as hickory has it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Makes the sockets.
#[derive(Clone)]
pub(super) struct LocalSockets {
    tokio: TokioRuntimeProvider,
    local_end: Arc<LocalEnd>,
}

impl LocalSockets {
    pub(super) fn new(local_end: LocalEnd) -> Self {
        Self {
            tokio: TokioRuntimeProvider::default(),
            local_end: Arc::new(local_end),
        }
    }
}

/// A socket that is being made.
type Making<T> = Pin<Box<dyn Send + Future<Output = io::Result<T>>>>;

impl RuntimeProvider for LocalSockets {
    type Handle = <TokioRuntimeProvider as RuntimeProvider>::Handle;
    type Timer = <TokioRuntimeProvider as RuntimeProvider>::Timer;
    type Udp = <TokioRuntimeProvider as RuntimeProvider>::Udp;
    type Tcp = <TokioRuntimeProvider as RuntimeProvider>::Tcp;

    fn create_handle(&self) -> Self::Handle {
        self.tokio.create_handle()
    }

    fn connect_tcp(
        &self,
        server: SocketAddr,
        local: Option<SocketAddr>,
        wait: Option<Duration>,
    ) -> Making<Self::Tcp> {
        if self.local_end.is_any() {
            return self.tokio.connect_tcp(server, local, wait);
        }
        let local_end = Arc::clone(&self.local_end);
        Box::pin(async move {
            let connecting = local_end.connect(server);
            let stream =
                tokio::time::timeout(wait.unwrap_or(CONNECT_TIMEOUT), connecting).await??;
            stream.set_nodelay(true)?;
            Ok(AsyncIoTokioAsStd(stream))
        })
    }

    fn bind_udp(&self, local: SocketAddr, server: SocketAddr) -> Making<Self::Udp> {
        if self.local_end.is_any() {
            return self.tokio.bind_udp(local, server);
        }
        let local_end = Arc::clone(&self.local_end);
        Box::pin(async move {
            let socket = local_end.socket(Type::DGRAM, server.ip())?;
            tokio::net::UdpSocket::from_std(socket.into())
        })
    }
}
