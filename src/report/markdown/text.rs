//! Text from outside, inside Markdown.
//!
//! It is put in a `<code>` element, in which GitHub makes no mentions, no emoji and no references of
//! it, and every character that Markdown or HTML could read is written as a character reference,
//! which is text by definition (`CommonMark` 0.31, section 2.5). A pair of backticks would not do: a
//! text with backticks closes it, and a vertical bar ends a table's cell even there.

use std::fmt::Write as _;

use super::super::escape::escape;

/// Characters of a text.
const MAX_TEXT: usize = 300;

/// `text` as code, literally.
pub(super) fn code(text: &str) -> String {
    code_of(text, MAX_TEXT)
}

/// A link where it is one to the web, and nothing in it could end it. A saved report may hold anything.
pub(super) fn link(url: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#=%".contains(c);
    if url.starts_with("https://") && url.len() <= MAX_TEXT && url.chars().all(plain) {
        format!("<{url}>")
    } else {
        code(url)
    }
}

/// `text` as code, with at most `max` characters.
pub(super) fn code_of(text: &str, max: usize) -> String {
    let text = escape(text, max);
    let mut out = String::from("<code>");
    let mut before = ' ';
    for c in text.chars() {
        // `://` and `www.` become links by themselves, `a@b` an address.
        let links = matches!((before, c), (':', '/') | ('w' | 'W', '.'));
        if links || matches!(c, '!'..='&' | '\''..='+' | '<'..='@' | '['..='`' | '{'..='~') {
            // Writing to a string cannot fail.
            let _ = write!(out, "&#{};", u32::from(c));
        } else {
            out.push(c);
        }
        before = c;
    }
    out.push_str("</code>");
    out
}
