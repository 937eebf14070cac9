//! Reports → findings, and findings → an exit code. Pure: no I/O, no clock; the day is the scan's.
//!
//! ```text
//! EndpointReport, Coverage ─rules→ Finding ─baseline→ new, unchanged, absent ─gate→ Decision
//!                                     └─ severities and acceptances of the settings
//! ```
//!
//! A rule is a file in `rules/` with its explanation and a small pure function; [`RULES`] lists them
//! once. To add one: the file, its line in [`RULES`], its section in `docs/rules.md` (a test says how
//! it must read), and a simulated server that makes it fire.

mod acceptance;
mod baseline;
mod changes;
mod controls;
mod evaluator;
mod gate;
mod rules;

pub use acceptance::Accept;
pub use changes::Snapshot;
pub use evaluator::{Evaluator, Judged};
pub use gate::{
    COULD_NOT_RUN, Decision, End, FailOn, Gate, INTERRUPTED, NOT_COVERED, UnknownFailOn,
};

use crate::model::{Rule, Severity};

/// Every rule, in the order of the documentation: what is open, what differs, what cannot be told.
pub static RULES: [&Rule; 19] = [
    &rules::exposure::RESOURCES,
    &rules::exposure::DISCOVERY,
    &rules::exposure::TELEMETRY,
    &rules::insecure_http::RULE,
    &rules::etcd::RULE,
    &rules::kubelet::OPEN,
    &rules::kubelet::ANONYMOUS,
    &rules::anonymous_auth::RULE,
    &rules::public_info::VERSION,
    &rules::public_info::HEALTH,
    &rules::posture::RULE,
    &rules::expectation::RULE,
    &rules::divergence::RULE,
    &rules::support::RULE,
    &rules::certificate::EXPIRED,
    &rules::certificate::EXPIRING,
    &rules::coverage::INCONCLUSIVE,
    &rules::coverage::NOT_FULLY_ASKED,
    &rules::coverage::NOT_COVERED,
];

/// The rule of this id.
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.into_iter().find(|rule| rule.id == id)
}

/// What the settings say about findings.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Severities in place of a rule's own.
    pub severities: Vec<(&'static Rule, Severity)>,
    /// Findings that somebody knows and has reasons for.
    pub accept: Vec<Accept>,
}

#[cfg(test)]
mod tests;
