//! Report formats through the program: where they go, and what stays the same from scan to scan.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;

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
    command.current_dir(folder).envs(variables.iter().copied()).args(args).output().unwrap()
}

/// Rule and place of every result, by its fingerprint.
fn fingerprints(folder: &Path, args: &[&str]) -> BTreeMap<String, String> {
    let args = [&["scan", "-q", "-o=sarif", "--fail-on=never", "--require-coverage=0"], args].concat();
    let output = run_in(folder, &[], &args);
    let log: Value =
        serde_json::from_str(&stdout(&output)).unwrap_or_else(|error| panic!("{error}: {}", stderr(&output)));
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
        .map(|result| (result["partialFingerprints"]["kubeknockFinding/v1"].to_string(), place(result)))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_lies_at_its_line_and_keeps_its_fingerprint() {
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
        assert!(first.values().all(|place| place.ends_with("\"ci/clusters.txt\":2")), "{first:?}");
        // Another order, another target, another file and another folder.
        fs::write(root.join("all.txt"), format!("{other}\n\n{one}\n")).unwrap();
        let second = fingerprints(root, &["-f=all.txt"]);
        for (fingerprint, place) in &first {
            let rule = place.split(' ').next().unwrap();
            let now = second.get(fingerprint).unwrap_or_else(|| panic!("{rule} has another fingerprint"));
            assert_eq!(*now, format!("{rule} \"all.txt\":3"));
        }
        assert!(second.len() > first.len());
        let argument = fingerprints(root, &[&one]);
        assert!(argument.values().all(|place| place.ends_with("\"kubeknock/arguments\":1")), "{argument:?}");
        assert_eq!(argument.keys().collect::<Vec<_>>(), first.keys().collect::<Vec<_>>());
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn auto_chooses_by_the_place_of_the_scan() {
    let server = start("exposed").await;
    let address = server.address().to_string();
    tokio::task::spawn_blocking(move || {
        let folder = tempfile::tempdir().unwrap();
        let scan = |variables: &[(&str, &str)]| {
            run_in(folder.path(), variables, &["scan", "-q", "-o=auto", &address])
        };
        let plain = scan(&[]);
        assert!(stdout(&plain).starts_with("VERDICT"), "{}", stdout(&plain));

        let summary = folder.path().join("summary.md");
        fs::write(&summary, "# before\n").unwrap();
        let github = scan(&[("GITHUB_ACTIONS", "true"), ("GITHUB_STEP_SUMMARY", summary.to_str().unwrap())]);
        assert!(
            stdout(&github).starts_with("::error title=anonymous-discovery-exposed::"),
            "{}",
            stdout(&github)
        );
        assert!(
            stdout(&github).ends_with("\nkubeknock: 1 verdict at --fail-on exposed: exit 1\n"),
            "{}",
            stdout(&github)
        );
        let written = fs::read_to_string(&summary).unwrap();
        assert!(written.starts_with("# before\n## kubeknock failed"), "{written}");
        assert_eq!(github.status.code(), Some(1));

        let gitlab = scan(&[("GITLAB_CI", "true")]);
        assert!(stdout(&gitlab).starts_with("VERDICT"));
        let report = fs::read_to_string(folder.path().join("gl-code-quality-report.json")).unwrap();
        let issues: Vec<Value> = serde_json::from_str(&report).unwrap();
        assert!(issues.iter().any(|issue| issue["check_name"] == "anonymous-discovery-exposed"));
    })
    .await
    .unwrap();
}

/// What opened since the baseline shows wherever people look.
#[tokio::test(flavor = "multi_thread")]
async fn forbidden_to_exposed_shows_in_every_format_that_tells_changes() {
    // An address of its own: nobody else takes the port while the server changes.
    let default = kubeknock::simulator::scenario("default").unwrap();
    let own = "127.83.0.1:0".parse().unwrap();
    let server = kubeknock::simulator::start(default, own).await.unwrap();
    let address = server.address();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let before = path("before.json");
    let spec = address.to_string();
    let scan = |args: Vec<String>| async move {
        tokio::task::spawn_blocking(move || run(&args.iter().map(String::as_str).collect::<Vec<_>>()))
            .await
            .unwrap()
    };
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    scan(words(&["scan", "-q", &spec, "-o", &format!("json={before}")])).await;
    drop(server);
    let exposed = kubeknock::simulator::scenario("exposed").unwrap();
    // The port is free once the first server has been torn down, which dropping it only begins.
    let mut attempts = 0;
    let _now = loop {
        match kubeknock::simulator::start(Arc::clone(&exposed), address).await {
            Ok(server) => break server,
            Err(error) if attempts == 100 => panic!("{address}: {error}"),
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
        }
        attempts += 1;
    };
    let (sarif, markdown) = (path("now.sarif"), path("now.md"));
    let (html, table) = (path("now.html"), path("now.txt"));
    let output = scan(words(&[
        "scan",
        "-q",
        &spec,
        "--baseline",
        &before,
        "--fail-on",
        "new",
        "-o",
        &format!("sarif={sarif}"),
        "-o",
        &format!("markdown={markdown}"),
        "-o",
        &format!("html={html}"),
        "-o",
        &format!("table={table}"),
    ]))
    .await;
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let log: Value = serde_json::from_str(&fs::read_to_string(sarif).unwrap()).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let exposure = results.iter().find(|result| result["ruleId"] == "anonymous-discovery-exposed").unwrap();
    assert_eq!(exposure["baselineState"], "new");
    let page = fs::read_to_string(markdown).unwrap();
    assert!(
        page.contains("| **opens** |") && page.contains("<code>forbidden</code> | <code>exposed</code>"),
        "{page}"
    );
    let page = fs::read_to_string(html).unwrap();
    let change = format!("opens</strong> https://{address}: forbidden → exposed</li>");
    assert!(page.contains(&change), "{page}");
    assert!(fs::read_to_string(table).unwrap().contains("forbidden → exposed"));
}

/// A certificate and bodies that are markup, from a server, through the program, into a browser.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_hostile_server_says_runs_nothing_in_a_browser() {
    let server = start("control-characters").await;
    let spec = server.address().to_string();
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    let html = format!("--output=html={}", page.display());
    let seen = tokio::task::spawn_blocking(move || {
        let output = run(&["scan", "-q", &spec, &html, "--fail-on=never"]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        browse(&page, "")
    });
    let Some(dom) = seen.await.unwrap() else {
        return skip::without("chromium", "a hostile server's words in a browser");
    };
    assert!(dom.contains("<title>kubeknock: 1 forbidden</title>"), "{dom}");
    // Ours is the only script and the icon the only link; what the server sent is there as text.
    assert_eq!((dom.matches("<script").count(), dom.matches("<link").count()), (1, 1));
    assert!(!dom.contains("<img"));
    for text in [
        "O=&lt;script&gt;document.title='owned'&lt;/script&gt;",
        "&lt;img src=x onerror=document.title='owned'&gt;",
        "rejected \\u{202e}&lt;script&gt;document.title='owned'&lt;/script&gt;",
    ] {
        assert!(dom.contains(text), "{text}\n{dom}");
    }
}

#[test]
fn completions_and_manual_pages() {
    let bash = stdout(&run(&["completions", "bash"]));
    assert!(bash.contains("_kubeknock") && bash.contains("--require-coverage"));
    let page = stdout(&run(&["man"]));
    assert!(page.starts_with(".ie") || page.contains(".TH kubeknock 1"), "{}", &page[..80]);
    let folder = tempfile::tempdir().unwrap();
    let output = run(&["man", "--dir", folder.path().to_str().unwrap()]);
    assert!(output.status.success(), "{}", stderr(&output));
    for name in ["kubeknock.1", "kubeknock-scan.1", "kubeknock-identify.1"] {
        assert!(folder.path().join(name).is_file(), "{name}");
    }
}
