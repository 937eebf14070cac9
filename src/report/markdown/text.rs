//! Text from outside, inside Markdown.
//!
//! It becomes a `<code>` element, in which GitHub recognises no mentions, emoji or references. Every character with
//! a meaning in Markdown or HTML is written as a character reference, which is always text (`CommonMark` 0.31,
//! section 2.5). Backticks would not be enough: a text can contain backticks, and a vertical bar ends the cell of a
//! table even between them.

use std::fmt::Write as _;

use super::super::escape::escape;

/// Characters of a text.
const MAX_TEXT: usize = 300;

/// The text as code, cut if it is too long.
pub(super) fn code(text: &str) -> String {
    code_of(text, MAX_TEXT)
}

/// A link if the text is an `https` URL of harmless characters, or else code; a saved report may contain anything.
pub(super) fn link(url: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#=%".contains(c);
    if url.starts_with("https://") && url.len() <= MAX_TEXT && url.chars().all(plain) {
        format!("<{url}>")
    } else {
        code(url)
    }
}

/// The text as code, with at most `max` characters.
pub(super) fn code_of(text: &str, max: usize) -> String {
    let text = escape(text, max);
    let mut out = String::from("<code>");
    let mut previous = ' ';
    for c in text.chars() {
        // GitHub makes a link of `://` and of `www.`.
        let makes_link = matches!((previous, c), (':', '/') | ('w' | 'W', '.'));
        if makes_link || matches!(c, '!'..='&' | '\''..='+' | '<'..='@' | '['..='`' | '{'..='~') {
            let _ = write!(out, "&#{};", u32::from(c));
        } else {
            out.push(c);
        }
        previous = c;
    }
    out.push_str("</code>");
    out
}
