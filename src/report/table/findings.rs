//! Findings below the table: their counts, and each problem (a rule with a fix) with what to do about it.

use super::super::escape::escape;
use super::super::folded::Folded;
use super::super::phrases;
use super::lines::{Lines, first_names, shortened, width, without_middle};
use super::style::{TableOptions, severity_style, shown};
use crate::model::{Finding, Severity};

/// Problems that are listed, of a report that has many.
const MAX_LISTED: usize = 100;
/// Spaces before a problem.
const INDENT: usize = 2;
/// Lines of each statement about a problem, where there is room.
const MAX_LINES: usize = 2;
/// Characters of a command.
const MAX_COMMAND: usize = 2_000;

/// The counts of findings, and the problems in three lengths.
pub(super) struct Problems {
    counts: Vec<String>,
    /// With all that is known, in several lines.
    full: Vec<Vec<String>>,
    /// What was found, and what to do: two lines.
    brief: Vec<Vec<String>>,
    /// Both in one line.
    short: Vec<String>,
    /// Counts of the problems that are not listed.
    left_out: Vec<String>,
}

impl Problems {
    pub(super) fn new(findings: &[&Finding], folds: &[Folded<'_>], options: &TableOptions) -> Self {
        let in_order = in_order(folds);
        let (listed, left_out) = in_order.split_at(in_order.len().min(MAX_LISTED));
        let fold_lines = |most| {
            let lines = listed.iter().map(|fold| fold_lines(fold, most, options));
            lines.collect()
        };
        Self {
            counts: counts(findings, folds, options),
            full: fold_lines(MAX_LINES),
            brief: fold_lines(1),
            short: listed.iter().map(|fold| short(fold, options)).collect(),
            left_out: further(left_out, options),
        }
    }

    /// All in full.
    pub(super) fn in_full(&self) -> Vec<String> {
        let lines = self.counts.iter().chain(self.full.iter().flatten());
        lines.chain(&self.left_out).cloned().collect()
    }

    /// All of them in this many lines: as many as possible in two lines, the others in one. `None` if there is too
    /// little room.
    pub(super) fn in_brief(&self, room: usize) -> Option<Vec<String>> {
        let least = self.counts.len() + self.short.len() + self.left_out.len();
        let brief = room.checked_sub(least)?.min(self.brief.len());
        // The worst problem never has less than two lines.
        (brief > 0 || self.brief.is_empty()).then(|| {
            let first = self
                .counts
                .iter()
                .chain(self.brief[..brief].iter().flatten());
            let rest = self.short[brief..].iter().chain(&self.left_out);
            first.chain(rest).cloned().collect()
        })
    }

    /// The worst problems, as many as this room has, and before them all others in one line each.
    pub(super) fn for_last_screen(&self, room: usize) -> (Vec<String>, Vec<String>) {
        let mut last = self.counts.clone();
        let mut shown = 0;
        for (full, brief) in self.full.iter().zip(&self.brief) {
            let lines = if shown == 0 { full } else { brief };
            if shown > 0 && last.len() + lines.len() > room {
                break;
            }
            last.extend_from_slice(lines);
            shown += 1;
        }
        let mut others: Vec<String> = self.short[shown..]
            .iter()
            .chain(&self.left_out)
            .cloned()
            .collect();
        if !others.is_empty() {
            others.insert(0, "further findings; the worst are below:".to_owned());
        }
        (others, last)
    }
}

/// `findings: 1 critical, 2 high; 1 of them new`.
fn counts(findings: &[&Finding], folds: &[Folded<'_>], options: &TableOptions) -> Vec<String> {
    let mut lines = Lines::new(options.width);
    if findings.is_empty() {
        return lines.lines;
    }
    let counts = if folds.is_empty() {
        "none that counts".to_owned()
    } else {
        let counting = findings.iter().filter(|finding| finding.counts());
        phrases::counts_by_severity(counting.copied())
    };
    let by_state = counts_by_state(findings);
    lines.say(0, &format!("findings: {counts}{by_state}"));
    lines.lines
}

/// `… and 9 medium more`: counts of the problems that are not listed.
fn further(folds: &[&Folded<'_>], options: &TableOptions) -> Vec<String> {
    let mut lines = Lines::new(options.width);
    if !folds.is_empty() {
        let findings = folds.iter().flat_map(|fold| fold.findings());
        let counts = phrases::counts_by_severity(findings.copied());
        lines.say(INDENT, &format!("… and {counts} more"));
    }
    lines.lines
}

/// The problems in the order of the list: those with an expired acceptance first, because somebody has to renew or fix
/// them, then the worst.
fn in_order<'f, 'a>(folds: &'f [Folded<'a>]) -> Vec<&'f Folded<'a>> {
    let mut folds: Vec<&Folded<'_>> = folds.iter().collect();
    folds.sort_by_key(|fold| {
        let expired = phrases::expired_acceptance(fold.first()).is_some();
        (fold.severity() > Severity::High, !expired, fold.severity())
    });
    folds
}

/// The lines about one problem: what was found and where, what to do, and the command that shows it, if there is room
/// for it. Each statement but the command has at most `most` lines.
///
/// `critical resources-exposed (new) prod-1 (192.0.2.1:6443): anonymous callers may list secrets`, or for several
/// `medium anonymous-auth-enabled × 10: eks-a, eks-b … and 8 more`.
pub(in crate::report) fn fold_lines(
    fold: &Folded<'_>,
    most: usize,
    options: &TableOptions,
) -> Vec<String> {
    let mut lines = Lines::new(options.width);
    lines.lines = what_was_found(fold, most, options);
    let fix = match fold.only() {
        Some(finding) => shown(&finding.fix_beside_message()),
        None => shown(&fold.first().remediation.summary),
    };
    lines.say_briefly(INDENT + 2, &format!("fix: {fix}"), most);
    if let Some(curl) = fold.first().curl().filter(|_| most > 1) {
        let command = format!("see it yourself: {}", escape(&curl, MAX_COMMAND));
        if lines.fits(INDENT + 2, &command) {
            lines.say_whole(INDENT + 2, &command);
        }
    }
    lines.lines
}

/// What was found and where, without what to do about it.
pub(in crate::report) fn what_was_found(
    fold: &Folded<'_>,
    most: usize,
    options: &TableOptions,
) -> Vec<String> {
    let mut lines = Lines::new(options.width);
    let start = start(fold, options);
    if let Some(finding) = fold.only() {
        let name = shown(&phrases::finding_name(finding));
        // A word that is too wide for a line would take the place of everything else.
        let name = lines.width.map_or_else(
            || name.clone(),
            |all| {
                let of_line = all.saturating_sub(INDENT + 4);
                let rest = all.saturating_sub(INDENT + width(&start) + 3);
                without_middle(
                    &name,
                    if most == 1 {
                        rest.max(of_line / 3)
                    } else {
                        of_line
                    },
                )
            },
        );
        let message = shown(&finding.said());
        lines.say_briefly(INDENT, &format!("{start} {name}: {message}"), most);
    } else {
        lines.say_names(INDENT, &format!("{start}: "), &names(fold));
    }
    lines.lines
}

/// One line about one problem: `medium anonymous-auth-enabled × 10: eks-a … and 9 more → Limit anonymous …`.
fn short(fold: &Folded<'_>, options: &TableOptions) -> String {
    let start = format!("{:INDENT$}{}: ", "", start(fold, options));
    let available = Lines::new(options.width).width;
    // What to do is worth more than a second name.
    let room = available.map(|all| all.saturating_sub(width(&start)) / 2);
    let fix = shown(&fold.first().remediation.summary);
    let line = format!("{start}{} → {fix}", first_names(&names(fold), room));
    available.map_or_else(|| line.clone(), |all| shortened(&line, all))
}

/// `high anonymous-auth-unexpected × 3 (new)`.
fn start(fold: &Folded<'_>, options: &TableOptions) -> String {
    let severity = fold.severity();
    let painted = options.painted(severity_style(severity), severity.as_str());
    let remark = remark(fold.first()).map(|remark| format!(" ({remark})"));
    format!("{painted} {}{}", fold.title(), remark.unwrap_or_default())
}

fn names(fold: &Folded<'_>) -> Vec<String> {
    fold.names().map(|name| shown(&name)).collect()
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

    /// Findings of as many problems as `count`, the last one with an expired acceptance.
    fn many(count: usize) -> Vec<Finding> {
        let sample = sample::mixed();
        let (worst, expired) = (&sample.findings[0], &sample.findings[5]);
        assert!(phrases::expired_acceptance(expired).is_some());
        let fix = |number: usize| Remediation {
            summary: format!("Fix number {number}.").into(),
            ..Remediation::default()
        };
        let others = (1..count).map(|number| Finding {
            severity: Severity::Medium,
            remediation: fix(number),
            ..worst.clone()
        });
        others.chain([expired.clone()]).collect()
    }

    #[test]
    fn every_problem_has_its_fix_in_any_room() {
        for width in [None, Some(80), Some(140)] {
            let options = TableOptions {
                width,
                ..TableOptions::default()
            };
            let findings = many(13);
            let findings: Vec<&Finding> = findings.iter().collect();
            let folds = folded(findings.iter().copied());
            let problems = Problems::new(&findings, &folds, &options);
            let (others, last) = problems.for_last_screen(10);
            assert!(last.len() <= 10, "{last:?}");
            for lines in [
                problems.in_full(),
                problems.in_brief(14 + 3).unwrap(),
                [others, last].concat(),
            ] {
                for number in 1..13 {
                    let fix = format!("Fix number {number}.");
                    let said = lines.iter().filter(|line| line.ends_with(&fix));
                    assert_eq!(said.count(), 1, "{fix} in {lines:?}");
                }
            }
            assert_eq!(problems.in_brief(14 + 3).unwrap().len(), 14 + 3);
            assert_eq!(problems.in_brief(13), None, "the worst has two lines");
        }
    }

    #[test]
    fn an_expired_acceptance_is_listed_even_if_much_is_worse() {
        let findings = many(MAX_LISTED + 5);
        let findings: Vec<&Finding> = findings.iter().collect();
        let folds = folded(findings.iter().copied());
        let problems = Problems::new(&findings, &folds, &TableOptions::default());
        let shown = problems.in_full().join("\n");
        assert!(
            shown.contains("until 2026-09-30, expired) stage."),
            "{shown}"
        );
        assert!(shown.ends_with("\n  … and 5 medium more"), "{shown}");
    }

    #[test]
    fn the_command_that_shows_it_is_never_broken() {
        let sample = sample::estate(1);
        let folds = folded(&sample.findings);
        let curl = format!("    see it yourself: {}", folds[0].first().curl().unwrap());
        for (width, is_said) in [
            (None, true),
            (Some(curl.len()), true),
            (Some(curl.len() - 1), false),
        ] {
            let options = TableOptions {
                width,
                ..TableOptions::default()
            };
            let lines = fold_lines(&folds[0], MAX_LINES, &options);
            assert_eq!(lines.contains(&curl), is_said, "{lines:?}");
            assert_eq!(lines.join("").contains("curl"), is_said);
        }
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
                ..TableOptions::default()
            };
            let shown = fold_lines(fold, 1, &options);
            assert!(
                shown[0].chars().count() <= width && shown[0].ends_with(" more"),
                "{shown:?}"
            );
        }
    }
}
