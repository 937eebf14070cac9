//! Findings below the table: their counts, and each kind with what to do about it.

use super::super::folded::Folded;
use super::super::phrases;
use super::lines::{Lines, width};
use super::style::{TableOptions, severity_style, shown};
use crate::model::{Finding, Severity};

/// Kinds of findings that are listed.
const MAX_LISTED: usize = 8;
/// Names listed for one kind where lines are not wrapped.
const MAX_NAMES: usize = 12;
/// Spaces before a finding.
const INDENT: usize = 2;

/// The counts, and the kinds of findings that fit in `room` lines, at least one. Each statement has at most `most` lines.
pub(super) fn lines(
    findings: &[&Finding],
    folds: &[Folded<'_>],
    room: Option<usize>,
    most: usize,
    options: &TableOptions,
) -> Vec<String> {
    if findings.is_empty() {
        return Vec::new();
    }
    let mut lines = Lines::new(options.width);
    let counts = if folds.is_empty() {
        "none that counts".to_owned()
    } else {
        let counting = findings.iter().filter(|finding| finding.counts());
        phrases::counts_by_severity(counting.copied())
    };
    lines.say(
        0,
        &format!("findings: {counts}{}", counts_by_state(findings)),
    );
    let in_order = in_order(folds);
    let blocks: Vec<Vec<String>> = (in_order.iter())
        .take(MAX_LISTED)
        .map(|fold| fold_lines(fold, most, options))
        .collect();
    let mut listed = 0;
    for block in &blocks {
        // One line is kept for the number of the others, unless this is the last one.
        let reserve = usize::from(listed + 1 < folds.len());
        let length = lines.lines.len() + block.len() + reserve;
        if listed > 0 && room.is_some_and(|room| length > room) {
            break;
        }
        lines.lines.extend(block.iter().cloned());
        listed += 1;
    }
    let left_out = &in_order[listed..];
    if !left_out.is_empty() {
        let findings = || left_out.iter().flat_map(|fold| fold.findings());
        let expired = findings().filter(|finding| phrases::expired_acceptance(finding).is_some());
        let expired = match expired.count() {
            0 => String::new(),
            count => format!(", {count} with an expired acceptance"),
        };
        let counts = phrases::counts_by_severity(findings().copied());
        lines.say(2, &format!("… and {counts} more{expired}"));
    }
    lines.lines
}

/// The kinds in the order of the list: those with an expired acceptance first, because somebody has to renew or fix
/// them, then the worst.
fn in_order<'f, 'a>(folds: &'f [Folded<'a>]) -> Vec<&'f Folded<'a>> {
    let mut folds: Vec<&Folded<'_>> = folds.iter().collect();
    folds.sort_by_key(|fold| {
        let expired = phrases::expired_acceptance(fold.first()).is_some();
        (fold.severity() > Severity::High, !expired, fold.severity())
    });
    folds
}

/// The lines about findings of one kind: what was found and where, and what to do.
///
/// `critical resources-exposed (new) prod-1 (192.0.2.1:6443): anonymous callers may list secrets`, or for several
/// `medium anonymous-auth-enabled × 10: eks-a, eks-b … and 8 more`.
pub(in crate::report) fn fold_lines(
    fold: &Folded<'_>,
    most: usize,
    options: &TableOptions,
) -> Vec<String> {
    let mut lines = Lines::new(options.width);
    let severity = fold.severity();
    let painted = options.painted(severity_style(severity), severity.as_str());
    let remark = remark(fold.first())
        .map(|remark| format!(" ({remark})"))
        .unwrap_or_default();
    if let Some(finding) = fold.only() {
        let name = shown(&phrases::finding_name(finding));
        let message = shown(&finding.said());
        let text = format!("{painted} {}{remark} {name}: {message}", fold.rule().id);
        lines.say_briefly(INDENT, &text, most);
    } else {
        let start = format!("{painted} {}{remark}: ", fold.title());
        let room = (options.width).map(|all| all.saturating_sub(INDENT + width(&start)));
        lines.say(INDENT, &format!("{start}{}", names(fold, room)));
    }
    let fix = shown(&fold.first().remediation.summary);
    lines.say_briefly(INDENT + 2, &format!("fix: {fix}"), most);
    lines.lines
}

/// The names that fit in this many columns, and the number of the others.
fn names(fold: &Folded<'_>, room: Option<usize>) -> String {
    let names: Vec<String> = fold.names().map(shown).collect();
    let text = |listed: usize| {
        let start = names[..listed].join(", ");
        match names.len() - listed {
            0 => start,
            more => format!("{start} … and {more} more"),
        }
    };
    let most = names.len().min(MAX_NAMES);
    match room {
        None => text(most),
        Some(room) => (1..=most)
            .rev()
            .map(text)
            .find(|text| width(text) <= room)
            .unwrap_or_else(|| text(1)),
    }
}

/// `; 2 of them new, 1 more accepted`.
fn counts_by_state(findings: &[&Finding]) -> String {
    let count =
        |which: fn(&Finding) -> bool| findings.iter().filter(|finding| which(finding)).count();
    let counts = phrases::counts([
        (
            count(|finding| finding.is_new() && finding.counts()),
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

/// That a finding is new, and its acceptance.
fn remark(finding: &Finding) -> Option<String> {
    let new = finding.is_new().then(|| "new".to_owned());
    let accepted = finding
        .acceptance
        .as_ref()
        .map(|acceptance| shown(&phrases::acceptance_text(acceptance)));
    let remarks: Vec<String> = new.into_iter().chain(accepted).collect();
    (!remarks.is_empty()).then(|| remarks.join("; "))
}

#[cfg(test)]
mod tests {
    use super::super::super::folded::folded;
    use super::super::super::sample;
    use super::*;
    use crate::model::Remediation;

    #[test]
    fn an_expired_acceptance_is_listed_even_if_much_is_worse() {
        let sample = sample::mixed();
        let (worst, expired) = (&sample.findings[0], &sample.findings[5]);
        assert!(phrases::expired_acceptance(expired).is_some());
        let mut findings: Vec<Finding> = (0..12)
            .map(|number| Finding {
                severity: Severity::Medium,
                remediation: Remediation {
                    summary: format!("Fix number {number}.").into(),
                    ..Remediation::default()
                },
                ..worst.clone()
            })
            .collect();
        findings.push(expired.clone());
        let findings: Vec<&Finding> = findings.iter().collect();
        let folds = folded(findings.iter().copied());
        let shown = lines(&findings, &folds, Some(10), 2, &TableOptions::default()).join("\n");
        assert!(
            shown.contains("until 2026-09-30, expired) stage."),
            "{shown}"
        );
        assert!(shown.ends_with("\n  … and 9 medium more"), "{shown}");
        assert_eq!(shown.lines().count(), 10, "{shown}");
    }

    #[test]
    fn names_are_listed_while_they_fit() {
        let sample = sample::estate(276);
        let folds = folded(&sample.findings);
        let fold = folds
            .iter()
            .find(|fold| fold.findings().len() > 50)
            .unwrap();
        for width in [80, 140] {
            let options = TableOptions {
                width: Some(width),
                color: false,
            };
            let shown = fold_lines(fold, 1, &options);
            assert!(
                shown[0].chars().count() <= width && shown[0].ends_with(" more"),
                "{shown:?}"
            );
        }
    }
}
