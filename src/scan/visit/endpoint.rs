//! One endpoint: admission, connect, probe, identify, assess.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::net::TcpStream;

use super::attempt::{Attempt, endpoint_of};
use super::doubtful;
use super::probes::Probes;
use super::record::record;
use crate::advise::Egress;
use crate::assess::assess;
use crate::config::ScanConfig;
use crate::error::Error;
use crate::identify::{self, identify};
use crate::model::{
    Endpoint, EndpointReport, Failure, FailureKind, Host, Recheck, Stage, Timings, Verdict,
};
use crate::probe::Dialled;
use crate::scan::admission::{Dialer, Redialer};
use crate::scan::ledger::Outcome;

/// Visits endpoints.
pub(super) struct Endpoints {
    pub(super) dialer: Dialer,
    probes: Probes,
    recheck_pause: Duration,
    egress: Egress,
    /// Whether the identification is prepared, or that was begun.
    is_prepared: AtomicBool,
}

/// Where one endpoint of a target is, and how that was found out.
pub(super) struct Location {
    pub(super) host: Host,
    /// How long the name took to resolve; `None` if nothing was resolved.
    pub(super) resolve: Option<Duration>,
    /// What the name is an alias of.
    pub(super) aliases: Arc<[Arc<str>]>,
}

/// Does work. Its panic becomes a failure.
pub(in crate::scan) fn catch_panic<T>(
    work: impl Future<Output = T>,
) -> impl Future<Output = Result<T, Failure>> {
    // Not an async function: that would keep room for its argument twice.
    AssertUnwindSafe(work).catch_unwind().map(|done| {
        done.map_err(|panic| {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_default();
            Failure::new(Stage::Internal, FailureKind::Panic, text)
        })
    })
}

impl Endpoints {
    pub(super) fn new(config: &ScanConfig) -> Result<Self, Error> {
        Ok(Self {
            dialer: Dialer::new(config),
            probes: Probes::new(config)?,
            recheck_pause: config.recheck_pause,
            egress: Egress::new(config),
            is_prepared: AtomicBool::new(false),
        })
    }

    /// Waits for admission and asks the endpoint. `None` if the scan was stopped before anything was sent;
    /// the wait itself is given up only if the attempt `may_give_up`.
    pub(super) async fn visit(
        &self,
        attempt: &Attempt<'_>,
        location: Location,
        may_give_up: bool,
    ) -> Option<Outcome> {
        let Location {
            host,
            resolve,
            aliases,
        } = location;
        let target = attempt.target;
        let throttle = &self.dialer.throttle;
        let admission = async {
            let under_caps = throttle.caps.acquire(&host).await;
            (under_caps, throttle.acquire().await)
        };
        let (_under_caps, permit) = tokio::select! {
            biased;
            () = attempt.stop.stopped(), if may_give_up => return None,
            admitted = admission => admitted,
        };
        let _in_flight = attempt.counters.in_flight();
        let endpoint = endpoint_of(target, host.clone());
        let Dialled { stream, took } = self.dialer.connect(&endpoint, permit, attempt.stop).await;
        let total = took + resolve.unwrap_or_default();
        let timings = Timings {
            resolve,
            connect: Some(took),
            total,
            ..Timings::default()
        };
        let stream = match stream {
            Ok(stream) => stream,
            Err(failure) if attempt.was_interrupted(&failure) => return None,
            Err(failure) => return Some(attempt.failed(Some(endpoint), failure, timings)),
        };
        self.ask(attempt, endpoint, aliases, stream, timings).await
    }

    /// Asks an endpoint over an open connection. `None` if the scan was stopped before anything was known.
    pub(super) async fn ask(
        &self,
        attempt: &Attempt<'_>,
        endpoint: Endpoint,
        aliases: Arc<[Arc<str>]>,
        stream: TcpStream,
        timings: Timings,
    ) -> Option<Outcome> {
        let (target, throttle) = (attempt.target, &self.dialer.throttle);
        let probing = Box::pin(self.probe(attempt, endpoint.clone(), aliases, stream, timings));
        let (report, own_side_failure) = match catch_panic(probing).await {
            Ok(probed) => probed,
            Err(failure) => {
                let report = EndpointReport::without_answer(
                    target.clone(),
                    Some(endpoint),
                    failure,
                    timings,
                );
                return Some(Outcome::Record(Box::new(report)));
            }
        };
        if own_side_failure
            .as_ref()
            .is_some_and(|failure| attempt.was_interrupted(failure))
        {
            return None;
        }
        if self.dialer.connector.is_proxied()
            && let Some(failure) = doubtful::without_target_bytes(&report)
        {
            return Some(attempt.failed(Some(endpoint), failure, timings));
        }
        if let Some(failure) = report.failure.as_ref().or(own_side_failure.as_ref()) {
            if matches!(failure.kind, FailureKind::Deadline | FailureKind::TimedOut) {
                throttle.did_not_answer(&endpoint.host);
            }
            if attempt.can_retry(failure) {
                return Some(attempt.defer(Some(&endpoint), failure));
            }
        }
        // These verdicts rest on missing signs, and a request that failed on our own side may have shown one.
        let rests_on_missing_signs =
            matches!(report.verdict, Verdict::NotApiServer | Verdict::Unreachable);
        if let Some(own_side_failure) = own_side_failure.filter(|_| rests_on_missing_signs) {
            return Some(attempt.failed(Some(endpoint), own_side_failure, timings));
        }
        tracing::debug!(%target, "{}: {} ({endpoint})", report.verdict, report.reason);
        Some(Outcome::Record(report))
    }

    /// Probes, identifies and assesses, and rechecks once if the assessment asks for it. Returns the record, and the
    /// failure on our own side that may have changed its verdict, if any.
    async fn probe(
        &self,
        attempt: &Attempt<'_>,
        endpoint: Endpoint,
        aliases: Arc<[Arc<str>]>,
        stream: TcpStream,
        before: Timings,
    ) -> (Box<EndpointReport>, Option<Failure>) {
        // Beside the first handshake, and not earlier: a large range may accept no connection at all.
        if !self.is_prepared.swap(true, Ordering::Relaxed) {
            tokio::task::spawn_blocking(identify::prepare);
        }
        let target = attempt.target;
        let dial = Redialer {
            dialer: &self.dialer,
            stop: attempt.stop,
        };
        let mut observation = self.probes.first(attempt, &dial, stream, &endpoint).await;
        if Probes::may_be_plain_http(attempt, &observation) {
            observation = Box::pin(self.probes.in_plain_http(&dial, observation)).await;
        }
        let endpoint = observation.endpoint.clone();
        let mut recheck_failure = None;
        observation.aliases = aliases;
        // Lets other probes read what has come, so that many are concluded one after the other: the processor then has the
        // code for it at hand.
        tokio::task::yield_now().await;
        let mut identification = identify(&observation);
        let mut assessment = assess(&observation, &identification);
        if let Some(Recheck { why, after }) = assessment.recheck.take() {
            tracing::info!(%target, "asked again after a pause: {why}");
            let pause = after.unwrap_or(self.recheck_pause);
            match Box::pin(self.probes.recheck(&dial, &endpoint, pause)).await {
                Ok(second) => {
                    observation.absorb(second);
                    identification = identify(&observation);
                    assessment = assess(&observation, &identification);
                }
                Err(failure) => recheck_failure = Some(failure),
            }
        }
        self.probes.check_authorities(target, &mut observation);
        observation.timings = Timings {
            tls: observation.timings.tls,
            total: before.total + observation.timings.total,
            ..before
        };
        let own_side_failure =
            doubtful::affecting_verdict(&observation, assessment.verdict, recheck_failure.as_ref());
        (
            record(
                target,
                observation,
                identification,
                assessment,
                &self.egress,
            ),
            own_side_failure,
        )
    }
}
