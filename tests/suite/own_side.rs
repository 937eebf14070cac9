//! What fails on our own side is never told as the state of a target: a proxy that is not there or
//! refuses, a machine without a route, too few descriptors.

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use kubeknock::config::ProxyKind;
use serde_json::{Value, json};

use crate::proxy::{Manner, TestProxy};
use crate::support::{ANY, in_namespaces, kubeknock, run, start, stderr, stdout};

const KINDS: [ProxyKind; 2] = [ProxyKind::Socks5, ProxyKind::HttpConnect];

/// A port on which nothing listens.
fn closed_port() -> u16 {
    std::net::TcpListener::bind(ANY)
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn scan(more: &[&str]) -> (Output, Value) {
    let output = kubeknock()
        .args(["scan", "-o", "json"])
        .args(more)
        .output()
        .unwrap();
    let report =
        serde_json::from_str(&stdout(&output)).unwrap_or_else(|_| panic!("{}", stderr(&output)));
    (output, report)
}

/// The exit code, and what of the coverage tells whose fault it was.
fn told(output: &Output, report: &Value) -> (Option<i32>, Value) {
    let coverage = &report["coverage"];
    let unreachable = &coverage["unreachable"]["kinds"];
    (
        output.status.code(),
        json!([
            coverage["not_attempted"],
            coverage["failed_here"],
            unreachable
        ]),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_proxy_connects_nobody_nothing_was_scanned() {
    let absent = format!("127.0.0.1:{}", closed_port());
    let mut proxies = vec![
        (format!("socks5://{absent}"), "proxy", "Connection refused"),
        (format!("http://{absent}"), "proxy", "Connection refused"),
    ];
    let mut running = Vec::new();
    for kind in KINDS {
        for (manner, word, said) in [
            (
                Manner::WantsCredentials,
                "proxy",
                "wants credentials, and kubeknock never sends any",
            ),
            (Manner::AnotherServer, "proxy", ""),
            (
                Manner::ForbidsAll,
                "proxy-refused",
                "its rules must allow these hosts and ports",
            ),
        ] {
            let proxy = TestProxy::start(kind, manner).await;
            proxies.push((proxy.url(), word, said));
            running.push(proxy);
        }
    }
    for (url, word, said) in proxies {
        let (output, report) = scan(&["--proxy", &url, "127.0.1.0/28", "-p", "6443"]);
        assert_eq!(
            told(&output, &report),
            (Some(2), json!([16, {word: 16}, {}])),
            "{url}"
        );
        let errors = stderr(&output);
        assert!(
            errors.contains("error: could not scan: the proxy ") && errors.contains(said),
            "{errors}"
        );
        assert_eq!(
            errors.matches(said).count() > 3,
            said.is_empty(),
            "said once or twice: {errors}"
        );
        assert_eq!(report["summary"]["complete"], false);
        assert!(
            report["scan"]["stopped"]
                .as_str()
                .unwrap()
                .starts_with("could not scan: ")
        );

        // As a target that somebody wrote down, with the reason; and for one server alone.
        let (output, report) = scan(&["-q", "--proxy", &url, "127.0.1.1:6443 expect=unreachable"]);
        assert_eq!(
            told(&output, &report),
            (Some(2), json!([1, {word: 1}, {}])),
            "{url}"
        );
        let record = &report["endpoints"][0];
        assert_eq!(
            (&record["verdict"], &record["failure"]["kind"]),
            (&"not-attempted".into(), &word.into())
        );
        assert_eq!(record["as_expected"], Value::Null);
        let spec = &report["coverage"]["specs"][0];
        assert_eq!(
            (&spec["covered"], &spec["met"], &spec["seen"]),
            (&false.into(), &false.into(), &json!([]))
        );
        let identified = run(&["identify", "--proxy", &url, "127.0.1.1:6443"]);
        assert_eq!(identified.status.code(), Some(2));
        assert!(
            stderr(&identified).contains("error: could not scan: "),
            "{}",
            stderr(&identified)
        );
    }
}

/// The counts tell it too: a report of it passes no gate later.
#[tokio::test(flavor = "multi_thread")]
async fn a_report_of_a_scan_that_could_not_be_made_passes_no_gate() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    let saved = format!("json={}", path.display());
    let url = format!("socks5://127.0.0.1:{}", closed_port());
    let output = run(&[
        "scan",
        "--proxy",
        &url,
        "127.0.1.0/28",
        "-p",
        "6443",
        "-o",
        "table",
        "-o",
        &saved,
    ]);
    assert_eq!(output.status.code(), Some(2));
    let table = stdout(&output);
    assert!(
        table.contains("16 targets: 16 not attempted (16 proxy failure)"),
        "{table}"
    );
    assert!(
        table.contains("could not scan, 16 of 16 targets not attempted: exit 2"),
        "{table}"
    );
    let again = run(&["report", "table", path.to_str().unwrap()]);
    assert_eq!((again.status.code(), stdout(&again)), (Some(2), table));
}

/// A range of any size is given up when it is clear that the proxy connects nobody.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_range_is_not_tried_through_a_proxy_that_is_not_there() {
    let url = format!("http://127.0.0.1:{}", closed_port());
    let began = Instant::now();
    let (output, report) = scan(&["--proxy", &url, "10.0.0.0/12", "-p", "6443"]);
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("error: could not scan: the proxy connects nobody"),
        "{}",
        stderr(&output)
    );
    assert_eq!(report["coverage"]["not_attempted"], 1 << 20);
    assert_eq!(report["coverage"]["unreachable"]["total"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_proxys_rules_forbid_is_not_attempted_and_the_rest_is_asked() {
    for kind in KINDS {
        let server = start("default").await;
        let (open, forbidden) = (server.address().port(), closed_port());
        let proxy = TestProxy::start(kind, Manner::Forbids(forbidden)).await;
        let ports = format!("ports={open},{forbidden}");
        let (named, range) = (
            format!("127.0.0.1 {ports}"),
            format!("127.0.1.0/30 ports={forbidden}"),
        );
        let (output, report) = scan(&["--proxy", &proxy.url(), &named, &range]);
        assert_eq!(
            told(&output, &report),
            (Some(0), json!([5, {"proxy-refused": 5}, {}])),
            "{kind:?}"
        );
        assert_eq!(report["coverage"]["verdicts"]["forbidden"], 1);
        assert_eq!(report["coverage"]["covered"], 1);
        let seen: Vec<&str> = report["endpoints"]
            .as_array()
            .unwrap()
            .iter()
            .map(|record| record["verdict"].as_str().unwrap())
            .collect();
        assert_eq!(seen.len(), 2, "the range is counted only");
        assert!(
            seen.contains(&"forbidden") && seen.contains(&"not-attempted"),
            "{seen:?}"
        );
        // Of a target that is hit alone nothing is known.
        let (output, report) = scan(&[
            "--proxy",
            &proxy.url(),
            &named,
            &format!("127.0.0.2:{forbidden}"),
        ]);
        assert_eq!(told(&output, &report).0, Some(3), "{}", stderr(&output));
        assert_eq!(
            report["findings"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|finding| finding["rule"] == "target-not-covered")
                .count(),
            1
        );
    }
}

/// What is dead behind a proxy is counted and not listed, however the proxy says it; who is alive is found.
#[tokio::test(flavor = "multi_thread")]
async fn dead_addresses_behind_a_proxy_are_counted() {
    let server = start("default").await;
    let port = server.address().port().to_string();
    for (kind, manner) in [
        (ProxyKind::Socks5, Manner::Honest),
        (ProxyKind::Socks5, Manner::Optimistic),
        (ProxyKind::Socks5, Manner::Curt),
        (ProxyKind::HttpConnect, Manner::Honest),
        (ProxyKind::HttpConnect, Manner::Optimistic),
    ] {
        let proxy = TestProxy::start(kind, manner).await;
        let (output, report) = scan(&["-q", "--proxy", &proxy.url(), "127.0.0.0/28", "-p", &port]);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{kind:?}, {manner:?}: {}",
            stderr(&output)
        );
        let coverage = &report["coverage"];
        assert_eq!(
            coverage["verdicts"]["forbidden"], 1,
            "{kind:?}, {manner:?}: {coverage}"
        );
        assert_eq!(
            coverage["unreachable"]["total"], 15,
            "{kind:?}, {manner:?}: {coverage}"
        );
        assert_eq!(
            report["endpoints"].as_array().unwrap().len(),
            1,
            "{kind:?}, {manner:?}"
        );

        let (_, report) = scan(&["-q", "--proxy", &proxy.url(), &format!("127.0.0.2:{port}")]);
        let record = &report["endpoints"][0];
        assert_eq!(
            record["verdict"], "unreachable",
            "{kind:?}, {manner:?}: {record}"
        );
        assert_eq!(record["connections"], 0, "{kind:?}, {manner:?}: {record}");
    }
}

/// What our own side failed at is left for the run that goes on from the checkpoint.
#[tokio::test(flavor = "multi_thread")]
async fn a_resumed_scan_asks_what_could_not_be_asked() {
    let server = start("default").await;
    let (open, other) = (server.address().port(), closed_port());
    let proxy = TestProxy::start(ProxyKind::HttpConnect, Manner::Forbids(other)).await;
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = folder.path().join("checkpoint");
    for retries in ["0", "1"] {
        let _ = std::fs::remove_file(&checkpoint);
        proxy.change(Manner::Forbids(other));
        let path = Path::to_str(&checkpoint).unwrap();
        let ports = format!("{open},{other}");
        let common = [
            "-q",
            "--seed",
            "1",
            "--proxy",
            &proxy.url(),
            "127.0.0.0/30",
            "-p",
            &ports,
            "--retries",
            retries,
        ];
        let (_, report) = scan(&[&common[..], &["--checkpoint", path]].concat());
        assert_eq!(
            report["coverage"]["failed_here"],
            json!({"proxy-refused": 4})
        );
        let asked = server.stats().connections();
        proxy.change(Manner::Honest);
        for age in [
            "going on with the scan that began",
            "this scan came to its end",
        ] {
            let (output, report) = scan(&[&common[1..], &["--resume", path]].concat());
            assert!(
                stderr(&output).contains(age),
                "{retries} retries: {}",
                stderr(&output)
            );
            let dead = json!([0, {}, {"proxy-could-not-connect": 7}]);
            assert_eq!(told(&output, &report), (Some(0), dead), "{retries} retries");
            assert_eq!(report["coverage"]["verdicts"]["forbidden"], 1);
            assert_eq!(report["endpoints"].as_array().unwrap().len(), 1);
        }
        assert_eq!(
            server.stats().connections(),
            asked,
            "an answer is never asked for again"
        );
    }
}

/// Nobody answers any question about names: that is no name's fault.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_name_server_names_are_not_attempted_and_addresses_are_asked() {
    let server = start("default").await;
    let silent = tokio::net::UdpSocket::bind(ANY).await.unwrap();
    let resolvers = [
        format!("127.0.0.1:{}", closed_port()),
        silent.local_addr().unwrap().to_string(),
    ];
    for resolver in resolvers {
        let common = [
            "--resolver",
            &resolver,
            "--timeout",
            "1s",
            "api.example:6443",
        ];
        let (output, report) = scan(&common);
        assert_eq!(
            told(&output, &report),
            (Some(2), json!([1, {"no-resolver": 1}, {}])),
            "{resolver}"
        );
        let errors = stderr(&output);
        assert!(
            errors.contains("error: could not scan: no name server can be asked (api.example: "),
            "{errors}"
        );
        assert!(errors.contains("name a server with --resolver"), "{errors}");

        let address = server.address().to_string();
        let (output, report) = scan(&[&common[..], &[&address]].concat());
        assert_eq!(
            told(&output, &report),
            (Some(3), json!([1, {"no-resolver": 1}, {}])),
            "{resolver}"
        );
        assert_eq!(report["coverage"]["verdicts"]["forbidden"], 1);
        let record = &report["endpoints"][0];
        assert_eq!(
            (&record["verdict"], &record["address"]),
            (&"not-attempted".into(), &Value::Null)
        );
        assert_eq!(
            stderr(&output).matches("no name server").count(),
            1,
            "{}",
            stderr(&output)
        );
    }
}

/// A server that answers for one name is there, and says nothing by its silence about another.
#[tokio::test(flavor = "multi_thread")]
async fn the_silence_of_a_name_server_that_answers_others_is_the_names_own() {
    let names = crate::name_server::NameServer::start().await;
    let resolver = names.config().resolver.unwrap().to_string();
    let targets = ["nowhere.example:6443", "silent.example:6443"];
    let (output, report) =
        scan(&[&["--resolver", &resolver, "--timeout", "1s"], &targets[..]].concat());
    let kinds = json!({"name-not-found": 1, "resolver-timed-out": 1});
    assert_eq!(told(&output, &report), (Some(3), json!([0, {}, kinds])));
}

/// What is wrong with this machine's configuration of names keeps no address from being asked.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_resolver_configuration_that_cannot_be_read_is_no_reason_to_ask_nobody() {
    let server = start("default").await;
    let script = r#"mount --bind /dev/null /etc/resolv.conf 2>/dev/null || exit 77; exec "$@""#;
    let address = server.address().to_string();
    for (targets, code) in [
        (&["api.example:6443", &address][..], 3),
        (&["api.example:6443"], 2),
    ] {
        let output = Command::new("unshare")
            .args([
                "--mount",
                "sh",
                "-c",
                script,
                "sh",
                env!("CARGO_BIN_EXE_kubeknock"),
            ])
            .args(["scan", "-o", "json", "--timeout", "1s"])
            .args(targets)
            .output();
        let Some(output) = in_namespaces(output, "a file system of the test's own") else {
            return;
        };
        let report: Value = serde_json::from_str(&stdout(&output))
            .unwrap_or_else(|_| panic!("{}", stderr(&output)));
        assert_eq!(
            told(&output, &report),
            (Some(code), json!([1, {"no-resolver": 1}, {}])),
            "{}",
            stderr(&output)
        );
    }
}

/// A name with addresses of both families, on a machine that has one: asked there, and complete.
#[cfg(target_os = "linux")]
#[test]
fn a_family_that_this_machine_lacks_is_not_missed_where_the_name_has_the_other() {
    let script = r#"
        hosts=$1; shift
        mount --bind "$hosts" /etc/hosts 2>/dev/null || exit 77
        "$1" simulate --profile default --listen 127.0.0.1:26443 >/dev/null 2>&1 & server=$!
        sleep 1
        "$@"; code=$?
        kill $server
        exit $code
    "#;
    let folder = tempfile::tempdir().unwrap();
    let hosts = folder.path().join("hosts");
    std::fs::write(
        &hosts,
        "127.0.0.1 both.example\n2001:db8::1 both.example\n2001:db8::2 six.example\n",
    )
    .unwrap();
    let run = |more: &[&str]| {
        let script = format!("ip link set lo up 2>/dev/null || exit 77\n{script}");
        let output = Command::new("unshare")
            .args(["--net", "--mount", "sh", "-c", &script, "sh"])
            .arg(&hosts)
            .args([env!("CARGO_BIN_EXE_kubeknock"), "scan", "-o", "json"])
            .args(more)
            .output();
        in_namespaces(output, "a network of the test's own")
    };
    let Some(output) = run(&["both.example:26443"]) else {
        return;
    };
    let report: Value =
        serde_json::from_str(&stdout(&output)).unwrap_or_else(|_| panic!("{}", stderr(&output)));
    assert_eq!(
        told(&output, &report),
        (Some(0), json!([0, {}, {}])),
        "{}",
        stderr(&output)
    );
    let coverage = &report["coverage"];
    assert_eq!(
        (&coverage["unroutable_addresses"], &coverage["covered"]),
        (&1.into(), &1.into())
    );
    assert_eq!(
        (
            &report["summary"]["complete"],
            coverage["further_addresses"].clone()
        ),
        (&true.into(), 1.into())
    );
    assert_eq!(report["endpoints"].as_array().unwrap().len(), 1);

    // Where nothing else is there it is said, once for all.
    let Some(output) = run(&[
        "both.example:26443",
        "six.example:26443",
        "[2001:db8::3]:26443",
    ]) else {
        return;
    };
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(
        told(&output, &report),
        (Some(3), json!([2, {"no-route": 2}, {}]))
    );
    assert_eq!(
        stderr(&output)
            .matches("no route from this machine")
            .count(),
        1,
        "{}",
        stderr(&output)
    );
}

/// Runs in a network namespace of its own, with loopback alone.
#[cfg(target_os = "linux")]
fn with_loopback_alone(script: &str, args: &[&str]) -> Option<Output> {
    let script = format!("ip link set lo up 2>/dev/null || exit 77\n{script}");
    let output = Command::new("unshare")
        .args([
            "--net",
            "sh",
            "-c",
            &script,
            "sh",
            env!("CARGO_BIN_EXE_kubeknock"),
        ])
        .args(args)
        .output();
    in_namespaces(output, "a network of the test's own")
}

#[cfg(target_os = "linux")]
#[test]
fn a_machine_without_a_route_could_not_scan() {
    let args = [
        "scan",
        "-o",
        "json",
        "192.0.2.0/28",
        "[2001:db8::1]",
        "-p",
        "6443",
        "--timeout",
        "2s",
    ];
    let args = [&args[..], &["api.example", "--resolver", "192.0.2.53"]].concat();
    let Some(output) = with_loopback_alone("exec \"$@\"", &args) else {
        return;
    };
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(
        told(&output, &report),
        (Some(2), json!([18, {"no-route": 17, "no-resolver": 1}, {}]))
    );
    let errors = stderr(&output);
    assert!(
        errors.contains("error: could not scan: this machine has no route to any target"),
        "{errors}"
    );
    assert!(
        errors.contains("; no name server can be asked (api.example: "),
        "{errors}"
    );
    assert_eq!(
        errors.matches("no route from this machine").count(),
        1,
        "{errors}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn where_some_addresses_have_no_route_the_others_are_asked() {
    let script = r#"
        "$1" simulate --profile default --listen 127.0.0.1:26443 >/dev/null 2>&1 & server=$!
        sleep 1
        "$@"; code=$?
        kill $server
        exit $code
    "#;
    let args = [
        "scan",
        "-o",
        "json",
        "127.0.0.1:26443",
        "192.0.2.0/28",
        "-p",
        "6443",
    ];
    let Some(output) = with_loopback_alone(script, &args) else {
        return;
    };
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(
        told(&output, &report),
        (Some(0), json!([16, {"no-route": 16}, {}])),
        "{}",
        stderr(&output)
    );
    assert_eq!(report["coverage"]["verdicts"]["forbidden"], 1);
    assert_eq!(report["endpoints"].as_array().unwrap().len(), 1);
    assert_eq!(report["summary"]["complete"], false);
}

/// A limit on open files too low for anything is an error, with what to do.
#[cfg(unix)]
#[test]
fn too_few_descriptors_are_an_error() {
    let runs = |command: &[&str], limit: u32| {
        let script = format!("ulimit -n {limit}; exec \"$@\"");
        let program = ["-c", &script, "sh", env!("CARGO_BIN_EXE_kubeknock")];
        Command::new("sh")
            .args(program)
            .args(command)
            .output()
            .unwrap()
    };
    for command in [["scan", "127.0.0.1:9"], ["identify", "127.0.0.1:9"]] {
        for limit in 5..12 {
            let output = runs(&command, limit);
            let errors = stderr(&output);
            assert_eq!(output.status.code(), Some(2), "{limit}: {errors}");
            assert!(
                errors.contains("ulimit -n") && !errors.contains("panicked"),
                "{limit}: {errors}"
            );
        }
    }
    let output = runs(&["scan", "127.0.0.1:9"], 20);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
}
