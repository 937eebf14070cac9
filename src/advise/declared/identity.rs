//! Whether what answers is the cluster of the inventory: its CA, its product and its version.

use std::fmt;

use crate::model::{
    ClueKind, ComparedFact, ComparisonResult, Confidence, Declared, DeclaredFact, Identification,
    Observation, Specificity, Trust,
};
use crate::products::{self, TABLE};

/// `None` if the inventory has no CA certificate, or no handshake was completed.
pub(super) fn certificate_authority(observation: &Observation) -> Option<ComparedFact> {
    let (result, sentence) = match observation.tls.as_ref()?.declared_trust.as_ref()? {
        Trust::Anchored { by } => (
            ComparisonResult::Confirmed,
            format!("the cluster's CA ({by}) signed the certificate"),
        ),
        Trust::NotAnchored { why } => (
            ComparisonResult::Differs,
            format!("the cluster's CA does not stand behind the certificate: {why}"),
        ),
        Trust::NotChecked { why } => (
            ComparisonResult::NotCompared,
            format!("the certificate was not compared with the cluster's CA: {why}"),
        ),
    };
    Some(ComparedFact::new(
        DeclaredFact::CertificateAuthority,
        result,
        sentence,
    ))
}

/// `None` if the inventory names no product of the table.
pub(super) fn product(
    declared: &Declared,
    identification: &Identification,
) -> Option<ComparedFact> {
    let entry = products::by_id(declared.provider.as_deref()?)?;
    let attribution = &identification.attribution;
    let is_certain = attribution.confidence >= Some(Confidence::Medium);
    let seen = attribution.product.as_ref().filter(|_| is_certain);
    let name = &entry.short;
    let (result, sentence) = match seen {
        None => (
            ComparisonResult::NotCompared,
            format!(
                "{name} declared; not compared: nothing that answers names a product for certain"
            ),
        ),
        Some(seen) if !is_same(&entry.id, &seen.id) => (
            ComparisonResult::Differs,
            format!("{name} declared, and identified as {}", seen.short),
        ),
        Some(_) if !shows_itself(identification) => (
            ComparisonResult::NotCompared,
            format!("{name} declared; not compared: only the name in the inventory says so"),
        ),
        Some(seen) => (
            ComparisonResult::Confirmed,
            format!("{name} declared, and identified as {}", seen.short),
        ),
    };
    Some(ComparedFact::new(DeclaredFact::Product, result, sentence))
}

/// The sign that what answers is not the declared cluster. What it does then says nothing about that cluster.
pub(super) enum Another {
    /// The declared CA did not sign its certificate.
    Certificate,
    /// It is this product instead of the declared one.
    Product(String),
}

impl Another {
    /// `None` if nothing shows that another server answers.
    pub(super) fn of(
        authority: Option<&ComparedFact>,
        product: Option<&ComparedFact>,
        identification: &Identification,
    ) -> Option<Self> {
        let differs = |fact: Option<&ComparedFact>| {
            fact.is_some_and(|fact| fact.result == ComparisonResult::Differs)
        };
        if differs(authority) {
            return Some(Self::Certificate);
        }
        let seen = identification.attribution.product.as_ref();
        let seen = seen.filter(|_| differs(product))?;
        Some(Self::Product(seen.short.to_string()))
    }
}

impl fmt::Display for Another {
    /// Ends a sentence that begins with what is declared.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not compared, because another server answers ")?;
        match self {
            Self::Certificate => {
                f.write_str("(the cluster's CA does not stand behind its certificate)")
            }
            Self::Product(name) => write!(f, "(identified as {name})"),
        }
    }
}

/// Whether two products are one, or one is built on the other.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    let has = |upper: &str, lower: &str| {
        products::by_id(upper)
            .is_some_and(|upper| TABLE.with_roots(upper).any(|root| root.id == lower))
    };
    has(one, other) || has(other, one)
}

/// Whether the server itself shows its product. A name of the inventory is no sign of what answers there.
fn shows_itself(identification: &Identification) -> bool {
    identification.attribution.marks.iter().any(|mark| {
        let clue = identification.clues.get(mark.clue);
        mark.specificity > Specificity::Weak
            && clue.is_some_and(|clue| clue.kind != ClueKind::HostName)
    })
}

/// `None` if the inventory has no version that can be compared.
pub(super) fn version(
    declared: &Declared,
    identification: &Identification,
    another: Option<&Another>,
) -> Option<ComparedFact> {
    let version = declared.version.as_deref()?;
    let declared = Version::of(version)?;
    // Extension API servers count their own releases.
    let seen = identification
        .version
        .as_deref()
        .filter(|_| identification.minor().is_some());
    let (result, sentence) = match seen.and_then(|seen| Some((seen, Version::of(seen)?))) {
        None => (
            ComparisonResult::NotCompared,
            format!("{version} declared; not compared: the server does not show its version"),
        ),
        Some((text, seen)) if declared.is_like(&seen) => match another {
            Some(another) => (
                ComparisonResult::NotCompared,
                format!("{version} declared, and the server shows {text}; {another}"),
            ),
            None => (
                ComparisonResult::Confirmed,
                format!("{version} declared, and the server shows {text}"),
            ),
        },
        Some((text, _)) => (
            ComparisonResult::Differs,
            format!("{version} declared, and the server shows {text}"),
        ),
    };
    Some(ComparedFact::new(DeclaredFact::Version, result, sentence))
}

/// A version as inventories and servers write it: `1.33`, `1.35.7`, `v1.34.1-gke.100`.
struct Version<'a> {
    numbers: Vec<&'a str>,
    /// What follows the numbers; empty for nothing.
    build: &'a str,
}

impl<'a> Version<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let end = text.find(['-', '+']).unwrap_or(text.len());
        let (numbers, build) = text.split_at(end);
        let numbers: Vec<&str> = numbers.split('.').collect();
        let is_number =
            |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        (numbers.len() >= 2 && numbers.iter().all(is_number)).then_some(Self { numbers, build })
    }

    /// Whether a shown version is this one, as far as this one goes.
    fn is_like(&self, shown: &Self) -> bool {
        shown.numbers.starts_with(&self.numbers)
            && (self.build.is_empty() || shown.build.is_empty() || self.build == shown.build)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_compared_as_far_as_it_is_declared() {
        for (declared, shown, like) in [
            ("1.33", "v1.33.5-eks-5e0fdde", true),
            ("1.3", "v1.33.5", false),
            ("1.35.7", "v1.35.7", true),
            ("1.35.7", "v1.35.8", false),
            ("1.34.1-gke.100", "v1.34.1-gke.100", true),
            ("1.34.1-gke.100", "v1.34.1-gke.200", false),
            ("v1.34.1-gke.100", "v1.34.1", true),
        ] {
            let (one, other) = (Version::of(declared).unwrap(), Version::of(shown).unwrap());
            assert_eq!(one.is_like(&other), like, "{declared} {shown}");
        }
        for text in ["", "latest", "1", "1.", "1.x", "REGULAR"] {
            assert!(Version::of(text).is_none(), "{text}");
        }
    }
}
