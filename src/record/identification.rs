//! What answered, and which product it belongs to.

use std::borrow::Cow;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::kubernetes::Support;
use crate::model::{self, Clipped, Clue, Component, Confidence, Product, ProductMark};

/// What answered, which product it belongs to, and the evidence.
#[derive(Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Identification<'a> {
    /// The kind of program.
    component: Component,
    /// The confidence in `component`.
    confidence: Confidence,
    /// `gitVersion`; null if `/version` did not show it.
    version: Option<Clipped<'a>>,
    /// Whether upstream maintained that version on the day of the scan; null if that is not known.
    #[serde(skip_deserializing)]
    maintained: Option<bool>,
    /// The last day of upstream maintenance; null if that is not known.
    #[serde(skip_deserializing)]
    #[cfg_attr(test, schemars(extend("format" = "date")))]
    end_of_life: Option<String>,
    /// The CPE name of the release, to look vulnerabilities up; null unless upstream built it.
    #[serde(skip_deserializing)]
    cpe: Option<String>,
    /// Whether there is any sign of Kubernetes.
    kubernetes: bool,
    /// Whether a front end terminates TLS and passes on an API server's answers.
    through_front: bool,
    /// The product; null if nothing names one, or if several fit equally well.
    product: Option<Cow<'a, Product>>,
    /// How strongly `marks` name a product; null if they name none.
    product_confidence: Option<Confidence>,
    /// Other products that fit: those that fit equally well, and those that look the same as the product.
    #[serde(default)]
    others: Cow<'a, [Product]>,
    /// Signs of the product, or of those that fit equally well.
    #[serde(default)]
    marks: Cow<'a, [ProductMark]>,
    /// Signs of something else.
    #[serde(default)]
    against: Cow<'a, [ProductMark]>,
    /// The clues that the identification rests on.
    clues: Cow<'a, [Clue]>,
}

impl<'a> Identification<'a> {
    /// The record of an identification on a day, which decides whether the version was maintained.
    pub(super) fn new(identification: &'a model::Identification, day: Option<Date>) -> Self {
        let attribution = &identification.attribution;
        let (maintained, end_of_life) = match identification.support(day) {
            Support::Until(date) => (Some(true), Some(date)),
            Support::Ended(date) => (Some(false), date),
            Support::Unknown => (None, None),
        };
        Self {
            component: identification.component,
            confidence: identification.confidence,
            version: identification.version.as_deref().map(Into::into),
            maintained,
            end_of_life: end_of_life.map(|date| date.to_string()),
            cpe: identification.cpe(),
            kubernetes: identification.kubernetes,
            through_front: identification.through_front,
            product: attribution.product.as_ref().map(Cow::Borrowed),
            product_confidence: attribution.confidence,
            others: (&*attribution.others).into(),
            marks: (&*attribution.marks).into(),
            against: (&*attribution.against).into(),
            clues: (&*identification.clues).into(),
        }
    }
}

impl TryFrom<Identification<'_>> for model::Identification {
    type Error = String;

    fn try_from(record: Identification<'_>) -> Result<Self, String> {
        let mut marks = record.marks.iter().chain(&*record.against);
        if let Some(mark) = marks.find(|mark| mark.clue >= record.clues.len()) {
            return Err(format!("a mark names clue {}, which is missing", mark.clue));
        }
        Ok(Self {
            component: record.component,
            confidence: record.confidence,
            version: record.version.map(Into::into),
            kubernetes: record.kubernetes,
            through_front: record.through_front,
            attribution: model::Attribution {
                product: record.product.map(Cow::into_owned),
                confidence: record.product_confidence,
                others: record.others.into_owned(),
                marks: record.marks.into_owned(),
                against: record.against.into_owned(),
            },
            clues: record.clues.into_owned(),
        })
    }
}
