//! Findings of targets that could not be asked again, through the program: they stay open at their destination until
//! something is known about them.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use kubeknock::simulator::{self, SimulatedServer};
use serde_json::Value;

use crate::support::{kubeknock, stderr, stdout};

const OPEN: &str = "anonymous-discovery-exposed";
const VERSION: &str = "unsupported-version";

/// A server of this scenario here. Dropping another one there only starts its shutdown, so the port may not be free yet.
pub(crate) async fn serve(scenario: &str, address: SocketAddr) -> SimulatedServer {
    for _ in 0..100 {
        if let Ok(server) = simulator::start(simulator::scenario(scenario).unwrap(), address).await
        {
            return server;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{address} is in use")
}

/// A server on an address that no other test uses.
pub(crate) async fn serve_at(scenario: &str, own: &str) -> SimulatedServer {
    serve(scenario, format!("{own}:0").parse().unwrap()).await
}

/// Waits until nobody listens there.
pub(crate) async fn silence(address: SocketAddr) {
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn kubeknock_in(folder: &Path, args: &[&str]) -> Output {
    let output = kubeknock().current_dir(folder).args(args).output().unwrap();
    assert_ne!(
        output.status.code(),
        Some(2),
        "{args:?}: {}",
        stderr(&output)
    );
    output
}

/// Scans with `NAME.json`, `NAME.jsonl`, `NAME.sarif` … as reports, and returns the table and the exit code.
fn scan(folder: &Path, name: &str, baseline: Option<&str>, more: &[&str]) -> (String, Option<i32>) {
    let mut args = vec!["scan".to_owned(), "-q".to_owned(), "--retries=0".to_owned()];
    for (format, extension) in FORMATS {
        args.push(format!("-o{format}={name}.{extension}"));
    }
    args.extend(baseline.map(|baseline| format!("--baseline={baseline}.json")));
    args.extend(more.iter().map(|arg| (*arg).to_owned()));
    args.push("-otable".to_owned());
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let output = kubeknock_in(folder, &args);
    (stdout(&output), output.status.code())
}

const FORMATS: [(&str, &str); 6] = [
    ("json", "json"),
    ("jsonl", "jsonl"),
    ("sarif", "sarif"),
    ("gitlab", "gitlab"),
    ("defectdojo", "dojo"),
    ("prometheus", "prom"),
];

fn read(folder: &Path, file: &str) -> String {
    fs::read_to_string(folder.join(file)).unwrap()
}

fn json(folder: &Path, file: &str) -> Value {
    serde_json::from_str(&read(folder, file)).unwrap()
}

/// The results of a SARIF log: rule, state, and what the message says about the last time.
fn results(folder: &Path, name: &str) -> Vec<(String, Value, bool)> {
    let log = json(folder, &format!("{name}.sarif"));
    let results = log["runs"][0]["results"].as_array().unwrap();
    let text = |result: &Value| {
        let message = result["message"]["text"].as_str().unwrap().to_owned();
        message.contains("(not reachable in this scan; last seen 20")
    };
    let mut results: Vec<_> = results
        .iter()
        .map(|result| {
            let rule = result["ruleId"].as_str().unwrap().to_owned();
            (rule, result["baselineState"].clone(), text(result))
        })
        .collect();
    results.sort_by_key(|(rule, ..)| rule.clone());
    results
}

/// The rules of the issues in a code quality report.
fn issues(folder: &Path, name: &str) -> Vec<String> {
    let issues = json(folder, &format!("{name}.gitlab"));
    let issues = issues.as_array().unwrap().iter();
    let mut rules: Vec<String> = issues
        .map(|issue| issue["check_name"].as_str().unwrap().to_owned())
        .collect();
    rules.sort();
    rules
}

/// The finding that is carried, its record, and when the record was seen.
fn carried(folder: &Path, name: &str) -> Vec<Value> {
    json(folder, &format!("{name}.json"))["carried"]
        .as_array()
        .unwrap()
        .clone()
}

/// What `diff` says: the rules of findings that are new, gone, and carried.
fn diff(folder: &Path, old: &str, new: &str) -> [Vec<String>; 3] {
    let (old, new) = (format!("{old}.json"), format!("{new}.json"));
    let output = kubeknock_in(folder, &["diff", &old, &new, "-ojson"]);
    let diff: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let rules = |key: &str, state: &str| -> Vec<String> {
        let findings = diff[key].as_array().unwrap().iter();
        findings
            .filter(|finding| finding["baseline"] == state)
            .map(|finding| finding["rule"].as_str().unwrap().to_owned())
            .collect()
    };
    [
        rules("findings", "new"),
        rules("findings", "absent"),
        rules("carried", "unchanged"),
    ]
}

/// A weekly scan: found, unreachable, unreachable, fixed.
#[tokio::test(flavor = "multi_thread")]
async fn an_alert_stays_open_until_the_server_answers() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let server = serve_at("exposed", "127.84.0.1").await;
    let address = server.address();
    fs::write(place.join("targets.txt"), format!("{address}\n")).unwrap();
    let list = ["-f", "targets.txt"];
    let weekly = |name, baseline| scan(place, name, baseline, &list);
    let state = |rule: &str, state: &str, silent| (rule.to_owned(), Value::from(state), silent);

    let (_, code) = weekly("1", None);
    assert_eq!(code, Some(1));
    let first = json(place, "1.json");
    let mut all: Vec<String> = issues(place, "1");
    assert!(all.contains(&OPEN.to_owned()), "{all:?}");
    assert_eq!(carried(place, "1"), [Value::Null; 0]);

    drop(server);
    silence(address).await;
    for (name, baseline) in [("2", "1"), ("3", "2")] {
        let (table, code) = weekly(name, Some(baseline));
        assert_eq!(
            code,
            Some(3),
            "coverage counts, and not what is carried: {table}"
        );
        let mut expected: Vec<_> = (all.iter())
            .map(|rule| state(rule, "unchanged", true))
            .collect();
        let is_new = if name == "2" { "new" } else { "unchanged" };
        expected.push(state("target-not-covered", is_new, false));
        expected.sort_by_key(|(rule, ..)| rule.clone());
        assert_eq!(results(place, name), expected);
        let mut open = all.clone();
        open.push("target-not-covered".to_owned());
        open.sort();
        assert_eq!(issues(place, name), open);
        let dojo = json(place, &format!("{name}.dojo"));
        let active = dojo["findings"].as_array().unwrap().iter();
        let active = active.filter(|finding| finding["active"] == true);
        assert_eq!(active.count(), open.len());
        // The record keeps the first date.
        let carried = carried(place, name);
        assert_eq!(carried.len(), 1);
        assert_eq!(carried[0]["last_seen"], first["scan"]["started"]);
        assert_eq!(carried[0]["requests"], first["endpoints"][0]["requests"]);
        // People read it once, and no count has it.
        let day = &first["scan"]["started"].as_str().unwrap()[..10];
        let said = format!(
            "carried from the baseline: {} findings that could not be asked again, last seen {day}",
            all.len()
        );
        assert_eq!(
            table.replace('\n', " ").matches(&said).count(),
            1,
            "{table}"
        );
        assert!(!table.contains(OPEN), "{table}");
        let metrics = read(place, &format!("{name}.prom"));
        let series = |metric: &str| -> Vec<&str> {
            let lines = metrics.lines();
            (lines.filter(|line| line.starts_with(metric))).collect()
        };
        let findings = series("kubeknock_findings{");
        let carried_on = series("kubeknock_carried_findings{");
        for rule in &all {
            let label = format!("rule=\"{rule}\"");
            let is_it = |line: &&&str| line.contains(&label) && line.ends_with("} 1");
            assert_eq!(carried_on.iter().filter(is_it).count(), 1, "{metrics}");
        }
        assert_eq!(carried_on.len(), all.len());
        assert!(findings.len() == 1 && findings[0].contains("target-not-covered"));
        assert_eq!(
            json(place, &format!("{name}.json"))["findings"]
                .as_array()
                .unwrap()
                .len(),
            1
        );
    }
    let [new, gone, carried_on] = diff(place, "1", "2");
    assert_eq!((new, gone), (vec!["target-not-covered".to_owned()], vec![]));
    let sorted = |mut rules: Vec<String>| {
        rules.sort();
        rules
    };
    assert_eq!(sorted(carried_on), all);
    let [new, gone, carried_on] = diff(place, "2", "3");
    assert_eq!(
        (new, gone, sorted(carried_on)),
        (vec![], vec![], all.clone())
    );
    let table = stdout(&kubeknock_in(place, &["diff", "2.json", "3.json"]));
    assert!(table.contains("carried from the baseline: "), "{table}");

    let server = serve("rejecting", address).await;
    let (table, code) = weekly("4", Some("3"));
    assert_eq!(code, Some(0), "{table}");
    // A server that rejects `/version` does not show that it was upgraded.
    assert_eq!(issues(place, "4"), [VERSION]);
    let metrics = read(place, "4.prom");
    let mut carried_series = metrics
        .lines()
        .filter(|line| line.starts_with("kubeknock_carried_findings{"));
    assert!(
        carried_series.all(|line| line.contains(VERSION)),
        "{metrics}"
    );
    let [new, gone, carried_on] = diff(place, "3", "4");
    assert_eq!((new, carried_on), (vec![], vec![VERSION.to_owned()]));
    all.retain(|rule| rule != VERSION);
    let fixed: Vec<String> = gone
        .into_iter()
        .filter(|rule| rule != "target-not-covered")
        .collect();
    assert_eq!(sorted(fixed), all);

    // Had it come back as it was, nothing would be new.
    drop(server);
    silence(address).await;
    let _server = serve("exposed", address).await;
    let back = ["-f", "targets.txt", "--fail-on", "new"];
    let (table, code) = scan(place, "5", Some("3"), &back);
    assert_eq!(code, Some(0), "{table}");
    assert_eq!(carried(place, "5"), [Value::Null; 0]);
}

/// It ends when the target leaves the list or is expected to be silent. What a report carries is rendered again.
#[tokio::test(flavor = "multi_thread")]
async fn what_leaves_the_list_is_not_carried() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let server = serve_at("exposed", "127.84.0.2").await;
    let address = server.address();
    let port = address.port();
    scan(place, "1", None, &[&address.to_string()]);
    let ranges = format!("127.84.0.0/30 ports={port}");
    scan(place, "range", None, &[&ranges]);
    drop(server);
    silence(address).await;
    let count = |baseline, targets: &[&str]| {
        scan(place, "2", Some(baseline), targets);
        carried(place, "2").len()
    };
    let host = address.to_string();
    assert_eq!(count("1", &["-f", "/dev/null", &host]), 1);
    assert_eq!(count("1", &[&format!("{host} name=renamed")]), 1);
    let record = &carried(place, "2")[0];
    assert_eq!(
        record["name"], "renamed",
        "the list says what it is called now"
    );
    assert_eq!(count("1", &[&format!("{host} expect=unreachable")]), 0);
    assert_eq!(results(place, "2"), []);
    assert_eq!(count("1", &["127.84.0.3:9"]), 0);
    assert_eq!(count("1", &[&ranges]), 1, "a range has it, too");
    assert_eq!(count("1", &[&ranges, "--exclude", "127.84.0.2"]), 0);
    // A silent address of a range has no record in the report.
    let wider = format!("127.84.0.0/29 ports={port}");
    assert_eq!(count("range", &[&wider]), 1);
    assert_eq!(count("range", &[&format!("127.84.0.4/30 ports={port}")]), 0);

    // A report without a baseline of its own, compared when it is rendered: the same list carries.
    scan(place, "same", None, &[&ranges]);
    scan(
        place,
        "other",
        None,
        &[&format!("127.84.0.4/30 ports={port}")],
    );
    let rendered = |args: &[&str]| -> Value {
        let args = [&["report", "-ojson"], args].concat();
        serde_json::from_str(&stdout(&kubeknock_in(place, &args))).unwrap()
    };
    let of = |name: &str| rendered(&[&format!("{name}.json"), "--baseline", "range.json"]);
    assert_eq!(of("same")["carried"].as_array().unwrap().len(), 1);
    assert_eq!(of("other")["carried"], Value::Array(Vec::new()));
}

/// Rendered again, and merged from shards, a report carries the same.
#[tokio::test(flavor = "multi_thread")]
async fn reports_that_are_read_again_carry_on() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let (server, other) = (
        serve_at("exposed", "127.84.0.9").await,
        serve_at("exposed", "127.84.0.10").await,
    );
    let (address, second) = (server.address(), other.address());
    let list = format!("{address}\n{second}\n127.84.0.11:9 expect=unreachable\n");
    fs::write(place.join("targets.txt"), list).unwrap();
    let list = ["-f", "targets.txt", "--seed=1"];
    scan(place, "1", None, &list);
    drop(server);
    silence(address).await;
    scan(place, "2", Some("1"), &list);
    let expected = results(place, "2");
    assert!(
        expected
            .iter()
            .any(|(rule, _, silent)| rule == OPEN && *silent)
    );
    for saved in ["2.json", "2.jsonl"] {
        let formats = ["-ojson=again.json", "-osarif=again.sarif"];
        kubeknock_in(place, &["report", saved, formats[0], formats[1]]);
        assert_eq!(carried(place, "again"), carried(place, "2"), "{saved}");
        let rules = |results: Vec<(String, Value, bool)>| -> Vec<(String, bool)> {
            let results = results.into_iter();
            results.map(|(rule, _, silent)| (rule, silent)).collect()
        };
        assert_eq!(rules(results(place, "again")), rules(expected.clone()));
    }
    // Each shard carries what is in the list and not in the shard, and knows nothing about it.
    let mut merge = vec!["report".to_owned(), "-ojson=merged.json".to_owned()];
    for shard in ["1/3", "2/3", "3/3"] {
        let name = format!("shard{}", &shard[..1]);
        scan(
            place,
            &name,
            Some("1"),
            &[list[0], list[1], list[2], "--shard", shard],
        );
        merge.push(format!("{name}.jsonl"));
    }
    let merge: Vec<&str> = merge.iter().map(String::as_str).collect();
    kubeknock_in(place, &merge);
    let of_address = |name: &str| -> Vec<Value> {
        let carried = carried(place, name);
        assert!(carried.iter().all(|record| record["last_seen"].is_string()));
        carried
            .iter()
            .map(|record| record["target"].clone())
            .collect()
    };
    assert_eq!(of_address("merged"), [address.to_string()]);
    let all: usize = (1..4).map(|n| of_address(&format!("shard{n}")).len()).sum();
    assert_eq!(
        all, 5,
        "two shards for the one that answers, three for the other"
    );
    // A later scan that asked the target ends it.
    drop(other);
    let server = serve("rejecting", address).await;
    scan(place, "3", None, &list[..2]);
    drop(server);
    kubeknock_in(
        place,
        &[
            "report",
            "-ojson=merged.json",
            "-ogitlab=merged.gitlab",
            "2.json",
            "3.json",
        ],
    );
    assert!(!issues(place, "merged").contains(&OPEN.to_owned()));
}

/// A scan that stops has not asked everything. When it goes on, what it then asks is not carried.
#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_scan_carries_what_it_did_not_ask() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let server = serve_at("exposed", "127.84.0.17").await;
    let host = server.address().to_string();
    scan(place, "1", None, &[&host]);
    let slow = "127.84.0.16/30 ports=9";
    let checkpoint = [
        "--checkpoint=c",
        "--resume=c",
        "--order=sequential",
        slow,
        &host,
    ];
    let stopped = [&checkpoint[..], &["--rate=1", "--max-duration=1s"]].concat();
    let (table, _) = scan(place, "2", Some("1"), &stopped);
    assert!(table.contains("stopped early"), "{table}");
    assert_eq!(carried(place, "2").len(), 1);
    let message = "not seen in this scan; last seen";
    assert!(read(place, "2.sarif").contains(message));
    scan(
        place,
        "3",
        Some("1"),
        &[&checkpoint[..], &["--rate=0"]].concat(),
    );
    assert_eq!(carried(place, "3"), [Value::Null; 0]);
    assert!(issues(place, "3").contains(&OPEN.to_owned()));
}

/// The port answers, so silence is over: an API server that is gone opens nothing.
#[tokio::test(flavor = "multi_thread")]
async fn an_alert_ends_when_another_program_answers_there() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let server = serve_at("exposed", "127.84.0.21").await;
    let address = server.address();
    fs::write(place.join("targets.txt"), format!("{address}\n")).unwrap();
    let list = ["-f", "targets.txt"];
    scan(place, "1", None, &list);
    assert!(issues(place, "1").contains(&OPEN.to_owned()));
    drop(server);
    for (name, scenario) in [("2", "web-server"), ("3", "kubelet")] {
        let _server = serve(scenario, address).await;
        scan(place, name, Some("1"), &list);
        assert_eq!(carried(place, name), [Value::Null; 0], "{scenario}");
        assert!(
            !issues(place, name).contains(&OPEN.to_owned()),
            "{scenario}"
        );
        let open = results(place, name);
        assert!(open.iter().all(|(rule, ..)| rule != OPEN), "{open:?}");
        let [_, gone, _] = diff(place, "1", name);
        assert!(gone.contains(&OPEN.to_owned()), "{scenario}: {gone:?}");
    }
}

/// Weeks of deep and ordinary scans in turn: found, not asked again, unreachable, found again, fixed.
#[tokio::test(flavor = "multi_thread")]
async fn an_ordinary_scan_neither_fixes_nor_forgets_what_a_deep_one_proved() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    for (scenario, rule, own) in [
        ("lists-nodes", "anonymous-resources-exposed", "127.84.0.25"),
        ("insecure-http", "insecure-http-api", "127.84.0.26"),
    ] {
        let server = serve_at(scenario, own).await;
        let address = server.address();
        fs::write(place.join("targets.txt"), format!("{address}\n")).unwrap();
        let weekly = |name: &str, baseline, more: &[&str]| {
            let ocsf = format!("-oocsf={name}.ocsf");
            let markdown = format!("-omarkdown={name}.md");
            let list = ["-f", "targets.txt", "--fail-on=new", &ocsf, &markdown];
            scan(place, name, baseline, &[&list[..], more].concat())
        };
        scan(place, "1", None, &["-f", "targets.txt", "--deep"]);
        let is_open = |name: &str| {
            let in_sarif = results(place, name).iter().any(|(id, ..)| id == rule);
            in_sarif && issues(place, name).contains(&rule.to_owned())
        };
        assert!(is_open("1"), "{scenario}");
        for (name, baseline) in [("2", "1"), ("3", "2")] {
            let (table, code) = weekly(name, Some(baseline), &[]);
            assert_eq!(code, Some(0), "{scenario} {name}: {table}");
            assert!(is_open(name), "{scenario} {name}");
            let [new, gone, _] = diff(place, baseline, name);
            assert!(!gone.contains(&rule.to_owned()), "{scenario}: {gone:?}");
            assert_eq!(new, [""; 0], "{scenario}");
            for text in [read(place, &format!("{name}.ocsf")), table] {
                assert!(!text.contains("Resolved"), "{text}");
                assert!(!text.contains("gone since"), "{text}");
            }
        }
        let changes = stdout(&kubeknock_in(place, &["diff", "1.json", "2.json"]));
        if scenario == "lists-nodes" {
            assert!(
                changes.contains(
                    "not asked again: exposed (/api/v1/namespaces, /api/v1/nodes and /metrics)"
                ),
                "{changes}"
            );
        }
        assert!(!changes.contains("exposed →"), "{changes}");

        drop(server);
        silence(address).await;
        weekly("4", Some("3"), &[]);
        assert!(is_open("4"), "{scenario}");
        let changes = stdout(&kubeknock_in(place, &["diff", "1.json", "4.json"]));
        assert!(
            changes.contains("silent, not fixed: exposed → unreachable"),
            "{changes}"
        );

        let server = serve(scenario, address).await;
        let (table, code) = weekly("5", Some("4"), &["--deep"]);
        assert_eq!(code, Some(0), "{scenario}: nothing is new: {table}");
        assert!(is_open("5") && carried(place, "5").is_empty(), "{scenario}");
        drop(server);
        silence(address).await;

        let server = serve("rejecting", address).await;
        weekly("6", Some("5"), &["--deep"]);
        assert!(!is_open("6"), "{scenario}");
        let [_, gone, _] = diff(place, "5", "6");
        assert!(gone.contains(&rule.to_owned()), "{scenario}: {gone:?}");
        assert!(read(place, "6.ocsf").contains("Resolved"));
        drop(server);
    }
}
