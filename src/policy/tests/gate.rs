use super::super::{FailOn, Gate, ScanEnd};
use super::*;
use crate::model::{LeftOut, LeftOutReason, Severity};

/// The answers of the only target of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answers {
    Exposed,
    Forbidden,
    Limited,
    Rejected,
    Silent,
    OpenEtcd,
}

impl Answers {
    fn report(self, target: Target) -> EndpointReport {
        match self {
            Self::Exposed => exposed(target, "192.0.2.1"),
            Self::Forbidden => default_cluster(target, "192.0.2.1"),
            Self::Limited => limited(target, "192.0.2.1"),
            Self::Rejected => rejecting(target, "192.0.2.1"),
            Self::Silent => silent(target, "192.0.2.1"),
            Self::OpenEtcd => open_etcd(target, "192.0.2.1"),
        }
    }
}

/// A row of the table: the answers now and in the baseline, the acceptances, and the exit code of each threshold
/// with a required coverage of 100 and of 0 percent.
struct Row {
    now: Answers,
    before: Option<Answers>,
    accept: &'static [&'static str],
    codes: &'static [(&'static str, u8, u8)],
    /// The endpoint in both scans.
    expect: Option<Verdict>,
}

impl Row {
    const fn expecting(self, expect: Verdict) -> Self {
        Self {
            expect: Some(expect),
            ..self
        }
    }
}

const ROWS: [Row; 26] = {
    use Answers::{Exposed, Forbidden, Limited, OpenEtcd, Rejected, Silent};
    const OPEN: &[&str] = &["anonymous-discovery-exposed"];
    const DEFAULT: &[&str] = &["anonymous-auth-enabled"];
    const UNEXPECTED: &[&str] = &["anonymous-auth-unexpected"];
    const SILENT: &[&str] = &["target-not-covered"];
    const ETCD: &[&str] = &["etcd-open"];
    const ALL_OF_DEFAULT: &[&str] = &["anonymous-auth-enabled", "unsupported-version"];
    const fn row(
        now: Answers,
        before: Option<Answers>,
        accept: &'static [&'static str],
        codes: &'static [(&'static str, u8, u8)],
    ) -> Row {
        Row {
            now,
            before,
            accept,
            codes,
            expect: None,
        }
    }
    [
        // Verdicts × thresholds.
        row(
            Exposed,
            None,
            &[],
            &[
                ("exposed", 1, 1),
                ("forbidden", 1, 1),
                ("limited", 1, 1),
                ("never", 0, 0),
                ("critical", 0, 0),
                ("high", 1, 1),
                ("medium", 1, 1),
                ("low", 1, 1),
                ("note", 1, 1),
            ],
        ),
        row(
            Forbidden,
            None,
            &[],
            &[
                ("exposed", 0, 0),
                ("forbidden", 1, 1),
                ("limited", 1, 1),
                ("never", 0, 0),
                ("high", 0, 0),
                ("medium", 1, 1),
                ("note", 1, 1),
            ],
        ),
        row(
            Rejected,
            None,
            &[],
            &[
                ("exposed", 0, 0),
                ("limited", 0, 0),
                ("note", 0, 0),
                ("never", 0, 0),
            ],
        ),
        row(
            Silent,
            None,
            &[],
            &[
                ("exposed", 3, 0),
                ("never", 3, 0),
                ("medium", 3, 0),
                ("low", 1, 1),
                ("note", 1, 1),
            ],
        ),
        // Baselines: a known finding does not fail at "new", but fails at a severity.
        row(
            Exposed,
            Some(Exposed),
            &[],
            &[
                ("new", 0, 0),
                ("new:high", 0, 0),
                ("exposed", 1, 1),
                ("high", 1, 1),
            ],
        ),
        row(
            Exposed,
            Some(Forbidden),
            &[],
            &[("new", 1, 1), ("new:high", 1, 1), ("new:critical", 0, 0)],
        ),
        row(
            Rejected,
            Some(Exposed),
            &[],
            &[("new", 0, 0), ("note", 0, 0), ("exposed", 0, 0)],
        ),
        row(
            Silent,
            Some(Forbidden),
            &[],
            &[("new", 1, 1), ("new:medium", 3, 0)],
        ),
        // Acceptances of the finding that explains the verdict, of other findings, and of the missing verdict.
        row(
            Exposed,
            None,
            OPEN,
            &[("exposed", 0, 0), ("high", 0, 0), ("medium", 1, 1)],
        ),
        row(
            Forbidden,
            None,
            DEFAULT,
            &[("forbidden", 0, 0), ("note", 1, 1)],
        ),
        row(
            Forbidden,
            Some(Rejected),
            ALL_OF_DEFAULT,
            &[("new", 0, 0), ("note", 0, 0), ("limited", 0, 0)],
        ),
        // A new note does not fail at "new". A server that opens less than before has nothing new.
        row(
            Limited,
            Some(Rejected),
            &[],
            &[("new", 0, 0), ("new:note", 1, 1), ("note", 1, 1)],
        ),
        row(
            Forbidden,
            Some(Exposed),
            &[],
            &[("new", 0, 0), ("new:note", 0, 0), ("medium", 1, 1)],
        ),
        row(
            Silent,
            None,
            SILENT,
            &[("exposed", 0, 0), ("note", 0, 0), ("never", 0, 0)],
        ),
        // An unmet expectation fails at every threshold but "never".
        row(
            Forbidden,
            None,
            &[],
            &[
                ("exposed", 0, 0),
                ("high", 0, 0),
                ("critical", 0, 0),
                ("medium", 1, 1),
            ],
        )
        .expecting(Verdict::Forbidden),
        row(
            Forbidden,
            None,
            &[],
            &[
                ("exposed", 1, 1),
                ("high", 1, 1),
                ("critical", 1, 1),
                ("never", 0, 0),
            ],
        )
        .expecting(Verdict::Rejected),
        row(
            Forbidden,
            Some(Rejected),
            &[],
            &[("new", 1, 1), ("new:high", 1, 1), ("new:critical", 1, 1)],
        )
        .expecting(Verdict::Rejected),
        // At "new", an expectation that was already unmet in the baseline does not fail.
        row(
            Forbidden,
            Some(Forbidden),
            &[],
            &[("new", 0, 0), ("new:critical", 0, 0), ("critical", 1, 1)],
        )
        .expecting(Verdict::Rejected),
        row(
            Rejected,
            Some(Forbidden),
            &[],
            &[("new:critical", 0, 0), ("critical", 0, 0), ("note", 0, 0)],
        )
        .expecting(Verdict::Rejected),
        row(
            Silent,
            Some(Rejected),
            &[],
            &[("new:critical", 1, 1), ("never", 3, 0)],
        )
        .expecting(Verdict::Rejected),
        row(
            Forbidden,
            Some(Rejected),
            UNEXPECTED,
            &[
                ("new:critical", 0, 0),
                ("critical", 0, 0),
                ("exposed", 0, 0),
            ],
        )
        .expecting(Verdict::Rejected),
        // Critical findings about other servers than the API server.
        row(
            OpenEtcd,
            None,
            &[],
            &[
                ("exposed", 1, 1),
                ("forbidden", 1, 1),
                ("limited", 1, 1),
                ("critical", 1, 1),
                ("never", 3, 0),
            ],
        ),
        row(
            OpenEtcd,
            None,
            ETCD,
            &[("exposed", 0, 0), ("critical", 0, 0), ("never", 0, 0)],
        ),
        row(
            OpenEtcd,
            Some(OpenEtcd),
            &[],
            &[("new", 3, 0), ("exposed", 1, 1)],
        ),
        row(OpenEtcd, Some(Rejected), &[], &[("new", 1, 1)]),
        // Accepting a missing verdict does not accept an open etcd.
        row(OpenEtcd, None, SILENT, &[("exposed", 1, 1)]),
    ]
};

#[test]
fn exit_codes() {
    for Row {
        now,
        before,
        accept,
        codes,
        expect,
    } in ROWS
    {
        let target = || Target {
            expect,
            ..target(0, "192.0.2.1")
        };
        let policy = Policy {
            accept: accept
                .iter()
                .map(|rule| super::accept(rule, "192.0.2.1", "2026-12-31"))
                .collect(),
            ..Policy::default()
        };
        let reports = [now.report(target())];
        let mut evaluation = evaluate_with(&policy, &reports);
        if let Some(before) = before {
            let before = [before.report(target())];
            evaluation.compare(
                &super::evaluate(&before).findings,
                &snapshot(&reports),
                &snapshot(&before),
            );
        }
        for (fail_on, full, none) in codes {
            for (require_coverage, expected) in [(100, full), (0, none)] {
                let gate = Gate {
                    fail_on: fail_on.parse().unwrap(),
                    require_coverage,
                };
                let decision = gate.decide(&coverage(&reports), &evaluation, ScanEnd::Regular);
                assert_eq!(
                    decision.code, *expected,
                    "{now:?}, before {before:?}, accepted {accept:?}, expected {expect:?}, {gate:?}: {}",
                    decision.sentence
                );
                assert_eq!(
                    gate.decide(&coverage(&reports), &evaluation, ScanEnd::Interrupted)
                        .code,
                    130
                );
                assert_eq!(
                    gate.decide(&coverage(&reports), &evaluation, ScanEnd::Failed)
                        .code,
                    2
                );
            }
        }
    }
}

fn decide(fail_on: FailOn, require_coverage: u8, reports: &[EndpointReport]) -> (u8, String) {
    let decision = Gate {
        fail_on,
        require_coverage,
    }
    .decide(&coverage(reports), &evaluate(reports), ScanEnd::Regular);
    (decision.code, decision.sentence)
}

#[test]
fn fail_on_never_ignores_unmet_expectations_but_not_coverage() {
    let rejected = || expecting(target(0, "192.0.2.1"), Verdict::Rejected);
    let unmet = [default_cluster(rejected(), "192.0.2.1")];
    let sentence = |fail_on: &str| decide(fail_on.parse().unwrap(), 100, &unmet);
    let not_met = "exit 1: 1 expectation not met: 192.0.2.1:6443 expected rejected";
    let high = "exit 1: 1 high finding: anonymous-auth-unexpected at 192.0.2.1:6443";
    assert_eq!(sentence("exposed"), (1, not_met.to_owned()));
    assert_eq!(sentence("critical"), (1, not_met.to_owned()));
    assert_eq!(sentence("high"), (1, high.to_owned()));
    assert_eq!(sentence("never"), (0, "exit 0: --fail-on never".to_owned()));
    assert_eq!(
        decide(FailOn::Never, 100, &[silent(rejected(), "192.0.2.1")]).0,
        3
    );
    // With a baseline, the finding is counted once.
    let news = since(&[rejecting(rejected(), "192.0.2.1")], &unmet);
    let sentence = |fail_on: &str| {
        let gate = Gate {
            fail_on: fail_on.parse().unwrap(),
            require_coverage: 100,
        };
        gate.decide(&coverage(&unmet), &news, ScanEnd::Regular)
            .sentence
    };
    assert_eq!(sentence("new:critical"), not_met);
    assert_eq!(
        sentence("new:high"),
        "exit 1: 1 high new finding: anonymous-auth-unexpected at 192.0.2.1:6443"
    );
}

/// A critical finding that only explains a counted verdict is not counted again. Other critical findings are.
#[test]
fn a_critical_finding_is_counted_once() {
    let exposed_by_default = FailOn::Verdict(Verdict::Exposed);
    let secrets = [opening(&[("/api/v1/secrets", true)])];
    assert_eq!(
        find(&evaluate(&secrets), "anonymous-resources-exposed").severity,
        Severity::Critical
    );
    assert_eq!(
        decide(exposed_by_default, 100, &secrets).1,
        "exit 1: 1 exposed: 192.0.2.1:6443"
    );
    let both = [
        exposed(target(0, "192.0.2.1"), "192.0.2.1"),
        open_etcd(target(1, "192.0.2.2"), "192.0.2.2"),
    ];
    assert_eq!(
        decide(exposed_by_default, 0, &both).1,
        "exit 1: 1 exposed: 192.0.2.1:6443; 1 critical finding: etcd-open at 192.0.2.2:6443"
    );
    // The verdict is accepted, the finding is not.
    let mut plain = default_cluster(target(0, "192.0.2.1"), "192.0.2.1");
    plain.endpoint.as_mut().unwrap().scheme = Scheme::Http;
    assert_eq!(
        decide(exposed_by_default, 100, &[plain]).1,
        "exit 1: 1 critical finding: insecure-http-api at 192.0.2.1:6443"
    );
}

#[test]
fn coverage_is_a_share_of_the_named_targets() {
    let mut reports: Vec<EndpointReport> = (0..3)
        .map(|index| rejecting(target(index, "192.0.2.1"), "192.0.2.1"))
        .collect();
    reports.push(silent(target(3, "192.0.2.9"), "192.0.2.9"));
    let exposed = FailOn::Verdict(Verdict::Exposed);
    for (required, code) in [(100, 3), (76, 3), (75, 0), (0, 0)] {
        assert_eq!(decide(exposed, required, &reports).0, code, "{required}%");
    }
    assert_eq!(decide(exposed, 100, &[]).0, 0, "ranges alone");
}

/// Two equal lines of a targets file share one finding, so an acceptance applies to both.
#[test]
fn an_accepted_missing_verdict_counts_as_covered_for_each_specification() {
    let reports = [0, 1].map(|index| silent(target(index, "192.0.2.9"), "192.0.2.9"));
    let gate = Gate {
        fail_on: FailOn::Never,
        require_coverage: 100,
    };
    let code = |policy: &Policy| {
        gate.decide(
            &coverage(&reports),
            &evaluate_with(policy, &reports),
            ScanEnd::Regular,
        )
        .code
    };
    assert_eq!(code(&Policy::default()), 3);
    let accept = vec![accept("target-not-covered", "192.0.2.9", "2027-01-01")];
    let policy = Policy {
        accept,
        ..Policy::default()
    };
    assert_eq!(code(&policy), 0);
    // The number of named targets does not depend on acceptances.
    let and_another = [
        silent(target(0, "192.0.2.8"), "192.0.2.8"),
        silent(target(1, "192.0.2.9"), "192.0.2.9"),
    ];
    let decision = gate.decide(
        &coverage(&and_another),
        &evaluate_with(&policy, &and_another),
        ScanEnd::Regular,
    );
    assert_eq!(
        decision.sentence,
        "exit 3: 1 of 2 named targets not covered (unreachable, 1 more accepted): 192.0.2.8"
    );
}

#[test]
fn the_sentence_contains_every_reason() {
    let reports = [
        exposed(target(0, "192.0.2.1"), "192.0.2.1"),
        silent(target(1, "192.0.2.9"), "192.0.2.9"),
    ];
    let (code, sentence) = decide(FailOn::Verdict(Verdict::Exposed), 100, &reports);
    assert_eq!(code, 1);
    assert_eq!(
        sentence,
        "exit 1: 1 exposed: 192.0.2.1:6443; 1 of 2 named targets not covered (unreachable): 192.0.2.9"
    );
}

/// The sentence of the gate, which several formats show, says that the scan did not finish.
#[test]
fn the_sentence_says_how_much_was_not_attempted() {
    let gate = Gate {
        fail_on: FailOn::Verdict(Verdict::Exposed),
        require_coverage: 100,
    };
    let left = Coverage {
        targets: 8,
        not_attempted: 5,
        ..Coverage::default()
    };
    let sentence = |end| gate.decide(&left, &Evaluation::default(), end).sentence;
    assert_eq!(
        sentence(ScanEnd::Regular),
        "exit 0: nothing at --fail-on exposed; 5 of 8 targets not attempted"
    );
    assert_eq!(
        sentence(ScanEnd::Interrupted),
        "exit 130: interrupted; 5 of 8 targets not attempted"
    );
    assert_eq!(
        sentence(ScanEnd::Failed),
        "exit 2: could not continue; 5 of 8 targets not attempted"
    );
}

#[test]
fn thresholds_are_parsed_and_displayed() {
    for word in [
        "critical", "high", "medium", "low", "note", "new", "new:low", "exposed", "limited",
        "never",
    ] {
        assert_eq!(word.parse::<FailOn>().unwrap().to_string(), word);
    }
    assert_eq!("new:high".parse(), Ok(FailOn::New(Some(Severity::High))));
    for word in [
        "",
        "sometimes",
        "new:",
        "new:exposed",
        "rejected",
        "unreachable",
        "High",
    ] {
        let error = word.parse::<FailOn>().unwrap_err().to_string();
        assert!(error.contains("new:SEVERITY"), "{error}");
    }
}

/// However many servers fail the gate, the worst few are named, in natural order.
#[test]
fn the_sentence_names_the_first_culprits_and_counts_the_others() {
    let label = |index: u64| Target {
        label: Some(format!("kind-{index}\u{1b}[31m").into()),
        ..target(index, &format!("192.0.2.{index}"))
    };
    let reports: Vec<EndpointReport> = (0..12)
        .rev()
        .map(|index| default_cluster(label(index + 8), &format!("192.0.2.{index}")))
        .collect();
    let name = |index: u64| format!("kind-{index}\\u{{1b}}[31m (192.0.2.{index}:6443)");
    let (eight, nine, ten) = (name(8), name(9), name(10));
    assert_eq!(
        decide("forbidden".parse().unwrap(), 100, &reports).1,
        format!("exit 1: 12 forbidden: {eight}, {nine}, {ten} and 9 more")
    );
    let rule = "anonymous-auth-enabled";
    assert_eq!(
        decide("medium".parse().unwrap(), 100, &reports[10..]).1,
        format!(
            "exit 1: 4 medium findings: {rule} at {eight}, unsupported-version at {eight}, {rule} at {nine} and 1 more"
        )
    );
    let silent: Vec<EndpointReport> = (1..=5)
        .map(|index| silent(label(index), "192.0.2.1"))
        .collect();
    assert_eq!(
        decide(FailOn::Never, 50, &silent).1,
        format!(
            "exit 3: 5 of 5 named targets not covered (unreachable, 50% required): {}, {}, {} and 2 more",
            name(1).replace(":6443", ""),
            name(2).replace(":6443", ""),
            name(3).replace(":6443", "")
        )
    );
}

/// The sentence says why targets are not covered, so nobody looks for a fault at a server that was not asked.
#[test]
fn the_sentence_says_why_targets_are_not_covered() {
    let mut reports = [9, 10].map(|index| silent(target(index, "192.0.2.9"), "192.0.2.9"));
    reports[1].target.origin = origin("192.0.2.10");
    let mut coverage = coverage(&reports);
    for (host, why) in [
        ("192.0.2.1", Some(LeftOutReason::OutsideAllow)),
        ("192.0.2.2", Some(LeftOutReason::OutsideAllow)),
        ("192.0.2.3", Some(LeftOutReason::ExcludedAddress)),
        ("api.example", Some(LeftOutReason::SpecialAddress)),
        ("192.0.2.4", None),
    ] {
        let mut spec = SpecCoverage::of(origin(host), true, None, None, Vec::new());
        spec.left_out = (why.into_iter())
            .map(|why| LeftOut::new(why, 1, host))
            .collect();
        coverage.specs.push(spec);
    }
    let gate = Gate {
        fail_on: FailOn::Never,
        require_coverage: 100,
    };
    let sentence = |coverage: &Coverage| {
        let evaluation = Evaluator::new(&Policy::default(), at(DAY)).finish(coverage);
        gate.decide(coverage, &evaluation, ScanEnd::Regular)
            .sentence
    };
    assert_eq!(
        sentence(&coverage),
        "exit 3: 7 of 7 named targets not covered (2 outside --allow, 1 excluded, 1 at a special address, \
         1 not asked, 2 unreachable): 192.0.2.1, 192.0.2.2, 192.0.2.3 and 4 more"
    );
    coverage.specs.drain(..2);
    coverage.specs.truncate(2);
    assert_eq!(
        sentence(&coverage),
        "exit 3: 2 of 2 named targets not covered (outside --allow): 192.0.2.1, 192.0.2.2"
    );
    let evaluation = Evaluator::new(&Policy::default(), at(DAY)).finish(&coverage);
    assert!(
        evaluation.findings[0]
            .remediation
            .summary
            .contains("outside of --allow")
    );
}

/// An outage is not a list of its targets, whatever the threshold. What else is new is named before it.
#[test]
fn an_outage_is_one_part_of_the_sentence() {
    let hosts: Vec<String> = (1..=12).map(|index| format!("192.0.2.{index}")).collect();
    let scan = |make: fn(Target, &str) -> EndpointReport| -> Vec<EndpointReport> {
        (0..)
            .zip(&hosts)
            .map(|(index, host)| make(target(index, host), host))
            .collect()
    };
    let decide = |now: &[EndpointReport], fail_on: &str, require_coverage| {
        let gate = Gate {
            fail_on: fail_on.parse().unwrap(),
            require_coverage,
        };
        let decision = gate.decide(
            &coverage(now),
            &since(&scan(rejecting), now),
            ScanEnd::Regular,
        );
        assert!(
            decision
                .sentence
                .starts_with(&format!("exit {}: ", decision.code)),
            "{}",
            decision.sentence
        );
        decision.sentence
    };
    let mut now = scan(silent);
    let outage = "12 of 12 targets silent: is the network up?";
    assert_eq!(decide(&now, "new", 100), format!("exit 1: {outage}"));
    assert_eq!(decide(&now, "low", 0), format!("exit 1: {outage}"));
    assert_eq!(decide(&now, "exposed", 100), format!("exit 3: {outage}"));
    assert_eq!(
        decide(&now, "exposed", 0),
        format!("exit 0: nothing at --fail-on exposed; {outage}")
    );
    // An expectation that an outage leaves unmet is what fails, whatever the threshold.
    for report in &mut now[..4] {
        report.target.expect = Some(Verdict::Rejected);
    }
    let names = (1..=3).map(|n| format!("192.0.2.{n} expected rejected"));
    let names: Vec<String> = names.collect();
    assert_eq!(
        decide(&now, "exposed", 100),
        format!(
            "exit 1: 4 expectations not met: {} and 1 more; {outage}",
            names.join(", ")
        )
    );
    assert_eq!(
        decide(&now, "high", 100),
        format!(
            "exit 1: 4 high findings: expectation-unmet at 192.0.2.1, expectation-unmet at 192.0.2.2, \
             expectation-unmet at 192.0.2.3 and 1 more; {outage}"
        )
    );
    let mut now = scan(silent);
    now[0] = exposed(target(0, &hosts[0]), &hosts[0]);
    now[1].verdict = Verdict::Inconclusive;
    now[1].failure = None;
    let outage = "10 of 12 targets silent: is the network up?";
    assert_eq!(
        decide(&now, "new:high", 100),
        format!(
            "exit 1: 1 high new finding: anonymous-discovery-exposed at 192.0.2.1:6443; {outage}; \
             1 more named target not covered (inconclusive): 192.0.2.2"
        )
    );
}

/// The worst verdict first, then natural order.
#[test]
fn unmet_expectations_are_named_worst_first() {
    let expecting = |index: u64, make: fn(Target, &str) -> EndpointReport, expect| {
        let host = format!("192.0.2.{index}");
        make(super::expecting(target(index, &host), expect), &host)
    };
    let reports = [
        expecting(1, open_etcd, Verdict::Rejected),
        expecting(10, default_cluster, Verdict::Rejected),
        expecting(9, default_cluster, Verdict::Rejected),
        expecting(11, exposed, Verdict::Forbidden),
    ];
    let named = |reports: &[EndpointReport]| {
        let evaluation = evaluate(reports);
        let unmet = (evaluation.findings.iter()).filter(|finding| finding.expected.is_some());
        let names: Vec<String> = unmet.map(|finding| finding.name().to_owned()).collect();
        names.join(", ")
    };
    assert_eq!(
        named(&reports),
        "https://192.0.2.11:6443, https://192.0.2.9:6443, https://192.0.2.10:6443, 192.0.2.1"
    );
}
