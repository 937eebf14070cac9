//! Where every target ended, and what follows from it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::endpoint::Origin;
use crate::model::{self, FailureKind, Gap, ScanSummary, SpecCoverage, Verdict};
use crate::record::Tally;

#[derive(Serialize)]
pub(crate) struct Coverage<'a> {
    targets: u64,
    excluded: u64,
    not_attempted: u64,
    failed_here: BTreeMap<&'static str, u64>,
    excluded_addresses: u64,
    special_addresses: u64,
    addresses_beyond_limit: u64,
    further_addresses: u64,
    half_resolved: u64,
    unroutable_addresses: u64,
    verdicts: BTreeMap<&'static str, u64>,
    unreachable: Unreachable,
    named: usize,
    covered: usize,
    specs: Vec<Spec<'a>>,
}

#[derive(Serialize)]
struct Unreachable {
    total: u64,
    kinds: BTreeMap<&'static str, u64>,
}

impl<'a> From<&'a model::Coverage> for Coverage<'a> {
    fn from(coverage: &'a model::Coverage) -> Self {
        Self {
            targets: coverage.targets,
            excluded: coverage.excluded,
            not_attempted: coverage.not_attempted,
            failed_here: by_kind(&coverage.failed_here),
            excluded_addresses: coverage.gap(Gap::ExcludedAddress),
            special_addresses: coverage.gap(Gap::SpecialAddress),
            addresses_beyond_limit: coverage.gap(Gap::BeyondLimit),
            further_addresses: coverage.further_addresses,
            half_resolved: coverage.gap(Gap::HalfResolved),
            unroutable_addresses: coverage.gap(Gap::UnroutableAddress),
            verdicts: Verdict::ALL
                .map(|verdict| (verdict.as_str(), coverage.count(verdict)))
                .into(),
            unreachable: Unreachable {
                total: coverage.unreachable_total(),
                kinds: by_kind(&coverage.unreachable),
            },
            named: coverage.named(),
            covered: coverage.covered(),
            specs: coverage.specs.iter().map(Spec::from).collect(),
        }
    }
}

fn by_kind(counts: &BTreeMap<FailureKind, u64>) -> BTreeMap<&'static str, u64> {
    counts
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(kind, count)| (kind.as_str(), *count))
        .collect()
}

#[derive(Serialize)]
struct Spec<'a> {
    id: Option<u32>,
    origin: Origin<'a>,
    label: Option<&'a str>,
    named: bool,
    covered: bool,
    expect: Option<&'static str>,
    met: Option<bool>,
    seen: Vec<&'static str>,
    unasked: Vec<Unasked<'a>>,
}

#[derive(Serialize)]
struct Unasked<'a> {
    why: &'static str,
    count: u64,
    examples: &'a BTreeSet<String>,
}

impl<'a> From<&'a SpecCoverage> for Spec<'a> {
    fn from(spec: &'a SpecCoverage) -> Self {
        Self {
            id: spec.id.map(|id| id.0),
            origin: (&*spec.origin).into(),
            label: spec.label.as_deref(),
            named: spec.named,
            covered: spec.covered,
            expect: spec.expect.map(Verdict::as_str),
            met: spec.met,
            seen: spec.seen.iter().map(|verdict| verdict.as_str()).collect(),
            unasked: (spec.unasked.iter())
                .map(
                    |model::Unasked {
                         why,
                         count,
                         examples,
                     }| Unasked {
                        why: why.as_str(),
                        count: *count,
                        examples,
                    },
                )
                .collect(),
        }
    }
}

/// The scan in a few numbers, for those who look no further.
#[derive(Serialize)]
pub(crate) struct Summary<'a> {
    worst: Option<&'static str>,
    complete: bool,
    answered: u64,
    settled: u64,
    uncovered: usize,
    unmet: usize,
    #[serde(flatten)]
    tally: &'a Tally,
}

impl<'a> Summary<'a> {
    pub(crate) fn new(summary: &ScanSummary, tally: &'a Tally) -> Self {
        let coverage = &summary.coverage;
        let seen = |verdict: &Verdict| coverage.count(*verdict) > 0;
        let settling = |verdict: &Verdict| verdict.is_conclusive();
        Self {
            worst: Verdict::ALL.into_iter().find(seen).map(Verdict::as_str),
            complete: summary.stopped.is_none() && coverage.is_complete(),
            answered: coverage.outcomes() - coverage.unreachable_total(),
            settled: Verdict::ALL
                .into_iter()
                .filter(settling)
                .map(|verdict| coverage.count(verdict))
                .sum(),
            uncovered: coverage.named() - coverage.covered(),
            unmet: coverage
                .specs
                .iter()
                .filter(|spec| spec.met == Some(false))
                .count(),
            tally,
        }
    }
}
