//! Scans the head of each HTTP/1 response as its bytes pass: the version, and headers that are almost
//! `Content-Length` or `Transfer-Encoding`.

use super::stream_notes::StreamNotes;

/// The start of an HTTP/1.0 response.
const HTTP10: &[u8; 8] = b"HTTP/1.0";
/// The offset of the status code in a status line.
const STATUS_OFFSET: u8 = 9;
/// The headers that say where a body ends.
const FRAMING: [&str; 2] = ["content-length", "transfer-encoding"];
/// How many characters of a header name are compared with [`FRAMING`].
const NAME_LENGTH: usize = 24;

/// Where in a response the next byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Position {
    /// Not in a head.
    Body,
    /// In the status line, at this offset. Provisional responses (1xx) have one, too.
    Status(u8),
    /// In the name of a header.
    Name(Name),
    /// After the colon of a header.
    Value { provisional: bool },
}

/// The part of a header name that has notes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name {
    /// Its letters, digits and hyphens, in lower case.
    plain: [u8; NAME_LENGTH],
    length: usize,
    /// Whether it has other characters.
    odd: bool,
    provisional: bool,
}

impl Name {
    const fn empty(provisional: bool) -> Self {
        Self {
            plain: [0; NAME_LENGTH],
            length: 0,
            odd: false,
            provisional,
        }
    }

    fn is_empty(&self) -> bool {
        self.length == 0 && !self.odd
    }

    /// Whether some readers may take it for one of [`FRAMING`], although it has other characters.
    fn is_ambiguous(&self) -> bool {
        let plain = self.plain.get(..self.length).unwrap_or_default();
        self.odd && FRAMING.iter().any(|name| name.as_bytes() == plain)
    }
}

impl Position {
    /// Scans these bytes, and rewrites an HTTP/1.0 status line to HTTP/1.1.
    pub(super) fn scan(&mut self, bytes: &mut [u8], notes: &StreamNotes) {
        for byte in bytes {
            if *self == Self::Body {
                return;
            }
            self.step(byte, notes);
        }
    }

    fn step(&mut self, byte: &mut u8, notes: &StreamNotes) {
        let ends = *byte == b'\n';
        *self = match *self {
            Self::Body => Self::Body,
            // Empty lines before a status line are skipped.
            Self::Status(0) if ends || *byte == b'\r' => Self::Status(0),
            Self::Status(at @ 0..STATUS_OFFSET) => {
                let as_expected = HTTP10
                    .get(usize::from(at))
                    .is_none_or(|expected| expected == byte);
                if as_expected && usize::from(at) == HTTP10.len() - 1 {
                    *byte = b'1';
                    notes.update(|notes| notes.http10 = true);
                }
                match (ends, as_expected) {
                    (true, _) => Self::Name(Name::empty(false)),
                    (false, true) => Self::Status(at + 1),
                    // HTTP/1.1 differs only in the last byte; anything else is not HTTP/1.
                    (false, false) if usize::from(at) == HTTP10.len() - 1 => Self::Status(at + 1),
                    (false, false) => Self::Value { provisional: false },
                }
            }
            Self::Status(_) if ends => Self::Name(Name::empty(false)),
            Self::Status(_) => Self::Value {
                provisional: *byte == b'1',
            },
            Self::Value { provisional } if ends => Self::Name(Name::empty(provisional)),
            value @ Self::Value { .. } => value,
            Self::Name(name) if ends && name.is_empty() => {
                if name.provisional {
                    Self::Status(0)
                } else {
                    Self::Body
                }
            }
            Self::Name(name) if ends => Self::Name(Name::empty(name.provisional)),
            Self::Name(name) if *byte == b':' => {
                if name.is_ambiguous() {
                    notes.update(|notes| notes.ambiguous = true);
                }
                Self::Value {
                    provisional: name.provisional,
                }
            }
            // The end of a line is a carriage return and a line feed.
            name @ Self::Name(_) if *byte == b'\r' => name,
            Self::Name(mut name) => {
                let plain = byte.is_ascii_alphanumeric() || *byte == b'-';
                match name.plain.get_mut(name.length) {
                    Some(place) if plain => {
                        *place = byte.to_ascii_lowercase();
                        name.length += 1;
                    }
                    _ => name.odd = true,
                }
                Self::Name(name)
            }
        };
    }
}
