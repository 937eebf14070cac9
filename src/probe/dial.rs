//! How a probe gets a further connection: the scan provides it, because it limits rate and concurrency.

use std::future::Future;
use std::time::Duration;

use tokio::net::TcpStream;

use crate::model::{Endpoint, Failure};

/// Opens further connections to an endpoint after the first one was closed.
pub trait Dial: Sync {
    /// Opens a connection, after waiting for a permit.
    fn dial(&self, endpoint: &Endpoint) -> impl Future<Output = Dialled> + Send;
}

/// The outcome of [`Dial::dial`].
#[derive(Debug)]
pub struct Dialled {
    /// The connection, or why it failed.
    pub stream: Result<TcpStream, Failure>,
    /// How long connecting took, without the wait for a permit.
    pub took: Duration,
}
