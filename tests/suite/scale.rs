//! Many addresses and few servers: all are found and counted, none is held in memory.

use std::time::Duration;

use kubeknock::config::Order;
use kubeknock::model::{FailureKind, Verdict};
use kubeknock::simulator;
use tokio::net::{TcpListener, TcpStream};

use crate::support::{config, knock, run, scan, settled, start, stderr, stdout, targets};

/// 65,536 loopback addresses, 50 of them alive, at full speed.
#[tokio::test(flavor = "multi_thread")]
async fn fifty_among_65536_are_all_found() {
    let scenario = simulator::scenario("default").unwrap();
    // One port for all: the first server picks it.
    let first = simulator::start(scenario.clone(), "127.77.0.1:0".parse().unwrap())
        .await
        .unwrap();
    let port = first.address().port();
    let mut servers = vec![first];
    for index in 1..50_u8 {
        let address = format!("127.77.{}.{}:{port}", index * 5, 255 - index);
        servers.push(
            simulator::start(scenario.clone(), address.parse().unwrap())
                .await
                .unwrap(),
        );
    }
    let fast = config().with(|config| {
        config.rate = 0;
        config.concurrency = 4096;
        config.order = Order::Seeded(7);
    });
    let (records, summary) = scan(fast, targets(&[format!("127.77.0.0/16 ports={port}")])).await;
    assert_eq!(summary.coverage.targets, 65_536);
    let lost: Vec<&String> = (records.iter())
        .filter(|record| record.verdict != Verdict::Forbidden)
        .map(|record| &record.reason)
        .collect();
    assert_eq!(summary.coverage.count(Verdict::Forbidden), 50, "{lost:?}");
    assert_eq!(
        summary.coverage.unreachable.get(&FailureKind::Refused),
        Some(&65_486)
    );
    assert_eq!(
        records.len(),
        50,
        "refused range addresses are counted, not listed"
    );
    for server in &servers {
        assert_eq!(
            (server.stats().connections(), server.stats().handshakes()),
            (1, 1),
            "{}",
            server.address()
        );
    }
}

/// A server that closes after each request gets the same verdict even if many other targets wait longer for
/// their connections than a probe may take.
#[tokio::test(flavor = "multi_thread")]
async fn the_verdict_does_not_depend_on_the_other_targets() {
    let scenario = simulator::scenario("closes-each").unwrap();
    let server = simulator::start(scenario, "127.90.0.1:0".parse().unwrap())
        .await
        .unwrap();
    let port = server.address().port();
    let slow = || {
        config().with(|config| {
            config.rate = 20;
            config.timeout = Duration::from_secs(2);
        })
    };
    let alone = knock(slow(), &server.address().to_string()).await;
    assert_eq!(alone.verdict, Verdict::Forbidden, "{}", alone.reason);
    let (records, _) = scan(
        slow(),
        targets(&[format!("127.90.0.1-127.90.0.64 ports={port}")]),
    )
    .await;
    let among = &records[0];
    assert_eq!(
        (among.verdict, &among.reason),
        (alone.verdict, &alone.reason)
    );
    assert_eq!((among.connections, alone.connections), (3, 3));
    assert!(
        among.timings.total < Duration::from_secs(1),
        "our own turn is not its time: {:?}",
        among.timings
    );
}

/// A server that closes idle connections, beside one that holds the only probe permit for longer.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_closes_idle_connections_still_gets_its_verdict() {
    let (slow, server) = (start("hangs-after-accept").await, start("default").await);
    let (front, behind) = (
        TcpListener::bind("127.0.0.2:0").await.unwrap(),
        server.address(),
    );
    let address = front.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = front.accept().await {
            tokio::spawn(async move {
                let mut byte = [0];
                let first_byte =
                    tokio::time::timeout(Duration::from_millis(500), stream.peek(&mut byte));
                if matches!(first_byte.await, Ok(Ok(1))) {
                    let mut server = TcpStream::connect(behind).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut stream, &mut server).await;
                }
            });
        }
    });
    let one = config().with(|config| {
        config.concurrency = 1;
        config.retries = 0;
        config.timeout = Duration::from_secs(2);
    });
    let (records, _) = scan(
        one,
        targets(&[slow.address().to_string(), address.to_string()]),
    )
    .await;
    let record = records
        .iter()
        .find(|record| record.target.port == address.port())
        .unwrap();
    assert_eq!(record.verdict, Verdict::Forbidden, "{}", record.reason);
    assert_eq!(record.connections, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_all_every_target_is_listed() {
    let server = start("default").await;
    let spec = format!("127.0.0.0/29 ports={}", server.address().port());
    let (records, _) = scan(config(), targets(std::slice::from_ref(&spec))).await;
    assert_eq!(records.len(), 1);
    let (records, summary) = scan(
        config().with(|config| config.keep_all = true),
        targets(&[spec]),
    )
    .await;
    assert_eq!(records.len(), 8);
    assert_eq!(summary.coverage.unreachable_total(), 7);
}

/// The same input and seed give the same report, byte for byte, except for times.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_seed_gives_the_same_report() {
    let mut servers = Vec::new();
    for name in [
        "default",
        "rejecting",
        "health-only",
        "exposed",
        "nginx-fronted",
        "kube-controller-manager",
        "web-server",
    ] {
        servers.push(start(name).await);
    }
    let mut args: Vec<String> = servers
        .iter()
        .map(|server| server.address().to_string())
        .collect();
    args.push(format!(
        "127.0.0.0/28 ports={}",
        servers[0].address().port()
    ));
    let scan = |seed: &str| {
        let mut all = vec!["scan", "-q", "--seed", seed, "-o", "json"];
        all.extend(args.iter().map(String::as_str));
        let output = run(&all);
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        stdout(&output)
    };
    let (first, second, other) = (scan("11"), scan("11"), scan("12"));
    assert_eq!(settled(&first), settled(&second));
    assert_eq!(
        settled(&first)["endpoints"],
        settled(&other)["endpoints"],
        "reports are in the order of the set"
    );
    // The same text once the varying values are removed.
    let text = |report: &str| serde_json::to_string_pretty(&settled(report)).unwrap();
    assert_eq!(text(&first), text(&second));
}
