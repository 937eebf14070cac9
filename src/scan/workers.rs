//! The workers of one pass: long-lived ones for the addresses, and a task for each name.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};

use super::admission::RateLimiter;
use super::run::Run;
use super::turns::{Next, TargetKind, Turns};

/// The pause before the next search for a name when enough addresses are set aside.
const SEARCH_PAUSE: Duration = Duration::from_millis(50);

/// The workers of one pass.
#[derive(Clone)]
pub(super) struct Workers {
    run: Arc<Run>,
    turns: Arc<Turns>,
}

impl Workers {
    pub(super) const fn new(run: Arc<Run>, turns: Arc<Turns>) -> Self {
        Self { run, turns }
    }

    /// Works until every turn is taken, or the scan is over.
    pub(super) async fn work(&self) -> io::Result<()> {
        let (addresses, names) = tokio::join!(self.addresses(), self.names());
        addresses.and(names)
    }

    /// Runs the address workers. Another one is started whenever the others leave room, so that there are
    /// as many as have something to wait for.
    async fn addresses(&self) -> io::Result<()> {
        let remaining = usize::try_from(self.turns.remaining()).unwrap_or(usize::MAX);
        let mut wanted = remaining.min(self.run.config.connections());
        let mut running = JoinSet::new();
        let mut result = Ok(());
        loop {
            tokio::select! {
                () = self.run.pipeline.throttle().permits.wait_for_room(), if wanted > 0 => {
                    wanted -= 1;
                    running.spawn(self.clone().address_worker());
                    // The worker asks for its permit before another one is started.
                    tokio::task::yield_now().await;
                }
                Some(ended) = running.join_next() => {
                    // A worker ends when no turn is left, or the scan is over.
                    wanted = 0;
                    result = result.and(self.ended(ended));
                }
                else => return result,
            }
        }
    }

    async fn address_worker(self) -> io::Result<()> {
        while !self.run.is_over() {
            match self.turns.next(&self.run.plan, TargetKind::Address)? {
                Next::Turn(turn, deferral) => {
                    if !self.run.attempt(turn, deferral).await? {
                        break;
                    }
                }
                Next::Later => tokio::task::yield_now().await,
                Next::End => break,
            }
        }
        Ok(())
    }

    /// Runs a task for each name, as many as may be looked up at once. They start no faster than
    /// connections do: name servers drop bursts.
    async fn names(&self) -> io::Result<()> {
        if !self.run.plan.targets.has_names() {
            return Ok(());
        }
        let config = &self.run.config;
        let most = config.lookups.min(config.concurrency);
        let limiter = RateLimiter::new(f64::from(config.rate));
        let mut running = JoinSet::new();
        let mut result = Ok(());
        while result.is_ok() && !self.run.is_over() {
            if running.len() >= most {
                let Some(ended) = running.join_next().await else {
                    break;
                };
                result = self.ended(ended);
                continue;
            }
            match self.turns.next(&self.run.plan, TargetKind::Name)? {
                Next::Turn(turn, deferral) => {
                    limiter.wait_to_start().await;
                    let run = Arc::clone(&self.run);
                    running.spawn(async move { run.attempt(turn, deferral).await.map(drop) });
                }
                Next::Later => tokio::time::sleep(SEARCH_PAUSE).await,
                Next::End => break,
            }
        }
        while let Some(ended) = running.join_next().await {
            result = result.and(self.ended(ended));
        }
        result
    }

    /// Stops the scan if a worker failed.
    fn ended(&self, ended: Result<io::Result<()>, JoinError>) -> io::Result<()> {
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                self.run.fail_to_record(&error);
                return Err(error);
            }
            Err(panic) => self
                .run
                .stop
                .fail(format!("a defect in kubeknock, please report it: {panic}")),
        }
        Ok(())
    }
}
