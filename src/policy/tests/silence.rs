//! Addresses of a name that got no verdict or were not asked, and what a scan did not learn: neither ends a finding.

use super::depth::{Scan, in_state, scan, scan_in_part};
use super::*;
use crate::config::{Family, ScanConfig};
use crate::model::{
    BaselineState, ComparedFact, ComparisonResult, Component, DeclaredFact, LeftOut, LeftOutReason,
};

const ONE: &str = "192.0.2.1";
const TWO: &str = "192.0.2.2";
const SIX: &str = "2001:db8::2";
const DAYS: [&str; 5] = [
    "2026-11-02T08:00:00Z",
    "2026-11-03T08:00:00Z",
    "2026-11-04T08:00:00Z",
    "2026-11-05T08:00:00Z",
    "2026-11-06T08:00:00Z",
];

fn name() -> Target {
    target(0, "api.example")
}

fn lists(address: &str, paths: &[(&'static str, bool)]) -> EndpointReport {
    let listed = |open: bool| {
        if open {
            reply(405, "application/json", "").marked()
        } else {
            forbidden()
        }
    };
    let answers = [
        ("/version", Ok(version())),
        ("/api", Ok(forbidden())),
        ("/healthz", Ok(ok())),
    ];
    let paths = paths.iter().map(|(path, open)| (*path, Ok(listed(*open))));
    let answers = answers.into_iter().chain(paths);
    record(name(), address, failing(1, answers).with_kubeadm_tls())
}

fn carried(scan: &Scan) -> Vec<&'static str> {
    ids(&scan.carried.findings)
}

fn addresses(scan: &Scan, kept: usize) -> Vec<String> {
    let records = scan.records[..scan.records.len() - kept].iter();
    records
        .map(|record| record.address().unwrap().ip().to_string())
        .collect()
}

/// Both are open; one goes silent and is found again at the other; the other is closed.
#[test]
fn what_a_silent_address_showed_is_carried_whatever_another_address_shows() {
    let first = scan(DAYS[0], None, &[exposed(name(), ONE), exposed(name(), TWO)]);
    let second = scan(
        DAYS[1],
        Some(&first),
        &[exposed(name(), ONE), silent(name(), TWO)],
    );
    assert_eq!(addresses(&second, 2), [TWO], "the record is kept");
    let id = "anonymous-discovery-exposed";
    assert!(in_state(&second, BaselineState::Unchanged).contains(&id));
    assert_eq!(carried(&second), [""; 0], "one finding of a fingerprint");
    let third = scan(
        DAYS[2],
        Some(&second),
        &[rejecting(name(), ONE), silent(name(), TWO)],
    );
    assert_eq!(in_state(&third, BaselineState::Absent), [""; 0]);
    assert_eq!(
        carried(&third),
        ["anonymous-discovery-exposed", "unsupported-version"]
    );
    let day = third.carried.findings[0].last_seen.unwrap();
    assert_eq!(day.to_string(), "2026-11-02");
    let fixed = scan(
        DAYS[3],
        Some(&third),
        &[rejecting(name(), ONE), rejecting(name(), TWO)],
    );
    assert!(in_state(&fixed, BaselineState::Absent).contains(&id));
}

/// The other address was asked for the path, and has it closed.
#[test]
fn the_finding_of_another_address_says_what_only_the_silent_one_showed() {
    let (secrets, pods) = ("/api/v1/secrets", "/api/v1/pods");
    let all = [
        lists(ONE, &[(pods, true), (secrets, false)]),
        lists(TWO, &[(pods, false), (secrets, true)]),
    ];
    let first = scan(DAYS[0], None, &all);
    let second = scan(
        DAYS[1],
        Some(&first),
        &[all[0].clone(), silent(name(), TWO)],
    );
    let finding = find(&second.evaluation, "anonymous-resources-exposed");
    let note = "; open when last asked, on 2026-11-02: /api/v1/secrets";
    assert!(finding.message.ends_with(note), "{}", finding.message);
}

/// An address without a record has left the name only if all of the name was looked up and asked.
#[test]
fn an_address_that_was_not_asked_has_not_left_the_name() {
    use LeftOutReason::{
        BeyondLimit, ExcludedAddress, HalfResolved, OutsideAllow, SpecialAddress, UnroutableAddress,
    };

    let id = "anonymous-discovery-exposed";
    let gone = |other: &str, family: Family, left_out: Option<LeftOut>| {
        let first = scan(
            DAYS[0],
            None,
            &[rejecting(name(), ONE), exposed(name(), other)],
        );
        let now = [rejecting(name(), ONE)];
        let mut coverage = coverage(&now);
        coverage.specs[0].left_out.extend(left_out);
        let config = ScanConfig {
            family,
            ..ScanConfig::default()
        };
        let now = scan_in_part(DAYS[1], Some(&first), &now, &config, &coverage);
        let is_gone = in_state(&now, BaselineState::Absent).contains(&id);
        assert_eq!(!is_gone, carried(&now).contains(&id));
        is_gone
    };
    let left_out = |why, example: &str| Some(LeftOut::new(why, 1, example));
    let both = Family::Both;
    for (other, family, left_out, expected) in [
        (SIX, both, None, true),
        (SIX, both, left_out(HalfResolved, "AAAA: SERVFAIL"), false),
        // The lookup of its own family went well.
        (TWO, both, left_out(HalfResolved, "AAAA: SERVFAIL"), true),
        (SIX, Family::V4, None, false),
        (TWO, Family::V4, None, true),
        (SIX, both, left_out(UnroutableAddress, SIX), false),
        (TWO, both, left_out(OutsideAllow, TWO), false),
        (TWO, both, left_out(OutsideAllow, "192.0.2.3"), true),
        (
            TWO,
            both,
            left_out(SpecialAddress, "192.0.2.2, documentation"),
            false,
        ),
        (
            TWO,
            both,
            left_out(BeyondLimit, "64 of 65 are asked"),
            false,
        ),
        (TWO, both, left_out(ExcludedAddress, TWO), true),
        // Not every example is kept.
        (
            TWO,
            both,
            Some(LeftOut::new(OutsideAllow, 9, "192.0.2.3")),
            false,
        ),
    ] {
        let said = format!("{other} {family:?} {left_out:?}");
        assert_eq!(gone(other, family, left_out), expected, "{said}");
    }
}

/// Rules that rest on more than the answers to paths.
#[test]
fn what_was_not_learned_again_is_not_gone() {
    let at = || target(0, ONE);
    let upgraded = || {
        let mut report = default_cluster(at(), ONE);
        report.identification.as_mut().unwrap().version = Some("v1.36.1".to_owned());
        report
    };
    let other_program = || open_etcd(at(), ONE);
    let certificate = |end: Option<&str>| {
        let mut report = default_cluster(at(), ONE);
        let seen = &mut report.tls.as_mut().unwrap().certificate;
        match end {
            Some(end) => seen.as_mut().unwrap().not_after = Some(self::at(end)),
            None => *seen = None,
        }
        report
    };
    let compared = |fact, result| {
        let mut report = default_cluster(at(), ONE);
        report.compared = vec![ComparedFact::new(fact, result, "so")];
        report
    };
    let etcd_was_busy = || {
        let answers = [
            ("/version", Ok(reply(503, "text/plain", "busy"))),
            ("/api", Ok(go_404())),
            ("/healthz", Ok(go_404())),
        ];
        let mut report = record(at(), ONE, failing(1, answers));
        report.verdict = Verdict::NotApiServer;
        report.identification.as_mut().unwrap().component = Component::Etcd;
        report
    };
    let differs = |fact| compared(fact, ComparisonResult::Differs);
    let not_compared = |fact| compared(fact, ComparisonResult::NotCompared);
    let confirmed = |fact| compared(fact, ComparisonResult::Confirmed);
    let (old, late) = ("2026-10-01T00:00:00Z", "2027-10-01T00:00:00Z");
    let mut no_handshake = differs(DeclaredFact::CertificateAuthority);
    no_handshake.compared.clear();
    no_handshake.tls = None;
    for (rule, before, unknown, fixed) in vec![
        (
            "unsupported-version",
            default_cluster(at(), ONE),
            rejecting(at(), ONE),
            upgraded(),
        ),
        (
            "unsupported-version",
            default_cluster(at(), ONE),
            rejecting(at(), ONE),
            other_program(),
        ),
        (
            "serving-certificate-expired",
            certificate(Some(old)),
            certificate(None),
            certificate(Some(late)),
        ),
        (
            "serving-certificate-expiring",
            certificate(Some("2026-11-20T00:00:00Z")),
            certificate(None),
            certificate(Some(late)),
        ),
        (
            "declared-version-differs",
            differs(DeclaredFact::Version),
            not_compared(DeclaredFact::Version),
            confirmed(DeclaredFact::Version),
        ),
        (
            "identified-as-another-product",
            differs(DeclaredFact::Product),
            not_compared(DeclaredFact::Product),
            confirmed(DeclaredFact::Product),
        ),
        (
            "private-endpoint-reachable",
            differs(DeclaredFact::Reach),
            not_compared(DeclaredFact::Reach),
            confirmed(DeclaredFact::Reach),
        ),
        (
            "certificate-not-of-this-cluster",
            differs(DeclaredFact::CertificateAuthority),
            no_handshake,
            confirmed(DeclaredFact::CertificateAuthority),
        ),
        (
            "etcd-open",
            open_etcd(at(), ONE),
            etcd_was_busy(),
            kubelet(go_404(), reply(401, "text/plain", "Unauthorized")),
        ),
    ] {
        let first = scan(DAYS[0], None, &[before]);
        let ended = |now: EndpointReport| {
            let now = scan(DAYS[1], Some(&first), &[now]);
            let is_gone = in_state(&now, BaselineState::Absent).contains(&rule);
            assert_eq!(!is_gone, carried(&now).contains(&rule), "{rule}");
            is_gone
        };
        assert!(!ended(unknown), "{rule}");
        assert!(ended(fixed), "{rule}");
    }
}

/// Ordinary scans of a name whose addresses differed in a deep one.
#[test]
fn that_addresses_differ_is_carried_with_the_records_and_the_day_of_one_scan() {
    let (nodes, id) = ("/api/v1/nodes", "address-divergence");
    let deep = [lists(ONE, &[(nodes, false)]), lists(TWO, &[(nodes, true)])];
    let ordinary = || [lists(ONE, &[]), lists(TWO, &[])];
    let mut last = scan(DAYS[0], None, &deep);
    let said = find(&last.evaluation, id).message.clone();
    for day in &DAYS[1..] {
        let now = scan(day, Some(&last), &ordinary());
        assert_eq!(addresses(&now, 2), [ONE, TWO], "{day}");
        let findings = now.carried.findings.iter();
        let carried: Vec<&Finding> = findings.filter(|finding| finding.rule.id == id).collect();
        let [finding] = carried.as_slice() else {
            panic!("{carried:?}")
        };
        assert!(finding.message.starts_with(&said), "{}", finding.message);
        assert!(finding.message.ends_with("last seen 2026-11-02)"));
        last = now;
    }
}

/// A server that changed does not differ from itself.
#[test]
fn addresses_of_different_scans_are_not_compared() {
    let (secrets, nodes) = ("/api/v1/secrets", "/api/v1/nodes");
    let first = scan(DAYS[0], None, &[lists(ONE, &[(secrets, true)])]);
    let second = scan(
        DAYS[1],
        Some(&first),
        &[lists(ONE, &[(nodes, true)]), silent(name(), TWO)],
    );
    let third = scan(DAYS[2], Some(&second), &[rejecting(name(), TWO)]);
    for now in [&second, &third] {
        assert!(!ids(&now.evaluation.findings).contains(&"address-divergence"));
        assert!(!carried(now).contains(&"address-divergence"));
    }
}

fn texts(new: &Snapshot, old: &Snapshot) -> Vec<String> {
    let changes = new.changes_since(old);
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let words = changes.iter().map(|change| {
        let (before, after) = (text(&change.before), text(&change.after));
        format!("{}: {before} → {after}", change.kind.as_str())
    });
    words.collect()
}

/// Silence at one address of a name closes nothing and makes no verdict better.
#[test]
fn a_silent_address_counts_as_it_was_among_changes() {
    let secrets = "/api/v1/secrets";
    let closed = || lists(ONE, &[(secrets, false)]);
    let open = || lists(TWO, &[(secrets, true)]);
    let silent = || silent(name(), TWO);
    let check = |before: [EndpointReport; 2], now: [EndpointReport; 2], expected: &[&str]| {
        assert_eq!(texts(&snapshot(&now), &snapshot(&before)), expected);
    };
    check([closed(), open()], [closed(), silent()], &[]);
    check(
        [rejecting(name(), ONE), default_cluster(name(), TWO)],
        [rejecting(name(), ONE), silent()],
        &[],
    );
    // Another address did change.
    check(
        [default_cluster(name(), ONE), rejecting(name(), TWO)],
        [rejecting(name(), ONE), silent()],
        &["verdict: forbidden → rejected"],
    );
    check(
        [closed(), open()],
        [closed(), lists(TWO, &[(secrets, false)])],
        &["verdict: exposed → forbidden"],
    );
    // It is silent everywhere.
    check(
        [closed(), open()],
        [self::silent(name(), ONE), silent()],
        &["gone: exposed → unreachable"],
    );
    // The address was not asked.
    let mut half = snapshot(&[closed()]);
    let mut coverage = coverage(&[closed()]);
    let left_out = LeftOut::new(LeftOutReason::OutsideAllow, 1, TWO);
    coverage.specs[0].left_out.push(left_out);
    let before = snapshot(&[closed(), open()]);
    assert_eq!(texts(&half, &before), ["verdict: exposed → forbidden"]);
    half.set_left_out(&ScanConfig::default(), &coverage);
    assert_eq!(texts(&half, &before), [""; 0]);
}

/// Deep and ordinary scans of an unchanged server in turn, and a deep one after it was closed.
#[test]
fn what_the_baseline_carried_is_no_change() {
    let secrets = "/api/v1/secrets";
    let deep = |open| snapshot(&[lists(ONE, &[(secrets, open)])]);
    let ordinary = || snapshot(&[lists(ONE, &[])]);
    let carrying = || {
        let mut snapshot = ordinary();
        snapshot.set_carried(deep(true));
        snapshot
    };
    assert_eq!(
        texts(&ordinary(), &deep(true)),
        ["not-asked-again: exposed (/api/v1/secrets) → -"]
    );
    assert_eq!(texts(&ordinary(), &carrying()), [""; 0], "it was said once");
    assert_eq!(texts(&deep(true), &carrying()), [""; 0]);
    assert_eq!(
        texts(&deep(false), &carrying()),
        ["verdict: exposed → forbidden"]
    );
    // What the baseline saw itself did change.
    let rejects = || snapshot(&[rejecting(name(), ONE)]);
    assert_eq!(
        texts(&rejects(), &carrying()),
        ["verdict: forbidden → rejected"]
    );
    // One address was silent in the baseline, and is as it was before that.
    let mut half = snapshot(&[rejecting(name(), ONE), silent(name(), TWO)]);
    half.set_carried(snapshot(&[exposed(name(), TWO)]));
    let both = snapshot(&[rejecting(name(), ONE), exposed(name(), TWO)]);
    assert_eq!(texts(&both, &half), [""; 0]);
    // A baseline that did not ask the target at all carried it.
    let mut none = Snapshot::default();
    none.partial = true;
    none.set_carried(deep(true));
    assert_eq!(texts(&deep(false), &none), ["verdict: exposed → forbidden"]);
}

/// A silent port of a range has no record.
#[test]
fn a_change_says_that_a_carried_target_is_silent() {
    let first = scan(DAYS[0], None, &[exposed(name(), ONE)]);
    let second = scan(DAYS[1], Some(&first), &[]);
    let mut changes = Snapshot::default().changes_since(&snapshot(&[
        exposed(name(), ONE),
        rejecting(target(1, "192.0.2.9"), "192.0.2.9"),
    ]));
    second.carried.explain(&mut changes);
    let after: Vec<Option<&str>> = (changes.iter()).map(|one| one.after.as_deref()).collect();
    assert_eq!(after, [None, Some("unreachable")]);
}

/// One of two lists was asked again and is closed.
#[test]
fn a_carried_finding_names_only_what_was_not_asked_again() {
    let (secrets, pods) = ("/api/v1/secrets", "/api/v1/pods");
    let first = scan(
        DAYS[0],
        None,
        &[lists(ONE, &[(secrets, true), (pods, true)])],
    );
    let second = scan(DAYS[1], Some(&first), &[lists(ONE, &[(pods, false)])]);
    let [finding] = second.carried.findings.as_slice() else {
        panic!("{:?}", carried(&second))
    };
    assert!(finding.message.contains(secrets), "{}", finding.message);
    assert!(!finding.message.contains(pods), "{}", finding.message);
    // A silent server was asked nothing again.
    let second = scan(DAYS[1], Some(&first), &[silent(name(), ONE)]);
    let message = &second.carried.findings[0].message;
    assert!(message.contains(pods), "{message}");
}
