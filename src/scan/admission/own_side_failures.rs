//! Failures on our own side: of this machine, its network, its name server or the proxy. They say nothing
//! about a target, so each kind is reported once rather than for one target after another.
//!
//! Resource exhaustion (descriptors, local ports, buffers) is waited out. A closed connection keeps its
//! port for a minute, so the wait is longer than that. If nothing succeeds in that time, or a proxy never
//! connects, the scan is stopped.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::model::{Failure, FailureKind};
use crate::scan::stop::Stop;

/// How long resource exhaustion is waited out.
const PATIENCE: Duration = Duration::from_mins(2);
/// The first pause; each further one is twice as long, up to the longest.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How often a proxy that never connected may fail before the scan is stopped: enough to outlast a
/// restart of the proxy, and few compared with a large range.
const PROXY_FAILURES: u64 = 64;

/// The failures on our own side, and the number of connections and lookups without one.
#[derive(Default)]
pub(in crate::scan) struct OwnSideFailures {
    /// Connections and lookups that did not fail on our own side: a refused connection is one.
    got_through: AtomicU64,
    proxy_failures: AtomicU64,
    /// The detail of the first failure of each kind.
    first: Mutex<BTreeMap<FailureKind, String>>,
}

/// The wait of one connection or lookup for resources.
pub(in crate::scan) struct Wait<'a> {
    failures: &'a OwnSideFailures,
    since: Instant,
    /// How many had got through when the wait began.
    got_through: u64,
    pause: Duration,
}

impl OwnSideFailures {
    /// Records the result of a connection or lookup. Stops the scan if the proxy never connects.
    pub(in crate::scan) fn record_result(&self, failure: Option<&Failure>, stop: &Stop) {
        let Some(failure) = failure.filter(|failure| failure.kind.is_own_side()) else {
            self.got_through.fetch_add(1, Ordering::Relaxed);
            return;
        };
        self.note(failure);
        if failure.kind == FailureKind::Proxy
            && self.proxy_failures.fetch_add(1, Ordering::Relaxed) + 1 >= PROXY_FAILURES
            && self.got_through.load(Ordering::Relaxed) == 0
        {
            stop.fail(self.could_not_scan_message());
        }
    }

    /// Remembers and logs the first failure of each kind. The throttle logs resource exhaustion.
    fn note(&self, failure: &Failure) {
        let mut first = self.first.lock();
        let Entry::Vacant(vacant) = first.entry(failure.kind) else {
            return;
        };
        vacant.insert(failure.detail.clone());
        if failure.kind != FailureKind::ResourcesExhausted {
            let what = failure.kind.phrase();
            tracing::warn!(
                detail = failure.detail,
                "{what}: affected targets are counted as not attempted"
            );
        }
    }

    /// The message of a scan that could not ask anything: the reasons, and what to do about them.
    pub(in crate::scan) fn could_not_scan_message(&self) -> String {
        let first = self.first.lock();
        let reasons: Vec<String> = first
            .iter()
            .map(|(kind, detail)| reason(*kind, detail))
            .collect();
        format!("could not scan: {}", reasons.join("; "))
    }

    /// Begins a wait for resources.
    pub(in crate::scan) fn wait(&self) -> Wait<'_> {
        Wait {
            failures: self,
            since: Instant::now(),
            got_through: self.got_through.load(Ordering::Relaxed),
            pause: PAUSE,
        }
    }
}

/// A failure and what to do about it.
fn reason(kind: FailureKind, detail: &str) -> String {
    let (what, remedy) = match kind {
        FailureKind::Proxy => (
            "the proxy does not connect",
            "check --proxy, and that the proxy runs and needs no credentials",
        ),
        FailureKind::ProxyRefused => (
            "the proxy refuses every target",
            "its rules must allow these hosts and ports for this machine",
        ),
        FailureKind::NoRoute => (
            "this machine has no route to any target",
            "check its network, or scan from elsewhere",
        ),
        FailureKind::NoResolver => (
            "no name server can be asked",
            "check the network and the system's resolver configuration, or name a server with --resolver ADDRESS",
        ),
        FailureKind::ResourcesExhausted => (
            "this machine ran out of resources",
            "raise the limit on open files (ulimit -n), or lower --concurrency and --rate",
        ),
        _ => ("a defect in kubeknock", "please report it"),
    };
    format!("{what} ({detail}); {remedy}")
}

impl Wait<'_> {
    /// Waits before the next try; `false` if there should be none. Stops the scan if nothing has succeeded
    /// since the wait began.
    pub(in crate::scan) async fn before_retry(&mut self, failure: &Failure, stop: &Stop) -> bool {
        if self.since.elapsed() >= PATIENCE {
            let got_through = self.failures.got_through.load(Ordering::Relaxed);
            if got_through == self.got_through {
                self.failures.note(failure);
                stop.fail(if got_through == 0 {
                    self.failures.could_not_scan_message()
                } else {
                    let minutes = PATIENCE.as_secs() / 60;
                    format!(
                        "this machine was out of resources for {minutes} minutes: {}",
                        failure.detail
                    )
                });
            }
            return false;
        }
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        tokio::select! {
            () = tokio::time::sleep(pause) => true,
            () = stop.stopped() => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Stage;

    fn failure(kind: FailureKind, detail: &str) -> Failure {
        Failure::new(Stage::Connect, kind, detail)
    }

    /// Waits until the wait is over. Another connection succeeds before that, or after a minute.
    async fn waited(before: bool, meanwhile: bool) -> (Duration, Stop) {
        let (failures, stop) = (OwnSideFailures::default(), Stop::default());
        let refused = failure(FailureKind::Refused, "");
        if before {
            failures.record_result(Some(&refused), &stop);
        }
        let mut wait = failures.wait();
        let began = Instant::now();
        while wait
            .before_retry(&failure(FailureKind::ResourcesExhausted, "no ports"), &stop)
            .await
        {
            if meanwhile && began.elapsed() > Duration::from_mins(1) {
                failures.record_result(Some(&refused), &stop);
            }
        }
        (began.elapsed(), stop)
    }

    #[tokio::test(start_paused = true)]
    async fn resource_exhaustion_everywhere_stops_the_scan() {
        let (elapsed, stop) = waited(false, false).await;
        assert!(
            PATIENCE <= elapsed && elapsed <= PATIENCE + LONGEST_PAUSE,
            "{elapsed:?}"
        );
        assert!(stop.failed());
        let reason = stop.reason().unwrap();
        assert!(
            reason.starts_with("could not scan: this machine ran out of resources (no ports); ")
        );
        let (_, stop) = waited(true, false).await;
        assert!(stop.failed());
        assert!(stop.reason().unwrap().ends_with("for 2 minutes: no ports"));
    }

    #[tokio::test(start_paused = true)]
    async fn resource_exhaustion_at_one_destination_does_not_stop_the_scan() {
        let (elapsed, stop) = waited(false, true).await;
        assert!(elapsed >= PATIENCE && !stop.is_stopped());
    }

    #[tokio::test(start_paused = true)]
    async fn a_stopped_scan_waits_no_longer() {
        let (failures, stop) = (OwnSideFailures::default(), Stop::default());
        stop.stop("interrupted");
        assert!(
            !failures
                .wait()
                .before_retry(&failure(FailureKind::ResourcesExhausted, "no ports"), &stop)
                .await
        );
        assert!(!stop.failed());
    }

    /// A proxy that never connected stops a scan of any size; one that did may be restarting.
    #[test]
    fn a_proxy_that_never_connects_stops_the_scan() {
        for (kind, connected, stops) in [
            (FailureKind::Proxy, false, true),
            (FailureKind::Proxy, true, false),
            // It may allow later hosts or ports, and later addresses may have a route.
            (FailureKind::ProxyRefused, false, false),
            (FailureKind::NoRoute, false, false),
        ] {
            let (failures, stop) = (OwnSideFailures::default(), Stop::default());
            if connected {
                failures.record_result(None, &stop);
            }
            for count in 1..=PROXY_FAILURES {
                assert!(!stop.is_stopped(), "after {count}");
                failures.record_result(
                    Some(&failure(kind, "bastion:1080: Connection refused")),
                    &stop,
                );
            }
            assert_eq!(stop.failed(), stops, "{kind:?}");
            let reason = failures.could_not_scan_message();
            assert!(
                reason.contains("bastion:1080: Connection refused") && reason.contains("; "),
                "{reason}"
            );
        }
    }
}
