//! Turns reports into findings, and findings into an exit code. It does no I/O and reads no clock: "today" is the
//! day of the scan.
//!
//! ```text
//! EndpointReport, Coverage ─rules→ Finding ─baseline→ new, unchanged, absent ─gate→ Decision
//!                                     └─ severities and acceptances of the settings
//! ```
//!
//! A rule is a file in `rules/` and a line in `rules::REGISTRY`. A rule about anonymous access also has a row in
//! `rules/anonymous_access.rs`, which chooses the one finding about an endpoint. A new rule also needs a remedy in
//! `advise/advice.toml`, a section in `docs/rules.md` (a test says how it must read), and a test with a simulated
//! server.

mod baseline;
mod carrier;
mod changes;
mod configuration_hit;
mod controls;
mod culprits;
mod evaluator;
mod gaps;
mod gate;
#[cfg(feature = "rego")]
mod rego;
#[cfg(feature = "rego")]
mod rego_ast;
#[cfg(feature = "rego")]
mod rego_data;
#[cfg(feature = "rego")]
mod rego_error;
#[cfg(feature = "rego")]
mod rego_findings;
#[cfg(feature = "rego")]
mod rego_references;
#[cfg(feature = "rego")]
mod rego_safety;
mod retired;
mod rules;
mod settings;
mod snapshot;

pub use carrier::{Carried, Carrier, proves};
pub(crate) use configuration_hit::ConfigurationHit;
pub use evaluator::{Evaluation, Evaluator};
pub use gate::{
    COULD_NOT_RUN, Decision, FAILED, FailOn, Gate, INTERRUPTED, InvalidThreshold, NOT_COVERED,
    PASSED, ScanEnd,
};
#[cfg(feature = "rego")]
pub use rego::{RegoJudgement, RegoPolicies, RegoResult};
#[cfg(feature = "rego")]
pub use rego_error::RegoError;
#[cfg(feature = "rego")]
pub use rego_findings::PolicyFindings;
pub use retired::{RETIRED, Retired, retired};
pub use settings::{Accept, AcceptedRules, Policy};
pub use snapshot::Snapshot;

use crate::model::Rule;
use rules::REGISTRY;
pub(crate) use rules::configuration;

/// Every rule, in the order of the documentation.
pub static RULES: [&Rule; REGISTRY.len()] = {
    let mut rules = [REGISTRY[0].rule; REGISTRY.len()];
    let mut index = 1;
    while index < rules.len() {
        rules[index] = REGISTRY[index].rule;
        index += 1;
    }
    rules
};

/// The rule with this id.
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.into_iter().find(|rule| rule.id == id)
}

#[cfg(test)]
mod tests;
