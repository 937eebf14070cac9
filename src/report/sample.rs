//! One mixed scan, made by hand, that every format is shown with; and the writers' results as text.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;

use super::{ScanInfo, Tally, table};
use crate::config::{Order, Proxy, ProxyKind, ScanConfig};
use crate::model::{
    Access, Answer, Certificate, Clue, ClueKind, Component, Confidence, Coverage, Endpoint, EndpointReport,
    Exchange, Failure, FailureKind, Grant, Handshake, Host, Identification, JudgedRequest, Method, Names,
    Origin, Reply, Request, ScanSummary, Scheme, Source, SpecCoverage, SpecId, Stage, Status, Target,
    Timings, Unclear, Verdict, VersionInfo,
};

/// A scan's whole result.
pub(super) struct Sample {
    pub(super) config: ScanConfig,
    pub(super) reports: Vec<EndpointReport>,
    pub(super) summary: ScanSummary,
}

impl Sample {
    pub(super) fn info(&self) -> ScanInfo<'_> {
        ScanInfo { tool_version: "0.0.0", ..ScanInfo::new(&self.config) }
    }
}

pub(super) fn json(sample: &Sample) -> String {
    let mut out = Vec::new();
    super::json::write(&mut out, &sample.info(), sample.reports.iter(), &sample.summary).unwrap();
    String::from_utf8(out).unwrap()
}

pub(super) fn jsonl(sample: &Sample) -> String {
    let (mut out, mut tally) = (Vec::new(), Tally::default());
    for report in &sample.reports {
        super::jsonl::write_endpoint(&mut out, report, &mut tally).unwrap();
    }
    super::jsonl::write_summary(&mut out, &sample.info(), &sample.summary, &tally).unwrap();
    String::from_utf8(out).unwrap()
}

pub(super) fn table(sample: &Sample, options: &table::TableOptions) -> String {
    let mut out = Vec::new();
    // The order of arrival does not matter.
    table::write(&mut out, sample.reports.iter().rev(), &sample.summary, options).unwrap();
    String::from_utf8(out).unwrap()
}

/// A writer without room.
pub(super) struct Full;

impl io::Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn at(seconds: u32) -> Timestamp {
    format!("2026-10-01T08:00:{seconds:02}.125Z").parse().unwrap()
}

pub(super) fn origin(line: u32, text: &str) -> Arc<Origin> {
    Arc::new(Origin { source: Source::File("targets.txt".into()), line, text: text.into() })
}

/// A named target from `host:port`.
pub(super) fn target(index: u64, origin: Arc<Origin>, host: &str, port: u16) -> Target {
    Target {
        index,
        scheme: Scheme::Https,
        host: host.parse().map_or_else(|_| Host::Name(host.into()), Host::Ip),
        port,
        prefix: "".into(),
        sni: None,
        label: None,
        expect: None,
        specs: [SpecId(origin.line)].into(),
        origin,
        named: true,
    }
}

/// A report of nothing yet: reached, not asked.
pub(super) fn report(target: Target, address: &str, verdict: Verdict, reason: &str) -> EndpointReport {
    let endpoint = Endpoint {
        scheme: target.scheme,
        address: SocketAddr::new(address.parse().unwrap(), target.port),
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
        requests: Vec::new(),
        grants: Vec::new(),
        tls: None,
        local: Some("198.51.100.7".parse().unwrap()),
        connections: 1,
        handshakes: 1,
        timings: Timings {
            resolve: None,
            connect: Some(Duration::from_micros(1_250)),
            tls: Some(Duration::from_micros(3_500)),
            total: Duration::from_micros(9_876),
        },
    }
}

/// A report of a connection that did not come about.
pub(super) fn silent(target: Target, address: Option<&str>, failure: Failure) -> EndpointReport {
    let endpoint =
        address.and_then(|address| report(target.clone(), address, Verdict::Unreachable, "").endpoint);
    let timings = Timings { total: Duration::from_micros(400), ..Timings::default() };
    EndpointReport::unreachable(target, endpoint, failure, timings)
}

fn refused() -> Failure {
    Failure::new(Stage::Connect, FailureKind::Refused, "")
}

pub(super) fn status(code: u16, reason: &str, message: &str) -> Answer {
    Answer::Status(Status { code, reason: reason.to_owned(), message: message.to_owned() })
}

pub(super) fn asked(path: &str, outcome: Result<Reply, Failure>, access: Access) -> JudgedRequest {
    let request = Request::for_path(path).unwrap();
    let exchange = Exchange { request, look: 1, at: at(1), elapsed: Duration::from_micros(1_500), outcome };
    JudgedRequest { exchange, access }
}

pub(super) fn reply(status: u16, headers: &[(&str, &str)], answer: Answer) -> Reply {
    let header = |(name, value): &(&str, &str)| {
        (name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap())
    };
    Reply {
        status,
        version: http::Version::HTTP_11,
        headers: headers.iter().map(header).collect::<HeaderMap>(),
        answer,
        body_size: 180,
        body_failure: None,
    }
}

const MARKS: [(&str, &str); 4] = [
    ("content-type", "application/json"),
    ("audit-id", "4f7f2c1e-0000-4000-8000-000000000001"),
    ("x-kubernetes-pf-flowschema-uid", "a"),
    ("x-kubernetes-pf-prioritylevel-uid", "b"),
];

/// The answers of an API server.
fn granted(path: &str) -> JudgedRequest {
    let answer = match path {
        "/version" => Answer::Version(VersionInfo {
            git_version: "v1.34.1".to_owned(),
            platform: None,
            go_version: None,
            build_date: None,
        }),
        "/api" => Answer::ApiVersions,
        "/metrics" => Answer::Metrics,
        "/healthz" | "/livez" | "/readyz" => Answer::Health { ok: true },
        _ => Answer::Empty,
    };
    let request = Request::for_path(path).unwrap();
    let code = if request.method == Method::Head { 405 } else { 200 };
    asked(path, Ok(reply(code, &MARKS, answer)), Access::Granted)
}

fn forbidden(path: &str) -> JudgedRequest {
    let message = format!("forbidden: User \"system:anonymous\" cannot get path \"{path}\"");
    let headers = [&MARKS[..], &[("x-content-type-options", "nosniff")]].concat();
    asked(path, Ok(reply(403, &headers, status(403, "Forbidden", &message))), Access::Forbidden)
}

fn rejected(path: &str) -> JudgedRequest {
    let answer = status(401, "Unauthorized", "Unauthorized");
    asked(path, Ok(reply(401, &MARKS[..2], answer)), Access::Rejected)
}

/// Adds requests, and a grant for each that is granted.
fn with_requests(mut report: EndpointReport, requests: Vec<JudgedRequest>) -> EndpointReport {
    for (index, judged) in requests.iter().enumerate() {
        let request = &judged.exchange.request;
        if judged.access == Access::Granted {
            report.grants.push(Grant {
                path: request.bare_path().to_owned(),
                grade: request.class.grade(),
                verb: if request.method == Method::Head { "list" } else { "get" },
                not_served: request.bare_path() == "/apis/apps/v1/deployments",
                request: index,
            });
        }
    }
    report.grants.sort_by(|one, other| other.grade.cmp(&one.grade).then_with(|| one.path.cmp(&other.path)));
    report.requests = requests;
    report
}

fn identified(component: Component, version: Option<&str>) -> Option<Identification> {
    Some(Identification {
        component,
        confidence: Confidence::High,
        version: version.map(str::to_owned),
        kubernetes: component != Component::Other,
        through_front: false,
        clues: vec![Clue { kind: ClueKind::AuditId, seen: "Audit-Id on 3 of 3 answers".to_owned() }],
    })
}

fn handshake() -> Handshake {
    Handshake {
        version: "TLSv1.3".to_owned(),
        cipher: "TLS13_AES_128_GCM_SHA256".to_owned(),
        alpn: Some("http/1.1".to_owned()),
        sni: Some("prod.example".to_owned()),
        client_certificate_requested: true,
        client_ca_names: Names::collect(["CN=kubernetes".to_owned(), "CN=front-proxy-ca".to_owned()]),
        signature_valid: true,
        certificate: Some(Certificate {
            subject: "CN=kube-apiserver".to_owned(),
            issuer: "CN=kubernetes".to_owned(),
            sans: Names::collect(["kubernetes.default.svc".to_owned(), "10.96.0.1".to_owned()]),
            not_before: Some("2026-01-01T00:00:00Z".parse().unwrap()),
            not_after: Some("2027-01-01T00:00:00Z".parse().unwrap()),
            key: "RSA 2048".to_owned(),
            serial: "1f".to_owned(),
            sha256: "ab".repeat(32),
        }),
        chain_length: 1,
    }
}

fn annotated(mut target: Target, label: &str, expect: Option<Verdict>) -> Target {
    target.label = Some(label.into());
    target.expect = expect;
    target
}

fn spec(report: &EndpointReport, covered: bool, seen: &[Verdict]) -> SpecCoverage {
    let target = &report.target;
    SpecCoverage {
        origin: Arc::clone(&target.origin),
        named: target.named,
        label: target.label.clone(),
        covered,
        expect: target.expect,
        met: target.expect.map(|expected| seen.contains(&expected)),
        seen: seen.to_vec(),
    }
}

/// Every verdict, with each of the ways a record can look, sorted.
pub(super) fn mixed() -> Sample {
    let prod = annotated(
        target(0, origin(3, "192.0.2.17"), "192.0.2.17", 6443),
        "prod-eu-3",
        Some(Verdict::Rejected),
    );
    let mut exposed = with_requests(
        report(prod, "192.0.2.17", Verdict::Exposed, "anonymous reads /api, /metrics and lists secrets"),
        [
            "/version",
            "/api",
            "/healthz",
            "/metrics",
            "/openapi/v2",
            "/api/v1/secrets",
            "/api/v1/namespaces/kube-system/pods",
            "/apis/apps/v1/deployments",
            "/ping",
        ]
        .map(granted)
        .into(),
    );
    exposed.identification = identified(Component::KubeApiServer, Some("v1.34.1"));
    exposed.tls = Some(handshake());

    let stage = || origin(4, "stage.example");
    let mut default = with_requests(
        report(target(3, stage(), "stage.example", 6443), "192.0.2.18", Verdict::Forbidden, "/api is 403"),
        vec![granted("/version"), forbidden("/api"), granted("/healthz")],
    );
    default.identification = identified(Component::KubeApiServer, Some("v1.33.5-eks-1"));
    default.timings.resolve = Some(Duration::from_micros(2_001));
    let other_address = silent(target(3, stage(), "stage.example", 6443), Some("192.0.2.19"), refused());
    let closed_port = silent(target(4, stage(), "stage.example", 443), Some("192.0.2.18"), refused());

    let mut fronted =
        target(6, origin(5, "https://rancher.example/k8s/clusters/c-1"), "rancher.example", 443);
    fronted.prefix = "/k8s/clusters/c-1".into();
    let mut fronted = with_requests(
        report(fronted, "2001:db8::5", Verdict::Forbidden, "/api is 403"),
        vec![forbidden("/version"), forbidden("/api"), forbidden("/healthz"), forbidden("/api/v1/secrets")],
    );
    fronted.identification = identified(Component::KubeApiServer, None)
        .map(|identification| Identification { through_front: true, ..identification });

    let mut limited = with_requests(
        report(
            annotated(target(7, origin(6, "203.0.113.9:443"), "203.0.113.9", 443), "lab", None),
            "203.0.113.9",
            Verdict::HealthOnly,
            "/api is 401, /healthz is 200",
        ),
        vec![rejected("/version"), rejected("/api"), granted("/healthz")],
    );
    limited.identification = identified(Component::KubeApiServer, None);

    let mut closed = target(8, origin(7, "203.0.113.10:443"), "203.0.113.10", 443);
    closed.sni = Some("api.closed.example".into());
    let mut closed = with_requests(
        report(
            annotated(closed, "closed", Some(Verdict::Rejected)),
            "203.0.113.10",
            Verdict::Rejected,
            "401 on every path",
        ),
        ["/version", "/api", "/healthz", "/livez", "/readyz"].map(rejected).into(),
    );
    closed.identification = identified(Component::KubeApiServer, None);

    let in_range = |index, address: &str, port| {
        let mut target = target(index, origin(8, "198.51.100.0/24"), address, port);
        target.named = false;
        target
    };
    let front = [
        ("content-type", "text/html"),
        ("server", "nginx"),
        ("location", "https://login.example/"),
        ("retry-after", "30"),
        ("www-authenticate", "Basic"),
    ];
    let mut cut = reply(503, &[], Answer::Cut);
    cut.body_failure = Some(Failure::new(Stage::Body, FailureKind::Deadline, "after 10 s"));
    let mut unclear = with_requests(
        report(
            in_range(20, "198.51.100.30", 443),
            "198.51.100.30",
            Verdict::Inconclusive,
            "a front end answers 403",
        ),
        vec![
            asked("/version", Ok(reply(403, &front, Answer::Html)), Access::Unclear(Unclear::Plain403)),
            asked("/api", Ok(cut), Access::Unclear(Unclear::ServerError)),
            asked(
                "/healthz",
                Err(Failure::new(Stage::Http, FailureKind::Reset, "connection reset")),
                Access::Failed(Failure::new(Stage::Http, FailureKind::Reset, "connection reset")),
            ),
        ],
    );
    unclear.identification = identified(Component::FrontEnd, None);

    let mut other = report(
        in_range(21, "198.51.100.40", 10257),
        "198.51.100.40",
        Verdict::NotApiServer,
        "/version is 404 and no answer has an Audit-Id",
    );
    other.identification = identified(Component::ControllerManagerOrScheduler, None);

    let wants = Failure::new(Stage::Tls, FailureKind::ClientCertificateRequired, "alert 116");
    let mut wants_certificate = silent(in_range(22, "198.51.100.41", 6443), Some("198.51.100.41"), wants);
    wants_certificate.connections = 1;

    let gone = |index, port| {
        let failure = Failure::new(Stage::Dns, FailureKind::NameNotFound, "NXDOMAIN");
        silent(target(index, origin(9, "gone.example"), "gone.example", port), None, failure)
    };
    let down = |index, port, failure| {
        silent(target(index, origin(10, "192.0.2.99"), "192.0.2.99", port), Some("192.0.2.99"), failure)
    };
    let timed_out = Failure::new(Stage::Connect, FailureKind::TimedOut, "after 3 s");

    let reports = vec![
        exposed,
        default,
        other_address,
        closed_port,
        fronted,
        limited,
        closed,
        unclear,
        other,
        wants_certificate,
        gone(300, 6443),
        gone(301, 443),
        down(302, 6443, refused()),
        down(303, 443, timed_out),
    ];
    let specs = vec![
        spec(&reports[0], true, &[Verdict::Exposed]),
        spec(&reports[1], true, &[Verdict::Forbidden, Verdict::Unreachable]),
        spec(&reports[4], true, &[Verdict::Forbidden]),
        spec(&reports[5], true, &[Verdict::HealthOnly]),
        spec(&reports[6], true, &[Verdict::Rejected]),
        spec(&reports[10], false, &[Verdict::Unreachable]),
        spec(&reports[12], false, &[Verdict::Unreachable]),
    ];
    let coverage = Coverage {
        targets: 304,
        excluded: 2,
        not_attempted: 0,
        excluded_addresses: 1,
        verdicts: [
            (Verdict::Exposed, 1),
            (Verdict::Forbidden, 2),
            (Verdict::HealthOnly, 1),
            (Verdict::Rejected, 1),
            (Verdict::Inconclusive, 1),
            (Verdict::NotApiServer, 1),
        ]
        .into(),
        unreachable: [
            (FailureKind::Refused, 280),
            (FailureKind::TimedOut, 14),
            (FailureKind::NameNotFound, 2),
            (FailureKind::ClientCertificateRequired, 1),
        ]
        .into(),
        further_addresses: 1,
        specs,
    };
    assert!(coverage.adds_up());
    let config = ScanConfig {
        requests: vec![Request::for_path("/metrics").unwrap(), Request::for_path("/api/v1/secrets").unwrap()],
        proxy: Some(Proxy { kind: ProxyKind::Socks5, host: "bastion.example".to_owned(), port: 1080 }),
        max_duration: Some(Duration::from_secs(600)),
        resolver: Some("192.0.2.53:53".parse().unwrap()),
        order: Order::Seeded(42),
        ..ScanConfig::default()
    };
    let summary = ScanSummary {
        started: at(0),
        elapsed: Duration::from_micros(4_213_500),
        stopped: None,
        sources: vec!["198.51.100.7".parse().unwrap()],
        resolvers: vec!["192.0.2.53:53".parse().unwrap()],
        coverage,
    };
    Sample { config, reports, summary }
}

/// Nothing was asked for that answered.
pub(super) fn empty() -> Sample {
    let coverage =
        Coverage { targets: 256, unreachable: [(FailureKind::TimedOut, 256)].into(), ..Coverage::default() };
    let mixed = mixed();
    let summary = ScanSummary { coverage, resolvers: Vec::new(), ..mixed.summary };
    Sample { config: ScanConfig::default(), reports: Vec::new(), summary }
}

/// The mixed scan, interrupted before all was asked.
pub(super) fn stopped() -> Sample {
    let mut sample = mixed();
    sample.summary.stopped = Some("interrupted".to_owned());
    sample.summary.coverage.targets += 900;
    sample.summary.coverage.not_attempted = 900;
    sample
}

/// A server, a file and a resolver that try to write on the reader's terminal.
pub(super) fn hostile() -> Sample {
    let mut target = target(0, origin(1, "evil.example\u{1b}]0;owned\u{7}"), "evil.example", 443);
    target.label = Some("safe\u{202e}desopxe\r\nrejected 192.0.2.1".into());
    target.expect = Some(Verdict::Rejected);
    let message = format!("\u{1b}[2J{}", "x".repeat(5000));
    let mut report = report(target, "192.0.2.66", Verdict::Inconclusive, &format!("a 403 says {message}"));
    report.identification = identified(Component::FrontEnd, Some("v1\u{1b}[31m\u{200b}"));
    let answer = status(403, "Forbidden", &message);
    report.requests = vec![asked(
        "/api",
        Ok(reply(403, &[("server", "nginx\u{9b}31m")], answer)),
        Access::Unclear(Unclear::OtherUser),
    )];
    let mut sample = empty();
    sample.summary.coverage = Coverage {
        targets: 1,
        verdicts: [(Verdict::Inconclusive, 1)].into(),
        specs: vec![spec(&report, false, &[Verdict::Inconclusive])],
        ..Coverage::default()
    };
    sample.summary.stopped = Some("signal\u{1b}[0m".to_owned());
    sample.reports = vec![report];
    sample
}
