//! Text from outside, as a log may contain it.

use super::super::escape::escape;

/// Characters of a text from outside.
const MAX_TEXT: usize = 1024;

/// The text of a message: without hidden characters, and without links and placeholders of SARIF (sections 3.11.5
/// and 3.11.6).
pub(super) fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in plain(text).chars() {
        match c {
            '[' | ']' | '\\' => out.extend(['\\', c]),
            '{' | '}' => out.extend([c, c]),
            c => out.push(c),
        }
    }
    out
}

/// The value of a property, in which links and placeholders have no meaning.
pub(super) fn plain(text: &str) -> String {
    escape(text, MAX_TEXT)
}
