//! Resource exhaustion, networks that refuse, and progress on request.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use kubeknock::internal::{Dial, Dialled, Prober, Round};
use kubeknock::model::{Endpoint, Failure, FailureKind, Host, Scheme, Stage, Verdict};
use kubeknock::simulator::{self, Scenario};
use serde_json::Value;

use crate::support::{config, in_namespaces, knock, kubeknock, serve, start, stderr, stdout};

/// 5,000 live endpoints, scanned with 64 descriptors.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn every_verdict_is_right_with_64_descriptors() {
    let everywhere = "0.0.0.0:0".parse().unwrap();
    let serve = |name: &str| simulator::start(simulator::scenario(name).unwrap(), everywhere);
    let (api, other) = (
        serve("rejecting").await.unwrap(),
        serve("tls-port-speaks-http").await.unwrap(),
    );
    let output = Command::new("sh")
        .args([
            "-c",
            "ulimit -n 64; exec \"$@\"",
            "sh",
            env!("CARGO_BIN_EXE_kubeknock"),
        ])
        .args([
            "scan",
            "-o",
            "json",
            "--rate",
            "0",
            "--retries",
            "0",
            "--fail-on",
            "never",
        ])
        .args(["--require-coverage", "0"])
        .arg(format!(
            "127.61.0.0-127.61.3.231 ports={}",
            api.address().port()
        ))
        .arg(format!(
            "127.62.0.0-127.62.15.159 ports={}",
            other.address().port()
        ))
        .arg("127.61.0.0/28 ports=9")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("--concurrency 512 lowered to 16"),
        "{}",
        stderr(&output)
    );
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let coverage = &report["coverage"];
    assert_eq!(coverage["targets"], 5000 + 16);
    assert_eq!(coverage["verdicts"]["rejected"], 1000, "{coverage}");
    let kinds = serde_json::json!({"plain-http": 4000, "refused": 16});
    assert_eq!(coverage["unreachable"]["kinds"], kinds, "{coverage}");
}

/// Descriptors run out during the scan: logged once, waited for, and not reported for any target.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn every_verdict_is_right_when_descriptors_run_out() {
    let server = simulator::start(
        simulator::scenario("rejecting").unwrap(),
        "0.0.0.0:0".parse().unwrap(),
    );
    let server = server.await.unwrap();
    let script =
        r#"for fd in 3 4 5 6 7 8 9; do eval "exec $fd</dev/null"; done; ulimit -n 26; exec "$@""#;
    for (quiet, warnings) in [(&[][..], 1), (&["-q"], 0)] {
        let output = Command::new("sh")
            .args(["-c", script, "sh", env!("CARGO_BIN_EXE_kubeknock")])
            .args(["scan", "-o", "json", "--rate", "0", "--retries", "0"])
            .arg(format!("127.65.0.0/24 ports={}", server.address().port()))
            .args(quiet)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
        assert_eq!(
            report["coverage"]["verdicts"]["rejected"], 256,
            "{}",
            report["coverage"]
        );
        assert_eq!(
            stderr(&output)
                .matches("this machine ran out of resources")
                .count(),
            warnings
        );
        assert!(
            warnings == 1 || stderr(&output).is_empty(),
            "-q suppresses the warning: {}",
            stderr(&output)
        );
    }
}

/// A machine without a free local port, in a network namespace of its own: two servers use the only two
/// ports.
#[cfg(target_os = "linux")]
#[test]
fn exhausted_local_ports_are_never_reported_as_the_targets_state() {
    let script = r#"
        { ip link set lo up && echo '20000 20001' >/proc/sys/net/ipv4/ip_local_port_range; } 2>/dev/null ||
            exit 77
        program=$1; folder=$2; shift 2
        serve() { "$program" simulate --profile "$1" --listen "$2" >/dev/null 2>&1 & }
        serve default 0.0.0.0:26443; server=$!
        serve rejecting 0.0.0.0:20000; first=$!
        serve rejecting 0.0.0.0:20001; second=$!
        sleep 1
        "$program" scan "$@" --max-duration 1s -o "json=$folder/short.json" 2>"$folder/short.err"
        echo $? >"$folder/short.code"
        (sleep 2; kill $first $second) &
        "$program" scan "$@" -o "json=$folder/later.json" 2>"$folder/later.err"
        echo $? >"$folder/later.code"
        kill $server
    "#;
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("unshare")
        .args([
            "--net",
            "sh",
            "-c",
            script,
            "sh",
            env!("CARGO_BIN_EXE_kubeknock"),
        ])
        .arg(folder.path())
        .args([
            "--retries",
            "0",
            "127.93.0.1:26443 expect=unreachable",
            "127.93.0.2:26443 expect=forbidden",
        ])
        .args([
            "127.93.0.3:26443",
            "127.93.0.0/30 ports=9 expect=unreachable",
        ])
        .output();
    let Some(_) = in_namespaces(output, "a network of the test's own") else {
        return;
    };
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let report = |name: &str| -> Value { serde_json::from_str(&read(name)).unwrap() };

    // Until a port is free nothing is reported for any target.
    let short = report("short.json");
    assert_eq!(
        short["coverage"]["not_attempted"], 7,
        "{}",
        short["coverage"]
    );
    assert_eq!(short["scan"]["stopped"], "--max-duration was reached");
    for spec in short["coverage"]["specs"].as_array().unwrap() {
        assert_eq!(
            (&spec["covered"], &spec["seen"]),
            (&false.into(), &serde_json::json!([])),
            "{spec}"
        );
        assert_ne!(spec["met"], true, "{spec}");
    }
    assert_ne!(read("short.code").trim(), "0");

    // Afterwards every verdict is right, and the warning was logged once.
    let later = report("later.json");
    assert_eq!(
        later["coverage"]["verdicts"]["forbidden"], 3,
        "{}",
        later["coverage"]
    );
    assert_eq!(
        later["coverage"]["unreachable"]["kinds"],
        serde_json::json!({"refused": 4})
    );
    let met: Vec<&Value> = later["coverage"]["specs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|spec| &spec["met"])
        .collect();
    assert_eq!(
        met,
        [
            &Value::from(false),
            &true.into(),
            &Value::Null,
            &true.into()
        ]
    );
    assert_eq!(
        read("later.err")
            .matches("this machine ran out of resources")
            .count(),
        1
    );
    assert_eq!(
        read("later.code").trim(),
        "1",
        "the server that should not answer does"
    );
}

/// Without a local IPv6 address, IPv6 targets cannot be asked; that is not resource exhaustion.
#[cfg(target_os = "linux")]
#[test]
fn without_ipv6_its_targets_are_not_attempted() {
    let script = r#"
        { ip link set lo up && echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6; } 2>/dev/null || exit 77
        exec "$@"
    "#;
    let output = Command::new("unshare")
        .args([
            "--net",
            "sh",
            "-c",
            script,
            "sh",
            env!("CARGO_BIN_EXE_kubeknock"),
        ])
        .args([
            "scan",
            "-o",
            "json",
            "--require-coverage",
            "0",
            "[::1]:6443",
            "[2001:db8::1]:6443",
        ])
        .output();
    let Some(output) = in_namespaces(output, "a network of the test's own") else {
        return;
    };
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(
        report["coverage"]["failed_here"],
        serde_json::json!({"no-route": 2})
    );
    assert_eq!(output.status.code(), Some(2), "nothing could be asked");
    assert!(
        !stderr(&output).contains("out of resources"),
        "{}",
        stderr(&output)
    );
}

/// Each ICMP message of a router is its own kind of unreachable, also for a socket that was refused before. The test has
/// two network namespaces and a router between them.
#[cfg(target_os = "linux")]
#[test]
fn the_kinds_of_unreachable_are_distinguished() {
    let script = r#"
        network() {
            set -e
            unshare --net sleep 30 & router=$!
            sleep 0.3
            inside="nsenter --net=/proc/$router/ns/net"
            ip link set lo up
            ip link add scanner type veth peer name router netns $router
            $inside sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
            $inside sh -c 'echo 0 >/proc/sys/net/ipv4/icmp_ratelimit; echo 0 >/proc/sys/net/ipv6/icmp/ratelimit'
            $inside ip link set lo up
            $inside ip link set router up
            ip link set scanner up
            ip addr add 192.0.2.1/24 dev scanner
            ip addr add 2001:db8::1/64 dev scanner nodad
            $inside ip addr add 192.0.2.2/24 dev router
            $inside ip addr add 2001:db8::2/64 dev router nodad
            ip route add default via 192.0.2.2
            ip -6 route add default via 2001:db8::2
            $inside ip route add unreachable 198.51.100.1
            $inside ip route add prohibit 198.51.100.2
            $inside ip route add blackhole 198.51.100.4
            $inside ip -6 route add unreachable 2001:db8:1::1
            $inside ip -6 route add prohibit 2001:db8:1::2
            ip route add prohibit 198.51.100.5
            sleep 1
        }
        network >/dev/null 2>&1 || exit 77
        set +e
        # One connect at a time, among many that are refused: their sockets connect again to what comes next.
        "$@" --concurrency 1 --rate 0 "192.0.2.2 ports=7000-8199" >one-by-one.json
        "$@"; code=$?
        kill $router
        exit $code
    "#;
    let folder = tempfile::tempdir().unwrap();
    let expected = [
        ("192.0.2.2:6441", "refused"),
        ("198.51.100.1:6443", "host-unreachable"),
        ("192.0.2.2:6442", "refused"),
        ("198.51.100.2:6443", "prohibited"),
        ("198.51.100.3:6443", "network-unreachable"),
        ("192.0.2.2:6443", "refused"),
        ("198.51.100.4:6443", "timed-out"),
        ("192.0.2.2:6444", "refused"),
        ("198.51.100.5:6443", "no-route"),
        // A broadcast address: nothing can listen there.
        ("192.0.2.255:6443", "network-unreachable"),
        ("192.0.2.2:6445", "refused"),
        ("[2001:db8:1::1]:6443", "network-unreachable"),
        ("[2001:db8:1::2]:6443", "prohibited"),
    ];
    let output = Command::new("unshare")
        .args([
            "--net",
            "sh",
            "-c",
            script,
            "sh",
            env!("CARGO_BIN_EXE_kubeknock"),
        ])
        .args(["scan", "-q", "-o", "json", "--retries", "0"])
        .args(expected.map(|(target, _)| target))
        .current_dir(folder.path())
        .output();
    let Some(output) = in_namespaces(output, "a network of the test's own") else {
        return;
    };
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let one_by_one = std::fs::read_to_string(folder.path().join("one-by-one.json")).unwrap();
    for (text, refused) in [(&*one_by_one, 1200), (&*stdout(&output), 0)] {
        let report: Value =
            serde_json::from_str(text).unwrap_or_else(|_| panic!("{}", stderr(&output)));
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let seen: Vec<(String, String)> = (report["endpoints"].as_array().unwrap().iter())
            .map(|record| (word(&record["target"]), word(&record["failure"]["kind"])))
            .collect();
        let (seen, others) = seen.split_at(expected.len());
        assert_eq!(others.len(), refused);
        assert!(others.iter().all(|(_, kind)| kind == "refused"));
        assert_eq!(
            seen,
            expected.map(|(target, kind)| (target.to_owned(), kind.to_owned()))
        );
        // Targets that this machine's own routes prohibit were not attempted; a router's answer is the target's state.
        assert_eq!(
            report["coverage"]["failed_here"],
            serde_json::json!({"no-route": 1})
        );
        assert_eq!(report["coverage"]["unreachable"]["total"], 12 + refused);
    }
}

/// A line at each interval, and one more on SIGUSR1.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn progress_is_printed_at_intervals_and_on_sigusr1() {
    let mut child = kubeknock()
        .args([
            "scan",
            "127.63.0.0/20",
            "--ports",
            "9",
            "--rate",
            "500",
            "--stats-interval",
            "400ms",
            "-q",
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    let first = next();
    assert_eq!(
        (&first["record"], &first["targets"]),
        (&"progress".into(), &4096.into())
    );
    for key in [
        "elapsed_s",
        "eta_s",
        "done",
        "again_waiting",
        "in_flight",
        "per_s",
        "level",
        "timeouts",
        "verdicts",
    ] {
        assert!(!first[key].is_null(), "{key} in {first}");
    }
    let second = next();
    assert!(
        second["done"].as_u64() > first["done"].as_u64(),
        "{first} {second}"
    );
    // Between two intervals, so that only the signal can be the cause.
    std::thread::sleep(Duration::from_millis(20));
    let asked = Command::new("kill")
        .args(["-USR1", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(asked.success());
    let third = next();
    let gap = third["elapsed_s"].as_f64().unwrap() - second["elapsed_s"].as_f64().unwrap();
    assert!(gap < 0.35, "{second} {third}");
    child.kill().unwrap();
    child.wait().unwrap();
}

/// SIGUSR1 while the targets are still being read does not end the program.
#[cfg(unix)]
#[test]
fn sigusr1_before_the_scan_begins_is_answered_later() {
    let mut child = kubeknock()
        .args([
            "scan",
            "-q",
            "--fail-on",
            "never",
            "--require-coverage",
            "0",
            "-f",
            "-",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let asked = Command::new("kill")
        .args(["-USR1", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(asked.success());
    std::thread::sleep(Duration::from_millis(100));
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"127.0.0.1:9\n")
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

/// A port that closes every connection is retried once and counted once.
#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_closes_at_once_is_retried_after_the_first_pass() {
    let (closing, live) = (start("closes-at-once").await, start("rejecting").await);
    let addresses = [closing.address().to_string(), live.address().to_string()];
    // With TLS in each pass, then once without.
    for (retries, asked) in [("0", 2), ("1", 3), ("3", 5)] {
        let before = closing.stats().connections();
        let output = kubeknock()
            .args([
                "scan",
                "-q",
                "-o",
                "json",
                "--order",
                "sequential",
                "--retries",
                retries,
            ])
            .args(&addresses)
            .output()
            .unwrap();
        let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
        assert_eq!(report["coverage"]["unreachable"]["total"], 1);
        assert_eq!(report["coverage"]["verdicts"]["rejected"], 1);
        assert_eq!(
            closing.stats().connections() - before,
            asked,
            "{retries} retries"
        );
    }
    assert_eq!(
        live.stats().connections(),
        3,
        "an answer is never asked for again"
    );
}

/// A scan that is stopped during the retries reports how many were not made.
#[tokio::test(flavor = "multi_thread")]
async fn a_scan_stopped_in_a_later_pass_reports_the_retries_not_made() {
    let closing = simulator::start(
        simulator::scenario("closes-at-once").unwrap(),
        "0.0.0.0:0".parse().unwrap(),
    );
    let closing = closing.await.unwrap();
    let output = kubeknock()
        .args([
            "scan",
            "-q",
            "-o",
            "json",
            "--rate",
            // The first pass needs 2 s, the next one 4 s.
            "50",
            "--max-duration",
            "4s",
        ])
        .arg(format!(
            "127.64.0.0-127.64.0.99 ports={}",
            closing.address().port()
        ))
        .output()
        .unwrap();
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let coverage = &report["coverage"];
    assert_eq!(
        (
            &coverage["not_attempted"],
            &coverage["unreachable"]["total"]
        ),
        (&0.into(), &100.into())
    );
    assert_eq!(report["summary"]["complete"], false);
    // In the last pass each target is asked with TLS, and once without.
    let again = (closing.stats().connections() - 100) / 2;
    let reason = format!(
        "--max-duration was reached; {} of 100 retries were not made",
        100 - again
    );
    assert!(0 < again && again < 100, "{again}");
    assert_eq!(report["scan"]["stopped"], reason);
}

/// A server that sends Retry-After is not asked again before that time.
#[tokio::test(flavor = "multi_thread")]
async fn retry_after_is_honoured_within_a_probe_and_before_the_recheck() {
    let server = start("overloaded").await;
    let output = kubeknock()
        .args([
            "scan",
            "-q",
            "-o",
            "json",
            "--require-coverage",
            "0",
            &server.address().to_string(),
        ])
        .output()
        .unwrap();
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let requests = report["endpoints"][0]["requests"].as_array().unwrap();
    assert!(requests.len() >= 4, "two probes: {requests:?}");
    let times: Vec<jiff::Timestamp> = requests
        .iter()
        .map(|request| request["at"].as_str().unwrap().parse().unwrap())
        .collect();
    for pair in times.windows(2) {
        let pause = pair[1].duration_since(pair[0]);
        assert!(pause.as_millis() >= 990, "{pause:?} in {times:?}");
    }
}

/// A server that asks for a longer pause than kubeknock waits is asked once, and the reason says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_retry_after_is_not_waited_for() {
    let date = "headers = [[\"Retry-After\", \"Fri, 31 Dec 9999 23:59:59 GMT\"]]";
    for headers in ["headers = [[\"Retry-After\", \"60\"]]", date] {
        let scenario = format!(
            "name = \"busy\"\nabout = \"\"\nsource = \"\"\nexpect = \"inconclusive\"\n\
             extends = \"overloaded\"\n[fallback]\nstatus = 429\n{headers}\nbody = \"later\""
        );
        let server = serve(Arc::new(Scenario::parse(&scenario).unwrap())).await;
        let record = knock(config(), &server.address().to_string()).await;
        assert_eq!(record.verdict, Verdict::Inconclusive);
        assert_eq!(server.stats().log().len(), 3, "those that left together");
        assert_eq!(server.stats().connections(), 1);
        assert!(
            record.reason.starts_with("/api answered 429"),
            "{}",
            record.reason
        );
        assert!(
            record.reason.ends_with(" s, so it was not asked again"),
            "{}",
            record.reason
        );
        assert_eq!(
            record.reason.contains("asks to wait 60 s"),
            headers != date,
            "{}",
            record.reason
        );
    }
}

/// A machine that cannot open another connection.
struct Short;

impl Dial for Short {
    async fn dial(&self, _: &Endpoint) -> Dialled {
        let failure = Failure::new(
            Stage::Connect,
            FailureKind::ResourcesExhausted,
            "no descriptors",
        );
        Dialled {
            stream: Err(failure),
            took: Duration::ZERO,
        }
    }
}

/// A probe ends when this machine runs out of resources: each further request would wait as long.
#[tokio::test(flavor = "multi_thread")]
async fn a_probe_ends_when_resources_are_exhausted() {
    let server = start("closes-each").await;
    let endpoint = Endpoint {
        scheme: Scheme::Https,
        host: Host::Ip(server.address().ip()),
        port: server.address().port(),
        name: None,
        prefix: "".into(),
    };
    let stream = tokio::net::TcpStream::connect(server.address())
        .await
        .unwrap();
    let seen = Prober::new(&config())
        .unwrap()
        .probe(stream, &endpoint, Round::First, &Short)
        .await;
    let kinds: Vec<Option<FailureKind>> = seen
        .exchanges
        .iter()
        .map(|exchange| exchange.outcome.as_ref().err().map(|failure| failure.kind))
        .collect();
    // The third request left together with the others, and is not made again.
    let of_its_own = [
        None,
        Some(FailureKind::ResourcesExhausted),
        Some(FailureKind::NoneOfItsOwn),
    ];
    assert_eq!(kinds, of_its_own);
}
