//! The table of all products. Their patterns are compiled into one set for each place where they are looked for.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::LazyLock;

use regex::RegexSet;

use super::entry::{Entry, Place};
use super::file::File;
use crate::model::{Component, Provenance, Specificity, Text};

/// Panics on an error in the file, which is part of this program; a test reads it.
pub(crate) static TABLE: LazyLock<Table> = LazyLock::new(|| {
    Table::read(include_str!("products.toml")).unwrap_or_else(|defect| panic!("{defect}"))
});

pub(crate) struct Table {
    pub(crate) entries: Vec<Entry>,
    /// By [`Place`].
    patterns: Vec<Patterns>,
    /// Parts of the CA names that clusters use to authenticate clients and front proxies.
    pub(crate) cluster_ca_names: Vec<String>,
}

/// How many texts are remembered for a place.
const REMEMBERED: usize = 256;
/// The most bytes of a text that is remembered.
const LONGEST_REMEMBERED: usize = 64;

/// Texts, and the facts that they show: indices.
type Matched = HashMap<Box<str>, Box<[usize]>>;

thread_local! {
    /// Texts that were matched with the patterns of [`TABLE`], by [`Place`], and the facts that they show: clusters share
    /// most names in their certificates. Each thread has its own, because a shared one would pass between processors.
    static MATCHED: RefCell<[Matched; Place::COUNT]> = RefCell::default();
}

/// The patterns of one place, and the fact behind each of them.
struct Patterns {
    set: RegexSet,
    facts: Vec<Fact>,
}

/// What a pattern shows if it matches.
pub(crate) struct Fact {
    /// Index of the entry.
    pub(crate) entry: usize,
    pub(crate) specificity: Specificity,
    pub(crate) known: Provenance,
    pub(crate) source: Text,
    /// The only program that shows it, if there is only one.
    pub(crate) shows: Option<Component>,
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
        let mut entries = std::mem::take(&mut file.product);
        let mut places: [(Vec<String>, Vec<Fact>); Place::COUNT] = Default::default();
        for (index, (entry, built_on)) in entries.iter_mut().zip(ancestors).enumerate() {
            entry.built_on = built_on;
            for (place, facts) in entry.facts.drain() {
                let (patterns, of_place) = &mut places[place as usize];
                for fact in facts {
                    patterns.push(fact.like);
                    of_place.push(Fact {
                        entry: index,
                        specificity: fact.names,
                        known: fact.known,
                        source: file.source(&fact.source)?,
                        shows: fact.shows,
                    });
                }
            }
            for answer in entry
                .expected
                .iter_mut()
                .flat_map(|range| &mut range.answers)
            {
                answer.source = file.source(&answer.source)?;
            }
        }
        let patterns = places.into_iter().map(|(patterns, facts)| {
            let set = RegexSet::new(patterns).map_err(|error| error.to_string())?;
            Ok(Patterns { set, facts })
        });
        Ok(Self {
            entries,
            patterns: patterns.collect::<Result<_, String>>()?,
            cluster_ca_names: file.cluster_ca_names,
        })
    }

    /// Does something with each fact that a text shows.
    pub(crate) fn each_match(
        &'static self,
        place: Place,
        text: &str,
        mut found: impl FnMut(&'static Fact),
    ) {
        let patterns = self.patterns(place);
        MATCHED.with_borrow_mut(|matched| {
            let matched = &mut matched[place as usize];
            if let Some(facts) = matched.get(text) {
                facts.iter().for_each(|at| found(&patterns.facts[*at]));
                return;
            }
            let facts: Box<[usize]> = patterns.set.matches(text).into_iter().collect();
            facts.iter().for_each(|at| found(&patterns.facts[*at]));
            if text.len() <= LONGEST_REMEMBERED && matched.len() < REMEMBERED {
                matched.insert(text.into(), facts);
            }
        });
    }

    fn patterns(&self, place: Place) -> &Patterns {
        &self.patterns[place as usize]
    }

    /// The entry and the entries of everything that it is built on.
    pub(crate) fn with_roots<'a>(&'a self, entry: &'a Entry) -> impl Iterator<Item = &'a Entry> {
        let roots = entry.built_on.iter().map(|root| &self.entries[*root]);
        std::iter::once(entry).chain(roots)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Verdict;
    use crate::products::entry::Public;

    #[test]
    fn a_text_shows_the_same_when_it_comes_again() {
        let place = Place::ClientCa;
        let facts = |text: &str| {
            let mut facts = Vec::new();
            TABLE.each_match(place, text, |fact| facts.push(std::ptr::from_ref(fact)));
            facts
        };
        let remembered = |text: &str| {
            MATCHED.with_borrow(|matched| {
                let matched = &matched[place as usize];
                (matched.len(), matched.contains_key(text))
            })
        };
        let patterns = TABLE.patterns(place);
        let long = "x".repeat(LONGEST_REMEMBERED + 1);
        for text in ["CN=kubernetes", "CN=k3s-client-ca@1700000000", "", &long] {
            let shown = patterns.set.matches(text).into_iter();
            let expected: Vec<_> = shown
                .map(|at| std::ptr::from_ref(&patterns.facts[at]))
                .collect();
            assert_eq!([facts(text), facts(text)], [expected.clone(), expected]);
        }
        assert!(!facts("CN=kubernetes").is_empty());
        assert_eq!(remembered("CN=kubernetes"), (3, true));
        for number in 0..2 * REMEMBERED {
            assert!(facts(&format!("CN=nobody-{number}")).is_empty());
        }
        assert_eq!(remembered(&long), (REMEMBERED, false));
    }

    #[test]
    fn the_table_is_whole() {
        let table = &*TABLE;
        assert!(table.entries.len() > 40);
        for entry in &table.entries {
            let id = &entry.id;
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
                assert!(expected.end().is_some(), "{id}: known up to a release");
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

    /// Such a product ships with bindings that it needs. The default advice, the flags of the API server, would
    /// break it.
    #[test]
    fn a_product_with_bindings_to_keep_says_itself_how_to_change_the_setting() {
        let table = &*TABLE;
        let with_bindings: Vec<&Entry> = (table.entries.iter())
            .filter(|entry| table.with_roots(entry).any(|root| root.keep.is_some()))
            .collect();
        assert!(with_bindings.len() > 3);
        for entry in with_bindings {
            assert!(entry.change.is_some(), "{}", entry.id);
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
                "expected = [{ checked = 'soon', answers = [] }]\n",
                "checked",
            ),
            (
                "expected = [{ checked = '2026-11-23', answers = [{ verdict = 'open', known = 'observed' }] }]\n",
                "unknown variant `open`",
            ),
            ("colour = 'red'\n", "colour"),
        ] {
            let defect = Table::read(&format!("{head}{rest}")).err().unwrap();
            assert!(defect.contains(words), "{defect}");
        }
    }
}
