//! What a product should answer to a caller without credentials, and whether it does.

use serde::{Deserialize, Serialize};
use strum::{VariantArray, VariantNames};

#[cfg(test)]
use super::serial::Clipped;
use super::serial::clipped;
use super::{Provenance, Remediation, Text, Verdict, words};

/// How an endpoint compares with what its product documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[derive(VariantArray, VariantNames)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[strum(serialize_all = "kebab-case")]
pub enum PostureStatus {
    /// More open than the product documents.
    /// Reports up to version 3 call it `looser`.
    #[serde(alias = "looser")]
    MoreOpen,
    /// Stricter than the product documents.
    Stricter,
    /// The product documents several answers, and this is one of them.
    Either,
    /// The endpoint does what the product documents.
    AsDocumented,
    /// The product documents nothing, or the answers do not tell.
    Unknown,
}

words!(PostureStatus, all);

impl PostureStatus {
    /// What people read.
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::MoreOpen => "more open",
            Self::Stricter => "stricter",
            Self::Either => "one of the documented answers",
            Self::AsDocumented => "as documented",
            Self::Unknown => "not graded",
        }
    }
}

/// What the product documents, and whether the endpoint does that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Posture {
    /// How the endpoint compares with that.
    #[serde(rename = "standing")]
    pub status: PostureStatus,
    /// The verdicts that the product documents for this version; empty if none is known.
    pub expected: Vec<Verdict>,
    /// What the product documents, in words: `forbidden with version and health open`. Empty if nothing is known, and
    /// in reports of earlier versions.
    #[serde(default)]
    pub documented: String,
    /// The setting that the answers show, such as `mode LIMITED`; null if they show none.
    pub mode: Option<Text>,
    /// How well that is known.
    pub known: Provenance,
    /// All of it in a sentence.
    #[serde(serialize_with = "clipped")]
    #[cfg_attr(test, schemars(with = "Clipped"))]
    pub sentence: String,
    /// The source of that knowledge; empty if nothing is known.
    pub source: Text,
}

/// How to close what is open at an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remedy {
    /// What to do, with the product's own setting if it has one.
    pub remediation: Remediation,
    /// Whether users of the product can change the anonymous setting; `None` if that is not known.
    pub changeable: Option<bool>,
    /// A page about restricting network access to the endpoint.
    pub network_url: Option<Text>,
}
