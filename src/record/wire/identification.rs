//! What answered, whose it is, what it should answer and how to mend it, each with its evidence.

use std::borrow::Cow;

use jiff::civil::Date;
use serde::Serialize;

use super::text;
use crate::kubernetes::Support;
use crate::model::{self, PostureStatus, Provenance, Verdict};

#[derive(Serialize)]
pub(super) struct Identification<'a> {
    component: &'static str,
    confidence: &'static str,
    version: Option<Cow<'a, str>>,
    /// Whether upstream maintained that version on the day of the scan.
    maintained: Option<bool>,
    end_of_life: Option<String>,
    kubernetes: bool,
    through_front: bool,
    product: Option<Product<'a>>,
    product_confidence: Option<&'static str>,
    others: Vec<Product<'a>>,
    marks: Vec<Mark<'a>>,
    against: Vec<Mark<'a>>,
    clues: Vec<Clue<'a>>,
}

impl<'a> Identification<'a> {
    pub(super) fn new(identification: &'a model::Identification, on: Option<Date>) -> Self {
        let clue = |clue: &'a model::Clue| Clue {
            kind: clue.kind.as_str(),
            seen: text(&clue.seen),
        };
        let attribution = &identification.attribution;
        let (maintained, end_of_life) = match identification.support(on) {
            Support::Until(date) => (Some(true), Some(date)),
            Support::Ended(date) => (Some(false), date),
            Support::Unknown => (None, None),
        };
        Self {
            component: identification.component.as_str(),
            confidence: identification.confidence.as_str(),
            version: identification.version.as_deref().map(text),
            maintained,
            end_of_life: end_of_life.map(|date| date.to_string()),
            kubernetes: identification.kubernetes,
            through_front: identification.through_front,
            product: attribution.product.as_ref().map(Product::from),
            product_confidence: attribution.confidence.map(model::Confidence::as_str),
            others: attribution.others.iter().map(Product::from).collect(),
            marks: attribution.marks.iter().map(Mark::from).collect(),
            against: attribution.against.iter().map(Mark::from).collect(),
            clues: identification.clues.iter().map(clue).collect(),
        }
    }
}

#[derive(Serialize)]
struct Clue<'a> {
    kind: &'static str,
    seen: Cow<'a, str>,
}

#[derive(Serialize)]
struct Product<'a> {
    id: &'a str,
    name: &'a str,
    short: &'a str,
    managed: bool,
}

impl<'a> From<&'a model::Product> for Product<'a> {
    fn from(product: &'a model::Product) -> Self {
        Self {
            id: &product.id,
            name: &product.name,
            short: &product.short,
            managed: product.managed,
        }
    }
}

#[derive(Serialize)]
struct Mark<'a> {
    product: &'a str,
    clue: usize,
    seen: Cow<'a, str>,
    specificity: &'static str,
    known: &'static str,
    source: &'a str,
}

impl<'a> From<&'a model::Mark> for Mark<'a> {
    fn from(mark: &'a model::Mark) -> Self {
        Self {
            product: &mark.product,
            clue: mark.clue,
            seen: text(&mark.seen),
            specificity: mark.specificity.as_str(),
            known: mark.known.as_str(),
            source: &mark.source,
        }
    }
}

#[derive(Serialize)]
pub(super) struct Posture<'a> {
    standing: &'static str,
    expected: Vec<&'static str>,
    mode: Option<&'a str>,
    known: &'static str,
    sentence: Cow<'a, str>,
    source: &'a str,
}

impl<'a> From<&'a model::Posture> for Posture<'a> {
    fn from(posture: &'a model::Posture) -> Self {
        Self {
            standing: PostureStatus::as_str(posture.standing),
            expected: posture
                .expected
                .iter()
                .copied()
                .map(Verdict::as_str)
                .collect(),
            mode: posture.mode.as_deref(),
            known: Provenance::as_str(posture.known),
            sentence: text(&posture.sentence),
            source: &posture.source,
        }
    }
}

#[derive(Serialize)]
pub(super) struct Remedy<'a> {
    text: Cow<'a, str>,
    url: Option<&'a str>,
    changeable: Option<bool>,
    network_url: Option<&'a str>,
}

impl<'a> From<&'a model::Remedy> for Remedy<'a> {
    fn from(remedy: &'a model::Remedy) -> Self {
        Self {
            text: text(&remedy.text),
            url: remedy.url.as_deref(),
            changeable: remedy.changeable,
            network_url: remedy.network_url.as_deref(),
        }
    }
}
