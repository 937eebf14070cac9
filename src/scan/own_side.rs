//! Our own side: this machine, its network, its name server, the proxy. What fails there says nothing
//! of a target, and is told once instead of as the state of one target after the other.
//!
//! A shortage (descriptors, local ports, buffers) is waited out. A closed connection keeps its port for
//! a minute, so the wait is longer than that. Where nothing at all gets through meanwhile, or a proxy
//! connects nobody, the scan is stopped.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::stop::Stop;
use crate::model::{EndpointReport, Failure, FailureKind, Observation, Verdict};

/// How long a shortage is waited out.
const PATIENCE: Duration = Duration::from_mins(2);
/// The first pause; each further one is twice as long, up to the longest.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How often a proxy may fail before the scan is stopped, if it never connected anybody: often enough to
/// outlast its restart, seldom enough to spare a large range.
const PROXY_FAILURES: u64 = 64;

/// What failed on our own side, and how much did not.
#[derive(Default)]
pub(super) struct OwnSide {
    through: AtomicU64,
    proxy_failures: AtomicU64,
    /// The first failure of each kind, in its own words.
    first: Mutex<BTreeMap<FailureKind, String>>,
}

/// The wait of one connection or lookup.
pub(super) struct Wait<'a> {
    own_side: &'a OwnSide,
    since: Instant,
    through: u64,
    pause: Duration,
}

impl OwnSide {
    /// A connection or lookup came to its end, by this failure or none. Stops the scan where the proxy
    /// turns out to connect nobody.
    pub(super) fn ended(&self, failure: Option<&Failure>, stop: &Stop) {
        let Some(failure) = failure.filter(|failure| failure.kind.is_ours()) else {
            self.through.fetch_add(1, Ordering::Relaxed);
            return;
        };
        self.note(failure);
        if failure.kind == FailureKind::Proxy
            && self.proxy_failures.fetch_add(1, Ordering::Relaxed) + 1 >= PROXY_FAILURES
            && self.through.load(Ordering::Relaxed) == 0
        {
            stop.fail(self.could_not_scan());
        }
    }

    /// Remembers the first of each kind, and says it. A shortage is said by who waits for its end.
    fn note(&self, failure: &Failure) {
        let mut first = self.first.lock();
        let Entry::Vacant(vacant) = first.entry(failure.kind) else {
            return;
        };
        vacant.insert(failure.detail.clone());
        if failure.kind != FailureKind::LocalShortage {
            let what = failure.kind.phrase();
            tracing::warn!(
                detail = failure.detail,
                "{what}: what it keeps from being asked is counted"
            );
        }
    }

    /// Why nothing could be asked, and what to do about it.
    pub(super) fn could_not_scan(&self) -> String {
        let first = self.first.lock();
        let reasons: Vec<String> = first
            .iter()
            .map(|(kind, detail)| reason(*kind, detail))
            .collect();
        format!("could not scan: {}", reasons.join("; "))
    }

    /// Begins to wait.
    pub(super) fn wait(&self) -> Wait<'_> {
        let through = self.through.load(Ordering::Relaxed);
        Wait {
            own_side: self,
            since: Instant::now(),
            through,
            pause: PAUSE,
        }
    }
}

/// What failed, in its own words, and what to do.
fn reason(kind: FailureKind, detail: &str) -> String {
    let (what, remedy) = match kind {
        FailureKind::Proxy => (
            "the proxy connects nobody",
            "check --proxy, and that the proxy runs and takes this machine without credentials",
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
        FailureKind::LocalShortage => (
            "this machine is short of something",
            "raise the limit on open files (ulimit -n), or lower --concurrency and --rate",
        ),
        _ => ("a defect in kubeknock", "please report it"),
    };
    format!("{what} ({detail}); {remedy}")
}

impl Wait<'_> {
    /// Waits before the next attempt; `false` if there is to be none. Stops the scan where nothing
    /// got through while this waited.
    pub(super) async fn next(&mut self, failure: &Failure, stop: &Stop) -> bool {
        if self.since.elapsed() >= PATIENCE {
            let through = self.own_side.through.load(Ordering::Relaxed);
            if through == self.through {
                self.own_side.note(failure);
                stop.fail(if through == 0 {
                    self.own_side.could_not_scan()
                } else {
                    let minutes = PATIENCE.as_secs() / 60;
                    format!(
                        "this machine was short of something for {minutes} minutes: {}",
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

/// What a connection through a proxy failed by before a byte of the target's was read: nothing shows
/// that the proxy ever connected.
pub(super) fn unheard(report: &EndpointReport) -> Option<Failure> {
    let silent = |failure: &&Failure| {
        matches!(
            failure.kind,
            FailureKind::Closed | FailureKind::Reset | FailureKind::Deadline
        )
    };
    let unheard = report.verdict == Verdict::Unreachable && report.tls.is_none();
    let failure = report.failure.as_ref().filter(silent).filter(|_| unheard)?;
    let detail = "the proxy may not have connected";
    Some(Failure {
        detail: detail.to_owned(),
        ..failure.clone()
    })
}

/// What of a look our own side was at fault for: a request that could not be made might have shown
/// more. Nothing can add to a proof that the server is open.
pub(super) fn of_look(
    observation: &Observation,
    verdict: Verdict,
    second: Option<&Failure>,
) -> Option<Failure> {
    if verdict == Verdict::Exposed {
        return None;
    }
    let failures = observation
        .exchanges
        .iter()
        .filter_map(|exchange| exchange.outcome.as_ref().err());
    let all = second
        .into_iter()
        .chain(&observation.failure)
        .chain(failures);
    all.into_iter()
        .find(|failure| failure.kind.is_ours())
        .cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assess::assess;
    use crate::identify::identify;
    use crate::model::fixtures::{api_versions, failing, forbidden, ok, page, reset, version};
    use crate::model::{Reply, Stage};

    fn failure(kind: FailureKind, detail: &str) -> Failure {
        Failure::new(Stage::Connect, kind, detail)
    }

    /// Waits as long as it may. What somebody else gets through comes before that, or after a minute.
    async fn waited(before: bool, meanwhile: bool) -> (Duration, Stop) {
        let (own_side, stop) = (OwnSide::default(), Stop::default());
        let refused = failure(FailureKind::Refused, "");
        if before {
            own_side.ended(Some(&refused), &stop);
        }
        let mut wait = own_side.wait();
        let began = Instant::now();
        while wait
            .next(&failure(FailureKind::LocalShortage, "no ports"), &stop)
            .await
        {
            if meanwhile && began.elapsed() > Duration::from_mins(1) {
                own_side.ended(Some(&refused), &stop);
            }
        }
        (began.elapsed(), stop)
    }

    #[tokio::test(start_paused = true)]
    async fn a_shortage_of_everything_stops_the_scan() {
        let (elapsed, stop) = waited(false, false).await;
        assert!(
            PATIENCE <= elapsed && elapsed <= PATIENCE + LONGEST_PAUSE,
            "{elapsed:?}"
        );
        assert!(stop.failed());
        let reason = stop.reason().unwrap();
        assert!(
            reason.starts_with("could not scan: this machine is short of something (no ports); ")
        );
        let (_, stop) = waited(true, false).await;
        assert!(stop.failed());
        assert!(stop.reason().unwrap().ends_with("for 2 minutes: no ports"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_shortage_at_one_destination_is_that_ones() {
        let (elapsed, stop) = waited(false, true).await;
        assert!(elapsed >= PATIENCE && !stop.is_stopped());
    }

    #[tokio::test(start_paused = true)]
    async fn a_scan_that_is_stopped_waits_no_longer() {
        let (own_side, stop) = (OwnSide::default(), Stop::default());
        stop.stop("interrupted");
        assert!(
            !own_side
                .wait()
                .next(&failure(FailureKind::LocalShortage, "no ports"), &stop)
                .await
        );
        assert!(!stop.failed());
    }

    /// A proxy that never connected anybody ends a scan of any size; one that did may be restarting.
    #[test]
    fn a_proxy_that_connects_nobody_stops_the_scan() {
        for (kind, connected, stops) in [
            (FailureKind::Proxy, false, true),
            (FailureKind::Proxy, true, false),
            // Hosts or ports that it allows may still come, and so may addresses with a route.
            (FailureKind::ProxyRefused, false, false),
            (FailureKind::NoRoute, false, false),
        ] {
            let (own_side, stop) = (OwnSide::default(), Stop::default());
            if connected {
                own_side.ended(None, &stop);
            }
            for count in 1..=PROXY_FAILURES {
                assert!(!stop.is_stopped(), "after {count}");
                own_side.ended(
                    Some(&failure(kind, "bastion:1080: Connection refused")),
                    &stop,
                );
            }
            assert_eq!(stop.failed(), stops, "{kind:?}");
            let said = own_side.could_not_scan();
            assert!(
                said.contains("bastion:1080: Connection refused") && said.contains("; "),
                "{said}"
            );
        }
    }

    /// What could not be asked for want of something here leaves every verdict open but one.
    #[test]
    fn a_shortage_decides_nothing_but_what_is_proven() {
        let short = || failure(FailureKind::LocalShortage, "Too many open files");
        let of = |answers: Vec<(&str, Result<Reply, Failure>)>, second: Option<Failure>| {
            let observation = failing(1, answers);
            let verdict = assess(&observation, &identify(&observation)).verdict;
            (
                verdict,
                of_look(&observation, verdict, second.as_ref()).is_some(),
            )
        };
        let default = || {
            vec![
                ("/version", Ok(version())),
                ("/api", Ok(forbidden())),
                ("/healthz", Ok(ok())),
            ]
        };
        let with = |path, answer| [default(), vec![(path, answer)]].concat();
        assert_eq!(of(default(), None), (Verdict::Forbidden, false));
        assert_eq!(
            of(with("/api/v1/nodes", Err(short())), None),
            (Verdict::Forbidden, true)
        );
        // Another's failure is what it is.
        assert_eq!(
            of(with("/api/v1/nodes", Err(reset())), None),
            (Verdict::Forbidden, false)
        );
        assert_eq!(of(default(), Some(short())), (Verdict::Forbidden, true));
        assert!(
            of(
                vec![("/version", Ok(page(404))), ("/api", Err(short()))],
                None
            )
            .1
        );
        let open = vec![
            ("/version", Ok(version())),
            ("/api", Ok(api_versions())),
            ("/healthz", Err(short())),
        ];
        assert_eq!(of(open, None), (Verdict::Exposed, false));
    }
}
