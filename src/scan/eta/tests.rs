//! Estimates of simulated scans against what they then took.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::*;
use crate::model::{FailureKind, Stage, Target};
use crate::scan::outcome::{Deferral, Outcome};
use crate::scan::tally::Tally;
use crate::scan::throttle::Throttle;
use crate::targets::{TargetOptions, TargetSetBuilder};

/// What a simulated target does.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Does {
    Refuse,
    Reset,
    StaySilent,
    HangLater,
}

/// A scan on the virtual clock: the true throttle and the true counters, and in place of a
/// network the time that each kind of target takes.
struct Simulated {
    config: ScanConfig,
    total: u64,
    /// The kinds of target, in turn.
    kinds: Vec<Does>,
    throttle: Throttle,
    looks: Semaphore,
    tally: Tally,
    target: Target,
}

impl Simulated {
    fn new(config: ScanConfig, total: u64, kinds: &[Does]) -> Self {
        let mut builder = TargetSetBuilder::new(TargetOptions::default());
        builder.argument("192.0.2.1:6443");
        let targets = builder.build().unwrap();
        Self {
            throttle: Throttle::new(&config),
            looks: Semaphore::new(config.looks()),
            tally: Tally::of(&targets),
            target: targets.get(0).unwrap(),
            kinds: kinds.to_vec(),
            config,
            total,
        }
    }

    fn kind(&self, place: u64) -> Does {
        let kinds = self.kinds.len() as u64;
        // Mixed, so that the kinds come in no pattern.
        let mixed = place.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        self.kinds[usize::try_from(mixed % kinds).unwrap()]
    }

    fn outcome(&self, place: u64, pass: u32) -> Outcome {
        let kind = match self.kind(place) {
            Does::Refuse => return Outcome::Silent(FailureKind::Refused),
            Does::Reset => FailureKind::Reset,
            Does::StaySilent => FailureKind::TimedOut,
            Does::HangLater => FailureKind::Deadline,
        };
        if pass == self.config.retries {
            return Outcome::Silent(kind);
        }
        Outcome::Deferred(Deferral {
            address: None,
            stage: Stage::Connect,
            kind,
        })
    }

    async fn ask(&self, place: u64, pass: u32) {
        let mut leave = self.throttle.leave().await;
        leave.left();
        let _flight = self.tally.flight();
        let kind = self.kind(place);
        sleep(if kind == Does::StaySilent {
            self.config.connect_timeout
        } else {
            Duration::from_millis(1)
        })
        .await;
        drop(leave);
        if kind == Does::HangLater {
            let _look = self.looks.acquire().await.unwrap();
            sleep(self.config.timeout).await;
        }
        self.tally.count(&self.target, &self.outcome(place, pass));
        self.tally.end(pass);
    }

    /// Runs what an earlier run has not done, and holds each estimate against the truth.
    async fn run(self, done_before: u64, again_before: u64) {
        for place in 0..done_before {
            self.tally.count(&self.target, &self.outcome(place, 0));
            self.tally.resumed(0);
        }
        let put_off = |place: &u64| self.kind(*place) != Does::Refuse;
        let again: Vec<u64> = (0..self.total).filter(put_off).collect();
        for place in again.iter().take(usize::try_from(again_before).unwrap()) {
            self.tally.count(&self.target, &self.outcome(*place, 1));
            self.tally.resumed(1);
        }
        let what = format!("{:?} of {}, {done_before} before", self.kinds, self.total);
        let began = Instant::now();
        let this = Arc::new(self);
        let estimates = Arc::new(Mutex::new(Vec::new()));
        let watch = tokio::spawn({
            let (this, estimates) = (Arc::clone(&this), Arc::clone(&estimates));
            async move {
                loop {
                    sleep(Duration::from_millis(100)).await;
                    let plan = Plan::new(&this.config, this.total, this.throttle.level());
                    let eta = plan.left(&this.tally.counts(), began.elapsed());
                    estimates.lock().unwrap().push((began.elapsed(), eta));
                }
            }
        });
        for pass in 0..=this.config.retries {
            let mut places: Vec<u64> = if pass == 0 {
                (0..this.total).collect()
            } else {
                again.clone()
            };
            if pass > 0 {
                this.tally.again(pass, places.len() as u64);
                this.throttle.set_share(AGAIN);
            }
            let before = [done_before, again_before]
                .get(pass as usize)
                .copied()
                .unwrap_or(0);
            places.drain(..usize::try_from(before).unwrap());
            let (places, next) = (Arc::new(places), Arc::new(AtomicU64::new(0)));
            let mut workers = JoinSet::new();
            for _ in 0..this.config.connections() {
                let (this, places, next) =
                    (Arc::clone(&this), Arc::clone(&places), Arc::clone(&next));
                workers.spawn(async move {
                    let next = || usize::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap();
                    while let Some(place) = places.get(next()) {
                        this.ask(*place, pass).await;
                    }
                });
            }
            workers.join_all().await;
        }
        watch.abort();
        let whole = began.elapsed().as_secs_f64();
        let estimates = estimates.lock().unwrap();
        assert!(estimates.len() > 50, "{what}: it took {whole} s");
        for (at, eta) in estimates
            .iter()
            .filter(|(at, _)| at.as_secs_f64() > whole / 10.0)
        {
            let (at, left) = (at.as_secs_f64(), eta.expect("an estimate").as_secs_f64());
            let error = (at + left - whole).abs() / whole;
            assert!(
                error < 0.2,
                "{what}: after {at:.1} of {whole:.1} s {left:.1} s left"
            );
        }
    }
}

fn config(retries: u32, rate: u32) -> ScanConfig {
    ScanConfig {
        retries,
        rate,
        ..ScanConfig::default()
    }
}

#[tokio::test(start_paused = true)]
async fn the_estimate_is_right_within_a_fifth_after_a_tenth() {
    use Does::{HangLater, Refuse, Reset, StaySilent};
    // Each long enough that its first tenth has a few timeouts in it.
    for (rate, retries, total, kinds, done_before, again_before) in [
        (1000, 1, 20_000, &[Refuse][..], 0, 0),
        (1000, 1, 20_000, &[Refuse, StaySilent], 0, 0),
        (1000, 1, 10_000, &[StaySilent], 0, 0),
        (50, 1, 1000, &[StaySilent], 0, 0),
        (1000, 1, 10_000, &[Reset], 0, 0),
        (1000, 3, 5000, &[Reset, Refuse], 0, 0),
        (1000, 2, 10_000, &[Reset, StaySilent], 0, 0),
        (0, 1, 20_000, &[Refuse, Refuse, Refuse, StaySilent], 0, 0),
        (1000, 1, 5000, &[Refuse, HangLater], 0, 0),
        (1000, 0, 10_000, &[Refuse, StaySilent], 0, 0),
        (1000, 1, 20_000, &[Refuse, StaySilent], 12_000, 0),
        (1000, 1, 20_000, &[Reset], 20_000, 12_000),
        (1000, 1, 20_000, &[StaySilent], 20_000, 12_000),
    ] {
        Simulated::new(config(retries, rate), total, kinds)
            .run(done_before, again_before)
            .await;
    }
}

#[test]
fn nothing_is_said_before_anything_is_known() {
    let plan = Plan::new(&ScanConfig::default(), 10, 1.0);
    assert_eq!(plan.left(&Counts::default(), Duration::from_secs(1)), None);
    assert_eq!(plan.left(&Counts::default(), Duration::ZERO), None);
}
