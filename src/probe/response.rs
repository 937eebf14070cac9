//! Reads a response within the limits, and classifies why one could not be read.

use std::error::Error as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::kubernetes::{AUDIT_ID, Answer, FLOW_CONTROL};
use crate::model::{Failure, FailureKind, RawAnswer, Reply, Stage};

/// What is kept of an answer beyond its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    Nothing,
    /// The headers, without the one that may name an object.
    Head,
    Answer,
}

/// Reads a response. Also returns whether its body was read to the end, which reusing the connection
/// requires.
pub(super) async fn read(
    mut response: reqwest::Response,
    max_body: usize,
    keep: Keep,
) -> (Reply, bool) {
    let mut body = Vec::new();
    let mut cut = false;
    let mut body_failure = None;
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                let room = max_body - body.len();
                body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                if chunk.len() > room {
                    cut = true;
                    break;
                }
            }
            Ok(None) => break,
            Err(error) => {
                body_failure = Some(failure(&error, Stage::Body));
                break;
            }
        }
    }
    let complete = !cut && body_failure.is_none();
    let reply = Reply {
        status: response.status().as_u16(),
        version: response.version(),
        answer: Answer::parse(&body, cut),
        digest: digest(&body),
        body_size: body.len(),
        body_failure,
        headers: kept_headers(response.headers()),
        raw: raw(response.headers(), body, keep),
    };
    (reply, complete)
}

fn raw(headers: &HeaderMap, body: Vec<u8>, keep: Keep) -> Option<Arc<RawAnswer>> {
    let is_kept = |name: &HeaderName| keep == Keep::Answer || *name != header::LOCATION;
    let headers = headers.iter().filter(|(name, _)| is_kept(name));
    (keep != Keep::Nothing).then(|| {
        Arc::new(RawAnswer {
            headers: headers
                .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
                .collect(),
            body: (keep == Keep::Answer).then_some(body),
        })
    })
}

/// A hash to compare the bodies of one endpoint; `None` for an empty body.
fn digest(body: &[u8]) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    (!body.is_empty()).then(|| hasher.finish())
}

/// The headers that a conclusion rests on or that a report shows.
const KEPT: [HeaderName; 10] = [
    header::CONTENT_TYPE,
    header::DATE,
    header::LOCATION,
    header::RETRY_AFTER,
    header::SERVER,
    header::STRICT_TRANSPORT_SECURITY,
    header::VIA,
    header::WWW_AUTHENTICATE,
    header::X_CONTENT_TYPE_OPTIONS,
    AUDIT_ID,
];

/// Copies the first of each kept header. The originals are slices of the connection's read buffer, and each
/// would keep the whole buffer in memory.
fn kept_headers(headers: &HeaderMap) -> HeaderMap {
    let copy = |name: HeaderName| {
        let value = HeaderValue::from_bytes(headers.get(&name)?.as_bytes()).ok()?;
        Some((name, value))
    };
    KEPT.into_iter()
        .chain(FLOW_CONTROL)
        .filter_map(copy)
        .collect()
}

/// Rejects a response whose headers do not say clearly where its body ends: a proxy in between may have seen
/// another response than we do. hyper rejects differing lengths.
pub(super) fn check_framing(headers: &HeaderMap, ambiguous: bool) -> Result<(), Failure> {
    let codings: Vec<&[u8]> = headers
        .get_all(header::TRANSFER_ENCODING)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    let problem = match codings.as_slice() {
        _ if ambiguous => "a header that is almost Content-Length or Transfer-Encoding",
        [_, ..] if headers.contains_key(header::CONTENT_LENGTH) => {
            "both Content-Length and Transfer-Encoding, which contradict each other"
        }
        [coding] if !coding.trim_ascii().eq_ignore_ascii_case(b"chunked") => {
            "a Transfer-Encoding other than chunked"
        }
        [_, _, ..] => "more than one Transfer-Encoding",
        _ => return Ok(()),
    };
    Err(Failure::new(Stage::Http, FailureKind::InvalidHttp, problem))
}

/// Whether a connection can be reused after an HTTP/1.0 response. After a chunked body it cannot, because
/// HTTP/1.0 has no chunks (RFC 9112, section 6.1).
pub(super) fn keeps_alive(headers: &HeaderMap) -> bool {
    let alive = |value: &HeaderValue| {
        value
            .as_bytes()
            .split(|byte| *byte == b',')
            .any(|word| word.trim_ascii().eq_ignore_ascii_case(b"keep-alive"))
    };
    !headers.contains_key(header::TRANSFER_ENCODING)
        && headers.get_all(header::CONNECTION).iter().any(alive)
}

/// Classifies the first error of the chain that has a known type. TLS errors are in the
/// [notes](super::stream_notes) of the stream.
pub(super) fn failure(error: &(dyn std::error::Error + 'static), stage: Stage) -> Failure {
    let mut cause = Some(error);
    while let Some(current) = cause {
        if let Some(io) = current.downcast_ref::<io::Error>() {
            return stream_failure(io, stage);
        }
        if let Some(http2) = current.downcast_ref::<h2::Error>() {
            return http2_failure(http2, stage);
        }
        if let Some(hyper) = current.downcast_ref::<hyper::Error>() {
            if hyper.is_parse() {
                return Failure::new(stage, FailureKind::InvalidHttp, hyper.to_string());
            }
            if hyper.is_incomplete_message() || hyper.source().is_none() {
                return Failure::new(stage, FailureKind::Closed, String::new());
            }
        }
        cause = current.source();
    }
    Failure::new(stage, FailureKind::InvalidHttp, error.to_string())
}

/// The failure of an I/O error. hyper also reports bodies with wrong framing as I/O errors.
fn stream_failure(error: &io::Error, stage: Stage) -> Failure {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Failure::new(stage, FailureKind::Closed, ""),
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => Failure::new(stage, FailureKind::Reset, ""),
        _ => Failure::new(stage, FailureKind::InvalidHttp, error.to_string()),
    }
}

/// The failure of an HTTP/2 error. The request is then repeated over HTTP/1.1.
fn http2_failure(error: &h2::Error, stage: Stage) -> Failure {
    match (error.get_io(), error.reason()) {
        (Some(io), _) => stream_failure(io, stage),
        (None, Some(reason)) => Failure::new(
            stage,
            FailureKind::InvalidHttp,
            format!("HTTP/2: {}", reason.description()),
        ),
        (None, None) => Failure::new(stage, FailureKind::InvalidHttp, error.to_string()),
    }
}
