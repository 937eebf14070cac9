//! The counts below the table. Each target is in exactly one of them.

use std::io;

use super::super::phrases::{
    counts_by_kind, duration, not_attempted, plural, specification_result,
};
use super::style::{TableOptions, shown, verdict_style};
use crate::model::{Coverage, ScanSummary, SpecCoverage, Verdict};

/// Specifications named before "and N more".
const LISTED: usize = 10;

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
        "not covered",
        coverage,
        SpecCoverage::is_missing,
        specification_result,
    )?;
    specs(
        out,
        "not all asked",
        coverage,
        SpecCoverage::is_partly_asked,
        |spec| spec.unasked_said().unwrap_or_default(),
    )?;
    specs(
        out,
        "not as expected",
        coverage,
        |spec| spec.met == Some(false),
        |spec| {
            let expected = spec.expect.map_or("another verdict", Verdict::as_str);
            format!("expected {expected}, {}", specification_result(spec))
        },
    )?;
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
    parts.extend(
        coverage
            .unasked
            .iter()
            .map(|(why, count)| why.counted(*count)),
    );
    if coverage.not_attempted > 0 {
        parts.push(not_attempted(coverage));
    }
    let mut line = plural(coverage.targets, "target", "targets");
    if coverage.further_addresses > 0 {
        line.push_str(" and ");
        line.push_str(&plural(
            coverage.further_addresses,
            "further address",
            "further addresses",
        ));
    }
    if !parts.is_empty() {
        line.push_str(": ");
        line.push_str(&parts.join(", "));
    }
    if coverage.excluded > 0 {
        line = format!("{line}; {} excluded", coverage.excluded);
    }
    line
}

/// One line for each specification that satisfies `which`, with the text of `what`.
fn specs(
    out: &mut impl io::Write,
    title: &str,
    coverage: &Coverage,
    which: impl Fn(&SpecCoverage) -> bool,
    what: impl Fn(&SpecCoverage) -> String,
) -> io::Result<()> {
    let found: Vec<&SpecCoverage> = coverage.specs.iter().filter(|spec| which(spec)).collect();
    for spec in found.iter().take(LISTED) {
        let label = spec
            .label
            .as_deref()
            .map(|label| format!(" {}", shown(label)))
            .unwrap_or_default();
        let (text, origin) = (shown(&spec.origin.text), shown(&spec.origin.to_string()));
        writeln!(out, "  {title}: {text}{label} ({origin}): {}", what(spec))?;
    }
    if found.len() > LISTED {
        writeln!(out, "  {title}: … and {} more", found.len() - LISTED)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FailureKind, Gap};

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
            unasked: [
                (Gap::ExcludedAddress, 1),
                (Gap::SpecialAddress, 2),
                (Gap::HalfResolved, 1),
            ]
            .into(),
            further_addresses: 3,
            ..Coverage::default()
        };
        assert!(coverage.adds_up());
        assert_eq!(
            counts(&coverage, &TableOptions::default()),
            "1 target and 3 further addresses: 1 excluded address, 2 special addresses without --allow-special, \
             1 address family whose lookup failed, 1 not attempted; 4 excluded"
        );
    }
}
