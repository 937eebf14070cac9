//! Opens connections when the throttle says so, and tells it what came of them.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::throttle::{Leave, Throttle};
use crate::model::{Endpoint, FailureKind};
use crate::probe::{Dial, Dialled};
use crate::sweep::Sweep;

/// The pauses between attempts while this machine is short of something.
const SHORTAGE_PAUSE: Duration = Duration::from_millis(50);
/// How often a shortage is waited out before the endpoint is put off to the next pass.
const SHORTAGE_ATTEMPTS: u32 = 100;

/// Opens connections.
pub(super) struct Dialer {
    pub(super) sweep: Sweep,
    pub(super) throttle: Throttle,
}

impl Dialer {
    /// Connects with the leave to do so.
    pub(super) async fn connect(&self, address: SocketAddr, leave: Leave<'_>) -> Dialled {
        let mut attempt = 0;
        loop {
            let started = Instant::now();
            let stream = self.sweep.connect(address).await;
            let took = started.elapsed();
            match &stream {
                // Says nothing of the target: wait until descriptors or ports come free.
                Err(failure) if failure.kind == FailureKind::LocalShortage => {
                    self.throttle.short(&failure.detail);
                    if attempt < SHORTAGE_ATTEMPTS {
                        attempt += 1;
                        tokio::time::sleep(SHORTAGE_PAUSE).await;
                        continue;
                    }
                }
                Ok(_) => self.throttle.answered(address.ip(), took),
                Err(failure) if failure.kind == FailureKind::Refused => {
                    self.throttle.answered(address.ip(), took);
                }
                Err(failure) if failure.kind == FailureKind::TimedOut => self.throttle.silent(address.ip()),
                Err(_) => {}
            }
            drop(leave);
            return Dialled { stream, took };
        }
    }
}

impl Dial for Dialer {
    async fn dial(&self, endpoint: &Endpoint) -> Dialled {
        self.connect(endpoint.address, self.throttle.leave_to_go_on().await).await
    }
}
