//! The table of distributions and managed services: `products.toml`, read once, its patterns compiled
//! once into a set for each place that they are looked for in.

mod file;

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::RegexSet;
use serde::Deserialize;

use self::file::{File, FileProduct, source};
use crate::model::{Minor, Product, Provenance, Specificity, Text, Verdict};

/// The compiled table. A defect in it is a defect of this program, which the tests find: every
/// pattern compiles, every name resolves.
pub(super) static TABLE: LazyLock<Table> = LazyLock::new(|| {
    Table::read(include_str!("products.toml")).unwrap_or_else(|defect| panic!("{defect}"))
});

/// Where a pattern is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
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
    pub(super) const COUNT: usize = 8;

    /// Whether the server itself shows it in the TLS handshake.
    pub(super) const fn is_of_the_handshake(self) -> bool {
        matches!(
            self,
            Self::Issuer | Self::Subject | Self::San | Self::ClientCa
        )
    }
}

/// All products and, by [`Place`], all patterns.
pub(super) struct Table {
    pub(super) entries: Vec<Entry>,
    pub(super) patterns: [Patterns; Place::COUNT],
}

/// One product.
pub(super) struct Entry {
    pub(super) product: Product,
    /// What it is built on, transitively: indices of entries.
    pub(super) built_on: Vec<usize>,
    pub(super) expected: Vec<Expected>,
    /// Without expectations: what was looked for.
    pub(super) unknown: Option<String>,
    pub(super) changeable: Option<bool>,
    pub(super) change: Option<String>,
    pub(super) url: Option<String>,
    pub(super) network_url: Option<String>,
}

/// The verdicts that are right for a range of minor releases, bounds inclusive.
pub(super) struct Expected {
    pub(super) from: Option<Minor>,
    pub(super) to: Option<Minor>,
    pub(super) answers: Vec<ExpectedAnswer>,
    pub(super) note: Option<String>,
}

impl Expected {
    pub(super) fn holds_for(&self, minor: Minor) -> bool {
        self.from.is_none_or(|from| from <= minor) && self.to.is_none_or(|to| minor <= to)
    }
}

/// What may be open to everybody where that is expected, beside what a product opens by design.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, strum::IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub(super) enum Public {
    /// `/version`.
    Version,
    /// `/healthz`, `/livez`, `/readyz`.
    Health,
    /// `/api`, `/apis` and their documents, as below 1.14.
    Discovery,
}

impl Public {
    /// The word in sentences.
    pub(super) fn as_str(self) -> &'static str {
        self.into()
    }
}

/// One answer that is right.
pub(super) struct ExpectedAnswer {
    pub(super) verdict: Verdict,
    /// What is open then.
    pub(super) open: Vec<Public>,
    pub(super) known: Provenance,
    pub(super) source: Text,
    /// What this answer tells about how the cluster is set.
    pub(super) mode: Option<String>,
    /// Right or wrong depending on what cannot be seen.
    pub(super) undecided: bool,
    /// Provenance of the setting or of some paths; the answer at `/api` is concluded from that.
    pub(super) concluded: bool,
}

/// The patterns of one place: a set, and the fact behind each of its members.
pub(super) struct Patterns {
    pub(super) set: RegexSet,
    pub(super) facts: Vec<Fact>,
}

/// What it means that a pattern fits.
pub(super) struct Fact {
    /// Index of the entry.
    pub(super) entry: usize,
    pub(super) specificity: Specificity,
    pub(super) known: Provenance,
    pub(super) source: Text,
}

impl Table {
    fn read(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| format!("products.toml: {error}"))?;
        let index: HashMap<String, usize> = file
            .product
            .iter()
            .enumerate()
            .map(|(at, product)| (product.id.clone(), at))
            .collect();
        let mut lists: [(Vec<String>, Vec<Fact>); Place::COUNT] = Default::default();
        let mut entries = Vec::new();
        let ancestors = file
            .product
            .iter()
            .map(|product| ancestors(product, &file.product, &index));
        let ancestors: Vec<Vec<usize>> = ancestors.collect::<Result<_, _>>()?;
        for (entry, (product, built_on)) in file.product.into_iter().zip(ancestors).enumerate() {
            let of_places = [
                product.version,
                product.host,
                product.issuer,
                product.subject,
                product.san,
                product.client_ca,
                product.transport_security,
                product.answer,
            ];
            for (list, facts) in lists.iter_mut().zip(of_places) {
                for fact in facts {
                    let source = source(&file.sources, fact.source.as_deref())?;
                    list.0.push(fact.like);
                    list.1.push(Fact {
                        entry,
                        specificity: fact.names.into(),
                        known: fact.known.into(),
                        source,
                    });
                }
            }
            let expected = product
                .expected
                .into_iter()
                .map(|range| range.mean(&file.sources));
            entries.push(Entry {
                product: Product {
                    id: product.id.into(),
                    name: product.name.into(),
                    short: product.short.into(),
                    managed: product.managed,
                },
                built_on,
                expected: expected.collect::<Result<_, _>>()?,
                unknown: product.unknown,
                changeable: product.changeable,
                change: product.change,
                url: product.url,
                network_url: product.network_url,
            });
        }
        let compiled = lists.map(|(patterns, facts)| {
            RegexSet::new(&patterns)
                .map(|set| Patterns { set, facts })
                .map_err(|error| error.to_string())
        });
        let patterns: Vec<Patterns> = compiled.into_iter().collect::<Result<_, _>>()?;
        let patterns = patterns
            .try_into()
            .map_err(|_| "a set of patterns is missing".to_owned())?;
        Ok(Self { entries, patterns })
    }

    pub(super) fn patterns(&self, place: Place) -> &Patterns {
        &self.patterns[place as usize]
    }
}

fn ancestors(
    product: &FileProduct,
    all: &[FileProduct],
    index: &HashMap<String, usize>,
) -> Result<Vec<usize>, String> {
    let mut found = Vec::new();
    let mut open: Vec<&str> = product.based_on.iter().map(String::as_str).collect();
    while let Some(id) = open.pop() {
        let at = *index
            .get(id)
            .ok_or_else(|| format!("{} is based on {id}, which is no entry", product.id))?;
        if !found.contains(&at) {
            found.push(at);
            open.extend(all[at].based_on.iter().map(String::as_str));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        let table = &*TABLE;
        assert!(table.entries.len() > 40);
        for entry in &table.entries {
            let id = &entry.product.id;
            assert!(
                id.bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                "{id}"
            );
            assert_eq!(
                entry.expected.is_empty(),
                entry.unknown.is_some(),
                "{id} says what is expected, or what was looked for"
            );
            for expected in &entry.expected {
                assert!(!expected.answers.is_empty(), "{id}");
                for answer in &expected.answers {
                    assert!(
                        answer.verdict.is_conclusive(),
                        "{id}: only verdicts on an API server"
                    );
                    let open = |public| answer.open.contains(&public);
                    assert_eq!(
                        answer.open.is_empty(),
                        answer.verdict == Verdict::Rejected,
                        "{id}"
                    );
                    assert_eq!(
                        open(Public::Discovery),
                        answer.verdict == Verdict::Exposed,
                        "{id}"
                    );
                }
            }
        }
        for patterns in &table.patterns {
            assert_eq!(patterns.set.len(), patterns.facts.len());
            // The program is built without Unicode tables; the tests, through a dependency, with them.
            for class in ["\\d", "\\s", "\\w", "\\b", "\\p", "(?i"] {
                assert!(
                    patterns
                        .set
                        .patterns()
                        .iter()
                        .all(|pattern| !pattern.contains(class)),
                    "{class}"
                );
            }
        }
    }

    #[test]
    fn a_defect_is_named() {
        let head = "[sources]\n[[product]]\nid = 'x'\nname = 'X'\nshort = 'X'\nmanaged = false\n";
        for (rest, words) in [
            ("based_on = ['y']\n", "no entry"),
            (
                "version = [{ like = '(', names = 'unique', known = 'observed' }]\n",
                "unclosed",
            ),
            (
                "version = [{ like = 'a', names = 'unique', known = 'observed', source = 'z' }]\n",
                "not listed",
            ),
            (
                "expected = [{ answers = [{ verdict = 'open', known = 'observed' }] }]\n",
                "invalid verdict `open`",
            ),
            ("colour = 'red'\n", "colour"),
        ] {
            let defect = Table::read(&format!("{head}{rest}")).err().unwrap();
            assert!(defect.contains(words), "{defect}");
        }
    }
}
