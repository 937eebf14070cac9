//! Fingerprints, by which code scanning distinguishes alerts.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use serde_json::Value;

use crate::name_server::NameServer;
use crate::skip::skipped;
use crate::support::{run, stderr, stdout};

/// For every result about endpoints: its rule, kubeknock's fingerprint and GitHub's fingerprint.
async fn fingerprints(args: Vec<String>) -> BTreeSet<(String, String, String)> {
    let fixed = [
        "scan",
        "-q",
        "-o=sarif",
        "--fail-on=never",
        "--require-coverage=0",
    ]
    .map(str::to_owned);
    let args: Vec<String> = fixed.into_iter().chain(args).collect();
    let output = tokio::task::spawn_blocking(move || {
        run(&args.iter().map(String::as_str).collect::<Vec<_>>())
    });
    let output = output.await.unwrap();
    let log: Value = serde_json::from_str(&stdout(&output))
        .unwrap_or_else(|error| panic!("{error}: {}", stderr(&output)));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let results = log["runs"][0]["results"].as_array().unwrap().iter();
    let of = |result: &Value| {
        let prints = &result["partialFingerprints"];
        (
            text(&result["ruleId"]),
            text(&prints["kubeknockFinding/v1"]),
            text(&prints["primaryLocationLineHash"]),
        )
    };
    results.map(of).collect()
}

/// If a name moves to another address, the alerts stay the same.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn another_address_behind_a_name_is_the_same_finding() {
    let names = NameServer::start().await;
    let scenario = || kubeknock::simulator::scenario("default").unwrap();
    let server = kubeknock::simulator::start(scenario(), "127.0.0.2:0".parse().unwrap())
        .await
        .unwrap();
    let port = server.address().port();
    let args = || {
        vec![
            format!("two.example:{port}"),
            format!("--resolver={}", names.address),
            "--allow-special".to_owned(),
        ]
    };
    let before = fingerprints(args()).await;
    drop(server);
    let moved =
        kubeknock::simulator::start(scenario(), SocketAddr::from(([127, 0, 0, 1], port))).await;
    // Another process may have taken that port in the meantime.
    let Ok(_moved) = moved else {
        skipped("another_address_behind_a_name_is_the_same_finding: the port is taken");
        return;
    };
    assert_eq!(fingerprints(args()).await, before);
    assert!(
        before
            .iter()
            .any(|(rule, ..)| rule == "anonymous-auth-enabled"),
        "{before:?}"
    );
}

/// All addresses of a range come from one line. Without our fingerprint, GitHub would make one alert of their
/// findings.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn findings_on_one_line_are_separate_alerts() {
    let scenario = || kubeknock::simulator::scenario("default").unwrap();
    let one = kubeknock::simulator::start(scenario(), "127.84.0.1:0".parse().unwrap())
        .await
        .unwrap();
    let port = one.address().port();
    let second = SocketAddr::from(([127, 84, 0, 2], port));
    let _two = kubeknock::simulator::start(scenario(), second)
        .await
        .unwrap();
    let found = fingerprints(vec![format!("127.84.0.1-2 ports={port}")]).await;
    let of_rule: Vec<_> = found
        .iter()
        .filter(|(rule, ..)| rule == "anonymous-auth-enabled")
        .collect();
    assert_eq!(of_rule.len(), 2, "{found:?}");
    assert_ne!(of_rule[0].2, of_rule[1].2);
    assert!(found.iter().all(|(_, own, github)| own == github));
}
