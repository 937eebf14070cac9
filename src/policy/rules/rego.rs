//! What policies of the user's own, in Rego, say of a report (`--policy`).

use super::hit::DEFAULTS;
use crate::model::{Rule, Severity};

pub(in crate::policy) static DENIED: Rule = Rule {
    id: "policy-denied",
    title: "A policy of your own denies it",
    meaning: "A rule deny or violation of a policy that was given with --policy has a result for this target. The \
        message is that of the policy, and what it means is written there.",
    proof: "The policy, evaluated on the json report of this scan. conftest and opa give the same result for that \
        report.",
    severity: Severity::High,
    score: "7.0",
    page: PAGE,
    ..DEFAULTS
};

pub(in crate::policy) static WARNED: Rule = Rule {
    id: "policy-warned",
    title: "A policy of your own warns about it",
    meaning: "A rule warn of a policy that was given with --policy has a result for this target. The message is that \
        of the policy, and what it means is written there.",
    proof: "The policy, evaluated on the json report of this scan. conftest and opa give the same result for that \
        report.",
    severity: Severity::Low,
    score: "2.0",
    page: PAGE,
    ..DEFAULTS
};

const PAGE: &str = "https://www.openpolicyagent.org/docs/policy-language";

/// Whether a finding comes from a policy and not from the records alone.
pub(in crate::policy) fn is_of_policy(rule: &Rule) -> bool {
    *rule == DENIED || *rule == WARNED
}
