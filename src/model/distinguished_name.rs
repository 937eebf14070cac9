//! Distinguished names: kept as they are written (RFC 4514), and read where an attribute is wanted.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

/// Characters of the written name that are kept.
const KEPT: usize = 256;
/// What is written for an attribute type that is no object identifier. A text must have a type before each value, or
/// the name would not be read back as it is.
const UNKNOWN_TYPE: &str = "unknown-type";
/// The attribute types that texts of earlier versions name, besides object identifiers.
const LEGACY_TYPES: [&str; 18] = [
    "CN",
    "O",
    "OU",
    "C",
    "ST",
    "L",
    "DC",
    "Email",
    "uid",
    "businessCategory",
    "description",
    "dnQualifier",
    "givenName",
    "postalCode",
    "serialNumber",
    "streetAddress",
    "surname",
    "title",
];

/// The name of a certificate's subject or issuer. Dereferences to its text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DistinguishedName {
    text: String,
}

impl DistinguishedName {
    /// A name from its relative names, most specific first, each with its types and values.
    pub fn new<Relative, Kind, Value>(relative_names: impl IntoIterator<Item = Relative>) -> Self
    where
        Relative: IntoIterator<Item = (Kind, Value)>,
        Kind: AsRef<str>,
        Value: AsRef<str>,
    {
        let mut name = Self::default();
        for relative in relative_names {
            for (at, (kind, value)) in relative.into_iter().enumerate() {
                let separator = if at == 0 { ',' } else { '+' };
                name.push(separator, kind.as_ref(), value.as_ref());
            }
        }
        name
    }

    /// The most specific value of an attribute type; `None` also if the text of a report is no distinguished name.
    pub fn attribute(&self, kind: &str) -> Option<Cow<'_, str>> {
        let mut found = None;
        for attribute in attributes(&self.text) {
            let attribute = attribute?;
            if attribute.kind == kind {
                found = found.or(Some(attribute.value));
            }
        }
        found
    }

    /// Adds an attribute, cut if the text gets too long.
    fn push(&mut self, separator: char, kind: &str, value: &str) {
        let kind = if is_type(kind) { kind } else { UNKNOWN_TYPE };
        let mut written = escaped(value);
        // A text has no more characters than bytes.
        if self.text.len() + kind.len() + written.len() + 2 >= KEPT {
            let length = self.text.chars().count() + kind.chars().count() + 2;
            let Some(room) = KEPT.checked_sub(length).filter(|room| *room > 0) else {
                return;
            };
            written = cut(value, room);
        }
        self.text.reserve(kind.len() + written.len() + 2);
        if !self.text.is_empty() {
            self.text.push(separator);
        }
        self.text.push_str(kind);
        self.text.push('=');
        self.text.push_str(&written);
    }
}

impl Deref for DistinguishedName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl From<DistinguishedName> for String {
    fn from(name: DistinguishedName) -> Self {
        name.text
    }
}

impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Reads a name from a report: RFC 4514, or the unescaped `O=…, CN=…` in the order of the encoding that earlier
/// versions wrote. A text that is neither is kept as it is.
impl From<&str> for DistinguishedName {
    fn from(text: &str) -> Self {
        let read: Option<Vec<Attribute<'_>>> = attributes(text).collect();
        let name = read.map(|attributes| {
            let mut name = Self::default();
            for attribute in attributes {
                name.push(attribute.separator, attribute.kind, &attribute.value);
            }
            name
        });
        let name =
            name.or_else(|| read_legacy(text).map(|names| Self::new(names.into_iter().rev())));
        name.unwrap_or_else(|| Self {
            text: text.to_owned(),
        })
    }
}

/// A value with so many characters that it has no more than `room` when it is escaped.
fn cut(value: &str, room: usize) -> Cow<'_, str> {
    let end = value.char_indices().nth(room).map(|(end, _)| end);
    let mut value = &value[..end.unwrap_or(value.len())];
    let mut written = escaped(value);
    while written.chars().count() > room {
        let mut shorter = value.chars();
        shorter.next_back();
        value = shorter.as_str();
        written = escaped(value);
    }
    written
}

fn escaped(value: &str) -> Cow<'_, str> {
    let is_special = |c| {
        matches!(
            c,
            '\0' | '"' | '+' | ',' | ';' | '<' | '>' | '\\' | '#' | ' '
        )
    };
    if !value.contains(is_special) {
        return value.into();
    }
    let mut out = String::new();
    let last = value.chars().count().saturating_sub(1);
    for (at, c) in value.chars().enumerate() {
        match c {
            '\0' => out.push_str("\\00"),
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => out.extend(['\\', c]),
            '#' if at == 0 => out.push_str("\\#"),
            ' ' if at == 0 || at == last => out.push_str("\\ "),
            c => out.push(c),
        }
    }
    out.into()
}

/// An attribute of a text.
struct Attribute<'a> {
    /// `,` before a relative name, `+` before a further value of one. The first attribute has `,`.
    separator: char,
    kind: &'a str,
    value: Cow<'a, str>,
}

/// The attributes of an RFC 4514 text; `None` where it is none.
fn attributes(text: &str) -> impl Iterator<Item = Option<Attribute<'_>>> {
    let mut next = Some((',', text));
    std::iter::from_fn(move || {
        let (separator, rest) = next.take()?;
        let Some((kind, rest)) = rest.split_once('=').filter(|(kind, _)| is_type(kind)) else {
            return Some(None);
        };
        let Some((value, end)) = value(rest) else {
            return Some(None);
        };
        let mut after = rest[end..].chars();
        next = after.next().map(|separator| (separator, after.as_str()));
        Some(Some(Attribute {
            separator,
            kind,
            value,
        }))
    })
}

/// The value at the beginning of a text, and where it ends: at a separator, or with the text. `None` if it ends within an
/// escape.
fn value(text: &str) -> Option<(Cow<'_, str>, usize)> {
    let special = text.find(['\\', ',', '+']);
    match special {
        None => return Some((text.into(), text.len())),
        Some(end) if !text[end..].starts_with('\\') => return Some((text[..end].into(), end)),
        Some(_) => {}
    }
    let mut bytes = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if matches!(c, ',' | '+') {
            break;
        }
        let start = at;
        at += c.len_utf8();
        if c != '\\' {
            bytes.extend_from_slice(&text.as_bytes()[start..at]);
            continue;
        }
        // `u8::from_str_radix` accepts a leading '+'.
        let hex = text
            .get(at..at + 2)
            .filter(|hex| hex.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        if let Some(byte) = hex {
            bytes.push(byte);
            at += 2;
        } else {
            let plain = text[at..].chars().next()?;
            bytes.extend_from_slice(&text.as_bytes()[at..at + plain.len_utf8()]);
            at += plain.len_utf8();
        }
    }
    Some((String::from_utf8_lossy(&bytes).into_owned().into(), at))
}

/// The relative names of the form of earlier versions, most specific last. Text after a comma that does not begin with an
/// attribute type belongs to the value.
fn read_legacy(text: &str) -> Option<Vec<[(&str, String); 1]>> {
    let mut names: Vec<[(&str, String); 1]> = Vec::new();
    for part in text.split(", ") {
        match (part.split_once('='), names.last_mut()) {
            (Some((kind, value)), _) if is_legacy_type(kind) => {
                names.push([(kind, value.to_owned())]);
            }
            (_, Some([(_, value)])) => {
                value.push_str(", ");
                value.push_str(part);
            }
            _ => return None,
        }
    }
    Some(names)
}

/// An attribute type as RFC 4512 writes it: an object identifier, or a short name.
fn is_type(kind: &str) -> bool {
    let is_name = kind.starts_with(|first: char| first.is_ascii_alphabetic())
        && kind
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_name || is_identifier(kind)
}

fn is_legacy_type(kind: &str) -> bool {
    is_identifier(kind) || LEGACY_TYPES.contains(&kind)
}

fn is_identifier(kind: &str) -> bool {
    kind.contains('.')
        && kind
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn pair(kind: &str, value: &str) -> (String, String) {
        (kind.to_owned(), value.to_owned())
    }

    /// A name of these attributes, in the order of the encoding.
    fn single(attributes: &[(&str, &str)]) -> DistinguishedName {
        let relative = |(kind, value): &(&str, &str)| [pair(kind, value)];
        DistinguishedName::new(attributes.iter().rev().map(relative))
    }

    #[test]
    fn a_name_is_written_as_rfc_4514_and_read_back() {
        for (attributes, text) in [
            (
                &[("O", "DigiCert, Inc."), ("CN", "a")][..],
                "CN=a,O=DigiCert\\, Inc.",
            ),
            (&[("O", "a, OU=x"), ("CN", "b")], "CN=b,O=a\\, OU=x"),
            (&[("CN", " #+\"\\<>; ")], "CN=\\ #\\+\\\"\\\\\\<\\>\\;\\ "),
            (&[("CN", "#\0ü")], "CN=\\#\\00ü"),
            (&[("CN", "front-proxy+ca")], "CN=front-proxy\\+ca"),
            (&[("1.2.3", "x")], "1.2.3=x"),
            (
                &[("O", "x"), ("Email", "a@b"), ("CN", "y")],
                "CN=y,Email=a@b,O=x",
            ),
            (
                &[("businessCategory", "x"), ("serialNumber", "1")],
                "serialNumber=1,businessCategory=x",
            ),
        ] {
            let name = single(attributes);
            assert_eq!(&*name, text);
            assert_eq!(DistinguishedName::from(text), name);
            for (kind, value) in attributes {
                assert_eq!(name.attribute(kind).as_deref(), Some(*value));
            }
            assert_eq!(name.attribute("OU"), None);
        }
    }

    #[test]
    fn a_relative_name_may_have_several_values() {
        let name =
            DistinguishedName::new([vec![pair("OU", "y"), pair("CN", "z")], vec![pair("O", "x")]]);
        assert_eq!(&*name, "OU=y+CN=z,O=x");
        assert_eq!(DistinguishedName::from("OU=y+CN=z,O=x"), name);
    }

    /// Found by fuzzing: a certificate may encode a type that is no object identifier, or one with huge numbers.
    #[test]
    fn a_value_of_an_unreadable_type_is_kept() {
        let name = single(&[("", "a,b"), ("2a:ff", "c"), ("CN", "x")]);
        assert_eq!(&*name, "CN=x,unknown-type=c,unknown-type=a\\,b");
        assert_eq!(DistinguishedName::from(&*name), name);
        assert_eq!(name.attribute("CN").as_deref(), Some("x"));
    }

    #[test]
    fn names_of_earlier_reports_are_read() {
        let name = DistinguishedName::from("C=US, O=DigiCert, Inc., CN=a+b");
        assert_eq!(&*name, "CN=a\\+b,O=DigiCert\\, Inc.,C=US");
        assert_eq!(name.attribute("O").as_deref(), Some("DigiCert, Inc."));
        // Only a whole name has attributes.
        assert_eq!(
            DistinguishedName::from("no name,CN=x").attribute("CN"),
            None
        );
        let name = DistinguishedName::from("O=x, CN=y, Email=a@b");
        assert_eq!(&*name, "Email=a@b,CN=y,O=x");
        assert_eq!(
            &*DistinguishedName::from("unreadable name"),
            "unreadable name"
        );
        assert_eq!(DistinguishedName::from("").attribute("CN"), None);
    }

    proptest! {
        #[test]
        fn every_name_is_read_as_it_was_written(
            attributes in vec(("(CN|O|OU|1\\.2|2a:ff|)", "[a-f+,\\\\ #=\"é\0]{0,6}"), 1..4),
            text in "(CN|O|1\\.2)=[a-fxO+,\\\\ #=é]{0,12}",
        ) {
            let relative = |(kind, value): &(String, String)| [pair(kind, value)];
            let name = DistinguishedName::new(attributes.iter().map(relative));
            prop_assert_eq!(DistinguishedName::from(&*name), name);
            // Whatever a report says, reading and writing it settles after once.
            let name = DistinguishedName::from(&*text);
            prop_assert_eq!(DistinguishedName::from(&*name), name);
        }
    }

    #[test]
    fn a_long_name_is_cut() {
        let name = single(&[("O", "x"), ("CN", &",".repeat(300))]);
        assert!(name.chars().count() <= KEPT, "{}", name.len());
        assert_eq!(DistinguishedName::from(&*name), name);
    }
}
