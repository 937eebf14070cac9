//! The record of how every target ended, and the scan in a few numbers.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use crate::model::{
    self, ClusterNotAsked, FailureKind, LeftOutReason, ScanSummary, SpecCoverage, Verdict,
};
use crate::record::Tally;

/// The largest count: sums of all counts stay far from overflow.
const MAX_COUNT: u64 = 1 << 53;

/// How every target ended. Verdicts, addresses that were not requested (`excluded_addresses`, `special_addresses`,
/// `addresses_beyond_limit`, `unroutable_addresses`, `outside_allow`) and `not_attempted` add up to `targets` plus
/// `further_addresses`.
#[derive(Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Coverage<'a> {
    /// Targets (host and port) without those that are excluded.
    targets: u64,
    /// Targets that are excluded.
    excluded: u64,
    /// Targets, and addresses of names, without any request: the scan stopped first, or our own side failed.
    not_attempted: u64,
    /// Those of `not_attempted` where our own side failed (this machine, its network, its name server, the
    /// proxy), by kind; kinds without any are left out.
    #[serde(default, serialize_with = "by_word")]
    #[cfg_attr(test, schemars(extend("propertyNames" = { "$ref": "#/$defs/FailureKind" })))]
    failed_here: BTreeMap<FailureKind, u64>,
    /// Addresses of names that are excluded, or whose name or alias is.
    excluded_addresses: u64,
    /// Special addresses of names (loopback, link-local, cloud metadata …), not requested without
    /// `--allow-special`.
    #[serde(default)]
    special_addresses: u64,
    /// Addresses of names beyond the limit of 64 for one name. The seed decides which addresses are requested.
    #[serde(default)]
    addresses_beyond_limit: u64,
    /// Outcomes beyond the first of a target: further addresses of a name.
    further_addresses: u64,
    /// Targets whose name resolved for one address family while the lookup for the other failed: there may be
    /// addresses that nobody requested.
    #[serde(default)]
    half_resolved: u64,
    /// Addresses of names in a family that this machine cannot route, requested at the other family instead.
    #[serde(default)]
    unroutable_addresses: u64,
    /// Targets, and addresses of names, that are outside of `--allow` and were not requested.
    #[serde(default)]
    outside_allow: u64,
    /// Endpoints by verdict; those without any are 0.
    #[serde(serialize_with = "by_word")]
    #[cfg_attr(test, schemars(schema_with = "counts_by_verdict"))]
    verdicts: BTreeMap<Verdict, u64>,
    /// Unreachable endpoints.
    unreachable: Unreachable,
    /// Specifications that are neither a CIDR nor a range.
    #[serde(skip_deserializing)]
    named: usize,
    /// Those of `named` that are covered: see `covered` in `specs`.
    #[serde(skip_deserializing)]
    covered: usize,
    /// The specifications that are named or have an expectation, in the order given.
    specs: Cow<'a, [SpecCoverage]>,
    /// Clusters of inventories that were not asked, and why: one that is stopped or deleted, or that has no endpoint. No
    /// count has them.
    #[serde(default)]
    clusters_not_asked: Cow<'a, [ClusterNotAsked]>,
}

/// The schema of `verdicts`, which has every verdict.
#[cfg(test)]
fn counts_by_verdict(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let count = |verdict| {
        let description = format!("Endpoints with the verdict `{verdict}`.");
        serde_json::json!({ "type": "integer", "minimum": 0, "description": description })
    };
    let properties = Verdict::ALL.map(|verdict| (verdict.to_string(), count(verdict)));
    schemars::json_schema!({
        "type": "object",
        "properties": serde_json::Value::from_iter(properties),
        "required": Verdict::ALL.map(Verdict::as_str),
    })
}

/// Unreachable endpoints, and names that did not resolve.
#[derive(Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Unreachable {
    /// All of them.
    #[serde(skip_deserializing)]
    total: u64,
    /// Their number by kind of failure; kinds without any are left out.
    #[serde(serialize_with = "by_word")]
    #[cfg_attr(test, schemars(extend("propertyNames" = { "$ref": "#/$defs/FailureKind" })))]
    kinds: BTreeMap<FailureKind, u64>,
}

/// Writes a map in the order of its words.
fn by_word<K: Copy + Into<&'static str>, S: Serializer>(
    counts: &BTreeMap<K, u64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let by_word = counts.iter().map(|(word, count)| ((*word).into(), count));
    serializer.collect_map(by_word.collect::<BTreeMap<&str, _>>())
}

impl<'a> From<&'a model::Coverage> for Coverage<'a> {
    fn from(coverage: &'a model::Coverage) -> Self {
        let existing = |counts: &BTreeMap<FailureKind, u64>| {
            let counts = counts.iter().filter(|(_, count)| **count > 0);
            counts.map(|(kind, count)| (*kind, *count)).collect()
        };
        Self {
            targets: coverage.targets,
            excluded: coverage.excluded,
            not_attempted: coverage.not_attempted,
            failed_here: existing(&coverage.own_side_failures),
            excluded_addresses: coverage.left_out_count(LeftOutReason::ExcludedAddress),
            special_addresses: coverage.left_out_count(LeftOutReason::SpecialAddress),
            addresses_beyond_limit: coverage.left_out_count(LeftOutReason::BeyondLimit),
            further_addresses: coverage.further_addresses,
            half_resolved: coverage.left_out_count(LeftOutReason::HalfResolved),
            unroutable_addresses: coverage.left_out_count(LeftOutReason::UnroutableAddress),
            outside_allow: coverage.left_out_count(LeftOutReason::OutsideAllow),
            verdicts: Verdict::ALL
                .map(|verdict| (verdict, coverage.count(verdict)))
                .into(),
            unreachable: Unreachable {
                total: coverage.unreachable_total(),
                kinds: existing(&coverage.unreachable),
            },
            named: coverage.named(),
            covered: coverage.covered(),
            specs: (&*coverage.specs).into(),
            clusters_not_asked: (&*coverage.clusters_not_asked).into(),
        }
    }
}

impl TryFrom<Coverage<'_>> for model::Coverage {
    type Error = String;

    fn try_from(record: Coverage<'_>) -> Result<Self, String> {
        let left_out = [
            (LeftOutReason::ExcludedAddress, record.excluded_addresses),
            (LeftOutReason::SpecialAddress, record.special_addresses),
            (LeftOutReason::BeyondLimit, record.addresses_beyond_limit),
            (LeftOutReason::HalfResolved, record.half_resolved),
            (
                LeftOutReason::UnroutableAddress,
                record.unroutable_addresses,
            ),
            (LeftOutReason::OutsideAllow, record.outside_allow),
        ];
        let counts = [
            record.targets,
            record.excluded,
            record.not_attempted,
            record.further_addresses,
        ];
        let counts = (counts.into_iter())
            .chain(left_out.map(|(_, count)| count))
            .chain(record.verdicts.values().copied())
            .chain(record.unreachable.kinds.values().copied())
            .chain(record.failed_here.values().copied());
        if let Some(count) = counts.into_iter().find(|count| *count > MAX_COUNT) {
            return Err(format!(
                "coverage: a count of {count} is more than any scan has"
            ));
        }
        if record.failed_here.values().sum::<u64>() > record.not_attempted {
            return Err("coverage: failed_here counts more than not_attempted does".to_owned());
        }
        let mut specs = record.specs.into_owned();
        for spec in &mut specs {
            for left_out in std::mem::take(&mut spec.left_out) {
                left_out.add_to(&mut spec.left_out);
            }
        }
        let coverage = Self {
            targets: record.targets,
            excluded: record.excluded,
            not_attempted: record.not_attempted,
            own_side_failures: record.failed_here,
            left_out: left_out
                .into_iter()
                .filter(|(_, count)| *count > 0)
                .collect(),
            verdicts: (record.verdicts.into_iter())
                .filter(|(verdict, count)| *verdict != Verdict::Unreachable && *count > 0)
                .collect(),
            unreachable: record.unreachable.kinds,
            further_addresses: record.further_addresses,
            specs,
            clusters_not_asked: record.clusters_not_asked.into_owned(),
        };
        if !coverage.adds_up() {
            return Err("coverage: the counts do not add up to the targets".to_owned());
        }
        Ok(coverage)
    }
}

/// The scan in a few numbers.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Summary<'a> {
    /// The worst verdict; null without any.
    worst: Option<Verdict>,
    /// Whether every target was attempted at every address that is not excluded, and nothing stopped the scan.
    complete: bool,
    /// Endpoints with an HTTP answer.
    answered: u64,
    /// Endpoints that are exposed, forbidden, limited or rejected.
    settled: u64,
    /// Named specifications that are not covered.
    uncovered: usize,
    /// Specifications whose expectation is not met.
    unmet: usize,
    #[serde(flatten)]
    tally: &'a Tally,
}

impl<'a> Summary<'a> {
    pub(super) fn new(summary: &ScanSummary, tally: &'a Tally) -> Self {
        let coverage = &summary.coverage;
        Self {
            worst: Verdict::ALL
                .into_iter()
                .find(|verdict| coverage.count(*verdict) > 0),
            complete: summary.stopped.is_none() && coverage.is_complete(),
            answered: coverage.outcomes() - coverage.unreachable_total(),
            settled: Verdict::ALL
                .into_iter()
                .filter(|verdict| verdict.is_conclusive())
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
