//! What real servers did with each spelling and sample, as tables.

mod audit_policy;
mod flags;
mod programs;
mod rbac;
mod samples;

use super::{Input, Inspection};
use crate::model::{Source, Verdict};

/// Inspects files of these names and texts.
pub(super) fn inspect(files: &[(&str, &str)]) -> Inspection {
    let inputs: Vec<Input> = files
        .iter()
        .map(|(name, text)| Input {
            source: Source::File((*name).into()),
            text: (*text).to_owned(),
        })
        .collect();
    Inspection::of(&inputs, jiff::Timestamp::UNIX_EPOCH)
}

/// The verdict of each server; `None` for one that does not start.
pub(super) fn verdicts(inspection: &Inspection) -> Vec<(&str, Option<Verdict>)> {
    let servers = inspection.servers.iter();
    servers
        .map(|server| (server.name.as_str(), server.verdict()))
        .collect()
}
