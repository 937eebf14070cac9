//! Opens connections when the throttle says so, and tells it what came of them.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Instant;

use super::own_side::OwnSide;
use super::stop::Stop;
use super::throttle::{Leave, Throttle};
use crate::connect::Connector;
use crate::model::{Endpoint, FailureKind};
use crate::probe::{Dial, Dialled};

/// Opens connections.
pub(super) struct Dialer {
    pub(super) connector: Connector,
    pub(super) throttle: Throttle,
    pub(super) own_side: OwnSide,
}

impl Dialer {
    /// Connects with the leave to do so. A shortage of this machine is waited out, until somebody
    /// stops.
    pub(super) async fn connect(
        &self,
        endpoint: &Endpoint,
        mut leave: Leave<'_>,
        stop: &Stop,
    ) -> Dialled {
        let host = &endpoint.host;
        let mut wait = None;
        loop {
            let started = Instant::now();
            let mut connecting = pin!(self.connector.connect(host, endpoint.port));
            let at_once = poll_fn(|context| Poll::Ready(connecting.as_mut().poll(context))).await;
            let at_once = at_once.map(|stream| (stream, started.elapsed()));
            // On loopback the answer is there as soon as the packet is sent, and who goes on with it never
            // waits for anything: whatever else is ready comes first.
            tokio::task::yield_now().await;
            leave.left();
            let (stream, took) = match at_once {
                Poll::Ready(told) => told,
                Poll::Pending => (connecting.await, started.elapsed()),
            };
            match &stream {
                // Says nothing of the target: wait until descriptors or ports come free.
                Err(failure) if failure.kind == FailureKind::LocalShortage => {
                    self.throttle.short(&failure.detail);
                    let wait = wait.get_or_insert_with(|| self.own_side.wait());
                    if wait.next(failure, stop).await {
                        self.throttle.once_more().await;
                        continue;
                    }
                }
                Ok(_) => self.throttle.answered(host, took),
                Err(failure) if failure.kind == FailureKind::Refused => {
                    self.throttle.answered(host, took);
                }
                Err(failure) if failure.kind == FailureKind::TimedOut => self.throttle.silent(host),
                Err(_) => {}
            }
            self.own_side.ended(stream.as_ref().err(), stop);
            drop(leave);
            return Dialled { stream, took };
        }
    }
}

/// Opens the further connections of one target's looks.
pub(super) struct Redialer<'a> {
    pub(super) dialer: &'a Dialer,
    pub(super) stop: &'a Stop,
}

impl Dial for Redialer<'_> {
    async fn dial(&self, endpoint: &Endpoint) -> Dialled {
        let leave = self.dialer.throttle.leave_to_go_on().await;
        self.dialer.connect(endpoint, leave, self.stop).await
    }
}
