//! Scans that ask different paths in turn: what one of them proved is neither fixed nor new because another one did not
//! ask it.

use super::*;
use crate::config::ScanConfig;
use crate::model::{BaselineState, ComparedFact, ComparisonResult, DeclaredFact};
use crate::policy::{Carried, Carrier};

const SECRETS: &str = "/api/v1/secrets";
const PODS: &str = "/api/v1/pods";

type Answers = Vec<(&'static str, Result<Reply, Failure>)>;

fn scan_of(target: &Target, address: &str, answers: &[&Answers]) -> EndpointReport {
    let answers = answers.iter().flat_map(|answers| answers.iter().cloned());
    let observation = failing(1, answers);
    record(
        target.clone(),
        address,
        match target.scheme {
            Scheme::Https => observation.with_kubeadm_tls(),
            Scheme::Http => observation,
        },
    )
}

/// The records of a scan of one address with these answers, and with some others to further paths.
fn one(answers: &Answers, more: &Answers) -> Vec<EndpointReport> {
    vec![scan_of(
        &target(0, "192.0.2.1"),
        "192.0.2.1",
        &[answers, more],
    )]
}

fn default_answers() -> Answers {
    vec![
        ("/version", Ok(version())),
        ("/api", Ok(forbidden())),
        ("/healthz", Ok(ok())),
    ]
}

fn rejections() -> Answers {
    let paths = ["/version", "/api", "/healthz", "/livez", "/readyz"];
    paths.map(|path| (path, Ok(unauthorized()))).into()
}

fn discovery() -> Answers {
    vec![
        ("/version", Ok(version())),
        ("/api", Ok(api_versions())),
        ("/healthz", Ok(ok())),
    ]
}

fn listed() -> Reply {
    reply(405, "application/json", "").marked()
}

fn graded(reports: Vec<EndpointReport>, status: PostureStatus) -> Vec<EndpointReport> {
    let graded = |report| with_posture(report, status, Provenance::Documented);
    reports.into_iter().map(graded).collect()
}

/// An old scan as a later one sees it: what it found, and what it carries with the records for it.
pub(super) struct Scan {
    pub(super) evaluation: Evaluation,
    pub(super) carried: Carried,
    pub(super) records: Vec<EndpointReport>,
    findings: Vec<Finding>,
    snapshot: Snapshot,
}

/// A scan with this one as its baseline.
pub(super) fn scan(day: &str, baseline: Option<&Scan>, now: &[EndpointReport]) -> Scan {
    scan_in_part(
        day,
        baseline,
        now,
        &ScanConfig::default(),
        &Coverage::default(),
    )
}

/// A scan with these settings, which left out what the coverage says.
pub(super) fn scan_in_part(
    day: &str,
    baseline: Option<&Scan>,
    now: &[EndpointReport],
    config: &ScanConfig,
    left_out: &Coverage,
) -> Scan {
    let mut evaluator = Evaluator::new(&DEFAULT_POLICY, at(day));
    for record in now {
        evaluator.add(record);
    }
    let mut evaluation = evaluator.finish(&coverage(now));
    let own = evaluation.findings.clone();
    let mut snapshot = snapshot(now);
    snapshot.set_left_out(config, left_out);
    let (mut carried, mut kept) = (Carried::default(), Vec::new());
    if let Some(old) = baseline {
        evaluation.compare(&old.findings, &snapshot, &old.snapshot);
        let findings = old.findings.iter();
        let mut taking = Carrier::new(&DEFAULT_POLICY, at(day), &evaluation, &snapshot, findings);
        (old.records.iter()).for_each(|record| taking.look_at(record));
        let records = old.records.iter().cloned();
        kept = records.filter(|record| taking.take(record)).collect();
        carried = taking.finish();
        evaluation.mention(&carried);
    }
    // As a saved report is read.
    let mut of_carried = Evaluator::new(&DEFAULT_POLICY, at(day));
    for record in &kept {
        of_carried.add(record);
    }
    let of_carried = of_carried.finish(&Coverage::default()).findings;
    let open = evaluation.left_open(of_carried.iter(), &snapshot).cloned();
    let findings: Vec<Finding> = own.into_iter().chain(open).collect();
    let seen = |record: &EndpointReport| EndpointReport {
        last_seen: Some(at(day)),
        ..record.clone()
    };
    kept.extend(now.iter().map(seen));
    Scan {
        evaluation,
        carried,
        records: kept,
        findings,
        snapshot,
    }
}

static DEFAULT_POLICY: std::sync::LazyLock<Policy> = std::sync::LazyLock::new(Policy::default);

pub(super) fn in_state(scan: &Scan, state: BaselineState) -> Vec<&'static str> {
    let findings = scan.evaluation.findings.iter();
    findings
        .filter(|finding| finding.baseline == Some(state))
        .map(|finding| finding.rule.id)
        .collect()
}

struct Case {
    rule: &'static str,
    deep: Vec<EndpointReport>,
    ordinary: Vec<EndpointReport>,
    /// The same depth, without what the finding says.
    closed: Vec<EndpointReport>,
}

fn cases() -> Vec<Case> {
    let plain = |more: &Answers| {
        let target = Target {
            scheme: Scheme::Http,
            port: 8080,
            ..target(0, "192.0.2.1")
        };
        vec![scan_of(&target, "192.0.2.1", &[&discovery(), more])]
    };
    let refused = |paths: &[&'static str]| -> Answers {
        paths.iter().map(|path| (*path, Ok(forbidden()))).collect()
    };
    let named = |first: Answers, second: Answers| -> Vec<EndpointReport> {
        let name = || target(0, "api.example");
        vec![
            scan_of(&name(), "192.0.2.1", &[&discovery(), &first]),
            scan_of(&name(), "192.0.2.2", &[&discovery(), &second]),
        ]
    };
    let declared = |mut reports: Vec<EndpointReport>, result: Option<ComparisonResult>| {
        reports[0].compared = (result.iter())
            .map(|result| ComparedFact::new(DeclaredFact::AnonymousRequests, *result, "so"))
            .collect();
        reports
    };
    let metrics = || -> Answers { vec![("/metrics", Ok(metrics().marked()))] };
    let none = Answers::new();
    let unauthorized_at = |path| -> Answers { vec![(path, Ok(unauthorized()))] };
    vec![
        Case {
            rule: "insecure-http-api",
            deep: plain(&vec![(SECRETS, Ok(listed()))]),
            ordinary: plain(&none),
            closed: plain(&refused(&[SECRETS])),
        },
        Case {
            rule: "anonymous-resources-exposed",
            deep: one(
                &default_answers(),
                &vec![(SECRETS, Ok(listed())), (PODS, Ok(listed()))],
            ),
            ordinary: one(&default_answers(), &vec![(PODS, Ok(listed()))]),
            closed: one(&default_answers(), &refused(&[SECRETS, PODS])),
        },
        Case {
            rule: "anonymous-discovery-exposed",
            deep: one(&discovery(), &vec![("/apis", Ok(api_groups()))]),
            ordinary: one(&discovery(), &none),
            closed: one(&default_answers(), &refused(&["/apis"])),
        },
        Case {
            rule: "anonymous-telemetry-exposed",
            deep: one(&default_answers(), &metrics()),
            ordinary: one(&default_answers(), &none),
            closed: one(&default_answers(), &refused(&["/metrics"])),
        },
        // Only the deep scan saw which product it is.
        Case {
            rule: "anonymous-telemetry-unexpected",
            deep: graded(
                one(
                    &default_answers(),
                    &[metrics(), refused(&["/ping"])].concat(),
                ),
                PostureStatus::MoreOpen,
            ),
            ordinary: one(&default_answers(), &metrics()),
            closed: one(&default_answers(), &refused(&["/metrics", "/ping"])),
        },
        Case {
            rule: "anonymous-auth-unexpected",
            deep: graded(
                one(&default_answers(), &refused(&["/ping"])),
                PostureStatus::MoreOpen,
            ),
            ordinary: one(&default_answers(), &none),
            closed: one(&rejections(), &none),
        },
        Case {
            rule: "anonymous-auth-limited",
            deep: one(&rejections(), &refused(&["/apis"])),
            ordinary: one(&rejections(), &none),
            closed: one(&rejections(), &unauthorized_at("/apis")),
        },
        Case {
            rule: "stricter-than-documented",
            deep: graded(
                one(&rejections(), &unauthorized_at("/apis")),
                PostureStatus::Stricter,
            ),
            ordinary: one(&rejections(), &none),
            closed: graded(one(&rejections(), &none), PostureStatus::AsDocumented),
        },
        Case {
            rule: "stricter-than-declared",
            deep: declared(
                one(&rejections(), &unauthorized_at("/apis")),
                Some(ComparisonResult::Stricter),
            ),
            ordinary: declared(one(&rejections(), &none), None),
            closed: declared(one(&rejections(), &none), Some(ComparisonResult::Confirmed)),
        },
        Case {
            rule: "not-fully-asked",
            deep: one(&default_answers(), &vec![(SECRETS, Err(reset()))]),
            ordinary: one(&default_answers(), &none),
            closed: one(&default_answers(), &refused(&[SECRETS])),
        },
        Case {
            rule: "address-divergence",
            deep: named(vec![("/apis", Ok(api_groups()))], refused(&["/apis"])),
            ordinary: named(none.clone(), none.clone()),
            closed: named(refused(&["/apis"]), refused(&["/apis"])),
        },
    ]
}

/// Four days: deep, ordinary, ordinary, deep.
#[test]
fn what_a_deep_scan_proved_stays_open_in_ordinary_ones_and_is_not_new_in_the_next_deep_one() {
    for Case {
        rule,
        deep,
        ordinary,
        closed,
    } in cases()
    {
        let first = scan("2026-11-02T08:00:00Z", None, &deep);
        assert!(ids(&first.findings).contains(&rule), "{rule}");
        let mut last = first;
        for day in ["2026-11-03T08:00:00Z", "2026-11-04T08:00:00Z"] {
            let now = scan(day, Some(&last), &ordinary);
            let is_found = ids(&now.findings[..]).contains(&rule);
            let carried = ids(&now.carried.findings);
            assert!(is_found || carried.contains(&rule), "{rule} on {day}");
            assert!(
                !in_state(&now, BaselineState::Absent).contains(&rule),
                "{rule} on {day}"
            );
            // One finding of a fingerprint.
            let standing = in_state(&now, BaselineState::Unchanged);
            assert!(
                !(standing.contains(&rule) && carried.contains(&rule)),
                "{rule}"
            );
            assert_eq!(in_state(&now, BaselineState::New), [""; 0], "{rule}");
            last = now;
        }
        let again = scan("2026-11-05T08:00:00Z", Some(&last), &deep);
        assert_eq!(in_state(&again, BaselineState::New), [""; 0], "{rule}");
        assert!(
            in_state(&again, BaselineState::Unchanged).contains(&rule),
            "{rule}"
        );
        assert_eq!(ids(&again.carried.findings), [""; 0], "{rule}");
        assert_eq!(
            again.records.len(),
            deep.len(),
            "{rule}: the old records are of no use any more"
        );
        let fixed = scan("2026-11-05T08:00:00Z", Some(&last), &closed);
        // The rule about plain HTTP still holds, and the paths in it are closed.
        if rule == "insecure-http-api" {
            assert!(!find(&fixed.evaluation, rule).open.contains(SECRETS));
        } else {
            assert!(
                in_state(&fixed, BaselineState::Absent).contains(&rule),
                "{rule}"
            );
        }
        // A server that rejects `/version` does not show that it was upgraded.
        let shows_version = (closed.iter())
            .all(|record| (record.identification.as_ref()).is_some_and(|it| it.version.is_some()));
        let carried =
            if shows_version || rule == "anonymous-auth-limited" || rule.starts_with("stricter") {
                &[][..]
            } else {
                &["unsupported-version"][..]
            };
        assert_eq!(ids(&fixed.carried.findings), carried, "{rule}");
        assert_eq!(
            fixed.records.len() > closed.len(),
            !carried.is_empty(),
            "{rule}"
        );
    }
}

/// The finding of this scan says what was not asked again, once.
#[test]
fn a_finding_says_what_else_was_open_when_last_asked() {
    let case = cases().remove(0);
    let first = scan("2026-11-02T08:00:00Z", None, &case.deep);
    let second = scan("2026-11-03T08:00:00Z", Some(&first), &case.ordinary);
    let third = scan("2026-11-04T08:00:00Z", Some(&second), &case.ordinary);
    for now in [&second, &third] {
        let finding = find(&now.evaluation, case.rule);
        let note = "; open when last asked, on 2026-11-02: /api/v1/secrets";
        assert!(finding.message.ends_with(note), "{}", finding.message);
        assert_eq!(finding.message.matches(note).count(), 1);
    }
}

/// At one address of a name it was asked, at another it was not.
#[test]
fn a_path_counts_as_asked_if_every_address_of_a_name_answered_it() {
    let name = || target(0, "api.example");
    let at = |address, more: Answers| scan_of(&name(), address, &[&default_answers(), &more]);
    let open = || vec![(SECRETS, Ok(listed()))];
    let closed = || vec![(SECRETS, Ok(forbidden()))];
    let lost = || vec![(SECRETS, Err(reset()))];
    let was = [at("192.0.2.1", open()), at("192.0.2.2", closed())];
    let gone = |now: [EndpointReport; 2]| {
        let now = since(&was, &now).findings;
        let exposed = |finding: &&Finding| finding.rule.id == "anonymous-resources-exposed";
        now.iter().find(exposed).map(Finding::gone)
    };
    assert_eq!(
        gone([at("192.0.2.1", lost()), at("192.0.2.2", closed())]),
        None
    );
    assert_eq!(
        gone([at("192.0.2.1", closed()), at("192.0.2.2", closed())]),
        Some(true)
    );
}
