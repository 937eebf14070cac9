//! Findings below the table: their counts, and the ones that matter most.

use std::io;

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
    let of = |severity| counting.iter().filter(|finding| finding.severity == severity).count();
    let counts: Vec<String> = Severity::ALL
        .into_iter()
        .filter(|severity| of(*severity) > 0)
        .map(|severity| format!("{} {severity}", of(severity)))
        .collect();
    let counts = if counts.is_empty() { "none that counts".to_owned() } else { counts.join(", ") };
    writeln!(out, "findings: {counts}{}", beside(findings))?;
    // The worst, and whatever the baseline does not have or is back.
    let telling = |finding: &&&Finding| finding.severity <= Severity::High || remark(finding).is_some();
    let telling: Vec<&&Finding> = counting.iter().filter(telling).collect();
    for finding in telling.iter().take(LISTED) {
        writeln!(out, "  {}", line(finding, options))?;
    }
    if telling.len() > LISTED {
        writeln!(out, "  … and {} more like these", telling.len() - LISTED)?;
    }
    Ok(())
}

/// `high anonymous-discovery-exposed https://192.0.2.1:6443: anonymous callers may read /api (new)`.
pub(in crate::report) fn line(finding: &Finding, options: &TableOptions) -> String {
    let Finding { severity, rule, about, .. } = finding;
    let severity = options.painted(super::severity_style(*severity), severity.word());
    let remark = remark(finding).map(|remark| format!(" ({remark})")).unwrap_or_default();
    let (about, message) = (shown(about.as_str()), shown(&finding.said()));
    format!("{severity} {} {about}: {message}{remark}", rule.id)
}

/// What is not counted, and why.
fn beside(findings: &[Finding]) -> String {
    let new = |finding: &&Finding| finding.baseline == Some(BaselineState::New) && finding.counts();
    let accepted = findings.iter().filter(|finding| finding.accepted()).count();
    let (gone, new) =
        (findings.iter().filter(|finding| finding.gone()).count(), findings.iter().filter(new).count());
    let parts = [(new, "of them new"), (accepted, "more accepted"), (gone, "gone since the baseline")];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    if parts.is_empty() { String::new() } else { format!("; {}", parts.join(", ")) }
}

fn remark(finding: &Finding) -> Option<String> {
    let new = (finding.baseline == Some(BaselineState::New)).then(|| "new".to_owned());
    let accepted = finding.acceptance.as_ref().map(|acceptance| {
        let (owner, end) = (shown(&acceptance.owner), acceptance.expires);
        let over = if acceptance.in_force { "" } else { ", which is over" };
        format!("accepted by {owner} until {end}{over}")
    });
    let remarks: Vec<String> = new.into_iter().chain(accepted).collect();
    (!remarks.is_empty()).then(|| remarks.join("; "))
}
