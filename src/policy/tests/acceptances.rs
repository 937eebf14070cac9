//! Acceptances: what they cover, and those that match nothing.

use super::*;
use crate::model::{BaselineState, Severity};
use crate::policy::{FailOn, Gate, ScanEnd};

fn of_all(at_most: Severity) -> Accept {
    Accept {
        rules: AcceptedRules::All,
        at_most: Some(at_most),
        ..accept("etcd-open", "192.0.2.1", "2027-01-01")
    }
}

fn accepted(accept: Accept, report: EndpointReport) -> Vec<&'static str> {
    let policy = Policy {
        accept: vec![accept],
        ..Policy::default()
    };
    let evaluation = evaluate_with(&policy, &[report]);
    let accepted = evaluation.findings.iter();
    let accepted = accepted.filter(|finding| finding.accepted());
    accepted.map(|finding| finding.rule.id).collect()
}

#[test]
fn one_acceptance_suffices_for_one_server() {
    let report = || default_cluster(target(0, "192.0.2.1"), "192.0.2.1");
    let both = ["anonymous-auth-enabled", "unsupported-version"];
    assert_eq!(accepted(of_all(Severity::Medium), report()), both);
    let list = Accept {
        rules: AcceptedRules::Named(both.map(known).to_vec()),
        ..accept("etcd-open", "192.0.2.1", "2027-01-01")
    };
    assert_eq!(accepted(list, report()), both);
}

/// An exposed server whose old version is accepted is still exposed.
#[test]
fn only_the_finding_about_anonymous_access_settles_the_verdict() {
    let open = || [exposed(target(0, "192.0.2.1"), "192.0.2.1")];
    let settled = |rule: &str| {
        let policy = Policy {
            accept: vec![accept(rule, "*", "2027-01-01")],
            ..Policy::default()
        };
        let evaluation = evaluate_with(&policy, &open());
        evaluation.accepted_verdicts.contains_key(&Verdict::Exposed)
    };
    assert!(settled("anonymous-discovery-exposed"));
    assert!(!settled("unsupported-version"));
}

/// Whoever makes a rule more severe has to accept its findings again.
#[test]
fn naming_a_rule_accepts_the_severity_that_it_has_by_default() {
    let enabled = known("anonymous-auth-enabled");
    let is_accepted = |severity, at_most| {
        let policy = Policy {
            severities: vec![(enabled, severity)],
            accept: vec![Accept {
                at_most,
                ..accept(enabled.id, "192.0.2.1", "2027-01-01")
            }],
        };
        let report = default_cluster(target(0, "192.0.2.1"), "192.0.2.1");
        let evaluation = evaluate_with(&policy, &[report]);
        find(&evaluation, enabled.id).accepted()
    };
    assert!(is_accepted(Severity::Low, None));
    assert!(is_accepted(Severity::Medium, None));
    assert!(!is_accepted(Severity::High, None));
    assert!(!is_accepted(Severity::Critical, None));
    assert!(is_accepted(Severity::Critical, Some(Severity::Critical)));
}

/// A reader who counts the exposed endpoints learns why the gate counts fewer.
#[test]
fn the_gate_says_which_endpoints_are_accepted() {
    let policy = Policy {
        accept: vec![accept(
            "anonymous-discovery-exposed",
            "192.0.2.1",
            "2027-01-01",
        )],
        ..Policy::default()
    };
    let sentence = |addresses: &[&str]| {
        let reports: Vec<EndpointReport> = (0..)
            .zip(addresses)
            .map(|(index, address)| exposed(target(index, address), address))
            .collect();
        let gate = Gate {
            fail_on: FailOn::Verdict(Verdict::Forbidden),
            require_coverage: 100,
        };
        let evaluation = evaluate_with(&policy, &reports);
        gate.decide(&coverage(&reports), &evaluation, ScanEnd::Regular)
            .sentence
    };
    assert_eq!(
        sentence(&["192.0.2.1"]),
        "exit 0: nothing at --fail-on forbidden (1 exposed accepted)"
    );
    assert_eq!(
        sentence(&["192.0.2.1", "192.0.2.2"]),
        "exit 1: 1 exposed (1 more accepted): 192.0.2.2:6443"
    );
}

/// Whatever opens later is not covered.
#[test]
fn an_acceptance_covers_nothing_more_severe_than_it_names() {
    let open = || exposed(target(0, "192.0.2.1"), "192.0.2.1");
    assert_eq!(
        accepted(of_all(Severity::Medium), open()),
        ["unsupported-version"]
    );
    assert_eq!(
        accepted(of_all(Severity::High), open()),
        ["anonymous-discovery-exposed", "unsupported-version"]
    );
    assert_eq!(accepted(of_all(Severity::Low), open()), [""; 0]);
    let limited = Accept {
        at_most: Some(Severity::Medium),
        ..accept("anonymous-discovery-exposed", "*", "2027-01-01")
    };
    assert_eq!(accepted(limited, open()), [""; 0]);
    let default = accept("anonymous-auth-enabled", "*", "2027-01-01");
    assert_eq!(accepted(default, open()), [""; 0]);
    // The settings raise the rule above what the acceptance names.
    let policy = Policy {
        severities: vec![(known("unsupported-version"), Severity::High)],
        accept: vec![of_all(Severity::Medium)],
    };
    let evaluation = evaluate_with(&policy, &[open()]);
    assert!(!find(&evaluation, "unsupported-version").accepted());
}

#[test]
fn an_acceptance_that_matches_no_finding_is_reported() {
    let policy = Policy {
        accept: vec![
            // It has expired, but there is something to accept.
            accept("anonymous-auth-enabled", "192.0.2.1", "2020-01-01"),
            accept("anonymous-auth-enabled", "192.0.2.2", "2027-01-01"),
            accept("etcd-open", "*", "2027-01-01"),
            of_all(Severity::Low),
            accept("target-not-covered", "192.0.2.3", "2027-01-01"),
        ],
        ..Policy::default()
    };
    let reports = [
        default_cluster(target(0, "192.0.2.1"), "192.0.2.1"),
        silent(target(1, "192.0.2.3"), "192.0.2.3"),
    ];
    let unused = evaluate_with(&policy, &reports).unused_acceptances;
    let said: Vec<String> = unused.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "kubeknock.toml:1:1: [[accept]] of anonymous-auth-enabled at \"192.0.2.2\" matches no finding and has \
             no effect",
            "kubeknock.toml:1:1: [[accept]] of etcd-open at \"*\" matches no finding and has no effect",
            "kubeknock.toml:1:1: [[accept]] of * at \"192.0.2.1\" matches no finding and has no effect",
        ]
    );
}

/// The day after an acceptance ended, its finding is new, for the gate as well as for those who are told. The day after
/// that, it is known.
#[test]
fn a_finding_whose_acceptance_ended_is_new_once() {
    let id = "anonymous-auth-enabled";
    let policy = Policy {
        accept: vec![accept(id, "192.0.2.1", "2026-11-23")],
        ..Policy::default()
    };
    let report = [default_cluster(target(0, "192.0.2.1"), "192.0.2.1")];
    let on = |day: &str| {
        let mut evaluator = Evaluator::new(&policy, at(day));
        evaluator.add(&report[0]);
        evaluator.finish(&coverage(&report))
    };
    let (monday, tuesday, wednesday) = (
        "2026-11-23T08:00:00Z",
        "2026-11-24T08:00:00Z",
        "2026-11-25T08:00:00Z",
    );
    let compared = |before: &str, day: &str| {
        let (old, mut now) = (on(before).findings, on(day));
        now.compare(&old, &snapshot(&report), &snapshot(&report));
        let gate = Gate {
            fail_on: FailOn::New(None),
            require_coverage: 0,
        };
        let code = gate.decide(&coverage(&report), &now, ScanEnd::Regular).code;
        (find(&now, id).baseline.unwrap(), code)
    };
    assert_eq!(compared(monday, tuesday), (BaselineState::New, 1));
    assert_eq!(compared(tuesday, wednesday), (BaselineState::Unchanged, 0));
    assert_eq!(compared(monday, monday), (BaselineState::Unchanged, 0));
}
