mod declared;
mod posture;
mod product;
mod remedy;

use super::observed::Observed;
use crate::model::{Request, Verdict};

/// Nothing but a verdict.
fn verdict_alone<'a>(verdict: Verdict) -> Observed<'a> {
    Observed {
        verdict,
        grants: &[],
        requests: &[],
        not_asked: &[] as &[Request],
        expected: None,
        declared: None,
        day: None,
    }
}
