//! The body for `webhook`: the news as JSON. docs/continuous.md describes its keys.

use serde::Serialize;

use super::news::{NewsKind, Notification};
use crate::model::Time;
use crate::record;

/// The name and version of the format.
const SCHEMA: &str = "kubeknock.notification/v1";
/// How many news are written in full. The body stays below a few megabytes.
const MOST: usize = 1000;

#[derive(Serialize)]
struct Body<'a> {
    schema: &'static str,
    id: &'a str,
    scan: Scan<'a>,
    counts: Counts,
    outage: Option<&'a str>,
    news: Vec<News<'a>>,
    left_out: usize,
}

#[derive(Serialize)]
struct Scan<'a> {
    name: Option<&'a str>,
    started: Time,
}

#[derive(Serialize)]
struct Counts {
    new: usize,
    worse: usize,
    lost: usize,
    fixed: usize,
}

#[derive(Serialize)]
struct News<'a> {
    kind: NewsKind,
    #[serde(flatten)]
    finding: record::Finding<'a>,
}

pub(super) fn body(notification: &Notification<'_>, id: &str) -> String {
    let count = |wanted| {
        let mut kinds = notification.by_kind();
        kinds
            .find_map(|(kind, count)| (kind == wanted).then_some(count))
            .unwrap_or_default()
    };
    let shown = notification.news.iter().take(MOST);
    let body = Body {
        schema: SCHEMA,
        id,
        scan: Scan {
            name: notification.scan,
            started: Time(notification.started),
        },
        counts: Counts {
            new: count(NewsKind::New),
            worse: count(NewsKind::Worse),
            lost: count(NewsKind::Lost),
            fixed: count(NewsKind::Fixed),
        },
        outage: notification.outage.as_deref(),
        news: shown
            .map(|news| News {
                kind: news.kind,
                finding: news.finding.into(),
            })
            .collect(),
        left_out: notification.news.len().saturating_sub(MOST),
    };
    serde_json::to_string(&body).unwrap_or_default()
}
