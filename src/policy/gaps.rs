//! The named targets without a verdict, for the sentence of the gate.

use std::collections::BTreeMap;

use super::culprits::{Culprits, name};
use super::evaluator::Evaluation;
use crate::model::{Coverage, Identity, MissingReason, Severity, without_annotations};
use crate::wording::{counts, plural};

/// The named targets without a verdict.
#[derive(Default)]
pub(super) struct Gaps {
    /// Those whose missing verdict is accepted.
    pub(super) accepted: u64,
    /// The others, by reason.
    by_reason: BTreeMap<MissingReason, u64>,
    /// Their names, without those that the sentence about an outage counts.
    named: Culprits,
}

impl Gaps {
    pub(super) fn of(coverage: &Coverage, evaluation: &Evaluation) -> Self {
        let mut gaps = Self::default();
        for spec in &coverage.specs {
            let Some(reason) = spec.missing_reason() else {
                continue;
            };
            // Equal lines of a targets file share one finding, so this counts specifications.
            let about = Identity::of_specification(&spec.origin);
            if evaluation.accepted_gaps.contains(&about) {
                gaps.accepted += 1;
                continue;
            }
            *gaps.by_reason.entry(reason).or_default() += 1;
            if !(evaluation.outage.is_some() && reason == MissingReason::Unreachable) {
                let name = name(
                    spec.label.as_deref(),
                    without_annotations(&spec.origin.text),
                );
                // None is worse than another.
                gaps.named.add(name, Severity::Note);
            }
        }
        gaps
    }

    /// `8 of 15 named targets not covered (7 outside --allow, 1 unreachable): a, b, c and 5 more`.
    pub(super) fn text(&self, named: u64, required: u8) -> String {
        let missing = self.by_reason.values().sum();
        let targets = plural(named, "named target", "named targets");
        let start = format!("{missing} of {targets} not covered");
        self.described(&start, missing, self.by_reason.iter(), required)
    }

    /// The targets that the sentence about an outage does not count: `2 more named targets not covered (inconclusive):
    /// a, b`. `None` if all are unreachable.
    pub(super) fn text_besides_outage(&self, required: u8) -> Option<String> {
        let others = || {
            let reasons = self.by_reason.iter();
            reasons.filter(|(reason, _)| **reason != MissingReason::Unreachable)
        };
        let missing = others().map(|(_, count)| count).sum();
        let start = plural(missing, "more named target", "more named targets");
        let start = format!("{start} not covered");
        (missing > 0).then(|| self.described(&start, missing, others(), required))
    }

    fn described<'a>(
        &self,
        start: &str,
        missing: u64,
        reasons: impl Iterator<Item = (&'a MissingReason, &'a u64)>,
        required: u8,
    ) -> String {
        let reasons: Vec<(u64, &str)> = reasons
            .map(|(reason, count)| (*count, reason.phrase()))
            .collect();
        let mut notes = match reasons.as_slice() {
            [(_, only)] => vec![(*only).to_owned()],
            several => vec![counts(several.iter().copied())],
        };
        if self.accepted > 0 {
            notes.push(format!("{} more accepted", self.accepted));
        }
        if required < 100 {
            notes.push(format!("{required}% required"));
        }
        let (notes, names) = (notes.join(", "), self.named.text(missing));
        format!("{start} ({notes}): {names}")
    }
}
