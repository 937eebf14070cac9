//! The passes of a scan: once over everything, then again, at half the rate, over what timed out,
//! was reset, or could not be asked because this machine was short of something.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};

use super::attempt::{Attempt, endpoint_of};
use super::checkpoint::Checkpoint;
use super::ledger::{Done, Ledger, Turn};
use super::outcome::{Deferral, Outcome};
use super::pace::Pace;
use super::pass::{Kind, Next, Pass, Source};
use super::pipeline::Pipeline;
use super::queue::{Queue, Reader};
use super::replay::{Replayed, replay};
use super::stop::Stop;
use super::tally::Tally;
use crate::config::ScanConfig;
use crate::model::{EndpointReport, Host, Target, Timings};
use crate::targets::{Permutation, TargetSet};

/// The share of the rate at which is asked again.
pub(super) const AGAIN: f64 = 0.5;
/// How often what was finished goes to the checkpoint; a kill costs what came since.
const FLUSH: Duration = Duration::from_millis(400);

/// How soon another name is looked for where enough addresses wait.
const LOOK_AHEAD_AGAIN: Duration = Duration::from_millis(50);

/// What the workers of one pass share.
#[derive(Clone)]
struct Work {
    pass: Arc<Pass>,
    kind: Kind,
    ledger: Arc<Ledger>,
    reports: mpsc::Sender<EndpointReport>,
}

/// What the workers of one scan share.
pub(super) struct Job {
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) targets: Arc<TargetSet>,
    pub(super) order: Option<Permutation>,
    pub(super) config: Arc<ScanConfig>,
    pub(super) stop: Stop,
    pub(super) tally: Arc<Tally>,
}

impl Job {
    /// How many targets this scan asks.
    pub(super) fn len(&self) -> u64 {
        self.config.shard.share(self.targets.len())
    }

    /// Whether a name is at this place of the first pass.
    pub(super) fn is_name(&self, place: u64) -> bool {
        self.targets.is_name(self.index(place))
    }

    /// The index in the set of a place of the first pass.
    fn index(&self, place: u64) -> u64 {
        let position = self.config.shard.position(place);
        self.order
            .as_ref()
            .map_or(position, |order| order.nth(position))
    }

    /// The target at a place of the first pass.
    pub(super) fn target(&self, place: u64) -> Option<Target> {
        if place >= self.len() {
            return None;
        }
        self.targets.get(self.index(place))
    }

    fn keep(&self, target: &Target) -> bool {
        target.named || self.config.keep_all
    }

    /// Runs every pass; ends when all is done, the scan is stopped and drained, or nobody listens.
    pub(super) async fn run(
        self: Arc<Self>,
        checkpoint: Option<Checkpoint>,
        reports: mpsc::Sender<EndpointReport>,
    ) {
        if let Err(error) = self.passes(checkpoint, &reports).await {
            self.stop
                .fail(format!("cannot write down what was found: {error}"));
        }
    }

    async fn passes(
        self: &Arc<Self>,
        checkpoint: Option<Checkpoint>,
        reports: &mpsc::Sender<EndpointReport>,
    ) -> io::Result<()> {
        let ended_before = checkpoint
            .as_ref()
            .is_some_and(|checkpoint| checkpoint.ended().is_some());
        let (replayed, journal) = replay(self, checkpoint, reports).await?;
        let ledger = Arc::new(Ledger::new(Arc::clone(&self.tally), journal));
        let flusher = tokio::spawn(flush_often(Arc::clone(&ledger), self.stop.clone()));
        let mut outcome = self.all(replayed, &ledger, reports).await;
        flusher.abort();
        if self.tally.could_not_scan() && !self.stop.is_stopped() {
            self.stop
                .fail(self.pipeline.dialer.own_side.could_not_scan());
        }
        if outcome.is_ok() && !ended_before && !self.stop.is_stopped() && !reports.is_closed() {
            outcome = ledger.end();
        }
        // What is finished is kept, whatever stopped the rest.
        let kept = ledger.flush();
        outcome.and(kept)
    }

    async fn all(
        self: &Arc<Self>,
        replayed: Vec<Replayed>,
        ledger: &Arc<Ledger>,
        reports: &mpsc::Sender<EndpointReport>,
    ) -> io::Result<()> {
        let mut replayed = (0..).zip(replayed);
        while let Some((number, Replayed { done, queue })) = replayed.next() {
            let before = ledger.begin(number, done.clone(), queue)?;
            let source = if number == 0 {
                Source::Everything {
                    next: done.low_water(),
                    end: self.len(),
                }
            } else {
                self.tally.again(number, before.len());
                Source::Again(before.read()?)
            };
            self.pipeline
                .throttle()
                .set_share(if number == 0 { 1.0 } else { AGAIN });
            self.pipeline.names().forget();
            let last = number == self.config.retries;
            let pass = Arc::new(Pass::new(number, last, source, done));
            self.pass(&pass, ledger, reports).await?;
            if self.stop.is_stopped() {
                let later = replayed.map(|(_, later)| later).collect();
                return self.drain(&pass, later, ledger, reports).await;
            }
        }
        Ok(())
    }

    /// Runs one pass: the addresses, and beside them the names.
    async fn pass(
        self: &Arc<Self>,
        pass: &Arc<Pass>,
        ledger: &Arc<Ledger>,
        reports: &mpsc::Sender<EndpointReport>,
    ) -> io::Result<()> {
        let work = |kind| Work {
            pass: Arc::clone(pass),
            kind,
            ledger: Arc::clone(ledger),
            reports: reports.clone(),
        };
        let (addresses, names) = tokio::join!(
            self.addresses(work(Kind::Address)),
            self.names(work(Kind::Name))
        );
        addresses.and(names)
    }

    /// Runs the workers of the addresses: another one whenever those there are leave room at the gate, so
    /// that there are as many as have something to wait for.
    async fn addresses(self: &Arc<Self>, work: Work) -> io::Result<()> {
        let left = work.pass.len().saturating_sub(work.pass.done.count());
        let mut wanted = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(self.config.connections());
        let mut running = JoinSet::new();
        let mut outcome = Ok(());
        loop {
            tokio::select! {
                () = self.pipeline.throttle().room_at_the_gate(), if wanted > 0 => {
                    wanted -= 1;
                    running.spawn(Arc::clone(self).work(work.clone()));
                    // It comes to the gate before another is asked for.
                    tokio::task::yield_now().await;
                }
                Some(ended) = running.join_next() => {
                    // Nothing is left to begin, or nothing more is to be begun.
                    wanted = 0;
                    outcome = outcome.and(self.ended(ended));
                }
                else => return outcome,
            }
        }
    }

    /// Runs a task for each name, as many as may be looked up at once. They begin no faster than
    /// connections do: name servers drop what comes in bursts, and it would be no use.
    async fn names(self: &Arc<Self>, work: Work) -> io::Result<()> {
        if !self.targets.has_names() {
            return Ok(());
        }
        let most = self.config.lookups.min(self.config.concurrency);
        let pace = Pace::new(f64::from(self.config.rate));
        let mut running = JoinSet::new();
        let mut outcome = Ok(());
        while outcome.is_ok() && !self.stop.is_stopped() && !work.reports.is_closed() {
            if running.len() >= most {
                let Some(ended) = running.join_next().await else {
                    break;
                };
                outcome = self.ended(ended);
                continue;
            }
            match work.pass.next(self, work.kind)? {
                Next::Turn(turn) => {
                    pace.turn().await;
                    running.spawn(
                        Arc::clone(self)
                            .one(turn, work.clone())
                            .map(|went| went.map(drop)),
                    );
                }
                Next::Later => tokio::time::sleep(LOOK_AHEAD_AGAIN).await,
                Next::End => break,
            }
        }
        while let Some(ended) = running.join_next().await {
            outcome = outcome.and(self.ended(ended));
        }
        outcome
    }

    /// What a worker or a name's task came to; the scan cannot go on after a failure.
    fn ended(&self, ended: Result<io::Result<()>, JoinError>) -> io::Result<()> {
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                self.stop
                    .fail(format!("cannot write down what was found: {error}"));
                return Err(error);
            }
            Err(panic) => self
                .stop
                .fail(format!("a defect in kubeknock, please report it: {panic}")),
        }
        Ok(())
    }

    async fn work(self: Arc<Self>, work: Work) -> io::Result<()> {
        while !self.stop.is_stopped() && !work.reports.is_closed() {
            match work.pass.next(&self, work.kind)? {
                Next::Turn(turn) => {
                    if !Arc::clone(&self).one(turn, work.clone()).await? {
                        break;
                    }
                }
                Next::Later => tokio::task::yield_now().await,
                Next::End => break,
            }
        }
        Ok(())
    }

    /// Asks one target, or what was put off of it; `false` if there is no point in going on.
    async fn one(
        self: Arc<Self>,
        (turn, again): (Turn, Option<Deferral>),
        work: Work,
    ) -> io::Result<bool> {
        let Some(target) = self.target(turn.place) else {
            return Ok(false);
        };
        let attempt = Attempt {
            target: &target,
            scope: Some(&self.targets),
            keep: self.keep(&target),
            last: work.pass.last,
            stop: &self.stop,
            tally: &self.tally,
        };
        let only = again.and_then(|deferral| deferral.address);
        let Some(outcomes) = self.pipeline.knock(&attempt, only).await else {
            return Ok(false);
        };
        let written = work.ledger.finish(turn, &target, &outcomes);
        self.tally.end(turn.pass);
        // What is counted is handed on, written down or not.
        let heard = send(outcomes, &work.reports).await;
        written?;
        Ok(heard)
    }

    /// What was put off and will not be asked again: its last failure is what it came to. Not noted
    /// in the checkpoint, so that a scan that goes on asks it again. An earlier run may have been at
    /// a `later` pass already: what it finished there has its outcome.
    async fn drain(
        &self,
        pass: &Pass,
        later: Vec<Replayed>,
        ledger: &Ledger,
        reports: &mpsc::Sender<EndpointReport>,
    ) -> io::Result<()> {
        let done = ledger.done();
        let mut put_off = ledger.begin(pass.number() + 1, Done::default(), Queue::new())?;
        if let Some(mut reader) = pass.take_queue()? {
            self.give_up(&mut reader, &done, reports).await?;
        }
        for Replayed { done, queue } in later {
            self.give_up(&mut put_off.read()?, &done, reports).await?;
            put_off = queue;
        }
        self.give_up(&mut put_off.read()?, &Done::default(), reports)
            .await
    }

    async fn give_up(
        &self,
        reader: &mut Reader,
        done: &Done,
        reports: &mpsc::Sender<EndpointReport>,
    ) -> io::Result<()> {
        while let Some((ordinal, put)) = reader.next()? {
            if done.contains(ordinal) {
                continue;
            }
            let damaged = || io::Error::other("the queue is damaged");
            let target = self.target(put.place).ok_or_else(damaged)?;
            let outcome = self.given_up(target.clone(), put.deferral().ok_or_else(damaged)?);
            self.tally.give_up(&target, &outcome);
            if !send(vec![outcome], reports).await {
                break;
            }
        }
        Ok(())
    }

    fn given_up(&self, target: Target, deferral: Deferral) -> Outcome {
        if !self.keep(&target) {
            return Outcome::Silent(deferral.kind);
        }
        let host = match (&target.host, deferral.address) {
            (Host::Name(_), Some(address)) => Some(Host::Ip(address)),
            (Host::Name(_), None) if !self.pipeline.dialer.connector.resolves_names() => None,
            (host, _) => Some(host.clone()),
        };
        let endpoint = host.map(|host| endpoint_of(&target, host));
        let (failure, timings) = (deferral.failure(), Timings::default());
        Outcome::Record(Box::new(EndpointReport::without_answer(
            target, endpoint, failure, timings,
        )))
    }
}

/// Sends the records; `false` if nobody listens any more: the scan was dropped.
pub(super) async fn send(outcomes: Vec<Outcome>, reports: &mpsc::Sender<EndpointReport>) -> bool {
    for outcome in outcomes {
        if let Outcome::Record(report) = outcome
            && reports.send(*report).await.is_err()
        {
            return false;
        }
    }
    true
}

/// Writes the checkpoint often enough. A disk that is full stops the scan.
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::config::Shard;
    use crate::targets::{TargetOptions, TargetSetBuilder};

    static PIPELINE: LazyLock<Arc<Pipeline>> =
        LazyLock::new(|| Arc::new(Pipeline::new(&ScanConfig::default()).unwrap()));

    fn job(targets: &Arc<TargetSet>, seed: Option<u64>, shard: Shard) -> Job {
        Job {
            pipeline: Arc::clone(&PIPELINE),
            targets: Arc::clone(targets),
            order: seed.map(|seed| Permutation::new(targets.len(), seed)),
            config: Arc::new(ScanConfig {
                shard,
                ..ScanConfig::default()
            }),
            stop: Stop::default(),
            tally: Arc::new(Tally::of(targets)),
        }
    }

    fn set(specs: &[String], exclusions: &[String]) -> Option<Arc<TargetSet>> {
        let mut builder = TargetSetBuilder::new(TargetOptions::default());
        for spec in specs {
            builder.argument(spec);
        }
        for exclusion in exclusions {
            builder.exclude(exclusion);
        }
        // A set may be excluded as a whole.
        builder.build().ok().map(Arc::new)
    }

    fn specs(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<String>> {
        let one = prop_oneof![
            (0u8..4, 24u8..=32).prop_map(|(net, bits)| format!("192.0.{net}.0/{bits}")),
            (0u8..4, 0u8..200, 0u8..50)
                .prop_map(|(net, first, more)| format!("192.0.{net}.{first}-{}", first + more)),
            (0u8..20).prop_map(|host| format!("2001:db8::{host:x}")),
            (0u8..20).prop_map(|host| format!("host-{host}.example")),
        ];
        prop::collection::vec(one, count)
    }

    proptest! {
        #[test]
        fn shards_are_disjoint_complete_and_balanced(
            specs in specs(1..6),
            exclusions in specs(0..4),
            seed in prop::option::of(any::<u64>()),
            of in 1u32..40,
        ) {
            let Some(targets) = set(&specs, &exclusions) else { return Ok(()) };
            let mut seen = HashSet::new();
            let mut lengths = Vec::new();
            let mut excluded = 0;
            for number in 1..=of {
                let shard = Shard::new(number, of).unwrap();
                let job = job(&targets, seed, shard);
                for place in 0..job.len() {
                    prop_assert!(seen.insert(job.target(place).unwrap().index), "disjoint");
                }
                prop_assert!(job.target(job.len()).is_none());
                lengths.push(job.len());
                excluded += shard.share(targets.excluded());
            }
            prop_assert_eq!(seen.len() as u64, targets.len(), "complete");
            prop_assert_eq!(excluded, targets.excluded());
            prop_assert!(lengths.iter().max().unwrap() - lengths.iter().min().unwrap() <= 1, "balanced");
        }
    }
}
