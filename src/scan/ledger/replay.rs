//! Reads what a checkpoint says was finished: counts it, queues its retries, and sends its records to the
//! caller.

use std::io;

use tokio::sync::mpsc;

use super::checkpoint::Checkpoint;
use super::counters::Counters;
use super::done::Done;
use super::frame::{Finished, Frame, damaged};
use super::journal::Journal;
use super::outcome::{Outcome, send};
use super::retries::RetryQueue;
use crate::model::EndpointReport;
use crate::scan::plan::Plan;

/// A pass that previous runs of the scan may have begun.
#[derive(Default)]
pub(in crate::scan) struct ResumedPass {
    /// The attempts that these runs finished.
    pub(in crate::scan) done: Done,
    /// What these runs deferred to the next pass.
    pub(in crate::scan) deferred: RetryQueue,
}

/// Reads the checkpoint's frames into `passes`. Returns the journal to which the rest is written.
pub(in crate::scan) async fn replay(
    checkpoint: Checkpoint,
    passes: &mut [ResumedPass],
    plan: &Plan,
    counters: &Counters,
    reports: &mpsc::Sender<Box<EndpointReport>>,
) -> io::Result<Journal> {
    let (mut frames, journal) = checkpoint.open()?;
    while let Some(frame) = frames.next()? {
        let Frame {
            pass: number,
            low_water,
            ..
        } = frame;
        let at = usize::try_from(number).map_err(|_| damaged())?;
        let (before, rest) = passes.split_at_mut_checked(at).ok_or_else(damaged)?;
        // From the second pass on, ordinals are positions in the queue of the pass before.
        let queue_len = before.last().map(|before| before.deferred.len());
        let pass = rest.first_mut().ok_or_else(damaged)?;
        // Only the first pass writes targets that are only counted.
        if queue_len.is_some() && frame.counted_only().next().is_some() {
            return Err(damaged());
        }
        for counted in frame.counted_only() {
            let (rank, kind) = counted?;
            let target = plan.target(rank).ok_or_else(damaged)?;
            if pass.done.insert(rank) {
                counters.count(&target, &Outcome::CountedOnly(kind));
                counters.resume(number);
            }
        }
        for finished in frame.finished {
            let Finished {
                ordinal,
                rank,
                mut outcomes,
            } = finished;
            let ordinal_is_valid = queue_len.map_or(ordinal == rank, |len| ordinal < len);
            if !ordinal_is_valid || !Outcome::are_complete(&outcomes) || !pass.done.insert(ordinal)
            {
                return Err(damaged());
            }
            let target = plan.target(rank).ok_or_else(damaged)?;
            for outcome in &mut outcomes {
                match outcome {
                    Outcome::Deferred(deferral) if deferral.rank != rank => {
                        return Err(damaged());
                    }
                    Outcome::Deferred(deferral) => pass.deferred.push(deferral)?,
                    Outcome::Record(report) => report.target = target.clone(),
                    _ => {}
                }
                counters.count(&target, outcome);
            }
            counters.resume(number);
            if !send(outcomes, reports).await {
                return Err(io::Error::other("the caller has dropped the scan"));
            }
        }
        if pass.done.low_water() < low_water {
            return Err(damaged());
        }
    }
    Ok(journal)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::ScanConfig;
    use crate::model::{FailureKind, Stage};
    use crate::scan::ledger::frame::{AttemptEntry, FrameBuilder};
    use crate::scan::ledger::outcome::Deferral;
    use crate::scan::plan::Turn;
    use crate::targets::{TargetOptions, TargetSetBuilder};

    /// Replays a checkpoint in which the target at rank 1 deferred what is at `rank`.
    async fn replay_of_deferral(rank: u64) -> io::Result<()> {
        let mut builder = TargetSetBuilder::new(TargetOptions::default());
        builder.argument("192.0.2.0/30 ports=6443");
        let targets = Arc::new(builder.build().unwrap());
        let config = ScanConfig::default();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint");
        let checkpoint = Checkpoint::create(&path, &config, &targets).unwrap();
        let deferral = Outcome::Deferred(Deferral {
            rank,
            address: None,
            stage: Stage::Connect,
            kind: FailureKind::TimedOut,
        });
        let turn = Turn {
            pass: 0,
            ordinal: 1,
            rank: 1,
        };
        let mut frame = FrameBuilder::default();
        frame.add(turn, AttemptEntry::new(turn, &[deferral]).unwrap());
        let (_, mut journal) = checkpoint.open().unwrap();
        journal.append(&frame.encode(0, 0).unwrap()).unwrap();
        drop(journal);
        let checkpoint = Checkpoint::resume(&path, &config, &targets).unwrap();
        let counters = Counters::new(&targets);
        let plan = Plan::new(targets, &config);
        let mut passes = [ResumedPass::default(), ResumedPass::default()];
        let (reports, _received) = mpsc::channel(1);
        replay(checkpoint, &mut passes, &plan, &counters, &reports).await?;
        assert_eq!(passes[0].deferred.len(), 1);
        Ok(())
    }

    #[tokio::test]
    async fn a_retry_is_one_of_the_target_that_deferred_it() {
        replay_of_deferral(1).await.unwrap();
        for other in [0, 2, 1000] {
            assert!(replay_of_deferral(other).await.is_err(), "{other}");
        }
    }
}
