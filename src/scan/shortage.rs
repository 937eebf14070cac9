//! What this machine is short of: descriptors, local ports, buffers. Waiting until it has it again, and
//! what that leaves open.
//!
//! A closed connection keeps its port for a minute, so the wait is longer than that. Where nothing
//! at all gets through meanwhile, the scan is stopped: it would only tell its own trouble as the
//! state of one target after the other.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::stop::Stop;
use crate::model::{Failure, Observation, Verdict};

/// How long a shortage is waited out.
const PATIENCE: Duration = Duration::from_mins(2);
/// The first pause; each further one is twice as long, up to the longest.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Counts what is not short.
#[derive(Default)]
pub(super) struct Shortage(AtomicU64);

/// The wait of one connection or lookup.
pub(super) struct Wait<'a> {
    shortage: &'a Shortage,
    since: Instant,
    through: u64,
    pause: Duration,
}

impl Shortage {
    /// A connection or lookup came to an end that had nothing to do with this machine.
    pub(super) fn through(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Begins to wait.
    pub(super) fn wait(&self) -> Wait<'_> {
        let through = self.0.load(Ordering::Relaxed);
        Wait { shortage: self, since: Instant::now(), through, pause: PAUSE }
    }
}

impl Wait<'_> {
    /// Waits before the next attempt; `false` if there is to be none. Stops the scan where nothing
    /// got through while this waited.
    pub(super) async fn next(&mut self, detail: &str, stop: &Stop) -> bool {
        if self.since.elapsed() >= PATIENCE {
            if self.shortage.0.load(Ordering::Relaxed) == self.through {
                let minutes = PATIENCE.as_secs() / 60;
                stop.fail(format!("this machine was short of something for {minutes} minutes: {detail}"));
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

/// What of a look this machine was at fault for: a request that it could not make might have shown
/// more. Nothing can add to a proof that the server is open.
pub(super) fn of_look(
    observation: &Observation,
    verdict: Verdict,
    second: Option<&Failure>,
) -> Option<Failure> {
    if verdict == Verdict::Exposed {
        return None;
    }
    let failures = observation.exchanges.iter().filter_map(|exchange| exchange.outcome.as_ref().err());
    let all = second.into_iter().chain(&observation.failure).chain(failures);
    all.into_iter().find(|failure| failure.kind.is_ours()).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assess::assess;
    use crate::identify::identify;
    use crate::model::fixtures::{api_versions, failing, forbidden, ok, page, reset, version};
    use crate::model::{FailureKind, Reply, Stage};

    /// Waits as long as it may; what somebody else gets through comes after a minute.
    async fn waited(others_get_through: bool) -> (Duration, Stop) {
        let (shortage, stop) = (Shortage::default(), Stop::default());
        let mut wait = shortage.wait();
        let began = Instant::now();
        while wait.next("no ports", &stop).await {
            if others_get_through && began.elapsed() > Duration::from_mins(1) {
                shortage.through();
            }
        }
        (began.elapsed(), stop)
    }

    #[tokio::test(start_paused = true)]
    async fn a_shortage_of_everything_stops_the_scan() {
        let (elapsed, stop) = waited(false).await;
        assert!(PATIENCE <= elapsed && elapsed <= PATIENCE + LONGEST_PAUSE, "{elapsed:?}");
        assert!(stop.failed());
        assert!(stop.reason().unwrap().ends_with("for 2 minutes: no ports"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_shortage_at_one_destination_is_that_ones() {
        let (elapsed, stop) = waited(true).await;
        assert!(elapsed >= PATIENCE && !stop.is_stopped());
    }

    #[tokio::test(start_paused = true)]
    async fn a_scan_that_is_stopped_waits_no_longer() {
        let (shortage, stop) = (Shortage::default(), Stop::default());
        stop.stop("interrupted");
        assert!(!shortage.wait().next("no ports", &stop).await);
        assert!(!stop.failed());
    }

    /// What could not be asked for want of something here leaves every verdict open but one.
    #[test]
    fn a_shortage_decides_nothing_but_what_is_proven() {
        let short = || Failure::new(Stage::Connect, FailureKind::LocalShortage, "Too many open files");
        let of = |answers: Vec<(&str, Result<Reply, Failure>)>, second: Option<Failure>| {
            let observation = failing(1, answers);
            let verdict = assess(&observation, &identify(&observation)).verdict;
            (verdict, of_look(&observation, verdict, second.as_ref()).is_some())
        };
        let default = || vec![("/version", Ok(version())), ("/api", Ok(forbidden())), ("/healthz", Ok(ok()))];
        let with = |path, answer| [default(), vec![(path, answer)]].concat();
        assert_eq!(of(default(), None), (Verdict::Forbidden, false));
        assert_eq!(of(with("/api/v1/nodes", Err(short())), None), (Verdict::Forbidden, true));
        // Another's failure is what it is.
        assert_eq!(of(with("/api/v1/nodes", Err(reset())), None), (Verdict::Forbidden, false));
        assert_eq!(of(default(), Some(short())), (Verdict::Forbidden, true));
        assert!(of(vec![("/version", Ok(page(404))), ("/api", Err(short()))], None).1);
        let open =
            vec![("/version", Ok(version())), ("/api", Ok(api_versions())), ("/healthz", Err(short()))];
        assert_eq!(of(open, None), (Verdict::Exposed, false));
    }
}
