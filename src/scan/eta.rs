//! How long a scan will still take.
//!
//! What is still to be asked has a cost: a turn at the rate, and, for what does not answer, its timeout
//! and a slot. The pace so far says what else there is to wait for.

use std::time::Duration;

use super::job::AGAIN;
use super::progress::{Counts, LaterPass};
use crate::config::ScanConfig;

/// What an estimate must know of a scan.
pub(super) struct Plan {
    pub(super) total: u64,
    retries: u32,
    /// Of the first pass.
    rate: f64,
    slots: f64,
    /// Of the later passes.
    again_rate: f64,
    again_slots: f64,
    connect_timeout: f64,
    looks: f64,
    timeout: f64,
}

/// The attempts of the pass that runs.
struct Course {
    /// By this run.
    done: f64,
    /// With what is in flight.
    left: f64,
    in_flight: f64,
    seconds: f64,
}

/// Attempts that are still to be made, and how many of them will not be answered.
struct Load {
    attempts: f64,
    silent: f64,
    overdue: f64,
}

#[expect(clippy::cast_precision_loss, reason = "estimates")]
impl Plan {
    /// For `total` targets, at a share of full speed.
    pub(super) fn new(config: &ScanConfig, total: u64, level: f64) -> Self {
        let slots = (config.concurrency as f64 * level).max(1.0);
        let (rate, again_slots) = match config.rate {
            // Without a rate the later passes have a part of the slots.
            0 => (f64::INFINITY, (slots * AGAIN).max(1.0)),
            rate => (f64::from(rate) * level, slots),
        };
        Self {
            total,
            retries: config.retries,
            rate,
            slots,
            again_rate: rate * AGAIN,
            again_slots,
            connect_timeout: config.connect_timeout.as_secs_f64(),
            looks: config.looks() as f64,
            timeout: config.timeout.as_secs_f64(),
        }
    }

    /// What is left; `None` until enough is done to tell.
    pub(super) fn left(&self, counts: &Counts, elapsed: Duration) -> Option<Duration> {
        let seconds = match counts.pass {
            None => self.in_the_first_pass(counts, elapsed.as_secs_f64())?,
            Some(pass) => self.in_a_later_pass(counts, &pass),
        };
        Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
    }

    fn in_the_first_pass(&self, counts: &Counts, elapsed: f64) -> Option<f64> {
        let done = counts.done as f64;
        let course = Course {
            done: counts.done.saturating_sub(counts.resumed) as f64,
            left: self.total.saturating_sub(counts.done) as f64,
            in_flight: counts.in_flight as f64,
            seconds: elapsed,
        };
        if course.done < 1.0 {
            return None;
        }
        // Answers and refusals are soon over: what is in flight is what waits, if anything does.
        let silent = (counts.silent + counts.silent_for_good) as f64;
        let overdue = (counts.overdue + counts.overdue_for_good) as f64;
        let flying = course.in_flight.min(course.left);
        let waiting = |part: f64| {
            if part > 0.0 {
                flying * part / (silent + overdue)
            } else {
                0.0
            }
        };
        let share = |part: f64| (part + waiting(part)) / (done + flying);
        let fresh = course.left - flying;
        // Of a wave that flies, half is over.
        let rest = Load {
            attempts: fresh,
            silent: fresh * share(silent) + waiting(silent) / 2.0,
            overdue: fresh * share(overdue) + waiting(overdue) / 2.0,
        };
        let first = self
            .planned(&rest, self.rate, self.slots)
            .max(self.as_so_far(&course, counts, self.slots)?);
        let others = counts
            .deferred
            .saturating_sub(counts.silent + counts.overdue) as f64;
        let [silent, overdue] = [silent, overdue].map(|part| self.total as f64 * share(part));
        let others = self.total as f64 * others / (done + flying);
        let again = Load {
            attempts: silent + overdue + others,
            silent,
            overdue,
        };
        let pace = course.done / course.seconds;
        Some(
            first
                + self.planned(&again, self.again_rate.min(pace), self.again_slots)
                    * f64::from(self.retries),
        )
    }

    fn in_a_later_pass(&self, counts: &Counts, pass: &LaterPass) -> f64 {
        let left = counts.again.saturating_sub(counts.again_done);
        let course = Course {
            done: counts.again_done.saturating_sub(pass.done_before) as f64,
            left: left as f64,
            in_flight: counts.in_flight as f64,
            seconds: pass.elapsed.as_secs_f64(),
        };
        let planned = |attempts: f64| {
            let share = |part: u64| attempts * part as f64 / (counts.deferred as f64).max(1.0);
            let load = Load {
                attempts,
                silent: share(counts.silent),
                overdue: share(counts.overdue),
            };
            self.planned(&load, self.again_rate, self.again_slots)
        };
        // Its own pace is believed as far as it has come.
        let here = (course.done + course.left).max(1.0);
        let this = planned(here) * course.left / here;
        let so_far = self
            .as_so_far(&course, counts, self.again_slots)
            .unwrap_or(this);
        let this = this + (so_far - this) * course.done / here;
        // In proportion, as much will be put off once more as was in this pass so far.
        let (len, made) = (pass.len as f64, pass.len.saturating_sub(left) as f64);
        let put_off = counts.deferred.saturating_sub(counts.again) as f64;
        let next = if made > 0.0 {
            put_off * len / made
        } else {
            len
        };
        this + planned(next) * f64::from(self.retries.saturating_sub(pass.number))
    }

    /// The rest at the pace so far. Where slots are free, all that has begun tells it; where none is,
    /// what has begun comes in waves, and half of a wave is as good as done.
    fn as_so_far(&self, course: &Course, counts: &Counts, slots: f64) -> Option<f64> {
        if course.left < 1.0 {
            return Some(0.0);
        }
        let flying = course.in_flight.min(course.left);
        let (flying, end) = if course.in_flight < slots * 0.9 {
            (
                flying,
                self.last_wait(counts.timeouts > 0, counts.overdue > 0),
            )
        } else {
            (flying / 2.0, 0.0)
        };
        let pace = (course.done + flying) / course.seconds;
        (pace > 0.0).then(|| (course.left - flying) / pace + end)
    }

    /// What a load takes if nothing but rate, slots and looks limits it.
    fn planned(&self, load: &Load, rate: f64, slots: f64) -> f64 {
        let end = self.last_wait(load.silent >= 1.0, load.overdue >= 1.0);
        (load.attempts / rate.max(0.001) + end)
            .max(load.silent / slots * self.connect_timeout)
            .max(load.overdue / self.looks * self.timeout)
    }

    /// How long the last ones of a pass are waited for, where some do not answer.
    const fn last_wait(&self, silent: bool, overdue: bool) -> f64 {
        match (silent, overdue) {
            (_, true) => self.timeout,
            (true, false) => self.connect_timeout,
            (false, false) => 0.0,
        }
    }
}

#[cfg(test)]
mod tests;
