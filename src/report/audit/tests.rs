//! What a log with hostile texts looks like in each format.

use jiff::Timestamp;

use super::*;
use crate::audit::log::{Counts, Decision};
use crate::audit::{
    Audit, AuditDecision, OtherCounts, OtherRequests, Trace, TracedEndpoint, TracedRequest,
};
use crate::escape::hidden;
use crate::model::{Method, Severity};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_795_867_000 + seconds).unwrap()
}

fn request(path: &str, status: u16, trace: Trace, why: Option<&str>) -> TracedRequest {
    TracedRequest {
        method: Method::Get,
        path: path.to_owned(),
        at: at(1),
        status: Some(status),
        audit_id: Some("5d1f7a30-2f6e-8c11-9d1b-a1b2c3d4e5f6".to_owned()),
        canary: path.starts_with("/kubeknock-audit"),
        trace,
        why: why.map(str::to_owned),
    }
}

/// A result with one of each.
pub(crate) fn sample(text: &str) -> Audit {
    let other = |decision, path: &str, is_beyond_default| OtherRequests {
        decision,
        is_beyond_default,
        claims_run: path == "/x",
        source: "203.0.113.9".to_owned(),
        agent: text.to_owned(),
        verb: "get".to_owned(),
        path: path.to_owned(),
        count: 3,
        first: Some(at(2)),
        last: Some(at(9)),
    };
    Audit {
        run_id: Some("r1".to_owned()),
        counts: Counts {
            events: 120,
            foreign: 1,
            not_json: 2,
            truncated: 3,
            too_long: 4,
            damaged_files: 5,
            utf16_files: 6,
        },
        reads_left_out: None,
        first: Some(at(0)),
        last: Some(at(60)),
        own_events: 3,
        endpoints: vec![TracedEndpoint {
            target: "api.example:6443".to_owned(),
            name: Some(text.to_owned()),
            policy: Some("the given policy".to_owned()),
            requests: vec![
                request(
                    "/version",
                    200,
                    Trace::LostByPolicy,
                    Some("the given policy"),
                ),
                request("/api", 403, Trace::Found, None),
                request("/healthz", 200, Trace::Missing, None),
                request(
                    "/livez",
                    200,
                    Trace::NotObservable,
                    Some("the log ends earlier"),
                ),
                request("/kubeknock-audit-r1", 403, Trace::Found, None),
            ],
            is_outside_of_log: false,
        }],
        without_log: vec!["192.0.2.7:6443".to_owned(), text.to_owned()],
        others: vec![
            other(Decision::Allowed, "/metrics", true),
            other(Decision::Forbidden, "/api?limit=…", false),
            other(Decision::Unauthenticated, text, false),
            other(Decision::Unknown, "/x", false),
        ],
        other_counts: OtherCounts {
            allowed: 3,
            forbidden: 3,
            unauthenticated: 3,
            unknown: 3,
            claiming_this_run: 3,
            health_checks: 40,
            not_listed: 2,
        },
    }
}

/// A writer of a format.
type Writer = fn(&mut dyn std::io::Write, &Audit, &AuditDecision, u8) -> std::io::Result<()>;

pub(crate) fn written(text: &str) -> [String; 3] {
    let audit = sample(text);
    let decision = audit.decide(Some(Severity::Medium));
    let writers: [Writer; 3] = [write_table, write_json, write_markdown];
    writers.map(|write| {
        let mut out = Vec::new();
        write(&mut out, &audit, &decision, 1).unwrap();
        String::from_utf8(out).unwrap()
    })
}

#[test]
fn each_format_is_a_snapshot() {
    let [table, json, markdown] = written("curl/8");
    insta::assert_snapshot!("table", table);
    insta::assert_snapshot!("json", json);
    insta::assert_snapshot!("markdown", markdown);
}

#[test]
fn hostile_text_has_no_effect() {
    for text in written("\u{1b}[2J\u{202e}\r\n::error::x ##[y] | <b> `c` @all") {
        assert!(!text.chars().any(|c| c != '\n' && hidden(c)), "{text:?}");
        assert!(
            !text.contains("\n::error") && !text.contains("##["),
            "{text}"
        );
    }
    let [.., markdown] = written("| <b> `c` @all");
    assert!(
        !markdown.contains("<b>") && !markdown.contains("`c`") && !markdown.contains("@all"),
        "{markdown}"
    );
}
