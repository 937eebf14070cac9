//! The headers that distinguish an API server's answers from those of other programs.

use super::headers::Headers;

/// The media type of an API server's documents.
pub(crate) const JSON: &str = "application/json";

/// The id of the request in the audit log.
pub(crate) const AUDIT_ID: &str = "audit-id";
/// The headers of flow control.
pub(crate) const FLOW_CONTROL: [&str; 2] = [
    "x-kubernetes-pf-flowschema-uid",
    "x-kubernetes-pf-prioritylevel-uid",
];

/// Header marks of an API server's answer.
///
/// Newer servers send `Audit-Id` with every answer, older ones where auditing is on. The flow-control headers are
/// set behind authentication (by default from 1.20 on).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HeaderMarks {
    /// `Audit-Id` is present.
    pub audit_id: bool,
    /// Both `X-Kubernetes-Pf-*-Uid` headers are present; they may be empty while a server starts.
    pub flow_control: bool,
    /// `X-Content-Type-Options: nosniff` on JSON: an API server sends it with a 403.
    pub nosniff_json: bool,
}

impl HeaderMarks {
    /// The marks in these headers.
    pub(crate) fn of(headers: &Headers) -> Self {
        let nosniff = headers
            .get("x-content-type-options")
            .is_some_and(|value| value == b"nosniff");
        Self {
            audit_id: headers.contains(AUDIT_ID),
            flow_control: FLOW_CONTROL.iter().all(|name| headers.contains(name)),
            nosniff_json: nosniff && is_json(headers),
        }
    }

    /// The marks of either.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self {
            audit_id: self.audit_id || other.audit_id,
            flow_control: self.flow_control || other.flow_control,
            nosniff_json: self.nosniff_json || other.nosniff_json,
        }
    }

    /// Whether there is a mark that only an API server sets.
    pub const fn any(self) -> bool {
        self.audit_id || self.flow_control
    }
}

/// `Content-Type` without its parameters, in lower case.
pub(crate) fn media_type(headers: &Headers) -> Option<String> {
    Some(String::from_utf8_lossy(media_type_of(headers)?).to_ascii_lowercase())
}

/// Whether `Content-Type` is that of an API server's documents.
pub(crate) fn is_json(headers: &Headers) -> bool {
    media_type_of(headers)
        .is_some_and(|media_type| media_type.eq_ignore_ascii_case(JSON.as_bytes()))
}

fn media_type_of(headers: &Headers) -> Option<&[u8]> {
    let value = headers.get("content-type")?;
    let media_type = value.split(|byte| *byte == b';').next();
    media_type.map(<[u8]>::trim_ascii)
}
