//! The verdict that a scan reaches if the server answers as predicted. `assess` has the same rules for answers.

use super::prediction::{PathPrediction, PredictedAccess};
use crate::kubernetes::PathClass;
use crate::model::{Grade, Verdict};
use crate::probe::{AFTER_401, ALWAYS};

/// The verdicts without and with `--deep`.
pub(super) fn verdicts(paths: &[PathPrediction]) -> (Option<Verdict>, Option<Verdict>) {
    let of = |wanted: &[&str]| -> Vec<&PathPrediction> {
        let is_wanted = |path: &&PathPrediction| wanted.contains(&path.path.as_str());
        paths.iter().filter(is_wanted).collect()
    };
    let mut usual = of(&ALWAYS);
    let is_rejected = |path: &&PathPrediction| path.access == PredictedAccess::Rejected;
    if usual.iter().all(is_rejected) {
        usual.extend(of(&AFTER_401));
    }
    let all: Vec<&PathPrediction> = paths.iter().filter(|path| path.is_asked).collect();
    (Some(verdict(&usual)), Some(verdict(&all)))
}

fn verdict(paths: &[&PathPrediction]) -> Verdict {
    let has = |access| {
        paths
            .iter()
            .any(|path| path.access == access && !is_product(&path.path))
    };
    let of = |wanted| {
        paths
            .iter()
            .find(|path| path.path == wanted)
            .map(|path| path.access)
    };
    let is_granted = |path: &&&PathPrediction| path.access == PredictedAccess::Granted;
    if paths
        .iter()
        .filter(is_granted)
        .any(|path| exposes(&path.path))
    {
        return Verdict::Exposed;
    }
    let (has_rejected, has_granted, has_forbidden) = (
        has(PredictedAccess::Rejected),
        has(PredictedAccess::Granted),
        has(PredictedAccess::Forbidden),
    );
    match of("/api") {
        _ if has(PredictedAccess::Unclear) => Verdict::Inconclusive,
        Some(PredictedAccess::Forbidden) if !has_rejected => Verdict::Forbidden,
        Some(PredictedAccess::Forbidden | PredictedAccess::Rejected) if has_rejected => {
            if has_granted || has_forbidden {
                Verdict::Limited
            } else {
                Verdict::Rejected
            }
        }
        _ => Verdict::Inconclusive,
    }
}

fn exposes(path: &str) -> bool {
    PathClass::of(path).map(Grade::of).is_ok_and(Grade::exposes)
}

fn is_product(path: &str) -> bool {
    PathClass::of(path).is_ok_and(|class| class == PathClass::Product)
}
