//! Where every target ended.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::endpoint::Origin;
use super::word::Word;
use crate::model::{self, FailureKind, SpecCoverage, SpecId, Verdict};

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
    further_addresses: u64,
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
}

impl From<Spec> for SpecCoverage {
    fn from(spec: Spec) -> Self {
        Self {
            id: spec.id.map(SpecId),
            origin: Arc::new(spec.origin.into()),
            named: spec.named,
            label: spec.label.map(Into::into),
            covered: spec.covered,
            expect: spec.expect.map(|Word(verdict)| verdict),
            met: spec.met,
            seen: spec.seen.into_iter().map(|Word(verdict)| verdict).collect(),
        }
    }
}

impl TryFrom<Wire> for Coverage {
    type Error = String;

    fn try_from(wire: Wire) -> Result<Self, String> {
        let counts = [
            wire.targets,
            wire.excluded,
            wire.not_attempted,
            wire.excluded_addresses,
            wire.further_addresses,
        ];
        let counts = counts.iter().chain(wire.verdicts.values()).chain(wire.unreachable.kinds.values());
        if let Some(count) = counts.copied().find(|count| *count > MAX_COUNT) {
            return Err(format!("coverage: a count of {count} is more than any scan has"));
        }
        let by_kind = |counts: BTreeMap<Word<FailureKind>, u64>| {
            counts.into_iter().map(|(Word(kind), count)| (kind, count)).collect::<BTreeMap<_, _>>()
        };
        let failed_here = by_kind(wire.failed_here);
        if failed_here.values().try_fold(0_u64, |sum, count| sum.checked_add(*count))
            > Some(wire.not_attempted)
        {
            return Err("coverage: failed_here counts more than not_attempted does".to_owned());
        }
        let coverage = model::Coverage {
            targets: wire.targets,
            excluded: wire.excluded,
            not_attempted: wire.not_attempted,
            failed_here,
            excluded_addresses: wire.excluded_addresses,
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
