//! What a configuration file says, as a finding.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::evaluator::{Evaluator, Subject};
use super::rules::hit::Hit;
use crate::model::{Identity, Origin, Rule, TargetNames, Verdict};

/// One rule at one place of a configuration file.
#[derive(Debug)]
pub(crate) struct ConfigurationHit {
    pub(crate) rule: &'static Rule,
    /// What it is about.
    pub(crate) about: Identity,
    /// Where it is written.
    pub(crate) origin: Arc<Origin>,
    /// What people call it.
    pub(crate) label: Arc<str>,
    /// The predicted verdict.
    pub(crate) verdict: Option<Verdict>,
    pub(crate) message: String,
    /// The paths that it opens.
    pub(crate) open: BTreeSet<String>,
}

impl Evaluator<'_> {
    /// Adds a finding about a configuration. If it explains a predicted verdict and is accepted, so is the verdict.
    pub(crate) fn add_configuration(&mut self, found: ConfigurationHit) {
        let ConfigurationHit {
            rule,
            about,
            origin,
            label,
            verdict,
            message,
            open,
        } = found;
        let names = TargetNames::of_specification(about.as_str(), Some(&label));
        let subject = Subject {
            about,
            index: None,
            origin,
            label: Some(label),
            names: Some(names),
        };
        let hit = Hit {
            open,
            ..Hit::proven(message, Vec::new())
        };
        let accepted = self.record(rule, &subject, verdict, Vec::new(), hit);
        if let Some(verdict) = verdict {
            let severity = self.policy.severity(rule);
            self.count_verdict(verdict, accepted, &subject, severity);
        }
    }
}
