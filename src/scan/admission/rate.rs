//! The rate of new connections: time is divided into slots of equal length, one for each connection.
//!
//! A connection is opened at a random moment within its slot, so that a scan neither bursts nor falls into
//! step with other scans. No window of 10 ms holds more connections than the rate allows in 10 ms, plus
//! one, even while the rate changes. Callers are served in their order, but a probe that continues goes
//! before attempts that start. Unused slots are not saved up, but a delayed
//! caller may still use its slot for up to [`GRACE`].

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, Notify};
use tokio::time::{Instant, sleep_until};

/// How late a connection may be and still use its slot.
const GRACE: Duration = Duration::from_millis(10);

/// Limits the rate at which connections are opened.
pub(in crate::scan) struct RateLimiter {
    /// Nanoseconds from one slot to the next; 0 is unlimited.
    interval: AtomicU64,
    changed: Notify,
    /// Held by the one starting attempt that may wait for `last`, so that a continuing probe waits behind at most one
    /// starting attempt.
    starting: Mutex<()>,
    /// Held by the caller that is served next; the others queue for it.
    last: Mutex<Option<Slot>>,
}

/// The slot that was used last.
struct Slot {
    interval: Duration,
    end: Instant,
    /// The moment within the slot at which the connection is opened.
    moment: Instant,
    number: u64,
}

impl RateLimiter {
    /// `rate` connections per second; 0 is unlimited.
    pub(in crate::scan) fn new(rate: f64) -> Self {
        Self {
            interval: AtomicU64::new(nanoseconds(rate)),
            changed: Notify::new(),
            starting: Mutex::new(()),
            last: Mutex::new(None),
        }
    }

    /// Changes the rate, also for callers that wait already.
    pub(super) fn set_rate(&self, rate: f64) {
        self.interval.store(nanoseconds(rate), Ordering::Relaxed);
        self.changed.notify_one();
    }

    /// Waits until an attempt may start.
    pub(in crate::scan) async fn wait_to_start(&self) {
        if self.interval.load(Ordering::Relaxed) == 0 {
            return;
        }
        let arrived = Instant::now();
        let _starting = self.starting.lock().await;
        self.wait_for_slot(arrived).await;
    }

    /// Waits until a probe may continue.
    pub(super) async fn wait_to_continue(&self) {
        let now = Instant::now();
        // If attempts wait, the slots just before this call were not left idle for want of callers, so this caller may
        // still use them.
        let is_busy = self.starting.try_lock().is_err();
        let arrived = now.checked_sub(GRACE).filter(|_| is_busy).unwrap_or(now);
        self.wait_for_slot(arrived).await;
    }

    async fn wait_for_slot(&self, arrived: Instant) {
        let mut last = self.last.lock().await;
        let mut planned: Option<Slot> = None;
        loop {
            let interval = Duration::from_nanos(self.interval.load(Ordering::Relaxed));
            if interval.is_zero() {
                return;
            }
            let now = Instant::now();
            let slot = match planned.take().filter(|slot| slot.interval == interval) {
                Some(slot) => slot,
                None => Slot::after(last.as_ref(), interval, arrived, now),
            };
            let moment = slot.moment;
            if moment <= now {
                *last = Some(slot);
                return;
            }
            planned = Some(slot);
            tokio::select! {
                () = sleep_until(moment) => {}
                () = self.changed.notified() => {}
            }
        }
    }
}

impl Slot {
    /// The first free slot for a caller that arrived at `arrived`.
    fn after(last: Option<&Self>, interval: Duration, arrived: Instant, now: Instant) -> Self {
        let free = last.map_or(arrived, |last| {
            // A slot of another length must neither overlap the last one nor leave a gap.
            if last.interval == interval {
                last.end
            } else {
                now.max(last.moment + interval)
            }
        });
        let start = free.max(arrived).max(now.checked_sub(GRACE).unwrap_or(now));
        let number = last.map_or(0, |last| last.number + 1);
        Self {
            interval,
            end: start + interval,
            moment: start + within(interval, number),
            number,
        }
    }
}

/// The interval of a rate in nanoseconds.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a positive number of nanoseconds"
)]
fn nanoseconds(rate: f64) -> u64 {
    if rate > 0.0 {
        ((1e9 / rate) as u64).max(1)
    } else {
        0
    }
}

/// A moment within a slot. From slot to slot the moments are evenly distributed.
fn within(interval: Duration, number: u64) -> Duration {
    let share = u32::try_from(crate::random::nth(number) >> 32).unwrap_or_default();
    interval.mul_f64(f64::from(share) / 4_294_967_296.0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const WINDOW: Duration = Duration::from_millis(10);

    /// Callers that wait again and again, and the moments at which they were served.
    struct Callers {
        limiter: Arc<RateLimiter>,
        moments: Arc<std::sync::Mutex<Vec<Duration>>>,
        began: Instant,
    }

    impl Callers {
        /// Every seventh pauses and continues, the others start.
        fn new(rate: f64, count: usize) -> Self {
            let callers = Self {
                limiter: Arc::new(RateLimiter::new(rate)),
                moments: Arc::default(),
                began: Instant::now(),
            };
            for number in 1..=count {
                let (limiter, moments, began) = (
                    Arc::clone(&callers.limiter),
                    Arc::clone(&callers.moments),
                    callers.began,
                );
                tokio::spawn(async move {
                    loop {
                        if number % 7 == 0 {
                            tokio::time::sleep(within(Duration::from_secs(1), number as u64)).await;
                            limiter.wait_to_continue().await;
                        } else {
                            limiter.wait_to_start().await;
                        }
                        moments.lock().unwrap().push(began.elapsed());
                    }
                });
            }
            callers
        }

        /// The moments since the last call.
        fn taken(&self) -> Vec<Duration> {
            std::mem::take(&mut *self.moments.lock().unwrap())
        }
    }

    /// No window of 10 ms holds more than its share plus one.
    fn assert_smooth(moments: &[Duration], rate: f64) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small positive number"
        )]
        let most = (rate * WINDOW.as_secs_f64()).ceil() as usize + 1;
        for window in moments.windows(most + 1) {
            assert!(
                window[most] >= window[0] + WINDOW,
                "{rate}/s: {most} may be in 10 ms, not {window:?}"
            );
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of a test")]
    fn assert_rate(moments: &[Duration], rate: f64, over: Duration) {
        let share = moments.len() as f64 / (rate * over.as_secs_f64());
        assert!(
            (0.98..=1.02).contains(&share),
            "{rate}/s: {} in {over:?}",
            moments.len()
        );
    }

    /// Hours on a virtual clock, with many callers that wait all the time.
    #[tokio::test(start_paused = true)]
    async fn the_rate_holds_over_hours_and_no_window_holds_more_than_its_share() {
        for (rate, hours) in [(1.0, 20), (9.0, 4), (33.0, 1)] {
            let callers = Callers::new(rate, 50);
            tokio::time::sleep(Duration::from_hours(hours)).await;
            let moments = callers.taken();
            assert_smooth(&moments, rate);
            assert_rate(&moments, rate, Duration::from_hours(hours));
        }
        for rate in [500.0, 1000.0, 7777.0] {
            let callers = Callers::new(rate, 700);
            tokio::time::sleep(Duration::from_secs(10)).await;
            let moments = callers.taken();
            assert_smooth(&moments, rate);
            assert_rate(&moments, rate, Duration::from_secs(10));
        }
    }

    /// The rate changes up and down, also for callers that wait already.
    #[tokio::test(start_paused = true)]
    async fn a_changed_rate_holds_at_once_and_makes_no_burst() {
        let callers = Callers::new(1000.0, 600);
        let mut before = 1000.0_f64;
        for (rate, millis) in [
            (0.05, 100_000),
            (1000.0, 2_003),
            (10.0, 60_000),
            (999.0, 777),
            (250.0, 20_000),
            (5000.0, 3_001),
        ] {
            callers.limiter.set_rate(rate);
            // Across the change the window may hold the larger share.
            tokio::time::sleep(Duration::from_millis(20)).await;
            assert_smooth(&callers.taken(), before.max(rate));
            let time = Duration::from_millis(millis);
            tokio::time::sleep(time).await;
            let moments = callers.taken();
            assert_smooth(&moments, rate);
            if rate >= 10.0 {
                assert_rate(&moments, rate, time);
            }
            before = rate;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn idle_time_is_not_saved_up() {
        let limiter = RateLimiter::new(10.0);
        limiter.wait_to_start().await;
        for idle in [5, 500, 5000] {
            tokio::time::sleep(Duration::from_millis(idle)).await;
            let mut moments = Vec::new();
            let began = Instant::now();
            for _ in 0..20 {
                limiter.wait_to_start().await;
                moments.push(began.elapsed());
            }
            assert_smooth(&moments, 10.0);
            assert!(moments[19] >= Duration::from_millis(1800), "{moments:?}");
        }
    }

    /// However many wait to start, a probe that continues waits for one of them at most.
    #[tokio::test(start_paused = true)]
    async fn a_probe_that_continues_goes_before_attempts_that_start() {
        let callers = Callers::new(10.0, 6);
        for waiting in [6, 3000] {
            for _ in 0..waiting {
                let limiter = Arc::clone(&callers.limiter);
                tokio::spawn(async move { limiter.wait_to_start().await });
            }
            for pause in [3, 50, 99, 444] {
                tokio::time::sleep(Duration::from_millis(pause)).await;
                let began = Instant::now();
                callers.limiter.wait_to_continue().await;
                assert!(
                    began.elapsed() <= Duration::from_millis(300),
                    "{:?}",
                    began.elapsed()
                );
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn moments_are_spread_over_their_slots() {
        let callers = Callers::new(1.0, 4);
        tokio::time::sleep(Duration::from_secs(1000)).await;
        let quarters = callers
            .taken()
            .into_iter()
            .fold([0; 4], |mut quarters, turn| {
                quarters[usize::try_from(turn.subsec_millis() / 250).unwrap()] += 1;
                quarters
            });
        assert!(
            quarters.iter().all(|count| (200..300).contains(count)),
            "{quarters:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_of_zero_is_unlimited() {
        let limiter = RateLimiter::new(0.0);
        let began = Instant::now();
        for _ in 0..10_000 {
            limiter.wait_to_start().await;
            limiter.wait_to_continue().await;
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}
