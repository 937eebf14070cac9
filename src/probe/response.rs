//! Reads a response within the limits, and classifies why one could not be read.

use std::error::Error as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::sync::Arc;

use http::{HeaderName, StatusCode, Version, header};

use crate::kubernetes::{AUDIT_ID, Answer, FLOW_CONTROL, Headers};
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
    Reply {
        status: head.status.as_u16(),
        version: head.version,
        answer: Answer::parse(&bytes, cut),
        digest: digest(&bytes),
        body_size: bytes.len(),
        body_failure: failure,
        raw: raw(&head.headers, bytes, keep),
        headers: head.headers.firsts(is_kept),
    }
}

fn raw(headers: &Headers, body: Vec<u8>, keep: Keep) -> Option<Arc<RawAnswer>> {
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

fn is_kept(name: &HeaderName) -> bool {
    KEPT.contains(name) || FLOW_CONTROL.contains(name)
}

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
