//! `/metrics`: the exporter's own metrics.

use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus_client::encoding::{EncodeLabelSet, prometheus_text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::process_metrics;
use super::target_list::TargetList;
use crate::model::Verdict;

/// Upper bounds of the durations of probes, in seconds.
const BUCKETS: [f64; 11] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// How a scrape of a target ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScrapeEnd {
    /// With the answer of a probe that was made for it, alone or with other scrapes.
    Fresh,
    /// With the last answer, served again.
    Again,
    /// The time of the scrape was over first.
    TimedOut,
}

impl ScrapeEnd {
    const ALL: [Self; 3] = [Self::Fresh, Self::Again, Self::TimedOut];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Again => "again",
            Self::TimedOut => "timed-out",
        }
    }
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Without the right password.
    Unauthorized,
    /// Not the form of a request to `/probe`.
    Invalid(&'static str),
    /// The name is not on the list, or the module is not allowed.
    Unlisted,
    /// Too many probes at once.
    Busy,
}

impl Refusal {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::Invalid(_) => "invalid",
            Self::Unlisted => "unlisted",
            Self::Busy => "busy",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VerdictLabel {
    verdict: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VersionLabel {
    version: &'static str,
}

/// The exporter's own metrics.
pub(super) struct ExporterMetrics {
    registry: Registry,
    began: SystemTime,
    targets: Gauge<i64, AtomicI64>,
    verdicts: Family<VerdictLabel, Gauge>,
    running: Gauge<i64, AtomicI64>,
    results: Family<ResultLabel, Counter>,
    refusals: Family<ReasonLabel, Counter>,
    durations: Histogram,
    reload_successful: Gauge,
    reload_time: Gauge<f64, AtomicU64>,
    web_reload_successful: Gauge,
}

/// Counts a probe as running until it is dropped.
pub(super) struct RunningProbe<'a>(&'a ExporterMetrics);

impl Drop for RunningProbe<'_> {
    fn drop(&mut self) {
        self.0.running.dec();
    }
}

impl ExporterMetrics {
    pub(super) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("kubeknock_exporter"),
            began: SystemTime::now(),
            targets: Gauge::default(),
            verdicts: Family::default(),
            running: Gauge::default(),
            results: Family::default(),
            refusals: Family::default(),
            durations: Histogram::new(BUCKETS),
            reload_successful: Gauge::default(),
            reload_time: Gauge::default(),
            web_reload_successful: Gauge::default(),
        };
        let build = Family::<VersionLabel, Gauge>::default();
        let version = env!("CARGO_PKG_VERSION");
        build.get_or_create(&VersionLabel { version }).set(1);
        let registry = &mut metrics.registry;
        registry.register("build_info", "The version of the exporter", build);
        registry.register(
            "targets",
            "Targets that may be probed",
            metrics.targets.clone(),
        );
        registry.register(
            "targets_by_last_verdict",
            "Targets by the worst verdict that their last probe found",
            metrics.verdicts.clone(),
        );
        registry.register("running_probes", "Probes that run", metrics.running.clone());
        registry.register(
            "scrapes",
            "Scrapes of targets: with a probe, served again, or timed out",
            metrics.results.clone(),
        );
        registry.register(
            "refused_requests",
            "Requests that were refused, by reason",
            metrics.refusals.clone(),
        );
        registry.register(
            "probe_duration_seconds",
            "How long probes took, with the wait for their turn",
            metrics.durations.clone(),
        );
        registry.register(
            "targets_last_reload_successful",
            "Whether the lists of targets and the settings could be used when they were last read",
            metrics.reload_successful.clone(),
        );
        registry.register(
            "targets_last_reload_success_timestamp_seconds",
            "When the lists of targets were last read and used, in Unix time",
            metrics.reload_time.clone(),
        );
        registry.register(
            "web_config_last_reload_successful",
            "Whether the web configuration could be used when it was last read",
            metrics.web_reload_successful.clone(),
        );
        metrics.set_reload(true);
        metrics.set_web_reload(true);
        // Series that exist from the beginning have a rate from the beginning.
        for result in ScrapeEnd::ALL.map(ScrapeEnd::as_str) {
            drop(metrics.results.get_or_create(&ResultLabel { result }));
        }
        for refusal in [
            Refusal::Unauthorized,
            Refusal::Invalid(""),
            Refusal::Unlisted,
            Refusal::Busy,
        ] {
            let reason = refusal.as_str();
            drop(metrics.refusals.get_or_create(&ReasonLabel { reason }));
        }
        metrics
    }

    pub(super) fn set_targets(&self, count: usize) {
        self.targets.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    pub(super) fn set_reload(&self, is_successful: bool) {
        self.reload_successful.set(i64::from(is_successful));
        if is_successful {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            self.reload_time.set(now.unwrap_or_default().as_secs_f64());
        }
    }

    pub(super) fn set_web_reload(&self, is_successful: bool) {
        self.web_reload_successful.set(i64::from(is_successful));
    }

    pub(super) fn count_running(&self) -> RunningProbe<'_> {
        self.running.inc();
        RunningProbe(self)
    }

    pub(super) fn probe_ended(&self, took: Duration) {
        self.durations.observe(took.as_secs_f64());
    }

    pub(super) fn scrape_ended(&self, end: ScrapeEnd) {
        let result = end.as_str();
        self.results.get_or_create(&ResultLabel { result }).inc();
    }

    pub(super) fn refused(&self, why: Refusal) {
        let reason = why.as_str();
        self.refusals.get_or_create(&ReasonLabel { reason }).inc();
    }

    /// All of them as text.
    pub(super) fn text(&self, list: &TargetList) -> Result<String, fmt::Error> {
        let mut counts = [0_i64; Verdict::ALL.len()];
        let results = list.targets().filter_map(|listed| listed.known.last());
        for verdict in results.filter_map(|result| result.verdict) {
            if let Some(count) = counts.get_mut(verdict as usize) {
                *count += 1;
            }
        }
        for (verdict, count) in Verdict::ALL.iter().zip(counts) {
            let verdict = verdict.as_str();
            (self.verdicts.get_or_create(&VerdictLabel { verdict })).set(count);
        }
        let mut text = String::new();
        prometheus_text::encode(&mut text, &self.registry)?;
        prometheus_text::encode(&mut text, &process_metrics::registry(self.began))?;
        Ok(text)
    }
}
