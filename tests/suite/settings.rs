//! `kubeknock.toml`, the baseline and the gate, through the program.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::support::{kubeknock, start, stderr, stdout};

/// Runs a scan in a folder; the report goes to standard output.
fn scan_in(folder: &Path, args: &[&str]) -> Output {
    kubeknock()
        .current_dir(folder)
        .args(["scan", "-o", "json"])
        .args(args)
        .output()
        .unwrap()
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
async fn the_nearest_file_counts_and_the_command_line_overrides_it() {
    let server = start("default").await;
    let address = server.address().to_string();
    let folder = folder_with(
        "[scan]\nfail-on = \"forbidden\"\nretries = 3\npath = [\"/metrics\"]\nipv4 = true\n",
    );
    let below = folder.path().join("a/b");
    fs::create_dir_all(&below).unwrap();
    // Outside a repository only the working directory counts.
    assert_eq!(
        report(&scan_in(&below, &[&address]))["scan"]["settings"]["retries"],
        1
    );
    assert_eq!(
        report(&scan_in(folder.path(), &[&address]))["scan"]["settings"]["retries"],
        3
    );
    fs::create_dir(folder.path().join(".git")).unwrap();

    let output = scan_in(&below, &[&address]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("settings from ../../kubeknock.toml"),
        "{}",
        stderr(&output)
    );
    let settings = report(&output)["scan"]["settings"].clone();
    assert_eq!(
        (&settings["retries"], &settings["paths"][0]),
        (&3.into(), &"/metrics".into())
    );
    assert_eq!(settings["family"], "ipv4");

    let output = scan_in(
        &below,
        &[
            "-q",
            &address,
            "--retries",
            "0",
            "--path",
            "/livez",
            "-6",
            "--fail-on=never",
        ],
    );
    assert_eq!(
        (output.status.code(), stderr(&output).as_str()),
        (Some(0), "")
    );
    let settings = report(&output)["scan"]["settings"].clone();
    assert_eq!(settings["retries"], 0);
    assert_eq!(
        settings["paths"],
        serde_json::json!(["/livez"]),
        "a list is replaced, not added to"
    );
    assert_eq!(settings["family"], "ipv6");

    // A repository's root ends the search.
    fs::create_dir(below.join(".git")).unwrap();
    assert_eq!(
        report(&scan_in(&below, &[&address]))["scan"]["settings"]["retries"],
        1
    );
    let named = folder.path().join("kubeknock.toml");
    let output = scan_in(
        &below,
        &["-q", &address, "--config", named.to_str().unwrap()],
    );
    assert_eq!(report(&output)["scan"]["settings"]["retries"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_in_the_file_are_relative_to_it() {
    let server = start("default").await;
    let folder = folder_with("[scan]\ntargets-file = [\"clusters.txt\"]\n");
    fs::write(
        folder.path().join("clusters.txt"),
        format!("{} name=prod\n", server.address()),
    )
    .unwrap();
    let below = folder.path().join("below");
    fs::create_dir(&below).unwrap();
    fs::create_dir(folder.path().join(".git")).unwrap();
    let output = scan_in(&below, &["-q"]);
    assert_eq!(
        report(&output)["endpoints"][0]["origin"]["file"],
        "../clusters.txt"
    );
    let output = scan_in(folder.path(), &["-q"]);
    assert_eq!(
        report(&output)["endpoints"][0]["origin"]["file"],
        "clusters.txt"
    );

    // Also after the name of a format, and in a pair.
    fs::write(
        folder.path().join("open.txt"),
        format!("{}\n", server.address()),
    )
    .unwrap();
    let settings =
        "[scan]\nfrom = [[\"naabu\", \"open.txt\"]]\noutput = [\"jsonl=out.jsonl\", \"json=-\"]\n";
    fs::write(folder.path().join("kubeknock.toml"), settings).unwrap();
    let output = kubeknock()
        .current_dir(&below)
        .args(["scan", "-q"])
        .output()
        .unwrap();
    assert_eq!(
        report(&output)["endpoints"][0]["origin"]["file"],
        "../open.txt"
    );
    assert!(folder.path().join("out.jsonl").is_file());
}

/// Targets on the command line replace the targets of the file.
#[test]
fn targets_on_the_command_line_replace_those_of_the_file() {
    let folder = folder_with(
        "[scan]\ntargets-file = [\"clusters.txt\"]\nfrom = [[\"naabu\", \"open.txt\"]]\nports = \"7001\"\n",
    );
    for (file, address) in [
        ("clusters", "192.0.2.1"),
        ("open", "192.0.2.2:1"),
        ("other", "192.0.2.3"),
    ] {
        fs::write(
            folder.path().join(format!("{file}.txt")),
            format!("{address}\n"),
        )
        .unwrap();
    }
    let asked = |args: &[&str]| {
        let mut command = kubeknock();
        let output = command
            .current_dir(folder.path())
            .args(["scan", "-q", "--dry-run"])
            .args(args)
            .output();
        let said = stdout(&output.unwrap());
        (1..=4)
            .filter(|host| said.contains(&format!("192.0.2.{host}")))
            .collect::<Vec<_>>()
    };
    assert_eq!(asked(&[]), [1, 2]);
    assert_eq!(asked(&["192.0.2.4"]), [4]);
    assert_eq!(asked(&["-f", "other.txt"]), [3]);
    assert_eq!(asked(&["--from", "zmap", "other.txt"]), [3]);
    assert_eq!(asked(&["--config", "/dev/null", "192.0.2.4"]), [4]);
}

/// The gate in the file applies to every command that has one.
#[tokio::test(flavor = "multi_thread")]
async fn report_and_diff_use_the_file_too() {
    let server = start("exposed").await;
    let folder = tempfile::tempdir().unwrap();
    let run = |settings: &str, args: &[&str]| {
        fs::write(folder.path().join("kubeknock.toml"), settings).unwrap();
        kubeknock()
            .current_dir(folder.path())
            .args(args)
            .output()
            .unwrap()
    };
    let address = server.address().to_string();
    let never = "[scan]\nfail-on = \"never\"\nrate = 7\npath = [\"/metrics\"]\n";
    let saved = run(never, &["scan", "-q", &address, "-o", "json=old.json"]);
    assert_eq!(saved.status.code(), Some(0), "{}", stderr(&saved));
    let commands: [&[&str]; 2] = [
        &["report", "-q", "table", "old.json"],
        &["diff", "-q", "old.json", "old.json"],
    ];
    for command in commands {
        let code =
            |settings: &str, args: &[&str]| run(settings, &[command, args].concat()).status.code();
        assert_eq!(code("", &[]), Some(1), "{command:?}");
        assert_eq!(code(never, &[]), Some(0), "{command:?}");
        assert_eq!(
            code(never, &["--fail-on", "exposed"]),
            Some(1),
            "{command:?}"
        );
        for (settings, said) in [
            (
                "[scan]\nfail-onn = \"never\"\n",
                "kubeknock.toml:2:1: [scan]: unknown key: expected a long option of kubeknock scan; did you mean fail-on?",
            ),
            (
                "[scan]\nrate = \"fast\"\n",
                "kubeknock.toml:2:1: [scan] rate: invalid number",
            ),
        ] {
            let output = run(settings, command);
            assert_eq!(output.status.code(), Some(2), "{command:?}");
            assert!(
                stderr(&output).contains(said),
                "{command:?}: {}",
                stderr(&output)
            );
        }
    }
    // `report` uses the baseline of the file; `diff` gets its baseline as an argument.
    let output = run(
        "[scan]\nbaseline = \"old.json\"\nfail-on = \"new\"\n",
        commands[0],
    );
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(
        stdout(&output).contains("since the baseline: no changes"),
        "{}",
        stdout(&output)
    );
    let output = run(
        "[scan]\nbaseline = \"missing.json\"\nfail-on = \"new\"\n",
        commands[1],
    );
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn errors_in_the_file_have_a_place_and_a_suggestion() {
    for (settings, said) in [
        (
            "[scan]\nfail-onn = \"high\"\n",
            "kubeknock.toml:2:1: [scan]: unknown key: expected a long option of kubeknock scan; did you mean fail-on?",
        ),
        (
            "[scan]\nrate = \"fast\"\n",
            "[scan] rate: invalid number: expected a whole number, 0 or more",
        ),
        (
            "[scan]\norder = \"fast\"\n",
            "[scan] order: invalid value: expected one of random, sequential",
        ),
        (
            "[scan]\nfail-on = \"fast\"\n",
            "[scan] fail-on: invalid threshold",
        ),
        (
            "[scan]\nhttp2 = \"yes\"\n",
            "[scan] http2: invalid value: expected true or false",
        ),
        (
            "[scan]\nrate = [1, 2]\n",
            "[scan] rate: invalid value: expected one value",
        ),
        (
            "[scan]\nfrom = [\"zmap\", \"x\"]\n",
            "[scan] from: invalid value: expected a list of pairs",
        ),
        (
            "[scan]\nfrom = [[\"zmap\"]]\n",
            "[scan] from: invalid value: expected a list of pairs",
        ),
        (
            "[scan]\nconfig = \"x\"\n",
            "kubeknock.toml:2:1: [scan]: unknown key",
        ),
        (
            "[scan]\ndry-run = true\n",
            "kubeknock.toml:2:1: [scan]: unknown key",
        ),
        ("[[accept]]\nrule = \"x\"\n", "[[accept]] 1: "),
        (
            "rate = 7\n",
            "kubeknock.toml:1:1: unknown key: expected scan, severity, accept, expect",
        ),
    ] {
        let folder = folder_with(settings);
        let output = scan_in(folder.path(), &["192.0.2.1", "--dry-run"]);
        assert_eq!(output.status.code(), Some(2), "{settings}");
        let error = stderr(&output);
        assert!(
            error.contains(said) && error.contains("kubeknock.toml"),
            "{settings}: {error}"
        );
    }
    let output = scan_in(Path::new("."), &["192.0.2.1", "--config", "missing.toml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("cannot read missing.toml"),
        "{}",
        stderr(&output)
    );
}

fn finding<'a>(report: &'a Value, rule: &str) -> &'a Value {
    let findings = report["findings"].as_array().unwrap();
    findings
        .iter()
        .find(|finding| finding["rule"] == rule)
        .unwrap_or(&Value::Null)
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
    let settings = |expires: &str| {
        format!(
            "[severity]\nanonymous-auth-enabled = \"critical\"\n{}[[expect]]\ntarget = \"prod-*\"\n\
             verdict = \"rejected\"\n",
            // Naming the rule accepts it at its own severity only.
            accept("anonymous-auth-enabled", expires) + "at-most = \"critical\"\n",
        )
    };
    let folder = folder_with(&settings("2020-01-01"));
    let scan = |words: &str, fail_on: &str| {
        scan_in(
            folder.path(),
            &["-q", &format!("{address} {words}"), "--fail-on", fail_on],
        )
    };
    let output = scan("", "critical");
    assert_eq!(output.status.code(), Some(1));
    let expired = report(&output);
    let enabled = finding(&expired, "anonymous-auth-enabled");
    assert_eq!(enabled["severity"], "critical");
    assert_eq!(enabled["acceptance"]["in_force"], false);
    assert!(finding(&expired, "expectation-unmet").is_null());
    // A critical finding fails at every verdict.
    assert_eq!(scan("", "exposed").status.code(), Some(1));
    std::fs::write(folder.path().join("kubeknock.toml"), settings("2999-12-31")).unwrap();
    let output = scan("", "forbidden");
    assert_eq!(
        output.status.code(),
        Some(0),
        "what explains the verdict is accepted"
    );
    let accepted = report(&output);
    let enabled = finding(&accepted, "anonymous-auth-enabled");
    assert_eq!(enabled["acceptance"]["in_force"], true);
    // The expectation of the line overrides that of the file.
    assert_eq!(scan("name=prod-1", "exposed").status.code(), Some(1));
    assert_eq!(
        scan("name=prod-1 expect=forbidden", "exposed")
            .status
            .code(),
        Some(0)
    );
    // A misspelt expectation must not go unnoticed.
    let idle = "[[expect]] target = \"prod-*\" matches no target";
    for (words, said) in [
        ("", true),
        ("name=prod-1", false),
        ("name=prod-1 expect=forbidden", false),
    ] {
        let output = scan_in(folder.path(), &[&format!("{address} {words}")]);
        assert_eq!(
            stderr(&output).contains(idle),
            said,
            "{words}: {}",
            stderr(&output)
        );
    }
}

/// An acceptance that matches nothing must not go unnoticed, unless the scan did not see everything.
#[tokio::test(flavor = "multi_thread")]
async fn an_acceptance_without_a_finding_is_reported() {
    let server = start("default").await;
    let address = server.address().to_string();
    let folder = folder_with(
        "[[accept]]\nrule = [\"etcd-open\", \"kubelet-open\"]\ntarget = \"*\"\nreason = \"a lab\"\nowner = \"us\"\n\
         expires = 2999-12-31\n[[accept]]\nrule = \"*\"\nat-most = \"medium\"\ntarget = \"127.0.0.0/8\"\n\
         reason = \"a lab\"\nowner = \"us\"\nexpires = 2999-12-31\n",
    );
    let said =
        "kubeknock.toml:1:1: [[accept]] of etcd-open, kubelet-open at \"*\" matches no finding";
    let whole = scan_in(folder.path(), &[&address, "--fail-on", "note"]);
    assert_eq!(whole.status.code(), Some(0), "all of it is accepted");
    assert!(stderr(&whole).contains(said), "{}", stderr(&whole));
    assert!(!stderr(&whole).contains("[[accept]] of *"));
    let unused = &report(&whole)["unused_acceptances"];
    assert_eq!(unused.as_array().unwrap().len(), 1);
    assert_eq!(unused[0]["rule"], "etcd-open, kubelet-open");
    let shard = scan_in(folder.path(), &[&address, "--shard", "1/2", "--seed", "1"]);
    assert!(!stderr(&shard).contains("[[accept]]"), "{}", stderr(&shard));
    assert_eq!(report(&shard)["unused_acceptances"], serde_json::json!([]));
}

/// The rules of this version judge the baseline, too: rules that replaced others make nothing new.
#[test]
fn a_report_of_an_earlier_version_has_nothing_new_against_itself() {
    let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    for name in ["report-v2.json", "report-v3.jsonl"] {
        let path = data.join(name);
        let path = path.to_str().unwrap();
        let args = ["report", "table", path, "--baseline", path];
        let output = kubeknock()
            .current_dir(tempfile::tempdir().unwrap().path())
            .args(args)
            .args(["--fail-on", "new:note", "--require-coverage", "0"])
            .output()
            .unwrap();
        let table = stdout(&output);
        assert_eq!(output.status.code(), Some(0), "{table}{}", stderr(&output));
        assert!(!table.contains("(new)"), "{table}");
    }
}

/// The same address, first forbidden, then exposed: the findings are new, and the gate fails.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_opened_since_the_baseline_fails_the_gate() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (start("default").await, start("exposed").await);
    let [was, is] = [&old, &new].map(|server| server.address().to_string());
    let against = |target: &str, args: &[&str]| {
        kubeknock()
            .current_dir(folder.path())
            .args(["scan", "-q", target])
            .args(args)
            .output()
            .unwrap()
    };
    let saved = stdout(&scan_in(folder.path(), &["-q", &was]));
    fs::write(folder.path().join("old.json"), &saved).unwrap();
    let same = against(&was, &["--baseline", "old.json", "--fail-on", "new"]);
    assert_eq!(
        same.status.code(),
        Some(0),
        "{}{}",
        stdout(&same),
        stderr(&same)
    );
    assert!(
        stdout(&same).contains("since the baseline: no changes"),
        "{}",
        stdout(&same)
    );

    // As if the same server had answered differently.
    fs::write(folder.path().join("old.json"), saved.replace(&was, &is)).unwrap();
    let against = |args: &[&str]| against(&is, args);
    let opened = against(&["--baseline", "old.json", "--fail-on", "new:high"]);
    assert_eq!(opened.status.code(), Some(1), "{}", stdout(&opened));
    let table = stdout(&opened);
    for said in [
        "forbidden → exposed",
        "(new)",
        &format!("exit 1: 1 high new finding: anonymous-discovery-exposed at {is}"),
    ] {
        assert!(table.contains(said), "{said} is missing in\n{table}");
    }
    let report = report(&against(&["--baseline", "old.json", "-o", "json"]));
    assert_eq!(
        finding(&report, "anonymous-discovery-exposed")["baseline"],
        "new"
    );
    assert_eq!(
        finding(&report, "anonymous-auth-enabled")["baseline"],
        "absent",
        "another finding says what is open now"
    );

    for (args, said) in [
        (&["--fail-on", "new"][..], "--baseline REPORT"),
        (&["--baseline", "missing.json"], "cannot read missing.json"),
        (
            &["--baseline", "missing.json"],
            "For a first scan leave --baseline out",
        ),
        (
            &["--baseline", "old.json", "--fail-on", "newer"],
            "new:SEVERITY",
        ),
    ] {
        let output = against(args);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
    }
}

/// A file that another user may have planted stops every command that would use it.
#[cfg(unix)]
#[test]
fn a_file_that_others_may_write_is_not_trusted() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    let folder = folder_with("[scan]\nexclude = [\"192.0.2.1\"]\n");
    let path = folder.path().join("kubeknock.toml");
    fs::write(
        folder.path().join("old.json"),
        include_str!("../data/report-v2.json"),
    )
    .unwrap();
    let run = |args: &[&str]| {
        kubeknock()
            .current_dir(folder.path())
            .args(args)
            .output()
            .unwrap()
    };
    let commands: [&[&str]; 3] = [
        &["scan", "--dry-run", "192.0.2.0/31"],
        &["report", "table", "old.json"],
        &["diff", "old.json", "old.json"],
    ];
    let refused = |why: &str| {
        for command in commands {
            let output = run(command);
            assert_eq!(
                (output.status.code(), stdout(&output).as_str()),
                (Some(2), ""),
                "{command:?}"
            );
            let said = stderr(&output);
            for word in [
                "error: kubeknock.toml: ",
                why,
                "use it with --config kubeknock.toml",
                "ignore it with --config /dev/null",
            ] {
                assert!(said.contains(word), "{word} is missing in {said}");
            }
            // It can be used by name, and ignored.
            for (config, excluded) in [
                ("kubeknock.toml", "3 excluded"),
                ("/dev/null", "0 excluded"),
            ] {
                let output = run(&[command, &["--config", config]].concat());
                assert_ne!(output.status.code(), Some(2), "{}", stderr(&output));
                assert!(
                    command[0] != "scan" || stdout(&output).contains(excluded),
                    "{}",
                    stdout(&output)
                );
            }
        }
    };
    let mode = |mode: u32| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    mode(0o646);
    refused("not trusted: everybody may write it (owner: ");
    // Groups exist to share files, and many systems make files group-writable.
    mode(0o664);
    assert_eq!(run(commands[0]).status.code(), Some(0));

    if std::os::unix::fs::chown(&path, Some(65534), None).is_err() {
        return crate::skip::skipped("a settings file of another user: only root gives files away");
    }
    refused("(uid 65534), not by you or root");
    // Another user's link may lead to our own file.
    fs::rename(&path, folder.path().join("theirs")).unwrap();
    fs::write(
        folder.path().join("mine"),
        "[scan]\nexclude = [\"192.0.2.1\"]\n",
    )
    .unwrap();
    symlink("mine", &path).unwrap();
    assert_eq!(run(commands[0]).status.code(), Some(0));
    std::os::unix::fs::lchown(&path, Some(65534), None).unwrap();
    refused("(uid 65534), not by you or root");
}

/// A file that cannot be read is not skipped, since that would lose its exclusions.
#[cfg(unix)]
#[test]
fn a_file_that_cannot_be_read_stops_the_scan() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("gone", folder.path().join("kubeknock.toml")).unwrap();
    let output = scan_in(folder.path(), &["192.0.2.1", "--dry-run"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("cannot read kubeknock.toml: No such file"),
        "{}",
        stderr(&output)
    );
    fs::remove_file(folder.path().join("kubeknock.toml")).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(folder.path().join("kubeknock.toml"))
        .status();
    assert!(made.unwrap().success());
    let output = scan_in(folder.path(), &["192.0.2.1", "--dry-run"]);
    assert!(
        stderr(&output).contains("not a regular file"),
        "{}",
        stderr(&output)
    );
}
