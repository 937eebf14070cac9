//! What is refused, and what ends a probe.

use std::fs;
use std::time::{Duration, Instant};

use super::{Exporter, read, wait_for};
use crate::carried::{serve, serve_at, silence};
use crate::support::start;

#[tokio::test(flavor = "multi_thread")]
async fn only_listed_names_are_probed() {
    let server = start("default").await;
    let folder = tempfile::tempdir().unwrap();
    let address = server.address();
    let target = format!("{address} name=prod");
    let exporter = Exporter::start(folder.path(), &[&target]);
    let long = "a".repeat(10_000);
    let longer = "a".repeat(100_000);
    for (query, status) in [
        ("target=other".to_owned(), 404),
        (format!("target={address}"), 404),
        (format!("target=https://{address}/"), 404),
        ("target=prod%00".to_owned(), 404),
        ("target=Prod".to_owned(), 404),
        ("target=".to_owned(), 404),
        (String::new(), 400),
        ("target=prod&target=prod".to_owned(), 400),
        (format!("target=prod&target={address}"), 400),
        ("target=prod&hostname=other".to_owned(), 400),
        ("target=prod&module=deep".to_owned(), 404),
        (format!("target={long}"), 400),
        (format!("target={longer}"), 431),
    ] {
        let answer = exporter.get(&format!("/probe?{query}"));
        let shown = &query[..query.len().min(80)];
        assert_eq!(answer.status, status, "{shown}");
        assert!(!answer.body.contains("aaaa"), "it repeats nothing");
    }
    let posted = read(exporter.send("POST", "/probe?target=prod", "Content-Length: 0\r\n"));
    assert_eq!(posted.status, 405);
    let timeout = "X-Prometheus-Scrape-Timeout-Seconds: soon\r\n";
    assert_eq!(exporter.get_with("/probe?target=prod", timeout).status, 400);
    assert_eq!(exporter.get("/../etc/passwd").status, 404);
    assert_eq!(server.stats().connections(), 0, "nothing was sent");
    assert_eq!(
        exporter.own("refused_requests_total{reason=\"unlisted\"}"),
        7
    );
    assert_eq!(exporter.probe("prod").status, 200);
}

/// Of 500 scrapes at once, as many run as are allowed, three times as many wait, and the others are refused.
#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_scrapes_at_once_are_too_many() {
    let server = start("hangs-after-accept").await;
    let folder = tempfile::tempdir().unwrap();
    let lines = (0..500).map(|number| {
        format!(
            "{} name=n{number} sni=n{number}.example\n",
            server.address()
        )
    });
    std::fs::write(folder.path().join("list"), lines.collect::<String>()).unwrap();
    let args = [
        "-f",
        "list",
        "--max-probes=8",
        "--per-host=0",
        "--timeout=600s",
    ];
    let exporter = Exporter::start(folder.path(), &args);
    let timeout = "X-Prometheus-Scrape-Timeout-Seconds: 600\r\n";
    let streams: Vec<_> = (0..500)
        .map(|number| exporter.send("GET", &format!("/probe?target=n{number}"), timeout))
        .collect();
    let refused = || exporter.own("refused_requests_total{reason=\"busy\"}");
    wait_for("the refusals", || (refused() == 468).then_some(()));
    wait_for("the probes", || {
        (exporter.own("running_probes") == 8).then_some(())
    });
    assert_eq!(server.stats().connections(), 8);
    // Those that wait do not count twice.
    assert_eq!(refused(), 468);
    drop(streams);
    wait_for("the end of the probes", || {
        (exporter.own("running_probes") == 0).then_some(())
    });
    assert_eq!(exporter.probe("other").status, 404, "it still answers");
}

#[tokio::test(flavor = "multi_thread")]
async fn scrapes_of_one_target_share_its_probe() {
    let server = start("slow").await;
    let folder = tempfile::tempdir().unwrap();
    let target = format!("{} name=prod", server.address());
    let exporter = Exporter::start(folder.path(), &[&target]);
    let streams: Vec<_> = (0..50)
        .map(|_| exporter.send("GET", "/probe?target=prod", ""))
        .collect();
    for stream in streams {
        assert_eq!(read(stream).status, 200);
    }
    assert_eq!(server.stats().connections(), 1);
    let count = |result: &str| exporter.own(&format!("scrapes_total{{result=\"{result}\"}}"));
    assert_eq!(count("fresh") + count("again"), 50, "each scrape counts");
    assert_eq!(exporter.own("probe_duration_seconds_count"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_ends_with_the_last_scrape_that_waits_for_it() {
    let server = start("hangs-in-http").await;
    let folder = tempfile::tempdir().unwrap();
    let target = format!("{} name=prod", server.address());
    let exporter = Exporter::start(folder.path(), &[&target, "--timeout", "600s"]);
    let first = exporter.send("GET", "/probe?target=prod", "");
    let second = exporter.send("GET", "/probe?target=prod", "");
    wait_for("a request", || {
        (server.stats().requests() == 1).then_some(())
    });
    assert_eq!(exporter.own("running_probes"), 1);
    drop(first);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(exporter.own("running_probes"), 1, "somebody waits");
    drop(second);
    wait_for("the end of the probe", || {
        (exporter.own("running_probes") == 0).then_some(())
    });
    assert_eq!(server.stats().connections(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_comes_before_prometheus_gives_up() {
    let server = start("hangs-in-http").await;
    let folder = tempfile::tempdir().unwrap();
    let target = format!("{} name=prod", server.address());
    let exporter = Exporter::start(folder.path(), &[&target, "--timeout", "600s"]);
    let began = Instant::now();
    let timeout = "X-Prometheus-Scrape-Timeout-Seconds: 3\r\n";
    let answer = exporter.get_with("/probe?target=prod", timeout);
    assert!(
        began.elapsed() < Duration::from_millis(2950),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(answer.value("kubeknock_probe_timed_out"), Some(1.0));
    assert_eq!(answer.value("kubeknock_probe_success"), Some(0.0));
    assert_eq!(answer.verdict(), None);
    assert_eq!(exporter.own("running_probes"), 0);
    let page = exporter.get("/").body;
    assert!(page.contains("the time of the scrape was over"), "{page}");
    assert!(!page.contains("not probed yet"), "{page}");
}

/// A deep probe takes its time. A scrape that cannot get its turn meanwhile gets the last answer, so that no alert flaps;
/// not after a scrape that timed out by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_deep_probe_does_not_time_the_others_out() {
    let server = serve_at("default", "127.0.18.3").await;
    let address = server.address();
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("kubeknock.toml"),
        "[exporter]\ndeep = true\n",
    )
    .unwrap();
    let target = format!("{address} name=prod");
    let exporter = Exporter::start(
        folder.path(),
        &[
            &target,
            "--min-interval=0s",
            "--timeout=600s",
            "--retries=0",
        ],
    );
    assert_eq!(exporter.probe("prod").verdict(), Some("forbidden"));
    drop(server);
    silence(address).await;
    let _server = serve("hangs-in-http", address).await;
    let running = |count| {
        wait_for("the deep probe", || {
            (exporter.own("running_probes") == count).then_some(())
        });
    };
    let start_deep = || {
        let scrape = exporter.send("GET", "/probe?target=prod&module=deep", "");
        running(1);
        scrape
    };
    let scrape = || {
        let timeout = "X-Prometheus-Scrape-Timeout-Seconds: 1\r\n";
        exporter.get_with("/probe?target=prod", timeout)
    };
    let deep = start_deep();
    let answer = scrape();
    assert_eq!(answer.verdict(), Some("forbidden"), "{}", answer.body);
    assert_eq!(answer.value("kubeknock_probe_success"), Some(1.0));
    assert_eq!(answer.value("kubeknock_probe_timed_out"), Some(0.0));
    assert!(answer.value("kubeknock_probe_age_seconds").unwrap() > 0.0);
    drop(deep);
    running(0);
    assert_eq!(scrape().value("kubeknock_probe_timed_out"), Some(1.0));
    let _deep = start_deep();
    assert_eq!(scrape().value("kubeknock_probe_timed_out"), Some(1.0));
}
