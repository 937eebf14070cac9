//! One target's way through the stages, from its name to its records.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use crate::assess::assess;
use crate::config::{MAX_PAUSE, ScanConfig};
use crate::error::Error;
use crate::identify::{self, Answered, identify, posture, remedy};
use crate::model::{
    Endpoint, EndpointReport, Failure, FailureKind, Host, Observation, SecondLook, Stage, Target, Timings,
    Verdict,
};
use crate::probe::{Dial, Prober};
use crate::resolve::{Names, Resolved};
use crate::sweep::Sweep;
use crate::targets::Exclusions;

use super::pace::Pace;
use super::tally::Tally;

/// Looks at once: a handshake costs this machine's processor, and a crowd of them would make
/// servers look slow.
const MAX_PROBES: usize = 256;
/// The pauses between attempts while this machine is short of something.
const SHORTAGE_PAUSE: Duration = Duration::from_millis(50);
/// How often a shortage is waited out before it is reported as such.
const SHORTAGE_ATTEMPTS: u32 = 100;

/// The stages, set up once.
pub(super) struct Pipeline {
    names: Names,
    dialer: Dialer,
    prober: Prober,
    probes: Semaphore,
    probes_at_once: usize,
    second_look_pause: Duration,
    retries: u32,
}

/// The way to one endpoint of a target.
struct Way {
    address: SocketAddr,
    /// How long resolving took; `None` for an address.
    resolve: Option<Duration>,
    /// What the name is an alias of.
    aliases: Arc<[Arc<str>]>,
}

/// Opens connections at the configured rate.
struct Dialer {
    sweep: Sweep,
    pace: Pace,
    connects: Semaphore,
}

impl Dialer {
    /// Waits for a turn, then connects.
    async fn open(&self, address: SocketAddr) -> Result<TcpStream, Failure> {
        self.pace.turn().await;
        self.connect(address).await
    }

    /// Connects; the turn has been waited for.
    async fn connect(&self, address: SocketAddr) -> Result<TcpStream, Failure> {
        let _permit = self.connects.acquire().await.map_err(|_| closed())?;
        let mut attempt = 0;
        loop {
            match self.sweep.connect(address).await {
                // Says nothing of the target: wait until descriptors or ports come free.
                Err(failure) if failure.kind == FailureKind::LocalShortage && attempt < SHORTAGE_ATTEMPTS => {
                    if attempt == 0 {
                        tracing::warn!(%address, detail = failure.detail, "this machine is short; waiting");
                    }
                    attempt += 1;
                    tokio::time::sleep(SHORTAGE_PAUSE).await;
                }
                outcome => return outcome,
            }
        }
    }
}

impl Dial for Dialer {
    async fn dial(&self, endpoint: &Endpoint) -> Result<TcpStream, Failure> {
        self.open(endpoint.address).await
    }
}

/// Runs one endpoint's work; a panic in it becomes that endpoint's failure.
async fn guarded<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    AssertUnwindSafe(work).catch_unwind().await.map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        Failure::new(Stage::Internal, FailureKind::Panic, text)
    })
}

/// A semaphore of ours is never closed; said as a failure rather than a panic.
fn closed() -> Failure {
    Failure::new(Stage::Internal, FailureKind::Panic, "a semaphore was closed")
}

impl Pipeline {
    pub(super) fn new(config: &ScanConfig) -> Result<Self, Error> {
        let probes_at_once = config.concurrency.min(MAX_PROBES);
        identify::prepare();
        Ok(Self {
            names: Names::new(config),
            dialer: Dialer {
                sweep: Sweep::new(config),
                pace: Pace::new(config.rate),
                connects: Semaphore::new(config.concurrency),
            },
            prober: Prober::new(config)?,
            probes: Semaphore::new(probes_at_once),
            probes_at_once,
            second_look_pause: config.second_look_pause,
            retries: config.retries,
        })
    }

    pub(super) const fn names(&self) -> &Names {
        &self.names
    }

    pub(super) const fn probes_at_once(&self) -> usize {
        self.probes_at_once
    }

    /// Waits until another connection may be opened; to be called before [`Self::knock`].
    pub(super) async fn turn(&self) {
        self.dialer.pace.turn().await;
    }

    /// Knocks on a target, whose first connection has had its turn. Every outcome is tallied; a record is made of each endpoint that
    /// accepted a connection, and of the others only if `keep` says so.
    pub(super) async fn knock(
        &self,
        target: &Target,
        exclusions: Option<&Exclusions>,
        tally: &Tally,
        keep: bool,
    ) -> Vec<EndpointReport> {
        let name = match &target.host {
            Host::Ip(address) => {
                let address = SocketAddr::new(*address, target.port);
                let way = Way { address, resolve: None, aliases: Arc::default() };
                return self.endpoint(target, way, tally, keep).await.into_iter().collect();
            }
            Host::Name(name) => name,
        };
        let started = Instant::now();
        // Boxed, as is the look below: a worker that waits for a silent address stays small.
        let resolved = guarded(Box::pin(self.names.addresses(name))).await.and_then(|resolved| resolved);
        let elapsed = started.elapsed();
        let Resolved { addresses, aliases } = match resolved {
            Ok(resolved) => resolved,
            Err(failure) => {
                let timings = Timings { resolve: Some(elapsed), total: elapsed, ..Timings::default() };
                tally.failed(target, failure.kind);
                return Vec::from_iter(
                    keep.then(|| EndpointReport::unreachable(target.clone(), None, failure, timings)),
                );
            }
        };
        tally.addresses(addresses.len());
        let mut reports = Vec::new();
        for (number, address) in addresses.into_iter().enumerate() {
            if number > 0 {
                self.turn().await;
            }
            if exclusions.is_some_and(|exclusions| exclusions.excludes_address(address, target.port)) {
                tracing::info!(%target, %address, "excluded");
                tally.excluded_address();
                continue;
            }
            let address = SocketAddr::new(address, target.port);
            let way = Way { address, resolve: Some(elapsed), aliases: Arc::clone(&aliases) };
            reports.extend(self.endpoint(target, way, tally, keep).await);
        }
        reports
    }

    async fn endpoint(
        &self,
        target: &Target,
        Way { address, resolve, aliases }: Way,
        tally: &Tally,
        keep: bool,
    ) -> Option<EndpointReport> {
        let started = Instant::now();
        let mut connected = self.dialer.connect(address).await;
        for _ in 0..self.retries {
            if !connected.as_ref().is_err_and(Failure::may_pass) {
                break;
            }
            connected = self.dialer.open(address).await;
        }
        let mut timings = Timings { resolve, connect: Some(started.elapsed()), ..Timings::default() };
        let unasked = |failure: Failure, timings| {
            tally.failed(target, failure.kind);
            let endpoint = endpoint_of(target, address);
            EndpointReport::unreachable(target.clone(), Some(endpoint), failure, timings)
        };
        let stream = match connected {
            Ok(stream) => stream,
            Err(failure) if keep => {
                timings.total = started.elapsed();
                return Some(unasked(failure, timings));
            }
            Err(failure) => {
                tally.failed(target, failure.kind);
                return None;
            }
        };
        let judged =
            guarded(Box::pin(self.judge(target, endpoint_of(target, address), aliases, stream))).await;
        let mut report = match judged {
            Ok(report) => report,
            Err(failure) => return Some(unasked(failure, timings)),
        };
        report.timings.resolve = timings.resolve;
        report.timings.connect = timings.connect;
        report.timings.total = started.elapsed() + resolve.unwrap_or_default();
        tally.record(&report);
        tracing::debug!(%target, %address, verdict = %report.verdict, reason = report.reason);
        Some(report)
    }

    /// Looks, identifies and assesses, and looks once more where the answers contradict each other.
    async fn judge(
        &self,
        target: &Target,
        endpoint: Endpoint,
        aliases: Arc<[Arc<str>]>,
        stream: TcpStream,
    ) -> EndpointReport {
        let mut observation = self.look(stream, &endpoint, 1).await;
        observation.aliases = aliases;
        let mut identification = identify(&observation);
        let mut assessment = assess(&observation, &identification);
        if let Some(SecondLook { why, after }) = assessment.second_look.take() {
            tracing::info!(%target, why, "second look");
            tokio::time::sleep(after.unwrap_or(self.second_look_pause).min(MAX_PAUSE)).await;
            if let Ok(stream) = self.dialer.open(endpoint.address).await {
                observation.absorb(self.look(stream, &endpoint, 2).await);
                identification = identify(&observation);
                assessment = assess(&observation, &identification);
            }
        }
        let unreachable = assessment.verdict == Verdict::Unreachable;
        let of_requests =
            || observation.exchanges.iter().find_map(|exchange| exchange.outcome.as_ref().err());
        let failure = observation.failure.as_ref().or_else(of_requests).filter(|_| unreachable).cloned();
        let answered = Answered {
            verdict: assessment.verdict,
            grants: &assessment.grants,
            paths: assessment.paths_asked(),
        };
        EndpointReport {
            target: target.clone(),
            endpoint: Some(endpoint),
            posture: posture(&identification, answered),
            remedy: remedy(&identification, answered),
            verdict: assessment.verdict,
            reason: assessment.reason,
            failure,
            identification: Some(identification),
            requests: assessment.requests,
            grants: assessment.grants,
            aliases: observation.aliases,
            tls: observation.tls,
            without_sni: observation.without_sni,
            local: observation.local,
            connections: observation.connections,
            handshakes: observation.handshakes,
            timings: observation.timings,
        }
    }

    async fn look(&self, stream: TcpStream, endpoint: &Endpoint, number: u8) -> Observation {
        let Ok(_permit) = self.probes.acquire().await else {
            let mut observation = Observation::new(endpoint.clone());
            observation.failure = Some(closed());
            return observation;
        };
        self.prober.look(stream, endpoint, number, &self.dialer).await
    }
}

fn endpoint_of(target: &Target, address: SocketAddr) -> Endpoint {
    Endpoint {
        scheme: target.scheme,
        address,
        name: target.server_name(),
        prefix: Arc::clone(&target.prefix),
    }
}
