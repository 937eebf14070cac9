//! Parts of the page that several sections use.

use maud::{Markup, html};

use super::super::escape::escape;
use crate::model::{BaselineState, Finding, Verdict};

/// Rows of a table. The table of endpoints has its own limit.
pub(super) const MAX_ROWS: usize = 500;
/// Characters of a text from outside.
const MAX_TEXT: usize = 1000;

/// Text from outside without hidden characters. `maud` escapes what HTML would interpret.
pub(super) fn shown(text: &str) -> String {
    escape(text, MAX_TEXT)
}

/// A link if the text is an `https` URL; a saved report may contain anything.
pub(super) fn link(url: &str) -> Markup {
    let url = shown(url);
    html! {
        @if url.starts_with("https://") { a href=(url) rel="noreferrer noopener" { (url) } } @else { (url) }
    }
}

pub(super) fn badge(verdict: Verdict) -> Markup {
    html! { span class={ "badge v-" (verdict.as_str()) } { (verdict.as_str()) } }
}

/// Whether a finding is new or gone.
pub(super) fn finding_state(finding: &Finding) -> Option<&'static str> {
    match finding.baseline? {
        BaselineState::New => Some("new"),
        BaselineState::Absent => Some("gone"),
        BaselineState::Unchanged => None,
    }
}
