//! What a checkpoint says was finished, done again on paper: counted, queued, and handed to the
//! caller.

use std::io;

use tokio::sync::mpsc;

use super::checkpoint::Checkpoint;
use super::job::{Job, send};
use super::journal::Journal;
use super::ledger::{Done, Finished, Note, kind, numbers};
use super::outcome::Outcome;
use super::queue::{Put, Queue};
use crate::model::{EndpointReport, Gap, Target, Unasked};
use crate::record;

/// What is known of a pass before it runs.
pub(super) struct Replayed {
    pub(super) done: Done,
    /// What it has put off already.
    pub(super) queue: Queue,
}

/// Reads the checkpoint's frames; gives the state of every pass, and the journal to go on with.
pub(super) async fn replay(
    job: &Job,
    checkpoint: Option<Checkpoint>,
    reports: &mpsc::Sender<EndpointReport>,
) -> io::Result<(Vec<Replayed>, Option<Journal>)> {
    let mut passes: Vec<Replayed> = (0..=job.config.retries)
        .map(|_| Replayed {
            done: Done::default(),
            queue: Queue::new(),
        })
        .collect();
    let Some(checkpoint) = checkpoint else {
        return Ok((passes, None));
    };
    let (mut frames, journal) = checkpoint.open()?;
    while let Some(frame) = frames.next()? {
        let number = frame.pass;
        let at = usize::try_from(number)
            .ok()
            .filter(|at| *at < passes.len())
            .ok_or_else(damaged)?;
        let (before, rest) = passes.split_at_mut(at);
        // A later pass has the numbers of what the one before put off.
        let put_off = before.last().map(|before| before.queue.len());
        let pass = rest.first_mut().ok_or_else(damaged)?;
        if put_off.is_some() && !frame.silent.is_empty() {
            return Err(damaged());
        }
        for (silent, distances) in &frame.silent {
            let kind = kind(*silent).ok_or_else(damaged)?;
            for place in numbers(distances) {
                let place = place.ok_or_else(damaged)?;
                let target = job.target(place).ok_or_else(damaged)?;
                if pass.done.insert(place) {
                    job.tally.count(&target, &Outcome::Silent(kind));
                    job.tally.resumed(number);
                }
            }
        }
        for Finished {
            ordinal,
            place,
            notes,
        } in frame.finished
        {
            let numbered = put_off.map_or(ordinal == place, |put_off| ordinal < put_off);
            if !numbered || !adds_up(&notes) || !pass.done.insert(ordinal) {
                return Err(damaged());
            }
            let target = job.target(place).ok_or_else(damaged)?;
            // All are read before one is counted: what counts, counts as a whole.
            let outcomes = notes.into_iter().map(|note| outcome(note, &target));
            let outcomes = outcomes.collect::<io::Result<Vec<_>>>()?;
            for outcome in &outcomes {
                if let Outcome::Deferred(deferral) = outcome {
                    pass.queue.push(&Put::new(place, deferral))?;
                }
                job.tally.count(&target, outcome);
            }
            job.tally.resumed(number);
            if !send(outcomes, reports).await {
                return Err(io::Error::other("nobody listens"));
            }
        }
        if pass.done.low_water() < frame.low_water {
            return Err(damaged());
        }
    }
    Ok((passes, Some(journal)))
}

/// Whether it is one outcome for the target, and one for each further address that it says there is. An
/// address that was not asked is one too; half of a lookup is none.
fn adds_up(notes: &[Note]) -> bool {
    let (mut expected, mut outcomes) = (Some(1_u64), Some(0_u64));
    for note in notes {
        let (sum, count) = match note {
            Note::Further(count) => (&mut expected, *count),
            Note::Unasked(why, count, _) => {
                let address = Gap::ALL
                    .get(usize::from(*why))
                    .is_some_and(|why| why.is_address());
                (&mut outcomes, if address { *count } else { 0 })
            }
            Note::Silent(_) | Note::Record(_) | Note::Deferred(_) => (&mut outcomes, 1),
        };
        *sum = sum.and_then(|sum| sum.checked_add(count));
    }
    expected.is_some() && expected == outcomes
}

fn outcome(note: Note, target: &Target) -> io::Result<Outcome> {
    Ok(match note {
        Note::Silent(number) => Outcome::Silent(kind(number).ok_or_else(damaged)?),
        Note::Record(line) => {
            let mut report = record::from_line(&line).map_err(io::Error::other)?;
            report.target = target.clone();
            Outcome::Record(Box::new(report))
        }
        Note::Unasked(why, count, examples) => {
            let why = Gap::ALL
                .get(usize::from(why))
                .copied()
                .ok_or_else(damaged)?;
            Outcome::Unasked(Unasked {
                why,
                count,
                examples: examples.into_iter().collect(),
            })
        }
        Note::Further(count) => Outcome::Further(count),
        Note::Deferred(put) => Outcome::Deferred(put.deferral().ok_or_else(damaged)?),
    })
}

/// Records with a right checksum that say what cannot be.
fn damaged() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "the checkpoint contradicts itself; begin anew without it",
    )
}
