//! One request, how far it came, and the deciding fields of its answer.

use http::{HeaderMap, HeaderValue, Version};
use serde::Deserialize;

use super::endpoint::Failure;
use super::word::{Ms, Time, Word, Worded as _};
use crate::kubernetes::{
    AUDIT_ID, Answer, FLOW_CONTROL, PathClass, PathError, Status, VersionInfo,
};
use crate::model::{
    self, Access, Exchange, FailureKind, JudgedRequest, Method, Reply, Stage, Unclear,
};

#[derive(Deserialize)]
#[serde(try_from = "Wire")]
pub(super) struct Request(pub(super) JudgedRequest);

#[derive(Deserialize)]
struct Wire {
    method: Word<Method>,
    path: String,
    #[serde(default = "first_look")]
    look: u8,
    at: Time,
    #[serde(default)]
    elapsed_ms: Ms,
    access: String,
    why: Option<Why>,
    status: Option<u16>,
    evidence: Option<Evidence>,
}

const fn first_look() -> u8 {
    1
}

#[derive(Deserialize)]
struct Why {
    stage: Option<Word<Stage>>,
    kind: String,
    #[serde(default)]
    detail: String,
}

impl TryFrom<Wire> for Request {
    type Error = String;

    fn try_from(wire: Wire) -> Result<Self, String> {
        let access = access(&wire.access, wire.why)?;
        let outcome = match (wire.status, wire.evidence, &access) {
            (Some(status), Some(evidence), _) => Ok(evidence.reply(status)?),
            (_, _, Access::Failed(failure)) => Err(failure.clone()),
            _ => return Err("a request has an answer, and neither status nor evidence".to_owned()),
        };
        let class = match PathClass::of(&wire.path) {
            // Once asked where somebody said so.
            Err(PathError::Profile) => PathClass::Other,
            class => class.map_err(|error| format!("path: {error}"))?,
        };
        let request = model::Request {
            method: wire.method.0,
            path: wire.path,
            class,
        };
        let exchange = Exchange {
            request,
            look: wire.look,
            at: wire.at.0,
            elapsed: wire.elapsed_ms.0,
            outcome,
        };
        Ok(Self(JudgedRequest { exchange, access }))
    }
}

fn access(word: &str, why: Option<Why>) -> Result<Access, String> {
    match (word, why) {
        ("rejected", _) => Ok(Access::Rejected),
        ("forbidden", _) => Ok(Access::Forbidden),
        ("granted", _) => Ok(Access::Granted),
        ("unclear", Some(Why { kind, .. })) => Unclear::from_word(&kind)
            .map(Access::Unclear)
            .ok_or_else(|| format!("this is no {}", Unclear::WHAT)),
        (
            "failed",
            Some(Why {
                stage: Some(Word(stage)),
                kind,
                detail,
            }),
        ) => FailureKind::from_word(&kind)
            .map(|kind| {
                Access::Failed(model::Failure {
                    stage,
                    kind,
                    detail,
                })
            })
            .ok_or_else(|| format!("this is no {}", FailureKind::WHAT)),
        ("unclear" | "failed", _) => Err("an access without its why".to_owned()),
        _ => Err("this is no access".to_owned()),
    }
}

#[derive(Deserialize)]
struct Evidence {
    http_version: String,
    content_type: Option<String>,
    body: String,
    #[serde(default)]
    body_size: usize,
    body_failure: Option<Failure>,
    status_reason: Option<String>,
    status_message: Option<String>,
    git_version: Option<String>,
    version: Option<VersionFields>,
    audit_id: Option<String>,
    date: Option<String>,
    #[serde(default)]
    flow_control: bool,
    #[serde(default)]
    nosniff: bool,
    server: Option<String>,
    retry_after: Option<String>,
    location: Option<String>,
    www_authenticate: Option<String>,
    strict_transport_security: Option<String>,
}

#[derive(Deserialize, Default)]
struct VersionFields {
    major: Option<String>,
    minor: Option<String>,
    emulation: Option<String>,
    minimum_compatibility: Option<String>,
    git_commit: Option<String>,
    git_tree_state: Option<String>,
    build_date: Option<String>,
    go_version: Option<String>,
    compiler: Option<String>,
    platform: Option<String>,
}

impl VersionFields {
    fn of(self, git_version: String) -> VersionInfo {
        VersionInfo {
            git_version,
            major: self.major,
            minor: self.minor,
            emulation: self.emulation,
            minimum_compatibility: self.minimum_compatibility,
            git_commit: self.git_commit,
            git_tree_state: self.git_tree_state,
            build_date: self.build_date,
            go_version: self.go_version,
            compiler: self.compiler,
            platform: self.platform,
        }
    }
}

impl Evidence {
    /// The answer as far as the report says it: bodies and other headers are gone.
    fn reply(self, status: u16) -> Result<Reply, String> {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            (http::header::CONTENT_TYPE, self.content_type),
            (AUDIT_ID, self.audit_id),
            (http::header::DATE, self.date),
            (http::header::SERVER, self.server),
            (http::header::RETRY_AFTER, self.retry_after),
            (http::header::LOCATION, self.location),
            (http::header::WWW_AUTHENTICATE, self.www_authenticate),
            (
                http::header::STRICT_TRANSPORT_SECURITY,
                self.strict_transport_security,
            ),
        ] {
            let Some(value) = value else { continue };
            let value = HeaderValue::from_bytes(value.as_bytes())
                .map_err(|_| format!("this cannot be a {name} header"))?;
            headers.insert(name, value);
        }
        // The report says only whether they were there.
        if self.flow_control {
            headers.extend(FLOW_CONTROL.map(|name| (name, HeaderValue::from_static(""))));
        }
        if self.nosniff {
            headers.insert(
                http::header::X_CONTENT_TYPE_OPTIONS,
                HeaderValue::from_static("nosniff"),
            );
        }
        let answer = Answer::from_word(
            &self.body,
            || Status {
                code: status,
                reason: self.status_reason.unwrap_or_default(),
                message: self.status_message.unwrap_or_default(),
            },
            || {
                Box::new(
                    self.version
                        .unwrap_or_default()
                        .of(self.git_version.unwrap_or_default()),
                )
            },
        );
        Ok(Reply {
            status,
            version: version(&self.http_version).ok_or("this is no HTTP version")?,
            headers,
            answer: answer.ok_or("this is no kind of body")?,
            digest: None,
            body_size: self.body_size,
            body_failure: self.body_failure.map(Into::into),
        })
    }
}

fn version(text: &str) -> Option<Version> {
    [
        Version::HTTP_09,
        Version::HTTP_10,
        Version::HTTP_11,
        Version::HTTP_2,
        Version::HTTP_3,
    ]
    .into_iter()
    .find(|version| format!("{version:?}") == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_body_that_is_described_is_read_as_itself() {
        let schema: serde_json::Value =
            serde_json::from_str(include_str!("../../../docs/report.schema.json")).unwrap();
        let words = schema["$defs"]["body"]["enum"].as_array().unwrap();
        let status = || Status {
            code: 403,
            reason: String::new(),
            message: String::new(),
        };
        for word in words.iter().map(|word| word.as_str().unwrap()) {
            assert_eq!(
                Answer::from_word(word, status, Box::default)
                    .as_ref()
                    .map(Answer::as_str),
                Some(word)
            );
        }
    }
}
