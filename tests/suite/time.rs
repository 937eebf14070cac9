//! The time of a probe depends on the number of its requests, and requests that were not made are reported.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use kubeknock::kubernetes::PathClass;
use kubeknock::model::{EndpointReport, Request, Verdict};
use kubeknock::scan::{ALWAYS, deep};
use kubeknock::simulator::Scenario;
use serde_json::Value;

use crate::support::{config, knock, run, serve, start, stdout};

/// A default server that delays every answer.
async fn thinking(delay_ms: u32, timeout: Duration) -> EndpointReport {
    let text = format!(
        "name = \"thinking\"\nabout = \"a server that takes its time\"\nsource = \"composed: default\"\n\
         expect = \"forbidden\"\nextends = \"default\"\n[common]\ndelay_ms = {delay_ms}\n"
    );
    let server = serve(Arc::new(Scenario::parse(&text).unwrap())).await;
    knock(
        config().with(|config| {
            config.deep = true;
            config.timeout = timeout;
        }),
        &server.address().to_string(),
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deep_probe_has_the_time_that_its_requests_need() {
    let record = thinking(100, Duration::from_secs(1)).await;
    assert!(
        record.timings.total > Duration::from_secs(3),
        "{:?}",
        record.timings
    );
    assert_eq!(record.requests.len(), ALWAYS.len() + deep().count());
    assert!(
        record
            .requests
            .iter()
            .all(|request| request.exchange.outcome.is_ok())
    );
    assert!(record.not_asked.is_empty(), "{:?}", record.not_asked);
    assert!(!record.reason.contains("asked"), "{}", record.reason);
}

/// Each further request adds a fifth of the time: if each takes three fifths, not all can be made.
#[tokio::test(flavor = "multi_thread")]
async fn requests_without_time_are_reported() {
    let record = thinking(180, Duration::from_millis(600)).await;
    assert_eq!(record.verdict, Verdict::Forbidden, "{}", record.reason);
    let asked: BTreeSet<&str> = record
        .requests
        .iter()
        .map(|request| request.exchange.request.bare_path())
        .collect();
    let left: BTreeSet<&str> = record.not_asked.iter().map(Request::bare_path).collect();
    assert!(
        !left.is_empty() && asked.is_disjoint(&left),
        "{asked:?} {left:?}"
    );
    let planned: Vec<String> = deep()
        .map(|request| request.bare_path().to_owned())
        .collect();
    assert!(
        planned
            .iter()
            .all(|path| asked.contains(path.as_str()) || left.contains(path.as_str()))
    );
    let lists = record.requests.iter().filter(|request| {
        matches!(
            request.exchange.request.class,
            PathClass::ResourceList { .. }
        )
    });
    let message = format!("resources: {} of 20 asked, ", lists.count());
    assert!(
        record.reason.contains(&message),
        "{} has no {message}",
        record.reason
    );
}

/// In the report, in the table and as a finding. A list that was not asked does not count as refused.
#[tokio::test(flavor = "multi_thread")]
async fn requests_not_made_are_in_every_output() {
    let server = start("stalls").await;
    let address = server.address().to_string();
    let scan = |format: &'static str| {
        let address = address.clone();
        tokio::task::spawn_blocking(move || {
            stdout(&run(&[
                "scan",
                "-q",
                "--deep",
                "--timeout=1s",
                "--retries=0",
                "-o",
                format,
                &address,
            ]))
        })
    };
    let json: Value = serde_json::from_str(&scan("json").await.unwrap()).unwrap();
    let record = &json["endpoints"][0];
    // Namespaces were the last to answer, nodes hang. The lists left together, the other paths were not made.
    let left = record["not_asked"].as_array().unwrap();
    assert_eq!(
        (left[0].as_str(), left.len()),
        (Some("/statusz"), 6),
        "{left:?}"
    );
    let message = "16 of 20 lists of resources without an answer, 6 other paths without an answer";
    assert!(
        record["reason"].as_str().unwrap().ends_with(message),
        "{}",
        record["reason"]
    );
    let finding = json["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["rule"] == "not-fully-asked");
    assert_eq!(finding.unwrap()["message"], message);
    let table = scan("table").await.unwrap();
    assert!(table.contains("resources refused: 4 of 20"), "{table}");
    assert!(table.contains(message), "{table}");
    let page = scan("html").await.unwrap();
    // The page draws its list from these texts. A request that was made has its method before the path.
    let texts = page.split("\"strings\":[").nth(1).unwrap();
    assert!(
        texts.contains("\"Not asked\"") && texts.contains("\"/metrics\""),
        "the page"
    );
    let outputs = tokio::task::spawn_blocking(move || {
        stdout(&run(&[
            "identify",
            "--deep",
            "--timeout=1s",
            "--retries=0",
            &address,
        ]))
    });
    assert!(
        outputs
            .await
            .unwrap()
            .contains("  GET  -   not asked /metrics\n"),
        "identify"
    );
}

/// A custom request may take as long as the usual ones together, and no longer.
#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_request_does_not_use_up_the_time_of_all() {
    let server = start("stalls").await;
    let timeout = Duration::from_secs(1);
    let record = knock(
        config().with(|config| {
            config.deep = true;
            config.timeout = timeout;
        }),
        &server.address().to_string(),
    )
    .await;
    assert!(
        record.timings.total < Duration::from_secs(4),
        "{:?}",
        record.timings
    );
}
