//! Tests of the rules, the baseline and the gate. The real stages make the records, from answers written by hand.

mod acceptances;
mod anonymous_access;
mod carrier;
mod changes;
mod depth;
mod findings;
mod gate;
mod other_ways_in;
mod registry;
mod silence;

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Accept, AcceptedRules, Evaluation, Evaluator, Policy, Snapshot};
use crate::assess::assess;
use crate::identify::identify;
use crate::model::fixtures::{
    api_groups, api_versions, failing, forbidden, go_404, metrics, ok, reply, reset, unauthorized,
    version,
};
use crate::model::{
    Confidence, Coverage, Endpoint, EndpointReport, Failure, FailureKind, Finding, Host,
    Observation, Origin, Pattern, Posture, PostureStatus, Provenance, Reply, Rule, Scheme, Source,
    SpecCoverage, SpecId, Stage, Target, Timings, Verdict,
};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn origin(text: &str) -> Arc<Origin> {
    Arc::new(Origin {
        source: Source::File("targets.txt".into()),
        line: 1,
        column: None,
        text: text.into(),
    })
}

fn target(index: u64, host: &str) -> Target {
    Target {
        index,
        scheme: Scheme::Https,
        host: host
            .parse()
            .map_or_else(|_| Host::Name(host.into()), Host::Ip),
        absolute: false,
        port: 6443,
        prefix: "".into(),
        sni: None,
        label: None,
        expect: None,
        declared: None,
        origin: origin(host),
        specs: [SpecId(0)].into(),
        named: true,
    }
}

/// The record that the stages make from an observation of this target.
fn record(target: Target, address: &str, mut observation: Observation) -> EndpointReport {
    let address: IpAddr = address.parse().unwrap();
    observation.endpoint = Endpoint {
        scheme: target.scheme,
        host: Host::Ip(address),
        port: target.port,
        name: target.server_name(),
        prefix: Arc::clone(&target.prefix),
    };
    let identification = identify(&observation);
    let assessment = assess(&observation, &identification);
    EndpointReport {
        // These tests are not about products.
        posture: None,
        compared: Vec::new(),
        remedy: None,
        target,
        endpoint: Some(observation.endpoint),
        verdict: assessment.verdict,
        reason: assessment.reason,
        failure: observation.failure,
        identification: Some(identification),
        requests: assessment.requests,
        not_asked: observation.not_asked,
        grants: assessment.grants,
        aliases: observation.aliases,
        tls: observation.tls,
        without_sni: observation.without_sni,
        one_at_a_time: observation.one_at_a_time,
        audit_canary: observation.audit_canary.map(|canary| (*canary).into()),
        local_address: observation.local_address,
        connections: observation.connections,
        handshakes: observation.handshakes,
        timings: observation.timings,
        last_seen: None,
    }
}

fn default_cluster(target: Target, address: &str) -> EndpointReport {
    let answers = [
        ("/version", Ok(version())),
        ("/api", Ok(forbidden())),
        ("/healthz", Ok(ok())),
    ];
    record(target, address, failing(1, answers).with_kubeadm_tls())
}

fn exposed(target: Target, address: &str) -> EndpointReport {
    let answers = [
        ("/version", Ok(version())),
        ("/api", Ok(api_versions())),
        ("/healthz", Ok(ok())),
    ];
    record(target, address, failing(1, answers).with_kubeadm_tls())
}

/// A server that opens `/api` and those of `paths` that are marked open, and forbids the others.
fn opening(paths: &[(&'static str, bool)]) -> EndpointReport {
    let answer = |(path, open): &(&'static str, bool)| {
        let opened = match *path {
            "/metrics" => metrics(),
            "/apis" => api_groups(),
            // Requested with HEAD, whose answers count because of the header marks of the other answers.
            list if list.starts_with("/api/") || list.starts_with("/apis/") => {
                reply(405, "application/json", "").marked()
            }
            _ => api_versions(),
        };
        (*path, Ok(if *open { opened } else { forbidden() }))
    };
    let answers = [("/api", true)].iter().chain(paths).map(answer);
    let answers = [("/version", Ok(version()))].into_iter().chain(answers);
    record(
        target(0, "192.0.2.1"),
        "192.0.2.1",
        failing(1, answers).with_kubeadm_tls(),
    )
}

/// A server that limits anonymous requests to the health paths.
fn limited(target: Target, address: &str) -> EndpointReport {
    let answers = [
        ("/version", Ok(unauthorized())),
        ("/api", Ok(unauthorized())),
        ("/healthz", Ok(ok())),
    ];
    record(target, address, failing(1, answers).with_kubeadm_tls())
}

fn rejecting(target: Target, address: &str) -> EndpointReport {
    let paths = ["/version", "/api", "/healthz", "/livez", "/readyz"];
    record(
        target,
        address,
        failing(1, paths.map(|path| (path, Ok(unauthorized())))).with_kubeadm_tls(),
    )
}

fn open_etcd(target: Target, address: &str) -> EndpointReport {
    let version = r#"{"etcdserver":"3.6.4","etcdcluster":"3.6.0"}"#;
    let version = reply(200, "application/json", version);
    let answers = [
        ("/version", Ok(version)),
        ("/api", Ok(go_404())),
        ("/healthz", Ok(go_404())),
    ];
    record(target, address, failing(1, answers))
}

/// A kubelet with these answers to `/version` and `/healthz`.
fn kubelet(version: Reply, healthz: Reply) -> EndpointReport {
    let answers = [
        ("/version", Ok(version)),
        ("/api", Ok(go_404())),
        ("/healthz", Ok(healthz)),
    ];
    let observation =
        failing(1, answers).over_tls("CN=worker-1@17", "CN=worker-1-ca@17", &["worker-1"], &[]);
    record(target(0, "192.0.2.1"), "192.0.2.1", observation)
}

fn silent(target: Target, address: &str) -> EndpointReport {
    record(target, address, failing(1, [("/version", Err(reset()))]))
}

fn not_attempted(target: Target, address: &str) -> EndpointReport {
    let endpoint = silent(target.clone(), address).endpoint;
    let failure = Failure::new(Stage::Connect, FailureKind::NoRoute, "");
    EndpointReport::without_answer(target, endpoint, failure, Timings::default())
}

/// The coverage of a scan of these records, each the only one of its specification.
fn coverage(reports: &[EndpointReport]) -> Coverage {
    let mut coverage = Coverage {
        targets: reports.len() as u64,
        ..Coverage::default()
    };
    for report in reports {
        let target = &report.target;
        match &report.failure {
            Some(failure) => *coverage.unreachable.entry(failure.kind).or_default() += 1,
            None => *coverage.verdicts.entry(report.verdict).or_default() += 1,
        }
        let (origin, label) = (Arc::clone(&target.origin), target.label.clone());
        let seen = vec![report.verdict];
        coverage.specs.push(SpecCoverage::of(
            origin,
            target.named,
            label,
            target.expect,
            seen,
        ));
    }
    coverage
}

const DAY: &str = "2026-11-24T08:00:00Z";

fn evaluate_with(policy: &Policy, reports: &[EndpointReport]) -> Evaluation {
    let mut evaluator = Evaluator::new(policy, at(DAY));
    for report in reports {
        evaluator.add(report);
    }
    evaluator.finish(&coverage(reports))
}

fn evaluate(reports: &[EndpointReport]) -> Evaluation {
    evaluate_with(&Policy::default(), reports)
}

fn snapshot(reports: &[EndpointReport]) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for report in reports {
        snapshot.add(report);
    }
    snapshot
}

/// The findings of a scan, compared with an earlier one.
fn since(old: &[EndpointReport], new: &[EndpointReport]) -> Evaluation {
    let mut evaluation = evaluate(new);
    evaluation.compare(
        &self::evaluate(old).findings,
        &snapshot(new),
        &snapshot(old),
    );
    evaluation
}

fn accept(rule: &str, target: &str, expires: &str) -> Accept {
    Accept {
        rules: AcceptedRules::Named(vec![known(rule)]),
        at_most: None,
        target: Pattern::new(target).unwrap(),
        reason: "a lab".to_owned(),
        owner: "platform@example.com".to_owned(),
        expires: expires.parse().unwrap(),
        place: "kubeknock.toml:1:1".to_owned(),
    }
}

fn ids(findings: &[Finding]) -> Vec<&'static str> {
    findings.iter().map(|finding| finding.rule.id).collect()
}

fn find<'a>(evaluation: &'a Evaluation, rule: &str) -> &'a Finding {
    evaluation
        .findings
        .iter()
        .find(|finding| finding.rule.id == rule)
        .unwrap()
}

fn known(id: &str) -> &'static Rule {
    super::rule(id).unwrap()
}

/// With this comparison to what the product documents, on good evidence.
fn with_posture(
    report: EndpointReport,
    status: PostureStatus,
    known: Provenance,
) -> EndpointReport {
    let mut report = report;
    report.posture = Some(Posture {
        status,
        expected: vec![Verdict::Limited],
        documented: "limited to health".to_owned(),
        mode: None,
        known,
        sentence: "as it is".to_owned(),
        source: "".into(),
    });
    if let Some(identification) = &mut report.identification {
        identification.attribution.confidence = Some(Confidence::High);
    }
    report
}

fn expecting(target: Target, expect: Verdict) -> Target {
    Target {
        expect: Some(expect),
        ..target
    }
}
