//! The parts of one scan that are compared with another scan: what each target showed, and what it was asked.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;

use crate::config::{Family, ScanConfig};
use crate::model::{
    Access, Certificate, ComparisonResult, Coverage, DeclaredFact, EndpointReport, Host, Identity,
    JudgedRequest, Learned, LeftOut, LeftOutReason, Origin, Outage, PostureStatus, Verdict,
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
    /// What the records show that the scan carries from earlier ones.
    carried: BTreeMap<Identity, State>,
    /// Shared sets of paths: most targets have the same ones.
    paths: HashSet<Paths>,
    /// What was not asked of names, by specification.
    left_out: HashMap<Arc<Origin>, Vec<LeftOut>>,
    /// The address families that were looked up.
    family: Family,
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
    /// What the addresses of a name showed; `None` for one without a verdict.
    addresses: BTreeMap<SocketAddr, Option<AddressState>>,
    /// The expected verdict.
    expect: Option<Verdict>,
    /// Whether it was compared with what a product documents.
    graded: bool,
    /// What was compared with an inventory.
    compared: Vec<DeclaredFact>,
    /// What an address did not tell.
    not_learned: Vec<(Option<SocketAddr>, Learned)>,
}

/// What one address of a name showed.
#[derive(Debug, Clone)]
struct AddressState {
    verdict: Verdict,
    open: Paths,
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
            addresses: BTreeMap::new(),
            expect: target.expect,
            graded: false,
            compared: Vec::new(),
            not_learned: Vec::new(),
        }
    }

    pub(super) fn worst_verdict(&self) -> Verdict {
        let worst = self.verdicts.first().copied();
        worst.unwrap_or(Verdict::Unreachable)
    }

    pub(super) fn answers(&self) -> bool {
        self.worst_verdict() != Verdict::Unreachable
    }

    /// With what silent addresses showed before: as far as anybody knows, they still do.
    fn holding<'s>(&self, silent: impl Iterator<Item = &'s AddressState>) -> Self {
        let mut held = self.clone();
        for AddressState { verdict, open } in silent {
            held.verdicts.insert(*verdict);
            held.open = Arc::new(held.open.union(open).cloned().collect());
        }
        held
    }

    /// With what the scan carried from earlier ones, as far as it concerns what is open.
    fn carrying(&self, carried: &Self) -> Self {
        let mut all = self.clone();
        let (own, earlier) = (self.worst_verdict(), carried.worst_verdict());
        all.decisive = match own.cmp(&earlier) {
            Ordering::Less => Arc::clone(&self.decisive),
            Ordering::Greater => Arc::clone(&carried.decisive),
            Ordering::Equal => Arc::new(self.decisive.union(&carried.decisive).cloned().collect()),
        };
        all.verdicts.extend(&carried.verdicts);
        all.open = Arc::new(self.open.union(&carried.open).cloned().collect());
        let has_all_addresses =
            (self.addresses.keys()).all(|address| carried.addresses.contains_key(address));
        if let (Some(asked), Some(earlier)) = (&self.asked, &carried.asked)
            && has_all_addresses
        {
            all.asked = Some(Arc::new(asked.union(earlier).cloned().collect()));
        }
        for (address, shown) in &carried.addresses {
            let known = all.addresses.entry(*address).or_default();
            if known.is_none() {
                known.clone_from(shown);
            }
        }
        all
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
    not_learned: &'a [(Option<SocketAddr>, Learned)],
}

impl Shown<'_> {
    /// Whether this was compared with an inventory.
    pub(super) fn has_compared(self, fact: DeclaredFact) -> bool {
        self.compared.contains(&fact)
    }

    /// Whether the endpoint at this address told all of this, if there is one.
    pub(super) fn has_learned(self, needs: &[Learned], address: Option<SocketAddr>) -> bool {
        let mut needs = needs.iter();
        needs.all(|learned| !self.not_learned.contains(&(address, *learned)))
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
        let open = self.shared(open.collect());
        state.open = self.shared(state.open.union(&open).cloned().collect());
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
        if let (Host::Name(_), Some(address)) = (&target.host, report.address()) {
            let verdict = report.verdict;
            let shown = has_verdict.then_some(AddressState { verdict, open });
            state.addresses.insert(address, shown);
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
        let not_learned = Learned::missing_in(report).into_iter();
        let not_learned = not_learned.map(|learned| (report.address(), learned));
        state.not_learned.extend(not_learned);
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
            not_learned: &state.not_learned,
        })
    }

    /// Sets the records that the scan carries from earlier ones.
    pub fn set_carried(&mut self, carried: Self) {
        self.carried = carried.targets;
    }

    /// What was known of a target after this scan, with what it carried. A silent target is silent: what it showed
    /// before is not what this scan saw.
    pub(super) fn known(&self, about: &Identity) -> Option<Cow<'_, State>> {
        let (own, carried) = (self.targets.get(about), self.carried.get(about));
        match (own, carried) {
            (Some(own), Some(carried)) if own.answers() => Some(Cow::Owned(own.carrying(carried))),
            (Some(own), Some(carried)) if own.verdicts.is_empty() => Some(Cow::Borrowed(carried)),
            (None, Some(carried)) if self.partial => Some(Cow::Borrowed(carried)),
            (own, _) => own.map(Cow::Borrowed),
        }
    }

    /// What this scan shows of a target, with what those of its addresses showed in `before` that are silent now.
    pub(super) fn held(&self, about: &Identity, now: &State, before: &State) -> State {
        let answers = now.addresses.values().any(Option::is_some);
        let silent = (before.addresses.iter())
            .filter(|(address, _)| answers && self.is_silent_at(about, **address));
        now.holding(silent.filter_map(|(_, shown)| shown.as_ref()))
    }

    /// Sets what the scan with these settings left out.
    pub fn set_left_out(&mut self, config: &ScanConfig, coverage: &Coverage) {
        self.family = config.family;
        let specs = coverage.specs.iter();
        self.left_out = specs
            .filter(|spec| !spec.left_out.is_empty())
            .map(|spec| (Arc::clone(&spec.origin), spec.left_out.clone()))
            .collect();
    }

    /// Whether nothing is known now about this address that a name had: it got no verdict, or it was not asked and the
    /// name may still have it.
    pub(super) fn is_silent_at(&self, about: &Identity, address: SocketAddr) -> bool {
        let Some(state) = self.targets.get(about) else {
            return false;
        };
        match state.addresses.get(&address) {
            Some(shown) => shown.is_none(),
            // Without the address of any record, a proxy resolved the name, or it is no name.
            None => !state.addresses.is_empty() && self.may_have(state, address),
        }
    }

    /// Whether a name may have this address, although the scan has no record of it.
    fn may_have(&self, state: &State, address: SocketAddr) -> bool {
        let left_out = self.left_out.get(&state.origin);
        let left_out = || left_out.into_iter().flatten();
        let mut records = state.addresses.keys();
        let is_half_resolved = self.family != Family::Both
            || left_out().any(|left_out| left_out.why == LeftOutReason::HalfResolved);
        // Only lookups of the other family led to records.
        let is_other_family =
            is_half_resolved && records.all(|other| other.is_ipv4() != address.is_ipv4());
        is_other_family || left_out().any(|left_out| left_out.may_include(address.ip()))
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
