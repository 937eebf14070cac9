//! Whose it is: the marks of all products are gathered, and the best supported product is named.
//!
//! **How strong a product is.** A mark is worth what its pattern tells apart and how well that is
//! known ([`worth`]). Marks of one place count once, the best of them: ten names in one certificate
//! are one witness. A product is *high* with a unique mark and a second independent one, *medium*
//! with a unique mark alone or related marks from two places, *low* with less. What a product is
//! built on lends it its marks.
//!
//! **Which is named.** Among the strongest: one with a unique mark of its own before those without;
//! what is built on another before that other, if something shows that the other alone would not.
//! Marks that contradict each other name nothing unless one side clearly outweighs: then the other
//! side is told as evidence against. The confidence is that of the strongest, named or tied, so that
//! taking any sign away never raises it.
//!
//! **What an alias is worth.** Whoever owns a name may point it anywhere (CNAME); a certificate is shown by
//! the server itself. So an alias names no product while the handshake tells of others and not of that one.

use crate::model::{Attribution, Confidence, Mark, Product, Provenance, Specificity};

use crate::products::{Fact, Place, TABLE, Table};

/// What a mark must be worth to set a product apart from what it is built on.
const TELLING: u32 = 4;
/// A unique mark whose fact was stated or seen.
const UNIQUE: u32 = 8;

/// One mark before anything is concluded from it.
#[derive(Clone)]
pub(super) struct Found {
    place: Place,
    fact: &'static Fact,
    clue: usize,
    seen: String,
    /// It stands in a name that the asked one is an alias of.
    alias: bool,
}

/// Gathers the marks that texts bear.
#[derive(Default)]
pub(super) struct Marks(Vec<Found>);

impl Marks {
    /// Looks for every pattern of `place` in a text, which stands in the clue of this index.
    pub(super) fn look(&mut self, place: Place, text: &str, clue: usize) {
        self.find(place, text, clue, false);
    }

    /// The same for a name that the asked one is an alias of.
    pub(super) fn look_at_alias(&mut self, name: &str, clue: usize) {
        self.find(Place::Host, name, clue, true);
    }

    fn find(&mut self, place: Place, text: &str, clue: usize, alias: bool) {
        let patterns = TABLE.patterns(place);
        // Most texts fit nothing: the cheap question first.
        if !patterns.set.is_match(text) {
            return;
        }
        let found = patterns.set.matches(text).into_iter().map(|at| Found {
            place,
            fact: &patterns.facts[at],
            clue,
            seen: text.to_owned(),
            alias,
        });
        self.0.extend(found);
    }

    /// Whether one product alone shows what stands here.
    pub(super) fn unique_in(&self, place: Place) -> bool {
        self.0
            .iter()
            .any(|found| found.place == place && worth(found.fact) >= UNIQUE)
    }

    /// The marks without those of aliases that the handshake contradicts: it has telling marks, and none
    /// for the alias's product, for what that is built on or for what is built on it. `None` where no
    /// alias is contradicted.
    fn without_contradicted_aliases(&self, table: &Table) -> Option<Vec<Found>> {
        let telling: Vec<usize> = (self.0.iter())
            .filter(|found| found.place.is_in_handshake() && worth(found.fact) >= TELLING)
            .map(|found| found.fact.entry)
            .collect();
        let related = |one: usize, other: usize| {
            one == other
                || table.entries[one].built_on.contains(&other)
                || table.entries[other].built_on.contains(&one)
        };
        let contradicted = |found: &Found| {
            found.alias
                && !telling.is_empty()
                && !telling
                    .iter()
                    .any(|entry| related(*entry, found.fact.entry))
        };
        let kept: Vec<Found> = self
            .0
            .iter()
            .filter(|found| !contradicted(found))
            .cloned()
            .collect();
        (kept.len() < self.0.len()).then_some(kept)
    }

    /// What the marks come to.
    pub(super) fn conclude(&self) -> Attribution {
        let table = &*TABLE;
        let Some((confidence, mut named)) = strongest(&self.0, table) else {
            return Attribution::default();
        };
        if let Some(without) = self.without_contradicted_aliases(table)
            && let Some((strength, others)) = strongest(&without, table)
        {
            if strength == confidence {
                named = others;
            } else {
                // The alias alone is as strong as that, and may not decide: neither side is named.
                named.extend(
                    others
                        .into_iter()
                        .filter(|other| !named.contains(other))
                        .collect::<Vec<_>>(),
                );
            }
        }
        let own_or_built_on = |entry: usize| {
            named
                .iter()
                .any(|named| *named == entry || table.entries[*named].built_on.contains(&entry))
        };
        let (marks, rest): (Vec<&Found>, Vec<&Found>) = self
            .0
            .iter()
            .partition(|found| own_or_built_on(found.fact.entry));
        let product = |entry: usize| table.entries[entry].product();
        let (product, others): (Option<Product>, Vec<Product>) = match named.as_slice() {
            [one] => {
                // Built on it, and what shows fits them as well.
                let fits = |entry: &usize| {
                    table.entries[*entry].built_on.contains(one)
                        && self.0.iter().any(|found| found.fact.entry == *entry)
                };
                (
                    Some(product(*one)),
                    (0..table.entries.len()).filter(fits).map(product).collect(),
                )
            }
            tied => (None, tied.iter().copied().map(product).collect()),
        };
        let against = rest
            .into_iter()
            .filter(|found| found.fact.specificity == Specificity::Unique)
            .filter(|found| {
                // What shares the named product's roots does not speak against it.
                !named
                    .iter()
                    .any(|named| table.entries[found.fact.entry].built_on.contains(named))
            });
        Attribution {
            product,
            confidence: Some(confidence),
            others,
            marks: told(marks.into_iter(), table),
            against: told(against, table),
        }
    }
}

/// The products that are named, or tie, with how strong they are; `None` where nothing names one.
fn strongest(found: &[Found], table: &Table) -> Option<(Confidence, Vec<usize>)> {
    let supports = (0..table.entries.len()).filter_map(|entry| Support::of(entry, table, found));
    let mut strongest: Vec<(Confidence, Support)> = supports
        .filter_map(|support| Some((support.strength()?, support)))
        .collect();
    let confidence = strongest.iter().map(|(strength, _)| *strength).max()?;
    strongest.retain(|(strength, _)| *strength == confidence);
    let supports: Vec<Support> = strongest.into_iter().map(|(_, support)| support).collect();
    Some((confidence, choose(&supports, table)))
}

/// What a mark is worth: a unique one [`UNIQUE`], one that a few related products share half of that,
/// a fact that was only concluded half again. Weak ones are worth something beside others only.
fn worth(fact: &Fact) -> u32 {
    let stated = matches!(fact.known, Provenance::Documented | Provenance::Observed);
    match (fact.specificity, stated) {
        (Specificity::Unique, true) => UNIQUE,
        (Specificity::Unique, false) | (Specificity::Family, true) => TELLING,
        (Specificity::Family, false) => 2,
        (Specificity::Weak, _) => 1,
    }
}

/// What speaks for one product.
struct Support {
    entry: usize,
    /// The best mark of each place, its own or of what it is built on.
    places: [u32; Place::COUNT],
    /// The best mark of its own that what it is built on would not show as well.
    own: u32,
}

impl Support {
    /// `None` where no mark is its own: it is only ever named through what it is built on.
    fn of(entry: usize, table: &Table, found: &[Found]) -> Option<Self> {
        let built_on = &table.entries[entry].built_on;
        let mut places = [0; Place::COUNT];
        let (mut own, mut shows) = (0, false);
        for mark in found {
            let its = mark.fact.entry == entry;
            if !its && !built_on.contains(&mark.fact.entry) {
                continue;
            }
            shows |= its;
            let worth = worth(mark.fact);
            let place = &mut places[mark.place as usize];
            *place = worth.max(*place);
            let shared = || {
                found.iter().any(|other| {
                    built_on.contains(&other.fact.entry)
                        && other.place == mark.place
                        && other.seen == mark.seen
                        && self::worth(other.fact) >= worth
                })
            };
            if its && worth > own && !shared() {
                own = worth;
            }
        }
        shows.then_some(Self { entry, places, own })
    }

    fn strength(&self) -> Option<Confidence> {
        let at_least = |worth: u32| self.places.iter().filter(|place| **place >= worth).count();
        match (at_least(UNIQUE), at_least(TELLING), at_least(2)) {
            (1.., _, 2..) => Some(Confidence::High),
            (1.., _, _) | (_, 2.., _) => Some(Confidence::Medium),
            (_, 1, _) | (_, _, 2..) => Some(Confidence::Low),
            _ => None,
        }
    }

    fn total(&self) -> u32 {
        self.places.iter().sum()
    }
}

/// The product that is named, of the strongest, or all that tie.
fn choose(strongest: &[Support], table: &Table) -> Vec<usize> {
    let set_apart = |least: u32| {
        strongest
            .iter()
            .filter(|support| support.own >= least)
            .collect::<Vec<_>>()
    };
    // Built on two others and showing what both show, a product may need no mark that neither has.
    let all = [UNIQUE, TELLING, 1, 0]
        .into_iter()
        .map(set_apart)
        .find(|set| !set.is_empty());
    let all = all.unwrap_or_default();
    let built_on =
        |one: &Support, other: &Support| table.entries[one.entry].built_on.contains(&other.entry);
    let tops: Vec<&Support> = all
        .iter()
        .filter(|one| !all.iter().any(|other| built_on(other, one)))
        .copied()
        .collect();
    if let [_] = tops.as_slice() {
        return vec![tops[0].entry];
    }
    // Two roots may meet in one product that is built on both.
    let meets = |support: &&Support| tops.iter().all(|top| built_on(support, top));
    if let Some(both) = strongest.iter().find(meets) {
        return vec![both.entry];
    }
    let mut by_total = tops;
    by_total.sort_by_key(|support| (std::cmp::Reverse(support.total()), support.entry));
    match by_total.as_slice() {
        [first, second, ..] if first.total() >= second.total() + first.own.max(TELLING) => {
            vec![first.entry]
        }
        tied => {
            let best = tied.first().map_or(0, |first| first.total());
            let close = |support: &&&Support| support.total() + support.own.max(TELLING) > best;
            tied.iter()
                .filter(close)
                .map(|support| support.entry)
                .collect()
        }
    }
}

/// The marks as they are reported: the strongest first, one for each product and text.
fn told<'a>(found: impl Iterator<Item = &'a Found>, table: &Table) -> Vec<Mark> {
    let mut found: Vec<&Found> = found.collect();
    found.sort_by_key(|found| {
        (
            std::cmp::Reverse(worth(found.fact)),
            found.clue,
            found.fact.entry,
        )
    });
    let mut marks: Vec<Mark> = Vec::new();
    for found in found {
        let product = &table.entries[found.fact.entry].id;
        let known = |mark: &Mark| {
            mark.product == *product && mark.clue == found.clue && mark.seen == found.seen
        };
        if !marks.iter().any(known) {
            marks.push(Mark {
                product: product.clone().into(),
                clue: found.clue,
                seen: found.seen.clone(),
                specificity: found.fact.specificity,
                known: found.fact.known,
                source: found.fact.source.clone(),
            });
        }
    }
    marks
}
