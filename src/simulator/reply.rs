//! One reply: the response, and how the server sends it.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

/// One reply. `Date` and `Content-Length` are always generated, `Audit-Id` if the reply has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    /// The HTTP status.
    pub(super) status: u16,
    /// The headers in order.
    pub(super) headers: Vec<(String, String)>,
    /// The same headers for an HTTP library; `None` if it rejects them.
    pub(super) map: Option<HeaderMap>,
    /// Whether it carries an `Audit-Id`.
    pub(super) audit_id: bool,
    /// The body.
    pub(super) body: Body,
    /// The `Content-Length` of the response to HEAD.
    pub(super) content_length: Option<u64>,
    /// Whether the connection closes after it.
    pub(super) close: bool,
    /// How long the server waits before it answers.
    pub(super) delay: Duration,
    /// How the server misbehaves, if it does.
    pub(super) behaviour: Option<Behaviour>,
}

/// The body of a reply.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Body {
    /// Its known bytes.
    pub(super) start: Bytes,
    /// The number of line feeds after them, for bodies of which only the start was recorded.
    pub(super) padding: u64,
}

/// Misbehaviour of a server. Such replies are written byte by byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Behaviour {
    /// Reads the request and never answers.
    Hang,
    /// Reads the request and resets the connection.
    Reset,
    /// Repeats the body without end.
    EndlessBody,
    /// Sends headers without end.
    EndlessHeaders,
    /// Sends everything, including the status line, a few bytes at a time.
    Drip {
        /// Bytes sent at once.
        bytes: usize,
        /// Milliseconds between them.
        every_ms: u64,
    },
    /// Announces the whole body, sends its start and closes.
    Truncate {
        /// Bytes of the body that are sent.
        keep: usize,
    },
}

impl Body {
    /// The length in bytes.
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

    /// The `Content-Length` for this body, also in the response to HEAD.
    pub(super) fn stated_length(&self, method: &str, body: &Body) -> u64 {
        match self.content_length {
            Some(length) if method == "HEAD" => length,
            _ => body.len(),
        }
    }
}

fn header_map(headers: &[(String, String)]) -> Option<HeaderMap> {
    // Room for headers that are added to each response.
    let mut map = HeaderMap::with_capacity(headers.len() + 3);
    for (name, value) in headers {
        map.append(
            HeaderName::from_bytes(name.as_bytes()).ok()?,
            HeaderValue::from_bytes(value.as_bytes()).ok()?,
        );
    }
    Some(map)
}
