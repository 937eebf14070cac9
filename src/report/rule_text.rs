//! The explanation of a rule, as text for a terminal and as Markdown for documentation and code scanning.

use std::fmt::Write as _;

use crate::model::{Control, Remediation, Rule, Step};

/// Columns of the text.
const WIDTH: usize = 100;

/// The section of a rule in `docs/rules.md`.
pub fn markdown(rule: &Rule) -> String {
    let Rule {
        id,
        title,
        meaning,
        proof,
        advice: _,
        page: _,
        severity,
        score,
        cwe,
        controls,
        anonymous_access: _,
        about_coverage: _,
    } = rule;
    let mut out = format!("## {id}\n\n**{title}.** Severity {severity} (score {score})");
    if let Some(cwe) = cwe {
        let _ = write!(
            out,
            ", [CWE-{cwe}](https://cwe.mitre.org/data/definitions/{cwe}.html)"
        );
    }
    let _ = write!(
        out,
        ".\n\n{meaning}\n\n*Proof.* {proof}\n\n*How to fix it.* {}\n",
        steps_markdown(&rule.remediation())
    );
    if !controls.is_empty() {
        out.push_str("\nEvidence for:\n\n");
        for control in *controls {
            let _ = writeln!(out, "* {}", item(control));
        }
    }
    out
}

/// The text of a rule for a terminal.
pub fn text(rule: &Rule) -> String {
    let mut out = format!("{}\n{}\n\n", rule.id, rule.title);
    let cwe = rule
        .cwe
        .map(|cwe| format!(", CWE-{cwe}"))
        .unwrap_or_default();
    let _ = writeln!(
        out,
        "severity {} (score {}){cwe}\n",
        rule.severity, rule.score
    );
    for (title, words) in [("What it means", rule.meaning), ("Proof", rule.proof)] {
        let _ = writeln!(out, "{title}:");
        wrap(&mut out, words);
        out.push('\n');
    }
    out.push_str("How to fix it:\n");
    for line in rule.remediation().text(usize::MAX).lines() {
        // A command is not wrapped, so that it can be copied.
        if line.starts_with(' ') {
            let _ = writeln!(out, "  {line}");
        } else {
            wrap(&mut out, line);
        }
    }
    out.push('\n');
    if !rule.controls.is_empty() {
        out.push_str("Evidence for:\n");
        for control in rule.controls {
            let _ = writeln!(out, "  {}", item(control));
        }
        out.push('\n');
    }
    out
}

/// The texts of rules are this program's own, so nothing is escaped.
fn steps_markdown(remediation: &Remediation) -> String {
    let mut out = format!("{}\n", remediation.summary);
    for (number, Step { text, command }) in (1..).zip(&remediation.steps) {
        let _ = write!(out, "\n{number}. {text}\n");
        if let Some(command) = command {
            out.push_str("\n   ```\n");
            for line in command.lines() {
                let _ = writeln!(out, "   {line}");
            }
            out.push_str("   ```\n");
        }
    }
    for (title, text) in [("Breaks", &remediation.breaks), ("Undo", &remediation.undo)] {
        if let Some(text) = text {
            let _ = write!(out, "\n*{title}.* {text}\n");
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// `CIS Kubernetes Benchmark 2.1.0, 1.2.1: Ensure that …`.
fn item(control: &Control) -> String {
    let Control {
        framework,
        id,
        text,
    } = control;
    if id.is_empty() {
        format!("{framework}: {text}")
    } else {
        format!("{framework}, {id}: {text}")
    }
}

/// Writes words in lines of at most [`WIDTH`] columns, indented by two.
fn wrap(out: &mut String, words: &str) {
    let mut column = 0;
    for word in words.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > WIDTH {
            out.push('\n');
            column = 0;
        }
        out.push_str(if column == 0 { "  " } else { " " });
        out.push_str(word);
        column += length + if column == 0 { 2 } else { 1 };
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::super::sample::{HEALTH, RESOURCES};

    #[test]
    fn as_markdown_and_as_text() {
        let shown = [&RESOURCES, &HEALTH].map(super::markdown).join("\n---\n\n");
        insta::assert_snapshot!("markdown", shown);
        insta::assert_snapshot!("text", super::text(&RESOURCES));
    }

    #[test]
    fn lines_are_no_longer_than_a_terminal() {
        let mut out = String::new();
        super::wrap(&mut out, &"word ".repeat(80));
        assert!(out.lines().count() > 3);
        assert!(
            out.lines()
                .all(|line| line.chars().count() <= super::WIDTH && line.starts_with("  word"))
        );
    }
}
