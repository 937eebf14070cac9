//! The one finding about anonymous access to an endpoint.

use std::collections::BTreeMap;

use super::*;
use crate::advise::{Egress, compare};
use crate::model::fixtures::status;
use crate::model::{
    BaselineState, ComparisonResult, Declared, DeclaredAnonymous, Remediation, Remedy, Severity,
};

/// The only finding about anonymous access.
fn only(report: EndpointReport) -> Finding {
    let mut findings = evaluate(&[report]).findings;
    findings.retain(|finding| finding.rule.anonymous_access);
    assert_eq!(findings.len(), 1, "{:?}", ids(&findings));
    findings.remove(0)
}

fn chosen(report: EndpointReport) -> (&'static str, Severity) {
    let finding = only(report);
    (finding.rule.id, finding.severity)
}

fn default() -> EndpointReport {
    default_cluster(target(0, "192.0.2.1"), "192.0.2.1")
}

fn as_expected(report: EndpointReport, expected: Verdict) -> EndpointReport {
    EndpointReport {
        target: expecting(report.target.clone(), expected),
        ..report
    }
}

fn changeable(report: EndpointReport, changeable: Option<bool>) -> EndpointReport {
    let remediation = Remediation {
        summary: "Restrict who can reach it.".into(),
        reference: Some("https://docs.example/".into()),
        ..Remediation::default()
    };
    EndpointReport {
        remedy: Some(Remedy {
            remediation,
            changeable,
            network_url: None,
        }),
        ..report
    }
}

/// A server on which /metrics is open and /api is not.
fn telemetry() -> EndpointReport {
    let answers = [
        ("/version", Ok(version())),
        ("/api", Ok(forbidden())),
        ("/healthz", Ok(ok())),
        ("/metrics", Ok(metrics().marked())),
    ];
    let report = record(
        target(0, "192.0.2.1"),
        "192.0.2.1",
        failing(1, answers).with_kubeadm_tls(),
    );
    assert_eq!(report.verdict, Verdict::Exposed, "{}", report.reason);
    report
}

#[test]
fn the_worst_that_was_proven_is_the_finding() {
    use PostureStatus::{MoreOpen, Stricter};
    let more_open = |report| with_posture(report, MoreOpen, Provenance::Documented);
    let limited = || limited(target(0, "192.0.2.1"), "192.0.2.1");
    let mut plain = opening(&[("/api/v1/secrets", true)]);
    plain.endpoint.as_mut().unwrap().scheme = Scheme::Http;
    let mut plain_rejecting = rejecting(target(0, "192.0.2.1"), "192.0.2.1");
    plain_rejecting.endpoint.as_mut().unwrap().scheme = Scheme::Http;
    for (report, rule, severity) in vec![
        (plain, "insecure-http-api", Severity::Critical),
        (plain_rejecting, "insecure-http-api", Severity::Critical),
        (
            opening(&[("/api/v1/secrets", true), ("/metrics", true)]),
            "anonymous-resources-exposed",
            Severity::Critical,
        ),
        (
            more_open(opening(&[("/metrics", true)])),
            "anonymous-discovery-exposed",
            Severity::High,
        ),
        (
            more_open(telemetry()),
            "anonymous-telemetry-unexpected",
            Severity::High,
        ),
        (
            as_expected(telemetry(), Verdict::Forbidden),
            "anonymous-telemetry-unexpected",
            Severity::High,
        ),
        (telemetry(), "anonymous-telemetry-exposed", Severity::Medium),
        (
            more_open(default()),
            "anonymous-auth-unexpected",
            Severity::High,
        ),
        (
            as_expected(limited(), Verdict::Rejected),
            "anonymous-auth-unexpected",
            Severity::High,
        ),
        (
            changeable(more_open(default()), Some(false)),
            "anonymous-auth-unexpected",
            Severity::High,
        ),
        (
            changeable(default(), Some(false)),
            "anonymous-auth-not-changeable",
            Severity::Low,
        ),
        (
            changeable(default(), Some(true)),
            "anonymous-auth-enabled",
            Severity::Medium,
        ),
        (
            as_expected(default(), Verdict::Forbidden),
            "anonymous-auth-enabled",
            Severity::Medium,
        ),
        (
            with_posture(default(), Stricter, Provenance::Documented),
            "anonymous-auth-enabled",
            Severity::Medium,
        ),
        (limited(), "anonymous-auth-limited", Severity::Note),
    ] {
        assert_eq!(chosen(report), (rule, severity));
    }
}

#[test]
fn the_sentence_says_what_else_is_open_and_how_it_compares() {
    let open = opening(&[("/metrics", true), ("/api/v1/pods", true)]);
    let more_open = with_posture(open, PostureStatus::MoreOpen, Provenance::Documented);
    let finding = only(as_expected(more_open.clone(), Verdict::Rejected));
    assert_eq!(
        finding.message,
        "anonymous callers may list /api/v1/pods; also open: /metrics, /api and /version (v1.34.1); \
         more open than documented (limited to health); expected rejected"
    );
    let open: Vec<&str> = finding.open.iter().map(String::as_str).collect();
    assert_eq!(open, ["/api", "/api/v1/pods", "/metrics"]);
    let proof: Vec<&str> = finding.sites[0]
        .requests
        .iter()
        .map(|at| more_open.requests[*at].exchange.request.bare_path())
        .collect();
    assert_eq!(proof, ["/api/v1/pods", "/version", "/api", "/metrics"]);
    // The command shows what decides, since the version is open on every default cluster.
    let path_of = |report| {
        only(report).sites[0]
            .proof
            .as_ref()
            .map(|request| request.path.clone())
    };
    assert_eq!(path_of(more_open).as_deref(), Some("/api/v1/pods?limit=1"));
    assert_eq!(path_of(default()).as_deref(), Some("/api"));

    let stricter = with_posture(default(), PostureStatus::Stricter, Provenance::Documented);
    assert!(
        only(stricter)
            .message
            .ends_with("; stricter than documented (limited to health)")
    );
    let limited = limited(target(0, "192.0.2.1"), "192.0.2.1");
    assert_eq!(
        only(limited).message,
        "anonymous requests are limited to /healthz"
    );
    let mut plain = default();
    plain.endpoint.as_mut().unwrap().scheme = Scheme::Http;
    assert_eq!(
        only(plain).message,
        "an API server answers over plain HTTP; requests without credentials are accepted as system:anonymous; \
         authorization answers 403; open: /version (v1.34.1) and /healthz"
    );
}

/// An error from behind authorization proves that the request was granted, but shows no version.
#[test]
fn an_error_does_not_disclose_the_version() {
    let nothing = || {
        Ok(status(
            404,
            "NotFound",
            "the server could not find the requested resource",
        )
        .marked())
    };
    let answers = [
        ("/version", nothing()),
        ("/api", Ok(forbidden())),
        ("/healthz", Ok(ok())),
    ];
    let mut report = record(
        target(0, "192.0.2.1"),
        "192.0.2.1",
        failing(1, answers).with_kubeadm_tls(),
    );
    // As read from another document.
    report.identification.as_mut().unwrap().version = Some("v1.34.1".to_owned());
    let message = only(report).message;
    assert!(
        message.ends_with("open: /version and /healthz"),
        "{message}"
    );
}

/// What only the documentation makes severe is no more certain than the documentation.
#[test]
fn an_unexpected_finding_is_as_certain_as_what_it_is_compared_with() {
    let confidence = |known, expected: Option<Verdict>| {
        let report = with_posture(default(), PostureStatus::MoreOpen, known);
        let report = match expected {
            Some(expected) => as_expected(report, expected),
            None => report,
        };
        only(report).confidence
    };
    assert_eq!(confidence(Provenance::Documented, None), Confidence::High);
    assert_eq!(confidence(Provenance::Inferred, None), Confidence::Low);
    assert_eq!(
        confidence(Provenance::Inferred, Some(Verdict::Rejected)),
        Confidence::High
    );
}

/// Without a finding about anonymous access, the comparison with the documentation is a finding of its own.
#[test]
fn a_posture_is_a_finding_only_where_none_is_about_anonymous_access() {
    let of = |report, status| {
        ids(&evaluate(&[with_posture(report, status, Provenance::Documented)]).findings)
    };
    let rejecting = || rejecting(target(0, "192.0.2.1"), "192.0.2.1");
    for (status, rule) in [
        (PostureStatus::MoreOpen, "more-open-than-documented"),
        (PostureStatus::Stricter, "stricter-than-documented"),
    ] {
        assert_eq!(of(rejecting(), status), [rule]);
        assert!(!of(default(), status).contains(&rule));
    }
    assert_eq!(of(rejecting(), PostureStatus::AsDocumented), [""; 0]);
    assert_eq!(of(rejecting(), PostureStatus::Either), [""; 0]);
}

#[test]
fn the_providers_remedy_is_used() {
    let remediation = only(changeable(default(), Some(false))).remediation;
    assert_eq!(remediation.summary, "Restrict who can reach it.");
    assert_eq!(
        remediation.reference.as_deref(),
        Some("https://docs.example/")
    );
}

/// A rule of this group takes the place of another one when more or less is open.
#[test]
fn a_server_that_opens_less_has_nothing_new() {
    let state = |before: EndpointReport, now: EndpointReport| {
        let now = since(&[before], &[now]);
        let finding = now
            .findings
            .iter()
            .find(|finding| finding.rule.anonymous_access && !finding.gone());
        finding.unwrap().baseline
    };
    let open = || exposed(target(0, "192.0.2.1"), "192.0.2.1");
    let rejected = |report| as_expected(report, Verdict::Rejected);
    assert_eq!(state(open(), default()), Some(BaselineState::Unchanged));
    assert_eq!(state(default(), open()), Some(BaselineState::New));
    assert_eq!(state(default(), telemetry()), Some(BaselineState::New));
    assert_eq!(
        state(telemetry(), default()),
        Some(BaselineState::Unchanged)
    );
    // An expectation that was met, or that nobody had.
    assert_eq!(state(open(), rejected(open())), Some(BaselineState::New));
    assert_eq!(
        state(rejected(open()), rejected(default())),
        Some(BaselineState::Unchanged)
    );
}

/// Why there is no rule of its own for what is more open than declared: that is open, and so has a finding, which is of
/// severity high at least. Every answer to every path that is always asked, with either setting.
#[test]
fn what_is_more_open_than_declared_always_has_a_finding_about_anonymous_access() {
    const PATHS: [&str; 5] = ["/version", "/api", "/healthz", "/livez", "/readyz"];
    let granted = |path| match path {
        "/version" => version(),
        "/api" => api_versions(),
        _ => ok(),
    };
    let mut found = BTreeMap::new();
    for combination in 0..4_usize.pow(5) {
        let answers = (0..).zip(PATHS).map(|(position, path)| {
            let answer = match combination / 4_usize.pow(position) % 4 {
                0 => unauthorized(),
                1 => forbidden(),
                2 => granted(path),
                _ => reply(503, "text/plain", "busy"),
            };
            (path, Ok(answer))
        });
        let observation = failing(1, answers).with_kubeadm_tls();
        let identification = identify(&observation);
        let assessment = assess(&observation, &identification);
        for setting in [DeclaredAnonymous::Limited, DeclaredAnonymous::Enabled] {
            let declared = Declared {
                anonymous: Some(setting),
                ..Declared::default()
            };
            let egress = Egress::default();
            let facts = compare(
                &declared,
                &observation,
                &identification,
                &assessment,
                &egress,
            );
            if facts[0].result != ComparisonResult::MoreOpen {
                continue;
            }
            let target = Target {
                declared: Some(declared.into()),
                ..target(0, "192.0.2.1")
            };
            let report = EndpointReport {
                compared: facts,
                ..record(target, "192.0.2.1", observation.clone())
            };
            let verdict = report.verdict;
            let finding = only(report);
            assert!(
                finding.severity <= Severity::High,
                "{verdict}: {}",
                finding.rule.id
            );
            assert!(
                finding.message.contains("more open than declared"),
                "{}",
                finding.message
            );
            *found.entry(verdict).or_insert(0) += 1;
        }
    }
    let verdicts: Vec<Verdict> = found.into_keys().collect();
    assert_eq!(
        verdicts,
        [Verdict::Exposed, Verdict::Forbidden, Verdict::Limited]
    );
}
