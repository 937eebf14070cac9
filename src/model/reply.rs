//! One HTTP answer, already bounded: status, headers, and what its body says.

use std::time::Duration;

use http::HeaderMap;

use super::{Answer, Failure, Status};

const JSON: &str = "application/json";

/// An answer with its body parsed once; the bytes themselves are not kept.
#[derive(Debug, Clone)]
pub struct Reply {
    /// HTTP status code.
    pub status: u16,
    /// `HTTP/1.0`, `HTTP/1.1` or `HTTP/2.0`.
    pub version: http::Version,
    /// The headers, as many as the client's limits let through.
    pub headers: HeaderMap,
    /// What the body says.
    pub answer: Answer,
    /// Bytes of body read (after the limit was reached, nothing more is read).
    pub body_size: usize,
    /// Why the body ended early, if it did.
    pub body_failure: Option<Failure>,
}

impl Reply {
    /// A header as text: the first of its name, lossy where it is not UTF-8.
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    }

    /// `Content-Type` without its parameters, in lower case.
    pub fn media_type(&self) -> Option<String> {
        self.header("content-type")
            .map(|value| value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
    }

    /// `Retry-After` in seconds, where it is a number (RFC 9110, section 10.2.3).
    pub fn retry_after(&self) -> Option<Duration> {
        self.header("retry-after")?.trim().parse().ok().map(Duration::from_secs)
    }

    /// Whether this answer to a HEAD, which has no body, carries the marks that the same endpoint's
    /// GET answers showed (`reference`). A front end that answers HEAD by itself does not.
    pub fn vouched_by(&self, reference: Markers) -> bool {
        let own = self.markers();
        let as_marked = reference.any()
            && (own.audit_id || !reference.audit_id)
            && (own.flow_control || !reference.flow_control);
        match self.status {
            // Authentication comes before flow control: a 401 never has those headers.
            401 => reference.audit_id && own.audit_id && self.media_type().as_deref() == Some(JSON),
            403 => as_marked && own.nosniff_json,
            _ => as_marked,
        }
    }

    /// The answer without what could name an object, for a request that asks whether lists are open:
    /// a front may ignore the query and give one, and errors name what they are about.
    #[must_use]
    pub fn without_objects(mut self) -> Self {
        self.headers.remove(http::header::LOCATION);
        self.answer = match self.answer {
            Answer::Status(status) if status.names_anonymous() => Answer::Status(status),
            Answer::Status(status) => Answer::Status(Status { message: String::new(), ..status }),
            kept @ (Answer::ResourceList | Answer::Html | Answer::Binary | Answer::Empty | Answer::Cut) => {
                kept
            }
            Answer::Text(_) => Answer::Text(String::new()),
            _ => Answer::OtherJson,
        };
        self
    }

    /// Whether it is an answer in Kubernetes' own terms, or carries an API server's header marks.
    pub fn speaks_kubernetes(&self) -> bool {
        matches!(
            self.answer,
            Answer::Status(_)
                | Answer::Version(_)
                | Answer::ApiVersions
                | Answer::ApiGroups
                | Answer::RootPaths
                | Answer::ResourceList
        ) || self.markers().any()
    }

    /// Which of an API server's header marks it carries.
    pub fn markers(&self) -> Markers {
        Markers {
            audit_id: self.headers.contains_key("audit-id"),
            flow_control: self.headers.contains_key("x-kubernetes-pf-flowschema-uid")
                && self.headers.contains_key("x-kubernetes-pf-prioritylevel-uid"),
            nosniff_json: self.headers.get("x-content-type-options").is_some_and(|value| value == "nosniff")
                && self.media_type().as_deref() == Some(JSON),
        }
    }
}

/// Header marks of an API server's answer.
///
/// `Audit-Id` is on every answer of newer servers and wherever auditing is on; the flow-control
/// headers are set behind authentication (Kubernetes 1.20 and later by default).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Markers {
    /// `Audit-Id` is there.
    pub audit_id: bool,
    /// Both `X-Kubernetes-Pf-*-Uid` headers are there (they may be empty just after start).
    pub flow_control: bool,
    /// `X-Content-Type-Options: nosniff` on JSON: what a 403 of an API server carries.
    pub nosniff_json: bool,
}

impl Markers {
    /// The marks that either of the two has.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self {
            audit_id: self.audit_id || other.audit_id,
            flow_control: self.flow_control || other.flow_control,
            nosniff_json: self.nosniff_json || other.nosniff_json,
        }
    }

    /// Whether any mark is there that only an API server sets.
    pub const fn any(self) -> bool {
        self.audit_id || self.flow_control
    }
}
