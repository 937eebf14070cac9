//! The counts below the table. Each target is in exactly one of them.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::super::phrases::{
    counts_by_kind, duration, name_and_place, not_attempted, plural, specification_result,
};
use super::super::results::Results;
use super::lines::{Lines, first_names};
use super::style::{TableOptions, shown, verdict_style};
use crate::model::{MissingReason, SpecCoverage, Verdict};
use crate::natural_order::natural_order;
use crate::wording::first_and_more;

/// Specifications with a line of their own, and kinds of results in the line of many.
const MAX_LINES: usize = 3;

pub(super) fn say(lines: &mut Lines, results: &Results<'_>, options: &TableOptions) {
    let summary = results.summary;
    let coverage = &summary.coverage;
    let (counts, elapsed) = (counts(results, options), duration(summary.elapsed));
    lines.say(0, &format!("{counts}; elapsed: {elapsed}"));
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

/// Specifications. A few get a line each, with the text of `detail`; many get one line, with counts by `kind` and the
/// names of the first ones.
fn specs(
    lines: &mut Lines,
    title: &str,
    specs: &[&SpecCoverage],
    detail: impl Fn(&SpecCoverage) -> String,
    kind: impl Fn(&SpecCoverage) -> String,
) {
    let name = |spec: &SpecCoverage| {
        let name = name_and_place(spec.label.as_deref(), &spec.origin.text);
        shown(&name)
    };
    if specs.len() <= MAX_LINES {
        for spec in specs {
            let (name, origin) = (name(spec), shown(&spec.origin.to_string()));
            lines.say(2, &format!("{title}: {name} ({origin}): {}", detail(spec)));
        }
        return;
    }
    let mut by_kind: BTreeMap<String, usize> = BTreeMap::new();
    for spec in specs {
        *by_kind.entry(kind(spec)).or_default() += 1;
    }
    let mut by_kind: Vec<(String, usize)> = by_kind.into_iter().collect();
    by_kind.sort_by_key(|(_, count)| Reverse(*count));
    let more_kinds = by_kind.len().saturating_sub(MAX_LINES) as u64;
    let counts: Vec<String> = (by_kind.into_iter().take(MAX_LINES))
        .map(|(kind, count)| format!("{count} {kind}"))
        .collect();
    let counts = first_and_more(&counts, more_kinds);
    let called = |spec: &&SpecCoverage| match &spec.label {
        Some(label) => shown(label),
        None => shown(&spec.origin.text),
    };
    let mut names: Vec<String> = specs.iter().map(called).collect();
    names.sort_by(|one, other| natural_order(one, other));
    let start = format!("{title}: {} ({counts})", specs.len());
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
