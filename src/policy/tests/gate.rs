use super::super::{End, FailOn, Gate};
use super::*;
use crate::model::Severity;

/// The answers of the only target of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answers {
    Exposed,
    Forbidden,
    Rejected,
    Silent,
    OpenEtcd,
}

impl Answers {
    fn report(self, target: Target) -> EndpointReport {
        match self {
            Self::Exposed => exposed(target, "192.0.2.1"),
            Self::Forbidden => default_cluster(target, "192.0.2.1"),
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

const ROWS: [Row; 25] = {
    use Answers::{Exposed, Forbidden, OpenEtcd, Rejected, Silent};
    const OPEN: &[&str] = &["anonymous-discovery-exposed"];
    const DEFAULT: &[&str] = &["anonymous-auth-enabled"];
    const UNMET: &[&str] = &["expectation-unmet"];
    const SILENT: &[&str] = &["target-not-covered"];
    const ETCD: &[&str] = &["etcd-open"];
    const ALL_OF_DEFAULT: &[&str] = &[
        "anonymous-auth-enabled",
        "version-disclosed",
        "health-endpoints-open",
        "unsupported-version",
    ];
    const ALL_BUT_HEALTH: &[&str] = &[
        "anonymous-auth-enabled",
        "version-disclosed",
        "unsupported-version",
    ];
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
        // A new note does not fail at "new".
        row(
            Forbidden,
            Some(Rejected),
            ALL_BUT_HEALTH,
            &[("new", 0, 0), ("new:note", 1, 1), ("note", 1, 1)],
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
            UNMET,
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
            evaluation.compare(super::evaluate(&before), &snapshot(&reports));
        }
        for (fail_on, full, none) in codes {
            for (require_coverage, expected) in [(100, full), (0, none)] {
                let gate = Gate {
                    fail_on: fail_on.parse().unwrap(),
                    require_coverage,
                };
                let decision = gate.decide(&coverage(&reports), &evaluation, End::Regular);
                assert_eq!(
                    decision.code, *expected,
                    "{now:?}, before {before:?}, accepted {accept:?}, expected {expect:?}, {gate:?}: {}",
                    decision.sentence
                );
                assert_eq!(
                    gate.decide(&coverage(&reports), &evaluation, End::Interrupted)
                        .code,
                    130
                );
                assert_eq!(
                    gate.decide(&coverage(&reports), &evaluation, End::Failed)
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
    .decide(&coverage(reports), &evaluate(reports), End::Regular);
    (decision.code, decision.sentence)
}

#[test]
fn fail_on_never_ignores_unmet_expectations_but_not_coverage() {
    let rejected = || expecting(target(0, "192.0.2.1"), Verdict::Rejected);
    let unmet = [default_cluster(rejected(), "192.0.2.1")];
    let sentence = |fail_on: &str| decide(fail_on.parse().unwrap(), 100, &unmet);
    assert_eq!(
        sentence("exposed"),
        (1, "1 expectation not met: exit 1".to_owned())
    );
    assert_eq!(
        sentence("critical"),
        (1, "1 expectation not met: exit 1".to_owned())
    );
    assert_eq!(
        sentence("high"),
        (1, "1 finding at --fail-on high: exit 1".to_owned())
    );
    assert_eq!(sentence("never"), (0, "--fail-on never: exit 0".to_owned()));
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
        gate.decide(&coverage(&unmet), &news, End::Regular).sentence
    };
    assert_eq!(sentence("new:critical"), "1 expectation not met: exit 1");
    assert_eq!(
        sentence("new:high"),
        "1 new finding at --fail-on new:high: exit 1"
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
        "1 verdict at --fail-on exposed: exit 1"
    );
    let both = [
        exposed(target(0, "192.0.2.1"), "192.0.2.1"),
        open_etcd(target(1, "192.0.2.2"), "192.0.2.2"),
    ];
    assert_eq!(
        decide(exposed_by_default, 0, &both).1,
        "1 verdict and 1 critical finding at --fail-on exposed: exit 1"
    );
    // The verdict is accepted, the finding is not.
    let mut plain = default_cluster(target(0, "192.0.2.1"), "192.0.2.1");
    plain.endpoint.as_mut().unwrap().scheme = Scheme::Http;
    assert_eq!(
        decide(exposed_by_default, 100, &[plain]).1,
        "1 critical finding at --fail-on exposed: exit 1"
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
            End::Regular,
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
        End::Regular,
    );
    assert_eq!(
        decision.sentence,
        "0 of 2 named targets covered, 1 accepted, 100% required: exit 3"
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
        "1 verdict at --fail-on exposed, 1 of 2 named targets covered, 100% required: exit 1"
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
        sentence(End::Regular),
        "nothing at --fail-on exposed, 5 of 8 targets not attempted: exit 0"
    );
    assert_eq!(
        sentence(End::Interrupted),
        "interrupted, 5 of 8 targets not attempted: exit 130"
    );
    assert_eq!(
        sentence(End::Failed),
        "could not continue, 5 of 8 targets not attempted: exit 2"
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
