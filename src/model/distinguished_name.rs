//! Distinguished names: kept as attributes, written as RFC 4514.

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
    /// Types and values, most specific first.
    attributes: Vec<Attribute>,
}

/// A type and its value.
type Attribute = (String, String);

impl DistinguishedName {
    /// A name from its relative names, most specific first, each with its types and values.
    pub fn new<Relative>(relative_names: impl IntoIterator<Item = Relative>) -> Self
    where
        Relative: IntoIterator<Item = (String, String)>,
    {
        let mut name = Self::default();
        for relative in relative_names {
            for (at, (kind, value)) in relative.into_iter().enumerate() {
                name.push(if at == 0 { ',' } else { '+' }, kind, value);
            }
        }
        name
    }

    /// The most specific value of an attribute type.
    pub fn attribute(&self, kind: &str) -> Option<&str> {
        let of_kind = self.attributes.iter().find(|(of, _)| of == kind);
        of_kind.map(|(_, value)| value.as_str())
    }

    /// Adds an attribute, cut if the text gets too long.
    fn push(&mut self, separator: char, kind: String, mut value: String) {
        let kind = if is_type(&kind) {
            kind
        } else {
            UNKNOWN_TYPE.to_owned()
        };
        let length = self.text.chars().count() + kind.chars().count() + 2;
        if length >= KEPT {
            return;
        }
        if let Some((end, _)) = value.char_indices().nth(KEPT - length) {
            value.truncate(end);
        }
        while escaped(&value).chars().count() > KEPT - length {
            value.pop();
        }
        let written = escaped(&value);
        self.text.reserve(kind.len() + written.len() + 2);
        if !self.text.is_empty() {
            self.text.push(separator);
        }
        self.text.push_str(&kind);
        self.text.push('=');
        self.text.push_str(&written);
        self.attributes.push((kind, value));
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
        let name = read(text).or_else(|| read_legacy(text)).map(Self::new);
        name.unwrap_or_else(|| Self {
            text: text.to_owned(),
            attributes: Vec::new(),
        })
    }
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

/// RFC 4514.
fn read(text: &str) -> Option<Vec<Vec<Attribute>>> {
    let mut names = vec![Vec::new()];
    let mut rest = text;
    loop {
        let (kind, value) = rest.split_once('=')?;
        if !is_type(kind) {
            return None;
        }
        let mut bytes = Vec::new();
        let mut separator = None;
        let mut at = 0;
        while let Some(c) = value[at..].chars().next() {
            at += c.len_utf8();
            match c {
                '\\' => {
                    // `u8::from_str_radix` accepts a leading '+'.
                    let hex = value
                        .get(at..at + 2)
                        .filter(|hex| hex.bytes().all(|digit| digit.is_ascii_hexdigit()))
                        .and_then(|hex| u8::from_str_radix(hex, 16).ok());
                    let plain = value[at..].chars().next()?;
                    at += if hex.is_some() { 2 } else { plain.len_utf8() };
                    match hex {
                        Some(byte) => bytes.push(byte),
                        None => bytes.extend(plain.to_string().bytes()),
                    }
                }
                ',' | '+' => {
                    separator = Some(c);
                    break;
                }
                c => bytes.extend(c.to_string().bytes()),
            }
        }
        let unescaped = String::from_utf8_lossy(&bytes).into_owned();
        names.last_mut()?.push((kind.to_owned(), unescaped));
        match separator {
            None => break,
            Some(',') => names.push(Vec::new()),
            Some(_) => {}
        }
        rest = &value[at..];
    }
    Some(names)
}

/// The form of earlier versions. Text after a comma that does not begin with an attribute type belongs to the value.
fn read_legacy(text: &str) -> Option<Vec<Vec<Attribute>>> {
    let mut names: Vec<Vec<Attribute>> = Vec::new();
    for part in text.split(", ") {
        match (
            part.split_once('='),
            names.last_mut().and_then(|name| name.last_mut()),
        ) {
            (Some((kind, value)), _) if is_legacy_type(kind) => {
                names.push(vec![(kind.to_owned(), value.to_owned())]);
            }
            (_, Some((_, value))) => {
                value.push_str(", ");
                value.push_str(part);
            }
            _ => return None,
        }
    }
    names.reverse();
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

    fn pair(kind: &str, value: &str) -> Attribute {
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
                assert_eq!(name.attribute(kind), Some(*value));
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
        assert_eq!(name.attribute("CN"), Some("x"));
    }

    #[test]
    fn names_of_earlier_reports_are_read() {
        let name = DistinguishedName::from("C=US, O=DigiCert, Inc., CN=a+b");
        assert_eq!(&*name, "CN=a\\+b,O=DigiCert\\, Inc.,C=US");
        assert_eq!(name.attribute("O"), Some("DigiCert, Inc."));
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
