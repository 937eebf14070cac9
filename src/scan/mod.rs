//! A scan: the only module that knows the order of the stages.
//!
//! ```text
//! TargetSet ─nth(order)→ Target ─resolve→ Endpoint ─connect→ TcpStream ─probe→ Observation
//!   → identify → assess ─ unclear? one recheck ─→ advise → EndpointReport → channel → caller
//!          beside it: admission (rate, caps, congestion) · ledger (counters, retries, checkpoint) · stop
//! ```
//!
//! One thread connects to addresses; each name has a task of its own, so that a silent name server delays
//! only names. Everything is bounded: connects, names and probes at once, the channel to the caller, the
//! memory of the retry queue. A panic is the outcome of one target, not the end of the scan.
//!
//! `passes` goes over the targets, `workers` over one pass, with a `sweep` for its addresses. `visit` is one target's
//! way through the stages, `admission` decides who may connect, and `ledger` records what happened.

mod admission;
mod ledger;
mod passes;
mod plan;
mod progress;
mod run;
mod stop;
mod sweep;
mod turns;
mod visit;
mod watch;
mod workers;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;

use crate::config::ScanConfig;
use crate::error::Error;
use crate::local_end::LocalEnd;
use crate::model::{
    EndpointReport, Failure, FailureKind, Host, LeftOut, LeftOutReason, ScanSummary, Stage, Target,
    Timings, Verdict, microseconds,
};
use crate::targets::{Allowlist, TargetSet};

pub use crate::probe::{AFTER_401, ALWAYS, deep};
pub use ledger::{Began, Checkpoint, CheckpointError, EarlierRun};
use ledger::{Counters, Ledger, Outcome};
use plan::Plan;
pub use progress::Progress;
use run::Run;
pub use stop::Stop;
#[cfg(any(test, fuzzing))]
pub(crate) use visit::record;
use visit::{Attempt, Pipeline};
pub use watch::Watch;

/// How many records may wait for the caller.
const CHANNEL: usize = 256;
/// How long records gather before the caller gets the next one, so that its thread is not woken for each.
const GATHER: Duration = Duration::from_millis(5);

/// Scans as configured. Cheap to clone.
#[derive(Clone)]
pub struct Scanner {
    pipeline: Arc<Pipeline>,
    config: Arc<ScanConfig>,
}

impl Scanner {
    /// Validates the configuration and sets up TLS.
    ///
    /// # Errors
    /// [`Error`] for a setting out of range.
    pub fn new(config: ScanConfig) -> Result<Self, Error> {
        config.validate()?;
        Ok(Self {
            pipeline: Arc::new(Pipeline::new(&config)?),
            config: Arc::new(config),
        })
    }

    /// Checks that this machine has the addresses and the interface that connections must come from.
    ///
    /// # Errors
    /// [`Error::Config`].
    pub fn check_source(config: &ScanConfig) -> Result<(), Error> {
        LocalEnd::new(config).check()
    }

    /// The configuration.
    pub fn config(&self) -> &ScanConfig {
        &self.config
    }

    /// Sets up the resolver if there are names, so that its errors show before the scan begins.
    ///
    /// # Errors
    /// [`Error::Resolver`]. [`Error::ExcludedUnknown`] if addresses are excluded and the proxy resolves the
    /// names: then it is not known whether an excluded address is asked. [`Error::AllowedUnknown`] likewise.
    pub async fn prepare(&self, targets: &TargetSet) -> Result<(), Error> {
        match &self.config.proxy {
            _ if !targets.has_names() => Ok(()),
            Some(proxy) if proxy.resolves_names() => {
                if targets.exclusions().has_addresses() {
                    Err(Error::ExcludedUnknown)
                } else if targets.allowlist().is_some_and(Allowlist::has_addresses) {
                    Err(Error::AllowedUnknown)
                } else {
                    Ok(())
                }
            }
            _ => self.pipeline.resolver().prepare().await,
        }
    }

    /// Knocks on one target. Returns a record for each of its addresses that may be asked, or one that says
    /// why there is none.
    pub async fn knock(&self, target: &Target) -> Vec<EndpointReport> {
        self.knock_in(None, target).await
    }

    /// As [`Self::knock`], for a target of a set whose exclusions and allowlist hold.
    pub async fn knock_within(&self, targets: &TargetSet, target: &Target) -> Vec<EndpointReport> {
        self.knock_in(Some(targets), target).await
    }

    /// Forgets the addresses of a target's name, so that the next knock looks it up again.
    pub fn forget_name(&self, target: &Target) {
        if let Host::Name(name) = &target.host {
            self.pipeline.resolver().forget(name, target.absolute);
        }
    }

    async fn knock_in(&self, scope: Option<&TargetSet>, target: &Target) -> Vec<EndpointReport> {
        let (counters, stop) = (Counters::default(), Stop::default());
        let mut records = Vec::new();
        let mut addresses = vec![None];
        for pass in 0..=self.config.retries {
            self.pipeline.resolver().forget_temporary_failures();
            let attempt = Attempt {
                target,
                rank: 0,
                scope,
                keep_unreachable: true,
                first: pass == 0,
                last: pass == self.config.retries,
                stop: &stop,
                counters: &counters,
            };
            for only in std::mem::take(&mut addresses) {
                let Some(outcomes) = self.pipeline.visit(&attempt, only).await else {
                    let reason = stop.reason().unwrap_or_default();
                    let failure =
                        Failure::new(Stage::Internal, FailureKind::ResourcesExhausted, reason);
                    records.push(without_answer(target, failure));
                    continue;
                };
                for outcome in outcomes {
                    match outcome {
                        Outcome::Record(record) => records.push(*record),
                        Outcome::Deferred(deferral) => addresses.push(deferral.address),
                        Outcome::LeftOut(left_out)
                            if left_out.why == LeftOutReason::SpecialAddress || scope.is_some() =>
                        {
                            records.push(not_attempted(target, &left_out));
                        }
                        Outcome::LeftOut(left_out) => {
                            tracing::warn!(%target, "not asked: {}", left_out.text());
                        }
                        Outcome::CountedOnly(_) | Outcome::Further(_) => {}
                    }
                }
            }
        }
        records
    }

    /// Starts a scan on the current tokio runtime. Records come from [`Scan::next`] in the order in which
    /// endpoints finish. Dropping the [`Scan`] ends it.
    pub fn scan(&self, targets: Arc<TargetSet>) -> Scan {
        self.start(targets, None)
    }

    /// As [`Self::scan`], and writes everything that is finished to the checkpoint. What an earlier run
    /// finished is not asked again: its records come first.
    pub fn scan_with(&self, targets: Arc<TargetSet>, checkpoint: Checkpoint) -> Scan {
        self.start(targets, Some(checkpoint))
    }

    fn start(&self, targets: Arc<TargetSet>, checkpoint: Option<Checkpoint>) -> Scan {
        let (sender, reports) = mpsc::channel(CHANNEL);
        // To the millisecond, like saved reports and checkpoints.
        let now = Timestamp::now();
        let now = Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
        let started = checkpoint.as_ref().map_or(now, Checkpoint::began);
        let ended = checkpoint.as_ref().and_then(Checkpoint::ended);
        let counters = Arc::new(Counters::new(&targets));
        let plan = Arc::new(Plan::new(targets, &self.config));
        let stop = Stop::default();
        let run = Run {
            pipeline: Arc::clone(&self.pipeline),
            config: Arc::clone(&self.config),
            plan: Arc::clone(&plan),
            ledger: Arc::new(Ledger::new(Arc::clone(&counters))),
            counters: Arc::clone(&counters),
            stop: stop.clone(),
            reports: sender,
        };
        tokio::spawn(passes::run(Arc::new(run), checkpoint));
        if let Some(limit) = self.config.max_duration {
            let stop = stop.clone();
            tokio::spawn(async move {
                tokio::time::sleep(limit).await;
                stop.stop("--max-duration was reached");
            });
        }
        Scan {
            reports,
            pipeline: Arc::clone(&self.pipeline),
            plan,
            counters,
            stop,
            started,
            before: span(started, ended.unwrap_or(now)),
            ended: ended.is_some(),
            clock: Instant::now(),
        }
    }
}

fn without_answer(target: &Target, failure: Failure) -> EndpointReport {
    EndpointReport::without_answer(target.clone(), None, failure, Timings::default())
}

/// The record of an address that is not probed, or of a failed lookup, for a scan without coverage.
fn not_attempted(target: &Target, left_out: &LeftOut) -> EndpointReport {
    let kind = if left_out.why.is_address() {
        FailureKind::NoAddress
    } else {
        FailureKind::ResolverFailure
    };
    let failure = Failure::new(Stage::Dns, kind, left_out.text());
    EndpointReport {
        verdict: Verdict::NotAttempted,
        ..without_answer(target, failure)
    }
}

/// A running scan: a stream of records, then a summary.
pub struct Scan {
    reports: mpsc::Receiver<Box<EndpointReport>>,
    pipeline: Arc<Pipeline>,
    plan: Arc<Plan>,
    counters: Arc<Counters>,
    stop: Stop,
    started: Timestamp,
    /// The time from `started` to the start of this run, or to the end if an earlier run completed the scan.
    before: Duration,
    /// Whether an earlier run completed the scan.
    ended: bool,
    /// When this run began.
    clock: Instant,
}

impl Scan {
    /// The next finished endpoint; `None` when all are done, or the scan was stopped and those in flight are
    /// finished.
    pub async fn next(&mut self) -> Option<Box<EndpointReport>> {
        match self.reports.try_recv() {
            Ok(report) => Some(report),
            Err(TryRecvError::Disconnected) => None,
            Err(TryRecvError::Empty) => {
                tokio::time::sleep(GATHER).await;
                self.reports.recv().await
            }
        }
    }

    /// A handle that stops the scan: no further target is started, those in flight are finished.
    pub fn stop_handle(&self) -> Stop {
        self.stop.clone()
    }

    /// When the scan began; with a checkpoint, when its first run began.
    pub const fn started(&self) -> Timestamp {
        self.started
    }

    /// A handle that shows the progress of the scan.
    pub fn watch(&self) -> Watch {
        let (counters, pipeline) = (Arc::clone(&self.counters), Arc::clone(&self.pipeline));
        Watch::new(self.plan.len(), counters, pipeline, self.clock)
    }

    /// The summary. Call it when [`Self::next`] has returned `None`: records not yet received are lost.
    pub fn finish(self) -> ScanSummary {
        let coverage =
            self.counters
                .coverage(&self.plan.targets, self.plan.shard, self.stop.failed());
        // A scan that was stopped after its last attempt is complete.
        let stopped = self
            .stop
            .reason()
            .and_then(|reason| match self.counters.given_up() {
                _ if coverage.could_not_scan() => Some(reason),
                (0, _) => (coverage.not_attempted > 0).then_some(reason),
                (given_up, retries) => Some(format!(
                    "{reason}; {given_up} of {retries} retries were not made"
                )),
            });
        ScanSummary {
            started: self.started,
            elapsed: if self.ended {
                self.before
            } else {
                microseconds(self.before + self.clock.elapsed())
            },
            stopped,
            sources: self.counters.sources(),
            resolvers: self.pipeline.resolver().servers(),
            targets_digest: Some(self.plan.targets.asked_digest()),
            selection: self.plan.targets.selection().cloned(),
            coverage,
        }
    }
}

/// The time between two moments; zero if the clock was set back.
fn span(from: Timestamp, to: Timestamp) -> Duration {
    to.duration_since(from).try_into().unwrap_or_default()
}

impl futures_core::Stream for Scan {
    type Item = Box<EndpointReport>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.reports.poll_recv(context)
    }
}
