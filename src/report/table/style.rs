//! How the table looks: its options, its colours and its limit for text from outside.

use anstyle::{AnsiColor, Style};

use super::super::escape::escape;
use crate::model::{Severity, Verdict};

/// Characters of a text from outside.
const MAX_TEXT: usize = 240;

/// How the table looks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableOptions {
    /// Use ANSI colours.
    pub color: bool,
    /// Wrap lines at this width; `None` gives each endpoint one line, however long. Text from outside is cut
    /// after 240 characters.
    pub width: Option<usize>,
    /// The targets cannot be asked again, as after a demo, so no command that would do so is suggested.
    pub targets_are_gone: bool,
}

impl TableOptions {
    /// The text in this style, if colours are on.
    pub(super) fn painted(&self, style: Style, text: &str) -> String {
        if self.color {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }
}

/// Escapes text from outside and cuts it.
pub(in crate::report) fn shown(text: &str) -> String {
    escape(text, MAX_TEXT)
}

fn colour(colour: AnsiColor) -> Style {
    Style::new().fg_color(Some(colour.into()))
}

pub(super) fn severity_style(severity: Severity) -> Style {
    match severity {
        Severity::Critical | Severity::High => colour(AnsiColor::Red).bold(),
        Severity::Medium => colour(AnsiColor::Yellow),
        Severity::Low | Severity::Note => Style::new(),
    }
}

pub(super) fn verdict_style(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Exposed => colour(AnsiColor::Red).bold(),
        Verdict::Forbidden => colour(AnsiColor::Yellow),
        Verdict::Limited | Verdict::Rejected => colour(AnsiColor::Green),
        Verdict::Inconclusive | Verdict::NotAttempted => colour(AnsiColor::Magenta),
        Verdict::NotApiServer | Verdict::Unreachable => Style::new().dimmed(),
    }
}
