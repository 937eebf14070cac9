//! How far a scan is, and how long it will still take.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::job::Job;
use crate::model::Verdict;

/// Counters of a moment.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    /// Targets that went through the first pass, and how many of them in an earlier run.
    pub(super) done: u64,
    pub(super) resumed: u64,
    pub(super) in_flight: u64,
    /// Attempts of later passes that are known of, and those made.
    pub(super) again: u64,
    pub(super) again_done: u64,
    /// Later passes that have begun, and how long ago the first of them did.
    pub(super) passes: u32,
    pub(super) again_elapsed: Option<Duration>,
    /// Attempts of the latest of them.
    pub(super) pass_len: u64,
    /// What was put off to a later pass.
    pub(super) deferred: u64,
    pub(super) timeouts: u64,
    pub(super) verdicts: [u64; Verdict::ALL.len()],
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
    /// Since this run began.
    pub elapsed: Duration,
    /// Targets and attempts per second, over the whole run.
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
}

impl Watch {
    pub(super) fn new(job: Arc<Job>, began: Instant) -> Self {
        Self { job, began }
    }

    /// The progress of this moment.
    pub fn progress(&self) -> Progress {
        let (counts, job) = (self.job.tally.counts(), &self.job);
        let level = job.pipeline.throttle().level();
        let plan = Plan { total: job.len(), retries: job.retries, again_rate: job.again_rate * level };
        progress(&counts, &plan, self.began.elapsed(), level)
    }
}

/// What an estimate must know of a scan.
struct Plan {
    total: u64,
    retries: u32,
    /// Attempts per second that later passes come to, if nothing answers in them either.
    again_rate: f64,
}

#[expect(clippy::cast_precision_loss, reason = "estimates")]
fn progress(counts: &Counts, plan: &Plan, elapsed: Duration, level: f64) -> Progress {
    let Counts { done, resumed, again_done, deferred, .. } = *counts;
    let here = done.saturating_sub(resumed) + again_done;
    Progress {
        total: plan.total,
        done,
        again_done,
        again_waiting: deferred.saturating_sub(again_done),
        in_flight: counts.in_flight,
        timeouts: counts.timeouts,
        verdicts: counts.verdicts,
        elapsed,
        rate: here as f64 / elapsed.as_secs_f64().max(0.001),
        level,
        eta: seconds_left(counts, plan, elapsed)
            .map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)),
    }
}

/// What is left of the first pass at its rate so far; then, for each later pass, what was put off
/// and, in proportion, will be.
#[expect(clippy::cast_precision_loss, reason = "estimates")]
fn seconds_left(counts: &Counts, plan: &Plan, elapsed: Duration) -> Option<f64> {
    let Counts { done, resumed, again, again_done, deferred, passes, pass_len, again_elapsed, .. } = *counts;
    if let Some(in_later_passes) = again_elapsed {
        let rate =
            if again_done > 0 { again_done as f64 / in_later_passes.as_secs_f64() } else { plan.again_rate };
        let left = again.saturating_sub(again_done);
        let in_this_pass = pass_len.saturating_sub(left);
        let put_off = deferred.saturating_sub(again) as f64;
        let next =
            if in_this_pass > 0 { put_off * pass_len as f64 / in_this_pass as f64 } else { pass_len as f64 };
        return Some((left as f64 + next * f64::from(plan.retries.saturating_sub(passes))) / rate);
    }
    let here = done.saturating_sub(resumed);
    if here == 0 {
        return None;
    }
    let first = plan.total.saturating_sub(done) as f64 * elapsed.as_secs_f64() / here as f64;
    let put_off = deferred as f64 / done as f64 * plan.total as f64;
    Some(first + put_off * f64::from(plan.retries) / plan.again_rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A scan at an even pace, of which a share times out: the estimates made on the way against
    /// what it then took.
    fn right(total: u64, rate: f64, silent: f64, again_rate: f64, retries: u32, resumed: u64) {
        let plan = Plan { total, retries, again_rate };
        #[expect(clippy::cast_precision_loss, reason = "counts of a test")]
        let (first, put_off) = ((total - resumed) as f64 / rate, total as f64 * silent);
        let whole = first + put_off * f64::from(retries) / again_rate;
        for percent in 10..100 {
            let now = whole * f64::from(percent) / 100.0;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts of a test")]
            let number = |count: f64| count as u64;
            let counts = if now < first {
                let done = resumed + number(now * rate);
                #[expect(clippy::cast_precision_loss, reason = "counts of a test")]
                let deferred = number(done as f64 * silent);
                Counts { done, resumed, deferred, ..Counts::default() }
            } else {
                let later = now - first;
                let passes = number(later * again_rate / put_off) + 1;
                Counts {
                    done: total,
                    resumed,
                    again: number(put_off) * passes,
                    again_done: number(later * again_rate),
                    deferred: number(put_off)
                        + number(later * again_rate).min(number(put_off) * u64::from(retries - 1)),
                    pass_len: number(put_off),
                    passes: u32::try_from(passes).unwrap(),
                    again_elapsed: Some(Duration::from_secs_f64(later.max(0.01))),
                    ..Counts::default()
                }
            };
            let left = seconds_left(&counts, &plan, Duration::from_secs_f64(now)).unwrap();
            let error = (now + left - whole).abs() / whole;
            assert!(error < 0.2, "at {percent}%: {left} s left, {} s were; {counts:?}", whole - now);
        }
    }

    #[test]
    fn the_estimate_is_right_within_a_fifth_after_a_tenth() {
        right(100_000, 1000.0, 0.0, 500.0, 1, 0);
        right(100_000, 1000.0, 0.5, 170.0, 1, 0);
        right(100_000, 1000.0, 0.9, 170.0, 1, 0);
        right(100_000, 1000.0, 0.3, 500.0, 3, 0);
        right(100_000, 1000.0, 0.3, 500.0, 0, 0);
        right(100_000, 1000.0, 0.2, 500.0, 1, 60_000);
    }

    #[test]
    fn nothing_is_said_before_anything_is_known() {
        let plan = Plan { total: 10, retries: 1, again_rate: 1.0 };
        assert_eq!(seconds_left(&Counts::default(), &plan, Duration::from_secs(1)), None);
        assert_eq!(progress(&Counts::default(), &plan, Duration::ZERO, 1.0).eta, None);
    }
}
