//! Ways into a cluster other than its API server, and the confidence of findings.

use super::*;
use crate::model::{BaselineState, Confidence, Severity};

fn found(reports: &[EndpointReport]) -> Vec<&'static str> {
    ids(&evaluate(reports).findings)
}

fn refusal() -> Reply {
    reply(
        403,
        "text/plain",
        "Forbidden (user=system:anonymous, verb=get, resource=nodes, subresource(s)=[healthz proxy])",
    )
}

#[test]
fn an_etcd_is_open_if_its_version_path_answers() {
    let report = open_etcd(target(0, "192.0.2.1"), "192.0.2.1");
    let judged_one = evaluate(std::slice::from_ref(&report));
    let finding = find(&judged_one, "etcd-open");
    assert_eq!(
        (finding.severity, finding.sites[0].requests.as_slice()),
        (Severity::Critical, &[0][..])
    );
    // The same answer at another path, or with an error status, proves nothing.
    let elsewhere = |path: &str, status| {
        let version = reply(
            status,
            "application/json",
            r#"{"etcdserver":"3.6.4","etcdcluster":"3.6.0"}"#,
        );
        let answers = [("/version", Ok(go_404())), (path, Ok(version))];
        record(target(0, "192.0.2.1"), "192.0.2.1", failing(1, answers))
    };
    for report in [elsewhere("/healthz", 200), elsewhere("/version", 403)] {
        assert_eq!(found(&[report]), ["target-not-covered"]);
    }
    // A port that serves only metrics and health.
    let answers = [
        ("/version", Ok(go_404())),
        ("/healthz", Ok(ok())),
        ("/metrics", Ok(metrics())),
    ];
    let mut metrics_port = record(target(0, "192.0.2.1"), "192.0.2.1", failing(1, answers));
    metrics_port
        .identification
        .clone_from(&report.identification);
    assert!(!found(&[metrics_port]).contains(&"etcd-open"));
}

#[test]
fn a_kubelet_is_open_if_its_authorization_grants_a_path() {
    let health = || reply(200, "text/plain", "ok");
    assert_eq!(found(&[kubelet(go_404(), health())]), ["kubelet-open"]);
    assert_eq!(
        found(&[kubelet(go_404(), refusal())]),
        ["kubelet-anonymous"]
    );
    let unauthorized = || reply(401, "text/plain", "Unauthorized");
    assert_eq!(
        found(&[kubelet(go_404(), unauthorized())]),
        ["target-not-covered"]
    );
    // A kubelet that rejects another path lets nobody in. The open path belongs to a proxy.
    assert_eq!(
        found(&[kubelet(unauthorized(), health())]),
        ["target-not-covered"]
    );
    // A kubelet that grants one path and forbids the others is open.
    assert_eq!(found(&[kubelet(refusal(), health())]), ["kubelet-open"]);
    let at = |change: fn(&mut Endpoint)| {
        let mut report = kubelet(go_404(), health());
        change(report.endpoint.as_mut().unwrap());
        found(&[report])
    };
    assert_eq!(at(|endpoint| endpoint.port = 10248), ["target-not-covered"]);
    assert_eq!(
        at(|endpoint| endpoint.scheme = Scheme::Http),
        ["target-not-covered"]
    );
    // A proxy's user is not the anonymous user.
    let lent = reply(
        403,
        "text/plain",
        "Forbidden (user=proxy, verb=get, resource=nodes, subresource=proxy)",
    );
    assert_eq!(found(&[kubelet(go_404(), lent)]), ["target-not-covered"]);
}

/// A target with an open etcd or kubelet has no `target-not-covered` finding.
#[test]
fn another_way_in_is_one_finding() {
    let with_silent_port = [
        open_etcd(target(0, "etcd.example"), "192.0.2.1"),
        silent(target(1, "x"), "192.0.2.2"),
    ];
    let evaluation = evaluate(&with_silent_port);
    assert_eq!(
        ids(&evaluation.findings),
        ["etcd-open", "target-not-covered"]
    );
    assert_eq!(find(&evaluation, "target-not-covered").about.as_str(), "x");
}

#[test]
fn another_way_in_that_was_closed_is_gone() {
    let open = || [open_etcd(target(0, "192.0.2.1"), "192.0.2.1")];
    let closed = [kubelet(go_404(), reply(401, "text/plain", "Unauthorized"))];
    let state = |old: &[EndpointReport], new: &[EndpointReport]| {
        find(&since(old, new), "etcd-open").baseline
    };
    assert_eq!(state(&open(), &closed), Some(BaselineState::Absent));
    assert_eq!(state(&closed, &open()), Some(BaselineState::New));
    let now = since(&open(), &[silent(target(0, "192.0.2.1"), "192.0.2.1")]);
    assert!(
        !ids(&now.findings).contains(&"etcd-open"),
        "silence does not prove that it is closed"
    );
}

/// If it is uncertain what answered, every finding about it is uncertain.
#[test]
fn no_finding_is_more_confident_than_the_identification() {
    let mut expired = exposed(target(0, "two.example"), "192.0.2.1");
    let certificate = expired.tls.as_mut().unwrap().certificate.as_mut().unwrap();
    certificate.not_after = Some(at("2026-01-01T00:00:00Z"));
    let reports = [
        expired,
        default_cluster(target(0, "two.example"), "192.0.2.2"),
        default_cluster(
            expecting(target(1, "192.0.2.3"), Verdict::Rejected),
            "192.0.2.3",
        ),
        kubelet(go_404(), reply(200, "text/plain", "ok")),
        open_etcd(target(3, "192.0.2.5"), "192.0.2.5"),
    ];
    for confidence in [Confidence::Low, Confidence::Medium, Confidence::High] {
        let mut reports = reports.clone();
        for report in &mut reports {
            report.identification.as_mut().unwrap().confidence = confidence;
        }
        let findings = evaluate(&reports).findings;
        assert!(findings.len() > 8, "{:?}", ids(&findings));
        // `target-not-covered` is about the target, whatever answered.
        let of_answers = findings
            .iter()
            .filter(|finding| finding.rule.id != "target-not-covered");
        for finding in of_answers.clone() {
            assert!(finding.confidence <= confidence, "{}", finding.rule.id);
        }
        let surest = of_answers.map(|finding| finding.confidence).max();
        assert_eq!(surest, Some(confidence));
    }
}
