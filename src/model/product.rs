//! Whose Kubernetes it is: a distribution or a managed service, with what speaks for it and against.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use strum::VariantNames;

use super::{Confidence, words};

/// Text of the compiled table, or of a saved report.
pub type Text = Cow<'static, str>;

/// A distribution or managed service.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Product {
    /// Its id, which never changes: `eks`, `k3s`, `kubeadm`.
    pub id: Text,
    /// Its whole name: `Amazon EKS`.
    pub name: Text,
    /// Its name in a sentence: `EKS`.
    pub short: Text,
    /// Whether the provider runs the control plane, so that no flag can be read or set there.
    pub managed: bool,
}

/// How well a pattern tells products apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[derive(VariantNames)]
#[strum(serialize_all = "kebab-case")]
pub enum Specificity {
    /// Many products show it: it counts only beside other signs.
    Weak,
    /// A few related products show it.
    Family,
    /// This product alone shows it, as far as is known.
    Unique,
}

words!(Specificity);

/// How well a fact about a product is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[derive(VariantNames)]
#[strum(serialize_all = "kebab-case")]
pub enum Provenance {
    /// Nothing was found.
    Unknown,
    /// Concluded from other facts, nowhere stated.
    Inferred,
    /// Seen in published data, transcripts or posts.
    Observed,
    /// Stated in the product's documentation or source code.
    Documented,
}

words!(Provenance);

/// One sign that fits one product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The product's id.
    pub product: Text,
    /// Index into the clues: where it was seen.
    pub clue: usize,
    /// The text that fits.
    pub seen: String,
    /// How well it tells products apart.
    pub specificity: Specificity,
    /// How well it is known that the product shows it.
    pub known: Provenance,
    /// Where that is known from: a title, and an address where one was kept.
    pub source: Text,
}

/// Whose it is, how sure that is, and why.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attribution {
    /// The product; `None` if nothing names one, or if several fit as well as each other.
    pub product: Option<Product>,
    /// How strongly the signs name a product, or those that tie; `None` if nothing names one.
    pub confidence: Option<Confidence>,
    /// Products that the signs fit too: those that tie, or those that cannot be told from the
    /// product because they are built on it and add nothing that shows.
    pub others: Vec<Product>,
    /// The signs for the product and for what it is built on; with a tie, those of all that tie.
    pub marks: Vec<Mark>,
    /// Signs that name something else.
    pub against: Vec<Mark>,
}
