//! `kubeknock targets`, and inventories through the program.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::skip;
use crate::support::{kubeknock, run, run_in, start, stderr, stdout};

const FILES: [&str; 5] = [
    "aks.json",
    "eks.json",
    "gke.json",
    "kubeconfig.yaml",
    "terraform.json",
];

fn file(name: &str) -> String {
    format!(
        "{}/tests/data/inventories/{name}",
        env!("CARGO_MANIFEST_DIR")
    )
}

#[test]
fn targets_as_lines_are_the_same_targets() {
    let folder = tempfile::tempdir().unwrap();
    for name in FILES {
        let lines = run(&["targets", &file(name), "-o", "lines"]);
        assert!(lines.status.success(), "{}", stderr(&lines));
        fs::write(folder.path().join("targets.txt"), &lines.stdout).unwrap();
        let again = run_in(folder.path(), &["targets", "targets.txt", "-o", "lines"]);
        let asked = |text: &str| -> Vec<String> {
            let asked = text.lines().filter(|line| !line.starts_with('#'));
            asked.map(str::to_owned).collect()
        };
        assert_eq!(asked(&stdout(&again)), asked(&stdout(&lines)), "{name}");
        let json = stdout(&run(&["targets", &file(name), "-o", "json"]));
        let rows: Vec<Value> = serde_json::from_str(&json).unwrap();
        assert!(rows.iter().all(|row| row["declared"].is_object()), "{json}");
        let not_asked = rows.iter().filter(|row| !row["not_asked"].is_null());
        assert_eq!(rows.len() - not_asked.count(), asked(&stdout(&lines)).len());
    }
}

#[test]
fn no_secret_of_an_inventory_is_shown() {
    for name in ["kubeconfig.yaml", "terraform.json"] {
        let path = file(name);
        assert!(
            fs::read_to_string(&path)
                .unwrap()
                .contains("MUST-NOT-BE-SHOWN")
        );
        for args in [
            &["-vv", "targets", &path][..],
            &["-vv", "targets", &path, "-o", "json"],
            &["-vv", "scan", "--dry-run", "--from", "auto", &path],
            &["-vv", "scan", "--dry-run", "--from", "aks", &path],
            &["-vv", "scan", "--dry-run", "-f", &path],
        ] {
            let output = run(args);
            let all = stdout(&output) + &stderr(&output);
            assert!(
                !all.is_empty() && !all.contains("MUST-NOT-BE-SHOWN"),
                "{args:?}: {all}"
            );
        }
    }
}

#[test]
fn labels_select() {
    let (aks, gke) = (file("aks.json"), file("gke.json"));
    let names = |selectors: &[&str]| {
        let mut args = vec!["targets", &*aks, &*gke, "-o", "json"];
        args.extend(selectors.iter().flat_map(|selector| ["--where", selector]));
        let output = run(&args);
        assert!(output.status.success(), "{}", stderr(&output));
        let rows: Vec<Value> = serde_json::from_str(&stdout(&output)).unwrap();
        let names = rows
            .iter()
            .map(|row| row["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(&["provider=gke"]), ["new", "old", "private"]);
    assert_eq!(
        names(&["provider=gke", "region=europe-west1"]),
        ["new", "private"]
    );
    assert_eq!(
        names(&["region=west*", "name=prod-eu", "name=stopped"]),
        ["prod-eu", "stopped"]
    );
    let none = run(&["targets", &aks, "--where", "provider=eks"]);
    assert_eq!(none.status.code(), Some(2));
    assert!(
        stderr(&none).contains("--where selects none of the 3 targets"),
        "{}",
        stderr(&none)
    );
    let invalid = run(&["targets", &aks, "--where", "gke"]);
    assert!(
        stderr(&invalid).contains("expected KEY=VALUE"),
        "{}",
        stderr(&invalid)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_of_an_inventory_reports_what_it_declares() {
    let server = start("health-only").await;
    let address = server.address();
    let inventory = format!(
        r#"[{{"cluster": {{"name": "lab", "endpoint": "https://{address}", "version": "1.33", "arn":
        "arn:aws:eks:eu-west-1:111122223333:cluster/lab", "tags": {{"env": "lab"}}}}}},
        {{"cluster": {{"name": "hidden", "endpoint": "https://127.0.0.1:1", "resourcesVpcConfig":
        {{"endpointPublicAccess": false}}}}}}, {{"cluster": {{"name": "new", "status": "CREATING"}}}}]"#
    );
    let mut scan = kubeknock()
        .args([
            "scan",
            "--from",
            "auto",
            "-",
            "-o",
            "json",
            "--fail-on",
            "never",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    scan.stdin
        .take()
        .unwrap()
        .write_all(inventory.as_bytes())
        .unwrap();
    let output = tokio::task::spawn_blocking(|| scan.wait_with_output().unwrap())
        .await
        .unwrap();
    // The private cluster is silent, and that is no miss of the coverage.
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let notes = stderr(&output);
    assert!(
        notes.contains("new is not asked, and not part of the coverage: it is being created"),
        "{notes}"
    );
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let endpoints = report["endpoints"].as_array().unwrap();
    assert_eq!(endpoints.len(), 2, "{endpoints:#?}");
    let declared = &endpoints[0]["declared"];
    assert_eq!(declared["provider"], "eks");
    assert_eq!(declared["labels"]["account"], "111122223333");
    assert_eq!(endpoints[1]["declared"]["endpoint"], "private");
    assert_eq!(report["coverage"]["named"], 1);
}

/// The output of each tool, and the targets that its line in docs/inventories.md must make of it.
const JQ: [(&str, &str, &str); 7] = [
    (
        "Cluster API",
        r#"{"items": [{"metadata": {"name": "a"}, "spec": {"controlPlaneEndpoint": {"host": "192.0.2.1", "port": 6443}}},
            {"metadata": {"name": "b"}, "spec": {}}]}"#,
        "192.0.2.1:6443 name=a\n",
    ),
    (
        "Rancher",
        r#"{"items": [{"spec": {"displayName": "local"}, "status": {"apiEndpoint": "https://192.0.2.2:6443"}},
            {"spec": {"displayName": "new"}, "status": {}}]}"#,
        "https://192.0.2.2:6443 name=local\n",
    ),
    (
        "Argo CD",
        r#"[{"name": "my cluster", "server": "https://api.example", "config": {"bearerToken": "x"}}]"#,
        "https://api.example name=my-cluster\n",
    ),
    (
        "DigitalOcean",
        r#"[{"name": "c", "endpoint": "https://0a1b.k8s.ondigitalocean.com"}]"#,
        "https://0a1b.k8s.ondigitalocean.com name=c\n",
    ),
    (
        "Oracle",
        r#"{"data": [{"name": "d", "endpoints": {"public-endpoint": "192.0.2.4:6443", "private-endpoint": "10.0.0.4:6443"}},
            {"name": "e", "endpoints": {"public-endpoint": null}}]}"#,
        "192.0.2.4:6443 name=d\n",
    ),
    (
        "IBM",
        r#"[{"name": "f", "masterURL": "https://c1.eu-de.containers.cloud.ibm.com:30426"}]"#,
        "https://c1.eu-de.containers.cloud.ibm.com:30426 name=f\n",
    ),
    (
        "Scaleway",
        r#"[{"name": "g", "cluster_url": "https://0a1b.api.k8s.fr-par.scw.cloud:6443"}]"#,
        "https://0a1b.api.k8s.fr-par.scw.cloud:6443 name=g\n",
    ),
];

#[test]
fn the_lines_of_jq_make_targets() {
    let page = include_str!("../../docs/inventories.md");
    let rows = page.lines().filter(|line| line.contains("| `jq -r '"));
    assert_eq!(rows.count(), JQ.len(), "each has a sample");
    if Command::new("jq").arg("--version").output().is_err() {
        return skip::without("jq", "the_lines_of_jq_make_targets");
    }
    for (tool, input, expected) in JQ {
        let row = page
            .lines()
            .find(|line| line.starts_with(&format!("| {tool}: ")))
            .unwrap();
        let (_, program) = row.split_once("| `jq -r '").unwrap();
        let program = program.strip_suffix("'` |").unwrap().replace("\\|", "|");
        let mut jq = Command::new("jq")
            .args(["-r", &program])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        jq.stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        let output = jq.wait_with_output().unwrap();
        assert_eq!(stdout(&output), expected, "{tool}");
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("targets.txt"), expected).unwrap();
        let targets = run_in(folder.path(), &["targets", "targets.txt", "-o", "lines"]);
        assert_eq!(stdout(&targets), expected, "{tool}");
    }
}
