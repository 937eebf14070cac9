//! One scan on several machines: the merged shards are the whole scan.

use std::path::Path;

use serde_json::Value;

use crate::support::{kubeknock, run, settled, start, stderr, stdout};

/// A report through `kubeknock report`, without the values that differ between runs and the specification
/// numbers that a merged report does not have.
fn merged(paths: &[String]) -> Value {
    let mut args = vec!["report", "json"];
    args.extend(paths.iter().map(String::as_str));
    args.extend(["--require-coverage", "0", "--fail-on", "never"]);
    let output = run(&args);
    assert!(output.status.success(), "{}", stderr(&output));
    let mut report = settled(&stdout(&output));
    report["scan"] = Value::Null;
    for endpoint in report["endpoints"].as_array_mut().unwrap() {
        endpoint["index"] = Value::Null;
        endpoint["specs"] = Value::Null;
    }
    report
}

fn scan(folder: &Path, name: &str, targets: &[String], more: &[&str]) -> String {
    let path = folder.join(name).display().to_string();
    let output = kubeknock()
        .args([
            "scan",
            "-q",
            "--seed",
            "9",
            "--rate",
            "0",
            "--all",
            "-o",
            &format!("json={path}"),
        ])
        .args(targets)
        .args(more)
        .output()
        .unwrap();
    assert_ne!(output.status.code(), Some(2), "{}", stderr(&output));
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn seven_shards_merged_are_the_whole_scan() {
    let servers = [
        start("default").await,
        start("exposed").await,
        start("rejecting").await,
        start("web-server").await,
    ];
    let mut targets: Vec<String> = servers
        .iter()
        .map(|server| format!("{} name=server expect=rejected", server.address()))
        .collect();
    let port = servers[0].address().port();
    targets.push(format!("127.0.0.0/27 ports={port},9,10"));
    targets.push("127.60.0.0-127.60.0.40 ports=9".to_owned());
    let excluded = [
        "--exclude",
        "127.0.0.3",
        "--exclude",
        "127.60.0.8-127.60.0.9",
    ];
    let folder = tempfile::tempdir().unwrap();
    let whole = scan(folder.path(), "whole.json", &targets, &excluded);
    let shards: Vec<String> = (1..=7)
        .map(|shard| {
            let word = format!("{shard}/7");
            let more: Vec<&str> = excluded.iter().copied().chain(["--shard", &word]).collect();
            scan(
                folder.path(),
                &format!("shard-{shard}.json"),
                &targets,
                &more,
            )
        })
        .collect();
    for (number, path) in (1..).zip(&shards) {
        let report: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        assert_eq!(report["scan"]["settings"]["shard"], format!("{number}/7"));
        // A single shard reports that it is incomplete.
        let alone = run(&["report", "table", path, "--fail-on", "never"]);
        assert!(
            stdout(&alone).starts_with(&format!("shard {number}/7 of a scan; ")),
            "{}",
            stdout(&alone)
        );
        let count = report["coverage"]["targets"].as_u64().unwrap();
        assert!((18..=20).contains(&count), "balanced: {count}");
    }
    assert_eq!(merged(&shards), merged(&[whole]));
}

/// As in docs/fleet.md: a pod that is stopped, and its replacement.
#[test]
fn a_stopped_shard_shows_in_the_merge_until_it_is_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let [first, second, checkpoint, whole] =
        ["1.jsonl", "2.jsonl", "checkpoint", "whole.json"].map(at);
    let shard = |number: &str, output: &str, more: &[&str]| {
        let output = format!("jsonl={output}");
        let args = [
            "scan",
            "-q",
            "127.61.0.0/25",
            "--ports",
            "9",
            "--seed",
            "1",
            "--shard",
            number,
        ];
        let output = kubeknock()
            .args(args)
            .args(["--output", &output])
            .args(more)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    };
    let merge = || {
        let output = run(&["report", &format!("json={whole}"), "table", &first, &second]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let report: Value =
            serde_json::from_str(&std::fs::read_to_string(&whole).unwrap()).unwrap();
        (report, stdout(&output))
    };
    let goes_on = ["--checkpoint", &checkpoint, "--resume", &checkpoint];
    shard("1/2", &first, &[]);
    shard(
        "2/2",
        &second,
        &[&goes_on[..], &["--rate", "20", "--max-duration", "200ms"]].concat(),
    );
    let (report, table) = merge();
    assert_eq!(report["summary"]["complete"], false);
    assert!(
        table.contains("stopped early") && table.contains(" not attempted"),
        "{table}"
    );
    shard("2/2", &second, &goes_on);
    let (report, table) = merge();
    assert_eq!(report["summary"]["complete"], true);
    assert_eq!(report["coverage"]["unreachable"]["total"], 128);
    assert!(
        !table.contains("stopped early") && !table.contains("not attempted"),
        "{table}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_needs_a_seed_and_does_not_judge_targets_of_others() {
    let server = start("default").await;
    let target = server.address().to_string();
    for (args, code, word) in [
        (vec!["--shard", "1/2"], 2, "--seed"),
        (vec!["--shard", "0/2", "--seed", "1"], 2, "K/N"),
        (vec!["--shard", "3/2", "--seed", "1"], 2, "K/N"),
        (vec!["--shard", "1", "--seed", "1"], 2, "K/N"),
        (vec!["--shard", "+1/2", "--seed", "1"], 2, "K/N"),
        (vec!["--shard", "1/1"], 0, ""),
    ] {
        let output = kubeknock()
            .args(["scan", "-q", &target])
            .args(&args)
            .output()
            .unwrap();
        assert_eq!(
            output.status.code(),
            Some(code),
            "{args:?}: {}",
            stderr(&output)
        );
        assert!(
            stderr(&output).contains(word),
            "{args:?}: {}",
            stderr(&output)
        );
    }
    // In an Indexed Job, indices begin at 0.
    for (index, code, word) in [
        (Some("0"), 0, ""),
        (Some("1"), 0, ""),
        (Some("2"), 2, "K/N"),
        (None, 2, "JOB_COMPLETION_INDEX"),
    ] {
        let mut command = kubeknock();
        command.args([
            "scan", "-q", &target, "--shard", "job/2", "--seed", "1", "-o", "json",
        ]);
        command
            .env_remove("JOB_COMPLETION_INDEX")
            .envs(index.map(|index| ("JOB_COMPLETION_INDEX", index)));
        let output = command.output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(code),
            "{index:?}: {}",
            stderr(&output)
        );
        assert!(
            stderr(&output).contains(word),
            "{index:?}: {}",
            stderr(&output)
        );
        if let (Some(index), 0) = (index, code) {
            let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
            let number: u32 = index.parse().unwrap();
            assert_eq!(
                report["scan"]["settings"]["shard"],
                format!("{}/2", number + 1)
            );
        }
    }
    // One of two shards sees only a closed port, and neither misses a verdict or an expectation.
    let spec = format!(
        "127.0.0.1 ports={},9 expect=forbidden",
        server.address().port()
    );
    for shard in ["1/2", "2/2"] {
        let output = run(&[
            "scan",
            "-q",
            &spec,
            "--shard",
            shard,
            "--order",
            "sequential",
        ]);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{shard}: {}{}",
            stdout(&output),
            stderr(&output)
        );
    }
}
