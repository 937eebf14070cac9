//! Where every target ended.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Deserialize;

use super::endpoint::Origin;
use super::word::Word;
use crate::model::{self, FailureKind, Gap, SpecCoverage, SpecId, Verdict};

/// No count is larger: sums of all of them stay far from overflow.
const MAX_COUNT: u64 = 1 << 53;

#[derive(Deserialize)]
#[serde(try_from = "Wire")]
pub(super) struct Coverage(pub(super) model::Coverage);

#[derive(Deserialize)]
struct Wire {
    targets: u64,
    #[serde(default)]
    excluded: u64,
    #[serde(default)]
    not_attempted: u64,
    #[serde(default)]
    failed_here: BTreeMap<Word<FailureKind>, u64>,
    #[serde(default)]
    excluded_addresses: u64,
    #[serde(default)]
    special_addresses: u64,
    #[serde(default)]
    addresses_beyond_limit: u64,
    #[serde(default)]
    further_addresses: u64,
    #[serde(default)]
    half_resolved: u64,
    #[serde(default)]
    unroutable_addresses: u64,
    #[serde(default)]
    verdicts: BTreeMap<Word<Verdict>, u64>,
    #[serde(default)]
    unreachable: Unreachable,
    #[serde(default)]
    specs: Vec<Spec>,
}

#[derive(Deserialize, Default)]
struct Unreachable {
    #[serde(default)]
    kinds: BTreeMap<Word<FailureKind>, u64>,
}

#[derive(Deserialize)]
struct Spec {
    id: Option<u32>,
    origin: Origin,
    label: Option<String>,
    #[serde(default)]
    named: bool,
    #[serde(default)]
    covered: bool,
    expect: Option<Word<Verdict>>,
    met: Option<bool>,
    #[serde(default)]
    seen: Vec<Word<Verdict>>,
    #[serde(default)]
    unasked: Vec<Unasked>,
}

#[derive(Deserialize)]
struct Unasked {
    why: Word<Gap>,
    count: u64,
    #[serde(default)]
    examples: BTreeSet<String>,
}

impl From<Spec> for SpecCoverage {
    fn from(spec: Spec) -> Self {
        let mut unasked = Vec::new();
        for Unasked {
            why: Word(why),
            count,
            examples,
        } in spec.unasked
        {
            model::Unasked {
                why,
                count,
                examples,
            }
            .add_to(&mut unasked);
        }
        Self {
            id: spec.id.map(SpecId),
            origin: Arc::new(spec.origin.into()),
            named: spec.named,
            label: spec.label.map(Into::into),
            covered: spec.covered,
            expect: spec.expect.map(|Word(verdict)| verdict),
            met: spec.met,
            seen: spec.seen.into_iter().map(|Word(verdict)| verdict).collect(),
            unasked,
        }
    }
}

impl TryFrom<Wire> for Coverage {
    type Error = String;

    fn try_from(wire: Wire) -> Result<Self, String> {
        let unasked = [
            (Gap::ExcludedAddress, wire.excluded_addresses),
            (Gap::SpecialAddress, wire.special_addresses),
            (Gap::BeyondLimit, wire.addresses_beyond_limit),
            (Gap::HalfResolved, wire.half_resolved),
            (Gap::UnroutableAddress, wire.unroutable_addresses),
        ];
        let counts = [
            wire.targets,
            wire.excluded,
            wire.not_attempted,
            wire.further_addresses,
        ];
        let counts = counts.into_iter().chain(unasked.map(|(_, count)| count));
        let each = wire
            .verdicts
            .values()
            .chain(wire.unreachable.kinds.values())
            .copied();
        if let Some(count) = counts.chain(each).find(|count| *count > MAX_COUNT) {
            return Err(format!(
                "coverage: a count of {count} is more than any scan has"
            ));
        }
        let by_kind = |counts: BTreeMap<Word<FailureKind>, u64>| {
            counts
                .into_iter()
                .map(|(Word(kind), count)| (kind, count))
                .collect::<BTreeMap<_, _>>()
        };
        let failed_here = by_kind(wire.failed_here);
        if failed_here
            .values()
            .try_fold(0_u64, |sum, count| sum.checked_add(*count))
            > Some(wire.not_attempted)
        {
            return Err("coverage: failed_here counts more than not_attempted does".to_owned());
        }
        let coverage = model::Coverage {
            targets: wire.targets,
            excluded: wire.excluded,
            not_attempted: wire.not_attempted,
            failed_here,
            unasked: unasked
                .into_iter()
                .filter(|(_, count)| *count > 0)
                .collect(),
            verdicts: (wire.verdicts.into_iter())
                .filter(|(Word(verdict), count)| *verdict != Verdict::Unreachable && *count > 0)
                .map(|(Word(verdict), count)| (verdict, count))
                .collect(),
            unreachable: by_kind(wire.unreachable.kinds),
            further_addresses: wire.further_addresses,
            specs: wire.specs.into_iter().map(Into::into).collect(),
        };
        if !coverage.adds_up() {
            return Err("coverage: the counts do not add up to the targets".to_owned());
        }
        Ok(Self(coverage))
    }
}
