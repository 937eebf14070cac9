//! Findings below the table: their counts, and the ones that matter most.

use std::io;

use super::super::tell;
use super::{TableOptions, shown};
use crate::model::{BaselineState, Finding, Severity};

/// Findings named before "and N more".
const LISTED: usize = 10;

pub(super) fn write(
    out: &mut impl io::Write,
    findings: &[Finding],
    options: &TableOptions,
) -> io::Result<()> {
    let counting: Vec<&Finding> = findings.iter().filter(|finding| finding.counts()).collect();
    if findings.is_empty() {
        return Ok(());
    }
    let of = |severity| {
        counting
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
    };
    let counts: Vec<String> = Severity::ALL
        .into_iter()
        .filter(|severity| of(*severity) > 0)
        .map(|severity| format!("{} {severity}", of(severity)))
        .collect();
    let counts = if counts.is_empty() {
        "none that counts".to_owned()
    } else {
        counts.join(", ")
    };
    writeln!(out, "findings: {counts}{}", beside(findings))?;
    // The worst, and whatever the baseline does not have or is back.
    let telling =
        |finding: &&&Finding| finding.severity <= Severity::High || remark(finding).is_some();
    let telling: Vec<&Finding> = counting.iter().filter(telling).copied().collect();
    let (shown, left_out) = listed(&telling);
    for finding in shown {
        writeln!(out, "  {}", line(finding, options))?;
    }
    if !left_out.is_empty() {
        let over = left_out
            .iter()
            .filter(|finding| tell::lapsed(finding).is_some())
            .count();
        let over = if over == 0 {
            String::new()
        } else {
            format!(", {over} with an acceptance that is over")
        };
        writeln!(out, "  … and {} more like these{over}", left_out.len())?;
    }
    Ok(())
}

/// Those that are listed, and the others. An acceptance that is over must be seen: such findings go
/// before worse ones, though all are listed in their order.
fn listed<'a>(telling: &[&'a Finding]) -> (Vec<&'a Finding>, Vec<&'a Finding>) {
    let lapsed = |finding: &&&'a Finding| tell::lapsed(finding).is_some();
    let mut over = telling.iter().filter(lapsed).count().min(LISTED);
    let mut others = LISTED - over;
    telling.iter().partition(|finding| {
        let room = if lapsed(finding) {
            &mut over
        } else {
            &mut others
        };
        let fits = *room > 0;
        *room = room.saturating_sub(1);
        fits
    })
}

/// `high anonymous-discovery-exposed https://192.0.2.1:6443: anonymous callers may read /api (new)`.
pub(in crate::report) fn line(finding: &Finding, options: &TableOptions) -> String {
    let Finding { severity, rule, .. } = finding;
    let severity = options.painted(super::severity_style(*severity), severity.as_str());
    let remark = remark(finding)
        .map(|remark| format!(" ({remark})"))
        .unwrap_or_default();
    let (about, message) = (shown(&tell::about(finding)), shown(&finding.said()));
    format!("{severity} {} {about}: {message}{remark}", rule.id)
}

/// What is not counted, and why.
fn beside(findings: &[Finding]) -> String {
    let new = |finding: &&Finding| finding.baseline == Some(BaselineState::New) && finding.counts();
    let accepted = findings.iter().filter(|finding| finding.accepted()).count();
    let (gone, new) = (
        findings.iter().filter(|finding| finding.gone()).count(),
        findings.iter().filter(new).count(),
    );
    let parts = [
        (new, "of them new"),
        (accepted, "more accepted"),
        (gone, "gone since the baseline"),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    if parts.is_empty() {
        String::new()
    } else {
        format!("; {}", parts.join(", "))
    }
}

fn remark(finding: &Finding) -> Option<String> {
    let new = (finding.baseline == Some(BaselineState::New)).then(|| "new".to_owned());
    let accepted = finding
        .acceptance
        .as_ref()
        .map(|acceptance| shown(&tell::accepted(acceptance)));
    let remarks: Vec<String> = new.into_iter().chain(accepted).collect();
    (!remarks.is_empty()).then(|| remarks.join("; "))
}

#[cfg(test)]
mod tests {
    use super::super::super::sample;
    use super::*;

    #[test]
    fn an_acceptance_that_is_over_is_listed_before_what_is_worse() {
        let sample = sample::mixed();
        let (worst, lapsed) = (&sample.findings[0], &sample.findings[5]);
        assert!(tell::lapsed(lapsed).is_some());
        let written = |worse: usize, over: usize| {
            let mut findings = vec![worst.clone(); worse];
            findings.extend(vec![lapsed.clone(); over]);
            sample::written(|out| write(out, &findings, &TableOptions::default()))
        };
        let shown = written(12, 1);
        assert_eq!(shown.matches("  critical ").count(), 9, "{shown}");
        assert!(
            shown.contains("until 2026-09-30, which is over)\n  … and 3 more like these\n"),
            "{shown}"
        );
        let shown = written(1, 12);
        assert!(
            shown.ends_with("  … and 3 more like these, 2 with an acceptance that is over\n"),
            "{shown}"
        );
    }
}
