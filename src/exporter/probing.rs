//! The exporter: who is probed when, and what is answered from memory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, WeakShared, join_all};
use jiff::Timestamp;
use parking_lot::RwLock;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::exporter_metrics::{ExporterMetrics, Refusal, ScrapeEnd};
use super::known::{MAX_AGE, Module};
use super::probe_result::ProbeResult;
use super::probe_settings::ProbeSettings;
use super::target_list::{ListedTarget, TargetList};
use crate::error::Error;

/// Probes that run or wait, for each that may run. Scrapes come evenly, so that a queue is short unless this machine is
/// busy; a scrape that waits costs one connection and may still be in time.
const ADMITTED: usize = 4;

/// The limits of an exporter.
#[derive(Debug, Clone)]
pub struct ExporterOptions {
    /// Probes at once. Three times as many wait for their turn; further ones are refused.
    pub max_probes: usize,
    /// How long an answer is served again before the target is probed anew.
    pub min_interval: Duration,
}

/// Probes listed targets when somebody asks for them.
pub struct Exporter {
    settings: RwLock<Arc<ProbeSettings>>,
    min_interval: Duration,
    list: RwLock<Arc<TargetList>>,
    /// For the probes that run.
    running: Arc<Semaphore>,
    /// For the probes that run or wait.
    admitted: Arc<Semaphore>,
    pub(super) metrics: ExporterMetrics,
}

/// The answer to a scrape.
pub(super) enum Answer {
    /// What the probe found, and whether it is served again.
    Result(Arc<ProbeResult>, Served),
    /// The time of the scrape was over first.
    TimedOut(Duration),
}

/// Whether a probe was made for this scrape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Served {
    Fresh,
    Again,
}

impl Exporter {
    /// An exporter for these targets.
    ///
    /// # Errors
    /// [`Error`] for a setting out of range.
    pub fn new(
        settings: ProbeSettings,
        list: TargetList,
        options: &ExporterOptions,
    ) -> Result<Self, Error> {
        if !(1..=Semaphore::MAX_PERMITS / ADMITTED).contains(&options.max_probes) {
            return Err(Error::Config {
                setting: "max-probes",
                problem: "must be 1 or more".to_owned(),
            });
        }
        let metrics = ExporterMetrics::new();
        metrics.set_targets(list.len());
        Ok(Self {
            settings: RwLock::new(Arc::new(settings)),
            min_interval: options.min_interval,
            list: RwLock::new(Arc::new(list)),
            running: Arc::new(Semaphore::new(options.max_probes)),
            admitted: Arc::new(Semaphore::new(options.max_probes * ADMITTED)),
            metrics,
        })
    }

    /// The settings of now.
    pub fn settings(&self) -> Arc<ProbeSettings> {
        Arc::clone(&self.settings.read())
    }

    /// Replaces the settings. Probes that run are finished with those before.
    pub fn replace_settings(&self, mut settings: ProbeSettings) {
        let mut current = self.settings.write();
        settings.since = Instant::now();
        *current = Arc::new(settings);
    }

    /// The targets that may be probed.
    pub fn list(&self) -> Arc<TargetList> {
        Arc::clone(&self.list.read())
    }

    /// Replaces the targets. What is known of those that stay is kept. Probes that run are finished.
    pub fn replace_list(&self, list: TargetList) {
        self.metrics.set_targets(list.len());
        self.metrics.set_reload(true);
        let mut current = self.list.write();
        *current = Arc::new(list.with_known_of(&current));
    }

    /// Notes that the lists or the settings were read again, and cannot be used.
    pub fn reload_failed(&self) {
        self.metrics.set_reload(false);
    }

    /// Notes that the web configuration was read again, and whether it can be used.
    pub fn web_config_reloaded(&self, is_successful: bool) {
        self.metrics.set_web_reload(is_successful);
    }

    /// Probes a listed target within this time, or serves its last answer again.
    pub(super) async fn probe(
        self: &Arc<Self>,
        listed: &Arc<ListedTarget>,
        module: Module,
        limit: Duration,
    ) -> Result<Answer, Refusal> {
        let began = Instant::now();
        let since = self.settings().since;
        let is_current = |last: &&Arc<ProbeResult>| {
            last.finished.elapsed() < self.min_interval && last.began >= since
        };
        // A deep probe takes long, and may leave too little time.
        let waits = listed.known.is_turn_of_other(module);
        let probe = {
            let mut slot = listed.known.slot(module).lock();
            if let Some(last) = slot.last.as_ref().filter(is_current) {
                self.metrics.scrape_ended(ScrapeEnd::Again);
                return Ok(Answer::Result(Arc::clone(last), Served::Again));
            }
            let running = slot.running.as_ref().and_then(WeakShared::upgrade);
            if let Some(running) = running {
                running
            } else {
                let admitted = Arc::clone(&self.admitted).try_acquire_owned();
                let admitted = admitted.map_err(|_| Refusal::Busy)?;
                let probe = self.start(Arc::clone(listed), module, admitted).shared();
                slot.running = probe.downgrade();
                probe
            }
        };
        if let Ok(result) = tokio::time::timeout(limit, probe).await {
            self.metrics.scrape_ended(ScrapeEnd::Fresh);
            return Ok(Answer::Result(result, Served::Fresh));
        }
        let waited = waits || listed.known.is_turn_of_other(module);
        let mut slot = listed.known.slot(module).lock();
        // After a scrape that timed out by itself, an earlier answer would say that all is well again.
        let is_usable = |last: &&Arc<ProbeResult>| {
            last.finished.elapsed() < MAX_AGE
                && last.began >= since
                && (slot.timed_out).is_none_or(|timed_out| timed_out < last.finished)
        };
        if let Some(last) = slot.last.as_ref().filter(|last| waited && is_usable(last)) {
            self.metrics.scrape_ended(ScrapeEnd::Again);
            return Ok(Answer::Result(Arc::clone(last), Served::Again));
        }
        self.metrics.scrape_ended(ScrapeEnd::TimedOut);
        slot.timed_out = Some(Instant::now());
        Ok(Answer::TimedOut(began.elapsed()))
    }

    /// A probe. It begins when somebody waits for it, and ends when nobody does any more.
    fn start(
        self: &Arc<Self>,
        listed: Arc<ListedTarget>,
        module: Module,
        admitted: OwnedSemaphorePermit,
    ) -> BoxFuture<'static, Arc<ProbeResult>> {
        let exporter = Arc::clone(self);
        async move {
            let began = Instant::now();
            let result = {
                let _turn = listed.known.turn(module).await;
                // The semaphore is never closed.
                let _running = exporter.running.acquire().await;
                let _counted = exporter.metrics.count_running();
                exporter.knock(&listed, module, began).await
            };
            drop(admitted);
            exporter.metrics.probe_ended(result.took);
            let result = Arc::new(result);
            let mut slot = listed.known.slot(module).lock();
            (slot.last, slot.running) = (Some(Arc::clone(&result)), None);
            result
        }
        .boxed()
    }

    async fn knock(&self, listed: &ListedTarget, module: Module, began: Instant) -> ProbeResult {
        let settings = self.settings();
        let scanner = settings.scanner(module);
        let now = Timestamp::now();
        // They differ in their ports only. A name may lead elsewhere by now.
        if let Some(target) = listed.targets.first() {
            scanner.forget_name(target);
        }
        let knocks = listed.targets.iter();
        let knocks = knocks.map(|target| scanner.knock_within(&listed.set, target));
        let records = join_all(knocks).await.concat();
        let whereabouts = (listed.known.answered.lock()).update(&records, listed.spec.expect);
        let moment = (began, now);
        ProbeResult::new(
            &listed.spec,
            &records,
            &whereabouts,
            &settings.policy,
            moment,
        )
    }
}
