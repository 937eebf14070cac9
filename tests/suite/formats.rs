//! Report formats as the program writes them, and what stays equal from scan to scan.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Output;

use kubeknock::simulator;
use serde_json::Value;

use crate::browser::browse;
use crate::skip;
use crate::support::{kubeknock, run, start, stderr, stdout};

/// Runs the program in a folder, with these variables.
fn run_in(folder: &Path, variables: &[(&str, &str)], args: &[&str]) -> Output {
    let mut command = kubeknock();
    for name in ["GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITLAB_CI"] {
        command.env_remove(name);
    }
    command
        .current_dir(folder)
        .envs(variables.iter().copied())
        .args(args)
        .output()
        .unwrap()
}

/// Rule and location of every result, by its fingerprint.
fn fingerprints(folder: &Path, args: &[&str]) -> BTreeMap<String, String> {
    let args = [
        &[
            "scan",
            "-q",
            "-o=sarif",
            "--fail-on=never",
            "--require-coverage=0",
        ],
        args,
    ]
    .concat();
    let output = run_in(folder, &[], &args);
    let log: Value = serde_json::from_str(&stdout(&output))
        .unwrap_or_else(|error| panic!("{error}: {}", stderr(&output)));
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert!(!results.is_empty());
    let place = |result: &Value| {
        let location = &result["locations"][0]["physicalLocation"];
        format!(
            "{} {}:{}",
            result["ruleId"], location["artifactLocation"]["uri"], location["region"]["startLine"]
        )
    };
    results
        .iter()
        .map(|result| {
            (
                result["partialFingerprints"]["kubeknockFinding/v1"].to_string(),
                place(result),
            )
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_points_to_its_line_and_keeps_its_fingerprint() {
    let one = start("default").await;
    let other = start("exposed").await;
    let (one, other) = (one.address().to_string(), other.address().to_string());
    tokio::task::spawn_blocking(move || {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join(".git")).unwrap();
        fs::create_dir_all(root.join("ci")).unwrap();
        fs::write(root.join("ci/clusters.txt"), format!("# ours\n{one}\n")).unwrap();
        let first = fingerprints(&root.join("ci"), &["-f=clusters.txt"]);
        assert!(
            first
                .values()
                .all(|place| place.ends_with("\"ci/clusters.txt\":2")),
            "{first:?}"
        );
        // Fingerprints stay with another order, other targets, another file and another folder.
        fs::write(root.join("all.txt"), format!("{other}\n\n{one}\n")).unwrap();
        let second = fingerprints(root, &["-f=all.txt"]);
        for (fingerprint, place) in &first {
            let rule = place.split(' ').next().unwrap();
            let now = second
                .get(fingerprint)
                .unwrap_or_else(|| panic!("{rule} has another fingerprint"));
            assert_eq!(*now, format!("{rule} \"all.txt\":3"));
        }
        assert!(second.len() > first.len());
        let argument = fingerprints(root, &[&one]);
        assert!(
            argument
                .values()
                .all(|place| place.ends_with("\"kubeknock/arguments\":1")),
            "{argument:?}"
        );
        assert_eq!(
            argument.keys().collect::<Vec<_>>(),
            first.keys().collect::<Vec<_>>()
        );
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn auto_chooses_the_format_of_the_ci_server() {
    let server = start("exposed").await;
    let address = server.address().to_string();
    tokio::task::spawn_blocking(move || {
        let folder = tempfile::tempdir().unwrap();
        let scan = |variables: &[(&str, &str)]| {
            run_in(
                folder.path(),
                variables,
                &["scan", "-q", "-o=auto", &address],
            )
        };
        let plain = scan(&[]);
        assert!(stdout(&plain).starts_with("VERDICT"), "{}", stdout(&plain));

        let summary = folder.path().join("summary.md");
        fs::write(&summary, "# before\n").unwrap();
        let github = scan(&[
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_STEP_SUMMARY", summary.to_str().unwrap()),
        ]);
        assert!(
            stdout(&github).starts_with("::error title=anonymous-discovery-exposed::"),
            "{}",
            stdout(&github)
        );
        assert!(
            stdout(&github).ends_with(&format!("\nkubeknock: exit 1: 1 exposed: {address}\n")),
            "{}",
            stdout(&github)
        );
        let written = fs::read_to_string(&summary).unwrap();
        assert!(
            written.starts_with("# before\n## kubeknock failed"),
            "{written}"
        );
        assert_eq!(github.status.code(), Some(1));

        let gitlab = scan(&[("GITLAB_CI", "true")]);
        assert!(stdout(&gitlab).starts_with("VERDICT"));
        let report = fs::read_to_string(folder.path().join("gl-code-quality-report.json")).unwrap();
        let issues: Vec<Value> = serde_json::from_str(&report).unwrap();
        assert!(
            issues
                .iter()
                .any(|issue| issue["check_name"] == "anonymous-discovery-exposed")
        );
    })
    .await
    .unwrap();
}

/// Scans a server, replaces it by another one, and scans that with the first report as baseline. Writes `now.sarif`,
/// `now.markdown`, `now.html` and `now.table`. Each caller passes an address that no other test uses, so that no
/// other test takes the port between the two servers.
async fn scanned_before_and_now(
    folder: &Path,
    own: &str,
    [before, now]: [&str; 2],
    more: &[&str],
) -> Output {
    let server = simulator::start(
        simulator::scenario(before).unwrap(),
        format!("{own}:0").parse().unwrap(),
    );
    let server = server.await.unwrap();
    let address = server.address();
    let path = |name: &str| folder.join(name).display().to_string();
    let spec = address.to_string();
    let scan = |args: &[String]| {
        let args: Vec<String> =
            [&["scan".to_owned(), "-q".to_owned(), spec.clone()], args].concat();
        let more: Vec<String> = more.iter().map(|arg| (*arg).to_owned()).collect();
        tokio::task::spawn_blocking(move || {
            run(&args
                .iter()
                .chain(&more)
                .map(String::as_str)
                .collect::<Vec<_>>())
        })
    };
    let baseline = path("before.json");
    scan(&[format!("-ojson={baseline}")]).await.unwrap();
    drop(server);
    // Dropping the server only starts its shutdown. The port is free when the shutdown is finished.
    let mut attempts = 0;
    let _now = loop {
        match simulator::start(simulator::scenario(now).unwrap(), address).await {
            Ok(server) => break server,
            Err(error) if attempts == 100 => panic!("{address}: {error}"),
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
        }
        attempts += 1;
    };
    let mut args = vec![
        "--baseline".to_owned(),
        baseline,
        "--fail-on".to_owned(),
        "new".to_owned(),
    ];
    for format in ["sarif", "markdown", "html", "table"] {
        args.push(format!("-o{format}={}", path(&format!("now.{format}"))));
    }
    scan(&args).await.unwrap()
}

/// Every format that shows changes shows that a path opened since the baseline.
#[tokio::test(flavor = "multi_thread")]
async fn forbidden_to_exposed_is_in_every_format_that_shows_changes() {
    let folder = tempfile::tempdir().unwrap();
    let output =
        scanned_before_and_now(folder.path(), "127.83.0.1", ["default", "exposed"], &[]).await;
    let read =
        |format: &str| fs::read_to_string(folder.path().join(format!("now.{format}"))).unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let log: Value = serde_json::from_str(&read("sarif")).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let exposure = results
        .iter()
        .find(|result| result["ruleId"] == "anonymous-discovery-exposed")
        .unwrap();
    assert_eq!(exposure["baselineState"], "new");
    let page = read("markdown");
    assert!(
        page.contains("| **opens** |")
            && page.contains("<code>forbidden</code> | <code>exposed</code>"),
        "{page}"
    );
    let page = read("html");
    assert!(page.contains("opens</strong> 127.83.0.1:"), "{page}");
    assert!(page.contains(": forbidden → exposed</li>"), "{page}");
    assert!(read("table").contains("forbidden → exposed"));
}

/// The verdict and the rule stay, but another list is open.
#[tokio::test(flavor = "multi_thread")]
async fn nodes_then_secrets_is_new_in_every_format_that_shows_changes() {
    let folder = tempfile::tempdir().unwrap();
    let servers = ["lists-nodes", "front-answers-head"];
    let output = scanned_before_and_now(folder.path(), "127.83.0.2", servers, &["--deep"]).await;
    let read =
        |format: &str| fs::read_to_string(folder.path().join(format!("now.{format}"))).unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let log: Value = serde_json::from_str(&read("sarif")).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let exposure = results
        .iter()
        .find(|result| result["ruleId"] == "anonymous-resources-exposed")
        .unwrap();
    assert_eq!(exposure["baselineState"], "new");
    let table = read("table");
    for said in [
        ": opened: /api/v1/secrets\n",
        ": closed: /api/v1/namespaces, /api/v1/nodes and /metrics\n",
    ] {
        assert!(table.contains(said), "{table}");
    }
    let resources = table
        .lines()
        .find(|line| line.contains("anonymous-resources-exposed"))
        .unwrap();
    assert!(resources.contains("(new)"), "{resources}");
    let page = read("markdown");
    assert!(
        page.contains("| opened | – | <code>/api/v1/secrets</code> |"),
        "{page}"
    );
    let page = read("html");
    assert!(page.contains(": opened: /api/v1/secrets</li>"), "{page}");
}

/// The server's certificate and bodies contain markup. A browser opens the page that the program writes of them.
#[tokio::test(flavor = "multi_thread")]
async fn text_of_a_hostile_server_runs_nothing_in_a_browser() {
    let server = start("control-characters").await;
    let spec = server.address().to_string();
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    let html = format!("--output=html={}", page.display());
    let seen = tokio::task::spawn_blocking(move || {
        let output = run(&["scan", "-q", &spec, &html, "--fail-on=never"]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        browse(&page, "#unfold=1")
    });
    let Some(dom) = seen.await.unwrap() else {
        return skip::without("chromium", "a hostile server's words in a browser");
    };
    assert!(
        dom.contains("<title>kubeknock: 1 forbidden</title>"),
        "{dom}"
    );
    // The page has its data, one script, and one link, the icon. The server's markup is there as text.
    assert_eq!(
        (dom.matches("<script").count(), dom.matches("<link").count()),
        (2, 1)
    );
    assert!(!dom.contains("<img"));
    for text in [
        "O=\\&lt;script\\&gt;document.title='owned'\\&lt;/script\\&gt;",
        "&lt;img src=x onerror=document.title='owned'&gt;",
        "rejected \\u{202e}&lt;script&gt;document.title='owned'&lt;/script&gt;",
    ] {
        assert!(dom.contains(text), "{text}\n{dom}");
    }
}

#[test]
fn completions() {
    let bash = stdout(&run(&["completions", "bash"]));
    assert!(bash.contains("_kubeknock") && bash.contains("--require-coverage"));
    for (command, option, words) in [
        ("scan", "--output", "table json jsonl sarif"),
        (
            "scan",
            "--fail-on",
            "critical high medium low note exposed forbidden limited new never",
        ),
        ("simulate", "--profile", "default rejecting"),
        ("scan", "--from", "masscan-json masscan-list"),
    ] {
        let of_command = bash
            .split(&format!("kubeknock__subcmd__{command})\n"))
            .nth(1);
        let proposed = of_command
            .and_then(|text| text.split(&format!(" {option})\n")).nth(1))
            .and_then(|rest| rest.split(";;").next());
        assert!(
            proposed.is_some_and(|proposed| proposed.contains(words)),
            "{option}: {proposed:?}"
        );
    }
    for (command, word) in [("rules", " anonymous-auth-limited "), ("report", " junit ")] {
        let proposed = bash
            .split(&format!("kubeknock__subcmd__{command})\n"))
            .nth(1)
            .unwrap();
        let proposed = proposed
            .lines()
            .find(|line| line.contains("opts="))
            .unwrap();
        assert!(proposed.contains(word), "{command}: {proposed}");
    }
    let zsh = stdout(&run(&["completions", "zsh"]));
    assert!(
        zsh.contains("words -- ") && !zsh.contains("REPORT:(table"),
        "files stay proposed"
    );
}

#[test]
fn manual_pages() {
    let page = stdout(&run(&["man"]));
    assert!(page.contains(".TH kubeknock 1"), "{}", &page[..80]);
    let folder = tempfile::tempdir().unwrap();
    let man = |path: &Path| run(&["man", "--dir", path.to_str().unwrap()]);
    let pages = folder.path().join("man1");
    for _ in ["made", "filled again"] {
        let output = man(&pages);
        assert!(output.status.success(), "{}", stderr(&output));
    }
    let read = |name: &str| fs::read_to_string(pages.join(name)).unwrap();
    assert_eq!(read("kubeknock.1"), page);
    for reference in page.lines().filter(|line| line.ends_with("(1)")) {
        let name = reference.trim_end_matches("(1)").replace('\\', "");
        assert!(
            pages.join(format!("{name}.1")).is_file(),
            "{reference} has no page"
        );
    }
    for name in [
        "kubeknock-scan.1",
        "kubeknock-identify.1",
        "kubeknock-report.1",
        "kubeknock-diff.1",
    ] {
        assert!(read(name).contains("\n.SH \"EXIT STATUS\"\n"), "{name}");
        assert!(!read(name).contains("EXTRA"), "{name}");
    }
    assert!(read("kubeknock-scan.1").contains("\n.SH VERDICTS\n  exposed "));
    let output = man(&folder.path().join("no/man1"));
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("no does not exist; make it first"),
        "{}",
        stderr(&output)
    );
    assert!(!folder.path().join("no").exists());
}
