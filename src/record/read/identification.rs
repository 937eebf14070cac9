//! What answered, whose it is, what it should answer and how to mend it.

use serde::Deserialize;

use super::word::Word;
use crate::model::{
    self, ClueKind, Component, Confidence, PostureStatus, Provenance, Specificity, Text, Verdict,
};

#[derive(Deserialize)]
pub(super) struct Identification {
    component: Word<Component>,
    confidence: Word<Confidence>,
    version: Option<String>,
    #[serde(default)]
    kubernetes: bool,
    #[serde(default)]
    through_front: bool,
    product: Option<Product>,
    product_confidence: Option<Word<Confidence>>,
    #[serde(default)]
    others: Vec<Product>,
    #[serde(default)]
    marks: Vec<Mark>,
    #[serde(default)]
    against: Vec<Mark>,
    #[serde(default)]
    clues: Vec<Clue>,
}

impl TryFrom<Identification> for model::Identification {
    type Error = String;

    fn try_from(identification: Identification) -> Result<Self, String> {
        let clues = identification.clues.len();
        let mut marks = identification.marks.iter().chain(&identification.against);
        if let Some(mark) = marks.find(|mark| mark.clue >= clues) {
            return Err(format!(
                "a mark names clue {}, which is not there",
                mark.clue
            ));
        }
        let clue = |clue: Clue| model::Clue {
            kind: clue.kind.0,
            seen: clue.seen,
        };
        Ok(Self {
            component: identification.component.0,
            confidence: identification.confidence.0,
            version: identification.version,
            kubernetes: identification.kubernetes,
            through_front: identification.through_front,
            attribution: model::Attribution {
                product: identification.product.map(Into::into),
                confidence: identification
                    .product_confidence
                    .map(|Word(confidence)| confidence),
                others: identification.others.into_iter().map(Into::into).collect(),
                marks: identification.marks.into_iter().map(Into::into).collect(),
                against: identification.against.into_iter().map(Into::into).collect(),
            },
            clues: identification.clues.into_iter().map(clue).collect(),
        })
    }
}

#[derive(Deserialize)]
struct Clue {
    kind: Word<ClueKind>,
    #[serde(default)]
    seen: String,
}

#[derive(Deserialize)]
struct Product {
    id: String,
    name: String,
    short: String,
    managed: bool,
}

impl From<Product> for model::Product {
    fn from(product: Product) -> Self {
        let Product {
            id,
            name,
            short,
            managed,
        } = product;
        Self {
            id: id.into(),
            name: name.into(),
            short: short.into(),
            managed,
        }
    }
}

#[derive(Deserialize)]
struct Mark {
    product: String,
    clue: usize,
    #[serde(default)]
    seen: String,
    specificity: Word<Specificity>,
    known: Word<Provenance>,
    #[serde(default)]
    source: String,
}

impl From<Mark> for model::Mark {
    fn from(mark: Mark) -> Self {
        Self {
            product: mark.product.into(),
            clue: mark.clue,
            seen: mark.seen,
            specificity: mark.specificity.0,
            known: mark.known.0,
            source: mark.source.into(),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Posture {
    standing: Word<PostureStatus>,
    #[serde(default)]
    expected: Vec<Word<Verdict>>,
    mode: Option<String>,
    known: Word<Provenance>,
    #[serde(default)]
    sentence: String,
    #[serde(default)]
    source: String,
}

impl From<Posture> for model::Posture {
    fn from(posture: Posture) -> Self {
        Self {
            standing: posture.standing.0,
            expected: posture
                .expected
                .into_iter()
                .map(|Word(verdict)| verdict)
                .collect(),
            mode: posture.mode.map(Text::from),
            known: posture.known.0,
            sentence: posture.sentence,
            source: posture.source.into(),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Remedy {
    text: String,
    url: Option<String>,
    changeable: Option<bool>,
    network_url: Option<String>,
}

impl From<Remedy> for model::Remedy {
    fn from(remedy: Remedy) -> Self {
        Self {
            text: remedy.text,
            url: remedy.url.map(Text::from),
            changeable: remedy.changeable,
            network_url: remedy.network_url.map(Text::from),
        }
    }
}
