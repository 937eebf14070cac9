//! Saved reports through the program: rendered again, merged, compared.

use std::fs;
use std::path::Path;

use kubeknock::report::Format;
use kubeknock::simulator::SimulatedServer;
use serde_json::Value;

use crate::support::{kubeknock, run_in, start, stderr, stdout};

/// Scans into `name` in the folder.
fn save(folder: &Path, name: &str, targets: &[&str]) {
    let output = run_in(
        folder,
        &[&["scan", "-q", "--fail-on=never", "-o", name], targets].concat(),
    );
    assert!(output.status.success(), "{}", stderr(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn rendering_a_saved_report_keeps_its_content() {
    let (one, two) = (start("default").await, start("exposed").await);
    let [one, two] =
        [&one, &two].map(|server| format!("{} name=x expect=forbidden", server.address()));
    let folder = tempfile::tempdir().unwrap();
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let scan = [
        "scan",
        "-q",
        "-o",
        "json=a.json",
        "-o",
        "jsonl=a.jsonl",
        "-o",
        "table=a.txt",
    ];
    let scanned = run_in(folder.path(), &[&scan[..], &[&one, &two]].concat());
    for source in ["a.json", "a.jsonl"] {
        let again = [
            "report",
            "json=b.json",
            "jsonl=b.jsonl",
            "table=b.txt",
            source,
        ];
        let rendered = run_in(folder.path(), &again);
        assert_eq!(
            rendered.status.code(),
            scanned.status.code(),
            "the same gate: {}",
            stderr(&rendered)
        );
        assert_eq!(read("b.json"), read("a.json"), "{source}");
        assert_eq!(read("b.txt"), read("a.txt"), "{source}");
        let sorted = |text: String| {
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(sorted(read("b.jsonl")), sorted(read("a.jsonl")), "{source}");
    }
    let shown = run_in(folder.path(), &["report", "a.json", "--fail-on", "never"]);
    assert_eq!(stdout(&shown).lines().next(), read("a.txt").lines().next());
}

/// The server's own clock, the end of the scan to the millisecond, and everything else that is rounded.
#[tokio::test(flavor = "multi_thread")]
async fn every_format_is_written_again_byte_for_byte() {
    let profiles = [
        "default",
        "exposed",
        "k3s",
        "eks-forbidden",
        "waf-403",
        "kubelet",
        "garbage",
    ];
    let mut servers = Vec::new();
    for profile in profiles {
        servers.push(start(profile).await);
    }
    let folder = tempfile::tempdir().unwrap();
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let line = |server: &SimulatedServer| format!("{} name=x expect=forbidden", server.address());
    let list = servers.iter().map(line).collect::<Vec<_>>().join("\n");
    fs::write(folder.path().join("targets.txt"), list).unwrap();
    let formats = Format::ALL.map(Format::as_str);
    let outputs = |prefix: &str| formats.map(|format| format!("{format}={prefix}.{format}"));
    let scan: Vec<String> = outputs("a")
        .iter()
        .flat_map(|output| ["-o".to_owned(), output.clone()])
        .collect();
    let scan: Vec<&str> = scan.iter().map(String::as_str).collect();
    run_in(
        folder.path(),
        &[
            // The metrics would have the name of their file.
            &["scan", "-q", "--deep", "-f", "targets.txt", "--scan-name=x"],
            &scan[..],
        ]
        .concat(),
    );
    assert!(
        read("a.shadowserver").contains(" GMT\","),
        "the sample shows a Date header"
    );
    for source in ["a.json", "a.jsonl"] {
        let again = outputs("b");
        let again: Vec<&str> = again.iter().map(String::as_str).collect();
        run_in(
            folder.path(),
            &[&["report", "-q"], &again[..], &[source]].concat(),
        );
        for format in formats.into_iter().filter(|format| *format != "jsonl") {
            assert_eq!(
                read(&format!("b.{format}")),
                read(&format!("a.{format}")),
                "{format} from {source}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_reports_become_one_and_the_latest_counts() {
    let (one, two) = (start("default").await, start("rejecting").await);
    let [one, two] = [&one, &two].map(|server| server.address().to_string());
    let folder = tempfile::tempdir().unwrap();
    save(folder.path(), "json=first.json", &[&one]);
    save(folder.path(), "jsonl=both.jsonl", &[&one, &two]);
    let output = run_in(
        folder.path(),
        &[
            "report",
            "json",
            "first.json",
            "both.jsonl",
            "--fail-on",
            "never",
        ],
    );
    assert!(
        stderr(&output).contains("1 endpoint records are in several"),
        "{}",
        stderr(&output)
    );
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let verdicts: Vec<&str> = report["endpoints"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["verdict"].as_str().unwrap())
        .collect();
    assert_eq!(verdicts, ["forbidden", "rejected"]);
    let coverage = &report["coverage"];
    assert_eq!(
        (&coverage["targets"], &coverage["verdicts"]["forbidden"]),
        (&2.into(), &1.into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_diff_shows_changes_and_applies_the_gate() {
    let (default, exposed) = (start("default").await, start("exposed").await);
    let [was, is] = [&default, &exposed].map(|server| server.address().to_string());
    let folder = tempfile::tempdir().unwrap();
    save(folder.path(), "json=old.json", &[&was]);
    save(folder.path(), "json=new.json", &[&is]);
    // As if the same server had answered otherwise.
    let old = fs::read_to_string(folder.path().join("old.json"))
        .unwrap()
        .replace(&was, &is);
    fs::write(folder.path().join("old.json"), old).unwrap();

    let diff = |args: &[&str]| run_in(folder.path(), &[&["diff"], args].concat());
    let output = diff(&["old.json", "new.json", "--fail-on", "new:high"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    for said in [
        "2 changes:",
        "forbidden → exposed",
        "anonymous-discovery-exposed",
        // The worse finding takes the place of the other one.
        "no findings gone",
    ] {
        assert!(
            stdout(&output).contains(said),
            "{said} is missing in\n{}",
            stdout(&output)
        );
    }
    let output = diff(&[
        "old.json",
        "new.json",
        "--format",
        "json",
        "--fail-on",
        "never",
    ]);
    let document: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(document["schema"], "kubeknock/diff/v2");
    let change = &document["changes"][0];
    assert_eq!(
        (&change["before"], &change["after"]),
        (&"forbidden".into(), &"exposed".into())
    );
    assert_eq!(change["opens"], true);
    let closed = diff(&["new.json", "old.json", "--fail-on", "new:high"]);
    assert_eq!(closed.status.code(), Some(0), "{}", stdout(&closed));
    let same = diff(&["old.json", "old.json", "--fail-on", "new"]);
    assert_eq!(same.status.code(), Some(0), "{}", stdout(&same));
    assert!(stdout(&same).contains("no changes\n"), "{}", stdout(&same));
}

#[test]
fn an_invalid_report_is_an_error_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write(
        "future.json",
        "{\n  \"schema\": \"kubeknock/report/v99\"\n}\n",
    );
    write("empty.json", "");
    write("other.jsonl", "{\"record\":\"endpoint\",\"target\":7}\n");
    write(
        "torn.jsonl",
        include_str!("../data/report-v1.jsonl")
            .split_inclusive('\n')
            .next()
            .unwrap(),
    );
    for (name, said) in [
        ("future.json", "future.json:2:"),
        (
            "future.json",
            "schema \"kubeknock/report/v99\" is not supported",
        ),
        ("empty.json", "empty.json"),
        ("other.jsonl", "other.jsonl:1:"),
        ("torn.jsonl", "torn.jsonl: the summary line is missing"),
        ("missing.json", "cannot read missing.json"),
    ] {
        for args in [&["report", "table", name][..], &["diff", name, name]] {
            let output = run_in(folder.path(), args);
            assert_eq!(output.status.code(), Some(2), "{args:?}");
            assert!(
                stderr(&output).contains(said),
                "{args:?}: {}",
                stderr(&output)
            );
        }
    }
    let output = run_in(folder.path(), &["report", "yaml", "torn.jsonl"]);
    assert!(
        stderr(&output).contains("yaml is not a format (table, json"),
        "{}",
        stderr(&output)
    );
    let output = run_in(folder.path(), &["report", "table"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("no saved report given"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_report_may_come_through_a_pipe() {
    use std::io::Write as _;
    use std::process::Stdio;

    for format in ["json", "jsonl"] {
        let mut child = kubeknock()
            .args(["report", "-q", format, "-", "--fail-on", "never"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let saved = include_str!("../data/report-v1.jsonl");
        child
            .stdin
            .take()
            .unwrap()
            .write_all(saved.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        assert!(stdout(&output).contains(kubeknock::record::SCHEMA));
    }
}

/// A report of every schema number is kept, and still read.
#[test]
fn a_report_of_every_version_is_rendered() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    for schema in kubeknock::record::READABLE {
        let version = schema.rsplit('/').next().unwrap();
        for extension in ["json", "jsonl"] {
            let path = data.join(format!("report-{version}.{extension}"));
            assert!(
                fs::read_to_string(&path).unwrap().contains(schema),
                "{}",
                path.display()
            );
            let output = run_in(
                Path::new("."),
                &["report", "-q", "table", path.to_str().unwrap()],
            );
            assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
            for said in ["exposed ", "limited ", "anonymous-discovery-exposed"] {
                assert!(
                    stdout(&output).contains(said),
                    "{said} is missing in\n{}",
                    stdout(&output)
                );
            }
        }
    }
}
