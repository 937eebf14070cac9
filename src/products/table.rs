//! The table of all products. Their patterns are compiled into one set for each place where they are looked for.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use parking_lot::RwLock;
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

/// The patterns of one place, and the fact behind each of them.
pub(crate) struct Patterns {
    set: RegexSet,
    facts: Vec<Fact>,
    /// Texts that were matched before, and the facts that they show: clusters share most names in their certificates.
    matched: RwLock<HashMap<Box<str>, Arc<[usize]>>>,
    /// The patterns that only one program shows, for each such program.
    of_programs: Vec<(Component, RegexSet)>,
}

impl Patterns {
    /// The facts that a text shows.
    pub(crate) fn matching(&self, text: &str) -> impl Iterator<Item = &Fact> {
        let facts = self.matches(text);
        (0..facts.len()).map(move |at| &self.facts[facts[at]])
    }

    fn matches(&self, text: &str) -> Arc<[usize]> {
        if let Some(facts) = self.matched.read().get(text) {
            return Arc::clone(facts);
        }
        let facts: Arc<[usize]> = self.set.matches(text).into_iter().collect();
        if text.len() <= LONGEST_REMEMBERED {
            let mut matched = self.matched.write();
            if matched.len() < REMEMBERED {
                matched.insert(text.into(), Arc::clone(&facts));
            }
        }
        facts
    }

    fn new(patterns: &[String], facts: Vec<Fact>) -> Result<Self, regex::Error> {
        let mut of_programs: Vec<(Component, Vec<&String>)> = Vec::new();
        for (pattern, fact) in patterns.iter().zip(&facts) {
            let Some(program) = fact.shows else { continue };
            match (of_programs.iter_mut()).find(|(other, _)| *other == program) {
                Some((_, patterns)) => patterns.push(pattern),
                None => of_programs.push((program, vec![pattern])),
            }
        }
        let of_programs = of_programs
            .into_iter()
            .map(|(program, patterns)| Ok((program, RegexSet::new(patterns)?)));
        Ok(Self {
            set: RegexSet::new(patterns)?,
            facts,
            matched: RwLock::default(),
            of_programs: of_programs.collect::<Result<_, regex::Error>>()?,
        })
    }
}

/// What a pattern shows if it matches.
pub(crate) struct Fact {
    /// Index of the entry.
    pub(crate) entry: usize,
    pub(crate) specificity: Specificity,
    pub(crate) known: Provenance,
    pub(crate) source: Text,
    /// The only program that shows it, if there is only one.
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
            Patterns::new(&patterns, facts).map_err(|error| error.to_string())
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

    /// Whether a text shows this program, of any product.
    pub(crate) fn shows(&self, place: Place, text: &str, component: Component) -> bool {
        let mut programs = self.patterns(place).of_programs.iter();
        programs.any(|(program, patterns)| *program == component && patterns.is_match(text))
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
        let patterns = TABLE.patterns(Place::ClientCa);
        let facts = |text: &str| -> Vec<usize> { patterns.matches(text).to_vec() };
        let long = "x".repeat(LONGEST_REMEMBERED + 1);
        for text in ["CN=kubernetes", "CN=k3s-client-ca@1700000000", "", &long] {
            let expected: Vec<usize> = patterns.set.matches(text).into_iter().collect();
            assert_eq!([facts(text), facts(text)], [expected.clone(), expected]);
        }
        for number in 0..2 * REMEMBERED {
            assert!(facts(&format!("CN=nobody-{number}")).is_empty());
        }
        assert!(patterns.matched.read().len() <= REMEMBERED);
        assert!(!patterns.matched.read().contains_key(&*long));
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
