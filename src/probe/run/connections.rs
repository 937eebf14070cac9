//! The connections of a probe: one at a time, and each counted.

use std::pin::pin;
use std::time::Instant;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::RunningProbe;
use crate::model::{Endpoint, Failure, FailureKind, Handshake, Scheme, Stage};
use crate::probe::connection::Connection;
use crate::probe::dial::{Dial, Dialled};

impl<D: Dial> RunningProbe<'_, D> {
    /// The connection, or a new one if there is none.
    pub(super) async fn take_connection(&mut self) -> Result<Connection, Failure> {
        loop {
            match self.connection.take() {
                Some(connection) => return Ok(connection),
                None => match self.open().await {
                    Err(failure)
                        if self.fall_back_to_http1(&failure) || self.use_retry(&failure) => {}
                    opened => return opened,
                },
            }
        }
    }

    /// Opens a connection that is ready for requests, on the stream of the scan if it is unused.
    async fn open(&mut self) -> Result<Connection, Failure> {
        self.flights_from = None;
        let stream = if let Some(stream) = self.first_stream.take() {
            stream
        } else {
            let endpoint = self.observation.endpoint.clone();
            self.dial(&endpoint).await?
        };
        self.observation.connections += 1;
        if self.observation.local_address.is_none() {
            self.observation.local_address = stream
                .local_addr()
                .ok()
                .map(|address| address.ip().to_canonical());
        }
        let (prober, deadline) = (self.prober, self.next_deadline());
        // Pinned here, because a timeout would move it.
        let work = pin!(Connection::establish(
            stream,
            &prober.tls,
            &mut self.observation,
            self.http1
        ));
        match tokio::time::timeout_at(deadline, work).await {
            Ok(connection) => connection,
            Err(_) => Err(Failure::new(Stage::Tls, FailureKind::Deadline, "")),
        }
    }

    /// Opens a further connection. The wait for a permit depends on the rest of the scan, so it does not count
    /// against the endpoint's time.
    async fn dial(&mut self, endpoint: &Endpoint) -> Result<TcpStream, Failure> {
        let began = Instant::now();
        let Dialled { stream, took } = self.dial.dial(endpoint).await;
        let waited = began.elapsed().saturating_sub(took);
        self.waited += waited;
        self.deadline += waited;
        stream
    }

    /// Performs one handshake without SNI if the others had one. `OpenShift` then shows its internal
    /// certificate, and Gardener's gateway closes the connection.
    pub(super) async fn handshake_without_sni(&mut self) {
        let endpoint = &self.observation.endpoint;
        if endpoint.scheme != Scheme::Https || endpoint.name.is_none() {
            return;
        }
        let nameless = Endpoint {
            name: None,
            ..endpoint.clone()
        };
        // Closed first, so that the probe never holds two connections.
        self.connection = None;
        self.observation.without_sni = Some(self.handshake(&nameless).await);
    }

    /// Performs one handshake on a connection of its own.
    async fn handshake(&mut self, endpoint: &Endpoint) -> Result<Box<Handshake>, Failure> {
        let stream = self.dial(endpoint).await?;
        self.observation.connections += 1;
        let work = self.prober.tls.handshake(stream, endpoint, self.http1);
        let (mut stream, handshake, _) = tokio::time::timeout_at(self.next_deadline(), work)
            .await
            .map_err(|_| Failure::new(Stage::Tls, FailureKind::Deadline, ""))?
            .map_err(|refused| refused.failure)?;
        self.observation.handshakes += 1;
        // The server's side of the handshake completes, too. If that fails, what the server showed still counts.
        let _ = tokio::time::timeout_at(self.next_deadline(), stream.flush()).await;
        Ok(handshake)
    }
}
