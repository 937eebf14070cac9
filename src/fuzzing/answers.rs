//! A server's answers, byte by byte, all the way to the reports.

use std::cell::LazyCell;
use std::net::Ipv4Addr;
use std::sync::Arc;

use super::reports;
use crate::assess::assess;
use crate::identify::identify;
use crate::model::{
    Certificate, Endpoint, EndpointReport, Handshake, Host, NameList, Observation, Request, Scheme,
    Signature, Target, Verdict,
};
use crate::scan::record;
use crate::targets::{TargetOptions, TargetSetBuilder};

/// What is asked, in this order, as long as there are answers.
const ASKED: [&str; 12] = [
    "/version",
    "/api",
    "/healthz",
    "/livez",
    "/readyz",
    "/api/v1/secrets",
    "/api/v1/nodes",
    "/apis",
    "/ping",
    "/.well-known/openid-configuration",
    "/openapi/v2",
    "/metrics",
];

/// Stands between two answers.
const NEXT: &[u8] = b"\n%%%\n";

/// The first line says how the server is reached (`tls`, `plain` where that was asked for, else plain all the
/// same); behind it an answer to each
/// request, with a line `%%%` between two.
pub fn answers(data: &[u8]) {
    let (way, rest) = match data.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (data, &[][..]),
    };
    let tls = (way == b"tls").then(handshake);
    // A port that turned out to speak plain HTTP is asked in it, wherever it was taken for TLS.
    let target = target(if way == b"plain" {
        Scheme::Http
    } else {
        Scheme::Https
    });
    let mut observation = Observation::new(Endpoint {
        scheme: if tls.is_some() {
            Scheme::Https
        } else {
            Scheme::Http
        },
        host: Host::Ip(Ipv4Addr::new(192, 0, 2, 1).into()),
        port: 6443,
        name: target.server_name(),
        prefix: Arc::default(),
    });
    observation.tls = tls;
    let requests: Vec<Request> = ASKED
        .iter()
        .filter_map(|path| Request::for_path(path).ok())
        .collect();
    let answers = split(rest);
    let look = crate::probe::fuzzed::look(&mut observation, &requests, &answers);
    RUNTIME.with(|runtime| runtime.block_on(look));
    concluded(&target, observation, data.len());
}

/// Identifies, assesses and reports what was seen, in the format of this number too.
pub(super) fn concluded(target: &Target, observation: Observation, format: usize) {
    let identification = identify(&observation);
    let assessment = assess(&observation, &identification);
    let record = record(target, observation, identification, assessment);
    holds(&record);
    reports::written(&reports::scan_of(&record), &[record], format);
}

/// No verdict without what makes it.
fn holds(record: &EndpointReport) {
    assert!(!record.reason.is_empty(), "a verdict without a reason");
    match record.verdict {
        Verdict::Exposed => {
            assert!(
                record.exposing().next().is_some(),
                "exposed by nothing: {}",
                record.reason
            );
        }
        Verdict::Rejected => assert!(
            record.grants.is_empty(),
            "rejected, and open: {:?}",
            record.grants
        ),
        _ => {}
    }
    let answered = record
        .requests
        .iter()
        .any(|request| request.exchange.outcome.is_ok());
    assert!(
        answered || !record.verdict.is_conclusive(),
        "{} without an answer",
        record.verdict
    );
    assert!(
        record
            .grants
            .iter()
            .all(|grant| grant.request < record.requests.len())
    );
}

/// The answers.
fn split(mut data: &[u8]) -> Vec<&[u8]> {
    let mut all = Vec::new();
    while let Some(at) = data.windows(NEXT.len()).position(|window| window == NEXT) {
        all.push(&data[..at]);
        data = &data[at + NEXT.len()..];
    }
    all.push(data);
    all
}

pub(super) fn target(scheme: Scheme) -> Target {
    let mut builder = TargetSetBuilder::new(TargetOptions::default());
    builder.argument(&format!("{}://api.example.com:6443", scheme.as_str()));
    builder
        .build()
        .ok()
        .and_then(|set| set.get(0))
        .expect("one target")
}

/// Of an ordinary cluster.
fn handshake() -> Handshake {
    Handshake {
        version: "TLSv1.3".to_owned(),
        cipher: "TLS_AES_128_GCM_SHA256".to_owned(),
        alpn: Some("http/1.1".to_owned()),
        sni: Some("api.example.com".to_owned()),
        client_certificate_requested: true,
        client_ca_names: NameList::collect(["CN=kubernetes".to_owned()]),
        signature: Signature::Valid,
        certificate: Some(Certificate {
            subject: "CN=kube-apiserver".into(),
            issuer: "CN=kubernetes".into(),
            sans: NameList::collect(
                ["kubernetes.default.svc.cluster.local", "10.96.0.1"].map(str::to_owned),
            ),
            not_before: None,
            not_after: None,
            key: "RSA 2048".to_owned(),
            signature_algorithm: "sha256WithRSAEncryption".to_owned(),
            serial: "01".to_owned(),
            sha256: "00".repeat(32),
        }),
        chain_length: 1,
        trust: None,
    }
}

thread_local! {
    /// Without a clock and without a network: nothing here waits.
    static RUNTIME: LazyCell<tokio::runtime::Runtime> =
        LazyCell::new(|| tokio::runtime::Builder::new_current_thread().build().expect("a runtime"));
}
