//! Opens connections when the throttle says so, and tells it what came of them.

use std::net::SocketAddr;
use std::time::Instant;

use tokio::net::TcpStream;

use super::shortage::Shortage;
use super::stop::Stop;
use super::throttle::{Leave, Throttle};
use crate::model::{Endpoint, Failure, FailureKind};
use crate::probe::Dial;
use crate::sweep::Sweep;

/// Opens connections.
pub(super) struct Dialer {
    pub(super) sweep: Sweep,
    pub(super) throttle: Throttle,
    pub(super) shortage: Shortage,
}

impl Dialer {
    /// Connects with the leave to do so. A shortage of this machine is waited out, until somebody
    /// stops.
    pub(super) async fn connect(
        &self,
        address: SocketAddr,
        leave: Leave<'_>,
        stop: &Stop,
    ) -> Result<TcpStream, Failure> {
        let mut wait = None;
        loop {
            let started = Instant::now();
            let outcome = self.sweep.connect(address).await;
            match &outcome {
                // Says nothing of the target: wait until descriptors or ports come free.
                Err(failure) if failure.kind == FailureKind::LocalShortage => {
                    self.throttle.short(&failure.detail);
                    let wait = wait.get_or_insert_with(|| self.shortage.wait());
                    if wait.next(&failure.detail, stop).await {
                        continue;
                    }
                    return outcome;
                }
                Ok(_) => self.throttle.answered(address.ip(), started.elapsed()),
                Err(failure) if failure.kind == FailureKind::Refused => {
                    self.throttle.answered(address.ip(), started.elapsed());
                }
                Err(failure) if failure.kind == FailureKind::TimedOut => self.throttle.silent(address.ip()),
                Err(_) => {}
            }
            self.shortage.through();
            drop(leave);
            return outcome;
        }
    }
}

impl Dial for Dialer {
    async fn dial(&self, endpoint: &Endpoint) -> Result<TcpStream, Failure> {
        // A look that has begun is finished.
        self.connect(endpoint.address, self.throttle.leave().await, &Stop::default()).await
    }
}
