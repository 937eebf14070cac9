//! Reads a response within the limits, and classifies why one could not be read.

use std::error::Error as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::sync::Arc;

use http::{StatusCode, Version};

use crate::kubernetes::{AUDIT_ID, Answer, FLOW_CONTROL, HeaderMarks, Headers};
use crate::model::{Failure, FailureKind, RawAnswer, Reply, Stage};

/// What is kept of an answer beyond its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    Nothing,
    /// The headers, without the one that may name an object.
    Head,
    Answer,
}

/// The head of a response.
pub(super) struct Head {
    pub(super) status: StatusCode,
    pub(super) version: Version,
    pub(super) headers: Headers,
}

/// What was read of a body.
#[derive(Default)]
pub(super) struct Body {
    bytes: Vec<u8>,
    /// Whether it is longer than the limit.
    pub(super) cut: bool,
    /// The failure that ended it early.
    pub(super) failure: Option<Failure>,
}

impl Body {
    #[cfg(test)]
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Adds the next bytes, up to the limit.
    pub(super) fn push(&mut self, bytes: &[u8], max_body: usize) {
        let room = max_body - self.bytes.len();
        self.bytes
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.cut |= bytes.len() > room;
    }
}

/// The meaning of a response.
pub(super) fn reply(head: Head, body: Body, keep: Keep) -> Reply {
    let Body {
        bytes,
        cut,
        failure,
    } = body;
    let (answer, digest, body_size) = (Answer::parse(&bytes, cut), digest(&bytes), bytes.len());
    let raw = raw(&head.headers, bytes, keep);
    let mut headers = head.headers;
    headers.keep_firsts(|name| KEPT.iter().any(|kept| kept.as_bytes() == name));
    Reply {
        status: head.status.as_u16(),
        version: head.version,
        answer,
        digest,
        body_size,
        body_failure: failure,
        raw,
        marks: HeaderMarks::of(&headers),
        headers,
    }
}

fn raw(headers: &Headers, body: Vec<u8>, keep: Keep) -> Option<Arc<RawAnswer>> {
    let is_kept = |name: &[u8]| keep == Keep::Answer || name != b"location";
    let headers = headers.iter().filter(|(name, _)| is_kept(name));
    (keep != Keep::Nothing).then(|| {
        Arc::new(RawAnswer {
            headers: headers
                .map(|(name, value)| (String::from_utf8_lossy(name).into_owned(), value.to_vec()))
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
const KEPT: [&str; 12] = [
    AUDIT_ID,
    "content-type",
    "date",
    "location",
    "retry-after",
    "server",
    "strict-transport-security",
    "via",
    "www-authenticate",
    "x-content-type-options",
    FLOW_CONTROL[0],
    FLOW_CONTROL[1],
];

/// Classifies the first error of an HTTP/2 connection's chain that has a known type. HTTP/2 keeps only the text of TLS
/// errors; [`Http2`](super::http2::Http2) notes them.
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

/// The failure of an I/O error.
pub(super) fn stream_failure(error: &io::Error, stage: Stage) -> Failure {
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
