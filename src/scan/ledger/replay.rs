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

/// What earlier runs did of a pass.
#[derive(Default)]
pub(in crate::scan) struct Earlier {
    pub(in crate::scan) done: Done,
    /// What the pass has deferred.
    pub(in crate::scan) deferred: RetryQueue,
}

/// Reads the checkpoint's frames into `passes`. Returns the journal to which the rest is written.
pub(in crate::scan) async fn replay(
    checkpoint: Checkpoint,
    passes: &mut [Earlier],
    plan: &Plan,
    counters: &Counters,
    reports: &mpsc::Sender<EndpointReport>,
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
        // A later pass numbers what the pass before it deferred.
        let retries = before.last().map(|before| before.deferred.len());
        let pass = rest.first_mut().ok_or_else(damaged)?;
        for silent in frame.silent() {
            let (place, kind) = silent?;
            let target = plan.target(place).ok_or_else(damaged)?;
            if retries.is_some() {
                return Err(damaged());
            }
            if pass.done.insert(place) {
                counters.count(&target, &Outcome::Silent(kind));
                counters.resume(number);
            }
        }
        for finished in frame.finished {
            let Finished {
                ordinal,
                place,
                mut outcomes,
            } = finished;
            let is_numbered = retries.map_or(ordinal == place, |retries| ordinal < retries);
            if !is_numbered || !Outcome::are_complete(&outcomes) || !pass.done.insert(ordinal) {
                return Err(damaged());
            }
            let target = plan.target(place).ok_or_else(damaged)?;
            for outcome in &mut outcomes {
                match outcome {
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
