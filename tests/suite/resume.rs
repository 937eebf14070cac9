//! Scans that are killed and go on: nothing lost, nothing twice, the same report.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use kubeknock::simulator;
use serde_json::Value;

use crate::support::{kubeknock, pem, settled, start, stderr};

/// A server of this kind on every address of loopback.
async fn everywhere(name: &str) -> simulator::SimulatedServer {
    let scenario = simulator::scenario(name).unwrap_or_else(|| panic!("no scenario {name}"));
    simulator::start(scenario, "0.0.0.0:0".parse().unwrap()).await.unwrap()
}

/// The report without what differs from run to run.
fn report(path: &Path) -> Value {
    let mut report = settled(&fs::read_to_string(path).unwrap());
    report["scan"]["vantage"] = Value::Null;
    report
}

fn scan(targets: &[String], more: &[&str]) -> Command {
    let mut command = kubeknock();
    command.args(["scan", "-q", "--seed", "5", "--require-coverage", "0"]).args(targets).args(more);
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

/// Kills a scan after a while; `false` if it had ended by itself.
fn kill_after(mut child: Child, moment: Duration) -> bool {
    std::thread::sleep(moment);
    let killed = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    killed
}

/// 20,000 endpoints, 25 times SIGKILL.
#[tokio::test(flavor = "multi_thread")]
async fn a_scan_killed_25_times_gives_the_report_of_one_that_was_not() {
    const KILLS: usize = 25;
    let servers =
        [everywhere("rejecting").await, everywhere("closes-at-once").await, everywhere("garbage").await];
    let port = |index: usize| servers[index].address().port();
    let targets = [
        format!("127.50.0.0-127.50.0.99 ports={} name=api", port(0)),
        format!("127.51.0.0-127.51.3.231 ports={} name=closing", port(1)),
        format!("127.52.0.0-127.52.73.109 ports={}", port(2)),
        "127.52.200.0-127.52.200.99 ports=9".to_owned(),
        format!("127.53.0.1:{} name=alone", port(0)),
        format!("localhost:{} name=named", port(0)),
    ];
    let folder = tempfile::tempdir().unwrap();
    let [whole, resumed, checkpoint] =
        ["whole.json", "resumed.json", "checkpoint"].map(|name| folder.path().join(name));
    let connections = || servers.iter().map(|server| server.stats().connections()).sum::<u64>();
    let common = ["--rate", "0", "-c", "64", "-4"];

    let json = format!("json={}", text(&whole));
    let mut command = scan(&targets, &common);
    command.args(["-o", &json]);
    let began = Instant::now();
    finished(command);
    let took = began.elapsed();
    let once = connections();
    let expected = report(&whole);
    assert_eq!(expected["coverage"]["targets"], 20_000);

    let json = format!("json={}", text(&resumed));
    let go_on = || {
        let word = if checkpoint.exists() { "--resume" } else { "--checkpoint" };
        let mut command = scan(&targets, &common);
        command.args([word, text(&checkpoint), "-o", &json]);
        command
    };
    // Moments of no pattern, together about half of the whole scan.
    let mut random = 0x5eed_u64;
    let mut kills = 0;
    while kills < KILLS {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let share = Duration::from_millis((random >> 33) % 1000) * u32::try_from(took.as_millis()).unwrap()
            / 1000
            / 25;
        assert!(kill_after(go_on().spawn().unwrap(), share), "it ended after {kills} kills");
        assert!(!resumed.exists(), "a report appears whole or not at all");
        kills += 1;
    }
    finished(go_on());
    assert!(report(&resumed) == expected, "the reports differ: {} and {}", text(&whole), text(&resumed));
    // What was asked again was in flight, or finished in the moment before the kill.
    let again = connections() - once * 2;
    let per_second = once * 1000 / u64::try_from(took.as_millis()).unwrap();
    assert!(again < 25 * (128 + per_second), "{again} connections were made again, at {per_second} a second");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_scan_goes_on_where_it_was() {
    let server = everywhere("garbage").await;
    let targets = [format!("127.54.0.0/22 ports={}", server.address().port())];
    let folder = tempfile::tempdir().unwrap();
    let [whole, first, second, checkpoint] =
        ["whole.json", "first.json", "second.json", "checkpoint"].map(|name| folder.path().join(name));
    finished(scan(&targets, &["--rate", "400", "-o", &format!("json={}", text(&whole))]));

    let output = format!("json={}", text(&first));
    let child =
        scan(&targets, &["--rate", "400", "--checkpoint", text(&checkpoint), "-o", &output]).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(900));
    let interrupted = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
    let partial = report(&first);
    let left = partial["coverage"]["not_attempted"].as_u64().unwrap();
    assert!(0 < left && left < 1024, "{left}");

    // A checkpoint whose last record is torn.
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
    assert!(stderr(&output).contains("half-written and are cut off"), "{}", stderr(&output));
    assert_eq!(report(&second), report(&whole), "the seed is the checkpoint's");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_scans_checkpoint_is_refused_with_the_reason() {
    let server = start("default").await;
    let address = server.address().to_string();
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = folder.path().join("checkpoint");
    let path = text(&checkpoint);
    let run = |more: &[&str]| kubeknock().args(["scan", "-q"]).args(more).output().unwrap();
    let first = run(&[&address, "--seed", "1", "--checkpoint", path]);
    assert_eq!(first.status.code(), Some(0), "{}", stderr(&first));
    let asked = server.stats().connections();

    let other = folder.path().join("other");
    fs::write(&other, "10.0.0.0/8\n").unwrap();
    let ca = folder.path().join("ca.pem");
    fs::write(&ca, pem(&simulator::scenario("default").unwrap().issuer().unwrap().unwrap())).unwrap();
    for (args, reason) in [
        (vec![address.as_str(), "--seed", "1", "--checkpoint", path], "go on with --resume"),
        (vec!["127.0.0.1:1", "--resume", path], "its targets or exclusions are not these"),
        (vec![address.as_str(), "--exclude", "10.0.0.1", "--resume", path], "its targets or exclusions"),
        (vec![address.as_str(), "--retries", "3", "--resume", path], "its options are not these"),
        (vec![address.as_str(), "--path", "/metrics", "--resume", path], "its options are not these"),
        (vec![address.as_str(), "--deep", "--resume", path], "its options are not these"),
        (vec![address.as_str(), "--ca-file", text(&ca), "--resume", path], "its options are not these"),
        (vec![address.as_str(), "--seed", "2", "--resume", path], "its seed is 1, not 2"),
        (vec![address.as_str(), "--order", "sequential", "--resume", path], "its seed is 1, not none"),
        (vec![address.as_str(), "--shard", "1/2", "--resume", path], "it is of shard 1/1, not 1/2"),
        (vec![address.as_str(), "--resume", text(&other)], "no checkpoint of kubeknock"),
        (vec![address.as_str(), "--resume", "no/such/file"], "no/such/file"),
    ] {
        let output = run(&args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains(reason), "{args:?}: {}", stderr(&output));
    }
    assert_eq!(server.stats().connections(), asked, "nothing was sent");
    assert_eq!(fs::read_to_string(&other).unwrap(), "10.0.0.0/8\n", "a foreign file is left alone");

    // With both options the file may be there or not.
    let new = folder.path().join("new");
    for (at, code) in [(text(&new), 0), (text(&new), 0), (path, 0), ("elsewhere", 2)] {
        let output = run(&[
            &address,
            "--seed",
            "1",
            "--checkpoint",
            at,
            "--resume",
            at.replace("elsewhere", path).as_str(),
        ]);
        assert_eq!(output.status.code(), Some(code), "{at}: {}", stderr(&output));
    }
    assert_eq!(server.stats().connections(), asked + 1, "by the new one, once");
    let asked = asked + 1;

    // How fast it goes may change.
    let output = run(&[&address, "--rate", "5", "-c", "2", "--resume", path]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(server.stats().connections(), asked, "all was finished");
}

#[test]
fn two_scans_do_not_share_a_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = folder.path().join("checkpoint");
    let targets = ["127.55.0.0/16 ports=9".to_owned()];
    let mut first = scan(&targets, &["--rate", "10", "--checkpoint", text(&checkpoint)]).spawn().unwrap();
    let began = Instant::now();
    while !checkpoint.exists() && began.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(10));
    }
    let second = scan(&targets, &["--rate", "10", "--resume", text(&checkpoint)]).output().unwrap();
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(second.status.code(), Some(2));
    assert!(stderr(&second).contains("another scan is using it"), "{}", stderr(&second));
}

/// On a file system of 64 KiB, in a mount namespace of the test's own.
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
        .args(["--mount", "sh", "-c", script, "sh", text(&disk), env!("CARGO_BIN_EXE_kubeknock")])
        .args(["scan", "-q", "--seed", "5", "--rate", "500"])
        .arg(format!("127.56.0.0/22 ports={}", server.address().port()))
        .args(["--checkpoint", text(&disk.join("checkpoint")), "-o", &format!("json={}", text(&report_at))])
        .env("DISK", &disk)
        .output();
    let Ok(output) = output else {
        println!("SKIPPED: a full disk: no unshare");
        return;
    };
    if output.status.code() == Some(77) || stderr(&output).contains("unshare failed") {
        println!("SKIPPED: a full disk: no mount namespace may be made here");
        return;
    }
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("No space left"), "{}", stderr(&output));
    let partial = report(&report_at);
    let done = partial["endpoints"].as_array().unwrap().len();
    assert!(
        done > 0 && partial["coverage"]["not_attempted"].as_u64().unwrap() > 0,
        "{}",
        partial["coverage"]
    );

    // The checkpoint is whole: on a disk with room the scan goes on.
    let kept = folder.path().join("disk.kept");
    let again = scan(
        &[format!("127.56.0.0/22 ports={}", server.address().port())],
        &["--rate", "0", "--resume", text(&kept), "-o", &format!("json={}", text(&report_at))],
    );
    finished(again);
    assert_eq!(report(&report_at)["coverage"]["not_attempted"], 0);
}
