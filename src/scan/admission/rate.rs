//! The rate of new connections: time is divided into slots of equal length, one for each connection.
//!
//! A connection is opened at a random moment within its slot, so that a scan neither bursts nor falls into
//! step with other scans. No window of 10 ms holds more connections than the rate allows in 70 ms, plus
//! one, even while the rate changes. Callers are served in their order, but a probe that continues goes
//! before attempts that start. Unused slots are not saved up, but a delayed
//! caller may still use its slot for up to [`GRACE`], and one that starts many at once for [`QUANTUM`] longer.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, Notify};
use tokio::time::{Instant, sleep_until};

/// How late a connection may be and still use its slot.
const GRACE: Duration = Duration::from_millis(10);
/// Attempts whose slots are in the same stretch of this length start together, where one caller starts them all.
const QUANTUM: Duration = Duration::from_millis(50);

/// Limits the rate at which connections are opened.
pub(in crate::scan) struct RateLimiter {
    /// Nanoseconds from one slot to the next; 0 is unlimited.
    interval: AtomicU64,
    changed: Notify,
    /// Whether the last call of [`Self::try_start`] got nothing, because the rate does not allow it yet.
    is_tried: AtomicBool,
    /// Held by the one starting attempt that may wait for `slots`, so that a continuing probe waits behind at most one
    /// starting attempt.
    starting: Mutex<()>,
    /// Held by the caller that is served next; the others queue for it.
    slots: Mutex<Slots>,
}

#[derive(Default)]
struct Slots {
    /// The slot that was used last.
    last: Option<Slot>,
    /// The slot after it, planned by [`RateLimiter::try_start`].
    planned: Option<Slot>,
}

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
            is_tried: AtomicBool::new(false),
            starting: Mutex::new(()),
            slots: Mutex::default(),
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

    /// Takes a slot for an attempt that has been waiting `since`. The caller needs no wake-up for each attempt: those
    /// whose slots are in one [`QUANTUM`] can start together.
    ///
    /// # Errors
    /// How long to wait before the next try; `None` if a probe that continues goes first.
    pub(in crate::scan) fn try_start(&self, since: Instant) -> Result<(), Option<Duration>> {
        let interval = Duration::from_nanos(self.interval.load(Ordering::Relaxed));
        if interval.is_zero() {
            return Ok(());
        }
        let taken = self.try_slot(interval, since);
        self.is_tried.store(taken.is_err(), Ordering::Relaxed);
        taken
    }

    fn try_slot(&self, interval: Duration, since: Instant) -> Result<(), Option<Duration>> {
        let mut slots = self.slots.try_lock().map_err(|_| None)?;
        let now = Instant::now();
        let slot = match slots
            .planned
            .take()
            .filter(|slot| slot.interval == interval)
        {
            Some(slot) => slot,
            None => Slot::after(slots.last.as_ref(), interval, since, now, QUANTUM + GRACE),
        };
        if slot.moment <= now {
            slots.last = Some(slot);
            return Ok(());
        }
        // Few targets do not wait for a whole quantum: the first starts alone, and groups grow with what has started.
        let further = (QUANTUM.as_nanos() / interval.as_nanos()).saturating_sub(1);
        let further = u32::try_from(further.min(slot.number.into())).unwrap_or(u32::MAX);
        let pause = slot.moment - now + interval * further;
        slots.planned = Some(slot);
        Err(Some(pause))
    }

    /// Waits until a probe may continue.
    pub(super) async fn wait_to_continue(&self) {
        let now = Instant::now();
        // If attempts wait, the slots just before this call were not left idle for want of callers, so this caller may
        // still use them.
        let is_busy = self.starting.try_lock().is_err() || self.is_tried.load(Ordering::Relaxed);
        let arrived = now.checked_sub(GRACE).filter(|_| is_busy).unwrap_or(now);
        self.wait_for_slot(arrived).await;
    }

    async fn wait_for_slot(&self, arrived: Instant) {
        let mut slots = self.slots.lock().await;
        // This caller goes first.
        slots.planned = None;
        let mut planned: Option<Slot> = None;
        loop {
            let interval = Duration::from_nanos(self.interval.load(Ordering::Relaxed));
            if interval.is_zero() {
                return;
            }
            let now = Instant::now();
            let slot = match planned.take().filter(|slot| slot.interval == interval) {
                Some(slot) => slot,
                None => Slot::after(slots.last.as_ref(), interval, arrived, now, GRACE),
            };
            let moment = slot.moment;
            if moment <= now {
                slots.last = Some(slot);
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
    /// The first free slot for a caller that arrived at `arrived` and may be late by `grace`.
    fn after(
        last: Option<&Self>,
        interval: Duration,
        arrived: Instant,
        now: Instant,
        grace: Duration,
    ) -> Self {
        let free = last.map_or(arrived, |last| {
            // A slot of another length must neither overlap the last one nor leave a gap.
            if last.interval == interval {
                last.end
            } else {
                now.max(last.moment + interval)
            }
        });
        let start = free.max(arrived).max(now.checked_sub(grace).unwrap_or(now));
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
        assert_at_most(rate, WINDOW, moments);
    }

    /// No window of 10 ms holds more than the share of so much time plus one.
    fn assert_at_most(rate: f64, time: Duration, moments: &[Duration]) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small positive number"
        )]
        let most = (rate * time.as_secs_f64()).ceil() as usize + 1;
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

    /// One caller that starts all attempts and sleeps for as long as it is told, beside probes that continue.
    #[tokio::test(start_paused = true)]
    async fn one_caller_sleeps_once_for_many() {
        let cases = [(5.0, 1.0), (40.0, 1.0), (1000.0, 0.05), (20_000.0, 0.01)];
        let late = [0, 5, 20].map(Duration::from_millis);
        let combinations = cases.iter().flat_map(|case| late.map(|late| (*case, late)));
        for ((rate, most_sleeps), late) in combinations {
            let callers = Callers::new(rate, 0);
            let time = Duration::from_secs(20);
            let (mut sleeps, since) = (0_u32, Instant::now());
            while callers.began.elapsed() < time {
                match callers.limiter.try_start(since) {
                    Ok(()) => (callers.moments.lock().unwrap()).push(callers.began.elapsed()),
                    Err(pause) => {
                        sleeps += 1;
                        tokio::time::sleep(pause.unwrap() + late).await;
                    }
                }
            }
            let moments = callers.taken();
            assert_at_most(rate, WINDOW + QUANTUM + GRACE, &moments);
            if late < GRACE {
                assert_rate(&moments, rate, time);
            }
            #[expect(clippy::cast_precision_loss, reason = "counts of a test")]
            let share = f64::from(sleeps) / moments.len() as f64;
            assert!(
                share <= most_sleeps + 0.02,
                "{rate}/s: {share} sleeps for each"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn few_attempts_do_not_wait_for_a_quantum() {
        for (count, most) in [(1, 1), (3, 8), (10, 30)] {
            let limiter = RateLimiter::new(1000.0);
            let began = Instant::now();
            for _ in 0..count {
                while let Err(pause) = limiter.try_start(began) {
                    tokio::time::sleep(pause.unwrap()).await;
                }
            }
            let most = Duration::from_millis(most);
            assert!(began.elapsed() <= most, "{count}: {:?}", began.elapsed());
        }
    }

    /// A slot that is planned keeps its moment, also the first one of another length.
    #[tokio::test(start_paused = true)]
    async fn a_caller_that_tries_starts_after_the_rate_has_changed() {
        let limiter = RateLimiter::new(1000.0);
        let since = Instant::now();
        for rate in [1000.0, 500.0, 2.0, 300.0] {
            limiter.set_rate(rate);
            let began = Instant::now();
            while let Err(pause) = limiter.try_start(since) {
                tokio::time::sleep(pause.unwrap().min(Duration::from_millis(50))).await;
            }
            let most = Duration::from_secs_f64(2.0 / rate) + QUANTUM + Duration::from_millis(50);
            assert!(began.elapsed() <= most, "{rate}/s: {:?}", began.elapsed());
        }
    }

    /// A probe that continues goes before the caller that starts all attempts.
    #[tokio::test(start_paused = true)]
    async fn a_caller_that_tries_lets_others_continue() {
        let limiter = Arc::new(RateLimiter::new(10.0));
        limiter.wait_to_start().await;
        let continuing = tokio::spawn({
            let limiter = Arc::clone(&limiter);
            async move { limiter.wait_to_continue().await }
        });
        tokio::task::yield_now().await;
        let began = Instant::now();
        while !continuing.is_finished() {
            assert_eq!(limiter.try_start(began), Err(None));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(limiter.try_start(began).unwrap_err().is_some());
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
