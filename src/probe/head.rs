//! Watches the heads of answers pass, byte by byte: their version, and headers that are almost the ones that say
//! where a body ends.

use super::tolerant::Passed;

/// What an answer of HTTP/1.0 begins with.
const HTTP10: &[u8; 8] = b"HTTP/1.0";
/// Where in a status line the status begins.
const STATUS: u8 = 9;
/// The headers that say where a body ends.
const FRAMING: [&str; 2] = ["content-length", "transfer-encoding"];
/// Characters of a header's name that are compared with those.
const NAME: usize = 24;

/// Where in the head of an answer the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Head {
    /// In none.
    Body,
    /// In the status line, this far; of a provisional answer (1xx) as well.
    Status(u8),
    /// In a line that begins with a header's name.
    Name(Name),
    /// Behind the colon of one.
    Value { provisional: bool },
}

/// The beginning of a header line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name {
    /// Letters, digits and hyphens of it, in lower case.
    plain: [u8; NAME],
    length: usize,
    /// Whether there was anything else.
    odd: bool,
    provisional: bool,
}

impl Name {
    const fn after(provisional: bool) -> Self {
        Self {
            plain: [0; NAME],
            length: 0,
            odd: false,
            provisional,
        }
    }

    fn is_empty(&self) -> bool {
        self.length == 0 && !self.odd
    }

    /// Whether it may pass for one of the headers that say where the body ends, and is none.
    fn ambiguous(&self) -> bool {
        let plain = self.plain.get(..self.length).unwrap_or_default();
        self.odd && FRAMING.iter().any(|name| name.as_bytes() == plain)
    }
}

impl Head {
    /// Sees these bytes pass, and changes the version in a status line of HTTP/1.0.
    pub(super) fn pass(&mut self, bytes: &mut [u8], passed: &Passed) {
        for byte in bytes {
            match self {
                // What is left is none of ours.
                Self::Body => return,
                _ => self.step(byte, passed),
            }
        }
    }

    fn step(&mut self, byte: &mut u8, passed: &Passed) {
        let ends = *byte == b'\n';
        *self = match *self {
            Self::Body => Self::Body,
            // Empty lines in front of a status line are passed over.
            Self::Status(0) if ends || *byte == b'\r' => Self::Status(0),
            Self::Status(at @ 0..STATUS) => {
                let as_expected = HTTP10
                    .get(usize::from(at))
                    .is_none_or(|expected| expected == byte);
                if as_expected && usize::from(at) == HTTP10.len() - 1 {
                    *byte = b'1';
                    passed.note(|notes| notes.http10 = true);
                }
                match (ends, as_expected) {
                    (true, _) => Self::Name(Name::after(false)),
                    (false, true) => Self::Status(at + 1),
                    // HTTP/1.1 differs in the last byte alone; what differs earlier is no HTTP/1.
                    (false, false) if usize::from(at) == HTTP10.len() - 1 => Self::Status(at + 1),
                    (false, false) => Self::Value { provisional: false },
                }
            }
            Self::Status(_) if ends => Self::Name(Name::after(false)),
            Self::Status(_) => Self::Value {
                provisional: *byte == b'1',
            },
            Self::Value { provisional } if ends => Self::Name(Name::after(provisional)),
            value @ Self::Value { .. } => value,
            Self::Name(name) if ends && name.is_empty() => {
                if name.provisional {
                    Self::Status(0)
                } else {
                    Self::Body
                }
            }
            Self::Name(name) if ends => Self::Name(Name::after(name.provisional)),
            Self::Name(name) if *byte == b':' => {
                if name.ambiguous() {
                    passed.note(|notes| notes.ambiguous = true);
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::super::tolerant::Tolerant;
    use super::*;

    /// What comes through of an answer that arrives in pieces of this size, and what was noted.
    async fn read(answer: &[u8], pieces: usize) -> (Vec<u8>, Passed) {
        let (near, mut far) = tokio::io::duplex(pieces);
        let passed = Passed::default();
        let mut stream = Tolerant::http1(near, passed.clone());
        let (mut through, mut request) = (Vec::new(), [0]);
        stream.write_all(b"G").await.unwrap();
        far.read_exact(&mut request).await.unwrap();
        let send = async {
            far.write_all(answer).await.unwrap();
            drop(far);
        };
        let ((), all) = tokio::join!(send, stream.read_to_end(&mut through));
        all.unwrap();
        (through, passed)
    }

    #[tokio::test]
    async fn http10_is_read_as_http11_and_noted() {
        let rest = "200 OK\r\nServer: HTTP/1.0\r\n\r\nHTTP/1.0 body";
        for pieces in [1, 3, 1024] {
            for (version, http10) in [
                ("HTTP/1.0 ", true),
                ("HTTP/1.1 ", false),
                ("\r\nHTTP/1.0 ", true),
            ] {
                let (through, notes) = read(format!("{version}{rest}").as_bytes(), pieces).await;
                assert_eq!(
                    through,
                    format!("{}{rest}", version.replace('0', "1")).into_bytes()
                );
                assert_eq!(notes.http10(), http10, "{version} in pieces of {pieces}");
            }
        }
        // Behind a provisional answer comes another head.
        let (through, notes) = read(
            b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.0 200 OK\r\n\r\n",
            7,
        )
        .await;
        assert!(notes.http10() && through.ends_with(b"HTTP/1.1 200 OK\r\n\r\n"));
        // What is no HTTP/1 passes as it is.
        for other in [
            "SSH-2.0-OpenSSH_9.2\r\n",
            "HTTP/2.0 200 OK\r\n\r\n",
            "\u{0}HTTP/1.0 \r\n",
            "HT\nHTTP/1.0",
        ] {
            assert_eq!(read(other.as_bytes(), 2).await.0, other.as_bytes());
        }
    }

    #[tokio::test]
    async fn headers_that_may_pass_for_framing_are_noted() {
        let ambiguous = async |line: &str| {
            let answer = format!(
                "HTTP/1.1 200 OK\r\nServer: x\r\n{line}\r\nAge: 1\r\n\r\nTransfer Encoding: y"
            );
            let whole = read(answer.as_bytes(), 1024).await.1.ambiguous();
            assert_eq!(
                read(answer.as_bytes(), 1).await.1.ambiguous(),
                whole,
                "{line:?} byte by byte"
            );
            whole
        };
        for line in [
            "Transfer-Encoding : chunked",
            "Transfer-Encoding\u{b}: chunked",
            "\u{1}Content-Length: 5",
            " Transfer-Encoding: chunked",
            "X: y\r\n\tcontent-length: 5",
            "Content-Length\u{a0}: 5",
        ] {
            assert!(ambiguous(line).await, "{line:?}");
        }
        for line in [
            "Transfer-Encoding: chunked",
            "CONTENT-LENGTH: 5",
            "X-Powered-By : PHP",
            "X-Foo(bar): Content-Length : 5",
            "Content-Security-Policy: a;\r\n b",
            "X-Content-Length : 5",
            "no colon at all",
        ] {
            assert!(!ambiguous(line).await, "{line:?}");
        }
    }
}
