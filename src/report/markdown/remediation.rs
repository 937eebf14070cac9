//! How to fix something, as a numbered list with code blocks.

use std::fmt::Write as _;

use super::text::{block, link, prose};
use crate::model::{Remediation, Step};

/// Characters of a sentence.
const MAX_TEXT: usize = 1024;

/// A remediation as paragraphs of a list item, which is indented by two spaces.
pub(in crate::report) fn remediation(remediation: &Remediation) -> String {
    let mut out = format!("  {}\n", prose(&remediation.summary, MAX_TEXT));
    for (number, Step { text, command }) in (1..).zip(&remediation.steps) {
        let number = format!("{number}.");
        let _ = writeln!(out, "  {number} {}", prose(text, MAX_TEXT));
        if let Some(command) = command {
            out.push_str(&block(command, 3 + number.len()));
        }
    }
    for (title, text) in remediation.notes() {
        let _ = writeln!(out, "\n  **{title}:** {}", prose(text, MAX_TEXT));
    }
    if let Some(url) = &remediation.reference {
        let _ = writeln!(out, "\n  {}", link(url));
    }
    out.truncate(out.trim_end().len());
    out
}
