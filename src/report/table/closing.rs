//! The last lines: the commands that show more, and the reason for the exit code.

use super::super::escape::escape;
use super::super::results::GateResult;
use super::lines::Lines;
use super::style::TableOptions;
use crate::model::{EndpointReport, Finding, Target};

/// Characters of a command.
const MAX_COMMAND: usize = 2_000;

/// The commands that show more about the worst endpoint and the worst finding, each in a line that can be copied.
pub(super) fn say_commands(
    lines: &mut Lines,
    worst: Option<&EndpointReport>,
    findings: &[&Finding],
    options: &TableOptions,
) {
    let first = findings.iter().find(|finding| finding.counts());
    let identify = worst.filter(|_| !options.targets_are_gone);
    let identify = identify.map(|report| format!("identify {}", argument(&report.target)));
    let rules = first.map(|finding| format!("rules {}", finding.rule.id));
    let commands: Vec<String> = identify.into_iter().chain(rules).collect();
    if !commands.is_empty() {
        lines.say(0, "more:");
    }
    for command in commands {
        let command = escape(&command, MAX_COMMAND);
        lines.say_whole(2, &format!("kubeknock {command}"));
    }
}

/// The reason for the exit code. Several reasons that do not fit in one line have a line each. None is cut.
pub(super) fn say_gate(lines: &mut Lines, outcome: GateResult<'_>) {
    let sentence = escape(outcome.sentence, usize::MAX);
    if lines.fits(0, &sentence) {
        return lines.say(0, &sentence);
    }
    for (number, reason) in outcome.reasons().enumerate() {
        let indent = if number == 0 { 0 } else { 2 };
        lines.say(indent, &escape(reason, usize::MAX));
    }
}

/// A target as an argument of a shell command that asks the same server.
fn argument(target: &Target) -> String {
    let mut text = target.to_string();
    if target.absolute {
        let host = target.host.to_string();
        text = text.replacen(&host, &format!("{host}."), 1);
    }
    if let Some(sni) = &target.sni {
        text = format!("{text} sni={sni}");
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._:/".contains(c);
    if text.chars().all(is_plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::sample;
    use super::*;

    #[test]
    fn a_command_asks_the_same_server() {
        let mut target = sample::target(0, sample::origin(1, "api.example"), "api.example", 6443);
        assert_eq!(argument(&target), "api.example:6443");
        target.absolute = true;
        target.sni = Some("n1.example".into());
        assert_eq!(argument(&target), "'api.example.:6443 sni=n1.example'");
        target.prefix = "/it's".into();
        assert_eq!(
            argument(&target),
            "'https://api.example.:6443/it'\\''s sni=n1.example'"
        );
    }

    #[test]
    fn a_command_is_never_broken() {
        let mut report = sample::estate(1).reports.remove(0);
        report.target.sni = Some("x".repeat(100).into());
        let mut lines = Lines::new(Some(40));
        say_commands(&mut lines, Some(&report), &[], &TableOptions::default());
        let command = format!(
            "  kubeknock identify '10.20.0.1:6443 sni={}'",
            "x".repeat(100)
        );
        assert_eq!(lines.lines, ["more:", &command]);
        let gone = TableOptions {
            targets_are_gone: true,
            ..TableOptions::default()
        };
        let mut lines = Lines::new(Some(40));
        say_commands(&mut lines, Some(&report), &[], &gone);
        assert_eq!(lines.lines, [""; 0]);
    }

    #[test]
    fn every_name_of_the_gate_is_whole() {
        let name =
            |index| format!("prod-very-long-cluster-name-of-sixty-characters-in-frankfurt-{index}");
        let names = [1, 2, 3].map(|index| format!("{} (10.0.0.{index}:6443)", name(index)));
        let names = names.join(", ");
        let sentence = format!(
            "exit 1: 5 exposed: {names} and 2 more; 1 critical finding: etcd-open at {}; 273 of 276 named targets not \
             covered: {names} and 270 more",
            name(4)
        );
        let outcome = GateResult {
            code: 1,
            sentence: &sentence,
        };
        for width in [60, 80, 140] {
            let mut lines = Lines::new(Some(width));
            say_gate(&mut lines, outcome);
            let reasons = lines.lines.iter().filter(|line| !line.starts_with("    "));
            assert!(reasons.count() > 2, "{:?}", lines.lines);
            for line in &lines.lines {
                // A name that is wider than the terminal has a line of its own.
                assert!(line.len() <= width.max(68), "{width}: {line}");
            }
            let words = |text: &str| text.replace(';', "").split_whitespace().collect::<String>();
            assert_eq!(words(&lines.lines.join("\n")), words(&sentence));
        }
        let mut lines = Lines::new(None);
        say_gate(&mut lines, outcome);
        assert_eq!(lines.lines, [&*sentence]);
    }
}
