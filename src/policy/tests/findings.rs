use super::super::{End, FailOn, Gate};
use super::*;
use crate::model::fixtures::status;
use crate::model::{
    Access, BaselineState, Component, Confidence, JudgedRequest, Posture, PostureStatus, Product,
    Provenance, Remediation, Remedy, Severity, Unclear,
};

#[test]
fn a_default_cluster() {
    let evaluation = evaluate(&[default_cluster(target(0, "192.0.2.1"), "192.0.2.1")]);
    assert_eq!(
        ids(&evaluation.findings),
        [
            "anonymous-auth-enabled",
            "unsupported-version",
            "version-disclosed",
            "health-endpoints-open"
        ]
    );
    assert_eq!(
        find(&evaluation, "version-disclosed").message,
        "/version tells anybody that this is v1.34.1"
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
    let unmet: Vec<&Finding> = of_one
        .findings
        .iter()
        .filter(|finding| finding.rule.id == "expectation-unmet")
        .collect();
    assert_eq!(unmet.len(), 1);
    assert!(
        unmet[0]
            .message
            .starts_with("expected rejected, found forbidden: /api is 403")
    );
    let of_silent = evaluate(&[silent(rejected.clone(), "192.0.2.1")]);
    assert_eq!(
        find(&of_silent, "expectation-unmet").message,
        "expected rejected, found unreachable"
    );
    assert_eq!(
        find(&of_silent, "target-not-covered").message,
        "no verdict, only unreachable"
    );
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
    assert_eq!(
        find(&unasked, "expectation-unmet").message,
        "expected rejected, not asked"
    );
    assert_eq!(find(&unasked, "target-not-covered").message, "not asked");
}

/// The gate reports that a scan was stopped. Its remaining targets are no alarms of their own.
#[test]
fn an_expectation_of_a_target_that_was_not_asked_is_unmet_but_low() {
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
    assert_eq!(find(&stopped, "expectation-unmet").severity, Severity::Low);
    let decision = Gate {
        fail_on: FailOn::Severity(Severity::High),
        require_coverage: 0,
    }
    .decide(&Coverage::default(), &stopped, End::Regular);
    assert_eq!(
        (decision.code, decision.sentence.as_str()),
        (1, "1 expectation not met: exit 1")
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

/// An error from behind authorization proves that the request was granted, but shows no version and no health.
#[test]
fn an_error_does_not_disclose_version_or_health() {
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
        ("/livez", nothing()),
    ];
    let report = record(
        target(0, "192.0.2.1"),
        "192.0.2.1",
        failing(1, answers).with_kubeadm_tls(),
    );
    assert!(
        report.grants.iter().any(|grant| grant.path == "/version"),
        "{:?}",
        report.grants
    );
    let evaluation = evaluate(&[report]);
    assert!(!ids(&evaluation.findings).contains(&"version-disclosed"));
    assert_eq!(
        find(&evaluation, "health-endpoints-open").message,
        "health is open to anybody: /healthz"
    );
}

/// If the API server itself grants a request without credentials, it accepts anonymous callers, even if it refuses
/// no request.
#[test]
fn open_paths_prove_that_anonymous_requests_are_accepted() {
    let report = exposed(target(0, "192.0.2.1"), "192.0.2.1");
    let finding = |report: EndpointReport| {
        let evaluation = evaluate(&[report]);
        evaluation
            .findings
            .into_iter()
            .find(|finding| finding.rule.id == "anonymous-auth-enabled")
    };
    let found = finding(report.clone()).unwrap();
    let proof = &found.sites[0].requests;
    let paths: Vec<&str> = proof
        .iter()
        .map(|at| report.requests[*at].exchange.request.bare_path())
        .collect();
    assert_eq!(paths, ["/api"]);
    let mut through_front = report.clone();
    through_front.identification.as_mut().unwrap().through_front = true;
    assert!(
        finding(through_front).is_none(),
        "a front end may add its own identity"
    );
    let mut plain = report;
    plain.endpoint.as_mut().unwrap().scheme = Scheme::Http;
    assert!(
        finding(plain).is_none(),
        "the insecure port does not authenticate"
    );
}

/// If a finding is less severe than its rule, the settings do not raise it. Other findings get the severity of the
/// settings.
#[test]
fn settings_do_not_raise_a_finding_below_its_rules_severity() {
    let severity = |standing, set: Severity| {
        let mut report = default_cluster(target(0, "192.0.2.1"), "192.0.2.1");
        report.posture = Some(Posture {
            standing,
            expected: vec![Verdict::Limited],
            mode: None,
            known: Provenance::Documented,
            sentence: "as it is".to_owned(),
            source: "".into(),
        });
        report
            .identification
            .as_mut()
            .unwrap()
            .attribution
            .confidence = Some(Confidence::High);
        let policy = Policy {
            severities: vec![(known("posture-deviation"), set)],
            ..Policy::default()
        };
        find(&evaluate_with(&policy, &[report]), "posture-deviation").severity
    };
    assert_eq!(
        severity(PostureStatus::MoreOpen, Severity::Critical),
        Severity::Critical
    );
    assert_eq!(
        severity(PostureStatus::MoreOpen, Severity::Low),
        Severity::Low
    );
    assert!(severity(PostureStatus::Stricter, Severity::Critical) > Severity::High);
}

#[test]
fn settings_change_severities_and_accept_findings_until_a_day() {
    let report = || [default_cluster(target(0, "api.lab.example"), "192.0.2.1")];
    let policy = Policy {
        severities: vec![(known("version-disclosed"), Severity::High)],
        accept: vec![
            accept("anonymous-auth-enabled", "*.lab.example", "2026-11-24"),
            accept("health-endpoints-open", "api.lab.example", "2026-11-23"),
            accept("unsupported-version", "*.prod.example", "2027-01-01"),
        ],
    };
    let evaluation = evaluate_with(&policy, &report());
    let version = find(&evaluation, "version-disclosed");
    assert_eq!((version.severity, version.score()), (Severity::High, "8.0"));
    let accepted = find(&evaluation, "anonymous-auth-enabled");
    assert!(accepted.accepted() && !accepted.counts());
    assert_eq!(
        evaluation.accepted_verdicts,
        [(Verdict::Forbidden, 1)].into()
    );
    let lapsed = find(&evaluation, "health-endpoints-open");
    assert!(
        lapsed.counts()
            && lapsed
                .acceptance
                .as_ref()
                .is_some_and(|acceptance| !acceptance.in_force)
    );
    assert_eq!(find(&evaluation, "unsupported-version").acceptance, None);
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
        state("192.0.2.1", "version-disclosed"),
        Some(BaselineState::Unchanged)
    );
    assert_eq!(
        state("192.0.2.1", "anonymous-auth-enabled"),
        Some(BaselineState::Unchanged)
    );
    assert_eq!(
        state("192.0.2.2", "version-disclosed"),
        Some(BaselineState::Absent)
    );
    assert_eq!(
        state("192.0.2.3", "version-disclosed"),
        None,
        "silence does not prove that it is gone"
    );
    assert_eq!(
        state("192.0.2.3", "target-not-covered"),
        Some(BaselineState::New)
    );
}

/// The same finding: stricter than documented in the baseline, more open in this scan.
#[test]
fn a_more_severe_finding_is_new() {
    let of = |standing| {
        let mut report = default_cluster(target(0, "192.0.2.1"), "192.0.2.1");
        report.posture = Some(Posture {
            standing,
            expected: vec![Verdict::Limited],
            mode: None,
            known: Provenance::Documented,
            sentence: "as it is".to_owned(),
            source: "".into(),
        });
        report
            .identification
            .as_mut()
            .unwrap()
            .attribution
            .confidence = Some(Confidence::High);
        report
    };
    for (was, is, state) in [
        (
            PostureStatus::Stricter,
            PostureStatus::MoreOpen,
            BaselineState::New,
        ),
        (
            PostureStatus::MoreOpen,
            PostureStatus::Stricter,
            BaselineState::Unchanged,
        ),
        (
            PostureStatus::MoreOpen,
            PostureStatus::MoreOpen,
            BaselineState::Unchanged,
        ),
    ] {
        let now = since(&[of(was)], &[of(is)]);
        assert_eq!(
            find(&now, "posture-deviation").baseline,
            Some(state),
            "{was:?} {is:?}"
        );
    }
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
    let state = |now: &[(&'static str, bool)]| {
        let now = since(&[opening(&[("/metrics", true)])], &[opening(now)]);
        let of_metrics = |finding: &&Finding| {
            finding.rule.id == "anonymous-telemetry-exposed" && finding.open.contains("/metrics")
        };
        now.findings
            .iter()
            .find(of_metrics)
            .and_then(|finding| finding.baseline)
    };
    assert_eq!(state(&[("/metrics", true)]), Some(BaselineState::Unchanged));
    assert_eq!(state(&[("/metrics", false)]), Some(BaselineState::Absent));
    assert_eq!(state(&[]), None);
}

#[test]
fn a_posture_is_a_finding_if_it_differs_from_the_documentation() {
    let with = |standing, known| {
        let mut report = default_cluster(target(0, "192.0.2.1"), "192.0.2.1");
        report.posture = Some(Posture {
            standing,
            expected: vec![Verdict::Limited],
            mode: None,
            known,
            sentence: "forbidden, where limited is documented".to_owned(),
            source: "".into(),
        });
        report
            .identification
            .as_mut()
            .unwrap()
            .attribution
            .confidence = Some(Confidence::Medium);
        let evaluation = evaluate(&[report]);
        let finding = evaluation
            .findings
            .into_iter()
            .find(|finding| finding.rule.id == "posture-deviation");
        finding.map(|finding| (finding.severity, finding.confidence))
    };
    for (standing, known, expected) in [
        (
            PostureStatus::MoreOpen,
            Provenance::Documented,
            Some((Severity::High, Confidence::Medium)),
        ),
        (
            PostureStatus::MoreOpen,
            Provenance::Inferred,
            Some((Severity::High, Confidence::Low)),
        ),
        (
            PostureStatus::Stricter,
            Provenance::Observed,
            Some((Severity::Note, Confidence::Medium)),
        ),
        (PostureStatus::Either, Provenance::Documented, None),
        (PostureStatus::AsDocumented, Provenance::Documented, None),
        (PostureStatus::Unknown, Provenance::Documented, None),
    ] {
        assert_eq!(with(standing, known), expected, "{standing:?}");
    }
}

#[test]
fn a_setting_that_users_cannot_change_is_low_with_the_providers_remedy() {
    let with = |changeable| {
        let mut report = default_cluster(target(0, "192.0.2.1"), "192.0.2.1");
        report.remedy = Some(Remedy {
            remediation: Remediation {
                summary: "Restrict who can reach it.".into(),
                reference: Some("https://docs.example/".into()),
                ..Remediation::default()
            },
            changeable,
            network_url: None,
        });
        let evaluation = evaluate(&[report]);
        let finding = find(&evaluation, "anonymous-auth-enabled");
        let remediation = &finding.remediation;
        assert_eq!(remediation.summary, "Restrict who can reach it.");
        assert_eq!(
            remediation.reference.as_deref(),
            Some("https://docs.example/")
        );
        finding.severity
    };
    assert_eq!(with(Some(false)), Severity::Low);
    assert_eq!(with(Some(true)), Severity::Medium);
    assert_eq!(with(None), Severity::Medium);
}

/// The remedy of `version-disclosed` for this product and release.
fn on_the_version(product: Option<(&'static str, bool)>, release: &str, plain: bool) -> String {
    let mut report = default_cluster(target(0, "192.0.2.1"), "192.0.2.1");
    report.remedy = Some(Remedy {
        remediation: Remediation {
            summary: "The product's own way.".into(),
            ..Remediation::default()
        },
        changeable: None,
        network_url: None,
    });
    let identification = report.identification.as_mut().unwrap();
    identification.version = Some(release.to_owned());
    identification.attribution.product = product.map(|(id, managed)| Product {
        id: id.into(),
        name: id.into(),
        short: id.into(),
        managed,
    });
    identification.attribution.others.clear();
    if plain {
        report.endpoint.as_mut().unwrap().scheme = Scheme::Http;
    }
    find(&evaluate(&[report]), "version-disclosed")
        .remediation
        .text(usize::MAX)
}

#[test]
fn the_remedy_for_the_version_fits_the_release_and_the_product() {
    let annotated = "rbac.authorization.kubernetes.io/autoupdate=false";
    for product in [None, Some(("kubeadm", false))] {
        let old = on_the_version(product, "v1.20.2", false);
        assert!(
            old.contains("the binding system:public-info-viewer") && old.contains(annotated),
            "{old}"
        );
        assert!(!old.contains("AuthenticationConfiguration"), "{old}");
        let oldest = on_the_version(product, "v1.13.12", false);
        assert!(
            oldest.contains("system:discovery and system:basic-user"),
            "{oldest}"
        );
        assert!(
            oldest.contains(annotated) && !oldest.contains("public-info-viewer"),
            "{oldest}"
        );
        assert_eq!(
            on_the_version(product, "v1.34.1", false),
            "The product's own way."
        );
        assert_eq!(
            on_the_version(product, "v1.13.12", true),
            "The product's own way.",
            "plain HTTP"
        );
    }
    for product in [("eks", true), ("openshift", false)] {
        assert_eq!(
            on_the_version(Some(product), "v1.20.2", false),
            "The product's own way."
        );
    }
    // The product is unknown.
    let limited = known("version-disclosed").remediation().text(usize::MAX);
    assert!(
        limited.contains("1.32 and later") && limited.contains(annotated),
        "{limited}"
    );
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
