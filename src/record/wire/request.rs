//! One request, how far it came, and the fields of its answer that decide that.

use std::borrow::Cow;

use serde::Serialize;

use super::endpoint::Failure;
use super::{ms, text, time};
use crate::kubernetes::{Answer, VersionInfo};
use crate::model::{Access, JudgedRequest, Reply};

#[derive(Serialize)]
pub(super) struct Request<'a> {
    method: &'static str,
    path: &'a str,
    look: u8,
    at: String,
    elapsed_ms: f64,
    access: &'static str,
    why: Option<Why<'a>>,
    status: Option<u16>,
    evidence: Option<Evidence<'a>>,
}

impl<'a> From<&'a JudgedRequest> for Request<'a> {
    fn from(judged: &'a JudgedRequest) -> Self {
        let exchange = &judged.exchange;
        let reply = exchange.outcome.as_ref().ok();
        Self {
            method: exchange.request.method.as_str(),
            path: &exchange.request.path,
            look: exchange.look,
            at: time(exchange.at),
            elapsed_ms: ms(exchange.elapsed),
            access: judged.access.as_str(),
            why: why(&judged.access),
            status: reply.map(|reply| reply.status),
            evidence: reply.map(Evidence::from),
        }
    }
}

/// Why a request proves nothing: what made the answer unclear, or what failed.
#[derive(Serialize)]
struct Why<'a> {
    stage: Option<&'static str>,
    kind: &'static str,
    detail: Cow<'a, str>,
}

fn why(access: &Access) -> Option<Why<'_>> {
    match access {
        Access::Rejected | Access::Forbidden | Access::Granted => None,
        Access::Unclear(unclear) => Some(Why {
            stage: None,
            kind: unclear.as_str(),
            detail: unclear.phrase().into(),
        }),
        Access::Failed(failure) => Some(Why {
            stage: Some(failure.stage.as_str()),
            kind: failure.kind.as_str(),
            detail: text(&failure.detail),
        }),
    }
}

#[derive(Serialize)]
struct Evidence<'a> {
    http_version: String,
    content_type: Option<String>,
    body: &'static str,
    body_size: usize,
    body_failure: Option<Failure<'a>>,
    status_reason: Option<Cow<'a, str>>,
    status_message: Option<Cow<'a, str>>,
    git_version: Option<Cow<'a, str>>,
    version: Option<Version<'a>>,
    audit_id: Option<String>,
    date: Option<String>,
    flow_control: bool,
    nosniff: bool,
    server: Option<String>,
    retry_after: Option<String>,
    location: Option<String>,
    www_authenticate: Option<String>,
    strict_transport_security: Option<String>,
}

/// The other fields of `/version`.
#[derive(Serialize)]
#[expect(
    clippy::struct_field_names,
    reason = "the names of the fields of /version"
)]
struct Version<'a> {
    major: Option<Cow<'a, str>>,
    minor: Option<Cow<'a, str>>,
    emulation: Option<Cow<'a, str>>,
    minimum_compatibility: Option<Cow<'a, str>>,
    git_commit: Option<Cow<'a, str>>,
    git_tree_state: Option<Cow<'a, str>>,
    build_date: Option<Cow<'a, str>>,
    go_version: Option<Cow<'a, str>>,
    compiler: Option<Cow<'a, str>>,
    platform: Option<Cow<'a, str>>,
}

impl<'a> From<&'a VersionInfo> for Version<'a> {
    fn from(info: &'a VersionInfo) -> Self {
        let field = |field: &'a Option<String>| field.as_deref().map(text);
        Self {
            major: field(&info.major),
            minor: field(&info.minor),
            emulation: field(&info.emulation),
            minimum_compatibility: field(&info.minimum_compatibility),
            git_commit: field(&info.git_commit),
            git_tree_state: field(&info.git_tree_state),
            build_date: field(&info.build_date),
            go_version: field(&info.go_version),
            compiler: field(&info.compiler),
            platform: field(&info.platform),
        }
    }
}

impl<'a> From<&'a Reply> for Evidence<'a> {
    fn from(reply: &'a Reply) -> Self {
        let header = |name| reply.header(name).map(|value| text(&value).into_owned());
        let markers = reply.markers();
        let status = reply.answer.status();
        let version = match &reply.answer {
            Answer::Version(version) => Some(version),
            _ => None,
        };
        Self {
            http_version: format!("{:?}", reply.version),
            content_type: header("content-type"),
            body: reply.answer.as_str(),
            body_size: reply.body_size,
            body_failure: reply.body_failure.as_ref().map(Failure::from),
            status_reason: status.map(|status| text(&status.reason)),
            status_message: status.map(|status| text(&status.message)),
            git_version: version.map(|version| text(&version.git_version)),
            version: version.map(|version| Version::from(&**version)),
            audit_id: header("audit-id"),
            date: header("date"),
            flow_control: markers.flow_control,
            nosniff: markers.nosniff_json,
            server: header("server"),
            retry_after: header("retry-after"),
            location: header("location"),
            www_authenticate: header("www-authenticate"),
            strict_transport_security: header("strict-transport-security"),
        }
    }
}
