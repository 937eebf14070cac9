//! A scan: the only module that knows the order of the stages.
//!
//! ```text
//! TargetSet ─nth(order)→ Target ─resolve→ Endpoint ─sweep→ TcpStream ─probe→ Observation
//!   → identify → assess ─ contradiction? one second look ─→ EndpointReport → channel → caller
//!          beside it: Pace (rate) · Tally (coverage, progress) · Stop
//! ```
//!
//! A fixed set of long-lived workers pulls indices. Everything is bounded: workers, probes at
//! once, the channel to the caller. A panic is that target's outcome, not the scan's end.

mod pace;
mod pipeline;
mod stop;
mod tally;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::config::{Order, ScanConfig};
use crate::error::Error;
use crate::model::{EndpointReport, ScanSummary, Target};
use crate::targets::{Permutation, TargetSet};

use pipeline::Pipeline;
pub use stop::Stop;
pub use tally::{Progress, Tally};

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
        Ok(Self { pipeline: Arc::new(Pipeline::new(&config)?), config: Arc::new(config) })
    }

    /// The configuration it was made with.
    pub fn config(&self) -> &ScanConfig {
        &self.config
    }

    /// Reads the resolver configuration where names must be resolved, so that its errors show
    /// before the scan begins.
    ///
    /// # Errors
    /// [`Error::ResolverConfig`] or [`Error::Resolver`].
    pub async fn prepare(&self, targets: &TargetSet) -> Result<(), Error> {
        if targets.has_names() { self.pipeline.names().prepare().await } else { Ok(()) }
    }

    /// Knocks on one target: a record for each of its addresses, or one that says why there is none.
    pub async fn knock(&self, target: &Target) -> Vec<EndpointReport> {
        let tally = Tally::default();
        self.pipeline.turn().await;
        self.pipeline.knock(target, None, &tally, true).await
    }

    /// Begins a scan on the current tokio runtime. Reports come from [`Scan::next`] in the order
    /// in which endpoints finish; dropping the [`Scan`] ends it.
    pub fn scan(&self, targets: Arc<TargetSet>) -> Scan {
        let (sender, reports) = mpsc::channel(CHANNEL);
        let tally = Arc::new(Tally::of(&targets));
        let stop = Stop::default();
        let job = Arc::new(Job {
            pipeline: Arc::clone(&self.pipeline),
            order: match self.config.order {
                Order::Seeded(seed) => Some(Permutation::new(targets.len(), seed)),
                Order::Sequential => None,
            },
            next: AtomicU64::new(0),
            keep_all: self.config.keep_all,
            stop: stop.clone(),
            tally: Arc::clone(&tally),
            targets,
        });
        // Workers in their connect and workers in their probe hold different permits, so that slow
        // answers do not stop the sweep.
        let workers = self.config.concurrency + self.pipeline.probes_at_once();
        let workers = job.targets.len().min(workers as u64);
        for _ in 0..workers {
            tokio::spawn(Arc::clone(&job).work(sender.clone()));
        }
        if let Some(limit) = self.config.max_duration {
            let stop = stop.clone();
            tokio::spawn(async move {
                tokio::time::sleep(limit).await;
                stop.stop("--max-duration was reached");
            });
        }
        Scan { reports, stop, tally, job, started: Timestamp::now(), clock: Instant::now() }
    }
}

/// What the workers of one scan share.
struct Job {
    pipeline: Arc<Pipeline>,
    targets: Arc<TargetSet>,
    order: Option<Permutation>,
    next: AtomicU64,
    keep_all: bool,
    stop: Stop,
    tally: Arc<Tally>,
}

impl Job {
    async fn work(self: Arc<Self>, reports: mpsc::Sender<EndpointReport>) {
        loop {
            // The turn comes before the target: whoever still waits when the scan is stopped has
            // begun nothing.
            tokio::select! {
                biased;
                () = self.stop.stopped() => return,
                () = self.pipeline.turn() => {}
            }
            let position = self.next.fetch_add(1, Ordering::Relaxed);
            if position >= self.targets.len() {
                return;
            }
            let index = self.order.as_ref().map_or(position, |order| order.nth(position));
            let Some(target) = self.targets.get(index) else { return };
            let exclusions = self.targets.exclusions();
            let keep = target.named || self.keep_all;
            self.tally.begin();
            let records = self.pipeline.knock(&target, Some(&exclusions), &self.tally, keep).await;
            self.tally.end();
            for record in records {
                // Nobody listens any more: the scan was dropped.
                if reports.send(record).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// A running scan: a stream of reports, then a summary.
pub struct Scan {
    reports: mpsc::Receiver<EndpointReport>,
    stop: Stop,
    tally: Arc<Tally>,
    job: Arc<Job>,
    started: Timestamp,
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

    /// When it began.
    pub const fn started(&self) -> Timestamp {
        self.started
    }

    /// Live counters.
    pub fn tally(&self) -> Arc<Tally> {
        Arc::clone(&self.tally)
    }

    /// The summary. Call it when [`Self::next`] has returned `None`; reports not yet taken are lost.
    pub fn finish(self) -> ScanSummary {
        let coverage = self.tally.coverage(&self.job.targets);
        ScanSummary {
            started: self.started,
            elapsed: self.clock.elapsed(),
            stopped: self.stop.reason().filter(|_| coverage.not_attempted > 0),
            sources: self.tally.sources(),
            resolvers: self.job.pipeline.names().servers(),
            coverage,
        }
    }
}

impl futures_core::Stream for Scan {
    type Item = EndpointReport;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.reports.poll_recv(context)
    }
}
