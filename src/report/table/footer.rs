//! The counts below the table. Each target is in exactly one of them.

use std::io;

use super::super::phrases::{
    counts_by_kind, duration, not_attempted, plural, specification_result,
};
use super::style::{TableOptions, shown, verdict_style};
use crate::model::{Coverage, ScanSummary, SpecCoverage, Verdict};

/// Specifications named before "and N more".
const MAX_LISTED: usize = 10;

pub(super) fn write(
    out: &mut impl io::Write,
    summary: &ScanSummary,
    options: &TableOptions,
) -> io::Result<()> {
    let coverage = &summary.coverage;
    writeln!(out, "{}", counts(coverage, options))?;
    if coverage.named() > 0 {
        writeln!(
            out,
            "named targets covered: {} of {}",
            coverage.covered(),
            coverage.named()
        )?;
    }
    specs(
        out,
        coverage,
        "not covered",
        SpecCoverage::is_missing,
        specification_result,
    )?;
    let unasked = |spec: &SpecCoverage| spec.left_out_text().unwrap_or_default();
    specs(
        out,
        coverage,
        "not all asked",
        SpecCoverage::is_partly_asked,
        unasked,
    )?;
    let is_unmet = |spec: &SpecCoverage| spec.met == Some(false);
    specs(out, coverage, "not as expected", is_unmet, |spec| {
        let expected = spec.expect.map_or("another verdict", Verdict::as_str);
        format!("expected {expected}, {}", specification_result(spec))
    })?;
    writeln!(out, "elapsed: {}", duration(summary.elapsed))
}

/// `512 targets: 3 exposed, 446 unreachable (440 refused, 6 timed out)`.
fn counts(coverage: &Coverage, options: &TableOptions) -> String {
    let mut parts = Vec::new();
    for verdict in Verdict::ALL {
        let count = coverage.count(verdict);
        if count == 0 {
            continue;
        }
        let mut part = options.painted(verdict_style(verdict), &format!("{count} {verdict}"));
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

/// One line for each specification that satisfies `which`, with the text of `detail`.
fn specs(
    out: &mut impl io::Write,
    coverage: &Coverage,
    title: &str,
    which: impl Fn(&SpecCoverage) -> bool,
    detail: impl Fn(&SpecCoverage) -> String,
) -> io::Result<()> {
    let found: Vec<&SpecCoverage> = coverage.specs.iter().filter(|spec| which(spec)).collect();
    for spec in found.iter().take(MAX_LISTED) {
        let label = spec.label.as_deref();
        let label = label
            .map(|label| format!(" {}", shown(label)))
            .unwrap_or_default();
        let (text, origin) = (shown(&spec.origin.text), shown(&spec.origin.to_string()));
        writeln!(out, "  {title}: {text}{label} ({origin}): {}", detail(spec))?;
    }
    if found.len() > MAX_LISTED {
        writeln!(out, "  {title}: … and {} more", found.len() - MAX_LISTED)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FailureKind, LeftOutReason};

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
            counts(&coverage, &TableOptions::default()),
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
            counts(&coverage, &TableOptions::default()),
            "1 target and 3 further addresses: 1 excluded address, 2 special addresses without --allow-special, \
             1 lookup that failed for one address family, 1 not attempted; 4 excluded"
        );
    }
}
