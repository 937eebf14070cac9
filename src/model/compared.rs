//! How what an inventory declares about a cluster compares with what was documented and observed.

use serde::{Deserialize, Serialize};
use strum::{VariantArray, VariantNames};

#[cfg(test)]
use super::serial::Clipped;
use super::serial::clipped;
use super::words;

/// A fact that an inventory can declare and a scan can see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[derive(VariantNames)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[strum(serialize_all = "kebab-case")]
pub enum DeclaredFact {
    /// What anonymous requests may do.
    AnonymousRequests,
    /// From where the endpoint can be reached.
    Reach,
    /// The CA that signs the serving certificate.
    CertificateAuthority,
    /// The managed service.
    Product,
    /// The version of Kubernetes.
    Version,
    /// Whether the audit log is kept.
    AuditLog,
    /// The region or zone. It is not compared with anything, but inventories may contradict each other about it.
    Region,
    /// A tag, or where the cluster belongs; as the region.
    Label,
}

words!(DeclaredFact);

impl DeclaredFact {
    /// What people read.
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::AnonymousRequests => "anonymous requests",
            Self::Reach => "reach",
            Self::CertificateAuthority => "CA",
            Self::Product => "product",
            Self::Version => "version",
            Self::AuditLog => "audit log",
            Self::Region => "region",
            Self::Label => "label",
        }
    }
}

/// How a declared fact compares with what was observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[derive(VariantArray, VariantNames)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[strum(serialize_all = "kebab-case")]
pub enum ComparisonResult {
    /// It was observed as declared.
    Confirmed,
    /// More is open than declared.
    MoreOpen,
    /// Less is open than declared.
    Stricter,
    /// Something else was observed.
    Differs,
    /// Nothing is declared, or what was observed does not tell.
    NotCompared,
}

words!(ComparisonResult, all);

/// Why anonymous requests may have another effect than declared.
pub(crate) const LIKELY_CAUSES: &str = "likely causes: another cluster or a proxy answers there, a change is not \
                                        rolled out yet, or the control plane has another version";

/// One declared fact, compared with what was documented and observed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ComparedFact {
    /// The fact.
    pub fact: DeclaredFact,
    /// How it compares.
    pub result: ComparisonResult,
    /// What was declared, documented and observed, in a sentence.
    #[serde(serialize_with = "clipped")]
    #[cfg_attr(test, schemars(with = "Clipped"))]
    pub sentence: String,
}

impl ComparedFact {
    /// A fact, how it compares, and the sentence that says so.
    pub(crate) fn new(
        fact: DeclaredFact,
        result: ComparisonResult,
        sentence: impl Into<String>,
    ) -> Self {
        Self {
            fact,
            result,
            sentence: sentence.into(),
        }
    }
}
