use super::super::{FailOn, Gate, ScanEnd};
use super::*;
use crate::model::{
    Access, BaselineState, Component, Confidence, JudgedRequest, Severity, Unclear,
};

#[test]
fn a_default_cluster() {
    let evaluation = evaluate(&[default_cluster(target(0, "192.0.2.1"), "192.0.2.1")]);
    assert_eq!(
        ids(&evaluation.findings),
        ["anonymous-auth-enabled", "unsupported-version",]
    );
    assert_eq!(
        find(&evaluation, "anonymous-auth-enabled").message,
        "requests without credentials are accepted as system:anonymous; authorization answers 403; \
         open: /version (v1.34.1) and /healthz"
    );
    let old = find(&evaluation, "unsupported-version");
    assert_eq!(
        old.message,
        "v1.34.1: upstream maintenance of 1.34 ended on 2026-10-27"
    );
    assert_eq!(
        (old.confidence, old.sites[0].requests.as_slice()),
        (Confidence::High, &[0][..])
    );
}

#[test]
fn a_server_that_rejects_everything_has_no_findings() {
    assert!(
        evaluate(&[rejecting(target(0, "192.0.2.1"), "192.0.2.1")])
            .findings
            .is_empty()
    );
}

#[test]
fn fingerprints_do_not_depend_on_order_other_targets_or_addresses() {
    let one = evaluate(&[exposed(target(0, "api.example"), "192.0.2.1")]);
    let two = evaluate(&[
        default_cluster(target(0, "192.0.2.99"), "192.0.2.99"),
        exposed(target(7, "api.example"), "198.51.100.8"),
    ]);
    let fingerprint =
        |evaluation: &Evaluation| find(evaluation, "anonymous-discovery-exposed").fingerprint;
    assert_eq!(fingerprint(&one), fingerprint(&two));
    let elsewhere = evaluate(&[exposed(target(0, "api2.example"), "192.0.2.1")]);
    assert_ne!(fingerprint(&one), fingerprint(&elsewhere));
}

#[test]
fn addresses_of_a_name_are_sites_of_one_finding_in_any_order() {
    let mut reports = [
        exposed(target(0, "api.example"), "192.0.2.2"),
        exposed(target(0, "api.example"), "192.0.2.1"),
    ];
    let forward = evaluate(&reports).findings;
    reports.reverse();
    assert_eq!(evaluate(&reports).findings, forward);
    let finding = forward
        .iter()
        .find(|finding| finding.rule.id == "anonymous-discovery-exposed")
        .unwrap();
    let addresses: Vec<String> = finding
        .sites
        .iter()
        .map(|site| site.endpoint.address().unwrap().ip().to_string())
        .collect();
    assert_eq!(addresses, ["192.0.2.1", "192.0.2.2"]);
}

#[test]
fn addresses_with_different_answers_are_a_finding() {
    let reports = [
        rejecting(target(0, "api.example"), "192.0.2.1"),
        default_cluster(target(0, "api.example"), "192.0.2.2"),
        silent(target(0, "api.example"), "192.0.2.3"),
        not_attempted(target(0, "api.example"), "192.0.2.4"),
    ];
    let of_three = evaluate(&reports);
    let finding = find(&of_three, "address-divergence");
    assert_eq!(
        finding.message,
        "forbidden at 192.0.2.2; rejected at 192.0.2.1"
    );
    assert_eq!(finding.sites.len(), 2, "silence says nothing");

    let mut less = default_cluster(target(0, "api.example"), "192.0.2.4");
    less.grants.retain(|grant| grant.path != "/version");
    let set_version = |mut report: EndpointReport, access: Access| {
        let version =
            |request: &&mut JudgedRequest| request.exchange.request.bare_path() == "/version";
        report
            .requests
            .iter_mut()
            .filter(version)
            .for_each(|request| request.access = access.clone());
        report
    };
    let lost = set_version(less.clone(), Access::Unclear(Unclear::RateLimited));
    let less = set_version(less, Access::Forbidden);
    let of_two = evaluate(&[reports[1].clone(), less]);
    assert_eq!(
        find(&of_two, "address-divergence").message,
        "all are forbidden; open at some addresses only: /version"
    );
    let diverges = |reports: &[EndpointReport]| {
        ids(&evaluate(reports).findings).contains(&"address-divergence")
    };
    assert!(!diverges(&reports[1..]));
    // A lost or inconclusive answer is no difference.
    assert!(!diverges(&[reports[1].clone(), lost]));
    // One address refused at first, because its server was starting.
    let mut started = default_cluster(target(0, "api.example"), "192.0.2.6");
    let mut first = started.requests[0].clone();
    first.access = Access::Forbidden;
    started.requests.insert(0, first);
    assert!(!diverges(&[started]));
    let mut unclear = default_cluster(target(0, "api.example"), "192.0.2.5");
    unclear.verdict = Verdict::Inconclusive;
    assert!(!diverges(&[reports[1].clone(), unclear]));
}

#[test]
fn an_unmet_expectation_is_one_finding() {
    let rejected = expecting(target(0, "192.0.2.1"), Verdict::Rejected);
    let of_one = evaluate(&[default_cluster(rejected.clone(), "192.0.2.1")]);
    assert_eq!(
        ids(&of_one.findings),
        ["anonymous-auth-unexpected", "unsupported-version"]
    );
    let unexpected = find(&of_one, "anonymous-auth-unexpected");
    assert!(unexpected.message.ends_with("; expected rejected"));
    assert_eq!(unexpected.expected, Some(Verdict::Rejected));
    // Where anonymous callers are rejected, the expectation has a finding of its own.
    let forbidden = expecting(target(0, "192.0.2.1"), Verdict::Forbidden);
    let of_rejecting = evaluate(&[rejecting(forbidden, "192.0.2.1")]);
    assert_eq!(ids(&of_rejecting.findings), ["expectation-unmet"]);
    assert!(
        of_rejecting.findings[0]
            .message
            .starts_with("expected forbidden, found rejected: ")
    );
    // It says more than that there is no verdict.
    let of_silent = evaluate(&[silent(rejected.clone(), "192.0.2.1")]);
    assert_eq!(ids(&of_silent.findings), ["expectation-unmet"]);
    assert_eq!(
        of_silent.findings[0].message,
        "expected rejected, found unreachable"
    );
    let of_etcd = evaluate(&[open_etcd(rejected.clone(), "192.0.2.1")]);
    assert_eq!(ids(&of_etcd.findings), ["etcd-open", "expectation-unmet"]);
    assert!(
        evaluate(&[rejecting(rejected.clone(), "192.0.2.1")])
            .findings
            .is_empty()
    );
    // The scan was stopped before it reached the target.
    let unasked = SpecCoverage::of(rejected.origin, true, None, rejected.expect, Vec::new());
    let coverage = Coverage {
        targets: 1,
        not_attempted: 1,
        specs: vec![unasked],
        ..Coverage::default()
    };
    let unasked = Evaluator::new(&Policy::default(), at(DAY)).finish(&coverage);
    assert_eq!(ids(&unasked.findings), ["expectation-not-checked"]);
    assert_eq!(unasked.findings[0].message, "expected rejected, not asked");
}

/// The gate reports that a scan was stopped. Its remaining targets are no alarms of their own.
#[test]
fn an_expectation_of_a_target_that_was_not_asked_has_a_rule_of_its_own() {
    let spec = |seen: Vec<Verdict>| {
        let coverage = Coverage {
            specs: vec![SpecCoverage::of(
                origin("192.0.2.1"),
                true,
                None,
                Some(Verdict::Rejected),
                seen,
            )],
            ..Coverage::default()
        };
        Evaluator::new(&Policy::default(), at(DAY)).finish(&coverage)
    };
    let (asked, stopped) = (spec(vec![Verdict::Unreachable]), spec(Vec::new()));
    assert_eq!(find(&asked, "expectation-unmet").severity, Severity::High);
    assert_eq!(
        find(&stopped, "expectation-not-checked").severity,
        Severity::Low
    );
    let decision = Gate {
        fail_on: FailOn::Severity(Severity::High),
        require_coverage: 0,
    }
    .decide(&Coverage::default(), &stopped, ScanEnd::Regular);
    assert_eq!(
        (decision.code, decision.sentence.as_str()),
        (
            1,
            "exit 1: 1 expectation not met: 192.0.2.1 expected rejected"
        )
    );
}

#[test]
fn certificates_by_the_day_of_the_scan() {
    let with_end = |end: &str| {
        let mut report = rejecting(target(0, "192.0.2.1"), "192.0.2.1");
        report
            .tls
            .as_mut()
            .unwrap()
            .certificate
            .as_mut()
            .unwrap()
            .not_after = Some(at(end));
        ids(&evaluate(&[report]).findings)
    };
    assert_eq!(
        with_end("2026-11-24T07:59:59Z"),
        ["serving-certificate-expired"]
    );
    assert_eq!(
        with_end("2026-11-24T08:00:00Z"),
        ["serving-certificate-expiring"]
    );
    assert_eq!(
        with_end("2026-12-24T08:00:00Z"),
        ["serving-certificate-expiring"]
    );
    assert_eq!(with_end("2026-12-24T08:00:01Z"), [""; 0]);
}

#[test]
fn a_vendors_version_lowers_the_confidence() {
    let mut report = default_cluster(target(0, "192.0.2.1"), "192.0.2.1");
    report.identification.as_mut().unwrap().version = Some("v1.29.3-eks-1".to_owned());
    let of_one = evaluate(&[report.clone()]);
    let finding = find(&of_one, "unsupported-version");
    assert_eq!(finding.confidence, Confidence::Low);
    assert!(
        finding.message.contains("a vendor's build"),
        "{}",
        finding.message
    );
    report.identification.as_mut().unwrap().version = Some("v1.35.0".to_owned());
    assert!(!ids(&evaluate(&[report.clone()]).findings).contains(&"unsupported-version"));
    // Extension API servers have version numbers of their own.
    let identification = report.identification.as_mut().unwrap();
    identification.version = Some("v1.3.1".to_owned());
    assert!(ids(&evaluate(&[report.clone()]).findings).contains(&"unsupported-version"));
    report.identification.as_mut().unwrap().component = Component::AggregatedApiServer;
    assert!(!ids(&evaluate(&[report]).findings).contains(&"unsupported-version"));
}

#[test]
fn settings_change_severities_and_accept_findings_until_a_day() {
    let report = || [default_cluster(target(0, "api.lab.example"), "192.0.2.1")];
    let policy = Policy {
        severities: vec![(known("anonymous-auth-enabled"), Severity::High)],
        accept: vec![
            Accept {
                at_most: Some(Severity::High),
                ..accept("anonymous-auth-enabled", "*.lab.example", "2026-11-24")
            },
            accept("unsupported-version", "api.lab.example", "2026-11-23"),
        ],
    };
    let evaluation = evaluate_with(&policy, &report());
    let accepted = find(&evaluation, "anonymous-auth-enabled");
    assert_eq!(
        (accepted.severity, accepted.score()),
        (Severity::High, "8.0")
    );
    assert!(accepted.accepted() && !accepted.counts());
    assert_eq!(
        evaluation.accepted_verdicts,
        [(Verdict::Forbidden, 1)].into()
    );
    let lapsed = find(&evaluation, "unsupported-version");
    assert!(
        lapsed.counts()
            && lapsed
                .acceptance
                .as_ref()
                .is_some_and(|acceptance| !acceptance.in_force)
    );
    let elsewhere = [default_cluster(target(0, "api.prod.example"), "192.0.2.1")];
    let elsewhere = evaluate_with(&policy, &elsewhere);
    assert_eq!(find(&elsewhere, "unsupported-version").acceptance, None);
}

#[test]
fn findings_are_new_unchanged_or_absent_against_a_baseline() {
    let old = [
        default_cluster(target(0, "192.0.2.1"), "192.0.2.1"),
        default_cluster(target(1, "192.0.2.2"), "192.0.2.2"),
        default_cluster(target(2, "192.0.2.3"), "192.0.2.3"),
    ];
    let new = [
        exposed(target(0, "192.0.2.1"), "192.0.2.1"),
        rejecting(target(1, "192.0.2.2"), "192.0.2.2"),
        silent(target(2, "192.0.2.3"), "192.0.2.3"),
    ];
    let new = since(&old, &new);
    let state = |host: &str, rule: &str| {
        let found = new
            .findings
            .iter()
            .find(|finding| finding.rule.id == rule && finding.about.as_str().contains(host));
        found.map(|finding| finding.baseline.unwrap())
    };
    assert_eq!(
        state("192.0.2.1", "anonymous-discovery-exposed"),
        Some(BaselineState::New)
    );
    assert_eq!(
        state("192.0.2.1", "unsupported-version"),
        Some(BaselineState::Unchanged)
    );
    assert_eq!(
        state("192.0.2.1", "anonymous-auth-enabled"),
        Some(BaselineState::Absent),
        "another finding says what is open now"
    );
    assert_eq!(
        state("192.0.2.2", "anonymous-auth-enabled"),
        Some(BaselineState::Absent)
    );
    assert_eq!(
        state("192.0.2.3", "anonymous-auth-enabled"),
        None,
        "silence does not prove that it is gone"
    );
    assert_eq!(
        state("192.0.2.3", "target-not-covered"),
        Some(BaselineState::New)
    );
}

/// The same rule at the same target, with other open paths.
#[test]
fn a_finding_with_further_open_paths_is_new() {
    let state = |before: &[(&'static str, bool)], now: &[(&'static str, bool)]| {
        let now = since(&[opening(before)], &[opening(now)]);
        now.findings
            .iter()
            .find(|finding| finding.rule.id == "anonymous-discovery-exposed")
            .and_then(|finding| finding.baseline)
    };
    for (before, now, expected) in [
        (
            &[("/apis", false)][..],
            &[("/apis", true)][..],
            BaselineState::New,
        ),
        (
            &[("/apis", true)],
            &[("/apis", true)],
            BaselineState::Unchanged,
        ),
        (
            &[("/apis", true)],
            &[("/apis", false)],
            BaselineState::Unchanged,
        ),
        // The old scan did not show that it is open.
        (&[], &[("/apis", true)], BaselineState::New),
        (&[("/apis", true)], &[], BaselineState::Unchanged),
    ] {
        assert_eq!(state(before, now), Some(expected), "{before:?} {now:?}");
    }
}

#[test]
fn a_finding_whose_paths_were_not_asked_again_is_not_gone() {
    let list = "/api/v1/secrets";
    let state = |now: &[(&'static str, bool)]| {
        let now = since(&[opening(&[(list, true)])], &[opening(now)]);
        let of_list = |finding: &&Finding| {
            finding.rule.id == "anonymous-resources-exposed" && finding.open.contains(list)
        };
        now.findings
            .iter()
            .find(of_list)
            .and_then(|finding| finding.baseline)
    };
    assert_eq!(state(&[(list, true)]), Some(BaselineState::Unchanged));
    assert_eq!(state(&[(list, false)]), Some(BaselineState::Absent));
    assert_eq!(state(&[]), None);
}

#[test]
fn no_remedy_deletes_bindings_that_others_need() {
    for id in [
        "anonymous-resources-exposed",
        "anonymous-discovery-exposed",
        "anonymous-telemetry-exposed",
    ] {
        let remedy = known(id).remediation().text(usize::MAX);
        assert!(
            remedy.contains("delete only one that names nobody else"),
            "{remedy}"
        );
        assert!(
            remedy.contains("kubeadm:bootstrap-signer-clusterinfo, and on OpenShift those"),
            "{remedy}"
        );
    }
}
