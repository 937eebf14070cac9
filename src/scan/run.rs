//! What the workers of one scan share, and one attempt at one target.

use std::fmt::Display;
use std::io;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::ledger::{Counters, Deferral, Ledger, Outcome, send};
use super::plan::{Plan, Turn};
use super::stop::Stop;
use super::visit::{Attempt, Pipeline};
use crate::config::ScanConfig;
use crate::model::{EndpointReport, Target};

/// A running scan, as its workers share it.
pub(super) struct Run {
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) config: Arc<ScanConfig>,
    pub(super) plan: Arc<Plan>,
    pub(super) counters: Arc<Counters>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) stop: Stop,
    /// Where the caller receives the records.
    pub(super) reports: mpsc::Sender<Box<EndpointReport>>,
}

impl Run {
    /// Whether no further target may be started: the scan is stopped, or the caller has dropped it.
    pub(super) fn is_over(&self) -> bool {
        self.stop.is_stopped() || self.reports.is_closed()
    }

    pub(super) fn fail_to_record(&self, error: &io::Error) {
        self.stop.fail(format!("cannot record results: {error}"));
    }

    pub(super) fn fail_with_defect(&self, panic: &impl Display) {
        self.stop
            .fail(format!("a defect in kubeknock, please report it: {panic}"));
    }

    fn keeps_unreachable(&self, target: &Target) -> bool {
        target.named || self.config.keep_all
    }

    pub(super) fn target(&self, rank: u64) -> io::Result<Target> {
        (self.plan.target(rank)).ok_or_else(|| {
            io::Error::other("a rank beyond the plan: the queue of retries is damaged")
        })
    }

    /// The attempt at this target.
    pub(super) fn attempt_at<'a>(&'a self, turn: Turn, target: &'a Target) -> Attempt<'a> {
        Attempt {
            target,
            rank: turn.rank,
            scope: Some(&self.plan.targets),
            keep_unreachable: self.keeps_unreachable(target),
            first: turn.pass == 0,
            last: turn.pass == self.config.retries,
            stop: &self.stop,
            counters: &self.counters,
        }
    }

    /// Makes one attempt at a target, or at what was deferred of it; `false` if the scan is over.
    pub(super) async fn attempt(&self, turn: Turn, deferral: Option<Deferral>) -> io::Result<bool> {
        let target = self.target(turn.rank)?;
        let only = deferral.and_then(|deferral| deferral.address);
        let attempt = self.attempt_at(turn, &target);
        let Some(outcomes) = self.pipeline.visit(&attempt, only).await else {
            return Ok(false);
        };
        self.finish(turn, &target, outcomes).await
    }

    /// Records and sends the outcomes of an attempt; `false` if the caller has dropped the scan.
    pub(super) async fn finish(
        &self,
        turn: Turn,
        target: &Target,
        outcomes: Vec<Outcome>,
    ) -> io::Result<bool> {
        let recorded = self.record(turn, target, &outcomes);
        // What was counted is sent, even if it could not be recorded.
        let is_received = send(outcomes, &self.reports).await;
        recorded?;
        Ok(is_received)
    }

    /// Records and counts the outcomes of an attempt.
    pub(super) fn record(
        &self,
        turn: Turn,
        target: &Target,
        outcomes: &[Outcome],
    ) -> io::Result<()> {
        let recorded = self.ledger.record(turn, target, outcomes);
        self.counters.end(turn.pass);
        recorded
    }

    /// Counts and sends the last failure of an attempt that is not retried; `false` if the caller has
    /// dropped the scan. The checkpoint does not have it, so that a resumed scan retries.
    pub(super) async fn give_up(&self, deferral: Deferral) -> io::Result<bool> {
        let target = self.target(deferral.rank)?;
        let outcome = if self.keeps_unreachable(&target) {
            let record = self.pipeline.give_up(target.clone(), deferral);
            Outcome::Record(Box::new(record))
        } else {
            Outcome::CountedOnly(deferral.kind)
        };
        self.counters.give_up(&target, &outcome);
        Ok(send(vec![outcome], &self.reports).await)
    }
}
