//! Which product it is: gathers the marks of all products and names the best supported one.
//!
//! **How strong a product is.** The worth of a mark depends on how many products show it and on how well that is
//! known ([`worth`]). Of the marks of one place only the best counts, because ten names in one certificate are one
//! piece of evidence. A product is *high* with a unique mark and a second independent one, *medium*
//! with a unique mark alone or related marks from two places, *low* with less. The marks of the products that a
//! product is built on, its bases, count for it too.
//!
//! **Which product is named.** Among the strongest products, one with a unique mark of its own wins. A product wins
//! over its base if a mark shows the difference. Marks that contradict each other name no product, unless one
//! side is clearly stronger: then the other side is reported as evidence against it. The confidence is always that of
//! the strongest products, even if they tie, so that removing a mark never raises it.
//!
//! **What an alias is worth.** The owner of a name may point it anywhere (CNAME), while the server itself shows its
//! certificate. So an alias names no product if the handshake shows only other products.

use std::borrow::Cow;

use crate::model::{
    Attribution, Component, Confidence, Product, ProductMark, Provenance, Specificity,
};

use crate::products::{Fact, Place, TABLE, Table};

/// The least worth of a mark that distinguishes products: a unique mark whose fact is inferred, or a documented or
/// observed mark that a few related products share.
const TELLING: u32 = 4;
/// The worth of an inferred mark that a few related products share. Only weak marks are worth less.
const INFERRED: u32 = 2;
/// The worth of a unique mark whose fact is documented or observed.
const UNIQUE: u32 = 8;

/// A text that matches a pattern of a product.
#[derive(Clone)]
pub(super) struct MatchedText<'a> {
    place: Place,
    fact: &'static Fact,
    clue: usize,
    seen: Cow<'a, str>,
    /// Whether it is in a name that the host name is an alias of.
    alias: bool,
}

/// Marks that an endpoint usually has at most. A dozen products have names like `CN=kubernetes` in their certificates.
const MARKS: usize = 32;

/// The marks of all texts.
#[derive(Default)]
pub(super) struct ProductMarks<'a>(Vec<MatchedText<'a>>);

impl<'a> ProductMarks<'a> {
    /// No marks yet, with room for the usual ones.
    pub(super) fn with_room() -> Self {
        Self(Vec::with_capacity(MARKS))
    }

    /// Matches a text with every pattern of `place`. `clue` is the index of the clue that shows the text.
    pub(super) fn match_text(&mut self, place: Place, text: impl Into<Cow<'a, str>>, clue: usize) {
        self.find(place, text, clue, false);
    }

    /// Matches a name that the host name is an alias of.
    pub(super) fn match_alias(&mut self, name: &'a str, clue: usize) {
        self.find(Place::Host, name, clue, true);
    }

    fn find(&mut self, place: Place, text: impl Into<Cow<'a, str>>, clue: usize, alias: bool) {
        let seen = text.into();
        TABLE.each_match(place, &seen, |fact| {
            self.0.push(MatchedText {
                place,
                fact,
                clue,
                seen: seen.clone(),
                alias,
            });
        });
    }

    /// Whether the text of a clue shows this program.
    pub(super) fn show(&self, program: Component, place: Place, clue: usize) -> bool {
        self.0.iter().any(|found| {
            found.place == place && found.clue == clue && found.fact.shows == Some(program)
        })
    }

    /// Whether a unique mark is in this place.
    pub(super) fn unique_in(&self, place: Place) -> bool {
        self.0
            .iter()
            .any(|found| found.place == place && worth(found.fact) >= UNIQUE)
    }

    /// The marks without those of contradicted aliases. The handshake contradicts an alias if it has telling marks, but
    /// none of a related product: the alias's product, its bases, and the products built on it. `None` if no alias is
    /// contradicted.
    fn without_contradicted_aliases(&self, table: &Table) -> Option<Vec<MatchedText<'a>>> {
        if !self.0.iter().any(|found| found.alias) {
            return None;
        }
        let telling: Vec<usize> = (self.0.iter())
            .filter(|found| found.place.is_in_handshake() && worth(found.fact) >= TELLING)
            .map(|found| found.fact.entry)
            .collect();
        let related = |one: usize, other: usize| {
            one == other
                || table.entries[one].built_on.contains(&other)
                || table.entries[other].built_on.contains(&one)
        };
        let contradicted = |found: &MatchedText<'_>| {
            found.alias
                && !telling.is_empty()
                && !telling
                    .iter()
                    .any(|entry| related(*entry, found.fact.entry))
        };
        let kept: Vec<MatchedText<'a>> = self
            .0
            .iter()
            .filter(|found| !contradicted(found))
            .cloned()
            .collect();
        (kept.len() < self.0.len()).then_some(kept)
    }

    /// The product that the marks show.
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
                // Only the alias is this strong, and it may not decide alone: neither side is named.
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
        let marks = (self.0.iter()).filter(|found| own_or_built_on(found.fact.entry));
        let product = |entry: usize| table.entries[entry].product();
        let (product, others): (Option<Product>, Vec<Product>) = match named.as_slice() {
            [one] => {
                // Products that are built on it and have a mark too.
                let is_built_on_it = |entry: &usize| table.entries[*entry].built_on.contains(one);
                let marked = self.0.iter().map(|found| found.fact.entry);
                let mut others: Vec<usize> = marked.filter(is_built_on_it).collect();
                others.sort_unstable();
                others.dedup();
                let others = others.into_iter().map(product);
                (Some(product(*one)), others.collect())
            }
            tied => (None, tied.iter().copied().map(product).collect()),
        };
        let against = (self.0.iter())
            .filter(|found| !own_or_built_on(found.fact.entry))
            .filter(|found| found.fact.specificity == Specificity::Unique)
            .filter(|found| {
                // A product that is built on the named one is not evidence against it.
                !named
                    .iter()
                    .any(|named| table.entries[found.fact.entry].built_on.contains(named))
            });
        Attribution {
            product,
            confidence: Some(confidence),
            others,
            marks: reported(marks, table),
            against: reported(against, table),
        }
    }
}

/// The worth of the best mark of each product in each place; 0 without a mark.
type BestMarks = Vec<[u32; Place::COUNT]>;

/// The products that are named or tie, with their strength; `None` if no mark names one.
fn strongest(found: &[MatchedText<'_>], table: &Table) -> Option<(Confidence, Vec<usize>)> {
    let mut best: BestMarks = vec![[0; Place::COUNT]; table.entries.len()];
    for mark in found {
        let worth_here = &mut best[mark.fact.entry][mark.place as usize];
        *worth_here = worth(mark.fact).max(*worth_here);
    }
    let is_marked = |(_, worths): &(usize, &[u32; Place::COUNT])| **worths != [0; Place::COUNT];
    let mut supports: Vec<Support> = (best.iter().enumerate().filter(is_marked))
        .map(|(entry, _)| Support::of(entry, table, found, &best))
        .collect();
    let confidence = supports
        .iter()
        .filter_map(|support| support.strength)
        .max()?;
    supports.retain(|support| support.strength == Some(confidence));
    Some((confidence, choose(&supports, table)))
}

/// The worth of a mark: [`UNIQUE`] for a unique one, half of that for one that a few related products share, and half
/// again for an inferred fact. A weak mark never decides; it only breaks a tie.
fn worth(fact: &Fact) -> u32 {
    let stated = matches!(fact.known, Provenance::Documented | Provenance::Observed);
    match (fact.specificity, stated) {
        (Specificity::Unique, true) => UNIQUE,
        (Specificity::Unique, false) | (Specificity::Family, true) => TELLING,
        (Specificity::Family, false) => INFERRED,
        (Specificity::Weak, _) => 1,
    }
}

/// The evidence for one product.
struct Support {
    entry: usize,
    /// How strong it is; `None` if it names no product.
    strength: Option<Confidence>,
    /// The worth of the best marks in each place, together.
    total: u32,
    /// The worth of the best mark that the product has and its bases lack.
    distinguishing: u32,
}

impl Support {
    /// The evidence for a product that has a mark of its own: marks of its bases do not suffice.
    fn of(entry: usize, table: &Table, found: &[MatchedText<'_>], best: &BestMarks) -> Self {
        let bases = &table.entries[entry].built_on;
        // The worth of the best mark in each place, among the marks of the product and of its bases.
        let mut places = best[entry];
        for base in bases {
            for (place, of_base) in places.iter_mut().zip(best[*base]) {
                *place = of_base.max(*place);
            }
        }
        let is_shared = |mark: &MatchedText<'_>| {
            let mut others = found.iter().filter(|other| other.place == mark.place);
            others.any(|other| {
                bases.contains(&other.fact.entry)
                    && other.seen == mark.seen
                    && worth(other.fact) >= worth(mark.fact)
            })
        };
        let own = found.iter().filter(|mark| mark.fact.entry == entry);
        let distinguishing = own.filter(|mark| bases.is_empty() || !is_shared(mark));
        Self {
            entry,
            strength: strength(places),
            total: places.iter().sum(),
            distinguishing: (distinguishing.map(|mark| worth(mark.fact)).max()).unwrap_or_default(),
        }
    }
}

/// How strong the best marks in each place are together; `None` if they name no product.
fn strength(places: [u32; Place::COUNT]) -> Option<Confidence> {
    let (mut unique, mut telling, mut inferred) = (0, 0, 0);
    for worth in places {
        unique += u32::from(worth >= UNIQUE);
        telling += u32::from(worth >= TELLING);
        inferred += u32::from(worth >= INFERRED);
    }
    match (unique, telling, inferred) {
        (1.., _, 2..) => Some(Confidence::High),
        (1.., _, _) | (_, 2.., _) => Some(Confidence::Medium),
        (_, 1, _) | (_, _, 2..) => Some(Confidence::Low),
        _ => None,
    }
}

/// The product that is named, of the strongest, or all that tie.
fn choose(strongest: &[Support], table: &Table) -> Vec<usize> {
    let most = (strongest.iter())
        .map(|support| support.distinguishing)
        .max();
    // A product that is built on two others may have only marks that these share, so 0 is allowed.
    let mut levels = [UNIQUE, TELLING, 1, 0].into_iter();
    let least = levels
        .find(|level| most >= Some(*level))
        .unwrap_or_default();
    let all = || (strongest.iter()).filter(|support| support.distinguishing >= least);
    let built_on =
        |one: &Support, other: &Support| table.entries[one.entry].built_on.contains(&other.entry);
    let tops: Vec<&Support> = all()
        .filter(|one| !all().any(|other| built_on(other, one)))
        .collect();
    if let [_] = tops.as_slice() {
        return vec![tops[0].entry];
    }
    // One product may be built on all of them.
    let is_built_on_all = |support: &&Support| tops.iter().all(|top| built_on(support, top));
    if let Some(both) = strongest.iter().find(is_built_on_all) {
        return vec![both.entry];
    }
    let mut by_total = tops;
    by_total.sort_by_key(|support| (std::cmp::Reverse(support.total), support.entry));
    match by_total.as_slice() {
        [first, second, ..] if first.total >= second.total + first.distinguishing.max(TELLING) => {
            vec![first.entry]
        }
        tied => {
            let best = tied.first().map_or(0, |first| first.total);
            let close =
                |support: &&&Support| support.total + support.distinguishing.max(TELLING) > best;
            tied.iter()
                .filter(close)
                .map(|support| support.entry)
                .collect()
        }
    }
}

/// The marks for the report: the strongest first, one for each product and text.
fn reported<'a>(
    found: impl Iterator<Item = &'a MatchedText<'a>>,
    table: &'static Table,
) -> Vec<ProductMark> {
    let mut sorted: Vec<&MatchedText<'_>> = found.collect();
    sorted.sort_by_key(|found| {
        (
            std::cmp::Reverse(worth(found.fact)),
            found.clue,
            found.fact.entry,
        )
    });
    let mut marks: Vec<ProductMark> = Vec::with_capacity(sorted.len());
    for found in sorted {
        let product = &table.entries[found.fact.entry].id;
        let is_listed = |mark: &ProductMark| {
            mark.product == *product && mark.clue == found.clue && mark.seen == found.seen
        };
        if !marks.iter().any(is_listed) {
            marks.push(ProductMark {
                product: product.as_str().into(),
                clue: found.clue,
                seen: found.seen.to_string(),
                specificity: found.fact.specificity,
                known: found.fact.known,
                source: (&*found.fact.source).into(),
            });
        }
    }
    marks
}
