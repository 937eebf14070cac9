//! When a connection may be opened: the host and its network are below their caps, a permit is free, and
//! the rate allows it. Answers and losses adjust the speed.
//!
//! The rate comes last: a connection starts as soon as the rate allows it, so the rate stays even.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::caps::Caps;
use super::congestion::Congestion;
use super::permits::{ConnectPermit, Permits};
use super::rate::RateLimiter;
use crate::config::ScanConfig;
use crate::connect::RETRANSMITTED;
use crate::model::Host;
use crate::random::mix;

/// How often the speed is adjusted.
const WINDOW: Duration = Duration::from_secs(1);
/// How many answers come for each look at the clock, which costs as much as all else that an answer changes.
const ANSWERS: u32 = 16;
/// Hosts that are remembered to have answered. A sample is enough.
const REMEMBERED: usize = 4096;

/// Rate, permits and caps of one scan.
pub(in crate::scan) struct Throttle {
    pub(in crate::scan) limiter: RateLimiter,
    pub(in crate::scan) permits: Permits,
    pub(in crate::scan) caps: Caps,
    rate: f64,
    concurrency: usize,
    adaptive: bool,
    answered: AtomicU32,
    lost: AtomicU32,
    hosts: Box<[AtomicU64]>,
    warned: AtomicBool,
    state: Mutex<State>,
}

struct State {
    congestion: Congestion,
    /// The share of the rate for the current pass.
    share: f64,
    since: Instant,
    /// Whether this machine ran out of resources in the current window.
    exhausted: bool,
    /// Whether this machine ran out of resources in an earlier window, and the scan is not at full speed again.
    recovering: bool,
}

impl Throttle {
    pub(super) fn new(config: &ScanConfig) -> Self {
        let rate = f64::from(config.rate);
        Self {
            limiter: RateLimiter::new(rate),
            permits: Permits::new(config.concurrency),
            caps: Caps::new(config.per_host, config.per_network, config.connections()),
            rate,
            concurrency: config.concurrency,
            adaptive: config.adaptive,
            answered: AtomicU32::new(0),
            lost: AtomicU32::new(0),
            hosts: (0..REMEMBERED).map(|_| AtomicU64::new(0)).collect(),
            warned: AtomicBool::new(false),
            state: Mutex::new(State {
                congestion: Congestion::new(),
                share: 1.0,
                since: Instant::now(),
                exhausted: false,
                recovering: false,
            }),
        }
    }

    /// Waits for a permit, then for the rate.
    pub(in crate::scan) async fn acquire(&self) -> ConnectPermit<'_> {
        let permit = self.permits.acquire().await;
        self.limiter.wait_to_start().await;
        permit
    }

    /// Waits for the rate only, for a further connection of a probe.
    pub(super) async fn acquire_to_continue(&self) -> ConnectPermit<'_> {
        self.limiter.wait_to_continue().await;
        self.permits.beyond_limit()
    }

    /// Sets the share of the rate for a pass.
    pub(in crate::scan) fn set_share(&self, share: f64) {
        let mut state = self.state.lock();
        state.share = share;
        self.apply(&state);
    }

    /// A host answered: it accepted or refused a connection.
    pub(super) fn answered(&self, host: &Host, elapsed: Duration) {
        if self.adaptive {
            let (slot, fingerprint) = self.slot_of(host);
            slot.store(fingerprint, Ordering::Relaxed);
            let counter = if elapsed >= RETRANSMITTED {
                &self.lost
            } else {
                &self.answered
            };
            let earlier = counter.fetch_add(1, Ordering::Relaxed);
            if earlier % ANSWERS != 0 {
                return;
            }
        }
        self.adjust();
    }

    /// A host did not answer. That is a loss only if the host answered before.
    pub(in crate::scan) fn did_not_answer(&self, host: &Host) {
        let (slot, fingerprint) = self.slot_of(host);
        if self.adaptive && slot.load(Ordering::Relaxed) == fingerprint {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        self.adjust();
    }

    /// This machine ran out of a resource.
    pub(in crate::scan) fn resources_exhausted(&self, detail: &str) {
        if !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                detail,
                "this machine ran out of resources: slowing down and retrying"
            );
        }
        let mut state = self.state.lock();
        if !state.exhausted {
            state.exhausted = true;
            state.recovering = true;
            state.congestion.slow_down();
            self.apply(&state);
        }
        drop(state);
        self.adjust();
    }

    /// The current share of full speed.
    pub(in crate::scan) fn level(&self) -> f64 {
        self.state.lock().congestion.level()
    }

    /// The slot in which a host that answered is remembered, and the value that stands for the host there.
    fn slot_of(&self, host: &Host) -> (&AtomicU64, u64) {
        let number = match host {
            // Most hosts of large scans are these.
            Host::Ip(IpAddr::V4(address)) => mix(u64::from(address.to_bits())),
            other => {
                let mut hasher = DefaultHasher::new();
                other.hash(&mut hasher);
                hasher.finish()
            }
        };
        // 0 is an empty slot.
        let fingerprint = number.max(1);
        let index = usize::try_from(fingerprint >> 32).unwrap_or_default() % REMEMBERED;
        (&self.hosts[index], fingerprint)
    }

    /// Adjusts the speed at the end of each window.
    fn adjust(&self) {
        // If another task is adjusting, this one has nothing to add.
        let Some(mut state) = self.state.try_lock() else {
            return;
        };
        if state.since.elapsed() < WINDOW {
            return;
        }
        let before = state.congestion.level();
        let (answered, lost) = (
            self.answered.load(Ordering::Relaxed),
            self.lost.load(Ordering::Relaxed),
        );
        if state.congestion.evaluate_window(answered, lost) {
            self.answered.fetch_sub(answered, Ordering::Relaxed);
            self.lost.fetch_sub(lost, Ordering::Relaxed);
        } else if state.recovering && !state.exhausted {
            state.congestion.speed_up();
        }
        state.recovering &= state.congestion.level() < 1.0;
        state.exhausted = false;
        state.since = Instant::now();
        let level = state.congestion.level();
        if level < before {
            tracing::info!(
                "losses rise with the rate ({lost} lost, {answered} answered): slowing down to {:.0}%",
                level * 100.0
            );
        }
        if (level - before).abs() > f64::EPSILON {
            self.apply(&state);
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of a small number"
    )]
    fn apply(&self, state: &State) {
        let level = state.congestion.level();
        self.limiter.set_rate(self.rate * state.share * level);
        // Without a rate, the number of permits limits the speed of a pass.
        let share = if self.rate > 0.0 { 1.0 } else { state.share };
        self.permits
            .resize((self.concurrency as f64 * share * level).ceil() as usize);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn throttle(config: ScanConfig) -> Throttle {
        Throttle::new(&ScanConfig {
            rate: 0,
            concurrency: config.concurrency.min(100),
            ..config
        })
    }

    fn host(index: u32) -> Host {
        Host::Ip(std::net::Ipv4Addr::from_bits(0xc000_0200 + index).into())
    }

    /// A second in which half of the hosts that answered before do not answer.
    async fn bad_second(throttle: &Throttle) {
        for index in 0..200 {
            throttle.answered(&host(index), Duration::from_millis(50));
            throttle.did_not_answer(&host(index));
        }
        tokio::time::sleep(WINDOW).await;
        answers(throttle, ANSWERS);
    }

    fn answers(throttle: &Throttle, count: u32) {
        for index in 0..count {
            throttle.answered(&host(index), Duration::from_millis(50));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn losses_slow_down_and_answers_speed_up_again() {
        let throttle = throttle(ScanConfig::default());
        bad_second(&throttle).await;
        assert_eq!(throttle.permits.available(), 70);
        for _ in 0..20 {
            answers(&throttle, 200);
            tokio::time::sleep(WINDOW).await;
            answers(&throttle, ANSWERS);
        }
        assert_eq!(throttle.permits.available(), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn hosts_that_never_answered_are_no_loss() {
        let throttle = throttle(ScanConfig::default());
        for index in 0..5000 {
            throttle.did_not_answer(&host(index));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!((throttle.level() - 1.0).abs() < f64::EPSILON);
    }

    #[tokio::test(start_paused = true)]
    async fn without_adaptive_only_resource_exhaustion_slows_down() {
        let throttle = throttle(ScanConfig {
            adaptive: false,
            ..ScanConfig::default()
        });
        bad_second(&throttle).await;
        assert_eq!(throttle.permits.available(), 100);
        throttle.resources_exhausted("Too many open files");
        throttle.resources_exhausted("Too many open files");
        assert_eq!(
            throttle.permits.available(),
            70,
            "once in a window, however often resources run out"
        );
    }

    #[tokio::test]
    async fn a_share_of_an_unlimited_rate_is_a_share_of_the_permits() {
        for (rate, available) in [(0, 50), (1000, 100)] {
            let throttle = Throttle::new(&ScanConfig {
                rate,
                concurrency: 100,
                ..ScanConfig::default()
            });
            throttle.set_share(0.5);
            assert_eq!(throttle.permits.available(), available, "{rate}/s");
            throttle.set_share(1.0);
            assert_eq!(throttle.permits.available(), 100);
        }
    }

    #[tokio::test]
    async fn probes_that_continue_need_no_permit() {
        let throttle = throttle(ScanConfig {
            concurrency: 1,
            ..ScanConfig::default()
        });
        let _held = throttle.acquire().await;
        assert!(throttle.acquire().now_or_never().is_none());
        assert!(throttle.permits.try_acquire().is_none());
        assert!(throttle.acquire_to_continue().now_or_never().is_some());
    }
}
