//! An inspection for people.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::against::Outcome;
use super::audit_policy::PolicyReport;
use super::bindings::Standing;
use super::inspected::{InspectedServer, Inspection};
use super::prediction::PathPrediction;
use crate::escape::escape;
use crate::kubernetes::PathClass;
use crate::model::{Finding, Verdict};
use crate::wording::{joined_at_most, plural};

/// Characters of a text.
const MAX_TEXT: usize = 400;
/// Paths that a line names.
const MAX_PATHS: usize = 6;

/// How the text looks.
#[derive(Debug, Clone, Copy, Default)]
pub struct TextOptions {
    /// Whether to use colours.
    pub color: bool,
}

impl TextOptions {
    fn painted(self, style: Style, text: &str) -> String {
        if self.color {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }
}

/// Writes it: the servers, the bindings, the findings with what to do, remarks, and the reason for the exit code.
///
/// # Errors
/// The writer fails.
pub fn write_text(
    out: &mut dyn Write,
    inspection: &Inspection,
    findings: &[Finding],
    sentence: &str,
    options: TextOptions,
) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    for server in &inspection.servers {
        write_server(&mut out, server, options)?;
    }
    write_bindings(&mut out, inspection)?;
    write_policies(&mut out, &inspection.policies)?;
    write_findings(&mut out, findings, options)?;
    for note in &inspection.notes {
        writeln!(
            out,
            "{}: {}",
            shown(&note.place.to_string()),
            shown(&note.text)
        )?;
    }
    for unreadable in &inspection.unreadable {
        writeln!(
            out,
            "{}: not read: {}",
            shown(&unreadable.place.to_string()),
            unreadable.problem
        )?;
    }
    if inspection.others > 0 {
        let objects = plural(inspection.others, "document says", "documents say");
        writeln!(out, "{objects} nothing about anonymous access")?;
    }
    writeln!(out, "{}", shown(sentence))?;
    out.flush()
}

fn shown(text: &str) -> String {
    escape(text, MAX_TEXT)
}

fn color_of(verdict: Option<Verdict>) -> Style {
    let color = match verdict {
        Some(Verdict::Exposed) | None => AnsiColor::Red,
        Some(Verdict::Forbidden | Verdict::Inconclusive) => AnsiColor::Yellow,
        _ => AnsiColor::Green,
    };
    Style::new().bold().fg_color(Some(color.into()))
}

fn write_server(
    out: &mut dyn Write,
    server: &InspectedServer,
    options: TextOptions,
) -> io::Result<()> {
    let prediction = &server.prediction;
    let verdict = server.verdict();
    let word = verdict.map_or("does not start", Verdict::as_str);
    let release = server
        .release
        .map_or_else(String::new, |release| format!(", {release}"));
    let hint = if server.is_hint {
        " (a hint: another program makes the configuration)"
    } else {
        ""
    };
    writeln!(
        out,
        "{} {}{release}{hint}\n  {}",
        options.painted(color_of(verdict), word),
        shown(&server.name),
        shown(&server.place.to_string()),
    )?;
    if let (Some(usual), Some(deep)) = (prediction.without_deep, prediction.verdict)
        && usual != deep
    {
        writeln!(out, "  a scan without --deep sees: {usual}")?;
    }
    if prediction.is_lower_bound {
        writeln!(
            out,
            "  a lower bound: something that the configuration does not show may open more"
        )?;
    }
    for statement in prediction
        .start_problems
        .iter()
        .chain(&prediction.statements)
    {
        let place = statement.place.as_ref();
        let place = place.map_or_else(String::new, |place| {
            format!("{}: ", shown(&place.to_string()))
        });
        writeln!(out, "  - {place}{}", shown(&statement.text))?;
    }
    write_paths(out, &prediction.paths)?;
    for comparison in &server.comparisons {
        let endpoint = shown(&comparison.endpoint);
        let observed = comparison.observed;
        match comparison.outcome {
            Outcome::Agree => writeln!(
                out,
                "  {endpoint}: the scan found what is predicted ({observed})"
            )?,
            outcome => writeln!(
                out,
                "  {endpoint}: {} (the scan found {observed}); {}",
                outcome.as_str(),
                comparison.causes()
            )?,
        }
        for difference in &comparison.differences {
            let (path, predicted) = (shown(&difference.path), difference.predicted.as_str());
            writeln!(
                out,
                "    {path}: predicted {predicted}, found {}",
                difference.observed
            )?;
        }
    }
    writeln!(out)
}

/// Writes a line for the paths with one reason.
fn write_paths(out: &mut dyn Write, paths: &[PathPrediction]) -> io::Result<()> {
    // What a product opens by design says nothing about anonymous access.
    let is_api = |path: &&PathPrediction| PathClass::of(&path.path) != Ok(PathClass::Product);
    let paths: Vec<&PathPrediction> = paths.iter().filter(is_api).collect();
    let mut groups: Vec<Vec<&PathPrediction>> = Vec::new();
    for &path in &paths {
        let is_same = |group: &&mut Vec<&PathPrediction>| {
            group[0].access == path.access && group[0].because == path.because
        };
        match groups.iter_mut().find(is_same) {
            Some(group) => group.push(path),
            None => groups.push(vec![path]),
        }
    }
    for group in groups {
        let PathPrediction {
            access, because, ..
        } = group[0];
        let names: Vec<String> = group.iter().map(|path| shown(&path.path)).collect();
        let names = if group.len() == paths.len() {
            "every path".to_owned()
        } else {
            joined_at_most(MAX_PATHS, &names)
        };
        let place = because.place.as_ref();
        let place = place.map_or_else(String::new, |place| {
            format!(" ({})", shown(&place.to_string()))
        });
        writeln!(
            out,
            "  {:9}  {names}: {}{place}",
            access.as_str(),
            shown(&because.text)
        )?;
    }
    Ok(())
}

fn write_bindings(out: &mut dyn Write, inspection: &Inspection) -> io::Result<()> {
    if inspection.bindings.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "bindings of anonymous callers and of system:authenticated:"
    )?;
    for binding in &inspection.bindings {
        let grants = match binding.standing {
            Standing::RoleMissing => binding.unknown.clone().unwrap_or_default(),
            _ if binding.grants.is_empty() => "grants nothing".to_owned(),
            _ => binding.grants.join("; "),
        };
        writeln!(
            out,
            "  {:18}  {} to {}: {} ({})",
            binding.standing.as_str(),
            shown(&binding.name),
            binding.audience,
            shown(&grants),
            shown(&binding.place.to_string()),
        )?;
    }
    writeln!(out)
}

/// Writes a table for each audit policy.
fn write_policies(out: &mut dyn Write, policies: &[PolicyReport]) -> io::Result<()> {
    for policy in policies.iter().filter(|policy| policy.problem.is_none()) {
        let place = shown(&policy.place.to_string());
        writeln!(
            out,
            "audit policy ({place}):\n  {:38}  {:9}  {:6}",
            "REQUEST", "ANONYMOUS", "401"
        )?;
        for row in &policy.rows {
            let word = |is_kept: bool| if is_kept { "logged" } else { "lost" };
            let (let_in, refused) = (word(row.let_in), word(row.refused));
            writeln!(
                out,
                "  {:38}  {let_in:9}  {refused:6}  {}",
                row.request, row.by
            )?;
        }
        for place in &policy.unknown {
            let place = shown(&place.to_string());
            writeln!(
                out,
                "  {place}: a field that the server does not know, so this matches more than it should"
            )?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn write_findings(
    out: &mut dyn Write,
    findings: &[Finding],
    options: TextOptions,
) -> io::Result<()> {
    for finding in findings {
        let accepted = if finding.accepted() { ", accepted" } else { "" };
        let severity = options.painted(Style::new().bold(), finding.severity.as_str());
        writeln!(
            out,
            "{severity} {}{accepted}: {}\n  {}: {}",
            finding.rule.id,
            shown(finding.name()),
            shown(&finding.origin.to_string()),
            shown(&finding.message),
        )?;
        if finding.counts() {
            writeln!(out, "  fix: {}", shown(&finding.fix_beside_message()))?;
        }
    }
    if !findings.is_empty() {
        writeln!(out)?;
    }
    Ok(())
}
