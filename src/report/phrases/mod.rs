//! What several formats say in the same words. The text is not escaped here: each format has its own way.

mod change;
mod coverage;
mod endpoint;
mod finding;

pub(super) use change::change_text;
pub(super) use coverage::{
    counts_by_kind, duration, not_attempted, specification_result, verdict_names,
};
pub(super) use endpoint::{anonymous_may, no_answer, target_and_address, who_answered};
pub(super) use finding::{
    about, acceptance_text, expired_acceptance, finding_text, remedy_text, remedy_with_link,
    with_label,
};

/// `1 target`, `2 targets`.
pub(super) fn plural(count: u64, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}
