//! Tests of the whole way from text to targets. Small parts are tested beside their code.

mod errors;
mod finder;
mod forms;
mod inventories;
mod other_inventories;
mod properties;
mod sets;
mod several_inventories;
mod strange_inventories;
mod unsaid;

use std::net::IpAddr;

use super::*;
use crate::model::{Host, Scheme, Source, SpecId, Target, Verdict};

/// A set from lines, or all errors as one text.
fn from_lines(lines: &str, options: TargetOptions) -> Result<TargetSet, String> {
    let mut builder = TargetSetBuilder::new(options);
    builder.read(Source::File("targets.txt".into()), lines.as_bytes());
    builder.build().map_err(|errors| errors.to_string())
}

fn set(lines: &str) -> TargetSet {
    from_lines(lines, TargetOptions::default()).unwrap()
}

fn excluding(lines: &str, exclusions: &[&str]) -> Result<TargetSet, String> {
    let mut builder = TargetSetBuilder::new(TargetOptions::default());
    builder.read(Source::Stdin, lines.as_bytes());
    for exclusion in exclusions {
        builder.exclude(exclusion);
    }
    builder.build().map_err(|errors| errors.to_string())
}

fn targets(set: &TargetSet) -> Vec<Target> {
    (0..set.len())
        .map(|index| set.get(index).unwrap())
        .collect()
}

/// The targets as text.
fn shown(set: &TargetSet) -> Vec<String> {
    targets(set).iter().map(ToString::to_string).collect()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}
