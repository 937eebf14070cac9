//! The counts of a scan. Every target × port × address is in exactly one of them.

use std::collections::{BTreeMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    ClusterNotAsked, FailureKind, LeftOut, LeftOutReason, Origin, Selector, SpecId, Verdict,
};

/// Where every target ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Coverage {
    /// Targets (host × port) in the set, exclusions already taken out.
    pub targets: u64,
    /// Targets that exclusions took out of the set.
    pub excluded: u64,
    /// Targets, and addresses of names, that were not asked: the scan was stopped first, or our own
    /// side failed.
    pub not_attempted: u64,
    /// Those of `not_attempted` where our own side failed, by kind.
    pub own_side_failures: BTreeMap<FailureKind, u64>,
    /// What was not asked of names, by reason.
    pub left_out: BTreeMap<LeftOutReason, u64>,
    /// Endpoints by verdict; `unreachable` ones are in [`Self::unreachable`] by kind.
    pub verdicts: BTreeMap<Verdict, u64>,
    /// Unreachable endpoints and unresolved names, by kind.
    pub unreachable: BTreeMap<FailureKind, u64>,
    /// Outcomes beyond the first of a target: further addresses of a name.
    pub further_addresses: u64,
    /// The target specifications that are named or carry an `expect=`, in the order read.
    pub specs: Vec<SpecCoverage>,
    /// Clusters of inventories that were not asked. No count has them.
    pub clusters_not_asked: Vec<ClusterNotAsked>,
}

impl Coverage {
    /// Unreachable endpoints of all kinds.
    pub fn unreachable_total(&self) -> u64 {
        self.unreachable.values().sum()
    }

    /// Whether nothing at all was asked, because our own side failed.
    pub fn could_not_scan(&self) -> bool {
        self.outcomes() == 0 && self.own_side_failures.values().any(|count| *count > 0)
    }

    /// How many endpoints and names have an outcome: a verdict, unreachable included.
    pub fn outcomes(&self) -> u64 {
        self.verdicts.values().sum::<u64>() + self.unreachable_total()
    }

    /// How many endpoints got this verdict.
    pub fn count(&self, verdict: Verdict) -> u64 {
        match verdict {
            Verdict::Unreachable => self.unreachable_total(),
            verdict => self.verdicts.get(&verdict).copied().unwrap_or(0),
        }
    }

    /// How much was not asked for this reason.
    pub fn left_out_count(&self, why: LeftOutReason) -> u64 {
        self.left_out.get(&why).copied().unwrap_or(0)
    }

    /// Addresses of names that were not asked, for any reason.
    pub fn left_out_addresses(&self) -> u64 {
        LeftOutReason::ALL
            .into_iter()
            .filter(|why| why.is_address())
            .map(|why| self.left_out_count(why))
            .sum()
    }

    /// Whether every target was attempted, at every address that may be asked.
    pub fn is_complete(&self) -> bool {
        let missing = |why: &LeftOutReason| why.is_missed() && self.left_out_count(*why) > 0;
        self.not_attempted == 0 && !LeftOutReason::ALL.iter().any(missing)
    }

    /// Whether the counts add up: every target in the set ended in an outcome, in an address that
    /// was not asked or as not attempted; addresses beyond a target's first are counted apart.
    pub fn adds_up(&self) -> bool {
        self.outcomes() + self.left_out_addresses() + self.not_attempted
            == self.targets + self.further_addresses
    }

    /// Named targets.
    pub fn named(&self) -> usize {
        self.specs.iter().filter(|spec| spec.named).count()
    }

    /// The origins of the silent named targets.
    pub fn silent_origins(&self) -> HashSet<&Origin> {
        let silent = self.specs.iter().filter(|spec| spec.is_silent());
        silent.map(|spec| &*spec.origin).collect()
    }

    /// Named targets that got a verdict.
    pub fn covered(&self) -> usize {
        self.specs
            .iter()
            .filter(|spec| spec.named && spec.covered)
            .count()
    }
}

/// The result of one target specification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SpecCoverage {
    /// Its number, by which `specs` of an endpoint names it; null in reports of earlier versions.
    pub id: Option<SpecId>,
    /// Where it was written.
    pub origin: Arc<Origin>,
    /// The user's name for it, its `name=`; null without one. Reports up to version 3 call it `label`.
    #[serde(rename = "name", alias = "label")]
    pub label: Option<Arc<str>>,
    /// Whether it is a named target: neither a CIDR nor a range.
    pub named: bool,
    /// Whether at least one of its endpoints is exposed, forbidden, limited or rejected, or as expected.
    pub covered: bool,
    /// Its `expect=` annotation; null without one.
    pub expect: Option<Verdict>,
    /// Whether the expectation is met; null without one.
    pub met: Option<bool>,
    /// The verdicts of its endpoints, worst first.
    pub seen: Vec<Verdict>,
    /// What of it was not requested: each reason once.
    #[serde(default, rename = "unasked")]
    pub left_out: Vec<LeftOut>,
}

impl SpecCoverage {
    /// What the verdicts `seen` at a specification's endpoints, worst first, say about it.
    ///
    /// Covered: at least one verdict is conclusive or as expected. Met: no verdict contradicts the expectation, and a
    /// named target has the expected verdict. Where nothing was seen, because nothing was asked, it is not met.
    pub fn of(
        origin: Arc<Origin>,
        named: bool,
        label: Option<Arc<str>>,
        expect: Option<Verdict>,
        seen: Vec<Verdict>,
    ) -> Self {
        let met = expect.map(|expect| {
            let contradicted = seen.iter().any(|verdict| verdict.contradicts(expect));
            let is_shown = if named {
                seen.contains(&expect)
            } else {
                !seen.is_empty()
            };
            is_shown && !contradicted
        });
        let covered = seen.iter().any(|verdict| verdict.settles(expect));
        Self {
            id: None,
            origin,
            named,
            label,
            covered,
            expect,
            met,
            seen,
            left_out: Vec::new(),
        }
    }

    /// What of it was not asked, in words; `None` where nothing is known to be missing.
    pub fn left_out_text(&self) -> Option<String> {
        let said: Vec<String> = self.left_out.iter().map(LeftOut::text).collect();
        (!said.is_empty()).then(|| said.join(", "))
    }

    /// Whether it is covered or not a named target, but incomplete: some of its addresses should have been asked and
    /// were not.
    pub fn is_partly_asked(&self) -> bool {
        !self.is_missing()
            && self
                .left_out
                .iter()
                .any(|left_out| left_out.why.is_missed())
    }

    /// Whether it is a named target that was asked, and nothing answered.
    pub fn is_silent(&self) -> bool {
        let all_silent = || self.seen.iter().all(|verdict| verdict.has_no_answer());
        self.named && !self.seen.is_empty() && all_silent()
    }

    /// Whether it is a named target without a conclusive or expected verdict.
    pub const fn is_missing(&self) -> bool {
        self.named && !self.covered
    }
}

/// The scan as a whole.
#[derive(Debug, Clone)]
pub struct ScanSummary {
    /// When it started; of a resumed scan, when its first run did.
    pub started: Timestamp,
    /// The time from start to end; of a resumed scan, with the time between its runs.
    pub elapsed: Duration,
    /// What stopped it before all targets were done; `None` if nothing did.
    pub stopped: Option<String>,
    /// The addresses of this machine that were used.
    pub sources: Vec<IpAddr>,
    /// The name servers; empty if there was no name to resolve.
    pub resolvers: Vec<SocketAddr>,
    /// SHA-256 of the targets and exclusions, in hexadecimal: scans with the same value had the same targets. `None` if
    /// it is not known, or if merged scans had different targets.
    pub targets_digest: Option<String>,
    /// What was selected of its targets, before it or afterwards; `None` if nothing was.
    pub selection: Option<Selection>,
    /// How every target ended.
    pub coverage: Coverage,
}

/// The part of a scan that a report is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Selection {
    /// The labels that its targets have, as `KEY=VALUE`; `*` stands for any characters.
    pub labels: Vec<String>,
    /// How many endpoint records of the scan are left out.
    pub endpoints_left_out: u64,
    /// How many targets of the scan, or entries of its lists, are left out.
    pub targets_left_out: u64,
    /// Whether they were selected before the scan, so that it is a whole scan of them.
    #[serde(default)]
    pub asked: bool,
}

impl Selection {
    /// What these selectors leave of a scan before it; `None` without any.
    pub(crate) fn before(selectors: &[Selector], left_out: u64) -> Option<Self> {
        (!selectors.is_empty()).then(|| Self {
            labels: selectors.iter().map(ToString::to_string).collect(),
            endpoints_left_out: 0,
            targets_left_out: left_out,
            asked: true,
        })
    }

    /// Whether the scan asked more than this, so that its report is one of a part.
    pub const fn is_partial(&self) -> bool {
        !self.asked
    }
}

#[cfg(test)]
mod tests {
    use Verdict::{Forbidden, Inconclusive, NotApiServer, Rejected, Unreachable};

    use super::*;
    use crate::model::Source;

    fn spec(seen: &[Verdict], expect: Option<Verdict>, named: bool) -> SpecCoverage {
        let origin = Origin {
            source: Source::Argument,
            line: 1,
            column: None,
            text: "192.0.2.1".into(),
        };
        SpecCoverage::of(Arc::new(origin), named, None, expect, seen.to_vec())
    }

    fn met(seen: &[Verdict], expect: Verdict, named: bool) -> bool {
        spec(seen, Some(expect), named).met.unwrap()
    }

    #[test]
    fn closed_default_ports_do_not_count_against_a_target() {
        let seen = [Rejected, Unreachable];
        assert!(spec(&seen, None, true).covered);
        assert!(met(&seen, Rejected, true));
        assert!(!met(&seen, Unreachable, true));
        assert!(met(&[Rejected, NotApiServer, Unreachable], Rejected, true));
    }

    #[test]
    fn an_expectation_is_broken_by_any_other_answer() {
        assert!(!met(&[Forbidden], Rejected, true));
        assert!(!met(&[Rejected, Inconclusive], Rejected, true));
        assert!(!met(&[Unreachable], Rejected, true), "never silently green");
        assert!(
            met(&[Unreachable], Rejected, false),
            "silent range addresses are fine"
        );
        assert!(met(&[Unreachable], Unreachable, true));
        for named in [true, false] {
            assert!(!met(&[], Unreachable, named), "not attempted is not met");
        }
    }

    #[test]
    fn what_is_expected_covers() {
        let covered = |seen: &[Verdict], expect| spec(seen, expect, true).covered;
        assert!(!covered(&[Unreachable], None));
        assert!(covered(&[Unreachable], Some(Unreachable)));
        assert!(!covered(&[Inconclusive], Some(Rejected)));
    }
}
