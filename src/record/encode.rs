//! serde's JSON, but with `\u` escapes for all hidden characters and for the second of two `#`.
//!
//! JSON requires escapes only for C0 controls. Reports are read on terminals too, and CI servers read `##[…]`, `##vso[…]`
//! and `##teamcity[…]` in a log as commands. An escape loses nothing: every parser returns the same text.

use std::cell::Cell;
use std::io;

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

use crate::escape::hidden;

/// A formatter that lays out as `F` does.
pub(crate) struct Visible<F>(F);

/// A serializer that indents by two spaces.
pub(crate) fn pretty<W: io::Write>(out: W) -> Serializer<W, Visible<PrettyFormatter<'static>>> {
    Serializer::with_formatter(out, Visible(PrettyFormatter::new()))
}

/// A serializer that indents by one space, for a file whose size is limited.
pub(crate) fn narrow<W: io::Write>(out: W) -> Serializer<W, Visible<PrettyFormatter<'static>>> {
    Serializer::with_formatter(out, Visible(PrettyFormatter::with_indent(b" ")))
}

/// `value` as one line, with its line feed.
pub(crate) fn line(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    value.serialize(&mut Serializer::with_formatter(
        &mut bytes,
        Visible(CompactFormatter),
    ))?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Passes on everything that [`PrettyFormatter`] defines: `F` decides about layout.
macro_rules! as_inner {
    ($($name:ident($($argument:ident: $type:ty)?);)*) => {
        $(fn $name<W: ?Sized + io::Write>(&mut self, out: &mut W, $($argument: $type)?) -> io::Result<()> {
            self.0.$name(out, $($argument)?)
        })*
    };
}

impl<F: Formatter> Formatter for Visible<F> {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        text: &str,
    ) -> io::Result<()> {
        let mut rest = text;
        while let Some((before, found, after)) = split_at_escape(rest) {
            out.write_all(before.as_bytes())?;
            for unit in found.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            rest = after;
        }
        out.write_all(rest.as_bytes())
    }

    as_inner! {
        begin_array();
        end_array();
        begin_array_value(first: bool);
        end_array_value();
        begin_object();
        end_object();
        begin_object_key(first: bool);
        begin_object_value();
        end_object_value();
    }
}

/// An array whose elements are produced while it is written, which works once.
pub(crate) struct Sequence<I>(Cell<Option<I>>);

impl<I> Sequence<I> {
    pub(crate) const fn new(elements: I) -> Self {
        Self(Cell::new(Some(elements)))
    }
}

impl<I: Iterator<Item: Serialize>> Serialize for Sequence<I> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.take().into_iter().flatten())
    }
}

fn split_at_escape(text: &str) -> Option<(&str, char, &str)> {
    let begins_command = |at: usize, c| c == '#' && text[..at].ends_with('#');
    let (at, found) =
        (text.char_indices()).find(|(at, c)| hidden(*c) || begins_command(*at, *c))?;
    let (before, from) = text.split_at(at);
    Some((before, found, from.strip_prefix(found)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn indented(value: &Value) -> String {
        let mut bytes = Vec::new();
        value.serialize(&mut pretty(&mut bytes)).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn laid_out_as_serde_does() {
        let value = json!({"a": [1, {"b": null}, []], "c": {}, "d": "é"});
        assert_eq!(
            indented(&value),
            serde_json::to_string_pretty(&value).unwrap()
        );
        assert_eq!(
            line(&value).unwrap(),
            (serde_json::to_string(&value).unwrap() + "\n").into_bytes()
        );
    }

    #[test]
    fn hidden_characters_are_escaped_in_values_and_keys() {
        let value = json!({"a\u{202e}": "\u{1b}[31m\u{9b}x\u{7f}\u{e0041}y"});
        assert_eq!(
            line(&value).unwrap(),
            b"{\"a\\u202e\":\"\\u001b[31m\\u009bx\\u007f\\udb40\\udc41y\"}\n"
        );
    }

    #[test]
    fn no_text_is_a_command_of_a_ci_server() {
        let value = json!("##vso[x] ###[y] # # a#");
        let written = line(&value).unwrap();
        assert_eq!(written, b"\"#\\u0023vso[x] #\\u0023#[y] # # a#\"\n");
        assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), value);
    }

    proptest! {
        #[test]
        fn the_text_comes_back_and_nothing_hidden_is_written(text in any::<String>()) {
            let value = Value::String(text);
            let written = indented(&value);
            prop_assert!(!written.chars().any(hidden), "{written:?}");
            prop_assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), value);
        }
    }
}
