//! Observations made by hand, for the unit tests of the stages that judge them.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{
    Certificate, DistinguishedName, Endpoint, Exchange, Failure, FailureKind, Handshake, Host,
    NameList, Observation, Reply, Request, Scheme, Signature, Stage,
};
use crate::kubernetes::{Answer, HeaderMarks, Headers, PathClass};

/// An answer in the making.
pub(crate) fn reply(status: u16, content_type: &str, body: &str) -> Reply {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    let reply = Reply {
        digest: (!body.is_empty()).then(|| hasher.finish()),
        status,
        version: http::Version::HTTP_11,
        headers: Headers::default(),
        marks: HeaderMarks::default(),
        answer: Answer::parse(body.as_bytes(), false),
        body_size: body.len(),
        body_failure: None,
        raw: None,
    };
    if content_type.is_empty() {
        reply
    } else {
        reply.with("content-type", content_type)
    }
}

impl Reply {
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.set(name, value.as_bytes());
        self.marks = HeaderMarks::of(&self.headers);
        self
    }

    /// The marks of an API server's answer behind authentication.
    pub(crate) fn marked(self) -> Self {
        self.audited()
            .with("x-kubernetes-pf-flowschema-uid", "f")
            .with("x-kubernetes-pf-prioritylevel-uid", "p")
    }

    pub(crate) fn audited(self) -> Self {
        self.with("audit-id", "0a4e8d2c-5b1f-4a39-9a2e-0d6f3a1b2c3d")
    }
}

fn status_json(code: u16, reason: &str, message: &str) -> String {
    serde_json::json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code
    })
    .to_string()
}

/// A Kubernetes `Status` without header marks.
pub(crate) fn status(code: u16, reason: &str, message: &str) -> Reply {
    reply(
        code,
        "application/json",
        &status_json(code, reason, message),
    )
}

/// An API server's 401.
pub(crate) fn unauthorized() -> Reply {
    status(401, "Unauthorized", "Unauthorized").audited()
}

/// What a refusal made by hand says in the place of the path, which [`failing`] fills in.
const REFUSED: &str = "get path \"/x\"";

/// An API server's 403 for the anonymous user.
pub(crate) fn forbidden() -> Reply {
    bare_forbidden().marked()
}

/// The same without any header mark: controller manager, scheduler, old servers.
pub(crate) fn bare_forbidden() -> Reply {
    status(
        403,
        "Forbidden",
        "forbidden: User \"system:anonymous\" cannot get path \"/x\"",
    )
    .with("x-content-type-options", "nosniff")
}

/// An API server's `/version`.
pub(crate) fn version() -> Reply {
    let body = r#"{"major":"1","minor":"34","gitVersion":"v1.34.1","platform":"linux/amd64"}"#;
    reply(200, "application/json", body).marked()
}

/// An API server's `/api`.
pub(crate) fn api_versions() -> Reply {
    reply(
        200,
        "application/json",
        r#"{"kind":"APIVersions","versions":["v1"]}"#,
    )
    .marked()
}

/// An API server's `/apis`.
pub(crate) fn api_groups() -> Reply {
    let body = r#"{"kind":"APIGroupList","groups":[{"name":"apps"}]}"#;
    reply(200, "application/json", body).marked()
}

/// An API server's `/metrics`.
pub(crate) fn metrics() -> Reply {
    reply(200, "text/plain", "# HELP x y\n# TYPE x counter\nx 1\n").marked()
}

/// An API server's healthy answer.
pub(crate) fn ok() -> Reply {
    reply(200, "text/plain", "ok").marked()
}

/// A web page.
pub(crate) fn page(code: u16) -> Reply {
    reply(
        code,
        "text/html",
        "<!DOCTYPE html><html><body>hello</body></html>",
    )
}

/// The standard library's text for a path nobody serves.
pub(crate) fn go_404() -> Reply {
    reply(404, "text/plain", "404 page not found\n")
}

/// A failure in place of an answer.
pub(crate) fn reset() -> Failure {
    Failure::new(Stage::Http, FailureKind::Reset, "")
}

/// What one probe saw: paths with their answers, in order.
pub(crate) fn seen<const N: usize>(probe: u8, answers: [(&str, Reply); N]) -> Observation {
    failing(probe, answers.map(|(path, reply)| (path, Ok(reply))))
}

/// The same with failures among the answers. A path is asked as its class says, `…continue=bogus`
/// as GET.
pub(crate) fn failing<'a>(
    probe: u8,
    answers: impl IntoIterator<Item = (&'a str, Result<Reply, Failure>)>,
) -> Observation {
    let mut observation = Observation::new(Endpoint {
        scheme: Scheme::Https,
        host: Host::Ip("192.0.2.10".parse().unwrap()),
        port: 6443,
        name: None,
        prefix: Arc::from(""),
    });
    observation.connections = 1;
    observation.exchanges = answers
        .into_iter()
        .map(|(path, outcome)| Exchange {
            request: match path.strip_suffix("&continue=bogus") {
                Some(list) => Request::for_path(list).unwrap().without_head().unwrap(),
                None => Request::for_path(path).unwrap(),
            },
            probe,
            at: Timestamp::UNIX_EPOCH,
            elapsed: Duration::from_millis(1),
            outcome,
        })
        .map(|exchange| naming_what_was_asked(exchange).into())
        .collect();
    observation
}

fn naming_what_was_asked(mut exchange: Exchange) -> Exchange {
    let path = exchange.request.bare_path().to_owned();
    if let Ok(Reply {
        answer: Answer::Status(status),
        ..
    }) = &mut exchange.outcome
    {
        let named = match exchange.request.class {
            PathClass::ResourceList { .. } => format!(
                "list resource \"{}\" in API group \"\" at the cluster scope",
                path.rsplit('/').next().unwrap_or_default()
            ),
            _ => format!("get path \"{path}\""),
        };
        status.message = status.message.replace(REFUSED, &named);
    }
    exchange
}

impl Observation {
    /// Adds TLS facts: subject, issuer, SANs and the CA names asked for.
    pub(crate) fn over_tls(
        mut self,
        subject: &str,
        issuer: &str,
        sans: &[&str],
        cas: &[&str],
    ) -> Self {
        let owned = |names: &[&str]| NameList::collect(names.iter().map(|name| (*name).to_owned()));
        self.tls = Some(Box::new(Handshake {
            version: "TLSv1.3".into(),
            cipher: "TLS_AES_128_GCM_SHA256".into(),
            alpn: Some("http/1.1".into()),
            sni: None,
            client_certificate_requested: !cas.is_empty(),
            client_ca_names: NameList::collect(
                cas.iter()
                    .map(|name| DistinguishedName::from(*name).to_string()),
            ),
            signature: Signature::Valid,
            certificate: Some(Certificate {
                subject: subject.into(),
                issuer: issuer.into(),
                sans: owned(sans),
                not_before: None,
                not_after: None,
                key: "EC P-256".into(),
                signature_algorithm: "ecdsa-with-SHA256".into(),
                serial: "01".into(),
                sha256: "00".into(),
            }),
            chain_length: 1,
            trust: None,
            declared_trust: None,
        }));
        self
    }

    pub(crate) fn on_port(mut self, port: u16) -> Self {
        self.endpoint.port = port;
        self
    }

    /// The TLS facts of a kubeadm API server.
    pub(crate) fn with_kubeadm_tls(self) -> Self {
        let sans = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"];
        self.over_tls(
            "CN=kube-apiserver",
            "CN=kubernetes",
            &sans,
            &["CN=kubernetes", "CN=front-proxy-ca"],
        )
    }
}
