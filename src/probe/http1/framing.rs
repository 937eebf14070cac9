//! Where the body of an HTTP/1 response ends (RFC 9112, section 6.3), and whether the connection can be used after it.
//!
//! A response whose headers do not say this clearly is rejected: a proxy in between may have seen another response than
//! we do.

use http::{StatusCode, Version};

use crate::kubernetes::Headers;
use crate::model::{Failure, FailureKind, Method, Stage};

/// The headers that say where a body ends.
const FRAMING: [&str; 2] = ["content-length", "transfer-encoding"];

/// Where a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// After this many bytes.
    Length(u64),
    /// After the last chunk.
    Chunks,
    /// When the server closes the connection.
    Close,
}

impl Framing {
    /// The framing of a response to a request with this method. `ambiguous` is what [`is_ambiguous`] said of its head.
    pub(super) fn of(
        method: Method,
        status: StatusCode,
        headers: &Headers,
        ambiguous: bool,
    ) -> Result<Self, Failure> {
        let codings: Vec<&[u8]> = headers.get_all("transfer-encoding").collect();
        let problem = match codings.as_slice() {
            _ if ambiguous => "a header that is almost Content-Length or Transfer-Encoding",
            [_, ..] if headers.contains("content-length") => {
                "both Content-Length and Transfer-Encoding, which contradict each other"
            }
            [coding] if !coding.trim_ascii().eq_ignore_ascii_case(b"chunked") => {
                "a Transfer-Encoding other than chunked"
            }
            [_, _, ..] => "more than one Transfer-Encoding",
            _ => return Self::unambiguous(method, status, headers, !codings.is_empty()),
        };
        Err(invalid(problem))
    }

    fn unambiguous(
        method: Method,
        status: StatusCode,
        headers: &Headers,
        chunked: bool,
    ) -> Result<Self, Failure> {
        let length = content_length(headers)?;
        let has_no_body = method == Method::Head
            || status.is_informational()
            || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        Ok(match length {
            _ if has_no_body => Self::Length(0),
            _ if chunked => Self::Chunks,
            Some(length) => Self::Length(length),
            None => Self::Close,
        })
    }
}

/// The length that `Content-Length` gives. Several equal lengths are one (RFC 9112, section 6.3).
fn content_length(headers: &Headers) -> Result<Option<u64>, Failure> {
    let mut found = None;
    for value in headers.get_all("content-length") {
        for number in value.split(|byte| *byte == b',') {
            let number = number.trim_ascii();
            let length = (number.iter().all(u8::is_ascii_digit))
                .then(|| std::str::from_utf8(number).ok()?.parse().ok())
                .flatten()
                .filter(|length| found.is_none_or(|found| found == *length));
            found = Some(length.ok_or_else(|| invalid("an invalid Content-Length"))?);
        }
    }
    Ok(found)
}

fn invalid(problem: &str) -> Failure {
    Failure::new(Stage::Http, FailureKind::InvalidHttp, problem)
}

/// Whether every reader takes this byte for a part of a header's name.
pub(super) const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

/// Whether a response head has a header that some readers take for one of [`FRAMING`], although its name has other
/// characters. `head` begins with the status line.
pub(super) fn is_ambiguous(head: &[u8]) -> bool {
    let lines = head.split(|byte| *byte == b'\n').skip(1);
    lines.into_iter().any(|line| {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            return false;
        };
        let name = &line[..colon];
        !name.iter().all(|byte| is_plain(*byte)) && {
            let plain = || name.iter().filter(|byte| is_plain(**byte));
            FRAMING
                .iter()
                .any(|framing| plain().map(u8::to_ascii_lowercase).eq(framing.bytes()))
        }
    })
}

/// Whether another response may follow on the connection, if the body was read to its end.
pub(super) fn stays_open(version: Version, headers: &Headers, framing: Framing) -> bool {
    let says = |word: &str| {
        headers.get_all("connection").any(|value| {
            value
                .split(|byte| *byte == b',')
                .any(|option| option.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
        })
    };
    match version {
        _ if framing == Framing::Close => false,
        // HTTP/1.0 has no chunks (RFC 9112, section 6.1).
        Version::HTTP_10 => says("keep-alive") && !headers.contains("transfer-encoding"),
        _ => !says("close"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&str, &str)]) -> Headers {
        let mut headers = Headers::default();
        for (name, value) in lines {
            headers.push(name, value.as_bytes());
        }
        headers
    }

    fn framing(lines: &[(&str, &str)]) -> Result<Framing, String> {
        Framing::of(Method::Get, StatusCode::OK, &headers(lines), false)
            .map_err(|failure| failure.detail)
    }

    #[test]
    fn a_body_ends_where_its_headers_say() {
        let length = |value| framing(&[("content-length", value)]);
        assert_eq!(length("5"), Ok(Framing::Length(5)));
        assert_eq!(length("5, 5"), Ok(Framing::Length(5)));
        for invalid in ["", "-1", "+5", "5,6", "5 6", "0x5", "99999999999999999999"] {
            assert!(length(invalid).is_err(), "{invalid:?}");
        }
        assert!(framing(&[("content-length", "5"), ("content-length", "6")]).is_err());
        assert_eq!(
            framing(&[("transfer-encoding", " Chunked")]),
            Ok(Framing::Chunks)
        );
        for contradictory in [
            &[("transfer-encoding", "gzip, chunked")][..],
            &[("transfer-encoding", "chunked"), ("content-length", "5")],
            &[
                ("transfer-encoding", "chunked"),
                ("transfer-encoding", "chunked"),
            ],
        ] {
            assert!(framing(contradictory).is_err(), "{contradictory:?}");
        }
        assert_eq!(framing(&[]), Ok(Framing::Close));
        let lengthy = headers(&[("content-length", "5")]);
        for (method, status) in [
            (Method::Head, StatusCode::OK),
            (Method::Get, StatusCode::NO_CONTENT),
            (Method::Get, StatusCode::NOT_MODIFIED),
        ] {
            assert_eq!(
                Framing::of(method, status, &lengthy, false),
                Ok(Framing::Length(0))
            );
        }
    }

    #[test]
    fn headers_that_resemble_framing_headers_are_ambiguous() {
        let ambiguous = |line: &str| {
            is_ambiguous(
                format!("HTTP/1.1 200 OK\r\nServer: x\r\n{line}\r\nAge: 1\r\n\r\n").as_bytes(),
            )
        };
        for line in [
            "Transfer-Encoding : chunked",
            "Transfer-Encoding\u{b}: chunked",
            "\u{1}Content-Length: 5",
            " Transfer-Encoding: chunked",
            "X: y\r\n\tcontent-length: 5",
            "Content-Length\u{a0}: 5",
        ] {
            assert!(ambiguous(line), "{line:?}");
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
            assert!(!ambiguous(line), "{line:?}");
        }
    }

    #[test]
    fn a_connection_stays_open_as_its_version_and_headers_say() {
        let open = |version, lines: &[(&str, &str)]| {
            stays_open(version, &headers(lines), Framing::Length(0))
        };
        assert!(open(Version::HTTP_11, &[]));
        assert!(!open(Version::HTTP_11, &[("connection", "x, Close")]));
        assert!(!open(Version::HTTP_10, &[]));
        assert!(open(Version::HTTP_10, &[("connection", "Keep-Alive")]));
        let chunked = [
            ("connection", "keep-alive"),
            ("transfer-encoding", "chunked"),
        ];
        assert!(!open(Version::HTTP_10, &chunked));
        assert!(!stays_open(
            Version::HTTP_11,
            &Headers::default(),
            Framing::Close
        ));
    }
}
