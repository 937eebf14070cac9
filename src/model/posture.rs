//! What a product should answer to a caller without credentials, and whether it does.

use serde::{Deserialize, Serialize};
use strum::VariantNames;

use super::{Provenance, Text, Verdict, words};

/// What was observed, held against what is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[derive(VariantNames)]
#[strum(serialize_all = "kebab-case")]
pub enum PostureStatus {
    /// More is open than is expected: a deviation.
    Looser,
    /// Less is open than is expected.
    Stricter,
    /// Several answers are expected and this is one of them: it tells how the cluster is set.
    Either,
    /// Just what is expected.
    AsDocumented,
    /// No expectation is known, or what would decide it cannot be seen.
    Unknown,
}

words!(PostureStatus);

/// The expected posture of a product, and how the endpoint stands to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posture {
    /// How the observation stands to the expectation.
    pub standing: PostureStatus,
    /// The verdicts that are expected of this product at this version; empty if none is known.
    pub expected: Vec<Verdict>,
    /// What this answer tells about how the cluster is set: `mode LIMITED`.
    pub mode: Option<Text>,
    /// How well the expectation is known.
    pub known: Provenance,
    /// The whole of it in a sentence for people.
    pub sentence: String,
    /// Where the expectation is known from; empty where none is known.
    pub source: Text,
}

/// How to close what is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remedy {
    /// What to do, with the product's own switch where it has one.
    pub text: String,
    /// The page that tells more.
    pub url: Option<Text>,
    /// Whether the product lets its users change the anonymous setting; `None` if not known.
    pub changeable: Option<bool>,
    /// The page that tells how to restrict who can reach the endpoint at all.
    pub network_url: Option<Text>,
}
