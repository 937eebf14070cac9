//! `kubeknock.toml`, the baseline and the gate, through the program.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::support::{kubeknock, start, stderr, stdout};

/// Runs a scan in a folder; the report goes to standard output.
fn scan_in(folder: &Path, args: &[&str]) -> Output {
    kubeknock().current_dir(folder).args(["scan", "-o", "json"]).args(args).output().unwrap()
}

fn report(output: &Output) -> Value {
    serde_json::from_str(&stdout(output)).unwrap_or_else(|_| panic!("{}", stderr(output)))
}

fn folder_with(settings: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("kubeknock.toml"), settings).unwrap();
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_is_found_upward_and_the_command_line_beats_it() {
    let server = start("default").await;
    let address = server.address().to_string();
    let folder =
        folder_with("[scan]\nfail-on = \"forbidden\"\nretries = 3\npath = [\"/metrics\"]\nipv4 = true\n");
    let below = folder.path().join("a/b");
    fs::create_dir_all(&below).unwrap();

    let output = scan_in(&below, &[&address]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("settings from ../../kubeknock.toml"), "{}", stderr(&output));
    let settings = report(&output)["scan"]["settings"].clone();
    assert_eq!((&settings["retries"], &settings["paths"][0]), (&3.into(), &"/metrics".into()));
    assert_eq!(settings["family"], "ipv4");

    let output =
        scan_in(&below, &["-q", &address, "--retries", "0", "--path", "/livez", "-6", "--fail-on=never"]);
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
    let settings = report(&output)["scan"]["settings"].clone();
    assert_eq!(settings["retries"], 0);
    assert_eq!(settings["paths"], serde_json::json!(["/livez"]), "a list is replaced, not added to");
    assert_eq!(settings["family"], "ipv6");

    // A repository's root ends the search.
    fs::create_dir(below.join(".git")).unwrap();
    assert_eq!(report(&scan_in(&below, &[&address]))["scan"]["settings"]["retries"], 1);
    let named = folder.path().join("kubeknock.toml");
    let output = scan_in(&below, &["-q", &address, "--config", named.to_str().unwrap()]);
    assert_eq!(report(&output)["scan"]["settings"]["retries"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_paths_start_where_it_is() {
    let server = start("default").await;
    let folder = folder_with("[scan]\ntargets-file = [\"clusters.txt\"]\n");
    fs::write(folder.path().join("clusters.txt"), format!("{} name=prod\n", server.address())).unwrap();
    let below = folder.path().join("below");
    fs::create_dir(&below).unwrap();
    let output = scan_in(&below, &["-q"]);
    assert_eq!(report(&output)["endpoints"][0]["origin"]["file"], "../clusters.txt");
    let output = scan_in(folder.path(), &["-q"]);
    assert_eq!(report(&output)["endpoints"][0]["origin"]["file"], "clusters.txt");
}

#[test]
fn a_mistake_in_the_file_is_its_own_and_suggests() {
    for (settings, said) in [
        ("[scan]\nfail-onn = \"high\"\n", "[scan]: unknown key \"fail-onn\"; did you mean fail-on?"),
        ("[scan]\nrate = \"fast\"\n", "[scan] rate: invalid value 'fast' for '--rate <NUMBER>'"),
        ("[scan]\nhttp2 = \"yes\"\n", "[scan] http2: true or false is expected"),
        ("[scan]\nrate = [1, 2]\n", "[scan] rate: one value is expected"),
        ("[scan]\nconfig = \"x\"\n", "unknown key \"config\""),
        ("[scan]\ndry-run = true\n", "unknown key \"dry-run\""),
        ("[[accept]]\nrule = \"x\"\n", "[[accept]] 1: "),
        ("rate = 7\n", "unknown key \"rate\""),
    ] {
        let folder = folder_with(settings);
        let output = scan_in(folder.path(), &["192.0.2.1", "--dry-run"]);
        assert_eq!(output.status.code(), Some(2), "{settings}");
        let error = stderr(&output);
        assert!(error.contains(said) && error.contains("kubeknock.toml"), "{settings}: {error}");
    }
    let output = scan_in(Path::new("."), &["192.0.2.1", "--config", "missing.toml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("cannot read missing.toml"), "{}", stderr(&output));
}

fn finding<'a>(report: &'a Value, rule: &str) -> &'a Value {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().find(|finding| finding["rule"] == rule).unwrap_or(&Value::Null)
}

#[tokio::test(flavor = "multi_thread")]
async fn severities_acceptances_and_expectations() {
    let server = start("default").await;
    let address = server.address().to_string();
    let accept = |rule: &str, expires: &str| {
        format!(
            "[[accept]]\nrule = \"{rule}\"\ntarget = \"127.0.0.0/8\"\nreason = \"a lab\"\nowner = \"us\"\n\
             expires = {expires}\n"
        )
    };
    let settings = format!(
        "[severity]\nversion-disclosed = \"critical\"\n{}{}[[expect]]\ntarget = \"prod-*\"\nverdict = \"rejected\"\n",
        accept("anonymous-auth-enabled", "2999-12-31"),
        accept("health-endpoints-open", "2020-01-01"),
    );
    let folder = folder_with(&settings);
    let scan = |words: &str, fail_on: &str| {
        scan_in(folder.path(), &["-q", &format!("{address} {words}"), "--fail-on", fail_on])
    };
    let output = scan("", "critical");
    assert_eq!(output.status.code(), Some(1));
    let report = report(&output);
    assert_eq!(finding(&report, "version-disclosed")["severity"], "critical");
    assert_eq!(finding(&report, "anonymous-auth-enabled")["acceptance"]["in_force"], true);
    assert_eq!(finding(&report, "health-endpoints-open")["acceptance"]["in_force"], false);
    assert!(finding(&report, "expectation-unmet").is_null());
    assert_eq!(scan("", "forbidden").status.code(), Some(0), "what explains the verdict is accepted");
    // The line's own expectation beats the file's.
    assert_eq!(scan("name=prod-1", "exposed").status.code(), Some(1));
    assert_eq!(scan("name=prod-1 expect=forbidden", "exposed").status.code(), Some(0));
}

/// The same address, first refused only, then open: new in everything, and a failure for the gate.
#[tokio::test(flavor = "multi_thread")]
async fn what_opened_since_the_baseline_fails_the_gate() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (start("default").await, start("exposed").await);
    let [was, is] = [&old, &new].map(|server| server.address().to_string());
    let against = |target: &str, args: &[&str]| {
        kubeknock().current_dir(folder.path()).args(["scan", "-q", target]).args(args).output().unwrap()
    };
    let saved = stdout(&scan_in(folder.path(), &["-q", &was]));
    fs::write(folder.path().join("old.json"), &saved).unwrap();
    let same = against(&was, &["--baseline", "old.json", "--fail-on", "new"]);
    assert_eq!(same.status.code(), Some(0), "{}{}", stdout(&same), stderr(&same));
    assert!(stdout(&same).contains("since the baseline: no change"), "{}", stdout(&same));

    // As if the same server had answered otherwise.
    fs::write(folder.path().join("old.json"), saved.replace(&was, &is)).unwrap();
    let against = |args: &[&str]| against(&is, args);
    let opened = against(&["--baseline", "old.json", "--fail-on", "new:high"]);
    assert_eq!(opened.status.code(), Some(1), "{}", stdout(&opened));
    let table = stdout(&opened);
    for said in ["forbidden → exposed", "(new)", "2 new findings at --fail-on new:high: exit 1"] {
        assert!(table.contains(said), "{said} is missing in\n{table}");
    }
    let report = report(&against(&["--baseline", "old.json", "-o", "json"]));
    assert_eq!(finding(&report, "anonymous-discovery-exposed")["baseline"], "new");
    assert_eq!(finding(&report, "anonymous-auth-enabled")["baseline"], "unchanged", "it is open, not mended");

    for (args, said) in [
        (&["--fail-on", "new"][..], "--baseline REPORT"),
        (&["--baseline", "missing.json"], "cannot read missing.json"),
        (&["--baseline", "old.json", "--fail-on", "newer"], "new:SEVERITY"),
    ] {
        let output = against(args);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
    }
}
