//! Compares an endpoint with what its product documents, and says how to close what is open.
//!
//! ```text
//! Identification + Assessment ─ posture ─→ as documented, stricter, more open, or not graded
//!                             ─ remedy ──→ how to close what is open
//!                             ─ declared → what an inventory declares: confirmed, or how it differs
//! ```
//!
//! Pure functions. What products document and their settings are data in `products/products.toml`. All other advice,
//! also that of the rules, is in `advice.toml`.

mod declared;
mod draft;
mod judgement;
mod missing;
mod observed;
mod paths;
mod posture;
mod product;
mod remedy;
mod sentence;
mod texts;

use crate::model::{Assessment, Declared, Identification, Posture, Remedy, Request, Verdict};

pub(crate) use declared::{Egress, compare};
pub(crate) use missing::for_missing;
use observed::Observed;
pub(crate) use product::{for_renewal, for_upgrade};
pub(crate) use texts::for_rule;

/// Advice on one endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// How the endpoint compares with its product's documentation; `None` where no product is named or the
    /// verdict is not conclusive.
    pub posture: Option<Posture>,
    /// How to close what is open; `None` where nothing is.
    pub remedy: Option<Remedy>,
}

/// Advice on one endpoint. `not_asked` are planned requests that were not made, `expected` is the verdict that
/// the user expects, `declared` is what an inventory says about it.
pub fn advise(
    identification: &Identification,
    assessment: &Assessment,
    not_asked: &[Request],
    expected: Option<Verdict>,
    declared: Option<&Declared>,
) -> Advice {
    let observed = Observed::new(assessment, not_asked, expected, declared);
    Advice {
        posture: posture::posture(identification, observed),
        remedy: remedy::remedy(identification, observed),
    }
}

#[cfg(test)]
mod tests;
