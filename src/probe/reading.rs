//! Reads an answer within its limits, and says in our words why one could not be read.

use std::error::Error as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::model::{AUDIT_ID, Answer, FLOW_CONTROL, Failure, FailureKind, Reply, Stage};

/// The reply, and whether its body was read to the end (so that the connection can go on).
pub(super) async fn reply(mut response: reqwest::Response, max_body: usize) -> (Reply, bool) {
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
                body_failure = Some(in_chain(&error, Stage::Body));
                break;
            }
        }
    }
    let whole = !cut && body_failure.is_none();
    let reply = Reply {
        status: response.status().as_u16(),
        version: response.version(),
        answer: Answer::parse(&body, cut),
        digest: digest(&body),
        body_size: body.len(),
        body_failure,
        headers: kept(response.headers()),
    };
    (reply, whole)
}

/// Tells equal bodies of one endpoint; `None` for no body.
fn digest(body: &[u8]) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    (!body.is_empty()).then(|| hasher.finish())
}

/// The headers that something is concluded from, or that a report tells.
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

/// The first of each, as copies: the values as they come are pieces of the connection's read buffer, and
/// each would keep all of it.
fn kept(headers: &HeaderMap) -> HeaderMap {
    let copy = |name: HeaderName| {
        let value = HeaderValue::from_bytes(headers.get(&name)?.as_bytes()).ok()?;
        Some((name, value))
    };
    KEPT.into_iter()
        .chain(FLOW_CONTROL)
        .filter_map(copy)
        .collect()
}

/// Refuses an answer whose headers leave it to the reader where its body ends: two readers may see two
/// answers in it, and whoever is in between another one than we do. hyper refuses lengths that differ.
pub(super) fn framed_clearly(headers: &HeaderMap, ambiguous: bool) -> Result<(), Failure> {
    let codings: Vec<&[u8]> = headers
        .get_all(header::TRANSFER_ENCODING)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    let problem = match codings.as_slice() {
        _ if ambiguous => "a header that is almost Content-Length or Transfer-Encoding",
        [_, ..] if headers.contains_key(header::CONTENT_LENGTH) => {
            "both Content-Length and Transfer-Encoding, of which either says where the body ends"
        }
        [coding] if !coding.trim_ascii().eq_ignore_ascii_case(b"chunked") => {
            "a Transfer-Encoding other than chunked"
        }
        [_, _, ..] => "more than one Transfer-Encoding",
        _ => return Ok(()),
    };
    Err(Failure::new(Stage::Http, FailureKind::InvalidHttp, problem))
}

/// Whether a connection goes on behind an answer of HTTP/1.0: not where its body came in chunks, which
/// HTTP/1.0 does not know (RFC 9112, section 6.1).
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

/// What an HTTP failure means.
pub(super) fn failure(error: &hyper::Error, stage: Stage) -> Failure {
    in_chain(error, stage)
}

/// The first cause in the chain that says something of its own. What TLS says is noted elsewhere
/// ([`Passed`](super::tolerant::Passed)).
fn in_chain(error: &(dyn std::error::Error + 'static), stage: Stage) -> Failure {
    let mut cause = Some(error);
    while let Some(current) = cause {
        if let Some(io) = current.downcast_ref::<io::Error>() {
            return of_stream(io, stage);
        }
        if let Some(http2) = current.downcast_ref::<h2::Error>() {
            return of_http2(http2, stage);
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

/// The stream failed, or hyper says in these terms that a body is not framed as it says.
fn of_stream(error: &io::Error, stage: Stage) -> Failure {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Failure::new(stage, FailureKind::Closed, ""),
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => Failure::new(stage, FailureKind::Reset, ""),
        _ => Failure::new(stage, FailureKind::InvalidHttp, error.to_string()),
    }
}

/// What HTTP/2 says of itself; what was not answered over it is asked over HTTP/1.1.
fn of_http2(error: &h2::Error, stage: Stage) -> Failure {
    match (error.get_io(), error.reason()) {
        (Some(io), _) => of_stream(io, stage),
        (None, Some(reason)) => Failure::new(
            stage,
            FailureKind::InvalidHttp,
            format!("HTTP/2: {}", reason.description()),
        ),
        (None, None) => Failure::new(stage, FailureKind::InvalidHttp, error.to_string()),
    }
}
