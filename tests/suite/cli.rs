//! The program as its users run it: formats, exit codes, files, help.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{closed_port, kubeknock, run, start, stderr, stdout};

#[tokio::test(flavor = "multi_thread")]
async fn exit_codes() {
    let (default, exposed, rejecting) = (
        start("default").await,
        start("exposed").await,
        start("rejecting").await,
    );
    let health = start("health-only").await;
    let [default, exposed, rejecting, health] =
        [&default, &exposed, &rejecting, &health].map(|server| server.address().to_string());
    let closed = closed_port().to_string();
    for (code, args) in [
        (0, vec![default.clone()]),
        (
            1,
            vec![default.clone(), "--fail-on".into(), "forbidden".into()],
        ),
        (
            1,
            vec![default.clone(), "--fail-on".into(), "limited".into()],
        ),
        (1, vec![exposed.clone()]),
        (0, vec![exposed.clone(), "--fail-on".into(), "never".into()]),
        (
            0,
            vec![rejecting.clone(), "--fail-on".into(), "limited".into()],
        ),
        (
            1,
            vec![health.clone(), "--fail-on".into(), "limited".into()],
        ),
        (0, vec![health, "--fail-on".into(), "forbidden".into()]),
        (3, vec![closed.clone()]),
        (
            0,
            vec![closed.clone(), "--require-coverage".into(), "0".into()],
        ),
        (0, vec![format!("{closed} expect=unreachable")]),
        (1, vec![format!("{default} expect=rejected")]),
        (0, vec![format!("{rejecting} expect=rejected")]),
        (
            0,
            vec![
                default.clone(),
                closed.clone(),
                "--require-coverage".into(),
                "50".into(),
            ],
        ),
        (
            3,
            vec![
                default.clone(),
                closed.clone(),
                "--require-coverage".into(),
                "51".into(),
            ],
        ),
        (1, vec![exposed.clone(), closed]),
        (2, vec![exposed, "no such target!".into()]),
        (2, vec!["--fail-on".into(), "sometimes".into(), default]),
    ] {
        let output = kubeknock()
            .arg("scan")
            .arg("-q")
            .args(&args)
            .output()
            .unwrap();
        assert_eq!(
            output.status.code(),
            Some(code),
            "{args:?}: {}{}",
            stdout(&output),
            stderr(&output)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_formats_at_once() {
    let server = start("default").await;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let output = kubeknock()
        .args(["scan", "-q", &server.address().to_string(), "-o", "table"])
        .args([
            "-o",
            &format!("json={}", path("report.json")),
            "-o",
            &format!("jsonl={}", path("report.jsonl")),
        ])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stdout(&output).contains("forbidden"));
    let json: Value =
        serde_json::from_str(&fs::read_to_string(path("report.json")).unwrap()).unwrap();
    assert_eq!(json["schema"], kubeknock::record::SCHEMA);
    assert_eq!(json["endpoints"][0]["verdict"], "forbidden");
    assert_eq!(
        json["endpoints"][0]["address"],
        server.address().to_string()
    );
    let lines: Vec<Value> = fs::read_to_string(path("report.jsonl"))
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let kinds: Vec<&str> = lines
        .iter()
        .map(|line| line["record"].as_str().unwrap())
        .collect();
    assert_eq!(
        (kinds[0], kinds[1], *kinds.last().unwrap()),
        ("endpoint", "finding", "summary")
    );
    let left: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left.len(), 2, "no temporary file stays: {left:?}");
    let both = ["json=twice", "sarif=./twice"].map(|output| format!("--output={output}"));
    let output = kubeknock()
        .current_dir(folder.path())
        .args(["scan", "-q", &server.address().to_string()])
        .args(both)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("two reports would go to ./twice"),
        "{}",
        stderr(&output)
    );

    // Input files are not overwritten.
    let list = folder.path().join("list.txt");
    std::fs::write(&list, format!("{}\n", server.address())).unwrap();
    let run = |args: &[&str]| {
        kubeknock()
            .current_dir(folder.path())
            .arg("scan")
            .args(args)
            .output()
            .unwrap()
    };
    for args in [
        &["-q", "-f", "list.txt", "-o", "csv=./list.txt"][..],
        &[
            "-q",
            "-f",
            "list.txt",
            "--checkpoint",
            "c",
            "-o",
            "json=./c",
        ],
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2));
        assert!(
            stderr(&output).contains(" is needed by this scan"),
            "{}",
            stderr(&output)
        );
        assert!(fs::read_to_string(&list).unwrap().starts_with("127."));
    }

    // A report that cannot be written does not affect the other reports.
    #[cfg(target_os = "linux")]
    {
        let output = run(&[
            "-q",
            "-f",
            "list.txt",
            "-o",
            "csv=/dev/full",
            "-o",
            "jsonl=/dev/full",
            "-o",
            "sarif=s",
        ]);
        assert_eq!(output.status.code(), Some(2));
        assert!(
            stderr(&output).contains("cannot write /dev/full"),
            "{}",
            stderr(&output)
        );
        let log: Value =
            serde_json::from_str(&fs::read_to_string(folder.path().join("s")).unwrap()).unwrap();
        assert_eq!(log["runs"][0]["tool"]["driver"]["name"], "kubeknock");
        // The same holds for streaming formats and for `kubeknock report`.
        let many: Vec<String> = (1..=40).map(|host| format!("127.84.0.{host}:9")).collect();
        fs::write(&list, many.join("\n")).unwrap();
        assert_eq!(
            run(&["-q", "-f", "list.txt", "-o", "json=many"])
                .status
                .code(),
            Some(3)
        );
        let output = kubeknock()
            .current_dir(folder.path())
            .args(["report", "jsonl=/dev/full", "jsonl=again", "csv=c", "many"])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        let [again, csv] =
            ["again", "c"].map(|name| fs::read_to_string(folder.path().join(name)).unwrap());
        assert_eq!(
            again
                .lines()
                .filter(|line| line.contains("\"record\":\"endpoint\""))
                .count(),
            40
        );
        assert_eq!(csv.lines().count(), 41);
        fs::write(&list, format!("{}\n", server.address())).unwrap();
    }

    // Standard error shows the reason for the exit code if no report for people does.
    let gate = "kubeknock: exit 0: nothing at --fail-on exposed\n";
    for (args, said) in [
        (&["-f", "list.txt", "-o", "json=j"][..], true),
        (&["-f", "list.txt", "-o", "json"], true),
        (&["-f", "list.txt", "-q", "-o", "json=j"], false),
        (&["-f", "list.txt", "-o", "table"], false),
    ] {
        let output = run(args);
        assert_eq!(
            stderr(&output).ends_with(gate),
            said,
            "{args:?}: {}",
            stderr(&output)
        );
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(path("report.json"))
            .unwrap()
            .permissions()
            .mode();
        assert_ne!(mode & 0o044, 0, "as readable as the umask allows, not 0600");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unwritable_output_is_an_error_before_anything_is_sent() {
    let server = start("default").await;
    let folder = tempfile::tempdir().unwrap();
    for (option, word) in [
        (
            format!("-ojson={}/missing/report.json", folder.path().display()),
            "/missing/report.json: the directory",
        ),
        (
            format!("--checkpoint={}/missing/scan", folder.path().display()),
            "/missing/scan: the directory",
        ),
        (
            format!("-ojson={}", folder.path().display()),
            "it is a folder",
        ),
        (
            "-oyaml".to_owned(),
            "-o: invalid report format `yaml`: expected one of table, json",
        ),
        ("-ojson=".to_owned(), "path"),
    ] {
        let output = kubeknock()
            .args(["scan", &server.address().to_string(), &option])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{option}");
        assert!(
            stderr(&output).contains(word),
            "{option}: {}",
            stderr(&output)
        );
        assert!(
            !stderr(&output).contains(".kubeknock-"),
            "{option}: {}",
            stderr(&output)
        );
    }
    let output = kubeknock()
        .args([
            "scan",
            &server.address().to_string(),
            "-o",
            "json",
            "-o",
            "table",
        ])
        .output()
        .unwrap();
    assert_eq!(
        output.status.code(),
        Some(2),
        "two reports on standard output"
    );
    assert_eq!(server.stats().connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dry_run_sends_nothing_and_shows_the_plan() {
    let server = start("default").await;
    let address = server.address().to_string();
    let output = run(&[
        "scan",
        &address,
        "10.0.0.0/8",
        "--dry-run",
        "--path",
        "/api/v1/secrets",
    ]);
    let text = stdout(&output);
    assert!(output.status.success(), "{}", stderr(&output));
    for word in [
        address.as_str(),
        "50331649 targets",
        "GET /version",
        "HEAD /api/v1/secrets?limit=1",
        "1000 new",
    ] {
        assert!(text.contains(word), "{word} is missing in\n{text}");
    }
    assert_eq!(server.stats().connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn max_duration_stops_the_scan_and_reports_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let began = Instant::now();
    let output = kubeknock()
        .args([
            "scan",
            "-q",
            "127.9.0.0/16",
            "--ports",
            "9",
            "--rate",
            "100",
            "--max-duration",
            "500ms",
        ])
        .args(["-o", &format!("json={}", report.display())])
        .output()
        .unwrap();
    assert!(began.elapsed() < Duration::from_secs(20));
    let json: Value = serde_json::from_str(&fs::read_to_string(report).unwrap()).unwrap();
    let coverage = &json["coverage"];
    let count = |key: &str| coverage[key].as_u64().unwrap();
    assert!(count("not_attempted") > 60_000, "{coverage}");
    assert_eq!(count("targets"), 65_536);
    assert_eq!(
        count("not_attempted") + coverage["unreachable"]["total"].as_u64().unwrap(),
        65_536,
        "{coverage}"
    );
    assert!(
        json["scan"]["stopped"]
            .as_str()
            .unwrap()
            .contains("max-duration"),
        "{}",
        json["scan"]
    );
    assert!(output.status.success(), "{}", stderr(&output));
}

/// Whether this process, and each that it starts, ignores SIGHUP.
#[cfg(unix)]
fn hangup_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & 1 == 1)
}

/// Ctrl-C, a request to terminate, and a terminal that is closed.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn the_first_interrupt_drains_and_reports() {
    for signal in ["-INT", "-TERM", "-HUP"] {
        if signal == "-HUP" && hangup_is_ignored() {
            crate::skip::skipped(
                "SIGHUP: it is ignored here, as under nohup, and the program keeps that",
            );
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        let report = folder.path().join("report.json");
        let child = kubeknock()
            .args(["scan", "127.9.0.0/16", "--ports", "9", "--rate", "100"])
            .args(["-o", &format!("json={}", report.display())])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        tokio::time::sleep(Duration::from_millis(700)).await;
        let kill = std::process::Command::new("kill")
            .args([signal, &child.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(130),
            "{signal}: {}",
            stderr(&output)
        );
        let json: Value = serde_json::from_str(&fs::read_to_string(report).unwrap()).unwrap();
        assert!(
            json["coverage"]["not_attempted"].as_u64().unwrap() > 60_000,
            "{signal}"
        );
        assert_eq!(json["scan"]["stopped"], "interrupted", "{signal}");
    }
}

/// A program started with `nohup` survives its terminal.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn an_ignored_hangup_does_not_stop_the_scan() {
    let child = std::process::Command::new("sh")
        .args([
            "-c",
            "trap '' HUP; exec \"$@\"",
            "sh",
            env!("CARGO_BIN_EXE_kubeknock"),
            "scan",
            "-q",
        ])
        .args([
            "127.9.0.0/24",
            "--ports",
            "9",
            "--rate",
            "100",
            "-o",
            "json",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    tokio::time::sleep(Duration::from_millis(700)).await;
    let kill = std::process::Command::new("kill")
        .args(["-HUP", &child.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let json: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(
        (&json["scan"]["stopped"], &json["coverage"]["not_attempted"]),
        (&Value::Null, &0.into())
    );
}

/// `-q` leaves notes out, and keeps the reason for the exit code if no report shows it.
#[tokio::test(flavor = "multi_thread")]
async fn quiet_shows_only_errors_and_the_reason_for_the_exit_code() {
    let server = start("exposed").await;
    let address = server.address().to_string();
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("kubeknock.toml"),
        "[[expect]]\ntarget = \"nobody\"\nverdict = \"rejected\"\n",
    )
    .unwrap();
    fs::write(
        folder.path().join("list"),
        format!("{address}\n{address}\n127.0.0.1/32\n127.77.0.9/31\n"),
    )
    .unwrap();
    let scan = |args: &[&str]| {
        let common = [
            "scan",
            "-f",
            "list",
            "--ports",
            "9",
            "--exclude",
            "127.77.0.0/16",
            "--retries",
            "0",
        ];
        kubeknock()
            .current_dir(folder.path())
            .args(common)
            .args(args)
            .output()
            .unwrap()
    };
    let said = stderr(&scan(&["-o", "json=j"]));
    for note in [
        "settings from kubeknock.toml",
        "has host bits set",
        "[[expect]] target = \"nobody\"",
    ] {
        assert!(said.contains(note), "{note} is missing in {said}");
    }
    let gate = format!("kubeknock: exit 1: 1 exposed: {address}\n");
    assert!(said.ends_with(&gate), "{said}");
    assert_eq!(stderr(&scan(&["-q", "-o", "json=j"])), gate);
    assert_eq!(stderr(&scan(&["-q", "-o", "table"])), "");
    assert_eq!(
        stderr(&scan(&["-q", "-o", "json=j", "--fail-on", "never"])),
        ""
    );
    let wrong = stderr(&scan(&["-q", "-o", "json=no/j"]));
    assert!(
        wrong.starts_with("error: ") && wrong.lines().count() == 1,
        "{wrong}"
    );
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn the_second_interrupt_exits_at_once() {
    let server = start("hangs-in-http").await;
    let child = kubeknock()
        .args(["scan", &server.address().to_string(), "--timeout", "60s"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let interrupt = || {
        std::process::Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status()
            .unwrap();
    };
    tokio::time::sleep(Duration::from_millis(500)).await;
    interrupt();
    tokio::time::sleep(Duration::from_millis(500)).await;
    interrupt();
    let began = Instant::now();
    let output = child.wait_with_output().unwrap();
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!(output.status.code(), Some(130));
}

/// A closed pipe means that the reader has read enough.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_closed_pipe_is_not_an_error() {
    let server = start("default").await;
    let mut child = kubeknock()
        .args(["scan", "-q", &server.address().to_string(), "-o", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stderr(&output), "");
}

#[test]
fn the_demo_gives_every_simulated_server_its_verdict() {
    let output = run(&["demo"]);
    assert!(
        output.status.success(),
        "{}{}",
        stdout(&output),
        stderr(&output)
    );
    assert!(
        stderr(&output).starts_with("kubeknock: 8 simulated servers on this machine"),
        "{}",
        stderr(&output)
    );
    assert!(
        stderr(&output).contains(
            "\nkubeknock: try next, with your own API server: kubeknock scan HOST:6443\n"
        ),
        "{}",
        stderr(&output)
    );
    let text = stdout(&output);
    let table = text.lines().position(str::is_empty);
    assert!(text.starts_with("VERDICT  ") && table == Some(9), "{text}");
    // Every command works although the simulated servers are gone.
    let commands = text.lines().filter(|line| line.contains("kubeknock "));
    assert!(
        commands.eq(["  kubeknock rules anonymous-discovery-exposed"]),
        "{text}"
    );
    let last = text.lines().last().unwrap();
    assert!(
        last.starts_with(
            "exit 0 in a demo, but a scan would exit 1: 1 exposed: exposed (127.0.0.1:"
        ),
        "{last}"
    );
    for word in [
        "exposed",
        "forbidden",
        "limited",
        "rejected",
        "not-api-server",
        "unreachable",
    ] {
        assert!(text.contains(word), "{word} is missing in\n{text}");
    }
}

#[test]
fn colours_are_for_terminals() {
    let coloured = |args: &[&str]| stdout(&run(args)).contains('\u{1b}');
    assert!(!coloured(&["demo", "-q"]), "a pipe");
    assert!(coloured(&["demo", "-q", "--color", "always"]));
}

#[test]
fn simulate_serves_a_profile_and_lists_them() {
    use std::io::{BufRead as _, BufReader};

    let listed = stdout(&run(&["simulate", "--list"]));
    let line = |name: &str| listed.lines().find(|line| line.starts_with(name)).unwrap();
    assert!(!line("default ").contains("--deep"), "{listed}");
    assert!(
        line("lists-nodes ").contains(" forbidden ")
            && line("lists-nodes ").ends_with("(with --deep: exposed)")
    );
    let mut child = kubeknock()
        .args([
            "simulate",
            "--profile",
            "exposed",
            "--listen",
            "127.0.0.1:0",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let address = line.trim().strip_prefix("listening on ").unwrap();
    let output = run(&["scan", "-q", address]);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    assert!(stdout(&output).contains("exposed"));
    let unknown = run(&["simulate", "--profile", "nonesuch"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(stderr(&unknown).contains("--list"), "{}", stderr(&unknown));
    let misspelt = stderr(&run(&["simulate", "--profile", "defualt"]));
    assert!(
        misspelt.ends_with("; did you mean default?\n"),
        "{misspelt}"
    );
}

#[test]
fn every_help_is_a_snapshot() {
    for command in [
        "", "scan", "identify", "targets", "inspect", "report", "diff", "exporter", "audit",
        "rules", "demo", "simulate",
    ] {
        let mut args: Vec<&str> = command.split_whitespace().collect();
        args.push("--help");
        let output = run(&args);
        assert!(output.status.success());
        let name = if command.is_empty() {
            "help".to_owned()
        } else {
            format!("help-{command}")
        };
        insta::assert_snapshot!(name, stdout(&output));
    }
}
