//! Text from outside, as a log may contain it.

use super::super::escape::escape;

/// Characters of a text. GitLab skips a result with a longer message.
pub(super) const MAX_TEXT: usize = 1024;

/// The text of a message, at most [`MAX_TEXT`] characters long: without hidden characters, and without links and
/// placeholders of SARIF (sections 3.11.5 and 3.11.6).
pub(super) fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut length = 0;
    // The text is cut here if it turns out too long. An escape is never split.
    let mut fits = 0;
    for c in plain(text).chars() {
        let before = out.len();
        match c {
            '[' | ']' | '\\' => out.extend(['\\', c]),
            '{' | '}' => out.extend([c, c]),
            c => out.push(c),
        }
        length += out[before..].chars().count();
        if length > MAX_TEXT {
            out.truncate(fits);
            out.push('…');
            break;
        }
        if length < MAX_TEXT {
            fits = out.len();
        }
    }
    out
}

/// These texts in lines, as one text. A line for which there is no room is left out, but never the first.
pub(super) fn lines(lines: impl IntoIterator<Item = String>) -> String {
    let mut lines = lines.into_iter();
    let mut out = text(&lines.next().unwrap_or_default());
    let mut length = out.chars().count();
    for line in lines {
        let line = text(&line);
        let longer = length + 1 + line.chars().count();
        if longer <= MAX_TEXT {
            out.push('\n');
            out.push_str(&line);
            length = longer;
        }
    }
    out
}

/// The value of a property, in which links and placeholders have no meaning.
pub(super) fn plain(text: &str) -> String {
    escape(text, MAX_TEXT)
}
