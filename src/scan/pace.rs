//! The rate of new connections, evenly spread: each caller is given the next free moment.
//!
//! Moments lie one interval apart, so no window holds more than its share plus one, callers are
//! served in the order they came, and time that nobody used is not saved up for a burst.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Hands out the moments at which connections may be opened.
pub(super) struct Pace {
    interval: Duration,
    next: Mutex<Option<Instant>>,
}

impl Pace {
    /// `rate` connections per second; 0 is unlimited.
    pub(super) fn new(rate: u32) -> Self {
        let interval = if rate == 0 { Duration::ZERO } else { Duration::from_secs(1) / rate };
        Self { interval, next: Mutex::new(None) }
    }

    /// Waits for this caller's moment.
    pub(super) async fn turn(&self) {
        if self.interval.is_zero() {
            return;
        }
        let moment = {
            let now = Instant::now();
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let moment = next.map_or(now, |next| next.max(now));
            *next = Some(moment + self.interval);
            moment
        };
        sleep_until(moment).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On a virtual clock: many callers at once, and no window of 10 ms holds more than its share
    /// plus one.
    #[tokio::test(start_paused = true)]
    async fn no_window_holds_more_than_its_share() {
        for rate in [100_u32, 1000, 20_000] {
            let pace = std::sync::Arc::new(Pace::new(rate));
            let began = Instant::now();
            let callers: Vec<_> = (0..rate)
                .map(|_| {
                    let pace = std::sync::Arc::clone(&pace);
                    tokio::spawn(async move {
                        pace.turn().await;
                        Instant::now()
                    })
                })
                .collect();
            let mut turns = Vec::new();
            for caller in callers {
                turns.push(caller.await.unwrap() - began);
            }
            turns.sort_unstable();
            let share = usize::try_from(rate / 100).unwrap();
            for window in turns.windows(share + 2) {
                // Tokio's timer has a grain of 1 ms.
                assert!(window[share + 1] >= window[0] + Duration::from_millis(9), "{rate}: {window:?}");
            }
            let last = turns.last().unwrap();
            assert!(*last > Duration::from_millis(980) && *last < Duration::from_millis(1020), "{last:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn idle_time_is_not_saved_up() {
        let pace = Pace::new(10);
        pace.turn().await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        let began = Instant::now();
        pace.turn().await;
        pace.turn().await;
        assert!(began.elapsed() >= Duration::from_millis(100));
    }

    #[tokio::test(start_paused = true)]
    async fn zero_is_unlimited() {
        let pace = Pace::new(0);
        let began = Instant::now();
        for _ in 0..10_000 {
            pace.turn().await;
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}
