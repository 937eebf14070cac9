//! The workers of one pass: a [sweep](super::sweep) for the addresses, and a task for each target that needs more than
//! a connect.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};

use super::admission::RateLimiter;
use super::run::Run;
use super::sweep::Sweep;
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

    /// Connects to the addresses, and goes on with those that accept.
    async fn addresses(&self) -> io::Result<()> {
        let config = &self.run.config;
        if config.proxy.is_some() {
            return self
                .each(TargetKind::Address, config.connections(), None)
                .await;
        }
        let (run, turns) = (Arc::clone(&self.run), Arc::clone(&self.turns));
        let sweep = match Sweep::new(run, turns) {
            Ok(sweep) => sweep,
            Err(error) => {
                let stop = &self.run.stop;
                stop.fail(format!("cannot watch connections: {error}"));
                return Ok(());
            }
        };
        self.ended(tokio::task::spawn_blocking(move || sweep.run()).await)
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
        self.each(TargetKind::Name, most, Some(limiter)).await
    }

    /// Runs a task for each target of a kind, so many at once.
    async fn each(
        &self,
        kind: TargetKind,
        most: usize,
        limiter: Option<RateLimiter>,
    ) -> io::Result<()> {
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
            match self.turns.next(&self.run.plan, kind)? {
                Next::Turn(turn, deferral) => {
                    if let Some(limiter) = &limiter {
                        limiter.wait_to_start().await;
                    }
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
            Err(panic) => self.run.fail_with_defect(&panic),
        }
        Ok(())
    }
}
