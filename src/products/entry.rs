//! One product: how its API servers should answer, and what its users can change.

use std::collections::HashMap;

use jiff::civil::Date;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::guide::{Action, Guide};
use crate::kubernetes::Minor;
use crate::model::{Component, Product, Provenance, Specificity, Text, Verdict};

/// A product as `products.toml` has it. A key that is neither a field nor a [`Place`] is an error, because a
/// misspelt key would lose a fact.
#[derive(Deserialize)]
pub(crate) struct Entry {
    pub(crate) id: String,
    name: String,
    pub(crate) short: String,
    pub(crate) managed: bool,
    #[serde(default)]
    pub(super) based_on: Vec<String>,
    /// The entries of everything that it is built on, transitively: indices.
    #[serde(skip)]
    pub(crate) built_on: Vec<usize>,
    #[serde(default)]
    pub(crate) expected: Vec<Expected>,
    /// What was looked for, if there are no expectations.
    pub(crate) unknown: Option<String>,
    /// Whether its users can change the anonymous setting.
    pub(crate) changeable: Option<bool>,
    /// How its users change that setting.
    pub(crate) change: Option<Guide>,
    /// How its users get another minor release of Kubernetes.
    pub(crate) upgrade: Option<Guide>,
    /// How its users renew the serving certificate of the API server.
    pub(crate) renew: Option<Guide>,
    /// The step that names the bindings that must stay; they must also stay in products that are built on this one.
    pub(crate) keep: Option<Action>,
    /// Whether a server that rejects every anonymous request may have the weakest setting.
    #[serde(default)]
    pub(crate) rejected_is_weak: bool,
    pub(crate) url: Option<String>,
    pub(crate) network_url: Option<String>,
    /// The patterns that show the product.
    #[serde(flatten)]
    pub(super) facts: HashMap<Place, Vec<FileFact>>,
}

impl Entry {
    /// The product as reports name it.
    pub(crate) fn product(&'static self) -> Product {
        Product {
            id: self.id.as_str().into(),
            name: self.name.as_str().into(),
            short: self.short.as_str().into(),
            managed: self.managed,
        }
    }
}

/// Where a pattern is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Place {
    Version,
    Host,
    Issuer,
    Subject,
    San,
    ClientCa,
    TransportSecurity,
    Answer,
}

impl Place {
    pub(crate) const COUNT: usize = 8;

    /// Whether the server itself shows it in the TLS handshake.
    pub(crate) const fn is_in_handshake(self) -> bool {
        matches!(
            self,
            Self::Issuer | Self::Subject | Self::San | Self::ClientCa
        )
    }
}

/// A pattern, and what it means if it matches.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileFact {
    pub(super) like: String,
    pub(super) names: Specificity,
    pub(super) known: Provenance,
    pub(super) shows: Option<Component>,
    #[serde(default)]
    pub(super) source: Text,
    #[expect(dead_code, reason = "for people who read the table")]
    note: Option<String>,
}

/// The expected answers of a range of minor releases, bounds inclusive.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    from: Option<Minor>,
    to: Option<Minor>,
    /// The newest release when it was checked, for a range without an end.
    known_to: Option<Minor>,
    /// The day of the last look at the sources.
    #[serde(deserialize_with = "date")]
    pub(crate) checked: Date,
    pub(crate) answers: Vec<ExpectedAnswer>,
    pub(crate) note: Option<String>,
}

impl Expected {
    /// How many years it counts after the last look at the sources.
    const SHELF_LIFE: i16 = 2;

    pub(crate) fn holds_for(&self, minor: Minor) -> bool {
        self.from.is_none_or(|from| from <= minor) && self.end().is_none_or(|end| minor <= end)
    }

    /// The last release that it is known for.
    pub(crate) fn end(&self) -> Option<Minor> {
        self.to.or(self.known_to)
    }

    /// Whether it still counts on a day.
    pub(crate) fn is_fresh(&self, day: Date) -> bool {
        let same_day = |date: Date, years: i16| (date.year() + years, date.month(), date.day());
        same_day(self.checked, Self::SHELF_LIFE) >= same_day(day, 0)
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

fn date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(D::Error::custom)
}

/// One expected answer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExpectedAnswer {
    pub(crate) verdict: Verdict,
    /// What is open in this answer.
    #[serde(default)]
    pub(crate) open: Vec<Public>,
    pub(crate) known: Provenance,
    /// The id of a source in the file; its title and address in the table.
    #[serde(default)]
    pub(crate) source: Text,
    /// What this answer shows about the cluster's configuration.
    pub(crate) mode: Option<String>,
    /// Whether something that is invisible from outside decides if this answer is right.
    #[serde(default)]
    pub(crate) undecided: bool,
    /// Whether the answer at `/api` is concluded from facts about the setting or about other paths.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_counts_for_two_years_after_the_last_look_at_its_sources() {
        for (checked, last, too_late) in [
            ("2026-05-31", "2028-05-31", "2028-06-01"),
            ("2024-02-29", "2026-02-28", "2026-03-01"),
            ("2026-02-28", "2028-02-28", "2028-02-29"),
            ("2026-12-31", "2028-12-31", "2029-01-01"),
        ] {
            let range = Expected {
                from: None,
                to: None,
                known_to: None,
                checked: checked.parse().unwrap(),
                answers: Vec::new(),
                note: None,
            };
            assert!(range.is_fresh(last.parse().unwrap()), "{last}");
            assert!(!range.is_fresh(too_late.parse().unwrap()), "{too_late}");
        }
    }
}
