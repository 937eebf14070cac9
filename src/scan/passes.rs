//! The passes of a scan: one over all targets, then retries at half the rate, of what timed out, was reset
//! or failed on this side.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::ledger::{Checkpoint, Done, Earlier, Ledger, RetryReader, replay};
use super::run::Run;
use super::stop::Stop;
use super::turns::{Source, Turns};
use super::workers::Workers;

/// The share of the rate for retries.
const RETRY_SHARE: f64 = 0.5;
/// How often the checkpoint is written. A killed scan loses the results since then.
const FLUSH: Duration = Duration::from_millis(400);

/// Runs every pass. Ends when all is done, when the scan is stopped and the targets in flight are
/// finished, or when the caller drops the scan.
pub(super) async fn run(run: Arc<Run>, checkpoint: Option<Checkpoint>) {
    if let Err(error) = run_recorded(&run, checkpoint).await {
        run.fail_to_record(&error);
    }
}

async fn run_recorded(run: &Arc<Run>, checkpoint: Option<Checkpoint>) -> io::Result<()> {
    let mut earlier: Vec<Earlier> = (0..=run.config.retries)
        .map(|_| Earlier::default())
        .collect();
    let mut ended_before = false;
    if let Some(checkpoint) = checkpoint {
        ended_before = checkpoint.ended().is_some();
        let (plan, counters) = (&run.plan, &run.counters);
        let journal = replay(checkpoint, &mut earlier, plan, counters, &run.reports).await?;
        run.ledger.write_to(journal);
    }
    let flusher = tokio::spawn(flush_often(Arc::clone(&run.ledger), run.stop.clone()));
    let mut result = run_passes(run, earlier).await;
    flusher.abort();
    if run.counters.could_not_scan() && !run.stop.is_stopped() {
        run.stop
            .fail(run.pipeline.local_failures().could_not_scan());
    }
    if result.is_ok() && !ended_before && !run.is_over() {
        result = run.ledger.end();
    }
    // What is finished is kept, whatever stopped the rest.
    let written = run.ledger.flush();
    result.and(written)
}

async fn run_passes(run: &Arc<Run>, earlier: Vec<Earlier>) -> io::Result<()> {
    let mut earlier = (0..).zip(earlier);
    while let Some((pass, before)) = earlier.next() {
        let done = before.done.clone();
        let retries = run.ledger.begin(pass, before)?;
        let (source, share) = if pass == 0 {
            let (next, end) = (done.low_water(), run.plan.len());
            (Source::All { next, end }, 1.0)
        } else {
            (Source::Retries(retries.read()?), RETRY_SHARE)
        };
        run.pipeline.throttle().set_share(share);
        run.pipeline.resolver().forget();
        let turns = Arc::new(Turns::new(pass, source, done));
        Workers::new(Arc::clone(run), Arc::clone(&turns))
            .work()
            .await?;
        if run.stop.is_stopped() {
            let later = earlier.map(|(_, later)| later).collect();
            return give_up_retries(run, pass, &turns, later).await;
        }
    }
    Ok(())
}

/// Gives up the retries that the stopped scan will not make. An earlier run may have come to a `later` pass
/// already; its results count.
async fn give_up_retries(
    run: &Run,
    pass: u32,
    turns: &Turns,
    later: Vec<Earlier>,
) -> io::Result<()> {
    let done = run.ledger.done();
    let mut deferred = run.ledger.begin(pass + 1, Earlier::default())?;
    if let Some(mut retries) = turns.take_retries()? {
        give_up_all(run, &mut retries, &done).await?;
    }
    for earlier in later {
        give_up_all(run, &mut deferred.read()?, &earlier.done).await?;
        deferred = earlier.deferred;
    }
    give_up_all(run, &mut deferred.read()?, &Done::default()).await
}

async fn give_up_all(run: &Run, retries: &mut RetryReader, done: &Done) -> io::Result<()> {
    while let Some((ordinal, deferral)) = retries.next()? {
        if !done.contains(ordinal) && !run.give_up(deferral).await? {
            break;
        }
    }
    Ok(())
}

/// Writes the checkpoint from time to time. A full disk stops the scan.
async fn flush_often(ledger: Arc<Ledger>, stop: Stop) {
    loop {
        tokio::time::sleep(FLUSH).await;
        let ledger = Arc::clone(&ledger);
        match tokio::task::spawn_blocking(move || ledger.flush()).await {
            Ok(Err(error)) => return stop.fail(format!("cannot write the checkpoint: {error}")),
            Err(_) => return,
            Ok(Ok(())) => {}
        }
    }
}
