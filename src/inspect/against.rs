//! A prediction beside what a scan found at an endpoint.

use strum::VariantNames;

use super::prediction::{PredictedAccess, Prediction};
use crate::kubernetes::PathClass;
use crate::model::{Access, EndpointReport, Verdict, words};

/// How the two compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, VariantNames)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Outcome {
    /// Every path that both decide is the same.
    Agree,
    /// Something is more open outside.
    #[serde(rename = "more-open-outside")]
    #[strum(serialize = "more-open-outside")]
    MoreOpen,
    /// Something is less open outside, and nothing more.
    #[serde(rename = "stricter-outside")]
    #[strum(serialize = "stricter-outside")]
    Stricter,
    /// No path is decided by both.
    Undecided,
}

words!(Outcome);

/// A path that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The path.
    pub path: String,
    /// What the configuration says.
    pub predicted: PredictedAccess,
    /// The word for what the scan found.
    pub observed: &'static str,
}

/// A prediction beside what a scan found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The endpoint as people know it.
    pub endpoint: String,
    /// The verdict of the scan.
    pub observed: Verdict,
    /// How they compare.
    pub outcome: Outcome,
    /// The paths that differ.
    pub differences: Vec<Difference>,
}

impl Comparison {
    /// What usually causes a difference; empty where there is none.
    pub const fn causes(&self) -> &'static str {
        match self.outcome {
            Outcome::MoreOpen => {
                "usual causes: a proxy passes requests on with an identity of its own; another replica answers; the \
                 server was not restarted (anonymous in the file is not read again); bindings that are not in the input"
            }
            Outcome::Stricter => {
                "usual causes: a front end refuses first; another replica answers; the server was not restarted \
                 (anonymous in the file is not read again)"
            }
            Outcome::Undecided => "the scan and the configuration decide no path in common",
            Outcome::Agree => "",
        }
    }
}

/// How far a request comes.
fn rank(access: PredictedAccess) -> Option<u8> {
    match access {
        PredictedAccess::Rejected => Some(0),
        PredictedAccess::Forbidden => Some(1),
        PredictedAccess::Granted => Some(2),
        PredictedAccess::Unclear => None,
    }
}

fn observed_rank(access: &Access) -> Option<u8> {
    match access {
        Access::Rejected => Some(0),
        Access::Forbidden => Some(1),
        Access::Granted => Some(2),
        Access::Unclear(_) | Access::Failed(_) => None,
    }
}

/// Compares path by path. Paths that a product opens by design are left out.
pub(super) fn compare(prediction: &Prediction, record: &EndpointReport) -> Comparison {
    let (mut common, mut more_open, mut differences) = (0, false, Vec::new());
    for predicted in &prediction.paths {
        let is_product = PathClass::of(&predicted.path) == Ok(PathClass::Product);
        // Of several answers to one path, the last clear one counts.
        let mut answers = record
            .requests
            .iter()
            .filter(|request| request.path() == predicted.path);
        let observed = answers.rfind(|request| request.access.is_clear());
        let (Some(observed), false) = (observed, is_product) else {
            continue;
        };
        let (Some(inside), Some(outside)) =
            (rank(predicted.access), observed_rank(&observed.access))
        else {
            continue;
        };
        common += 1;
        if inside != outside {
            more_open |= outside > inside;
            differences.push(Difference {
                path: predicted.path.clone(),
                predicted: predicted.access,
                observed: observed.access.as_str(),
            });
        }
    }
    let outcome = match (common, differences.is_empty()) {
        (0, _) => Outcome::Undecided,
        (_, true) => Outcome::Agree,
        _ if more_open => Outcome::MoreOpen,
        _ => Outcome::Stricter,
    };
    let target = &record.target;
    Comparison {
        endpoint: target
            .label
            .as_deref()
            .map_or_else(|| target.to_string(), str::to_owned),
        observed: record.verdict,
        outcome,
        differences,
    }
}
