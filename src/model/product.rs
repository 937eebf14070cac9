//! Whose Kubernetes it is: a distribution or a managed service, with what speaks for it and against.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use strum::VariantNames;

#[cfg(test)]
use super::serial::Clipped;
use super::serial::clipped;
use super::{Confidence, words};

/// Text that is usually part of the program, as that of the compiled table is.
pub type Text = Cow<'static, str>;

/// A distribution or managed service.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Product {
    /// Its id, which never changes: `eks`, `k3s`, `kubeadm`.
    pub id: Text,
    /// Its whole name: `Amazon EKS`.
    pub name: Text,
    /// Its name in a sentence: `EKS`.
    pub short: Text,
    /// Whether the provider runs the control plane, so that its users can neither read nor set flags.
    pub managed: bool,
}

/// How well a pattern tells products apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[derive(VariantNames)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[strum(serialize_all = "kebab-case")]
pub enum Specificity {
    /// Many products show it, so it never decides.
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
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[strum(serialize_all = "kebab-case")]
pub enum Provenance {
    /// Nothing was found.
    Unknown,
    /// Concluded from other facts.
    Inferred,
    /// Seen in published data, transcripts or posts.
    Observed,
    /// Stated in the product's documentation or source code.
    Documented,
}

words!(Provenance);

/// A text that fits a pattern of one product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Mark"))]
pub struct ProductMark {
    /// The product's id.
    pub product: Text,
    /// Index into `clues`, from 0: where it was seen.
    pub clue: usize,
    /// The text that matches.
    #[serde(serialize_with = "clipped")]
    #[cfg_attr(test, schemars(with = "Clipped"))]
    pub seen: String,
    /// How well it tells products apart.
    pub specificity: Specificity,
    /// How well it is known that the product shows it.
    pub known: Provenance,
    /// The source of that knowledge: a title, and a URL if there is one.
    pub source: Text,
}

/// The product behind an endpoint, with the confidence and the marks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attribution {
    /// The product; `None` if nothing names one, or if several fit as well as each other.
    pub product: Option<Product>,
    /// The confidence of the product, or of the products that tie; `None` if nothing names one.
    pub confidence: Option<Confidence>,
    /// Other products that the marks fit: those that tie, or those that are built on the product and show nothing of
    /// their own.
    pub others: Vec<Product>,
    /// The marks of the product and of what it is built on; with a tie, those of all that tie.
    pub marks: Vec<ProductMark>,
    /// Marks that name something else.
    pub against: Vec<ProductMark>,
}
