//! Killed scans that are resumed: nothing is lost or counted twice, and the report is the same.

use std::fs;
use std::io::{BufRead as _, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::time::{Duration, Instant};

use kubeknock::simulator;
use serde_json::Value;

use crate::support::{in_namespaces, kubeknock, pem, settled, start, stderr};

/// A server of this scenario on every loopback address.
async fn everywhere(name: &str) -> simulator::SimulatedServer {
    let scenario = simulator::scenario(name).unwrap_or_else(|| panic!("no scenario {name}"));
    simulator::start(scenario, "0.0.0.0:0".parse().unwrap())
        .await
        .unwrap()
}

/// The report without the values that differ between runs.
fn report(path: &Path) -> Value {
    let mut report = settled(&fs::read_to_string(path).unwrap());
    report["scan"]["vantage"] = Value::Null;
    report
}

fn scan(targets: &[String], more: &[&str]) -> Command {
    let mut command = kubeknock();
    command
        .args(["scan", "-q", "--seed", "5", "--require-coverage", "0"])
        .args(targets)
        .args(more);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn finished(mut command: Command) -> Output {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    output
}

/// A scan that prints its progress, until it is killed.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
}

impl Running {
    fn start(mut command: Command) -> Self {
        let mut child = command.args(["--stats-interval", "20ms"]).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Waits until its progress satisfies a condition.
    fn until(&mut self, condition: impl Fn(&Value) -> bool) {
        loop {
            let line = self.lines.next().expect("it ended by itself").unwrap();
            if condition(&serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"))) {
                return;
            }
        }
    }

    /// Sends SIGKILL after a while.
    fn kill_after(self, moment: Duration) {
        let Self { mut child, lines } = self;
        // The scan must not block on an unread pipe.
        let drained = std::thread::spawn(move || lines.count());
        std::thread::sleep(moment);
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        child.kill().unwrap();
        child.wait().unwrap();
        drained.join().unwrap();
    }
}

/// 20,000 endpoints, 25 times SIGKILL: in the first pass, between the passes, and in the second pass.
#[tokio::test(flavor = "multi_thread")]
async fn a_scan_killed_25_times_gives_the_report_of_one_that_was_not() {
    const RATE: u64 = 500;
    /// Connections that are opened or probed at once, at `-c 16`.
    const IN_FLIGHT: u64 = 32;
    let servers = [
        everywhere("rejecting").await,
        everywhere("closes-at-once").await,
        everywhere("garbage").await,
    ];
    let port = |index: usize| servers[index].address().port();
    let targets = [
        format!("127.50.0.0-127.50.0.99 ports={} name=api", port(0)),
        format!("127.51.0.0-127.51.3.231 ports={} name=closing", port(1)),
        format!("127.52.0.0-127.52.15.159 ports={}", port(2)),
        "127.52.64.0-127.52.122.49 ports=9".to_owned(),
        format!("127.53.0.1:{} name=alone", port(0)),
        format!("localhost:{} name=named", port(0)),
    ];
    let folder = tempfile::tempdir().unwrap();
    let [whole, resumed, checkpoint] =
        ["whole.json", "resumed.json", "checkpoint"].map(|name| folder.path().join(name));
    let connections = || {
        servers
            .iter()
            .map(|server| server.stats().connections())
            .sum::<u64>()
    };

    let json = format!("json={}", text(&whole));
    finished(scan(
        &targets,
        &["-4", "-c", "16", "--rate", "0", "-o", &json],
    ));
    let once = connections();
    let expected = report(&whole);
    assert_eq!(expected["coverage"]["targets"], 20_000);

    let json = format!("json={}", text(&resumed));
    let go_on = |rate: u64| {
        let word = if checkpoint.exists() {
            "--resume"
        } else {
            "--checkpoint"
        };
        let rate = rate.to_string();
        scan(
            &targets,
            &[
                "-4",
                "-c",
                "16",
                "--rate",
                &rate,
                word,
                text(&checkpoint),
                "-o",
                &json,
            ],
        )
    };
    // Irregular moments, from 0.3 to 1.5 s after the start.
    let mut random = 0x5eed_u64;
    let mut moment = || {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        Duration::from_millis(300 + (random >> 33) % 1200)
    };
    let size = || fs::metadata(&checkpoint).map_or(0, |file| file.len());
    let (mut before, mut grown, mut lost) = (0, 0, 0);
    for kill in 0..25 {
        let rate = match kill {
            ..17 => RATE,
            17 => 10 * RATE,
            _ => RATE / 5,
        };
        let mut running = Running::start(go_on(rate));
        if kill == 17 {
            running.until(|now| now["again_done"].as_u64() > Some(0));
            running.kill_after(Duration::ZERO);
            lost += IN_FLIGHT + 1000;
        } else {
            running.until(|_| true);
            running.kill_after(moment());
            // The connections to the servers within a second.
            lost += IN_FLIGHT + rate * once / 20_000;
        }
        assert!(!resumed.exists(), "a report appears whole or not at all");
        grown += u32::from(size() > before);
        before = size();
    }
    assert!(
        grown >= 10,
        "after {grown} of 25 kills something more was written down"
    );
    finished(go_on(0));
    assert!(
        report(&resumed) == expected,
        "the reports differ: {} and {}",
        text(&whole),
        text(&resumed)
    );
    // Only what was in flight, or finished just before the kill, was asked again.
    let again = connections() - once * 2;
    assert!(
        again < lost,
        "{again} connections were made again, beside the {once} of the whole scan"
    );
}

/// Finished targets are in the checkpoint within a second.
#[tokio::test(flavor = "multi_thread")]
async fn finished_targets_are_in_the_checkpoint_within_a_second() {
    let (quick, slow) = (
        everywhere("rejecting").await,
        everywhere("hangs-after-accept").await,
    );
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = folder.path().join("checkpoint");
    let targets = [
        format!("127.57.0.1-127.57.0.8 ports={}", quick.address().port()),
        format!("127.58.0.1:{}", slow.address().port()),
    ];
    // A silent target keeps the scan running when the others are done.
    let mut command = scan(
        &targets,
        &[
            "--rate",
            "6",
            "-o",
            "jsonl",
            "--checkpoint",
            text(&checkpoint),
        ],
    );
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut records = BufReader::new(child.stdout.take().unwrap()).lines();
    for _ in 0..8 {
        let record: Value = serde_json::from_str(&records.next().unwrap().unwrap()).unwrap();
        let (seen, target) = (Instant::now(), format!(r#""target":{}"#, record["target"]));
        let written = || {
            fs::read(&checkpoint)
                .unwrap()
                .windows(target.len())
                .any(|at| at == target.as_bytes())
        };
        while !written() {
            assert!(
                seen.elapsed() < Duration::from_secs(1),
                "{target} is not written down"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_scan_is_resumed_where_it_stopped() {
    let server = everywhere("garbage").await;
    let targets = [format!("127.54.0.0/22 ports={}", server.address().port())];
    let folder = tempfile::tempdir().unwrap();
    let [whole, first, second, checkpoint] =
        ["whole.json", "first.json", "second.json", "checkpoint"]
            .map(|name| folder.path().join(name));
    finished(scan(
        &targets,
        &["--rate", "400", "-o", &format!("json={}", text(&whole))],
    ));

    let output = format!("json={}", text(&first));
    let child = scan(
        &targets,
        &[
            "--rate",
            "400",
            "--checkpoint",
            text(&checkpoint),
            "-o",
            &output,
        ],
    )
    .spawn()
    .unwrap();
    std::thread::sleep(Duration::from_millis(900));
    let interrupted = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(interrupted.success());
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
    let partial = report(&first);
    let left = partial["coverage"]["not_attempted"].as_u64().unwrap();
    assert!(0 < left && left < 1024, "{left}");

    // A checkpoint whose last record is truncated.
    let bytes = fs::read(&checkpoint).unwrap();
    fs::write(&checkpoint, &bytes[..bytes.len() - 3]).unwrap();
    let output = format!("json={}", text(&second));
    let mut command = kubeknock();
    command.args([
        "scan",
        "--rate",
        "400",
        "--require-coverage",
        "0",
        "--resume",
        text(&checkpoint),
        "-o",
        &output,
    ]);
    let output = command.args(&targets).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("the last record is truncated"),
        "{}",
        stderr(&output)
    );
    assert_eq!(
        report(&second),
        report(&whole),
        "the seed is the checkpoint's"
    );
    let run_id = |path: &Path| {
        let report: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        report["scan"]["settings"]["run_id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        run_id(&second),
        run_id(&first),
        "a resumed scan keeps its ID"
    );
    assert_ne!(run_id(&second), run_id(&whole));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checkpoint_of_another_scan_is_refused_with_the_reason() {
    let server = start("default").await;
    let address = server.address().to_string();
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = folder.path().join("checkpoint");
    let path = text(&checkpoint);
    let run = |more: &[&str]| {
        kubeknock()
            .args(["scan", "-q"])
            .args(more)
            .output()
            .unwrap()
    };
    let first = run(&[&address, "--seed", "1", "--checkpoint", path]);
    assert_eq!(first.status.code(), Some(0), "{}", stderr(&first));
    let asked = server.stats().connections();

    let other = folder.path().join("other");
    fs::write(&other, "10.0.0.0/8\n").unwrap();
    let ca = folder.path().join("ca.pem");
    fs::write(
        &ca,
        pem(&simulator::scenario("default")
            .unwrap()
            .issuer()
            .unwrap()
            .unwrap()),
    )
    .unwrap();
    for (args, reason) in [
        (
            vec!["127.0.0.1:1", "--resume", path],
            "its targets or exclusions differ",
        ),
        (
            vec![address.as_str(), "--exclude", "10.0.0.1", "--resume", path],
            "its targets or exclusions",
        ),
        (
            vec![address.as_str(), "--retries", "3", "--resume", path],
            "its options differ",
        ),
        (
            vec![address.as_str(), "--path", "/metrics", "--resume", path],
            "its options differ",
        ),
        (
            vec![address.as_str(), "--deep", "--resume", path],
            "its options differ",
        ),
        (
            vec![address.as_str(), "--ca-file", text(&ca), "--resume", path],
            "its options differ",
        ),
        (
            vec![address.as_str(), "--seed", "2", "--resume", path],
            "its seed is 1, not 2",
        ),
        (
            vec![address.as_str(), "--order", "sequential", "--resume", path],
            "its seed is 1, not none",
        ),
        (
            vec![address.as_str(), "--shard", "1/2", "--resume", path],
            "its shard is 1/1, not 1/2",
        ),
        (
            vec![address.as_str(), "--resume", text(&other)],
            "not a checkpoint of kubeknock",
        ),
        (
            vec![address.as_str(), "--resume", "no/such/file"],
            "no/such/file",
        ),
    ] {
        let output = run(&args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(
            stderr(&output).contains(reason),
            "{args:?}: {}",
            stderr(&output)
        );
    }
    assert_eq!(server.stats().connections(), asked, "nothing was sent");
    assert_eq!(
        fs::read_to_string(&other).unwrap(),
        "10.0.0.0/8\n",
        "a foreign file is left alone"
    );

    // With both options the file may exist or not.
    let new = folder.path().join("new");
    for (at, code) in [
        (text(&new), 0),
        (text(&new), 0),
        (path, 0),
        ("elsewhere", 2),
    ] {
        let output = run(&[
            &address,
            "--seed",
            "1",
            "--checkpoint",
            at,
            "--resume",
            at.replace("elsewhere", path).as_str(),
        ]);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{at}: {}",
            stderr(&output)
        );
    }
    assert_eq!(
        server.stats().connections(),
        asked + 1,
        "by the new one, once"
    );
    let asked = asked + 1;

    // The speed may change.
    let output = run(&[&address, "--rate", "5", "-c", "2", "--resume", path]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(server.stats().connections(), asked, "all was finished");
}

/// A scan that was killed in its second pass, resumed, and stopped before it reached that pass again: what that pass
/// finished keeps its outcome, and the others keep their last failure.
#[tokio::test(flavor = "multi_thread")]
async fn a_resumed_scan_that_is_stopped_at_once_counts_everything_once() {
    let server = everywhere("closes-at-once").await;
    let folder = tempfile::tempdir().unwrap();
    let [checkpoint, at] = ["checkpoint", "report.json"].map(|name| folder.path().join(name));
    let targets = [format!(
        "127.65.0.0-127.65.0.199 ports={}",
        server.address().port()
    )];
    let json = format!("json={}", text(&at));
    // In the last pass, and in one that defers once more.
    for retries in ["1", "2"] {
        let mut running = Running::start(scan(
            &targets,
            &[
                "--rate",
                "400",
                "--retries",
                retries,
                "--checkpoint",
                text(&checkpoint),
            ],
        ));
        running.until(|now| now["again_done"].as_u64() > Some(40));
        running.kill_after(Duration::from_millis(600));
        let kept = fs::read(&checkpoint).unwrap();
        for limit in ["1ms", "20ms"] {
            fs::write(&checkpoint, &kept).unwrap();
            let resume = [
                "--retries",
                retries,
                "--max-duration",
                limit,
                "--resume",
                text(&checkpoint),
                "-o",
                &json,
            ];
            let output = scan(&targets, &resume).output().unwrap();
            assert_eq!(
                output.status.code(),
                Some(0),
                "{retries}, {limit}: {}",
                stderr(&output)
            );
            let report = report(&at);
            assert_eq!(
                report["summary"]["complete"], false,
                "it was stopped before it was there"
            );
            let coverage = &report["coverage"];
            assert_eq!(
                coverage["unreachable"]["total"], 200,
                "{retries}, {limit}: {coverage}"
            );
            let finished = report["endpoints"].as_array().unwrap().len();
            assert!(
                if retries == "1" {
                    0 < finished && finished < 200
                } else {
                    finished == 0
                },
                "{finished}"
            );
        }
        fs::remove_file(&checkpoint).unwrap();
    }
}

/// Results from a checkpoint keep their date, however late the report is written.
#[tokio::test(flavor = "multi_thread")]
async fn results_of_a_checkpoint_keep_their_date() {
    let server = everywhere("rejecting").await;
    let folder = tempfile::tempdir().unwrap();
    let [checkpoint, at] = ["checkpoint", "report.json"].map(|name| folder.path().join(name));
    let json = format!("json={}", text(&at));
    let scan_part = |report: &Path| {
        let mut report: Value = serde_json::from_str(&fs::read_to_string(report).unwrap()).unwrap();
        report["scan"].take()
    };
    let run = |targets: &str, rate: &str, word: &str| {
        let mut command = kubeknock();
        command.args([
            "scan",
            "--seed",
            "5",
            "--require-coverage",
            "0",
            "--rate",
            rate,
            "-o",
            &json,
        ]);
        command
            .args([targets, word, text(&checkpoint)])
            .output()
            .unwrap()
    };
    let targets = format!("127.59.0.0-127.59.0.59 ports={}", server.address().port());

    // After a kill, the time until the resumption counts as elapsed.
    let mut running = Running::start(scan(
        std::slice::from_ref(&targets),
        &["--rate", "20", "--checkpoint", text(&checkpoint)],
    ));
    running.until(|now| now["done"].as_u64() > Some(2));
    running.kill_after(Duration::from_millis(1100));
    let pause = Duration::from_millis(1500);
    std::thread::sleep(pause);
    let resumed = run(&targets, "0", "--resume");
    assert_eq!(resumed.status.code(), Some(0), "{}", stderr(&resumed));
    assert!(
        stderr(&resumed).contains("resuming the scan that began at"),
        "{}",
        stderr(&resumed)
    );
    let whole = scan_part(&at);
    let took = Duration::from_secs_f64(whole["elapsed_ms"].as_f64().unwrap() / 1000.0);
    assert!(took > pause + Duration::from_secs(1), "{took:?}");

    // After its end: the same report with the same date, whatever the servers answer by now.
    drop(server);
    let again = run(&targets, "0", "--resume");
    assert_eq!(again.status.code(), Some(0), "{}", stderr(&again));
    for word in [
        "this scan ended at",
        "nothing is probed again",
        "remove the file or name another",
    ] {
        assert!(stderr(&again).contains(word), "{}", stderr(&again));
    }
    let later = scan_part(&at);
    assert_eq!(later["started"], whole["started"]);
    let apart = later["elapsed_ms"].as_f64().unwrap() - whole["elapsed_ms"].as_f64().unwrap();
    assert!(apart.abs() < 500.0, "{apart} ms apart");
    std::thread::sleep(Duration::from_millis(1100));
    let old = kubeknock()
        .args(["report", "table", text(&at), "--max-age", "1s"])
        .output()
        .unwrap();
    assert_eq!(old.status.code(), Some(2));
    assert!(
        stderr(&old).contains("longer ago than --max-age allows"),
        "{}",
        stderr(&old)
    );
}

#[test]
fn two_scans_do_not_share_a_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = folder.path().join("checkpoint");
    let targets = ["127.55.0.0/16 ports=9".to_owned()];
    let mut first = scan(
        &targets,
        &["--rate", "10", "--checkpoint", text(&checkpoint)],
    )
    .spawn()
    .unwrap();
    let began = Instant::now();
    while !checkpoint.exists() && began.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(10));
    }
    let second = scan(&targets, &["--rate", "10", "--resume", text(&checkpoint)])
        .output()
        .unwrap();
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(second.status.code(), Some(2));
    assert!(
        stderr(&second).contains("another scan is using it"),
        "{}",
        stderr(&second)
    );
}

/// On a file system of 64 KiB, in a mount namespace of its own.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_the_scan_and_keeps_what_was_done() {
    let server = everywhere("garbage").await;
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let report_at = folder.path().join("report.json");
    let script = "mount -t tmpfs -o size=64k none \"$1\" || exit 77; shift; \"$@\"; code=$?; \
                  cp \"$DISK/checkpoint\" \"$DISK.kept\"; exit $code";
    let output = Command::new("unshare")
        .args([
            "--mount",
            "sh",
            "-c",
            script,
            "sh",
            text(&disk),
            env!("CARGO_BIN_EXE_kubeknock"),
        ])
        .args(["scan", "-q", "--seed", "5", "--rate", "500"])
        .arg(format!("127.56.0.0/22 ports={}", server.address().port()))
        .args([
            "--checkpoint",
            text(&disk.join("checkpoint")),
            "-o",
            &format!("json={}", text(&report_at)),
        ])
        .args([
            "-o",
            &format!("prometheus={}", text(&folder.path().join("metrics"))),
        ])
        .env("DISK", &disk)
        .output();
    let Some(output) = in_namespaces(output, "a full disk") else {
        return;
    };
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("No space left"),
        "{}",
        stderr(&output)
    );
    let metrics = fs::read_to_string(folder.path().join("metrics")).unwrap();
    assert!(
        metrics.contains("kubeknock_gate_exit_code{scan=\"metrics\"} 2\n"),
        "as the process says: {metrics}"
    );
    let partial = report(&report_at);
    let done = partial["endpoints"].as_array().unwrap().len();
    assert!(
        done > 0 && partial["coverage"]["not_attempted"].as_u64().unwrap() > 0,
        "{}",
        partial["coverage"]
    );

    // The checkpoint is intact: on a disk with free space the scan is resumed.
    let kept = folder.path().join("disk.kept");
    let again = scan(
        &[format!("127.56.0.0/22 ports={}", server.address().port())],
        &[
            "--rate",
            "0",
            "--resume",
            text(&kept),
            "-o",
            &format!("json={}", text(&report_at)),
        ],
    );
    finished(again);
    assert_eq!(report(&report_at)["coverage"]["not_attempted"], 0);
}

/// A checkpoint that an earlier build of this version wrote. It has silent targets, records and a deferred
/// target, and its scan is finished.
#[test]
fn a_checkpoint_of_an_earlier_build_is_still_read() {
    if env!("CARGO_PKG_VERSION") != "0.1.0" {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = folder.path().join("checkpoint");
    let written = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/checkpoint-0.1.0");
    fs::copy(written, &checkpoint).unwrap();
    let output = kubeknock()
        .args(["scan", "-q", "--seed", "7", "--retries", "1", "-o", "json"])
        .args(["--fail-on", "never", "--require-coverage", "0"])
        .args(["--resume", text(&checkpoint)])
        .args(["127.0.0.1:16443", "127.0.0.1:16444", "127.0.0.1:1"])
        .args(["127.77.0.0/29 ports=1", "no-such-host.invalid:6443"])
        .arg("localhost:1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        report["coverage"]["unreachable"]["kinds"],
        serde_json::json!({"closed": 1, "name-not-found": 1, "refused": 10})
    );
    assert_eq!(report["coverage"]["verdicts"]["forbidden"], 1);
    let endpoints: Vec<&str> = report["endpoints"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|endpoint| endpoint["target"].as_str())
        .collect();
    assert_eq!(
        endpoints,
        [
            "127.0.0.1:16443",
            "127.0.0.1:16444",
            "127.0.0.1:1",
            "no-such-host.invalid:6443",
            "localhost:1"
        ]
    );
}

/// A finished checkpoint from when `name` was the DNS name, `label` the user's name, and `looser` what is more open.
#[test]
fn a_checkpoint_with_records_of_report_version_3_is_still_read() {
    if env!("CARGO_PKG_VERSION") != "0.1.0" {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = folder.path().join("checkpoint");
    let written = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/checkpoint-report-v3");
    fs::copy(written, &checkpoint).unwrap();
    let output = kubeknock()
        .args(["scan", "-q", "--seed", "7", "-o", "json"])
        .args(["--fail-on", "never", "--require-coverage", "0"])
        .args(["--resume", text(&checkpoint)])
        .args(["localhost:16443 name=prod"])
        .args(["127.0.0.1:16443 name=edge expect=forbidden"])
        .args(["no-such-host.invalid:6443 name=gone"])
        .args(["127.0.0.1:1 sni=api.example"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let records = report["endpoints"].as_array().unwrap().iter();
    let names: Vec<Value> = records
        .map(|record| {
            assert!(record.get("label").is_none(), "{record}");
            serde_json::json!([
                record["host"],
                record["name"],
                record["posture"]["standing"]
            ])
        })
        .collect();
    assert_eq!(
        Value::from(names),
        serde_json::json!([
            ["localhost", "prod", "more-open"],
            [null, "edge", "more-open"],
            ["no-such-host.invalid", "gone", null],
            ["api.example", null, null],
        ])
    );
}
