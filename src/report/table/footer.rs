//! The counts below the table. Each target is in exactly one of them.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::phrases::{
    counts_by_kind, duration, name_and_place, not_attempted, plural, specification_result,
};
use super::super::results::Results;
use super::lines::{Lines, first_names};
use super::style::{TableOptions, shown, verdict_style};
use crate::model::{ClusterNotAsked, MissingReason, Origin, SpecCoverage, Verdict};
use crate::natural_order::natural_order;
use crate::wording::first_and_more;

/// Specifications with a line of their own, and kinds of results in the line of many.
const MAX_LINES: usize = 3;

pub(super) fn say(lines: &mut Lines, results: &Results<'_>, options: &TableOptions) {
    let summary = results.summary;
    let coverage = &summary.coverage;
    let (counts, elapsed) = (counts(results, options), duration(summary.elapsed));
    lines.say(0, &format!("{counts}; elapsed: {elapsed}"));
    if let Some(notice) = results.reported_notice() {
        lines.say(0, &notice);
    }
    let (covered, named) = (coverage.covered(), coverage.named());
    if covered < named {
        let explained = "each given by itself, with a verdict";
        lines.say(
            0,
            &format!("named targets covered: {covered} of {named} ({explained})"),
        );
    }
    specs(
        lines,
        "not covered",
        &results.listed_specs(SpecCoverage::is_missing),
        specification_result,
        |spec| {
            let reason = spec.missing_reason().map(MissingReason::phrase);
            reason.unwrap_or_default().to_owned()
        },
    );
    let unasked = |spec: &SpecCoverage| spec.left_out_text().unwrap_or_default();
    specs(
        lines,
        "not all asked",
        &results.listed_specs(SpecCoverage::is_partly_asked),
        unasked,
        |spec| format!("with {}", unasked(spec)),
    );
    let unmet = results.listed_specs(|spec| spec.met == Some(false));
    let contradiction = |spec: &SpecCoverage| {
        let expected = spec.expect.map_or("another verdict", Verdict::as_str);
        format!("expected {expected}, {}", specification_result(spec))
    };
    specs(
        lines,
        "not as expected",
        &unmet,
        contradiction,
        contradiction,
    );
    clusters_not_asked(lines, &coverage.clusters_not_asked);
}

/// `512 targets: 3 exposed, 446 unreachable (440 refused, 6 timed out)`.
fn counts(results: &Results<'_>, options: &TableOptions) -> String {
    let coverage = &results.summary.coverage;
    let mut parts = Vec::new();
    for verdict in Verdict::ALL {
        let Some(count) = results.verdict_count(verdict) else {
            continue;
        };
        let mut part = options.painted(verdict_style(verdict), &count);
        if verdict == Verdict::Unreachable {
            part = format!("{part} ({})", counts_by_kind(&coverage.unreachable));
        }
        parts.push(part);
    }
    let unasked = coverage.left_out.iter();
    parts.extend(unasked.map(|(why, count)| why.counted(*count)));
    if coverage.not_attempted > 0 {
        parts.push(not_attempted(coverage));
    }
    let mut line = plural(coverage.targets, "target", "targets");
    let further = coverage.further_addresses;
    if further > 0 {
        let further = plural(further, "further address", "further addresses");
        line = format!("{line} and {further}");
    }
    if !parts.is_empty() {
        line = format!("{line}: {}", parts.join(", "));
    }
    if coverage.excluded > 0 {
        line = format!("{line}; {} excluded", coverage.excluded);
    }
    line
}

/// Specifications with the text of `detail`; of many, counts by `kind`.
fn specs(
    lines: &mut Lines,
    title: &str,
    specs: &[&SpecCoverage],
    detail: impl Fn(&SpecCoverage) -> String,
    kind: impl Fn(&SpecCoverage) -> String,
) {
    let item = |spec: &&SpecCoverage| Item {
        label: spec.label.clone(),
        origin: Arc::clone(&spec.origin),
        detail: detail(spec),
        kind: kind(spec),
    };
    let specs: Vec<Item> = specs.iter().map(item).collect();
    items(lines, title, &specs);
}

/// The clusters of inventories that were not asked.
fn clusters_not_asked(lines: &mut Lines, clusters: &[ClusterNotAsked]) {
    let item = |cluster: &ClusterNotAsked| {
        let why = shown(&cluster.text());
        Item {
            label: cluster.label.clone(),
            origin: Arc::clone(&cluster.origin),
            detail: why.clone(),
            kind: why,
        }
    };
    let clusters: Vec<Item> = clusters.iter().map(item).collect();
    items(lines, "not asked", &clusters);
}

/// Something that has a line, or its name in the line of many.
struct Item {
    label: Option<Arc<str>>,
    origin: Arc<Origin>,
    /// What a line of its own says of it.
    detail: String,
    /// What it is counted by.
    kind: String,
}

/// A few get a line each; many get one line, with counts by their kind and the names of the first ones.
fn items(lines: &mut Lines, title: &str, items: &[Item]) {
    if items.len() <= MAX_LINES {
        for item in items {
            let name = match &*item.origin.text {
                "" => item.label.as_deref().unwrap_or_default().into(),
                text => name_and_place(item.label.as_deref(), text),
            };
            let (name, origin) = (shown(&name), shown(&item.origin.to_string()));
            lines.say(2, &format!("{title}: {name} ({origin}): {}", item.detail));
        }
        return;
    }
    let mut by_kind: BTreeMap<&str, usize> = BTreeMap::new();
    for item in items {
        *by_kind.entry(&item.kind).or_default() += 1;
    }
    let mut by_kind: Vec<(&str, usize)> = by_kind.into_iter().collect();
    by_kind.sort_by_key(|(_, count)| Reverse(*count));
    let more_kinds = by_kind.len().saturating_sub(MAX_LINES) as u64;
    let counts: Vec<String> = (by_kind.into_iter().take(MAX_LINES))
        .map(|(kind, count)| format!("{count} {kind}"))
        .collect();
    let counts = first_and_more(&counts, more_kinds);
    let called = |item: &Item| match &item.label {
        Some(label) => shown(label),
        None => shown(&item.origin.text),
    };
    let mut names: Vec<String> = items.iter().map(called).collect();
    names.sort_by(|one, other| natural_order(one, other));
    let start = format!("{title}: {} ({counts})", items.len());
    if lines.fits(2, &format!("{start}: {}", first_names(&names, Some(0)))) {
        lines.say_names(2, &format!("{start}: "), &names);
    } else {
        lines.say(2, &start);
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::sample;
    use super::*;
    use crate::model::{Coverage, FailureKind, LeftOutReason};

    fn counted(coverage: Coverage) -> String {
        let mut sample = sample::empty();
        sample.summary.coverage = coverage;
        counts(&sample.results(), &TableOptions::default())
    }

    #[test]
    fn the_counts_have_the_documented_form() {
        let coverage = Coverage {
            targets: 512,
            verdicts: [
                (Verdict::Rejected, 41),
                (Verdict::Limited, 2),
                (Verdict::Forbidden, 20),
                (Verdict::Exposed, 3),
                (Verdict::Inconclusive, 0),
            ]
            .into(),
            unreachable: [
                (FailureKind::TimedOut, 6),
                (FailureKind::Refused, 440),
                (FailureKind::Reset, 0),
            ]
            .into(),
            ..Coverage::default()
        };
        assert!(coverage.adds_up());
        assert_eq!(
            counted(coverage),
            "512 targets: 3 exposed, 20 forbidden, 2 limited, 41 rejected, \
             446 unreachable (440 refused, 6 timed out)"
        );
    }

    #[test]
    fn the_counts_include_what_was_not_asked() {
        let coverage = Coverage {
            targets: 1,
            excluded: 4,
            not_attempted: 1,
            left_out: [
                (LeftOutReason::ExcludedAddress, 1),
                (LeftOutReason::SpecialAddress, 2),
                (LeftOutReason::HalfResolved, 1),
            ]
            .into(),
            further_addresses: 3,
            ..Coverage::default()
        };
        assert!(coverage.adds_up());
        assert_eq!(
            counted(coverage),
            "1 target and 3 further addresses: 1 excluded address, 2 special addresses without --allow-special, \
             1 lookup that failed for one address family, 1 not attempted; 4 excluded"
        );
    }
}
