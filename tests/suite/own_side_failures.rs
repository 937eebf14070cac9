//! Failures on this side are never reported as the state of a target: a missing or refusing proxy, a machine
//! without a route, too few descriptors.

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use kubeknock::config::ProxyKind;
use serde_json::{Value, json};

use crate::proxy::{Manner, TestProxy};
use crate::support::{ANY, closed_port, in_namespaces, kubeknock, run, start, stderr, stdout};

const KINDS: [ProxyKind; 2] = [ProxyKind::Socks5, ProxyKind::HttpConnect];

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

/// The exit code, and the coverage that shows on which side the failure was.
fn result_of(output: &Output, report: &Value) -> (Option<i32>, Value) {
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
async fn a_proxy_that_never_connects_means_that_nothing_was_scanned() {
    let absent = format!("127.0.0.1:{}", closed_port().port());
    let mut proxies = vec![
        (format!("socks5://{absent}"), "proxy", "Connection refused"),
        (format!("http://{absent}"), "proxy", "Connection refused"),
    ];
    let mut running = Vec::new();
    for kind in KINDS {
        for (manner, word, message) in [
            (
                Manner::WantsCredentials,
                "proxy",
                "requires credentials, and kubeknock never sends any",
            ),
            (Manner::AnotherServer, "proxy", ""),
            (
                Manner::ForbidsAll,
                "proxy-refused",
                "its rules must allow these hosts and ports",
            ),
        ] {
            let proxy = TestProxy::start(kind, manner).await;
            proxies.push((proxy.url(), word, message));
            running.push(proxy);
        }
    }
    for (url, word, message) in proxies {
        let (output, report) = scan(&["--proxy", &url, "127.0.1.0/28", "-p", "6443"]);
        assert_eq!(
            result_of(&output, &report),
            (Some(2), json!([16, {word: 16}, {}])),
            "{url}"
        );
        let errors = stderr(&output);
        assert!(
            errors.contains("error: could not scan: the proxy ") && errors.contains(message),
            "{errors}"
        );
        assert_eq!(
            errors.matches(message).count() > 3,
            message.is_empty(),
            "reported once or twice: {errors}"
        );
        assert_eq!(report["summary"]["complete"], false);
        assert!(
            report["scan"]["stopped"]
                .as_str()
                .unwrap()
                .starts_with("could not scan: ")
        );

        // Also for a named target, with the reason, and for a single server.
        let (output, report) = scan(&["-q", "--proxy", &url, "127.0.1.1:6443 expect=unreachable"]);
        assert_eq!(
            result_of(&output, &report),
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

/// The counts of the report show it too, so that no later gate passes.
#[tokio::test(flavor = "multi_thread")]
async fn the_report_of_a_scan_that_could_not_be_made_passes_no_gate() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    let saved = format!("json={}", path.display());
    let url = format!("socks5://127.0.0.1:{}", closed_port().port());
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
        table.contains("exit 2: could not scan; 16 of 16 targets not attempted"),
        "{table}"
    );
    let again = run(&["report", "table", path.to_str().unwrap()]);
    assert_eq!((again.status.code(), stdout(&again)), (Some(2), table));
}

/// A range of any size is given up once it is clear that the proxy does not connect.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_range_is_given_up_if_the_proxy_is_missing() {
    let url = format!("http://127.0.0.1:{}", closed_port().port());
    let began = Instant::now();
    let (output, report) = scan(&["--proxy", &url, "10.0.0.0/12", "-p", "6443"]);
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("error: could not scan: the proxy does not connect"),
        "{}",
        stderr(&output)
    );
    assert_eq!(report["coverage"]["not_attempted"], 1 << 20);
    assert_eq!(report["coverage"]["unreachable"]["total"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_that_the_proxy_forbids_are_not_attempted_and_the_others_are_asked() {
    for kind in KINDS {
        let server = start("default").await;
        let (open, forbidden) = (server.address().port(), closed_port().port());
        let proxy = TestProxy::start(kind, Manner::Forbids(forbidden)).await;
        let ports = format!("ports={open},{forbidden}");
        let (named, range) = (
            format!("127.0.0.1 {ports}"),
            format!("127.0.1.0/30 ports={forbidden}"),
        );
        let (output, report) = scan(&["--proxy", &proxy.url(), &named, &range]);
        assert_eq!(
            result_of(&output, &report),
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
        // Nothing is known about a single forbidden target.
        let (output, report) = scan(&[
            "--proxy",
            &proxy.url(),
            &named,
            &format!("127.0.0.2:{forbidden}"),
        ]);
        assert_eq!(
            result_of(&output, &report).0,
            Some(3),
            "{}",
            stderr(&output)
        );
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

/// Dead addresses behind a proxy are counted and not listed, whatever the proxy answers. Live ones are found.
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

/// Targets that failed on this side are left for the resumed scan.
#[tokio::test(flavor = "multi_thread")]
async fn a_resumed_scan_retries_failures_on_this_side() {
    let server = start("default").await;
    let (open, other) = (server.address().port(), closed_port().port());
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
        for age in ["resuming the scan that began", "this scan ended"] {
            let (output, report) = scan(&[&common[1..], &["--resume", path]].concat());
            assert!(
                stderr(&output).contains(age),
                "{retries} retries: {}",
                stderr(&output)
            );
            let dead = json!([0, {}, {"proxy-could-not-connect": 7}]);
            assert_eq!(
                result_of(&output, &report),
                (Some(0), dead),
                "{retries} retries"
            );
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

/// If no name server ever answers, that is not the fault of a name.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_name_server_names_are_not_attempted_and_addresses_are_asked() {
    let server = start("default").await;
    let silent = tokio::net::UdpSocket::bind(ANY).await.unwrap();
    let resolvers = [
        format!("127.0.0.1:{}", closed_port().port()),
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
            result_of(&output, &report),
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
            result_of(&output, &report),
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

/// A server that answers for one name exists. Its silence about another name is that name's failure.
#[tokio::test(flavor = "multi_thread")]
async fn silence_about_one_name_is_that_names_failure() {
    let names = crate::name_server::NameServer::start().await;
    let resolver = names.config().resolver.unwrap().to_string();
    let targets = ["nowhere.example:6443", "silent.example:6443"];
    let (output, report) =
        scan(&[&["--resolver", &resolver, "--timeout", "1s"], &targets[..]].concat());
    let kinds = json!({"name-not-found": 1, "resolver-timed-out": 1});
    assert_eq!(
        result_of(&output, &report),
        (Some(3), json!([0, {}, kinds]))
    );
}

/// An invalid resolver configuration of this machine does not keep addresses from being asked.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn addresses_are_asked_despite_an_unreadable_resolver_configuration() {
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
            result_of(&output, &report),
            (Some(code), json!([1, {"no-resolver": 1}, {}])),
            "{}",
            stderr(&output)
        );
    }
}

/// A name with addresses of both families on a machine with one family is asked there and complete.
#[cfg(target_os = "linux")]
#[test]
fn a_family_that_this_machine_lacks_is_not_missed_if_the_name_has_the_other() {
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
        result_of(&output, &report),
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

    // If the name has no other family, that is reported once.
    let Some(output) = run(&[
        "both.example:26443",
        "six.example:26443",
        "[2001:db8::3]:26443",
    ]) else {
        return;
    };
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(
        result_of(&output, &report),
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

/// Runs in a network namespace that has only loopback.
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
        result_of(&output, &report),
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
fn addresses_with_a_route_are_asked_beside_those_without() {
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
        result_of(&output, &report),
        (Some(0), json!([16, {"no-route": 16}, {}])),
        "{}",
        stderr(&output)
    );
    assert_eq!(report["coverage"]["verdicts"]["forbidden"], 1);
    assert_eq!(report["endpoints"].as_array().unwrap().len(), 1);
    assert_eq!(report["summary"]["complete"], false);
}

/// The cryptographic library aborts a process that ends while a thread gathers entropy.
#[test]
fn a_scan_that_ends_at_once_ends_in_order() {
    for _ in 0..60 {
        let scan = Command::new(env!("CARGO_BIN_EXE_kubeknock"))
            .args(["scan", "-q", "127.0.0.1:9"])
            .output()
            .unwrap();
        assert_eq!(scan.status.code(), Some(3), "{}", stderr(&scan));
    }
}

/// A limit on open files that is too low for any scan is an error with a remedy.
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
