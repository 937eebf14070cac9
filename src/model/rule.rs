//! What a finding is an instance of: a rule with its explanation.

use super::{Remediation, Severity};

/// One rule. All rules are made in one place, so that a reference to one is enough everywhere.
#[derive(Debug)]
pub struct Rule {
    /// Kebab-case, and never changed.
    pub id: &'static str,
    /// One line: what is wrong.
    pub title: &'static str,
    /// What it means for the cluster, in a few sentences.
    pub meaning: &'static str,
    /// What the finding rests on.
    pub proof: &'static str,
    /// Looks up how to fix it by the id of the rule: the texts are data of another module.
    pub advice: fn(&str) -> Remediation,
    /// How much it matters, unless the settings say otherwise.
    pub severity: Severity,
    /// GitHub's `security-severity`: a decimal from 0.0 to 10.0 in the band of [`Self::severity`].
    pub score: &'static str,
    /// A page of documentation about it.
    pub page: &'static str,
    /// The weakness, by its CWE number.
    pub cwe: Option<u16>,
    /// What it is evidence for.
    pub controls: &'static [Control],
    /// Whether its findings are about anonymous access. Such a finding explains the verdict of its endpoint: an endpoint
    /// has at most one, and accepting that one accepts the verdict.
    pub anonymous_access: bool,
    /// Whether its findings say that the scan could not tell, and not that something is wrong.
    pub about_coverage: bool,
}

impl Rule {
    /// How to fix it, where no provider's own way is known.
    pub fn remediation(&self) -> Remediation {
        (self.advice)(self.id)
    }
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Rule {}

/// An item of a benchmark or catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Control {
    /// Who publishes it, with the edition.
    pub framework: &'static str,
    /// The item's number; empty where the document has none.
    pub id: &'static str,
    /// What the item says.
    pub text: &'static str,
}
