//! The mixed scan: every verdict, and every kind of record.

use std::time::Duration;

use super::declared::{compared, declared, not_asked};
use super::parts::*;
use super::{Sample, findings};
use crate::config::{Order, Proxy, ProxyKind, ScanConfig, Shard};
use crate::kubernetes::Answer;
use crate::model::{
    Access, AuditCanary, Component, Coverage, EndpointReport, Failure, FailureKind, Identification,
    LeftOut, LeftOutReason, OneAtATime, Request, ScanSummary, Signature, SinceReported,
    SpecCoverage, SpecId, Stage, Target, Trust, Unclear, Verdict,
};

pub(crate) fn mixed() -> Sample {
    let reports = vec![
        exposed(),
        default_cluster(),
        silent(stage(3, 6443), Some("192.0.2.19"), refused()),
        silent(stage(4, 443), Some("192.0.2.18"), refused()),
        fronted(),
        limited(),
        closed(),
        unclear(),
        other(),
        wants_certificate(),
        gone(300, 6443),
        gone(301, 443),
        down(302, 6443, refused()),
        down(
            303,
            443,
            Failure::new(Stage::Connect, FailureKind::TimedOut, "after 3 s"),
        ),
    ];
    let summary = ScanSummary {
        started: at(0),
        elapsed: Duration::from_micros(4_213_500),
        stopped: None,
        sources: vec!["198.51.100.7".parse().unwrap()],
        resolvers: vec!["192.0.2.53:53".parse().unwrap()],
        targets_digest: Some("0f".repeat(32)),
        selection: None,
        coverage: coverage(&reports),
    };
    let findings = findings::of(&reports);
    let changes = Some(findings::changes(&reports));
    Sample {
        tool_version: "0.0.0".to_owned(),
        config: config(),
        reports,
        summary,
        findings,
        carried: <_>::default(),
        changes,
        outage: None,
        accepted_verdicts: [(Verdict::Forbidden, 1)].into(),
        since_reported: [(SinceReported::StillOpen, 1), (SinceReported::Gone, 3)].into(),
        sentence: "exit 1: 1 exposed: prod-eu-1 (192.0.2.1:6443)".to_owned(),
    }
}

fn config() -> ScanConfig {
    ScanConfig {
        scan_name: Some("europe".to_owned()),
        run_id: Some("2026-11-28.1".parse().unwrap()),
        audit_id: true,
        audit_canary: true,
        one_at_a_time: true,
        headers: vec!["X-Scan-Id: SEC-42".parse().unwrap()],
        source_addresses: vec!["198.51.100.7".parse().unwrap()],
        egress_addresses: vec!["198.51.100.8".parse().unwrap()],
        interface: Some("eth0".to_owned()),
        requests: vec![
            Request::for_path("/metrics").unwrap(),
            Request::for_path("/api/v1/secrets").unwrap(),
        ],
        proxy: Some(Proxy {
            kind: ProxyKind::Socks5,
            host: "bastion.example".to_owned(),
            port: 1080,
        }),
        max_duration: Some(Duration::from_mins(10)),
        resolver: Some("192.0.2.53:53".parse().unwrap()),
        order: Order::Seeded(42),
        shard: Shard::new(1, 2).unwrap(),
        ..ScanConfig::default()
    }
}

fn coverage(reports: &[EndpointReport]) -> Coverage {
    let coverage = Coverage {
        targets: 305,
        excluded: 2,
        left_out: [
            (LeftOutReason::ExcludedAddress, 1),
            (LeftOutReason::SpecialAddress, 1),
            (LeftOutReason::HalfResolved, 1),
        ]
        .into(),
        verdicts: [
            (Verdict::Exposed, 1),
            (Verdict::Forbidden, 2),
            (Verdict::Limited, 1),
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
        specs: specs(reports),
        clusters_not_asked: not_asked(),
        ..Coverage::default()
    };
    assert!(coverage.adds_up());
    coverage
}

/// The specifications of the named targets, from their records.
fn specs(reports: &[EndpointReport]) -> Vec<SpecCoverage> {
    let mut specs: Vec<SpecCoverage> = Vec::new();
    for report in reports.iter().filter(|report| report.target.named) {
        match specs.last_mut() {
            Some(last) if last.origin == report.target.origin => {
                if !last.seen.contains(&report.verdict) {
                    last.seen.push(report.verdict);
                }
            }
            _ => specs.push(spec(report, report.verdict.is_conclusive())),
        }
    }
    let half = LeftOut::new(LeftOutReason::HalfResolved, 1, "AAAA: resolver timed out");
    specs[1].left_out.push(half);
    specs.push(blocked());
    specs
}

/// A name that a name server blocks. The scan has no record of it.
fn blocked() -> SpecCoverage {
    let left_out = LeftOut::new(LeftOutReason::SpecialAddress, 1, "0.0.0.0, unspecified");
    let coverage = SpecCoverage::of(
        origin(11, "blocked.example:6443"),
        true,
        None,
        None,
        Vec::new(),
    );
    SpecCoverage {
        id: Some(SpecId(11)),
        left_out: vec![left_out],
        ..coverage
    }
}

fn exposed() -> EndpointReport {
    let target = target(0, origin(3, "192.0.2.17"), "192.0.2.17", 6443);
    let target = annotated(target, "prod-eu-3", Some(Verdict::Rejected));
    let reason = "anonymous reads /api, /metrics and lists secrets";
    let paths = [
        "/version",
        "/api",
        "/healthz",
        "/metrics",
        "/openapi/v2",
        "/api/v1/secrets",
        "/api/v1/namespaces/kube-system/pods",
        "/apis/apps/v1/deployments",
        "/ping",
    ];
    let report = report(target, "192.0.2.17", Verdict::Exposed, reason);
    EndpointReport {
        identification: Some(identified(Component::KubeApiServer, Some("v1.34.1"))),
        tls: Some(handshake().into()),
        ..with_requests(report, paths.map(granted).into())
    }
}

/// A name with several addresses and ports, of which one address and one port answer.
fn stage(index: u64, port: u16) -> Target {
    target(index, origin(4, "stage.example"), "stage.example", port)
}

fn default_cluster() -> EndpointReport {
    let mut report = report(
        stage(3, 6443),
        "192.0.2.18",
        Verdict::Forbidden,
        "/api is 403",
    );
    report.target.declared = Some(declared().into());
    report.compared = compared();
    report.timings.resolve = Some(Duration::from_micros(2_001));
    let identification = identified(Component::KubeApiServer, Some("v1.33.5-eks-0a1b2c3"));
    report.identification = Some(attributed(identification, eks(), "v1.33.5-eks-0a1b2c3"));
    report.aliases = vec!["a1b2.gr7.eu-central-1.eks.amazonaws.example".into()].into();
    report.posture = Some(deviation());
    report.remedy = Some(remedy());
    report.without_sni = Some(Ok(handshake().into()));
    report.one_at_a_time = Some(OneAtATime::Stalled);
    report.audit_canary = Some(AuditCanary {
        path: "/kubeknock-audit-2026-11-28.1".to_owned(),
        at: at(4),
        status: Some(403),
        audit_id: Some("5d1f7a30-2f6e-8c11-9d1b-a1b2c3d4e5f6".to_owned()),
    });
    with_requests(
        report,
        vec![granted("/version"), forbidden("/api"), granted("/healthz")],
    )
}

fn fronted() -> EndpointReport {
    let origin = origin(5, "https://rancher.example/k8s/clusters/c-1");
    let target = Target {
        prefix: "/k8s/clusters/c-1".into(),
        ..target(6, origin, "rancher.example", 443)
    };
    let mut report = report(target, "2001:db8::5", Verdict::Forbidden, "/api is 403");
    let identification = identified(Component::KubeApiServer, None);
    report.identification = Some(Identification {
        through_front: true,
        ..identification
    });
    with_requests(
        report,
        ["/version", "/api", "/healthz", "/api/v1/secrets"]
            .map(forbidden)
            .into(),
    )
}

fn limited() -> EndpointReport {
    let target = target(7, origin(6, "203.0.113.9:443"), "203.0.113.9", 443);
    let reason = "/api is 401, /healthz is 200";
    let mut report = report(
        annotated(target, "lab", None),
        "203.0.113.9",
        Verdict::Limited,
        reason,
    );
    let mut identification = identified(Component::KubeApiServer, None);
    identification.attribution = contradicted();
    report.identification = Some(identification);
    let failure = Failure::new(Stage::Tls, FailureKind::Handshake, "alert 112");
    report.without_sni = Some(Err(failure));
    let mut unchecked = handshake();
    let why = || "its RSA key has 16384 bits; those of 2048 to 8192 are checked".to_owned();
    unchecked.signature = Signature::NotChecked { why: why() };
    unchecked.trust = Some(Trust::NotChecked { why: why() });
    report.tls = Some(unchecked.into());
    with_requests(
        report,
        vec![rejected("/version"), rejected("/api"), granted("/healthz")],
    )
}

fn closed() -> EndpointReport {
    let target = target(8, origin(7, "203.0.113.10:443"), "203.0.113.10", 443);
    let target = Target {
        sni: Some("api.closed.example".into()),
        ..target
    };
    let target = annotated(target, "closed", Some(Verdict::Rejected));
    let mut report = report(
        target,
        "203.0.113.10",
        Verdict::Rejected,
        "401 on every path",
    );
    report.identification = Some(identified(Component::KubeApiServer, None));
    let mut untrusted = handshake();
    untrusted.trust = Some(Trust::NotAnchored {
        why: "it is signed by none of the CAs given".to_owned(),
    });
    report.tls = Some(untrusted.into());
    with_requests(
        report,
        ["/version", "/api", "/healthz", "/livez", "/readyz"]
            .map(rejected)
            .into(),
    )
}

fn in_range(index: u64, address: &str, port: u16) -> Target {
    Target {
        named: false,
        ..target(index, origin(8, "198.51.100.0/24"), address, port)
    }
}

fn unclear() -> EndpointReport {
    let headers = [
        ("content-type", "text/html"),
        ("server", "nginx"),
        ("location", "https://login.example/"),
        ("retry-after", "30"),
        ("www-authenticate", "Basic"),
        ("strict-transport-security", "max-age=31536000"),
    ];
    let mut cut = reply(503, &[], Answer::Cut);
    cut.body_failure = Some(Failure::new(
        Stage::Body,
        FailureKind::Deadline,
        "after 10 s",
    ));
    let reset = || Failure::new(Stage::Http, FailureKind::Reset, "connection reset");
    let requests = vec![
        asked(
            "/version",
            Ok(reply(403, &headers, Answer::Html)),
            Access::Unclear(Unclear::Plain403),
        ),
        asked("/api", Ok(cut), Access::Unclear(Unclear::ServerError)),
        asked("/healthz", Err(reset()), Access::Failed(reset())),
    ];
    let target = in_range(20, "198.51.100.30", 443);
    let mut report = report(
        target,
        "198.51.100.30",
        Verdict::Inconclusive,
        "a front end answers 403",
    );
    report.identification = Some(identified(Component::FrontEnd, None));
    with_requests(report, requests)
}

fn other() -> EndpointReport {
    let reason = "/version is 404 and no answer has an Audit-Id";
    let target = in_range(21, "198.51.100.40", 10257);
    EndpointReport {
        identification: Some(identified(Component::ControllerManagerOrScheduler, None)),
        ..report(target, "198.51.100.40", Verdict::NotApiServer, reason)
    }
}

fn wants_certificate() -> EndpointReport {
    let failure = Failure::new(
        Stage::Tls,
        FailureKind::ClientCertificateRequired,
        "alert 116",
    );
    let target = in_range(22, "198.51.100.41", 6443);
    EndpointReport {
        connections: 1,
        ..silent(target, Some("198.51.100.41"), failure)
    }
}

fn gone(index: u64, port: u16) -> EndpointReport {
    let failure = Failure::new(Stage::Dns, FailureKind::NameNotFound, "NXDOMAIN");
    silent(
        target(index, origin(9, "gone.example"), "gone.example", port),
        None,
        failure,
    )
}

fn down(index: u64, port: u16, failure: Failure) -> EndpointReport {
    silent(
        target(index, origin(10, "192.0.2.99"), "192.0.2.99", port),
        Some("192.0.2.99"),
        failure,
    )
}
