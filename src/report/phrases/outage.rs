//! An outage: one sentence in the place of hundreds of changes and findings.

use crate::model::Outage;

/// `273 of 276 targets silent: is the network up? nothing is closed or new`.
pub(in crate::report) fn outage_text(outage: Outage, others_changed: bool) -> String {
    let Outage { silent, asked } = outage;
    let others = if others_changed {
        "only changes and findings of the others are listed"
    } else {
        "nothing is closed or new"
    };
    format!("{silent} of {asked} targets silent: is the network up? {others}")
}
