//! What is told about a scan.

use std::collections::HashSet;
use std::sync::LazyLock;

use serde_json::Value;

use super::alertmanager::{Alerts, alerts, told};
use super::{Before, NewsKind, Notification, Receiver, body};
use crate::model::{Acceptance, BaselineState, Finding, Fingerprint, Remediation, Rule, Step};
use crate::report::Results;
use crate::report::sample::{self, ENABLED, HEALTH, RESOURCES, Sample, finding};

static NONE: LazyLock<HashSet<Fingerprint>> = LazyLock::new(HashSet::new);

static NOT_COVERED: Rule = Rule {
    anonymous_access: false,
    about_coverage: true,
    id: "target-not-covered",
    ..ENABLED
};

fn in_state(state: BaselineState, finding: Finding) -> Finding {
    Finding {
        baseline: Some(state),
        ..finding
    }
}

fn accepted(finding: Finding) -> Finding {
    let acceptance = Acceptance {
        reason: "a lab".to_owned(),
        owner: "me".to_owned(),
        expires: "2099-01-01".parse().unwrap(),
        in_force: true,
    };
    Finding {
        acceptance: Some(acceptance),
        ..finding
    }
}

/// The kinds and rules of what is told if these findings follow those.
fn news(
    before: &[Finding],
    now: Vec<Finding>,
    carried: Vec<Finding>,
) -> Vec<(NewsKind, &'static str)> {
    let sample = Sample {
        findings: now,
        carried: (Vec::new(), carried),
        ..sample::mixed()
    };
    let before = Before {
        findings: before,
        carried: &NONE,
        folder: None,
    };
    let notification = Notification::new(&sample.results(), before);
    let news = notification.news.iter();
    news.map(|news| (news.kind, news.finding.rule.id)).collect()
}

#[test]
fn a_change_has_one_name() {
    let mixed = sample::mixed();
    let [open, other] = [&mixed.reports[0], &mixed.reports[1]];
    let resources = || finding(&RESOURCES, open, "lists secrets");
    let enabled = || finding(&ENABLED, open, "anonymous");
    let (new, same, gone) = (
        BaselineState::New,
        BaselineState::Unchanged,
        BaselineState::Absent,
    );
    assert_eq!(
        news(&[], vec![in_state(new, resources())], vec![]),
        [(NewsKind::New, RESOURCES.id)]
    );
    assert_eq!(
        news(&[resources()], vec![in_state(same, resources())], vec![]),
        []
    );
    // More open: the finding that it replaces is not called fixed.
    assert_eq!(
        news(
            &[enabled()],
            vec![in_state(new, resources()), in_state(gone, enabled())],
            vec![]
        ),
        [(NewsKind::Worse, RESOURCES.id)]
    );
    assert_eq!(
        news(&[resources()], vec![in_state(new, resources())], vec![]),
        [(NewsKind::Worse, RESOURCES.id)]
    );
    // The worse one was known already, and is found again or carried: nothing is fixed.
    for (found, carried) in [
        (vec![in_state(same, resources())], vec![]),
        (vec![], vec![resources()]),
    ] {
        let now = [vec![in_state(gone, enabled())], found].concat();
        let kinds = news(&[enabled(), resources()], now, carried);
        assert!(
            kinds.iter().all(|(kind, _)| *kind != NewsKind::Fixed),
            "{kinds:?}"
        );
    }
    // Another path is open instead, and this one was closed.
    let lists = |path: &str, state, rule| Finding {
        open: [path.to_owned()].into(),
        ..in_state(state, finding(rule, open, "lists"))
    };
    assert_eq!(
        news(
            &[lists("/metrics", same, &ENABLED)],
            vec![
                lists("/api/v1/secrets", new, &RESOURCES),
                lists("/metrics", gone, &ENABLED)
            ],
            vec![]
        ),
        [
            (NewsKind::Worse, RESOURCES.id),
            (NewsKind::Fixed, ENABLED.id)
        ]
    );
    // Less open.
    assert_eq!(
        news(
            &[resources()],
            vec![in_state(same, enabled()), in_state(gone, resources())],
            vec![]
        ),
        [(NewsKind::Fixed, RESOURCES.id)]
    );
    let elsewhere = finding(&ENABLED, other, "anonymous");
    assert_eq!(
        news(&[elsewhere], vec![in_state(new, resources())], vec![]),
        [(NewsKind::New, RESOURCES.id)]
    );
    // Accepted, and accepted no longer.
    let accept = || accepted(resources());
    assert_eq!(news(&[], vec![in_state(new, accept())], vec![]), []);
    assert_eq!(
        news(&[accept()], vec![in_state(gone, resources())], vec![]),
        []
    );
    assert_eq!(
        news(&[accept()], vec![in_state(same, resources())], vec![]),
        [(NewsKind::New, RESOURCES.id)]
    );
    let note = || finding(&HEALTH, open, "health");
    assert_eq!(news(&[], vec![in_state(new, note())], vec![]), []);
    assert_eq!(news(&[note()], vec![in_state(gone, note())], vec![]), []);
}

#[test]
fn a_target_is_lost_once() {
    let mixed = sample::mixed();
    let open = &mixed.reports[0];
    let carried = |rule| Finding {
        baseline: Some(BaselineState::Unchanged),
        last_seen: Some("2026-11-02".parse().unwrap()),
        ..finding(rule, open, "as it was")
    };
    let both = || vec![carried(&RESOURCES), carried(&ENABLED)];
    let lost = Finding {
        index: None,
        ..in_state(
            BaselineState::New,
            finding(&NOT_COVERED, open, "no verdict"),
        )
    };
    assert_eq!(
        news(&[], vec![lost], both()),
        [(NewsKind::Lost, NOT_COVERED.id)]
    );
    // An address of a range has no such finding.
    assert_eq!(news(&[], vec![], both()), [(NewsKind::Lost, RESOURCES.id)]);
}

fn notification<'a>(results: &Results<'a>) -> Notification<'a> {
    let before = Before {
        findings: &[],
        carried: &NONE,
        folder: None,
    };
    Notification::new(results, before)
}

#[test]
fn a_message_is_bounded_and_mentions_nobody() {
    let mixed = sample::mixed();
    let step = Step {
        text: "First\tthis.".into(),
        command: Some("a\nb".into()),
    };
    let hostile = Finding {
        remediation: Remediation {
            summary: "Close <https://evil> @all.".into(),
            steps: vec![step],
            ..Remediation::default()
        },
        label: Some("<!channel> @all `& co\u{202e}\n*[x](http://evil)".into()),
        ..in_state(
            BaselineState::New,
            finding(
                &RESOURCES,
                &mixed.reports[0],
                &"<https://evil|x> WWW.evil ".repeat(5000),
            ),
        )
    };
    let sample = Sample {
        findings: vec![hostile; 3000],
        ..mixed
    };
    let results = sample.results();
    let notification = notification(&results);
    let slack = body(&notification, Receiver::Slack).unwrap();
    assert!(slack.len() < 20_000, "{}", slack.len());
    for part in ["<!", "<https", "\u{202e}"] {
        assert!(!slack.contains(part), "{part}");
    }
    // Where Markdown is read, it is code.
    let name = "`&lt;!channel&gt; @all '&amp; co\\\\u{202e}\\\\n*[x](http://evil)`: `&lt;";
    assert!(slack.contains(name), "{slack}");
    let Alerts { body: alerts, .. } = alerts(&notification, &results, &[], notification.started);
    let alerts: serde_json::Value = serde_json::from_str(&alerts.unwrap()).unwrap();
    let summary = alerts[0]["annotations"]["summary"].as_str().unwrap();
    let tamed =
        "‹!channel› ＠all '& co\\u{202e}\\n*[x] (http:／／evil): ‹https:／／evil|x› WWW．evil";
    assert!(summary.starts_with(tamed), "{summary}");
    // Its lines stay, and what a server says in them is tame as well.
    let remedy = alerts[0]["annotations"]["remedy"].as_str().unwrap();
    let tamed = "Close ‹https:／／evil› ＠all.\n1. First\\tthis.\n    a\n    b";
    assert_eq!(remedy, tamed);
    let slack: serde_json::Value = serde_json::from_str(&slack).unwrap();
    let text = slack["text"].as_str().unwrap();
    assert!(
        text.starts_with("*kubeknock: 3000 new since the last scan"),
        "{text}"
    );
    assert!(text.contains("… and 2980 more in the report"), "{text}");
    assert!(
        text.ends_with(&format!("notification {}_", notification.id())),
        "{text}"
    );
    let webhook = body(&notification, Receiver::Webhook).unwrap();
    let webhook: serde_json::Value = serde_json::from_str(&webhook).unwrap();
    assert_eq!(
        (
            webhook["counts"]["new"].as_u64(),
            webhook["left_out"].as_u64()
        ),
        (Some(3000), Some(2000))
    );
}

#[test]
fn an_identity_is_that_of_the_news() {
    let mixed = sample::mixed();
    let results = mixed.results();
    let id = notification(&results).id();
    assert_eq!(id, notification(&results).id());
    assert!(
        id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{id}"
    );
    let other = Sample {
        findings: mixed.findings[..1].to_vec(),
        ..sample::mixed()
    };
    assert_ne!(id, notification(&other.results()).id());
}

#[test]
fn alerts_open_and_close_by_their_labels() {
    let mixed = sample::mixed();
    let results = mixed.results();
    let notification = notification(&results);
    let now = notification.started;
    let first = alerts(&notification, &results, &[], now);
    let body: serde_json::Value = serde_json::from_str(&first.body.unwrap()).unwrap();
    assert_eq!(body.as_array().unwrap().len(), first.open.len());
    let labels = body[0]["labels"].as_object().unwrap();
    let names: Vec<&str> = labels.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "alertname",
            "fingerprint",
            "name",
            "rule",
            "scan",
            "severity",
            "target"
        ]
    );
    let nothing = Notification {
        news: Vec::new(),
        ..notification.clone()
    };
    assert_eq!(first.again, None);
    let second = alerts(&nothing, &results, &first.open, now);
    assert_eq!(second.body, None);
    let again: serde_json::Value = serde_json::from_str(&second.again.unwrap()).unwrap();
    assert_eq!(
        again, body,
        "an Alertmanager that was restarted gets the same"
    );
    let empty = Sample {
        findings: Vec::new(),
        ..sample::mixed()
    };
    let closed = alerts(&nothing, &empty.results(), &first.open, now);
    assert_eq!(closed.again, None);
    let closed: serde_json::Value = serde_json::from_str(&closed.body.unwrap()).unwrap();
    assert_eq!(closed.as_array().unwrap().len(), first.open.len());
    assert_eq!(closed[0]["endsAt"], closed[0]["startsAt"]);
    // A baseline without a folder tells which alerts are open.
    let from_findings = told(&mixed.findings, notification.scan, now);
    let mut wanted: Vec<_> = first
        .open
        .iter()
        .map(|alert| format!("{alert:?}"))
        .collect();
    let mut found: Vec<_> = from_findings
        .iter()
        .map(|alert| format!("{alert:?}"))
        .collect();
    wanted.sort();
    found.sort();
    assert_eq!(wanted, found);
}

/// Two schedules with one target: the name of the scan or its folder is in the labels.
#[test]
fn the_alerts_of_two_schedules_differ() {
    let mixed = sample::mixed();
    let results = mixed.results();
    let labels = |folder, scan| {
        let notification = Notification {
            scan,
            folder,
            ..notification(&results)
        };
        let alerts = alerts(&notification, &results, &[], notification.started);
        let body: serde_json::Value = serde_json::from_str(&alerts.body.unwrap()).unwrap();
        let [scan, baseline] = ["scan", "baseline"].map(|label| body[0]["labels"][label].clone());
        (scan, baseline)
    };
    assert_eq!(
        labels(Some("/kept/a"), None),
        (Value::Null, "/kept/a".into())
    );
    assert_eq!(
        labels(Some("/kept/a"), Some("a")),
        ("a".into(), Value::Null)
    );
    assert_eq!(labels(None, None), (Value::Null, Value::Null));
}

/// It was carried before, and nobody was told because it was accepted.
#[test]
fn a_carried_finding_whose_acceptance_ended_is_new() {
    let mixed = sample::mixed();
    let carried = || Finding {
        baseline: Some(BaselineState::Unchanged),
        last_seen: Some("2026-11-02".parse().unwrap()),
        ..finding(&RESOURCES, &mixed.reports[0], "as it was")
    };
    let known = HashSet::from([carried().fingerprint]);
    let told = |before: Finding| {
        let sample = Sample {
            findings: vec![],
            carried: (Vec::new(), vec![carried()]),
            ..sample::mixed()
        };
        let before = Before {
            findings: &[before],
            carried: &known,
            folder: None,
        };
        let notification = Notification::new(&sample.results(), before);
        let kinds = notification.news.iter().map(|news| news.kind);
        kinds.collect::<Vec<_>>()
    };
    assert_eq!(told(accepted(carried())), [NewsKind::New]);
    assert_eq!(told(carried()), []);
}
