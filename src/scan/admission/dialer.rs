//! Opens connections when the throttle admits them, and reports the results to the throttle.

use std::time::{Duration, Instant};

use super::own_side_failures::OwnSideFailures;
use super::permits::ConnectPermit;
use super::throttle::Throttle;
use crate::config::ScanConfig;
use crate::connect::Connector;
use crate::model::{Endpoint, Failure, FailureKind, Host};
use crate::probe::{Dial, Dialled};
use crate::scan::stop::Stop;

/// Opens connections.
pub(in crate::scan) struct Dialer {
    pub(in crate::scan) connector: Connector,
    pub(in crate::scan) throttle: Throttle,
    pub(in crate::scan) own_side_failures: OwnSideFailures,
}

impl Dialer {
    pub(in crate::scan) fn new(config: &ScanConfig) -> Self {
        Self {
            connector: Connector::new(config),
            throttle: Throttle::new(config),
            own_side_failures: OwnSideFailures::default(),
        }
    }

    /// Connects, with a permit. Waits while this machine has run out of resources, unless the scan is
    /// stopped.
    pub(in crate::scan) async fn connect(
        &self,
        endpoint: &Endpoint,
        permit: ConnectPermit<'_>,
        stop: &Stop,
    ) -> Dialled {
        let host = &endpoint.host;
        let mut wait = None;
        loop {
            let started = Instant::now();
            let stream = self.connector.connect(host, endpoint.port).await;
            let took = started.elapsed();
            // Says nothing about the target: wait until descriptors or ports are free.
            if let Err(failure) = &stream
                && failure.kind == FailureKind::ResourcesExhausted
            {
                self.throttle.resources_exhausted(&failure.detail);
                let wait = wait.get_or_insert_with(|| self.own_side_failures.wait());
                if wait.before_retry(failure, stop).await {
                    // The permit is kept, so only the rate is waited for.
                    self.throttle.limiter.wait_to_continue().await;
                    continue;
                }
            }
            self.connected(host, stream.as_ref().err(), took, stop);
            drop(permit);
            return Dialled { stream, took };
        }
    }

    /// Reports the result of a connect, which took so long.
    pub(in crate::scan) fn connected(
        &self,
        host: &Host,
        failure: Option<&Failure>,
        took: Duration,
        stop: &Stop,
    ) {
        match failure.map(|failure| failure.kind) {
            None | Some(FailureKind::Refused) => self.throttle.answered(host, took),
            Some(FailureKind::TimedOut) => self.throttle.did_not_answer(host),
            Some(_) => {}
        }
        self.own_side_failures.record_result(failure, stop);
    }
}

/// Opens the further connections of one target's probes.
pub(in crate::scan) struct Redialer<'a> {
    pub(in crate::scan) dialer: &'a Dialer,
    pub(in crate::scan) stop: &'a Stop,
}

impl Dial for Redialer<'_> {
    async fn dial(&self, endpoint: &Endpoint) -> Dialled {
        let permit = self.dialer.throttle.acquire_to_continue().await;
        self.dialer.connect(endpoint, permit, self.stop).await
    }
}
