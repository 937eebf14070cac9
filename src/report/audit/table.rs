//! The table for people.

use std::io;

use super::words;
use crate::audit::{Audit, AuditDecision, Trace};
use crate::escape::escape;

/// Characters of a text of the log.
const MAX_TEXT: usize = 100;
/// Rows about the requests of others.
const MAX_ROWS: usize = 30;
/// Other endpoints that are named.
const MAX_NAMES: usize = 10;

/// Writes the table.
pub fn write_table(
    out: &mut dyn io::Write,
    audit: &Audit,
    decision: &AuditDecision,
    code: u8,
) -> io::Result<()> {
    writeln!(out, "log: {}", words::log(audit))?;
    if let Some(run_id) = &audit.run_id {
        writeln!(out, "run: {}", escape(run_id, MAX_TEXT))?;
    }
    for endpoint in &audit.endpoints {
        let target = escape(&endpoint.target, MAX_TEXT);
        let name = (endpoint.name.as_deref()).map_or(String::new(), |name| {
            format!(" ({})", escape(name, MAX_TEXT))
        });
        writeln!(out, "\n{target}{name}: {}", words::traces(endpoint))?;
        for request in &endpoint.requests {
            let status = request
                .status
                .map_or("-".to_owned(), |status| status.to_string());
            let trace = request.trace.as_str();
            let why = match (&request.why, request.trace) {
                (Some(why), Trace::LostByPolicy) => format!("  by {why}"),
                (Some(why), _) => format!("  {why}"),
                (None, _) if request.canary => "  the canary".to_owned(),
                (None, _) => String::new(),
            };
            let (method, path) = (request.method.as_str(), escape(&request.path, MAX_TEXT));
            writeln!(out, "  {trace:14}  {status:3}  {method:4} {path}{why}")?;
        }
    }
    if !audit.without_log.is_empty() {
        let named = audit.without_log.iter().take(MAX_NAMES);
        let named: Vec<String> = named.map(|target| escape(target, MAX_TEXT)).collect();
        let more = audit.without_log.len() - named.len();
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        writeln!(out, "\nnot the log of: {}{more}", named.join(", "))?;
    }
    writeln!(
        out,
        "\nother callers without credentials: {}",
        words::others(audit)
    )?;
    if !audit.others.is_empty() {
        writeln!(
            out,
            "  {:15}  {:>6}  {:20}  SOURCE, USER-AGENT, PATH",
            "DECISION", "COUNT", "LAST"
        )?;
    }
    for other in audit.others.iter().take(MAX_ROWS) {
        let word = words::decision(other.is_beyond_default, other.decision.as_str());
        let last = other
            .last
            .map_or("-".to_owned(), |last| format!("{last:.0}"));
        let texts = [&other.source, &other.agent].map(|text| escape(text, MAX_TEXT));
        let (verb, path) = (escape(&other.verb, MAX_TEXT), escape(&other.path, MAX_TEXT));
        writeln!(
            out,
            "  {word:15}  {:6}  {last:20}  {}  {}  {verb} {path}{}",
            other.count,
            texts[0],
            texts[1],
            words::claim(other.claims_run)
        )?;
    }
    let more = audit.others.len().saturating_sub(MAX_ROWS);
    if more > 0 {
        writeln!(out, "  … {more} more groups; -o json has all")?;
    }
    let not_listed = audit.other_counts.not_listed;
    if not_listed > 0 {
        writeln!(
            out,
            "  … {not_listed} more requests, in no group because there are too many groups"
        )?;
    }
    writeln!(out, "\nexit {code}: {}", escape(&decision.sentence, 1000))
}
