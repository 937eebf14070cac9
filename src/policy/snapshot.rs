//! The parts of one scan that are compared with another scan: what each target showed, and what it was asked.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;

use crate::model::{
    Access, Certificate, ComparisonResult, DeclaredFact, EndpointReport, Host, Identity,
    JudgedRequest, Origin, Outage, PostureStatus, Verdict,
};

/// Digits of a certificate's SHA-256 in the text.
const DIGITS: usize = 12;

/// Asked only where `/healthz` and all other paths that are always asked are rejected.
const ASKED_AFTER_401: [&str; 2] = ["/livez", "/readyz"];

/// The parts of one scan that are compared with another scan. A target needs little memory.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Whether the scan left out targets: it is a shard, or it was stopped. A target that is missing in a partial
    /// scan is neither gone nor new.
    pub partial: bool,
    pub(super) targets: BTreeMap<Identity, State>,
    /// Shared sets of paths: most targets have the same ones.
    paths: HashSet<Paths>,
}

type Paths = Arc<BTreeSet<String>>;

/// What one target showed.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) origin: Arc<Origin>,
    pub(super) label: Option<Arc<str>>,
    /// Whether it is a named target.
    named: bool,
    /// The verdicts of its addresses, worst first.
    pub(super) verdicts: BTreeSet<Verdict>,
    pub(super) versions: BTreeSet<String>,
    /// The text for each certificate, by its SHA-256.
    pub(super) certificates: BTreeMap<String, String>,
    /// Paths whose answer shows whether they are open, at every address with a conclusive verdict; `None` without one.
    asked: Option<Paths>,
    /// Paths that make the target exposed.
    pub(super) open: Paths,
    /// Paths without which the worst verdict would be a better one.
    pub(super) decisive: Paths,
    /// The addresses of a name without a verdict.
    without_verdict: Vec<SocketAddr>,
    /// The expected verdict.
    expect: Option<Verdict>,
    /// Whether it was compared with what a product documents.
    graded: bool,
    /// What was compared with an inventory.
    compared: Vec<DeclaredFact>,
}

impl State {
    fn of(report: &EndpointReport) -> Self {
        let target = &report.target;
        Self {
            origin: Arc::clone(&target.origin),
            label: target.label.clone(),
            named: target.named,
            verdicts: BTreeSet::new(),
            versions: BTreeSet::new(),
            certificates: BTreeMap::new(),
            asked: None,
            open: Paths::default(),
            decisive: Paths::default(),
            without_verdict: Vec::new(),
            expect: target.expect,
            graded: false,
            compared: Vec::new(),
        }
    }

    pub(super) fn worst_verdict(&self) -> Verdict {
        let worst = self.verdicts.first().copied();
        worst.unwrap_or(Verdict::Unreachable)
    }

    pub(super) fn answers(&self) -> bool {
        self.worst_verdict() != Verdict::Unreachable
    }

    /// Whether the answers show whether this path is open. Another program than an API server opens none.
    pub(super) fn has_asked(&self, path: &str) -> bool {
        let asked = |path: &str| {
            self.asked
                .as_ref()
                .is_some_and(|asked| asked.contains(path))
        };
        self.worst_verdict() == Verdict::NotApiServer
            || asked(path)
            || ASKED_AFTER_401.contains(&path) && asked("/healthz")
    }
}

/// What a scan shows of a finding of an earlier one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown<'a> {
    /// The worst verdict of its target.
    pub(super) verdict: Verdict,
    /// Whether the target was compared with what a product documents.
    pub(super) graded: bool,
    compared: &'a [DeclaredFact],
}

impl Shown<'_> {
    /// Whether this was compared with an inventory.
    pub(super) fn has_compared(self, fact: DeclaredFact) -> bool {
        self.compared.contains(&fact)
    }
}

impl Snapshot {
    /// Adds a record.
    pub fn add(&mut self, report: &EndpointReport) {
        let target = &report.target;
        let mut state = (self.targets.remove(&Identity::of_target(target)))
            .unwrap_or_else(|| State::of(report));
        if report.verdict.is_conclusive() {
            let clear = (report.requests.iter())
                .filter(|request| request.access.is_clear())
                .map(JudgedRequest::path);
            let mut asked: BTreeSet<String> = clear.map(str::to_owned).collect();
            if let Some(elsewhere) = &state.asked {
                asked.retain(|path| elsewhere.contains(path));
            }
            state.asked = Some(self.shared(asked));
        }
        let open = report.exposing().map(|grant| grant.path.clone());
        state.open = self.shared(state.open.iter().cloned().chain(open).collect());
        if state
            .verdicts
            .first()
            .is_none_or(|worst| report.verdict < *worst)
        {
            state.decisive = Paths::default();
        }
        if state
            .verdicts
            .first()
            .is_none_or(|worst| report.verdict <= *worst)
        {
            let decisive = decisive(report).map(str::to_owned);
            state.decisive = self.shared(state.decisive.iter().cloned().chain(decisive).collect());
        }
        state.verdicts.extend(report.seen());
        let has_verdict = report.verdict.is_conclusive() || report.verdict == Verdict::NotApiServer;
        if matches!(target.host, Host::Name(_)) && !has_verdict {
            state.without_verdict.extend(report.address());
        }
        let identification = report.identification.as_ref();
        state
            .versions
            .extend(identification.and_then(|identification| identification.version.clone()));
        if let Some(certificate) = report.certificate() {
            state
                .certificates
                .insert(certificate.sha256.clone(), certificate_text(certificate));
        }
        state.graded |= (report.posture.as_ref())
            .is_some_and(|posture| posture.status != PostureStatus::Unknown);
        let compared = report.compared.iter();
        let compared = compared.filter(|fact| fact.result != ComparisonResult::NotCompared);
        state.compared.extend(compared.map(|fact| fact.fact));
        self.targets.insert(Identity::of_target(target), state);
    }

    /// Those of these paths that were not asked at a target, so that nothing is known of them.
    pub(super) fn not_asked<'p>(
        &self,
        about: &Identity,
        paths: impl Iterator<Item = &'p String>,
    ) -> Vec<&'p str> {
        let state = self.targets.get(about);
        paths
            .map(String::as_str)
            .filter(|path| !state.is_some_and(|state| state.has_asked(path)))
            .collect()
    }

    /// What the scan shows of a target; `None` if it did not see it.
    pub(super) fn shown(&self, about: &Identity) -> Option<Shown<'_>> {
        let state = self.targets.get(about)?;
        Some(Shown {
            verdict: state.worst_verdict(),
            graded: state.graded,
            compared: &state.compared,
        })
    }

    /// Whether this address of a name was to be asked, and got no verdict.
    pub(super) fn has_no_verdict_at(&self, about: &Identity, address: SocketAddr) -> bool {
        (self.targets.get(about)).is_some_and(|state| state.without_verdict.contains(&address))
    }

    /// Why a finding of an earlier scan at this target was not found again, in words.
    pub(super) fn silence(&self, about: &Identity) -> &'static str {
        let state = self.targets.get(about);
        match state.and_then(|state| state.verdicts.last()) {
            None => "not seen in this scan",
            Some(Verdict::Unreachable) => "not reachable in this scan",
            Some(Verdict::Inconclusive) => "without a verdict in this scan",
            Some(_) => "not asked for in this scan",
        }
    }

    /// Whether a target is expected to be silent; `None` if the scan has no record of it.
    pub fn expects_silence(&self, about: &Identity) -> Option<bool> {
        let state = self.targets.get(about)?;
        Some(state.expect == Some(Verdict::Unreachable))
    }

    /// The outage since `old`, if there is one.
    pub(super) fn outage_since(&self, old: &Self) -> Option<Outage> {
        let (mut silent, mut asked) = (0, 0);
        for (about, before) in &old.targets {
            // Without a verdict the scan failed on our side.
            let now = (self.targets.get(about)).filter(|now| !now.verdicts.is_empty());
            if let Some(now) = now.filter(|_| before.named && before.answers()) {
                asked += 1;
                silent += u64::from(!now.answers());
            }
        }
        Outage::of(silent, asked)
    }

    /// The set of paths, which other targets may have as well.
    fn shared(&mut self, paths: BTreeSet<String>) -> Paths {
        if let Some(known) = self.paths.get(&paths) {
            return Arc::clone(known);
        }
        let paths = Arc::new(paths);
        self.paths.insert(Arc::clone(&paths));
        paths
    }
}

/// The paths without which the verdict would be a better one. For other verdicts than these, paths decide that are
/// always asked.
fn decisive(report: &EndpointReport) -> impl Iterator<Item = &str> {
    let exposing = report.exposing().map(|grant| grant.path.as_str());
    let is_limited = report.verdict == Verdict::Limited;
    let accepted = (report.requests.iter())
        .filter(move |request| {
            is_limited && matches!(request.access, Access::Granted | Access::Forbidden)
        })
        .map(JudgedRequest::path);
    exposing.chain(accepted)
}

/// `CN=kube-apiserver, until 2026-11-24 (0123456789ab…)`.
fn certificate_text(certificate: &Certificate) -> String {
    let Certificate {
        subject, sha256, ..
    } = certificate;
    let until = certificate.not_after;
    let until = until.map(|end| format!(", until {}", end.strftime("%Y-%m-%d")));
    let digest: String = sha256.chars().take(DIGITS).collect();
    format!("{subject}{} ({digest}…)", until.unwrap_or_default())
}
