//! `kubeknock audit`: the requests of a scan in logs as API servers write them.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Output;

use kubeknock::simulator::SimulatedServer;
use serde_json::{Value, json};

use crate::support::{kubeknock, run_in, start, stderr, stdout};

/// What an API server writes about the requests that this server got, from the report of the scan: its log has the times.
fn log_of(report: &Value, keep: impl Fn(&str) -> bool) -> String {
    let mut log = String::new();
    for endpoint in report["endpoints"].as_array().unwrap() {
        let canary = (!endpoint["audit_canary"].is_null()).then(|| {
            let mut canary = endpoint["audit_canary"].clone();
            canary["evidence"] = json!({"audit_id": canary["audit_id"]});
            canary
        });
        let requests = endpoint["requests"]
            .as_array()
            .unwrap()
            .iter()
            .cloned()
            .chain(canary);
        for request in requests {
            let path = request["path"].as_str().unwrap();
            if !keep(path) {
                continue;
            }
            let refused = request["status"] == 401;
            let decision = if request["status"] == 403 {
                "forbid"
            } else {
                "allow"
            };
            let event = json!({
                "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata",
                "auditID": request["evidence"]["audit_id"],
                "stage": if refused { "ResponseStarted" } else { "ResponseComplete" },
                "requestURI": path, "verb": "get",
                "user": if refused { json!({}) } else {
                    json!({"username": "system:anonymous", "groups": ["system:unauthenticated"]})
                },
                "sourceIPs": ["127.0.0.1"],
                "userAgent": "kubeknock/0.1.0 (run check-1; unauthenticated Kubernetes API check)",
                "responseStatus": {"code": request["status"]},
                "requestReceivedTimestamp": request["at"], "stageTimestamp": request["at"],
                "annotations": if refused { json!({}) } else { json!({"authorization.k8s.io/decision": decision}) },
            });
            let _ = writeln!(log, "{event}");
        }
    }
    log
}

/// An event of somebody else.
fn other(at: &Value, uri: &str, agent: &str, decision: &str) -> String {
    let event = json!({
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "auditID": "other", "stage": "ResponseComplete",
        "requestURI": uri, "verb": "get", "user": {"username": "system:anonymous"},
        "sourceIPs": ["198.51.100.1", "203.0.113.9"], "userAgent": agent,
        "responseStatus": {"code": 200}, "requestReceivedTimestamp": at,
        "annotations": {"authorization.k8s.io/decision": decision},
    });
    format!("{event}\n")
}

async fn scanned(folder: &Path, profiles: &[&str], more: &[&str]) -> (Value, Vec<SimulatedServer>) {
    let mut servers = Vec::new();
    let mut words = vec!["scan".to_owned(), "-q".to_owned()];
    for profile in profiles {
        let server = start(profile).await;
        words.push(format!("{} name={profile}", server.address()));
        servers.push(server);
    }
    words.extend(
        [
            "--fail-on",
            "never",
            "--run-id",
            "check-1",
            "--audit-id",
            "--audit-canary",
            "-o",
            "json=report.json",
        ]
        .map(str::to_owned),
    );
    words.extend(more.iter().map(|word| (*word).to_owned()));
    let output = kubeknock()
        .current_dir(folder)
        .args(&words)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let text = fs::read_to_string(folder.join("report.json")).unwrap();
    (serde_json::from_str(&text).unwrap(), servers)
}

fn audit(folder: &Path, more: &[&str]) -> (Output, Value) {
    let words = [
        "audit",
        "audit.log",
        "--report",
        "report.json",
        "-o",
        "json=audit.json",
    ];
    let output = run_in(folder, &[&words[..], more].concat());
    let text = fs::read_to_string(folder.join("audit.json")).unwrap_or("null".to_owned());
    (output, serde_json::from_str(&text).unwrap())
}

fn results(audit: &Value) -> Vec<String> {
    let requests = audit["endpoints"][0]["requests"].as_array().unwrap();
    let shown = |request: &Value| {
        format!(
            "{} {}",
            request["result"].as_str().unwrap(),
            request["path"].as_str().unwrap()
        )
    };
    requests.iter().map(shown).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_with_all_requests_passes() {
    for (profile, count) in [("default", 4), ("rejecting", 6)] {
        let folder = tempfile::tempdir().unwrap();
        let (report, _servers) = scanned(folder.path(), &[profile], &[]).await;
        fs::write(folder.path().join("audit.log"), log_of(&report, |_| true)).unwrap();
        let (output, audit) = audit(folder.path(), &[]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert!(
            stderr(&output).contains(&format!("exit 0: {count} requests of this scan found")),
            "{}",
            stderr(&output)
        );
        let results = results(&audit);
        assert!(
            results.len() == count && results.iter().all(|result| result.starts_with("found ")),
            "{results:?}"
        );
        assert_eq!(audit["log"]["own_events"], count);
        assert_eq!(audit["others"], json!([]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_missing_or_lost_by_the_policy() {
    let folder = tempfile::tempdir().unwrap();
    let (report, _servers) = scanned(folder.path(), &["default"], &[]).await;
    let log = log_of(&report, |path| !["/version", "/healthz"].contains(&path));
    fs::write(folder.path().join("audit.log"), &log).unwrap();
    let (output, missing) = audit(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let all = [
        "missing /version",
        "found /api",
        "missing /healthz",
        "found /kubeknock-audit-check-1",
    ];
    assert_eq!(results(&missing), all);

    let policy = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- {level: None, nonResourceURLs: ['/healthz*', /version]}\n\
                  - {level: Metadata}\n";
    fs::write(folder.path().join("policy.yaml"), policy).unwrap();
    let (output, lost) = audit(folder.path(), &["--audit-policy", "policy.yaml"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let all = [
        "lost-by-policy /version",
        "found /api",
        "lost-by-policy /healthz",
        "found /kubeknock-audit-check-1",
    ];
    assert_eq!(results(&lost), all);
    let (output, _) = audit(
        folder.path(),
        &["--audit-policy", "policy.yaml", "--fail-on", "low"],
    );
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("2 requests of this scan lost by the audit policy"),
        "{}",
        stderr(&output)
    );

    // An id or a path at another time is not ours.
    let later = log_of(&report, |_| true).replace("\"2", "\"3");
    fs::write(folder.path().join("audit.log"), later).unwrap();
    let (output, audit) = audit(folder.path(), &["--endpoint", "default"]);
    assert_eq!(output.status.code(), Some(3), "{}", stdout(&output));
    assert!(
        results(&audit)
            .iter()
            .all(|result| result.starts_with("not-observable")),
        "{audit}"
    );
    fs::write(folder.path().join("policy.yaml"), "kind: Policy\n").unwrap();
    let (output, _) = self::audit(folder.path(), &["--audit-policy", "policy.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("policy.yaml:1:"),
        "{}",
        stderr(&output)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_without_a_log_are_not_missing() {
    let folder = tempfile::tempdir().unwrap();
    let (mut report, _servers) = scanned(folder.path(), &["default", "rejecting"], &[]).await;
    let whole = report.clone();
    report["endpoints"]
        .as_array_mut()
        .unwrap()
        .retain(|endpoint| endpoint["name"] == "default");
    fs::write(folder.path().join("audit.log"), log_of(&report, |_| true)).unwrap();
    let (output, found) = audit(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(found["endpoints"].as_array().unwrap().len(), 1);
    assert_eq!(found["no_log_given"].as_array().unwrap().len(), 1);
    // Named, it is.
    let (output, named) = audit(folder.path(), &["--endpoint", "rejecting"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert_eq!(named["endpoints"][0]["name"], "rejecting");
    let (output, _) = audit(folder.path(), &["--endpoint", "other"]);
    assert_eq!(output.status.code(), Some(2));
    let address = whole["endpoints"][0]["target"].as_str().unwrap();
    assert!(
        stderr(&output).contains("has this name; it has ") && stderr(&output).contains(address),
        "{}",
        stderr(&output)
    );
    // The log of another cluster.
    fs::write(folder.path().join("audit.log"), "{}\n").unwrap();
    let (output, none) = audit(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(none["log"]["foreign"], 1);
}

/// Nobody said that it is the log of the only endpoint of the report.
#[tokio::test(flavor = "multi_thread")]
async fn the_only_endpoint_is_not_missing_either() {
    let folder = tempfile::tempdir().unwrap();
    let (report, _servers) = scanned(folder.path(), &["default"], &[]).await;
    let at = &report["endpoints"][0]["requests"][0]["at"];
    let around = [
        other(&json!("2000-01-01T00:00:00Z"), "/api", "curl/8", "forbid"),
        other(at, "/api", "curl/8", "forbid"),
        other(&json!("2999-01-01T00:00:00Z"), "/api", "curl/8", "forbid"),
    ]
    .concat();
    fs::write(folder.path().join("audit.log"), around).unwrap();
    let (output, not_given) = audit(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert_eq!(not_given["endpoints"], json!([]));
    assert_eq!(
        not_given["no_log_given"],
        json!([report["endpoints"][0]["target"]])
    );
    let said = stderr(&output);
    assert!(said.contains("name it with --endpoint"), "{said}");
    // Named, its requests are missing.
    let (output, named) = audit(folder.path(), &["--endpoint", "default"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let results = results(&named);
    assert!(
        results.len() == 4 && results.iter().all(|result| result.starts_with("missing ")),
        "{results:?}"
    );
    assert_eq!(named["no_log_given"], json!([]));
    // The reason is said where the kind of log is one.
    let activity = json!([{"logName": "projects/p/logs/cloudaudit.googleapis.com%2Factivity"}]);
    fs::write(folder.path().join("audit.log"), activity.to_string()).unwrap();
    let (output, _) = audit(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(3));
    let said = stderr(&output);
    assert!(
        said.contains("GKE logs reads only with Data Access"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn others_are_listed_and_no_value_of_a_query_is() {
    let folder = tempfile::tempdir().unwrap();
    let (report, _servers) = scanned(folder.path(), &["default"], &[]).await;
    let at = &report["endpoints"][0]["requests"][0]["at"];
    let log = [
        log_of(&report, |_| true),
        other(
            at,
            "/metrics?access_token=SECRET&SECRET",
            "evil\u{1b}[2J",
            "allow",
        ),
        other(at, "/healthz", "kube-probe/1.37", "allow"),
        other(at, "/api", "curl/8", "forbid"),
    ]
    .concat();
    fs::write(folder.path().join("audit.log"), log).unwrap();
    let output = run_in(
        folder.path(),
        &["audit", "audit.log", "--report", "report.json"],
    );
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let table = stdout(&output);
    for part in [
        "1 allowed, 1 forbidden, 0 unauthenticated",
        "1 health checks, not listed",
        "ALLOWED ",
        "203.0.113.9",
        "get /metrics?access_token=…",
        "exit 1: 1 anonymous requests of others allowed beyond",
    ] {
        assert!(table.contains(part), "{part}: {table}");
    }
    assert!(
        !table.contains("SECRET") && !table.contains('\u{1b}') && !table.contains("198.51.100.1"),
        "{table}"
    );
    let (output, audit) = audit(folder.path(), &["--fail-on", "never"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(!audit.to_string().contains("SECRET"), "{audit}");
    // The thresholds of scans are no thresholds of this.
    fs::write(
        folder.path().join("kubeknock.toml"),
        "[scan]\nfail-on = \"forbidden\"\n",
    )
    .unwrap();
    let (output, _) = self::audit(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let (output, _) = self::audit(folder.path(), &["--fail-on", "exposed"]);
    assert_eq!(output.status.code(), Some(2));
}

/// Whoever copies the `User-Agent` of a scan is not the scan.
#[tokio::test(flavor = "multi_thread")]
async fn the_id_of_the_run_alone_is_no_request_of_the_scan() {
    let folder = tempfile::tempdir().unwrap();
    let (report, _servers) = scanned(folder.path(), &["default"], &[]).await;
    let at = &report["endpoints"][0]["requests"][0]["at"];
    let agent = "kubeknock/0.1.0 (run check-1; unauthenticated Kubernetes API check)";
    let later = json!("2999-01-01T00:00:00Z");
    let log = [
        log_of(&report, |_| true),
        other(at, "/metrics", agent, "allow"),
        // Health checks with the id are listed too, and so is the path of the canary.
        other(&later, "/healthz", agent, "allow"),
        other(&later, "/kubeknock-audit-check-1", "curl/8", "forbid"),
        // A path of the scan at its time, with the id of another request.
        other(at, "/api", agent, "forbid"),
    ]
    .concat();
    fs::write(folder.path().join("audit.log"), log).unwrap();
    let (output, audit) = audit(folder.path(), &["-o", "table"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert_eq!(audit["log"]["own_events"], 4);
    let others = audit["others"].as_array().unwrap();
    let paths = |claims: bool| {
        let of = others.iter().filter(|other| other["claims_run"] == claims);
        let mut paths: Vec<_> = of.map(|other| other["path"].as_str().unwrap()).collect();
        paths.sort_unstable();
        paths
    };
    let claiming = ["/api", "/healthz", "/kubeknock-audit-check-1", "/metrics"];
    assert_eq!(paths(true), claiming, "{audit}");
    assert_eq!(paths(false), [""; 0]);
    assert_eq!(audit["other_counts"]["claiming_this_run"], 4);
    let said = stdout(&output);
    assert!(
        said.contains("get /metrics  (carries this run's id and does not match a request of it)"),
        "{said}"
    );
}

/// Events of one request have one id; the answer of the server need not have had it.
#[tokio::test(flavor = "multi_thread")]
async fn every_event_of_a_request_without_a_known_id_is_ours() {
    let folder = tempfile::tempdir().unwrap();
    let (mut report, _servers) = scanned(folder.path(), &["default"], &[]).await;
    let log = log_of(&report, |_| true);
    let early = log.replace("ResponseComplete", "RequestReceived");
    for request in report["endpoints"][0]["requests"].as_array_mut().unwrap() {
        request["evidence"]["audit_id"] = Value::Null;
    }
    report["endpoints"][0]["audit_canary"]["audit_id"] = Value::Null;
    report["scan"]["options"]["audit_id"] = json!(false);
    fs::write(folder.path().join("report.json"), report.to_string()).unwrap();
    fs::write(folder.path().join("audit.log"), [early, log].concat()).unwrap();
    let (output, audit) = audit(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(audit["log"]["own_events"], 8, "{audit}");
    assert_eq!(audit["others"], json!([]));
}

/// Every command of `docs/audit.md`, against a simulated server and its log.
#[tokio::test(flavor = "multi_thread")]
async fn the_commands_of_the_page_work() {
    let page =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/audit.md")).unwrap();
    let commands: Vec<&str> = (page.split("```sh\n").skip(1))
        .flat_map(|block| block.split("```").next().unwrap().lines())
        .collect();
    assert_eq!(commands.len(), 3, "{commands:?}");
    let server = start("default").await;
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("policy.yaml"),
        "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- {level: None, nonResourceURLs: [/version, '/healthz*']}\n\
         - {level: Metadata}\n",
    )
    .unwrap();
    for (number, command) in commands.iter().enumerate() {
        let address = server.address().to_string();
        let words: Vec<String> = (command.split_whitespace().skip(1))
            .map(|word| word.replace("api.prod.example.com:6443", &address))
            .collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let output = run_in(folder.path(), &words);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{command}: {}",
            stderr(&output)
        );
        if number < 2 {
            let report = fs::read_to_string(folder.path().join("report.json")).unwrap();
            let report: Value = serde_json::from_str(&report).unwrap();
            let is_last = number == 1;
            let keep = |path: &str| !(is_last && ["/version", "/healthz"].contains(&path));
            fs::write(folder.path().join("audit.log"), log_of(&report, keep)).unwrap();
        }
    }
}
