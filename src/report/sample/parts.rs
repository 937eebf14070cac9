//! Parts of records.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::kubernetes::{Answer, HeaderMarks, Headers, Status, VersionInfo};
use crate::model::{
    Access, Attribution, Certificate, Clue, ClueKind, Component, Confidence, Endpoint,
    EndpointReport, Exchange, Failure, FailureKind, Grade, Grant, Handshake, Host, Identification,
    JudgedRequest, Method, NameList, Origin, Posture, PostureStatus, Product, ProductMark,
    Provenance, Remediation, Remedy, Reply, Request, Scheme, Signature, Source, SpecCoverage,
    SpecId, Specificity, Stage, Step, Target, Timings, Trust, Verb, Verdict,
};

pub(crate) fn at(seconds: u32) -> Timestamp {
    format!("2026-10-01T08:00:{seconds:02}.125Z")
        .parse()
        .unwrap()
}

pub(crate) fn origin(line: u32, text: &str) -> Arc<Origin> {
    Arc::new(Origin {
        source: Source::File("targets.txt".into()),
        line,
        column: None,
        text: text.into(),
    })
}

/// A named target from `host:port`.
pub(crate) fn target(index: u64, origin: Arc<Origin>, host: &str, port: u16) -> Target {
    Target {
        index,
        scheme: Scheme::Https,
        host: host
            .parse()
            .map_or_else(|_| Host::Name(host.into()), Host::Ip),
        absolute: false,
        port,
        prefix: "".into(),
        sni: None,
        label: None,
        expect: None,
        declared: None,
        specs: [SpecId(origin.line)].into(),
        origin,
        named: true,
    }
}

/// The record of an endpoint that accepted a connection and was asked nothing.
pub(crate) fn report(
    target: Target,
    address: &str,
    verdict: Verdict,
    reason: &str,
) -> EndpointReport {
    let endpoint = Endpoint {
        scheme: target.scheme,
        host: Host::Ip(address.parse().unwrap()),
        port: target.port,
        name: target.server_name(),
        prefix: Arc::clone(&target.prefix),
    };
    EndpointReport {
        target,
        endpoint: Some(endpoint),
        verdict,
        reason: reason.to_owned(),
        failure: None,
        identification: None,
        posture: None,
        compared: Vec::new(),
        remedy: None,
        aliases: Arc::default(),
        requests: Vec::new(),
        not_asked: Vec::new(),
        grants: Vec::new(),
        tls: None,
        without_sni: None,
        audit_canary: None,
        one_at_a_time: None,
        local_address: Some("198.51.100.7".parse().unwrap()),
        connections: 1,
        handshakes: 1,
        timings: Timings {
            resolve: None,
            connect: Some(Duration::from_micros(1_250)),
            tls: Some(Duration::from_micros(3_500)),
            total: Duration::from_micros(9_876),
        },
        last_seen: None,
    }
}

/// The record of an endpoint that accepted no connection.
pub(crate) fn silent(target: Target, address: Option<&str>, failure: Failure) -> EndpointReport {
    let endpoint = address
        .and_then(|address| report(target.clone(), address, Verdict::Unreachable, "").endpoint);
    let timings = Timings {
        total: Duration::from_micros(400),
        ..Timings::default()
    };
    EndpointReport::without_answer(target, endpoint, failure, timings)
}

pub(crate) fn refused() -> Failure {
    Failure::new(Stage::Connect, FailureKind::Refused, "")
}

pub(crate) fn status(code: u16, reason: &str, message: &str) -> Answer {
    Answer::Status(Status {
        code,
        reason: reason.to_owned(),
        message: message.to_owned(),
    })
}

pub(crate) fn asked(path: &str, outcome: Result<Reply, Failure>, access: Access) -> JudgedRequest {
    let request = Request::for_path(path).unwrap();
    let exchange = Exchange {
        request,
        probe: 1,
        at: at(1),
        elapsed: Duration::from_micros(1_500),
        outcome,
    };
    JudgedRequest {
        exchange: exchange.into(),
        access,
    }
}

pub(crate) fn reply(status: u16, headers: &[(&str, &str)], answer: Answer) -> Reply {
    let mut kept = Headers::default();
    for (name, value) in headers {
        kept.push(name, value.as_bytes());
    }
    Reply {
        status,
        version: http::Version::HTTP_11,
        marks: HeaderMarks::of(&kept),
        headers: kept,
        answer,
        digest: None,
        body_size: 180,
        body_failure: None,
        raw: None,
    }
}

pub(crate) const MARKS: [(&str, &str); 5] = [
    ("content-type", "application/json"),
    ("audit-id", "4f7f2c1e-0000-4000-8000-000000000001"),
    ("x-kubernetes-pf-flowschema-uid", "a"),
    ("x-kubernetes-pf-prioritylevel-uid", "b"),
    ("date", "Thu, 01 Oct 2026 08:00:01 GMT"),
];

fn version() -> VersionInfo {
    let field = |text: &str| Some(text.to_owned());
    VersionInfo {
        git_version: "v1.34.1".to_owned(),
        major: field("1"),
        minor: field("34"),
        emulation: field("1.34"),
        minimum_compatibility: field("1.33"),
        git_commit: field("93248f9ae092f571eb870b7664c534bfc7d00f03"),
        git_tree_state: field("clean"),
        build_date: field("2025-09-09T19:37:24Z"),
        go_version: field("go1.24.6"),
        compiler: field("gc"),
        platform: field("linux/amd64"),
    }
}

/// The answers of an API server.
pub(crate) fn granted(path: &str) -> JudgedRequest {
    let answer = match path {
        "/version" => Answer::Version(Box::new(version())),
        "/api" => Answer::ApiVersions,
        "/metrics" => Answer::Metrics {
            of_api_server: true,
        },
        "/healthz" | "/livez" | "/readyz" => Answer::HealthOk,
        _ => Answer::Empty,
    };
    let request = Request::for_path(path).unwrap();
    let code = if request.method == Method::Head {
        405
    } else {
        200
    };
    asked(path, Ok(reply(code, &MARKS, answer)), Access::Granted)
}

pub(crate) fn forbidden(path: &str) -> JudgedRequest {
    let message = format!("forbidden: User \"system:anonymous\" cannot get path \"{path}\"");
    let headers = [&MARKS[..], &[("x-content-type-options", "nosniff")]].concat();
    asked(
        path,
        Ok(reply(403, &headers, status(403, "Forbidden", &message))),
        Access::Forbidden,
    )
}

pub(crate) fn rejected(path: &str) -> JudgedRequest {
    let answer = status(401, "Unauthorized", "Unauthorized");
    asked(path, Ok(reply(401, &MARKS[..2], answer)), Access::Rejected)
}

/// Adds requests, and a grant for each that is granted.
pub(crate) fn with_requests(
    mut report: EndpointReport,
    requests: Vec<JudgedRequest>,
) -> EndpointReport {
    for (index, judged) in requests.iter().enumerate() {
        let request = &judged.exchange.request;
        if judged.access == Access::Granted {
            report.grants.push(Grant {
                path: request.bare_path().to_owned(),
                grade: Grade::of(request.class),
                verb: if request.method == Method::Head {
                    Verb::List
                } else {
                    Verb::Get
                },
                not_served: request.bare_path() == "/apis/apps/v1/deployments",
                request: index,
            });
        }
    }
    report.grants.sort_by(|one, other| {
        other
            .grade
            .cmp(&one.grade)
            .then_with(|| one.path.cmp(&other.path))
    });
    report.requests = requests;
    report
}

pub(crate) fn identified(component: Component, version: Option<&str>) -> Identification {
    Identification {
        component,
        confidence: Confidence::High,
        version: version.map(str::to_owned),
        kubernetes: component != Component::Other,
        through_front: false,
        attribution: Attribution::default(),
        clues: vec![Clue {
            kind: ClueKind::AuditId,
            seen: "Audit-Id on 3 of 3 answers".to_owned(),
        }],
    }
}

pub(crate) fn eks() -> Product {
    Product {
        id: "eks".into(),
        name: "Amazon EKS".into(),
        short: "EKS".into(),
        managed: true,
    }
}

fn mark(product: &'static str, seen: &str, specificity: Specificity) -> ProductMark {
    ProductMark {
        product: product.into(),
        clue: 0,
        seen: seen.to_owned(),
        specificity,
        known: Provenance::Observed,
        source: "a census of API servers (https://census.example/)".into(),
    }
}

/// An identification that names a product.
pub(crate) fn attributed(
    mut identification: Identification,
    product: Product,
    seen: &str,
) -> Identification {
    identification.attribution = Attribution {
        marks: vec![mark("eks", seen, Specificity::Unique)],
        product: Some(product),
        confidence: Some(Confidence::Medium),
        ..Attribution::default()
    };
    identification
}

/// Signs of two products.
pub(crate) fn contradicted() -> Attribution {
    let kubeadm = Product {
        id: "kubeadm".into(),
        name: "kubeadm and kubeadm-based".into(),
        short: "kubeadm".into(),
        managed: false,
    };
    Attribution {
        product: None,
        confidence: Some(Confidence::Medium),
        others: vec![eks(), kubeadm],
        marks: vec![mark("eks", "CN=kubernetes", Specificity::Weak)],
        against: vec![mark(
            "k3s",
            "CN=k3s-server-ca@1735689600",
            Specificity::Unique,
        )],
    }
}

pub(crate) fn deviation() -> Posture {
    Posture {
        status: PostureStatus::MoreOpen,
        expected: vec![Verdict::Limited],
        documented: "limited".to_owned(),
        mode: Some("mode ENABLED".into()),
        known: Provenance::Documented,
        sentence: "EKS v1.33.5-eks-0a1b2c3: anonymous accepted as a user: more open than \
                   documented (limited)"
            .to_owned(),
        source: "EKS release notes (https://docs.example/)".into(),
    }
}

pub(crate) fn remedy() -> Remedy {
    Remedy {
        remediation: Remediation {
            summary: "Restrict the public endpoint.".into(),
            steps: vec![Step {
                text: "Let only your own networks reach it.".into(),
                command: Some("cloud update NAME --allow 203.0.113.0/24".into()),
            }],
            reference: Some("https://docs.example/versions".into()),
            ..Remediation::default()
        },
        changeable: Some(false),
        network_url: Some("https://docs.example/endpoint".into()),
    }
}

pub(crate) fn handshake() -> Handshake {
    Handshake {
        version: "TLSv1.3".into(),
        cipher: "TLS13_AES_128_GCM_SHA256".into(),
        alpn: Some("http/1.1".into()),
        sni: Some("prod.example".to_owned()),
        client_certificate_requested: true,
        client_ca_names: NameList::collect([
            "CN=kubernetes".to_owned(),
            "CN=front-proxy-ca".to_owned(),
        ]),
        signature: Signature::Valid,
        certificate: Some(Certificate {
            subject: "CN=kube-apiserver".into(),
            issuer: "CN=kubernetes".into(),
            sans: NameList::collect(["kubernetes.default.svc".to_owned(), "10.96.0.1".to_owned()]),
            not_before: Some("2026-01-01T00:00:00Z".parse().unwrap()),
            not_after: Some("2027-01-01T00:00:00Z".parse().unwrap()),
            key: "RSA 2048".into(),
            signature_algorithm: "sha256WithRSAEncryption".into(),
            serial: "1f".to_owned(),
            sha256: "ab".repeat(32),
        }),
        chain_length: 1,
        trust: Some(Trust::Anchored {
            by: "CN=kubernetes".to_owned(),
        }),
        declared_trust: Some(Trust::Anchored {
            by: "CN=kubernetes".to_owned(),
        }),
    }
}

pub(crate) fn annotated(mut target: Target, label: &str, expect: Option<Verdict>) -> Target {
    target.label = Some(label.into());
    target.expect = expect;
    target
}

/// The coverage of a specification whose first record is this one.
pub(crate) fn spec(report: &EndpointReport, covered: bool) -> SpecCoverage {
    let target = &report.target;
    SpecCoverage {
        id: report.target.specs.first().copied(),
        origin: Arc::clone(&target.origin),
        named: target.named,
        label: target.label.clone(),
        covered,
        expect: target.expect,
        met: target.expect.map(|expected| report.verdict == expected),
        seen: vec![report.verdict],
        left_out: Vec::new(),
    }
}
