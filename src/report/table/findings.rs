//! Findings below the table: their counts, and the most important ones.

use std::io;

use super::super::phrases;
use super::style::{TableOptions, severity_style, shown};
use crate::model::{BaselineState, Finding, Severity};

/// Findings named before "and N more".
const MAX_LISTED: usize = 10;

pub(super) fn write(
    out: &mut impl io::Write,
    findings: &[Finding],
    options: &TableOptions,
) -> io::Result<()> {
    if findings.is_empty() {
        return Ok(());
    }
    let counting: Vec<&Finding> = findings.iter().filter(|finding| finding.counts()).collect();
    let counts = match counting.as_slice() {
        [] => "none that counts".to_owned(),
        counting => phrases::counts_by_severity(counting.iter().copied()),
    };
    writeln!(out, "findings: {counts}{}", counts_by_state(findings))?;
    let is_important =
        |finding: &&&Finding| finding.severity <= Severity::High || remark(finding).is_some();
    let important: Vec<&Finding> = counting.iter().filter(is_important).copied().collect();
    let (listed, left_out) = first_findings(&important);
    for finding in listed {
        writeln!(out, "  {}", finding_line(finding, options))?;
    }
    if !left_out.is_empty() {
        let expired = left_out
            .iter()
            .filter(|finding| phrases::expired_acceptance(finding).is_some())
            .count();
        let expired = if expired == 0 {
            String::new()
        } else {
            format!(", {expired} with an expired acceptance")
        };
        writeln!(out, "  … and {} more like these{expired}", left_out.len())?;
    }
    Ok(())
}

/// The findings to list and the others, both in their order. Findings with an expired acceptance get a place
/// before all others, because somebody has to renew or fix them.
fn first_findings<'a>(findings: &[&'a Finding]) -> (Vec<&'a Finding>, Vec<&'a Finding>) {
    let has_expired = |finding: &&&'a Finding| phrases::expired_acceptance(finding).is_some();
    let mut room_expired = findings.iter().filter(has_expired).count().min(MAX_LISTED);
    let mut room_others = MAX_LISTED - room_expired;
    findings.iter().partition(|finding| {
        let room = if has_expired(finding) {
            &mut room_expired
        } else {
            &mut room_others
        };
        let fits = *room > 0;
        *room = room.saturating_sub(1);
        fits
    })
}

/// `high anonymous-discovery-exposed https://192.0.2.1:6443: anonymous callers may read /api (new)`.
pub(in crate::report) fn finding_line(finding: &Finding, options: &TableOptions) -> String {
    let Finding { severity, rule, .. } = finding;
    let severity = options.painted(severity_style(*severity), severity.as_str());
    let remark = remark(finding)
        .map(|remark| format!(" ({remark})"))
        .unwrap_or_default();
    let (about, message) = (shown(&phrases::about(finding)), shown(&finding.said()));
    format!("{severity} {} {about}: {message}{remark}", rule.id)
}

/// `; 2 of them new, 1 more accepted`.
fn counts_by_state(findings: &[Finding]) -> String {
    let count =
        |which: fn(&Finding) -> bool| findings.iter().filter(|finding| which(finding)).count();
    let counts = phrases::counts([
        (
            count(|finding| is_new(finding) && finding.counts()),
            "of them new",
        ),
        (count(Finding::accepted), "more accepted"),
        (count(Finding::gone), "gone since the baseline"),
    ]);
    if counts.is_empty() {
        counts
    } else {
        format!("; {counts}")
    }
}

fn is_new(finding: &Finding) -> bool {
    finding.baseline == Some(BaselineState::New)
}

/// That a finding is new, and its acceptance.
fn remark(finding: &Finding) -> Option<String> {
    let new = is_new(finding).then(|| "new".to_owned());
    let accepted = finding
        .acceptance
        .as_ref()
        .map(|acceptance| shown(&phrases::acceptance_text(acceptance)));
    let remarks: Vec<String> = new.into_iter().chain(accepted).collect();
    (!remarks.is_empty()).then(|| remarks.join("; "))
}

#[cfg(test)]
mod tests {
    use super::super::super::sample;
    use super::*;

    #[test]
    fn an_expired_acceptance_is_listed_before_worse_findings() {
        let sample = sample::mixed();
        let (worst, expired) = (&sample.findings[0], &sample.findings[5]);
        assert!(phrases::expired_acceptance(expired).is_some());
        let written = |worse: usize, count: usize| {
            let mut findings = vec![worst.clone(); worse];
            findings.extend(vec![expired.clone(); count]);
            sample::written(|out| write(out, &findings, &TableOptions::default()))
        };
        let shown = written(12, 1);
        assert_eq!(shown.matches("  critical ").count(), 9, "{shown}");
        assert!(
            shown.contains("until 2026-09-30, expired)\n  … and 3 more like these\n"),
            "{shown}"
        );
        let shown = written(1, 12);
        assert!(
            shown.ends_with("  … and 3 more like these, 2 with an expired acceptance\n"),
            "{shown}"
        );
    }
}
