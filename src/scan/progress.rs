//! How far a scan is, and how long it will still take.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::eta::Plan;
use super::job::Job;
use crate::model::Verdict;

/// How far back the rate is looked at.
const RECENT: Duration = Duration::from_secs(5);

/// Counters of a moment.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    /// Targets that went through the first pass, and how many of them in an earlier run.
    pub(super) done: u64,
    pub(super) resumed: u64,
    pub(super) in_flight: u64,
    /// Attempts of later passes that are known of, those made, and those an earlier run made.
    pub(super) again: u64,
    pub(super) again_done: u64,
    pub(super) again_resumed: u64,
    /// The later pass that runs.
    pub(super) pass: Option<LaterPass>,
    /// What was put off to a later pass; of it, what did not answer a connection in time, and what
    /// did not answer over one.
    pub(super) deferred: u64,
    pub(super) silent: u64,
    pub(super) overdue: u64,
    /// The same where there is no pass to put them off to.
    pub(super) silent_for_good: u64,
    pub(super) overdue_for_good: u64,
    pub(super) timeouts: u64,
    pub(super) verdicts: [u64; Verdict::ALL.len()],
    pub(super) failed_here: u64,
}

/// A pass over what was put off.
#[derive(Debug, Clone, Copy)]
pub(super) struct LaterPass {
    /// From 1.
    pub(super) number: u32,
    /// Its attempts.
    pub(super) len: u64,
    /// Attempts of later passes that had been made when this run began with it.
    pub(super) done_before: u64,
    pub(super) elapsed: Duration,
}

/// How far a scan is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Targets of this scan.
    pub total: u64,
    /// Targets that were asked once, also by an earlier run that this one goes on with.
    pub done: u64,
    /// Attempts that were made again, after the first pass.
    pub again_done: u64,
    /// Attempts that wait to be made again.
    pub again_waiting: u64,
    /// Endpoints being asked.
    pub in_flight: u64,
    /// Attempts that timed out.
    pub timeouts: u64,
    /// Endpoints by verdict, in the order of [`Verdict::ALL`].
    pub verdicts: [u64; Verdict::ALL.len()],
    /// What our own side failed at.
    pub failed_here: u64,
    /// Since this run began.
    pub elapsed: Duration,
    /// Targets and attempts per second, over the last seconds.
    pub rate: f64,
    /// The share of full speed that the network and this machine bear: 1 is full speed.
    pub level: f64,
    /// What the rest will take; `None` until enough is done to tell.
    pub eta: Option<Duration>,
}

/// Tells how far a scan is, as long as one wants to know.
#[derive(Clone)]
pub struct Watch {
    job: Arc<Job>,
    began: Instant,
    recent: Arc<Mutex<Recent>>,
}

impl Watch {
    pub(super) fn new(job: Arc<Job>, began: Instant) -> Self {
        Self {
            job,
            began,
            recent: Arc::default(),
        }
    }

    /// The progress of this moment.
    pub fn progress(&self) -> Progress {
        let (counts, job) = (self.job.tally.counts(), &self.job);
        let level = job.pipeline.throttle().level();
        let elapsed = self.began.elapsed();
        let plan = Plan::new(&job.config, job.len(), level);
        let here = counts.done.saturating_sub(counts.resumed)
            + counts.again_done.saturating_sub(counts.again_resumed);
        let Counts {
            done,
            again_done,
            deferred,
            ..
        } = counts;
        Progress {
            total: plan.total,
            done,
            again_done,
            again_waiting: deferred.saturating_sub(again_done),
            in_flight: counts.in_flight,
            timeouts: counts.timeouts,
            verdicts: counts.verdicts,
            failed_here: counts.failed_here,
            elapsed,
            rate: self.recent.lock().rate(elapsed, here),
            level,
            eta: plan.left(&counts, elapsed),
        }
    }
}

/// What was done at moments of the last seconds, from the beginning on.
struct Recent(VecDeque<(Duration, u64)>);

impl Default for Recent {
    fn default() -> Self {
        Self([(Duration::ZERO, 0)].into())
    }
}

impl Recent {
    /// What is done per second, since [`RECENT`] ago or the last moment before.
    #[expect(clippy::cast_precision_loss, reason = "counts for people")]
    fn rate(&mut self, now: Duration, done: u64) -> f64 {
        while self
            .0
            .get(1)
            .is_some_and(|(at, _)| now.saturating_sub(*at) >= RECENT)
        {
            self.0.pop_front();
        }
        let (at, before) = self.0.front().copied().unwrap_or_default();
        if self
            .0
            .back()
            .is_none_or(|(at, _)| now.saturating_sub(*at) >= RECENT / 10)
        {
            self.0.push_back((now, done));
        }
        done.saturating_sub(before) as f64 / now.saturating_sub(at).as_secs_f64().max(0.001)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let mut recent = Recent::default();
        // 100 a second, then 10, asked for often.
        for tenth in 1..=600 {
            let done = if tenth <= 300 {
                tenth * 10
            } else {
                3000 + (tenth - 300)
            };
            let rate = recent.rate(Duration::from_millis(tenth * 100), done);
            let expected = if tenth <= 300 {
                99.9..100.1
            } else {
                9.9..100.1
            };
            assert!(expected.contains(&rate), "{rate} after {tenth} tenths");
            assert!(tenth < 352 || rate < 10.1, "{rate} after {tenth} tenths");
        }
        assert!(recent.0.len() <= 12, "{}", recent.0.len());
        // Asked for seldom: since the last time.
        assert!((recent.rate(Duration::from_secs(160), 3300 + 500) - 5.0).abs() < 0.3);
    }
}
