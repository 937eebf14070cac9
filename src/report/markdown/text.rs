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
/// Characters of a line in a block.
const MAX_BLOCK: usize = 1024;

/// The text as code, cut if it is too long.
pub(in crate::report) fn code(text: &str) -> String {
    format!("<code>{}</code>", literal(text, MAX_TEXT))
}

/// The text as code, whole; it is short already.
pub(super) fn whole_code(text: &str) -> String {
    format!("<code>{}</code>", literal(text, usize::MAX))
}

/// A link if the text is an `https` URL of harmless characters, or else code; a saved report may contain anything.
pub(in crate::report) fn link(url: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#=%".contains(c);
    if url.starts_with("https://") && url.len() <= MAX_TEXT && url.chars().all(plain) {
        format!("<{url}>")
    } else {
        code(url)
    }
}

/// The text as a paragraph: nothing at its beginning makes a list, a heading or a block of it.
pub(super) fn prose(text: &str, max: usize) -> String {
    let text = literal(text.trim_start(), max);
    let number = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    match text.as_bytes().get(number) {
        Some(b'.') if number > 0 => format!("{}&#46;{}", &text[..number], &text[number + 1..]),
        Some(b'-') if number == 0 => format!("&#45;{}", &text[1..]),
        _ => text,
    }
}

/// The text without any meaning inside a line of Markdown, cut if it has more than `max` characters.
fn literal(text: &str, max: usize) -> String {
    let text = escape(text, max);
    let mut out = String::new();
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
    out
}

/// The lines of a command as a code block, indented by `indent` spaces. Nothing in them ends the block.
pub(in crate::report) fn block(command: &str, indent: usize) -> String {
    let lines: Vec<String> = command
        .lines()
        .map(|line| escape(line, MAX_BLOCK))
        .collect();
    let longest = lines
        .iter()
        .flat_map(|line| line.split(|c| c != '`').map(str::len))
        .max();
    let fence = "`".repeat(longest.unwrap_or_default().max(2) + 1);
    let mut out = String::new();
    for line in [&fence].into_iter().chain(&lines).chain([&fence]) {
        let _ = writeln!(out, "{:indent$}{line}", "");
    }
    out
}
