//! What a product documents against what was observed, and how to close what is open.
//!
//! ```text
//! Identification + Assessment ─ posture ─→ as documented, stricter, more open, or not graded
//!                             ─ remedy ──→ how to close what is open
//! ```
//!
//! Pure. Expectations and switches of products are data in `products/products.toml`; all other advice, that
//! of the rules included, is in `advice.toml`.

mod judgement;
mod observed;
mod paths;
mod posture;
mod remedy;
mod sentence;
mod texts;

use crate::model::{Assessment, Identification, Posture, Remedy, Request, Verdict};

use observed::Observed;
pub(crate) use remedy::hide_version;
pub(crate) use texts::for_rule;

/// What is known about an endpoint's posture, and what its owner can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// How the endpoint compares with its product's documentation; `None` where no product is named or the
    /// verdict is not conclusive.
    pub posture: Option<Posture>,
    /// How to close what is open; `None` where nothing is.
    pub remedy: Option<Remedy>,
}

/// Advice on one endpoint. `not_asked` are planned requests that were not made, `expected` is the verdict that
/// the user expects.
pub fn advise(
    identification: &Identification,
    assessment: &Assessment,
    not_asked: &[Request],
    expected: Option<Verdict>,
) -> Advice {
    let observed = Observed::new(assessment, not_asked, expected);
    Advice {
        posture: posture::posture(identification, observed),
        remedy: remedy::remedy(identification, observed),
    }
}

#[cfg(test)]
mod tests;
