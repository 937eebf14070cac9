//! The pages for people and for Kubernetes.

#[cfg(target_os = "linux")]
use std::net::TcpStream;
#[cfg(target_os = "linux")]
use std::time::{SystemTime, UNIX_EPOCH};

use super::Exporter;
#[cfg(target_os = "linux")]
use super::wait_for;
use crate::carried::{serve, serve_at, silence};
use crate::support::start;

#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_what_is_probed() {
    let hostile = start("control-characters").await;
    let exposed = start("exposed").await;
    let folder = tempfile::tempdir().unwrap();
    let targets = [
        format!("{} name=<script>alert(1)</script>", hostile.address()),
        format!("{} name=open", exposed.address()),
        "192.0.2.1:6443 name=later".to_owned(),
    ];
    let targets = targets.each_ref().map(String::as_str);
    let exporter = Exporter::start(folder.path(), &targets);
    exporter.probe("open");
    exporter.probe("%3Cscript%3Ealert(1)%3C/script%3E");
    let page = exporter.get("/");
    assert!(
        page.head
            .contains("content-security-policy: default-src 'none'"),
        "{}",
        page.head
    );
    assert!(!page.body.contains("<script"), "{}", page.body);
    assert!(!page.body.contains('\u{1b}'));
    let at = |text: &str| {
        page.body
            .find(text)
            .unwrap_or_else(|| panic!("{text}: {}", page.body))
    };
    assert!(at("<td class=\"exposed\">exposed</td>") < at("not probed yet"));
    at("&lt;script&gt;");
    assert_eq!(
        exporter.own("targets_by_last_verdict{verdict=\"exposed\"}"),
        1
    );
    for path in ["/healthz", "/readyz"] {
        assert_eq!(
            (exporter.get(path).status, &*exporter.get(path).body),
            (200, "ok\n")
        );
    }
    assert_eq!(exporter.get("/favicon.ico").status, 404);
}

/// A server that is open to deep probes only. An ordinary probe does not hide that; a deep one after the fix does, and so
/// does an outage.
#[tokio::test(flavor = "multi_thread")]
async fn an_ordinary_probe_hides_no_deep_one() {
    let server = serve_at("lists-nodes", "127.0.18.9").await;
    let address = server.address();
    let folder = tempfile::tempdir().unwrap();
    let settings = "[exporter]\ndeep = true\n";
    std::fs::write(folder.path().join("kubeknock.toml"), settings).unwrap();
    let target = format!("{address} name=prod");
    let exporter = Exporter::start(
        folder.path(),
        &[&target, "--min-interval=0s", "--retries=0"],
    );
    let probe = |module: &str, expected: &str| {
        let answer = exporter.get(&format!("/probe?target=prod{module}"));
        assert_eq!(answer.verdict(), Some(expected), "{}", answer.body);
    };
    let assert_shown = |expected: &str| {
        let page = exporter.get("/").body;
        let cell = format!("<td class=\"{expected}\">{expected}</td>");
        assert!(page.contains(&cell), "{expected}: {page}");
        for verdict in ["exposed", "forbidden", "unreachable"] {
            let series = format!("targets_by_last_verdict{{verdict=\"{verdict}\"}}");
            let count = u64::from(verdict == expected);
            assert_eq!(exporter.own(&series), count, "{verdict}, not {expected}");
        }
    };
    let deep = "&module=deep";
    probe("", "forbidden");
    assert_shown("forbidden");
    probe(deep, "exposed");
    assert_shown("exposed");
    probe("", "forbidden");
    assert_shown("exposed");

    drop(server);
    silence(address).await;
    let server = serve("default", address).await;
    probe("", "forbidden");
    assert_shown("exposed");
    probe(deep, "forbidden");
    assert_shown("forbidden");

    drop(server);
    silence(address).await;
    probe("", "unreachable");
    assert_shown("unreachable");
}

/// Compared with what the kernel tells others.
#[cfg(target_os = "linux")]
#[test]
fn the_exporter_measures_its_process() {
    let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let exporter = Exporter::start(folder.path(), &["192.0.2.1"]);
    let page = include_str!("../../../docs/continuous.md");
    let value = |name: &str| {
        assert!(page.contains(&format!("`process_{name}`")), "{name}");
        let answer = exporter.get("/metrics");
        let value = answer.value(&format!("process_{name}"));
        value.unwrap_or_else(|| panic!("{name}: {}", answer.body))
    };
    let since_before = value("start_time_seconds") - before.as_secs_f64();
    assert!((0.0..60.0).contains(&since_before), "{since_before}");

    let open = value("open_fds");
    let idle = [(); 20].map(|()| TcpStream::connect(exporter.address).unwrap());
    wait_for("20 connections", || {
        (value("open_fds") >= open + 19.0).then_some(())
    });
    drop(idle);

    let status = std::fs::read_to_string(format!("/proc/{}/status", exporter.id())).unwrap();
    let size = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let size: f64 = size.unwrap().replace("kB", "").trim().parse().unwrap();
    let ratio = value("resident_memory_bytes") / (size * 1024.0);
    assert!((0.5..2.0).contains(&ratio), "{ratio}");

    // The first tick is a hundredth of a second.
    let first = wait_for("work", || {
        Some(value("cpu_seconds_total")).filter(|seconds| *seconds > 0.0)
    });
    assert!(first < 60.0, "{first}");
}
