//! One reply: what a server says, and how it says it.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

/// One reply. `Date` and `Content-Length` are always made afresh, `Audit-Id` where it says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    /// HTTP status.
    pub(super) status: u16,
    /// Headers in the order written.
    pub(super) headers: Vec<(String, String)>,
    /// The same for an HTTP library; `None` where it refuses them.
    pub(super) map: Option<HeaderMap>,
    /// Whether it carries an `Audit-Id`.
    pub(super) audit_id: bool,
    /// The body.
    pub(super) body: Body,
    /// The length in bytes that the answer to a HEAD states.
    pub(super) content_length: Option<u64>,
    /// Whether the connection ends with it.
    pub(super) close: bool,
    /// How long the server thinks about it.
    pub(super) delay: Duration,
    /// What else it does, if it misbehaves.
    pub(super) behaviour: Option<Behaviour>,
}

/// The body of a reply.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Body {
    /// What is known of it.
    pub(super) start: Bytes,
    /// Line feeds that follow: the rest of a body of which only the start was recorded.
    pub(super) padding: u64,
}

/// What a server does that no honest one would. Such replies are written byte by byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Behaviour {
    /// Reads the request and never answers.
    Hang,
    /// Reads the request and resets the connection.
    Reset,
    /// A body that never ends: the reply's own, over and over.
    EndlessBody,
    /// Headers that never end.
    EndlessHeaders,
    /// Everything, the status line too, a few bytes at a time.
    Drip {
        /// Bytes sent at once.
        bytes: usize,
        /// Milliseconds between.
        every_ms: u64,
    },
    /// Promises the whole body, sends the start of it and closes.
    Truncate {
        /// Bytes of the body that are sent.
        keep: usize,
    },
}

impl Body {
    /// Its length in bytes.
    pub(super) fn len(&self) -> u64 {
        (self.start.len() as u64).saturating_add(self.padding)
    }
}

impl Reply {
    /// A well-behaved reply without an `Audit-Id`.
    pub(super) fn new(status: u16, headers: Vec<(String, String)>, body: Body) -> Self {
        Self {
            status,
            map: header_map(&headers),
            headers,
            audit_id: false,
            body,
            content_length: None,
            close: false,
            delay: Duration::ZERO,
            behaviour: None,
        }
    }

    /// What `Content-Length` says for this body, which a HEAD does not get.
    pub(super) fn stated_length(&self, method: &str, body: &Body) -> u64 {
        match self.content_length {
            Some(length) if method == "HEAD" => length,
            _ => body.len(),
        }
    }
}

fn header_map(headers: &[(String, String)]) -> Option<HeaderMap> {
    // Room for what is added per answer.
    let mut map = HeaderMap::with_capacity(headers.len() + 3);
    for (name, value) in headers {
        map.append(
            HeaderName::from_bytes(name.as_bytes()).ok()?,
            HeaderValue::from_bytes(value.as_bytes()).ok()?,
        );
    }
    Some(map)
}
