//! The record of one request and its answer.

use std::borrow::Cow;

use http::{HeaderValue, Version};
use serde::{Deserialize, Serialize};

use super::v1;
use crate::kubernetes::{
    AUDIT_ID, Answer, FLOW_CONTROL, HeaderMarks, Headers, PathClass, PathError, Status, VersionInfo,
};
use crate::model::{
    self, Access, Clipped, Exchange, Failure, FailureKind, JudgedRequest, Method, Ms, Reply, Stage,
    Time, Unclear,
};

/// One request and what it proves.
#[derive(Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Request<'a> {
    /// The HTTP method.
    method: Method,
    /// Path and query, without the endpoint's prefix.
    path: Cow<'a, str>,
    /// 1 for the first probe, 2 for the recheck.
    #[serde(default = "v1::first_probe")]
    #[cfg_attr(test, schemars(range(min = 1, max = 2)))]
    look: u8,
    /// When it was sent.
    at: Time,
    /// From sending the request to the end of the body, in milliseconds.
    elapsed_ms: Ms,
    /// How far the request came.
    access: Reach,
    /// Why it proves nothing; null if `access` is `rejected`, `forbidden` or `granted`.
    why: Option<Why<'a>>,
    /// The HTTP status code; null without an answer.
    status: Option<u16>,
    /// The parts of the answer that decide; null without an answer.
    evidence: Option<Evidence<'a>>,
}

/// How far a request came.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Access"))]
enum Reach {
    /// 401: authentication refused it.
    Rejected,
    /// 403: authorization refused `system:anonymous`.
    Forbidden,
    /// It reached the handler.
    Granted,
    /// The answer says nothing about anonymous access.
    Unclear,
    /// No answer.
    Failed,
}

/// Why a request proves nothing.
#[derive(Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Why<'a> {
    /// How far the request came without an answer; null for an unclear answer.
    stage: Option<Stage>,
    /// What makes the answer unclear, or what failed.
    kind: Kind,
    /// The same in a sentence, or the error message of the failing layer.
    detail: Clipped<'a>,
}

#[derive(Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "invalid kind: expected that of an unclear answer or of a failure"
)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
enum Kind {
    Unclear(Unclear),
    Failure(FailureKind),
}

impl<'a> From<&'a JudgedRequest> for Request<'a> {
    fn from(judged: &'a JudgedRequest) -> Self {
        let exchange = &judged.exchange;
        let reply = judged.reply();
        let (access, why) = match &judged.access {
            Access::Rejected => (Reach::Rejected, None),
            Access::Forbidden => (Reach::Forbidden, None),
            Access::Granted => (Reach::Granted, None),
            Access::Unclear(unclear) => {
                let why = Why {
                    stage: None,
                    kind: Kind::Unclear(*unclear),
                    detail: unclear.phrase().into(),
                };
                (Reach::Unclear, Some(why))
            }
            Access::Failed(failure) => {
                let why = Why {
                    stage: Some(failure.stage),
                    kind: Kind::Failure(failure.kind),
                    detail: failure.detail.as_str().into(),
                };
                (Reach::Failed, Some(why))
            }
        };
        Self {
            method: exchange.request.method,
            path: exchange.request.path.as_str().into(),
            look: exchange.probe,
            at: Time(exchange.at),
            elapsed_ms: Ms(exchange.elapsed),
            access,
            why,
            status: reply.map(|reply| reply.status),
            evidence: reply.map(Evidence::from),
        }
    }
}

impl TryFrom<Request<'_>> for JudgedRequest {
    type Error = String;

    fn try_from(record: Request<'_>) -> Result<Self, String> {
        let access = access(&record.access, record.why)?;
        let outcome = match (record.status, record.evidence, &access) {
            (Some(status), Some(evidence), _) => Ok(evidence.into_reply(status)?),
            (_, _, Access::Failed(failure)) => Err(failure.clone()),
            _ => return Err("an answer without status or evidence".to_owned()),
        };
        let class = match PathClass::of(&record.path) {
            // Earlier versions accepted profiles as --path.
            Err(PathError::Profile) => PathClass::Other,
            class => class.map_err(|error| format!("path: {error}"))?,
        };
        let request = model::Request {
            method: record.method,
            path: record.path.into_owned(),
            class,
        };
        let exchange = Exchange {
            request,
            probe: record.look,
            at: record.at.0,
            elapsed: record.elapsed_ms.0,
            outcome,
        };
        Ok(Self {
            exchange: exchange.into(),
            access,
        })
    }
}

fn access(reach: &Reach, why: Option<Why<'_>>) -> Result<Access, String> {
    Ok(match (reach, why) {
        (Reach::Rejected, _) => Access::Rejected,
        (Reach::Forbidden, _) => Access::Forbidden,
        (Reach::Granted, _) => Access::Granted,
        (
            Reach::Unclear,
            Some(Why {
                kind: Kind::Unclear(unclear),
                ..
            }),
        ) => Access::Unclear(unclear),
        (
            Reach::Failed,
            Some(Why {
                stage: Some(stage),
                kind: Kind::Failure(kind),
                detail,
            }),
        ) => Access::Failed(Failure::new(stage, kind, detail)),
        (Reach::Unclear | Reach::Failed, _) => {
            return Err("`access` and `why` do not fit together".to_owned());
        }
    })
}

/// The parts of an answer that decide what it proves.
#[derive(Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Evidence<'a> {
    /// `HTTP/1.0`, `HTTP/1.1` or `HTTP/2.0`.
    http_version: Cow<'a, str>,
    /// `Content-Type`; null without one, as for every header.
    content_type: Option<Clipped<'a>>,
    /// What the body is.
    #[cfg_attr(test, schemars(extend("enum" = Answer::words().collect::<Vec<_>>())))]
    body: Cow<'a, str>,
    /// Bytes of the body that were read; reading stops at the limit.
    body_size: usize,
    /// Why the body ended early; null if it did not.
    body_failure: Option<Cow<'a, Failure>>,
    /// `reason` of a Kubernetes `Status`; null without one.
    status_reason: Option<Clipped<'a>>,
    /// `message` of a Kubernetes `Status`; null without one.
    status_message: Option<Clipped<'a>>,
    /// `gitVersion` of `/version`; null for other answers.
    git_version: Option<Clipped<'a>>,
    /// The other fields of `/version`; null for other answers.
    version: Option<Cow<'a, VersionInfo>>,
    /// `Audit-Id`: finds the request in the server's audit log.
    audit_id: Option<Clipped<'a>>,
    /// `Date`: the server's clock.
    date: Option<Clipped<'a>>,
    /// Whether both flow-control headers are there, which an API server sets after authentication.
    flow_control: bool,
    /// Whether the answer is JSON with `X-Content-Type-Options: nosniff`, as an API server's 403 is.
    nosniff: bool,
    /// `Server`.
    server: Option<Clipped<'a>>,
    /// `Retry-After`.
    retry_after: Option<Clipped<'a>>,
    /// `Location`; never followed.
    location: Option<Clipped<'a>>,
    /// `WWW-Authenticate`.
    www_authenticate: Option<Clipped<'a>>,
    /// `Strict-Transport-Security`.
    strict_transport_security: Option<Clipped<'a>>,
}

impl<'a> From<&'a Reply> for Evidence<'a> {
    fn from(reply: &'a Reply) -> Self {
        let header = |name: &str| reply.header(name).map(Clipped::from);
        let marks = reply.header_marks();
        let status = reply.answer.status();
        let version = match &reply.answer {
            Answer::Version(version) => Some(&**version),
            _ => None,
        };
        Self {
            http_version: reply.http_version().into(),
            content_type: header("content-type"),
            body: reply.answer.as_str().into(),
            body_size: reply.body_size,
            body_failure: reply.body_failure.as_ref().map(Cow::Borrowed),
            status_reason: status.map(|status| status.reason.as_str().into()),
            status_message: status.map(|status| status.message.as_str().into()),
            git_version: version.map(|version| version.git_version.as_str().into()),
            version: version.map(Cow::Borrowed),
            audit_id: header(AUDIT_ID),
            date: header("date"),
            flow_control: marks.flow_control,
            nosniff: marks.nosniff_json,
            server: header("server"),
            retry_after: header("retry-after"),
            location: header("location"),
            www_authenticate: header("www-authenticate"),
            strict_transport_security: header("strict-transport-security"),
        }
    }
}

impl Evidence<'_> {
    /// The answer as far as the record has it: without its body and without other headers.
    fn into_reply(self, status: u16) -> Result<Reply, String> {
        let mut headers = Headers::default();
        for (name, value) in [
            ("content-type", self.content_type),
            (AUDIT_ID, self.audit_id),
            ("date", self.date),
            ("server", self.server),
            ("retry-after", self.retry_after),
            ("location", self.location),
            ("www-authenticate", self.www_authenticate),
            ("strict-transport-security", self.strict_transport_security),
        ] {
            let Some(value) = value.map(String::from) else {
                continue;
            };
            let value = HeaderValue::from_bytes(value.as_bytes())
                .map_err(|_| format!("invalid {name} header"))?;
            headers.push(name, value.as_bytes());
        }
        // The record says only whether these were there.
        if self.flow_control {
            for name in FLOW_CONTROL {
                headers.push(name, b"");
            }
        }
        if self.nosniff {
            headers.push("x-content-type-options", b"nosniff");
        }
        let text = |text: Option<Clipped<'_>>| text.map(String::from).unwrap_or_default();
        let answer = Answer::from_word(
            &self.body,
            || Status {
                code: status,
                reason: text(self.status_reason),
                message: text(self.status_message),
            },
            || {
                let version = self.version.map(Cow::into_owned).unwrap_or_default();
                let version = VersionInfo {
                    git_version: text(self.git_version),
                    ..version
                };
                // A report is as hostile as a server.
                Box::new(version.clipped())
            },
        );
        Ok(Reply {
            status,
            version: version(&self.http_version).ok_or("invalid HTTP version")?,
            marks: HeaderMarks::of(&headers),
            headers,
            answer: answer.ok_or("unknown kind of body")?,
            digest: None,
            body_size: self.body_size,
            body_failure: self.body_failure.map(Cow::into_owned),
            raw: None,
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
    fn every_body_is_read_as_itself() {
        let status = || Status {
            code: 403,
            reason: String::new(),
            message: String::new(),
        };
        for word in Answer::words() {
            let read = Answer::from_word(word, status, Box::default);
            assert_eq!(read.as_ref().map(Answer::as_str), Some(word));
        }
    }

    #[test]
    fn no_word_means_an_unclear_answer_and_a_failure() {
        for kind in FailureKind::ALL {
            let read: Kind = serde_json::from_value(kind.as_str().into()).unwrap();
            assert!(matches!(read, Kind::Failure(read) if read == kind));
        }
    }

    #[test]
    fn accesses_have_the_words_of_the_model() {
        let failure = || Failure::new(Stage::Http, FailureKind::Reset, "");
        for (access, reach) in [
            (Access::Rejected, Reach::Rejected),
            (Access::Forbidden, Reach::Forbidden),
            (Access::Granted, Reach::Granted),
            (Access::Unclear(Unclear::Cut), Reach::Unclear),
            (Access::Failed(failure()), Reach::Failed),
        ] {
            assert_eq!(serde_json::to_value(reach).unwrap(), access.as_str());
        }
    }
}
