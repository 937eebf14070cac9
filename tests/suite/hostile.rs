//! Hostile and broken servers: they are limited in time, size and depth, and never get one of the four
//! conclusive verdicts by accident.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kubeknock::config::ScanConfig;
use kubeknock::model::{Access, EndpointReport, FailureKind, Verdict};
use kubeknock::simulator;
use tokio::net::TcpListener;

use crate::chaos::{self, ChaosServer};
use crate::support::{config, knock, run, scan, serve, start, stdout, targets};

fn hasty() -> ScanConfig {
    config().with(|config| {
        config.timeout = Duration::from_millis(700);
        config.retries = 0;
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_ends_at_the_deadline() {
    for name in ["hangs-after-accept", "hangs-in-http"] {
        let server = start(name).await;
        let began = Instant::now();
        let record = knock(hasty(), &server.address().to_string()).await;
        assert!(began.elapsed() < Duration::from_secs(3), "{name}");
        assert_eq!(
            record.verdict,
            Verdict::Unreachable,
            "{name}: {}",
            record.reason
        );
        assert_eq!(
            record.failure.unwrap().kind,
            FailureKind::Deadline,
            "{name}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drip_of_bytes_ends_at_the_deadline() {
    let server = start("drip").await;
    let began = Instant::now();
    let record = knock(hasty(), &server.address().to_string()).await;
    assert!(began.elapsed() < Duration::from_secs(3));
    assert!(
        !record.verdict.is_conclusive(),
        "{}: {}",
        record.verdict,
        record.reason
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_bodies_and_heads_are_cut_off() {
    let body = start("huge-body").await;
    let record = knock(hasty(), &body.address().to_string()).await;
    for request in &record.requests {
        if let Ok(reply) = &request.exchange.outcome {
            assert!(reply.body_size <= kubeknock::config::MAX_BODY);
        }
    }
    assert!(!record.verdict.is_conclusive(), "{}", record.reason);
    let headers = start("huge-headers").await;
    let record = knock(hasty(), &headers.address().to_string()).await;
    assert_eq!(record.verdict, Verdict::Unreachable);
    assert_eq!(record.failure.unwrap().kind, FailureKind::InvalidHttp);
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_on_a_tls_port_is_reported() {
    let server = start("tls-port-speaks-http").await;
    let record = knock(hasty(), &server.address().to_string()).await;
    assert_eq!(record.verdict, Verdict::Unreachable);
    assert_eq!(record.failure.unwrap().kind, FailureKind::PlainHttp);
    assert!(record.reason.contains("plain HTTP"), "{}", record.reason);
}

#[tokio::test(flavor = "multi_thread")]
async fn http_to_a_tls_port_is_reported() {
    let server = start("default").await;
    let record = knock(hasty(), &format!("http://{}", server.address())).await;
    assert!(
        !record.verdict.is_conclusive(),
        "{}: {}",
        record.verdict,
        record.reason
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn resets_are_retried_as_configured() {
    for retries in [0, 2] {
        let server = start("resets").await;
        let record = knock(
            hasty().with(|config| config.retries = retries),
            &server.address().to_string(),
        )
        .await;
        assert_eq!(record.verdict, Verdict::Unreachable, "{}", record.reason);
        // The requests leave together, then one at a time.
        assert!(record.connections <= 4 + retries, "{}", record.connections);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_body_is_not_an_answer() {
    let server = start("truncated-body").await;
    let record = knock(hasty(), &server.address().to_string()).await;
    assert!(
        !record.verdict.is_conclusive(),
        "{}: {}",
        record.verdict,
        record.reason
    );
    assert!(
        record
            .requests
            .iter()
            .any(|request| matches!(request.access, Access::Failed(_)))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn control_characters_do_not_reach_the_terminal() {
    let server = start("control-characters").await;
    let address = server.address().to_string();
    let output = run(&["scan", &address, "-q", "--color", "never"]);
    let bad = stdout(&output).chars().find(|c| {
        (c.is_control() && *c != '\n')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    });
    assert_eq!(bad, None, "{}", stdout(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_server_does_not_affect_the_others() {
    let bad = [
        "garbage",
        "deep-json",
        "huge-headers",
        "resets",
        "hangs-after-accept",
    ];
    let mut servers = Vec::new();
    let mut specs = Vec::new();
    for name in bad.into_iter().chain(["default"; 5]) {
        let server = start(name).await;
        specs.push(server.address().to_string());
        servers.push(server);
    }
    let (records, summary) = scan(hasty(), targets(&specs)).await;
    assert_eq!(records.len(), 10);
    assert_eq!(summary.coverage.count(Verdict::Forbidden), 5);
    assert!(
        records[..5]
            .iter()
            .all(|record| !record.verdict.is_conclusive())
    );
}

/// Scans everything that misbehaves, including random misbehaviour, together with 20 honest servers.
#[tokio::test(flavor = "multi_thread")]
async fn twenty_honest_servers_get_their_verdicts_among_many_hostile_ones() {
    const HONEST: [&str; 5] = [
        "default",
        "rejecting",
        "exposed",
        "nginx-fronted",
        "kube-controller-manager",
    ];
    let (mut bad, mut chaotic, mut good, mut specs) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    // The scenarios that are not API servers or are inconclusive.
    for scenario in simulator::scenarios()
        .filter(|scenario| !scenario.expect.is_conclusive() && !scenario.plain_http())
    {
        bad.push(serve(Arc::clone(scenario)).await);
    }
    for number in 0..60 {
        let address = SocketAddr::from(([127, 87, 0, number], 0));
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        specs.push(address.to_string());
        chaotic.push((address, chaos::chaos(number.into(), listener).unwrap()));
    }
    for name in HONEST.into_iter().cycle().take(20) {
        good.push(start(name).await);
    }
    specs.extend(
        bad.iter()
            .chain(&good)
            .map(|server| server.address().to_string()),
    );
    // Each request of --deep gives a slow server a fifth of the timeout more.
    let timeout = |deep| Duration::from_secs(if deep { 2 } else { 4 });
    let config = |deep| {
        config().with(|config| {
            config.deep = deep;
            config.per_host = 0;
            config.timeout = timeout(deep);
        })
    };
    let scans = tokio::join!(
        scan(config(false), targets(&specs)),
        scan(config(true), targets(&specs))
    );
    for (records, summary) in [scans.0, scans.1] {
        assert_eq!(summary.coverage.not_attempted, 0);
        let of = |address| {
            let own = |record: &&EndpointReport| {
                record.endpoint.as_ref().unwrap().address() == Some(address)
            };
            records.iter().find(own).unwrap()
        };
        for server in &good {
            let (record, scenario) = (of(server.address()), server.scenario());
            assert_eq!(
                record.verdict, scenario.expect,
                "{}: {}",
                scenario.name, record.reason
            );
        }
        for (address, _) in &chaotic {
            let record = of(*address);
            assert_ne!(
                record.verdict,
                Verdict::Exposed,
                "{}: {:#?}",
                record.reason,
                record.requests
            );
            let panicked = record
                .failure
                .as_ref()
                .is_some_and(|failure| failure.kind == FailureKind::Panic);
            assert!(!panicked, "{}", record.reason);
        }
    }
    let kinds: BTreeSet<String> = chaotic
        .iter()
        .flat_map(|(_, server): &(SocketAddr, ChaosServer)| server.misbehaviours())
        .collect();
    assert!(kinds.len() > 50, "only {kinds:?}");
}

#[test]
fn there_are_hundreds_of_misbehaviours_and_the_seed_selects_them() {
    let names = |seed| -> Vec<String> {
        let mut random = fastrand::Rng::with_seed(seed);
        (0..2000)
            .map(|_| chaos::Plan::choose(&mut random).name())
            .collect()
    };
    assert_eq!(names(7), names(7));
    assert_ne!(names(7), names(8));
    let kinds: BTreeSet<String> = names(7).into_iter().collect();
    assert!(kinds.len() > 400, "{}", kinds.len());
}
