//! Texts that several formats share. The texts are not escaped; each format does that in its own way.

mod access;
mod change;
mod counts;
mod coverage;
mod endpoint;
mod finding;
mod name;

pub(super) use access::{access_reason, day};
pub(super) use change::{change_kind, change_text};
pub(super) use counts::{counts, counts_by_severity, plural};
pub(super) use coverage::{
    counts_by_kind, duration, not_attempted, specification_result, verdict_names,
};
pub(super) use endpoint::{anonymous_may, no_answer, target_and_address, who_answered};
pub(super) use finding::{
    MAX_REMEDIATION, about, acceptance_text, accepted_finding, expired_acceptance,
    finding_and_target, finding_text, lapsed_carried, proof_text, remediation_lines, with_label,
};
pub(super) use name::{
    change_name, configuration_place, endpoint_name, finding_name, listed_name, name,
    name_and_place,
};
