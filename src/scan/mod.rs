//! A scan: the only module that knows the order of the stages.
//!
//! ```text
//! TargetSet ─nth(order)→ Target ─resolve→ Endpoint ─connect→ TcpStream ─probe→ Observation
//!   → identify → assess ─ contradiction? one second look ─→ EndpointReport → channel → caller
//!          beside it: Throttle (rate, caps, congestion) · Ledger (tally, retries, checkpoint) · Stop
//! ```
//!
//! Long-lived workers pull places; names have tasks of their own, so that a name server that does not
//! answer holds up names alone. Everything is bounded: workers, names and looks at once, the channel to
//! the caller, what is remembered of what is to be asked again. A panic is that
//! target's outcome, not the scan's end.

mod addresses;
mod attempt;
mod caps;
mod checkpoint;
mod congestion;
mod dialer;
mod eta;
mod job;
mod journal;
mod ledger;
mod looks;
mod outcome;
mod own_side;
mod pace;
mod pass;
mod pipeline;
mod progress;
mod queue;
mod record;
mod replay;
mod stop;
mod tally;
mod throttle;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::config::{Order, ScanConfig};
use crate::error::Error;
use crate::model::{
    EndpointReport, Failure, FailureKind, Gap, ScanSummary, Stage, Target, Timings, Unasked,
    Verdict, microseconds,
};
use crate::targets::{Permutation, TargetSet};

use attempt::Attempt;
pub use checkpoint::{Checkpoint, CheckpointError};
use job::Job;
use outcome::Outcome;
use pipeline::Pipeline;
pub use progress::{Progress, Watch};
#[cfg(any(test, fuzzing))]
pub(crate) use record::record;
pub use stop::Stop;
use tally::Tally;

/// Reports that may wait for the caller.
const CHANNEL: usize = 256;

/// Scans as configured. Cheap to clone.
#[derive(Clone)]
pub struct Scanner {
    pipeline: Arc<Pipeline>,
    config: Arc<ScanConfig>,
}

impl Scanner {
    /// Checks the configuration and sets up TLS.
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

    /// The configuration it was made with.
    pub fn config(&self) -> &ScanConfig {
        &self.config
    }

    /// Reads the resolver configuration where names must be resolved, so that its errors show
    /// before the scan begins. What is excluded must be known where it matters.
    ///
    /// # Errors
    /// [`Error::Resolver`]; [`Error::ExcludedUnknown`] where the proxy
    /// resolves names.
    pub async fn prepare(&self, targets: &TargetSet) -> Result<(), Error> {
        match &self.config.proxy {
            _ if !targets.has_names() => Ok(()),
            Some(proxy) if proxy.resolves_names() => {
                if targets.exclusions().has_addresses() {
                    Err(Error::ExcludedUnknown)
                } else {
                    Ok(())
                }
            }
            _ => self.pipeline.names().prepare().await,
        }
    }

    /// Knocks on one target: a record for each of its addresses that may be asked, or one that says why
    /// there is none.
    pub async fn knock(&self, target: &Target) -> Vec<EndpointReport> {
        let (tally, stop) = (Tally::default(), Stop::default());
        let mut records = Vec::new();
        let mut todo = vec![None];
        for pass in 0..=self.config.retries {
            let last = pass == self.config.retries;
            self.pipeline.names().forget();
            let attempt = Attempt {
                target,
                scope: None,
                keep: true,
                last,
                stop: &stop,
                tally: &tally,
            };
            for only in std::mem::take(&mut todo) {
                let Some(outcomes) = self.pipeline.knock(&attempt, only).await else {
                    let why = stop.reason().unwrap_or_default();
                    let failure = Failure::new(Stage::Internal, FailureKind::LocalShortage, why);
                    let target = target.clone();
                    records.push(EndpointReport::without_answer(
                        target,
                        None,
                        failure,
                        Timings::default(),
                    ));
                    continue;
                };
                for outcome in outcomes {
                    match outcome {
                        Outcome::Record(record) => records.push(*record),
                        Outcome::Deferred(deferral) => todo.push(deferral.address),
                        Outcome::Unasked(unasked) if unasked.why == Gap::SpecialAddress => {
                            records.push(unasked_record(target, &unasked));
                        }
                        Outcome::Unasked(unasked) => tracing::warn!(%target, "{}", unasked.said()),
                        Outcome::Silent(_) | Outcome::Further(_) => {}
                    }
                }
            }
        }
        records
    }

    /// Begins a scan on the current tokio runtime. Reports come from [`Scan::next`] in the order
    /// in which endpoints finish; dropping the [`Scan`] ends it.
    pub fn scan(&self, targets: Arc<TargetSet>) -> Scan {
        self.begin(targets, None)
    }

    /// As [`Self::scan`], with everything that is finished noted in the checkpoint. What an earlier
    /// run finished is not asked again: its reports come first.
    pub fn scan_with(&self, targets: Arc<TargetSet>, checkpoint: Checkpoint) -> Scan {
        self.begin(targets, Some(checkpoint))
    }

    fn begin(&self, targets: Arc<TargetSet>, checkpoint: Option<Checkpoint>) -> Scan {
        let (sender, reports) = mpsc::channel(CHANNEL);
        // To the millisecond, in which saved reports and checkpoints have it.
        let now = Timestamp::now();
        let now = Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
        let started = checkpoint.as_ref().map_or(now, Checkpoint::began);
        let ended = checkpoint.as_ref().and_then(Checkpoint::ended);
        let past = span(started, ended.unwrap_or(now));
        let tally = Arc::new(Tally::of(&targets));
        let stop = Stop::default();
        let job = Arc::new(Job {
            pipeline: Arc::clone(&self.pipeline),
            order: match self.config.order {
                Order::Seeded(seed) => Some(Permutation::new(targets.len(), seed)),
                Order::Sequential => None,
            },
            config: Arc::clone(&self.config),
            stop: stop.clone(),
            tally: Arc::clone(&tally),
            targets,
        });
        tokio::spawn(Arc::clone(&job).run(checkpoint, sender));
        if let Some(limit) = self.config.max_duration {
            let stop = stop.clone();
            tokio::spawn(async move {
                tokio::time::sleep(limit).await;
                stop.stop("--max-duration was reached");
            });
        }
        Scan {
            reports,
            stop,
            tally,
            job,
            started,
            past,
            ended: ended.is_some(),
            clock: Instant::now(),
        }
    }
}

/// The record of what was not asked, where there is no coverage to tell it.
fn unasked_record(target: &Target, unasked: &Unasked) -> EndpointReport {
    let failure = Failure::new(Stage::Dns, FailureKind::NoAddress, unasked.said());
    let report = EndpointReport::without_answer(target.clone(), None, failure, Timings::default());
    EndpointReport {
        verdict: Verdict::NotAttempted,
        ..report
    }
}

/// A running scan: a stream of reports, then a summary.
pub struct Scan {
    reports: mpsc::Receiver<EndpointReport>,
    stop: Stop,
    tally: Arc<Tally>,
    job: Arc<Job>,
    started: Timestamp,
    /// From then to the beginning of this run, or to the end if an earlier run came to it.
    past: Duration,
    ended: bool,
    /// Since this run began.
    clock: Instant,
}

impl Scan {
    /// The next finished endpoint; `None` when all are done or the scan was stopped and drained.
    pub async fn next(&mut self) -> Option<EndpointReport> {
        self.reports.recv().await
    }

    /// A handle that stops the scan: no target is started any more, those in flight are finished.
    pub fn stop_handle(&self) -> Stop {
        self.stop.clone()
    }

    /// When it began; with a checkpoint, when its first run did.
    pub const fn started(&self) -> Timestamp {
        self.started
    }

    /// A handle that tells how far the scan is.
    pub fn watch(&self) -> Watch {
        Watch::new(Arc::clone(&self.job), self.clock)
    }

    /// The summary. Call it when [`Self::next`] has returned `None`; reports not yet taken are lost.
    pub fn finish(self) -> ScanSummary {
        let coverage =
            self.tally
                .coverage(&self.job.targets, self.job.config.shard, self.stop.failed());
        // Stopped after the last attempt was made, it was not stopped.
        let stopped = self
            .stop
            .reason()
            .and_then(|reason| match self.tally.given_up() {
                _ if coverage.could_not_scan() => Some(reason),
                (0, _) => (coverage.not_attempted > 0).then_some(reason),
                (given_up, due) => Some(format!(
                    "{reason}; {given_up} of {due} put off were not asked again"
                )),
            });
        ScanSummary {
            started: self.started,
            elapsed: if self.ended {
                self.past
            } else {
                microseconds(self.past + self.clock.elapsed())
            },
            stopped,
            sources: self.tally.sources(),
            resolvers: self.job.pipeline.names().servers(),
            targets_digest: Some(self.job.targets.asked_digest()),
            coverage,
        }
    }
}

/// None where the clock was set back.
fn span(from: Timestamp, to: Timestamp) -> Duration {
    to.duration_since(from).try_into().unwrap_or_default()
}

impl futures_core::Stream for Scan {
    type Item = EndpointReport;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.reports.poll_recv(context)
    }
}
