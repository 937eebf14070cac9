//! Markdown, for a pull request or a summary of a job.

use std::io;

use super::super::markdown::text::code;
use super::words;
use crate::audit::{Audit, AuditDecision};
use crate::escape::escape;

/// Rows about the requests of others.
const MAX_ROWS: usize = 100;
/// Endpoints whose requests are listed.
const MAX_ENDPOINTS: usize = 50;

/// Writes Markdown.
pub fn write_markdown(
    out: &mut dyn io::Write,
    audit: &Audit,
    decision: &AuditDecision,
    exit: u8,
) -> io::Result<()> {
    writeln!(out, "## Audit log\n\n{}.\n", words::log(audit))?;
    for endpoint in audit.endpoints.iter().take(MAX_ENDPOINTS) {
        writeln!(
            out,
            "### {}\n\n{}.\n",
            code(&endpoint.target),
            words::traces(endpoint)
        )?;
        writeln!(
            out,
            "| result | request | status | why |\n|---|---|---|---|"
        )?;
        for request in &endpoint.requests {
            writeln!(
                out,
                "| {} | {} | {} | {} |",
                request.trace.as_str(),
                code(&format!("{} {}", request.method.as_str(), request.path)),
                request
                    .status
                    .map_or("-".to_owned(), |status| status.to_string()),
                request.why.as_deref().map_or_else(String::new, code),
            )?;
        }
        writeln!(out)?;
    }
    let more = audit.endpoints.len().saturating_sub(MAX_ENDPOINTS);
    if more > 0 {
        writeln!(out, "… and {more} more endpoints.\n")?;
    }
    if !audit.without_log.is_empty() {
        writeln!(
            out,
            "Not the log of {} other endpoints.\n",
            audit.without_log.len()
        )?;
    }
    writeln!(
        out,
        "### Other callers without credentials\n\n{}.\n",
        words::others(audit)
    )?;
    if !audit.others.is_empty() {
        writeln!(
            out,
            "| decision | count | source | agent | request | last |\n|---|---|---|---|---|---|"
        )?;
    }
    for other in audit.others.iter().take(MAX_ROWS) {
        writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} |",
            words::decision(other.is_beyond_default, other.decision.as_str()),
            other.count,
            code(&other.source),
            code(&other.agent),
            code(&format!("{} {}", other.verb, other.path)) + words::claim(other.claims_run),
            other
                .last
                .map_or("-".to_owned(), |last| format!("{last:.0}")),
        )?;
    }
    let more = audit.others.len().saturating_sub(MAX_ROWS);
    if more > 0 {
        writeln!(out, "\n… and {more} more groups.")?;
    }
    writeln!(
        out,
        "\n**exit {exit}**: {}",
        code(&escape(&decision.sentence, 1000))
    )
}
