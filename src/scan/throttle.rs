//! When a connection may be opened: its host and network have room, few others are about to, a slot is
//! free, its moment has come. And what the answers say about the speed of the scan.
//!
//! In this order: a connection follows its moment at once, so that what the pace hands out evenly
//! goes out evenly.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::caps::{Caps, Place};
use super::congestion::{Congestion, RETRANSMITTED};
use super::pace::Pace;
use crate::config::ScanConfig;
use crate::model::Host;

/// What is taken in before the speed is thought over.
const WINDOW: Duration = Duration::from_secs(1);
/// Hosts that are remembered to have answered: a sample is enough.
const REMEMBERED: usize = 4096;
/// Who may be about to connect, or have just done so. Every step of a look waits for all that is ready,
/// and where refusals come at once, as on loopback, each worker is: thousands of them starve the looks.
const AT_THE_GATE: usize = 64;

/// Rate, slots and caps of one scan.
pub(super) struct Throttle {
    pace: Pace,
    gate: Semaphore,
    slots: Slots,
    caps: Caps,
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
    /// What a pass makes of the rate.
    share: f64,
    since: Instant,
    /// Whether this machine was short of something in the current window.
    short: bool,
    /// Whether it was in an earlier one, and full speed is not yet reached again.
    recovering: bool,
}

/// Leave to connect, until it is dropped.
pub(super) struct Leave<'a> {
    slots: &'a Slots,
    permit: Option<SemaphorePermit<'a>>,
    gate: Option<SemaphorePermit<'a>>,
}

impl Leave<'_> {
    /// The connection is on its way: the next may come to the gate.
    pub(super) fn left(&mut self) {
        self.gate = None;
    }
}

impl Throttle {
    pub(super) fn new(config: &ScanConfig) -> Self {
        let rate = f64::from(config.rate);
        Self {
            pace: Pace::new(rate),
            gate: Semaphore::new(AT_THE_GATE),
            slots: Slots::new(config.concurrency),
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
                short: false,
                recovering: false,
            }),
        }
    }

    /// Waits for room at a host and in its network.
    pub(super) async fn enter(&self, host: &Host) -> Place<'_> {
        self.caps.enter(host).await
    }

    /// Waits until all who came to the gate before are through.
    pub(super) async fn room_at_the_gate(&self) {
        drop(self.gate.acquire().await);
    }

    /// Waits at the gate, for a slot and then for a moment.
    pub(super) async fn leave(&self) -> Leave<'_> {
        let gate = self.gate.acquire().await.ok();
        let leave = Leave {
            slots: &self.slots,
            permit: self.slots.semaphore.acquire().await.ok(),
            gate,
        };
        self.pace.turn().await;
        leave
    }

    /// Waits for the next moment, for a further connection of a look that goes on. It needs no slot: it
    /// counts as one of the looks, which are few.
    pub(super) async fn leave_to_go_on(&self) -> Leave<'_> {
        self.pace.next_turn().await;
        Leave {
            slots: &self.slots,
            permit: None,
            gate: None,
        }
    }

    /// Waits for the moment of an attempt that is made again, with the leave it has.
    pub(super) async fn once_more(&self) {
        self.pace.next_turn().await;
    }

    /// From now on this share of the rate.
    pub(super) fn set_share(&self, share: f64) {
        let mut state = self.state.lock();
        state.share = share;
        self.apply(&state);
    }

    /// A host answered, by opening a connection or by refusing it.
    pub(super) fn answered(&self, host: &Host, elapsed: Duration) {
        if self.adaptive {
            let (slot, mark) = self.mark(host);
            slot.store(mark, Ordering::Relaxed);
            let counter = if elapsed >= RETRANSMITTED {
                &self.lost
            } else {
                &self.answered
            };
            counter.fetch_add(1, Ordering::Relaxed);
        }
        self.think();
    }

    /// A host did not answer: a loss if it answered before, and nothing otherwise.
    pub(super) fn silent(&self, host: &Host) {
        let (slot, mark) = self.mark(host);
        if self.adaptive && slot.load(Ordering::Relaxed) == mark {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        self.think();
    }

    /// This machine is short of something.
    pub(super) fn short(&self, detail: &str) {
        if !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                detail,
                "this machine is short of something: going slower and trying again"
            );
        }
        let mut state = self.state.lock();
        if !state.short {
            state.short = true;
            state.recovering = true;
            state.congestion.slow();
            self.apply(&state);
        }
        drop(state);
        self.think();
    }

    /// The share of full speed that the scan goes at now.
    pub(super) fn level(&self) -> f64 {
        self.state.lock().congestion.level()
    }

    fn mark(&self, host: &Host) -> (&AtomicU64, u64) {
        let mut hasher = DefaultHasher::new();
        host.hash(&mut hasher);
        // 0 stands for nobody.
        let mark = hasher.finish().max(1);
        let index = usize::try_from(mark >> 32).unwrap_or_default() % REMEMBERED;
        (&self.hosts[index], mark)
    }

    /// Thinks the speed over, once in a while.
    fn think(&self) {
        // Whoever comes while another thinks has nothing to add.
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
        if state.congestion.window(answered, lost) {
            self.answered.fetch_sub(answered, Ordering::Relaxed);
            self.lost.fetch_sub(lost, Ordering::Relaxed);
        } else if state.recovering && !state.short {
            state.congestion.recover();
        }
        state.recovering &= state.congestion.level() < 1.0;
        state.short = false;
        state.since = Instant::now();
        let level = state.congestion.level();
        if level < before {
            tracing::info!(answered, lost, level, "losses rise with the rate: slower");
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
        self.pace.set(self.rate * state.share * level);
        // Where nothing else limits the rate, the slots do.
        let share = if self.rate > 0.0 { 1.0 } else { state.share };
        self.slots
            .set((self.concurrency as f64 * share * level).ceil() as usize);
    }
}

/// A semaphore whose size can change.
struct Slots {
    semaphore: Semaphore,
    size: Mutex<Size>,
}

struct Size {
    wanted: usize,
    /// Permits there are, taken or free.
    there: usize,
}

impl Slots {
    fn new(size: usize) -> Self {
        Self {
            semaphore: Semaphore::new(size),
            size: Mutex::new(Size {
                wanted: size,
                there: size,
            }),
        }
    }

    fn set(&self, wanted: usize) {
        let mut size = self.size.lock();
        size.wanted = wanted.max(1);
        if size.wanted > size.there {
            self.semaphore.add_permits(size.wanted - size.there);
            size.there = size.wanted;
        } else {
            size.there -= self.semaphore.forget_permits(size.there - size.wanted);
        }
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        let Some(permit) = self.permit.take() else {
            return;
        };
        let mut size = self.slots.size.lock();
        if size.there > size.wanted {
            size.there -= 1;
            permit.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn throttle(config: ScanConfig) -> Throttle {
        Throttle::new(&ScanConfig {
            rate: 0,
            concurrency: 100,
            ..config
        })
    }

    fn host(index: u32) -> Host {
        Host::Ip(std::net::Ipv4Addr::from_bits(0xc000_0200 + index).into())
    }

    /// A second in which half of the hosts that answered before stay silent.
    async fn bad_second(throttle: &Throttle) {
        for index in 0..200 {
            throttle.answered(&host(index), Duration::from_millis(50));
            throttle.silent(&host(index));
        }
        tokio::time::sleep(WINDOW).await;
        throttle.answered(&host(0), Duration::from_millis(50));
    }

    #[tokio::test(start_paused = true)]
    async fn losses_slow_down_and_answers_speed_up_again() {
        let throttle = throttle(ScanConfig::default());
        bad_second(&throttle).await;
        assert_eq!(throttle.slots.semaphore.available_permits(), 70);
        for _ in 0..20 {
            for index in 0..200 {
                throttle.answered(&host(index), Duration::from_millis(50));
            }
            tokio::time::sleep(WINDOW).await;
            throttle.answered(&host(0), Duration::from_millis(50));
        }
        assert_eq!(throttle.slots.semaphore.available_permits(), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_of_strangers_says_nothing() {
        let throttle = throttle(ScanConfig::default());
        for index in 0..5000 {
            throttle.silent(&host(index));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!((throttle.level() - 1.0).abs() < f64::EPSILON);
    }

    #[tokio::test(start_paused = true)]
    async fn no_adaptive_pins_the_speed_but_for_shortages() {
        let throttle = throttle(ScanConfig {
            adaptive: false,
            ..ScanConfig::default()
        });
        bad_second(&throttle).await;
        assert_eq!(throttle.slots.semaphore.available_permits(), 100);
        throttle.short("Too many open files");
        throttle.short("Too many open files");
        assert_eq!(
            throttle.slots.semaphore.available_permits(),
            70,
            "once in a while, however often it is said"
        );
    }

    #[tokio::test]
    async fn a_share_of_an_unlimited_rate_is_a_share_of_the_slots() {
        for (rate, free) in [(0, 50), (1000, 100)] {
            let throttle = Throttle::new(&ScanConfig {
                rate,
                concurrency: 100,
                ..ScanConfig::default()
            });
            throttle.set_share(0.5);
            assert_eq!(
                throttle.slots.semaphore.available_permits(),
                free,
                "{rate}/s"
            );
            throttle.set_share(1.0);
            assert_eq!(throttle.slots.semaphore.available_permits(), 100);
        }
    }

    #[tokio::test]
    async fn few_are_about_to_connect_at_once_and_looks_go_past_them() {
        let throttle = throttle(ScanConfig::default());
        let mut leaves = Vec::new();
        for _ in 0..AT_THE_GATE {
            leaves.push(throttle.leave().await);
        }
        // With its budget spent a task is told to wait for anything.
        tokio::task::yield_now().await;
        assert!(throttle.leave().now_or_never().is_none());
        assert!(throttle.room_at_the_gate().now_or_never().is_none());
        assert!(throttle.leave_to_go_on().now_or_never().is_some());
        leaves[7].left();
        assert!(throttle.room_at_the_gate().now_or_never().is_some());
        assert!(throttle.leave().now_or_never().is_some());
    }

    #[tokio::test]
    async fn slots_that_are_taken_are_given_up_when_they_come_back() {
        let throttle = throttle(ScanConfig::default());
        let mut leaves = Vec::new();
        for _ in 0..100 {
            let mut leave = throttle.leave().await;
            leave.left();
            leaves.push(leave);
        }
        throttle.slots.set(30);
        drop(leaves);
        assert_eq!(throttle.slots.semaphore.available_permits(), 30);
        throttle.slots.set(100);
        assert_eq!(throttle.slots.semaphore.available_permits(), 100);
    }
}
