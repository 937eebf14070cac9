//! One product: how its API servers should answer, and what its users can change.

use serde::Deserialize;

use crate::kubernetes::Minor;
use crate::model::{Product, Provenance, Text, Verdict};

pub(crate) struct Entry {
    pub(crate) product: Product,
    /// What it is built on, transitively: indices of entries.
    pub(crate) built_on: Vec<usize>,
    pub(crate) expected: Vec<Expected>,
    /// Without expectations: what was looked for.
    pub(crate) unknown: Option<String>,
    /// Whether its users can change the anonymous setting.
    pub(crate) changeable: Option<bool>,
    /// How its users change it.
    pub(crate) change: Option<String>,
    /// The bindings that must stay, its own or those of what it is built on.
    pub(crate) keep: Option<String>,
    /// Whether only the flags and bindings of upstream Kubernetes are there to be set.
    pub(crate) upstream: bool,
    /// Whether a server that rejects every anonymous request may have the weakest setting.
    pub(crate) rejected_is_weak: bool,
    pub(crate) url: Option<String>,
    pub(crate) network_url: Option<String>,
}

/// The right answers for a range of minor releases, bounds inclusive.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    from: Option<Minor>,
    to: Option<Minor>,
    pub(crate) answers: Vec<ExpectedAnswer>,
    pub(crate) note: Option<String>,
}

impl Expected {
    pub(crate) fn holds_for(&self, minor: Minor) -> bool {
        self.from.is_none_or(|from| from <= minor) && self.to.is_none_or(|to| minor <= to)
    }

    /// ` from 1.32 on`; empty for a range without bounds.
    pub(crate) fn since(&self) -> String {
        match (self.from, self.to) {
            (Some(from), None) => format!(" from {from} on"),
            (Some(from), Some(to)) => format!(" from {from} to {to}"),
            (None, Some(to)) => format!(" up to {to}"),
            (None, None) => String::new(),
        }
    }
}

/// One right answer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExpectedAnswer {
    pub(crate) verdict: Verdict,
    /// What is open then.
    #[serde(default)]
    pub(crate) open: Vec<Public>,
    pub(crate) known: Provenance,
    /// In the file the id of a source, in the table its title and address.
    #[serde(default)]
    pub(crate) source: Text,
    /// What this answer shows about the cluster's configuration.
    pub(crate) mode: Option<String>,
    /// Right or wrong depending on what cannot be seen.
    #[serde(default)]
    pub(crate) undecided: bool,
    /// Whether the answer at `/api` is concluded from what is known of the setting or of other paths.
    #[serde(default)]
    pub(crate) concluded: bool,
}

/// What an expected answer opens to everybody, besides what a product opens by design.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Public {
    /// `/version`.
    Version,
    /// `/healthz`, `/livez`, `/readyz`.
    Health,
    /// `/api`, `/apis` and their documents, as below 1.14.
    Discovery,
}

impl Public {
    /// The word in sentences.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::Health => "health",
            Self::Discovery => "discovery",
        }
    }
}
