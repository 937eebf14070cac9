use super::*;
use crate::model::{BaselineState, Certificate};
use crate::policy::{Carried, Carrier};

/// What a scan of `new` carries, and the records that it keeps, if `old` was scanned a week earlier.
fn carry(
    policy: &Policy,
    old: &[EndpointReport],
    new: &[EndpointReport],
) -> (Carried, Vec<EndpointReport>) {
    let seen = "2026-11-17T08:00:00Z";
    let old: Vec<EndpointReport> = (old.iter().cloned())
        .map(|record| EndpointReport {
            last_seen: record.last_seen.or(Some(at(seen))),
            ..record
        })
        .collect();
    let (was, now, snapshot) = (
        evaluate_with(policy, &old),
        evaluate_with(policy, new),
        snapshot(new),
    );
    let mut carrier = Carrier::new(policy, at(DAY), &now, &snapshot, was.findings.iter());
    for record in &old {
        carrier.look_at(record);
    }
    let kept = old.into_iter().filter(|record| carrier.take(record));
    let kept = kept.collect();
    (carrier.finish(), kept)
}

fn texts(carried: &Carried) -> Vec<String> {
    let text = |finding: &Finding| {
        let (_, note) = finding.message.rsplit_once(" (").unwrap();
        format!("{}: {}", finding.rule.id, note.trim_end_matches(')'))
    };
    // The version of these servers is not what these tests are about.
    let others =
        (carried.findings.iter()).filter(|finding| finding.rule.id != "unsupported-version");
    others.map(text).collect()
}

fn one(index: u64) -> (Target, String) {
    let address = format!("192.0.2.{index}");
    (target(index, &address), address)
}

#[test]
fn a_finding_is_carried_until_its_target_gets_a_verdict() {
    let (target, address) = one(1);
    let was = exposed(target.clone(), &address);
    let front_end = record(
        target.clone(),
        &address,
        failing(
            1,
            [("/version", Ok(reply(503, "text/html", "<h1>busy</h1>")))],
        ),
    );
    assert_eq!(front_end.verdict, Verdict::Inconclusive);
    let id = "anonymous-discovery-exposed";
    for (now, expected) in [
        (
            Some(silent(target.clone(), &address)),
            Some("not reachable in this scan"),
        ),
        (
            Some(not_attempted(target.clone(), &address)),
            Some("not seen in this scan"),
        ),
        (None, Some("not seen in this scan")),
        (Some(front_end), Some("without a verdict in this scan")),
        (Some(rejecting(target.clone(), &address)), None),
        (Some(exposed(target.clone(), &address)), None),
    ] {
        let now: Vec<EndpointReport> = now.into_iter().collect();
        let (carried, kept) = carry(&Policy::default(), std::slice::from_ref(&was), &now);
        let expected: Vec<String> = (expected.iter())
            .map(|why| format!("{id}: {why}; last seen 2026-11-17"))
            .collect();
        let verdict = now.first().map(|record| record.verdict);
        assert_eq!(texts(&carried), expected, "{verdict:?}");
        // Where `/version` is rejected, nobody knows whether the version is still the old one.
        assert_eq!(kept.is_empty(), carried.findings.is_empty(), "{verdict:?}");
        for finding in &carried.findings {
            assert_eq!(finding.baseline, Some(BaselineState::Unchanged));
            assert_eq!(finding.last_seen.unwrap().to_string(), "2026-11-17");
            assert_eq!(finding.sites.len(), 1);
        }
    }
}

/// A later record of the same target does not count as the one that proved the finding.
#[test]
fn the_first_date_stays_and_only_records_that_prove_something_are_kept() {
    let (target, address) = one(1);
    let first = EndpointReport {
        last_seen: Some(at("2026-11-02T08:00:00Z")),
        ..exposed(target.clone(), &address)
    };
    let fine = rejecting(self::target(2, "192.0.2.2"), "192.0.2.2");
    let later = silent(target.clone(), &address);
    let (carried, kept) = carry(
        &Policy::default(),
        &[first.clone(), fine, later],
        &[silent(target, &address)],
    );
    assert_eq!(
        texts(&carried),
        ["anonymous-discovery-exposed: not reachable in this scan; last seen 2026-11-02"]
    );
    let kept: Vec<_> = kept.iter().map(|record| record.last_seen).collect();
    assert_eq!(kept, [first.last_seen]);
}

/// A scan without `--deep` says nothing about lists.
#[test]
fn paths_that_were_not_asked_again_stay_open() {
    let list = "/api/v1/secrets";
    let was = opening(&[(list, true)]);
    let carried = |now| carry(&Policy::default(), std::slice::from_ref(&was), &[now]).0;
    let shallow = carried(opening(&[]));
    assert_eq!(
        texts(&shallow),
        ["anonymous-resources-exposed: not asked for in this scan; last seen 2026-11-17"]
    );
    assert_eq!(texts(&carried(opening(&[(list, false)]))), [""; 0]);
    // Another program at the port does not have these paths.
    let other = EndpointReport {
        verdict: Verdict::NotApiServer,
        ..opening(&[])
    };
    assert_eq!(texts(&carried(other)), [""; 0]);
}

/// Some addresses of a name answer, another does not: what was open there may still be.
#[test]
fn a_silent_address_of_a_name_stays_open() {
    let name = target(0, "api.example");
    let (open, closed) = ("192.0.2.1", "192.0.2.2");
    let was = [
        exposed(name.clone(), open),
        default_cluster(name.clone(), closed),
    ];
    let one_silent = [
        silent(name.clone(), open),
        default_cluster(name.clone(), closed),
    ];
    let (carried, kept) = carry(&Policy::default(), &was, &one_silent);
    assert_eq!(
        texts(&carried),
        [
            "anonymous-discovery-exposed: not reachable in this scan; last seen 2026-11-17",
            "address-divergence: not reachable in this scan; last seen 2026-11-17"
        ]
    );
    assert_eq!(kept.len(), 2, "both prove that they differ");
    let absent = |new: &[EndpointReport]| -> Vec<&str> {
        let compared = since(&was, new).findings;
        let gone = compared.iter().filter(|finding| finding.gone());
        gone.map(|finding| finding.rule.id).collect()
    };
    assert_eq!(absent(&one_silent), [""; 0]);
    // The name has no such address any more.
    let moved = [default_cluster(name.clone(), closed)];
    assert_eq!(texts(&carry(&Policy::default(), &was, &moved).0), [""; 0]);
    assert_eq!(
        absent(&moved),
        ["anonymous-discovery-exposed", "address-divergence"]
    );
}

/// Rules judge as of the day on which it was seen; who accepts it is a question of today.
#[test]
fn acceptances_count_as_they_stand_now() {
    let (target, address) = one(1);
    let id = "anonymous-discovery-exposed";
    let was = exposed(target.clone(), &address);
    let now = silent(target, &address);
    let until = |expires| Policy {
        accept: vec![accept(id, "192.0.2.1", expires)],
        ..Policy::default()
    };
    for (expires, in_force) in [("2026-11-20", false), ("2026-11-24", true)] {
        let policy = until(expires);
        let (carried, _) = carry(
            &policy,
            std::slice::from_ref(&was),
            std::slice::from_ref(&now),
        );
        let finding = &carried.findings[0];
        assert_eq!(finding.accepted(), in_force, "{expires}");
        assert!(carried.unused_acceptances.is_empty());
    }
    let elsewhere = Policy {
        accept: vec![accept(id, "192.0.2.9", "2026-12-31")],
        ..Policy::default()
    };
    let (carried, _) = carry(&elsewhere, &[was], &[now]);
    assert_eq!(carried.unused_acceptances.len(), 1);
}

/// A certificate that ended since then is not a finding that anybody saw.
#[test]
fn no_passing_day_adds_a_finding() {
    let (target, address) = one(1);
    let mut was = exposed(target.clone(), &address);
    let certificate: &mut Certificate = was.tls.as_mut().unwrap().certificate.as_mut().unwrap();
    certificate.not_after = Some(at("2027-06-01T00:00:00Z"));
    let mut evaluator = Evaluator::new(&DEFAULT, at("2027-07-01T00:00:00Z"));
    evaluator.add(&was);
    let today = evaluator.finish(&Coverage::default());
    let ended = "serving-certificate-expired";
    assert!(ids(&today.findings).contains(&ended));
    let (now, snapshot) = (evaluate(&[]), Snapshot::default());
    let started = at("2027-07-01T00:00:00Z");
    let mut carrier = Carrier::new(&DEFAULT, started, &now, &snapshot, today.findings.iter());
    was.last_seen = Some(at(DAY));
    assert!(carrier.take(&was));
    let found = ids(&carrier.finish().findings);
    assert_eq!(
        found,
        ["anonymous-discovery-exposed", "unsupported-version"]
    );
}

static DEFAULT: Policy = Policy {
    severities: Vec::new(),
    accept: Vec::new(),
};
