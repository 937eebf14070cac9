//! The table of all products with their patterns, compiled into one set for each place where they are looked for.

use std::sync::LazyLock;

use regex::RegexSet;

use super::entry::Entry;
use super::file::{File, FileFact, FileProduct};
use crate::model::{Component, Product, Provenance, Specificity, Text};

/// A defect in the file is a defect of this program, which the tests find.
pub(crate) static TABLE: LazyLock<Table> = LazyLock::new(|| {
    Table::read(include_str!("products.toml")).unwrap_or_else(|defect| panic!("{defect}"))
});

/// Where a pattern is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    pub(crate) const fn is_of_the_handshake(self) -> bool {
        matches!(
            self,
            Self::Issuer | Self::Subject | Self::San | Self::ClientCa
        )
    }
}

pub(crate) struct Table {
    pub(crate) entries: Vec<Entry>,
    /// By [`Place`].
    patterns: Vec<Patterns>,
    /// Parts of the CA names that clusters use to authenticate clients and front proxies.
    pub(crate) cluster_ca_names: Vec<String>,
}

/// The patterns of one place, and the fact behind each of them.
pub(crate) struct Patterns {
    pub(crate) set: RegexSet,
    pub(crate) facts: Vec<Fact>,
}

/// What it means that a pattern fits.
pub(crate) struct Fact {
    /// Index of the entry.
    pub(crate) entry: usize,
    pub(crate) specificity: Specificity,
    pub(crate) known: Provenance,
    pub(crate) source: Text,
    /// The program that shows it, where only one does.
    shows: Option<Component>,
}

impl Table {
    fn read(text: &str) -> Result<Self, String> {
        let mut file: File =
            toml::from_str(text).map_err(|error| format!("products.toml: {error}"))?;
        let ancestors: Vec<Vec<usize>> = file
            .product
            .iter()
            .map(|product| file.ancestors(product))
            .collect::<Result<_, _>>()?;
        let products = std::mem::take(&mut file.product);
        let mut places: [(Vec<String>, Vec<Fact>); Place::COUNT] = Default::default();
        let mut entries = Vec::new();
        for (index, (mut product, built_on)) in products.into_iter().zip(ancestors).enumerate() {
            for (place, facts) in places.iter_mut().zip(facts_by_place(&mut product)) {
                for fact in facts {
                    place.1.push(Fact {
                        entry: index,
                        specificity: fact.names,
                        known: fact.known,
                        source: file.source(&fact.source)?,
                        shows: fact.shows,
                    });
                    place.0.push(fact.like);
                }
            }
            let answers = product
                .expected
                .iter_mut()
                .flat_map(|range| &mut range.answers);
            for answer in answers {
                answer.source = file.source(&answer.source)?;
            }
            entries.push(entry(product, built_on));
        }
        let patterns = places.into_iter().map(|(patterns, facts)| {
            let set = RegexSet::new(&patterns).map_err(|error| error.to_string())?;
            Ok(Patterns { set, facts })
        });
        Ok(Self {
            entries,
            patterns: patterns.collect::<Result<_, String>>()?,
            cluster_ca_names: file.cluster_ca_names,
        })
    }

    pub(crate) fn patterns(&self, place: Place) -> &Patterns {
        &self.patterns[place as usize]
    }

    /// Whether a text shows this program, whatever product it belongs to.
    pub(crate) fn shows(&self, place: Place, text: &str, component: Component) -> bool {
        let patterns = self.patterns(place);
        patterns
            .set
            .matches(text)
            .into_iter()
            .any(|at| patterns.facts[at].shows == Some(component))
    }

    /// The entry and those of everything that it is built on.
    pub(crate) fn with_roots<'a>(&'a self, entry: &'a Entry) -> impl Iterator<Item = &'a Entry> {
        let roots = entry.built_on.iter().map(|root| &self.entries[*root]);
        std::iter::once(entry).chain(roots)
    }
}

/// In the order of [`Place`].
fn facts_by_place(product: &mut FileProduct) -> [Vec<FileFact>; Place::COUNT] {
    [
        &mut product.version,
        &mut product.host,
        &mut product.issuer,
        &mut product.subject,
        &mut product.san,
        &mut product.client_ca,
        &mut product.transport_security,
        &mut product.answer,
    ]
    .map(std::mem::take)
}

fn entry(product: FileProduct, built_on: Vec<usize>) -> Entry {
    Entry {
        product: Product {
            id: product.id.into(),
            name: product.name.into(),
            short: product.short.into(),
            managed: product.managed,
        },
        built_on,
        expected: product.expected,
        unknown: product.unknown,
        changeable: product.changeable,
        change: product.change,
        keep: product.keep,
        upstream: product.upstream,
        rejected_is_weak: product.rejected_is_weak,
        url: product.url,
        network_url: product.network_url,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Verdict;
    use crate::products::entry::Public;

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
        let head = "cluster_ca_names = []\n[sources]\n[[product]]\nid = 'x'\nname = 'X'\nshort = 'X'\nmanaged = false\n";
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
                "unknown variant `open`",
            ),
            ("colour = 'red'\n", "colour"),
        ] {
            let defect = Table::read(&format!("{head}{rest}")).err().unwrap();
            assert!(defect.contains(words), "{defect}");
        }
    }
}
