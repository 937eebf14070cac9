//! The worst endpoints, named again where a reader of a long table looks first, and the commands that tell more.

use super::super::phrases::{anonymous_may, name_and_place, target_and_address, who_answered};
use super::lines::Lines;
use super::style::{TableOptions, shown, verdict_style};
use crate::model::{EndpointReport, Finding, Target};

/// Endpoints named.
const MAX_NAMED: usize = 3;
/// Lines for each of them.
const MAX_LINES: usize = 2;

pub(super) fn say(lines: &mut Lines, worst: &[&EndpointReport], options: &TableOptions) {
    if worst.is_empty() {
        return;
    }
    lines.say(0, "worst endpoints:");
    for report in worst.iter().take(MAX_NAMED) {
        let (verdict, target) = (report.verdict, target_and_address(report));
        let name = name_and_place(report.target.label.as_deref(), &target).into_owned();
        let verdict = options.painted(verdict_style(verdict), verdict.as_str());
        let [name, may, who] =
            [name, anonymous_may(report), who_answered(report)].map(|text| shown(&text));
        lines.say_briefly(2, &format!("{verdict} {name}: {may}; {who}"), MAX_LINES);
    }
    if worst.len() > MAX_NAMED {
        lines.say(2, &format!("… and {} more", worst.len() - MAX_NAMED));
    }
}

/// The commands that tell more about the worst endpoint and the worst finding.
pub(super) fn say_commands(
    lines: &mut Lines,
    worst: Option<&EndpointReport>,
    findings: &[&Finding],
) {
    let first = findings.iter().find(|finding| finding.counts());
    let identify = worst.map(|report| format!("kubeknock identify {}", argument(&report.target)));
    let rules = first.map(|finding| format!("kubeknock rules {}", finding.rule.id));
    let commands: Vec<String> = identify.into_iter().chain(rules).collect();
    if !commands.is_empty() {
        lines.say(0, &format!("more: {}", commands.join(" or ")));
    }
}

/// A target as an argument of a shell command.
fn argument(target: &Target) -> String {
    let text = target.to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._:/".contains(c);
    if text.chars().all(is_plain) {
        text
    } else {
        format!("'{}'", shown(&text.replace('\'', "'\\''")))
    }
}
