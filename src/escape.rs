//! Makes text from the network and from files safe to show.
//!
//! A server chooses its certificate names, headers and messages. Control characters could move the cursor of a
//! terminal or change a verdict's colour. Bidirectional and invisible characters could make one name look like
//! another.

use std::borrow::Cow;

/// How many characters of a network text a record keeps.
pub(crate) const TEXT: usize = 1024;

/// Marks a text that was cut.
const MARK: char = '…';

/// Whether a character is invisible or changes the text around it: controls (C0, DEL, C1), line and paragraph
/// separators, bidirectional controls, and what Unicode calls default-ignorable (zero-width characters, fillers,
/// variation selectors, tags).
pub(crate) const fn hidden(c: char) -> bool {
    matches!(c,
        '\0'..='\u{1f}'
        | '\u{7f}'..='\u{9f}'
        | '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Makes `text` safe for a terminal: hidden characters become visible escapes (`\n`, `\u{1b}`), and a text of more
/// than `max` characters is cut and ends with `…`.
///
/// Backslashes are not escaped, so the result cannot be converted back.
pub fn escape(text: &str, max: usize) -> String {
    let mut out = String::new();
    let mut length = 0;
    // The text is cut here if it turns out too long. An escape is never split.
    let mut fits = 0;
    for (at, c) in text.char_indices() {
        let before = out.len();
        // CI servers read `##[…]`, `##vso[…]` and `##teamcity[…]` in a log as commands.
        let begins_command = c == '#' && out.ends_with('#');
        if begins_command || c == ':' && begins_line_command(&text[at..], &out) {
            out.extend(c.escape_unicode());
            length += out.len() - before;
        } else if hidden(c) {
            out.extend(c.escape_default());
            // An escape is ASCII: bytes are characters.
            length += out.len() - before;
        } else {
            out.push(c);
            length += 1;
        }
        if length < max {
            fits = out.len();
        } else if length > max {
            out.truncate(fits);
            out.push(MARK);
            break;
        }
    }
    out
}

/// Whether `::word::` or `::word ` begins here, after white space. GitHub reads it as a command at the start of a line,
/// and wrapping can move any word there.
fn begins_line_command(rest: &str, before: &str) -> bool {
    let Some(rest) = rest.strip_prefix("::") else {
        return false;
    };
    let after = rest.trim_start_matches(|c: char| c.is_ascii_alphabetic() || c == '-');
    let is_command =
        after.len() < rest.len() && (after.starts_with("::") || after.starts_with(' '));
    is_command && before.chars().next_back().is_none_or(char::is_whitespace)
}

/// Cuts `text` to at most `max` characters, the last of them `…`. Nothing is escaped.
pub(crate) fn clip(text: &str, max: usize) -> Cow<'_, str> {
    // A character has at least one byte.
    if text.len() <= max || text.char_indices().nth(max).is_none() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(
        text.chars()
            .take(max.saturating_sub(1))
            .chain([MARK])
            .collect(),
    )
}

/// Cuts an owned text as [`clip`] does, without a copy of a short one.
pub(crate) fn clip_owned(text: String, max: usize) -> String {
    let cut = match clip(&text, max) {
        Cow::Owned(cut) => Some(cut),
        Cow::Borrowed(_) => None,
    };
    cut.unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hidden_characters_are_escaped_and_visible_ones_stay() {
        for (text, shown) in [
            ("kube-apiserver v1.34.1", "kube-apiserver v1.34.1"),
            (
                "##[error]x ##vso[task.y]",
                "#\\u{23}[error]x #\\u{23}vso[task.y]",
            ),
            (
                "::error::x ::add-mask y a::b::c ::ffff:192.0.2.1 ::1",
                "\\u{3a}:error::x \\u{3a}:add-mask y a::b::c ::ffff:192.0.2.1 ::1",
            ),
            ("a\x1b[31mb\x07\r\n\tc", "a\\u{1b}[31mb\\u{7}\\r\\n\\tc"),
            ("C1 \u{9b}31m DEL \x7f", "C1 \\u{9b}31m DEL \\u{7f}"),
            ("moc.\u{202e}live", "moc.\\u{202e}live"),
            (
                "\u{2066}iso\u{2069}\u{200f}\u{61c}",
                "\\u{2066}iso\\u{2069}\\u{200f}\\u{61c}",
            ),
            ("zero\u{200b}width\u{feff}", "zero\\u{200b}width\\u{feff}"),
            (
                "line\u{2028}and\u{2029}\u{85}",
                "line\\u{2028}and\\u{2029}\\u{85}",
            ),
            ("tag\u{e0041}", "tag\\u{e0041}"),
            ("Straße 東京 é", "Straße 東京 é"),
            (r"C:\targets", r"C:\targets"),
        ] {
            assert_eq!(escape(text, 100), shown);
        }
    }

    #[test]
    fn cut_at_the_length_and_never_within_an_escape() {
        assert_eq!(escape("abcd", 4), "abcd");
        assert_eq!(escape("abcde", 4), "abc…");
        assert_eq!(escape("ab\x1bd", 7), "ab…");
        assert_eq!(escape("ab\x1b", 8), "ab\\u{1b}");
        assert_eq!(escape("ab\x1bd", 8), "ab…");
        assert_eq!(clip("abcd", 4), "abcd");
        assert_eq!(clip("abcde", 4), "abc…");
        assert_eq!(clip("東京都庁舎", 3), "東京…");
    }

    proptest! {
        #[test]
        fn nothing_hidden_comes_through(text in any::<String>(), max in 1_usize..80) {
            let shown = escape(&text, max);
            prop_assert!(!shown.chars().any(|c| hidden(c) || c.is_control()), "{shown:?}");
            prop_assert!(shown.chars().count() <= max);
        }

        #[test]
        fn hidden_characters_alone(text in "[\\x00-\\x1f\\x7f-\\u{9f}\\u{200b}-\\u{200f}\\u{2028}-\\u{202e}\\u{2060}-\\u{206f}\\u{61c}\\u{feff}]{1,20}") {
            prop_assert!(escape(&text, usize::MAX).is_ascii());
        }
    }
}
