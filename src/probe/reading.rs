//! Reads an answer within its limits, and says in our words why one could not be read.

use std::error::Error as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::model::{AUDIT_ID, Answer, FLOW_CONTROL, Failure, FailureKind, Reply, Stage};

use super::tls;

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
    KEPT.into_iter().chain(FLOW_CONTROL).filter_map(copy).collect()
}

/// What an HTTP failure means.
pub(super) fn failure(error: &hyper::Error, stage: Stage) -> Failure {
    in_chain(error, stage)
}

/// The first cause in the chain that says something of its own.
fn in_chain(error: &(dyn std::error::Error + 'static), stage: Stage) -> Failure {
    let mut cause = Some(error);
    while let Some(current) = cause {
        if let Some(io) = current.downcast_ref::<std::io::Error>() {
            let of_tls = tls::failure(io, false);
            let kind = match of_tls.kind {
                FailureKind::ClientCertificateRequired => return of_tls,
                FailureKind::Closed | FailureKind::Reset => of_tls.kind,
                // An alert instead of an answer ends the connection; HTTP has not spoken yet.
                FailureKind::Handshake if io.get_ref().is_some() => return of_tls,
                _ => FailureKind::InvalidHttp,
            };
            return Failure::new(stage, kind, of_tls.detail);
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
