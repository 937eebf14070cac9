//! The passes of a scan: one over all targets, then passes at half the rate that retry what timed out, was reset or
//! failed on our own side.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::ledger::{Checkpoint, Done, Ledger, ResumedPass, RetryReader, replay};
use super::run::Run;
use super::stop::Stop;
use super::turns::{TurnSource, Turns};
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
    let mut resumed: Vec<ResumedPass> = (0..=run.config.retries)
        .map(|_| ResumedPass::default())
        .collect();
    let mut ended_before = false;
    let mut flusher = None;
    if let Some(checkpoint) = checkpoint {
        ended_before = checkpoint.ended().is_some();
        let (plan, counters) = (&run.plan, &run.counters);
        let journal = replay(checkpoint, &mut resumed, plan, counters, &run.reports).await?;
        run.ledger.write_to(journal);
        let flush = flush_often(Arc::clone(&run.ledger), run.stop.clone());
        flusher = Some(tokio::spawn(flush));
    }
    let mut result = run_passes(run, resumed).await;
    if let Some(flusher) = flusher {
        flusher.abort();
    }
    if run.counters.could_not_scan() && !run.stop.is_stopped() {
        run.stop
            .fail(run.pipeline.own_side_failures().could_not_scan_message());
    }
    if result.is_ok() && !ended_before && !run.is_over() {
        result = run.ledger.end();
    }
    // The checkpoint keeps the finished targets even if an error stopped the scan.
    let written = run.ledger.flush();
    result.and(written)
}

async fn run_passes(run: &Arc<Run>, resumed: Vec<ResumedPass>) -> io::Result<()> {
    let mut passes = (0..).zip(resumed);
    while let Some((pass, resumed)) = passes.next() {
        let done = resumed.done.clone();
        let retries = run.ledger.begin(pass, resumed)?;
        let (source, share) = if pass == 0 {
            let (next, end) = (done.low_water(), run.plan.len());
            (TurnSource::All { next, end }, 1.0)
        } else {
            (TurnSource::Retries(retries.into_reader()?), RETRY_SHARE)
        };
        run.pipeline.throttle().set_share(share);
        run.pipeline.resolver().forget_temporary_failures();
        let turns = Arc::new(Turns::new(pass, source, done));
        Workers::new(Arc::clone(run), Arc::clone(&turns))
            .work()
            .await?;
        if run.stop.is_stopped() {
            let later = passes.map(|(_, resumed)| resumed).collect();
            return give_up_retries(run, pass, &turns, later).await;
        }
    }
    Ok(())
}

/// Gives up the retries that the stopped scan will not make. A previous run may already have begun a `later` pass;
/// what it finished there counts.
async fn give_up_retries(
    run: &Run,
    pass: u32,
    turns: &Turns,
    later: Vec<ResumedPass>,
) -> io::Result<()> {
    let done = run.ledger.done();
    let mut deferred = run.ledger.begin(pass + 1, ResumedPass::default())?;
    if let Some(mut retries) = turns.take_retries()? {
        give_up_all(run, &mut retries, &done).await?;
    }
    for resumed in later {
        give_up_all(run, &mut deferred.into_reader()?, &resumed.done).await?;
        deferred = resumed.deferred;
    }
    give_up_all(run, &mut deferred.into_reader()?, &Done::default()).await
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
