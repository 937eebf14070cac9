//! The rate of new connections: a bucket that holds one token, filled in slots of equal length.
//!
//! Each connection has a slot of its own and a random moment within it, so that a scan neither
//! bursts nor beats in time with other scans. No window of 10 ms holds more than 10 ms worth plus
//! one, whatever the rate was changed to meanwhile. Callers are served in the order they came, but
//! those who go on with what they began go before those who begin; time that nobody used is not
//! saved up. What a busy machine is late by is caught up with, up to [`GRACE`].

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, Notify};
use tokio::time::{Instant, sleep_until};

/// How late a turn may be and still count as taken on time.
const GRACE: Duration = Duration::from_millis(10);

/// Hands out the moments at which connections may be opened.
pub(super) struct Pace {
    /// Nanoseconds from one slot to the next; 0 is unlimited.
    interval: AtomicU64,
    changed: Notify,
    /// Held by the one of those who begin that may wait for `last`: whoever goes on finds at most
    /// this one before it.
    door: Mutex<()>,
    /// Held by the caller whose turn is next; the others wait for it in a queue.
    last: Mutex<Option<Slot>>,
}

/// The slot that was used last.
struct Slot {
    interval: Duration,
    end: Instant,
    /// The moment within it.
    moment: Instant,
    number: u64,
}

impl Pace {
    /// `rate` connections per second; 0 is unlimited.
    pub(super) fn new(rate: f64) -> Self {
        Self {
            interval: AtomicU64::new(nanoseconds(rate)),
            changed: Notify::new(),
            door: Mutex::new(()),
            last: Mutex::new(None),
        }
    }

    /// Changes the rate, for those who wait already too.
    pub(super) fn set(&self, rate: f64) {
        self.interval.store(nanoseconds(rate), Ordering::Relaxed);
        self.changed.notify_one();
    }

    /// Waits for the moment of a caller who begins.
    pub(super) async fn turn(&self) {
        if self.interval.load(Ordering::Relaxed) == 0 {
            return;
        }
        let arrived = Instant::now();
        let _door = self.door.lock().await;
        self.moment(arrived).await;
    }

    /// Waits for the moment of a caller who goes on with what it began.
    pub(super) async fn next_turn(&self) {
        let now = Instant::now();
        // Where others wait, the time before this caller came was not idle: it may be caught up with.
        let wanted = self.door.try_lock().is_err();
        self.moment(now.checked_sub(GRACE).filter(|_| wanted).unwrap_or(now))
            .await;
    }

    async fn moment(&self, arrived: Instant) {
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
    /// The first slot that is free for somebody who arrived then.
    fn after(last: Option<&Self>, interval: Duration, arrived: Instant, now: Instant) -> Self {
        let free = last.map_or(arrived, |last| {
            // A slot of another length would overlap the last one, or leave a hole.
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

/// A moment within a slot, evenly spread over it from slot to slot.
fn within(interval: Duration, number: u64) -> Duration {
    let share = u32::try_from(crate::random::nth(number) >> 32).unwrap_or_default();
    interval.mul_f64(f64::from(share) / 4_294_967_296.0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const WINDOW: Duration = Duration::from_millis(10);

    /// Callers that ask for turn after turn, and the moments at which they got them.
    struct Crowd {
        pace: Arc<Pace>,
        turns: Arc<std::sync::Mutex<Vec<Duration>>>,
        began: Instant,
    }

    impl Crowd {
        /// Every seventh of them pauses and goes on, the others begin.
        fn new(rate: f64, callers: usize) -> Self {
            let crowd = Self {
                pace: Arc::new(Pace::new(rate)),
                turns: Arc::default(),
                began: Instant::now(),
            };
            for number in 1..=callers {
                let (pace, turns, began) = (
                    Arc::clone(&crowd.pace),
                    Arc::clone(&crowd.turns),
                    crowd.began,
                );
                tokio::spawn(async move {
                    loop {
                        if number % 7 == 0 {
                            tokio::time::sleep(within(Duration::from_secs(1), number as u64)).await;
                            pace.next_turn().await;
                        } else {
                            pace.turn().await;
                        }
                        turns.lock().unwrap().push(began.elapsed());
                    }
                });
            }
            crowd
        }

        /// The turns of the time up to now.
        fn taken(&self) -> Vec<Duration> {
            std::mem::take(&mut *self.turns.lock().unwrap())
        }
    }

    /// No window of 10 ms holds more than its share plus one.
    fn smooth(turns: &[Duration], rate: f64) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small positive number"
        )]
        let most = (rate * WINDOW.as_secs_f64()).ceil() as usize + 1;
        for window in turns.windows(most + 1) {
            assert!(
                window[most] >= window[0] + WINDOW,
                "{rate}/s: {most} may be in 10 ms, not {window:?}"
            );
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of a test")]
    fn holds(turns: &[Duration], rate: f64, over: Duration) {
        let share = turns.len() as f64 / (rate * over.as_secs_f64());
        assert!(
            (0.98..=1.02).contains(&share),
            "{rate}/s: {} in {over:?}",
            turns.len()
        );
    }

    /// Hours on a virtual clock, with many callers who wait all the time.
    #[tokio::test(start_paused = true)]
    async fn the_rate_holds_over_hours_and_no_window_holds_more_than_its_share() {
        for (rate, hours) in [(1.0, 20), (9.0, 4), (33.0, 1)] {
            let crowd = Crowd::new(rate, 50);
            tokio::time::sleep(Duration::from_hours(hours)).await;
            let turns = crowd.taken();
            smooth(&turns, rate);
            holds(&turns, rate, Duration::from_hours(hours));
        }
        for rate in [500.0, 1000.0, 7777.0] {
            let crowd = Crowd::new(rate, 700);
            tokio::time::sleep(Duration::from_secs(10)).await;
            let turns = crowd.taken();
            smooth(&turns, rate);
            holds(&turns, rate, Duration::from_secs(10));
        }
    }

    /// The rate changes up and down, for those who wait already too.
    #[tokio::test(start_paused = true)]
    async fn a_change_holds_at_once_and_makes_no_burst() {
        let crowd = Crowd::new(1000.0, 600);
        let mut before = 1000.0_f64;
        for (rate, millis) in [
            (0.05, 100_000),
            (1000.0, 2_003),
            (10.0, 60_000),
            (999.0, 777),
            (250.0, 20_000),
            (5000.0, 3_001),
        ] {
            crowd.pace.set(rate);
            // Across the change the window may hold the larger share.
            tokio::time::sleep(Duration::from_millis(20)).await;
            smooth(&crowd.taken(), before.max(rate));
            let time = Duration::from_millis(millis);
            tokio::time::sleep(time).await;
            let turns = crowd.taken();
            smooth(&turns, rate);
            if rate >= 10.0 {
                holds(&turns, rate, time);
            }
            before = rate;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn idle_time_is_not_saved_up() {
        let pace = Pace::new(10.0);
        pace.turn().await;
        for idle in [5, 500, 5000] {
            tokio::time::sleep(Duration::from_millis(idle)).await;
            let mut turns = Vec::new();
            let began = Instant::now();
            for _ in 0..20 {
                pace.turn().await;
                turns.push(began.elapsed());
            }
            smooth(&turns, 10.0);
            assert!(turns[19] >= Duration::from_millis(1800), "{turns:?}");
        }
    }

    /// However many wait to begin, whoever goes on waits for the one before it and for itself.
    #[tokio::test(start_paused = true)]
    async fn who_goes_on_goes_before_all_who_begin() {
        let crowd = Crowd::new(10.0, 6);
        for callers in [6, 3000] {
            for _ in 0..callers {
                let pace = Arc::clone(&crowd.pace);
                tokio::spawn(async move { pace.turn().await });
            }
            for pause in [3, 50, 99, 444] {
                tokio::time::sleep(Duration::from_millis(pause)).await;
                let began = Instant::now();
                crowd.pace.next_turn().await;
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
        let crowd = Crowd::new(1.0, 4);
        tokio::time::sleep(Duration::from_secs(1000)).await;
        let quarters = crowd
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
    async fn zero_is_unlimited() {
        let pace = Pace::new(0.0);
        let began = Instant::now();
        for _ in 0..10_000 {
            pace.turn().await;
            pace.next_turn().await;
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}
