//! Follows a running scan: counters, recent rate and time remaining.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::ledger::Counters;
use super::progress::Progress;
use super::visit::Pipeline;

/// The time over which the rate is measured.
const WINDOW: Duration = Duration::from_secs(5);

/// A handle to the progress of a scan. Cheap to clone.
#[derive(Clone)]
pub struct Watch {
    targets: u64,
    counters: Arc<Counters>,
    pipeline: Arc<Pipeline>,
    began: Instant,
    recent: Arc<Mutex<Recent>>,
}

impl Watch {
    pub(super) fn new(
        targets: u64,
        counters: Arc<Counters>,
        pipeline: Arc<Pipeline>,
        began: Instant,
    ) -> Self {
        Self {
            targets,
            counters,
            pipeline,
            began,
            recent: Arc::default(),
        }
    }

    /// The progress at this moment.
    pub fn progress(&self) -> Progress {
        let (counted, elapsed) = (self.counters.progress(), self.began.elapsed());
        let finished = self.counters.finished_by_this_run();
        let rate = self.recent.lock().rate(elapsed, finished);
        let remaining = self.targets.saturating_sub(counted.done) + counted.to_retry;
        Progress {
            elapsed,
            eta: eta(remaining, rate),
            targets: self.targets,
            rate: (rate * 10.0).round() / 10.0,
            level: (self.pipeline.throttle().level() * 100.0).round() / 100.0,
            ..counted
        }
    }
}

/// How long the remaining attempts take at this rate.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn eta(remaining: u64, rate: f64) -> Option<Duration> {
    if remaining == 0 {
        return Some(Duration::ZERO);
    }
    (rate > 0.0)
        .then(|| Duration::try_from_secs_f64(remaining as f64 / rate).ok())
        .flatten()
}

/// Samples of the last seconds: a moment, and how many attempts were finished by then.
struct Recent(VecDeque<(Duration, u64)>);

impl Default for Recent {
    fn default() -> Self {
        Self([(Duration::ZERO, 0)].into())
    }
}

impl Recent {
    /// Attempts per second since the latest sample that is at least [`WINDOW`] old.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn rate(&mut self, now: Duration, finished: u64) -> f64 {
        let is_old = |sample: &(Duration, u64)| now.saturating_sub(sample.0) >= WINDOW;
        while self.0.get(1).is_some_and(is_old) {
            self.0.pop_front();
        }
        let (at, before) = self.0.front().copied().unwrap_or_default();
        if self
            .0
            .back()
            .is_none_or(|(at, _)| now.saturating_sub(*at) >= WINDOW / 10)
        {
            self.0.push_back((now, finished));
        }
        finished.saturating_sub(before) as f64 / now.saturating_sub(at).as_secs_f64().max(0.001)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let mut recent = Recent::default();
        // 100 a second, then 10 a second, sampled often.
        for tenth in 1..=600 {
            let finished = if tenth <= 300 {
                tenth * 10
            } else {
                3000 + (tenth - 300)
            };
            let rate = recent.rate(Duration::from_millis(tenth * 100), finished);
            let expected = if tenth <= 300 {
                99.9..100.1
            } else {
                9.9..100.1
            };
            assert!(expected.contains(&rate), "{rate} after {tenth} tenths");
            assert!(tenth < 352 || rate < 10.1, "{rate} after {tenth} tenths");
        }
        assert!(recent.0.len() <= 12, "{}", recent.0.len());
        // Sampled seldom: the rate since the last sample.
        assert!((recent.rate(Duration::from_secs(160), 3300 + 500) - 5.0).abs() < 0.3);
    }

    #[test]
    fn the_eta_is_what_remains_over_the_rate() {
        assert_eq!(eta(100, 50.0), Some(Duration::from_secs(2)));
        assert_eq!(eta(1, 0.1), Some(Duration::from_secs(10)));
    }

    #[test]
    fn there_is_no_eta_while_nothing_finishes() {
        assert_eq!(eta(100, 0.0), None);
        let mut recent = Recent::default();
        let rate = recent.rate(Duration::from_secs(1), 0);
        assert_eq!(eta(10, rate), None, "nothing has finished yet");
        // All attempts of the last seconds are still waiting for an answer.
        recent.rate(Duration::from_secs(2), 50);
        let rate = recent.rate(Duration::from_mins(1), 50);
        assert_eq!(eta(10, rate), None);
    }

    #[test]
    fn a_finished_scan_has_an_eta_of_zero() {
        assert_eq!(eta(0, 0.0), Some(Duration::ZERO));
        assert_eq!(eta(0, 50.0), Some(Duration::ZERO));
    }

    #[test]
    fn an_eta_beyond_what_a_duration_holds_is_none() {
        assert_eq!(eta(u64::MAX, 1e-9), None);
    }

    #[test]
    fn a_progress_asked_for_at_once_divides_by_no_zero() {
        assert!(Recent::default().rate(Duration::ZERO, 5).is_finite());
    }
}
