//! Alerts for version 2 of Alertmanager's API. An alert is identified by its labels, so a receiver that gets the same
//! labels twice has one alert.
//!
//! Alertmanager ends an alert without `endsAt` after a few minutes, because it expects to be told again and again. Nobody knows
//! when the next scan comes, so an open alert has an end that is years away, and a closed one has its real end. Alertmanager
//! forgets all alerts when it restarts, so each scan tells the open ones again. An alert that it knows stays as it is.

use std::collections::{BTreeMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::news::{News, NewsKind, Notification, matters};
use crate::escape::{TEXT, escape};
use crate::model::{Finding, Fingerprint, Time};
use crate::report::Results;

/// The name of every alert; the label `rule` says which finding it is.
const NAME: &str = "KubeknockFinding";
/// How far away the end of an open alert is.
const OPEN_FOR: SignedDuration = SignedDuration::from_hours(24 * 3650);
/// Alerts in one POST.
const MOST: usize = 5000;

/// An alert that Alertmanager was told and that is still open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenAlert {
    /// What identifies it.
    labels: BTreeMap<String, String>,
    /// When the scan that found it began.
    starts_at: Time,
}

/// An alert as the API takes it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Alert<'a> {
    labels: &'a BTreeMap<String, String>,
    annotations: BTreeMap<&'static str, String>,
    starts_at: Time,
    ends_at: Time,
}

/// What to tell Alertmanager.
#[derive(Debug)]
pub struct Alerts {
    /// The body of the POST about alerts that open and close; `None` if nothing changed.
    pub body: Option<String>,
    /// The body of the POST about alerts that were open before and still are, for an Alertmanager that was restarted; `None` if
    /// there are none.
    pub again: Option<String>,
    /// The alerts that are open then.
    pub open: Vec<OpenAlert>,
    /// Alerts that are not sent, because there are too many.
    pub left_out: usize,
}

/// The alerts that open, stay open and close after a scan. `told` are those that the receiver has as open, and `now` is when the closed
/// ones end.
pub fn alerts(
    notification: &Notification<'_>,
    results: &Results<'_>,
    told: &[OpenAlert],
    now: Timestamp,
) -> Alerts {
    let changed: HashSet<Fingerprint> = (notification.news.iter())
        .filter(|News { kind, .. }| *kind != NewsKind::Fixed)
        .map(|news| news.finding.fingerprint)
        .collect();
    let known: BTreeMap<&BTreeMap<String, String>, Time> = told
        .iter()
        .map(|alert| (&alert.labels, alert.starts_at))
        .collect();
    let mut open = Vec::new();
    let (mut opened, mut stays) = (Vec::new(), Vec::new());
    let findings = results.open_findings();
    let mut findings = findings.into_iter().filter(|finding| matters(finding));
    for finding in findings.by_ref().take(MOST) {
        let labels = labels(finding, notification.scan, notification.folder);
        let told_at = known.get(&labels).copied();
        let alert = OpenAlert {
            starts_at: told_at.unwrap_or(Time(notification.started)),
            labels,
        };
        let is_news = told_at.is_none() || changed.contains(&finding.fingerprint);
        let sent = if is_news { &mut opened } else { &mut stays };
        sent.push((open.len(), annotations(finding)));
        open.push(alert);
    }
    let left_out = findings.count();
    let still: HashSet<&BTreeMap<String, String>> =
        open.iter().map(|alert| &alert.labels).collect();
    let is_open = |(index, annotations): (usize, _)| Alert {
        labels: &open[index].labels,
        annotations,
        starts_at: open[index].starts_at,
        ends_at: far_from(open[index].starts_at),
    };
    let closed = told
        .iter()
        .filter(|alert| !still.contains(&alert.labels))
        .map(|alert| Alert {
            labels: &alert.labels,
            annotations: BTreeMap::new(),
            starts_at: Time(alert.starts_at.0.min(now)),
            ends_at: Time(now),
        });
    let body = json(opened.into_iter().map(is_open).chain(closed));
    let again = json(stays.into_iter().map(is_open));
    Alerts {
        body,
        again,
        open,
        left_out,
    }
}

/// The body of a POST; `None` without alerts.
fn json<'a>(alerts: impl Iterator<Item = Alert<'a>>) -> Option<String> {
    let alerts: Vec<Alert<'_>> = alerts.collect();
    (!alerts.is_empty()).then(|| serde_json::to_string(&alerts).unwrap_or_default())
}

/// The alerts of findings that a receiver has been told by an earlier scan.
pub fn told(findings: &[Finding], scan: Option<&str>, started: Timestamp) -> Vec<OpenAlert> {
    let told = findings
        .iter()
        .filter(|finding| finding.counts() && matters(finding));
    told.map(|finding| OpenAlert {
        labels: labels(finding, scan, None),
        starts_at: Time(started),
    })
    .collect()
}

fn far_from(Time(start): Time) -> Time {
    Time(start.checked_add(OPEN_FOR).unwrap_or(Timestamp::MAX))
}

/// What identifies the alert of a finding. Nothing in it changes while the finding stays the same. Two schedules with the
/// same target must have different alerts, or one would end those of the other: without the name of a scan, its folder
/// tells them apart.
fn labels(finding: &Finding, scan: Option<&str>, folder: Option<&str>) -> BTreeMap<String, String> {
    let labels = [
        ("alertname", Some(NAME)),
        ("rule", Some(finding.rule.id)),
        ("severity", Some(finding.severity.as_str())),
        ("target", Some(finding.about.as_str())),
        ("name", finding.label.as_deref()),
        ("scan", scan),
        ("baseline", folder.filter(|_| scan.is_none())),
    ];
    let present = labels
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)));
    let mut labels: BTreeMap<String, String> = present
        .map(|(key, value)| (key.to_owned(), escape(value, TEXT)))
        .collect();
    labels.insert("fingerprint".to_owned(), finding.fingerprint.to_string());
    labels
}

/// Text that may come from the network. Templates of Alertmanager put it into chats as it is, where it must be neither a
/// mention nor a link: chats make one of every URL, and of what begins with `www.`.
fn tame(text: &str) -> String {
    let text = escape(text, TEXT)
        .replace("](", "] (")
        .replace("://", ":／／");
    let mut tamed: String = text
        .chars()
        .map(|c| match c {
            '<' => '‹',
            '>' => '›',
            '@' => '＠',
            '`' => '\'',
            other => other,
        })
        .collect();
    let lower = tamed.to_ascii_lowercase();
    for (at, begin) in lower.rmatch_indices("www.") {
        let end = at + begin.len();
        tamed.replace_range(end - 1..end, "．");
    }
    tamed
}

/// As [`tame`], for a text whose lines are ours.
fn tame_lines(text: &str) -> String {
    text.lines().map(tame).collect::<Vec<_>>().join("\n")
}

/// What people read. Another text does not make another alert.
fn annotations(finding: &Finding) -> BTreeMap<&'static str, String> {
    let mut annotations = BTreeMap::from([
        (
            "summary",
            format!("{}: {}", tame(finding.name()), tame(&finding.said())),
        ),
        ("description", finding.rule.meaning.to_owned()),
        ("remedy", tame_lines(&finding.remediation.text(TEXT))),
    ]);
    if let Some(curl) = finding.curl() {
        annotations.insert("proof", escape(&curl, TEXT));
    }
    annotations
}
