//! Responses of a server, from raw bytes to the reports.

use std::cell::LazyCell;
use std::net::Ipv4Addr;
use std::sync::Arc;

use super::reports;
use crate::advise::Egress;
use crate::assess::assess;
use crate::identify::identify;
use crate::model::{
    Certificate, Endpoint, EndpointReport, Handshake, Host, NameList, Observation, Request, Scheme,
    Signature, Target, Verdict,
};
use crate::scan::record;
use crate::targets::{TargetOptions, TargetSetBuilder};

/// The paths of the requests, one for each response.
const PATHS: [&str; 12] = [
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

/// Separates two responses.
const SEPARATOR: &[u8] = b"\n%%%\n";

/// The first line selects the transport: `tls`, `plain` for a target with `http://`, anything else for plain HTTP
/// found on a TLS target. Then come the responses, separated by a line `%%%`.
pub fn answers(data: &[u8]) {
    let (transport, rest) = match data.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (data, &[][..]),
    };
    let tls = (transport == b"tls").then(handshake);
    let target = target(if transport == b"plain" {
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
    observation.tls = tls.map(Box::new);
    let requests: Vec<Request> = PATHS
        .iter()
        .filter_map(|path| Request::for_path(path).ok())
        .collect();
    let answers = split(rest);
    let probe = crate::probe::fuzzed::probe(&mut observation, &requests, &answers);
    RUNTIME.with(|runtime| runtime.block_on(probe));
    conclude(&target, observation, data.len());
}

/// Identifies and assesses an observation and reports it, also in the format with this number.
pub(super) fn conclude(target: &Target, observation: Observation, format: usize) {
    let identification = identify(&observation);
    let assessment = assess(&observation, &identification);
    let record = record(
        target,
        observation,
        identification,
        assessment,
        &Egress::default(),
    );
    check_verdict(&record);
    let scan = reports::scan_of(&record);
    reports::written(&scan, &[*record], &[], format);
}

/// Checks that the verdict has the evidence that it requires.
fn check_verdict(record: &EndpointReport) {
    assert!(!record.reason.is_empty(), "a verdict without a reason");
    match record.verdict {
        Verdict::Exposed => {
            assert!(
                record.exposing().next().is_some(),
                "exposed without an exposing grant: {}",
                record.reason
            );
        }
        Verdict::Rejected => assert!(
            record.grants.is_empty(),
            "rejected with grants: {:?}",
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
        "{} without a response",
        record.verdict
    );
    assert!(
        record
            .grants
            .iter()
            .all(|grant| grant.request < record.requests.len())
    );
}

/// Splits the input into responses.
fn split(mut data: &[u8]) -> Vec<&[u8]> {
    let mut all = Vec::new();
    while let Some(at) = data
        .windows(SEPARATOR.len())
        .position(|window| window == SEPARATOR)
    {
        all.push(&data[..at]);
        data = &data[at + SEPARATOR.len()..];
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

/// The handshake of an ordinary cluster.
fn handshake() -> Handshake {
    Handshake {
        version: "TLSv1.3".into(),
        cipher: "TLS_AES_128_GCM_SHA256".into(),
        alpn: Some("http/1.1".into()),
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
            key: "RSA 2048".into(),
            signature_algorithm: "sha256WithRSAEncryption".into(),
            serial: "01".to_owned(),
            sha256: "00".repeat(32),
        }),
        chain_length: 1,
        trust: None,
        declared_trust: None,
    }
}

thread_local! {
    /// Without clock and network, because nothing here waits.
    static RUNTIME: LazyCell<tokio::runtime::Runtime> =
        LazyCell::new(|| tokio::runtime::Builder::new_current_thread().build().expect("a runtime"));
}
