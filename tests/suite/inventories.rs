//! `kubeknock targets`, and inventories through the program.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use kubeknock::report::Format;
use kubeknock::simulator::SimulatedServer;
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

/// Every report, the checkpoint, and all that is said at `-vv`, for inventories with secrets in every place that has one.
#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_an_inventory_is_in_a_report() {
    const CANARY: &str = "MUST-NOT-BE-SHOWN";
    let server = start("default").await;
    let address = server.address();
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: lab\n  cluster:\n    server: https://{address}\n    \
         certificate-authority-data: {CANARY}\n- name: behind\n  cluster:\n    server: https://192.0.2.1\n    \
         proxy-url: http://user:{CANARY}@proxy.example:3128\nusers:\n- name: u\n  user:\n    token: {CANARY}\n    \
         password: {CANARY}\n    client-key-data: {CANARY}\n    exec: {{command: x, env: [{{name: T, value: {CANARY}}}]}}\n    \
         auth-provider: {{config: {{refresh-token: {CANARY}}}}}\n"
    );
    let terraform = format!(
        r#"{{"version": 4, "terraform_version": "1.9.0", "serial": 1, "lineage": "x", "outputs": {{"token": {{"value":
        "{CANARY}"}}}}, "resources": [{{"mode": "managed", "type": "aws_eks_cluster", "name": "lab", "instances":
        [{{"attributes": {{"name": "lab", "endpoint": "https://{address}", "token": "{CANARY}"}}}}]}}, {{"mode": "managed",
        "type": "azurerm_kubernetes_cluster", "name": "a", "instances": [{{"attributes": {{"name": "a", "fqdn": "",
        "kube_config_raw": "{CANARY}", "kube_admin_config": [{{"client_key": "{CANARY}", "password": "{CANARY}"}}],
        "service_principal": [{{"client_secret": "{CANARY}"}}]}}}}]}}, {{"mode": "data", "type": "aws_eks_cluster_auth",
        "name": "t", "instances": [{{"attributes": {{"token": "{CANARY}"}}}}]}}]}}"#
    );
    for (name, text) in [("config", &kubeconfig), ("terraform.tfstate", &terraform)] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), text).unwrap();
        let mut args = vec![
            "-vv",
            "scan",
            "--from",
            "auto",
            name,
            "--checkpoint",
            "checkpoint",
        ];
        let outputs: Vec<String> = Format::ALL
            .into_iter()
            .map(|format| format!("{format}=out.{format}"))
            .collect();
        args.extend(outputs.iter().flat_map(|output| ["-o", output]));
        let output = run_in(folder.path(), &args);
        let said = stdout(&output) + &stderr(&output);
        assert!(
            said.contains("forbidden") && !said.contains(CANARY),
            "{said}"
        );
        let mut written = 0;
        for file in fs::read_dir(folder.path()).unwrap() {
            let path = file.unwrap().path();
            if path.file_name().unwrap() != name {
                let bytes = fs::read(&path).unwrap();
                let has = bytes
                    .windows(CANARY.len())
                    .any(|text| text == CANARY.as_bytes());
                assert!(!has, "{}", path.display());
                written += 1;
            }
        }
        assert_eq!(written, Format::ALL.len() + 1, "{said}");
        let report = fs::read_to_string(folder.path().join("out.json")).unwrap();
        assert!(report.contains("\"lab\""), "{report}");
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
        notes.contains("new is not asked, and not part of the coverage: being created"),
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

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_report_keeps_the_clusters_that_were_not_asked() {
    let server = start("health-only").await;
    let address = server.address();
    let folder = tempfile::tempdir().unwrap();
    let inventory = format!(
        r#"[{{"cluster": {{"name": "lab", "endpoint": "https://{address}"}}}},
        {{"cluster": {{"name": "new", "status": "CREATING"}}}}]"#
    );
    fs::write(folder.path().join("eks.json"), inventory).unwrap();
    let scan = "scan --from eks eks.json -o json=report.json -o jsonl=report.jsonl -o table";
    let words: Vec<&str> = scan.split(' ').collect();
    let live = run_in(folder.path(), &words);
    let sentence = "not asked: new (eks.json:2): being created";
    assert!(stdout(&live).contains(sentence), "{}", stdout(&live));
    let text = fs::read_to_string(folder.path().join("report.json")).unwrap();
    let report: Value = serde_json::from_str(&text).unwrap();
    let coverage = &report["coverage"];
    assert_eq!(coverage["named"], 1);
    assert_eq!(coverage["targets"], 1);
    let clusters = coverage["clusters_not_asked"].as_array().unwrap();
    assert_eq!(clusters.len(), 1);
    assert_eq!(clusters[0]["name"], "new");
    assert_eq!(clusters[0]["why"], "starting");
    assert_eq!(clusters[0]["declared"]["provider"], "eks");
    for saved in ["report.json", "report.jsonl"] {
        let table = stdout(&run_in(folder.path(), &["report", saved]));
        assert!(table.contains(sentence), "{saved}: {table}");
        let markdown = stdout(&run_in(folder.path(), &["report", saved, "-o", "markdown"]));
        assert!(
            markdown.contains(
                "| <code>new</code> | <code>eks.json:2</code> | <code>being created</code> |"
            ),
            "{markdown}"
        );
        let html = stdout(&run_in(folder.path(), &["report", saved, "-o", "html"]));
        assert!(html.contains("Clusters not asked (1)"), "{saved}");
    }
    // Once it is asked, a merge does not list it any more.
    let running = format!(r#"{{"cluster": {{"name": "new", "endpoint": "https://{address}"}}}}"#);
    fs::write(folder.path().join("eks.json"), running).unwrap();
    let later = "scan --from eks eks.json -o json=later.json -q";
    run_in(folder.path(), &later.split(' ').collect::<Vec<_>>());
    let merged = run_in(
        folder.path(),
        &["report", "report.json", "later.json", "-o", "json"],
    );
    let merged: Value = serde_json::from_str(&stdout(&merged)).unwrap();
    assert_eq!(
        merged["coverage"]["clusters_not_asked"],
        Value::Array(Vec::new())
    );
    // The same clusters in two reports are there once.
    let twice = run_in(
        folder.path(),
        &["report", "report.json", "report.jsonl", "-o", "json"],
    );
    let twice: Value = serde_json::from_str(&stdout(&twice)).unwrap();
    assert_eq!(
        twice["coverage"]["clusters_not_asked"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_became_of_a_report_of_shadowserver() {
    let mut servers = Vec::new();
    for name in ["default", "rejecting", "public-info-removed", "web-server"] {
        servers.push(start(name).await);
    }
    let gone = crate::support::closed_port();
    let addresses: Vec<_> = servers
        .iter()
        .map(SimulatedServer::address)
        .chain([gone])
        .collect();
    let mut csv =
        "timestamp,severity,ip,protocol,port,hostname,tag,http_code,git_version\n".to_owned();
    for (number, address) in addresses.iter().enumerate() {
        let (ip, port) = (address.ip(), address.port());
        writeln!(
            csv,
            "2026-11-20 04:00:0{number},high,{ip},tcp,{port},,kubernetes,200,v1.33.1"
        )
        .unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("scan_kubernetes.csv"), csv).unwrap();
    let scan = "scan --from auto scan_kubernetes.csv -o json=report.json -o table --fail-on never";
    let live = run_in(folder.path(), &scan.split(' ').collect::<Vec<_>>());
    let sentence = "5 endpoints that Shadowserver reported: 1 still open (200), 1 answering 401 on /version, \
                    1 answering 403 on /version, by authorization only, 1 gone (no answer), 1 another program now";
    let table = stdout(&live)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    assert!(table.contains(sentence), "{table}\n{}", stderr(&live));
    let text = fs::read_to_string(folder.path().join("report.json")).unwrap();
    let report: Value = serde_json::from_str(&text).unwrap();
    let endpoints = report["endpoints"].as_array().unwrap();
    let since = endpoints
        .iter()
        .map(|endpoint| endpoint["since_reported"].as_str().unwrap());
    let since: Vec<&str> = since.collect();
    let expected = [
        "still-open",
        "rejected",
        "forbidden",
        "another-program",
        "gone",
    ];
    assert_eq!(since, expected);
    for format in ["markdown", "html"] {
        let again = stdout(&run_in(
            folder.path(),
            &["report", "report.json", "-o", format],
        ));
        assert!(again.contains(sentence), "{format}: {again}");
    }
}

#[expect(clippy::too_many_lines, reason = "one scan, and every report of it")]
#[tokio::test(flavor = "multi_thread")]
async fn a_saved_report_is_narrowed_by_labels() {
    let (open, closed) = (start("exposed").await, start("rejecting").await);
    let folder = tempfile::tempdir().unwrap();
    let cluster = |name: &str, region: &str, endpoint: &str| {
        format!(
            r#"{{"name": "{name}", "arn": "arn:aws:eks:{region}:111122223333:cluster/{name}",
            "tags": {{"env": "{name}"}}, {endpoint}}}"#
        )
    };
    let at = |address| format!(r#""endpoint": "https://{address}""#);
    let clusters = [
        cluster("lab", "eu-west-1", &at(open.address())),
        cluster("prod", "eu-central-1", &at(closed.address())),
        cluster("gone", "eu-central-1", &at(crate::support::closed_port())),
        cluster("late", "eu-west-1", r#""status": "CREATING""#),
    ];
    fs::write(
        folder.path().join("eks.json"),
        format!("[{}]", clusters.join(",")),
    )
    .unwrap();
    let run = |line: &str| run_in(folder.path(), &line.split(' ').collect::<Vec<_>>());
    let json = |name: &str| -> Value {
        serde_json::from_str(&fs::read_to_string(folder.path().join(name)).unwrap()).unwrap()
    };
    let all = run("scan --from eks eks.json -o json=all.json -o jsonl=all.jsonl");
    assert_eq!(all.status.code(), Some(1), "{}", stderr(&all));
    for saved in ["all.json", "all.jsonl"] {
        let narrowed = run(&format!(
            "report {saved} --where region=eu-central-* -o json=part.json -o table -o html=part.html -o csv=part.csv \
             -o markdown=part.md"
        ));
        // The silent cluster is in the part, and so a miss of its coverage.
        assert_eq!(narrowed.status.code(), Some(3), "{}", stderr(&narrowed));
        let notice = "only targets with region=eu-central-*; left out: 1 endpoint and 1 target";
        let table = stdout(&narrowed);
        assert!(
            table.contains(notice) && !table.contains("lab ("),
            "{table}"
        );
        assert!(
            table.contains("2 targets: 1 rejected, 1 unreachable (1 refused)"),
            "{table}"
        );
        for file in ["part.html", "part.md"] {
            let text = fs::read_to_string(folder.path().join(file)).unwrap();
            let left_out = "left out: 1 endpoint and 1 target";
            assert!(text.contains(left_out), "{file}: {text}");
            for lab in ["eu-west-1", ">lab<", "\"lab\""] {
                assert!(!text.contains(lab), "{file}: {lab}: {text}");
            }
        }
        let rows = fs::read_to_string(folder.path().join("part.csv")).unwrap();
        assert_eq!(rows.lines().count(), 3, "{rows}");
        let part = json("part.json");
        assert_eq!(
            part["scan"]["selection"]["labels"][0],
            "region=eu-central-*"
        );
        let coverage = &part["coverage"];
        assert_eq!(coverage["targets"], 2);
        assert_eq!(coverage["named"], 2);
        assert_eq!(coverage["covered"], 1);
        assert_eq!(coverage["clusters_not_asked"], Value::Array(Vec::new()));
        let findings = part["findings"].as_array().unwrap();
        assert!(
            !findings.iter().any(|finding| finding["name"] == "lab"),
            "{findings:#?}"
        );
        // The part is a report like any other.
        let again = run("report part.json -o json=again.json -q");
        assert_eq!(again.status.code(), Some(3), "{}", stderr(&again));
        assert_eq!(json("again.json")["coverage"], part["coverage"]);
    }
    // An upload of the part closes nothing else.
    for (report, category) in [
        ("all.json", "kubeknock/"),
        (
            "all.json --where name=prod --where env=*",
            "kubeknock where name=prod env=*/",
        ),
        ("part.json", "kubeknock where region=eu-central-*/"),
        ("part.json --category core", "core/"),
    ] {
        run(&format!("report {report} -o sarif=log.sarif -q"));
        let log = &json("log.sarif")["runs"][0];
        assert_eq!(log["automationDetails"]["id"], category);
        let notices = &log["invocations"][0]["toolExecutionNotifications"];
        let partial: Vec<&Value> = (notices.as_array().unwrap().iter())
            .filter(|notice| notice["descriptor"]["id"] == "partial")
            .collect();
        let is_part = report != "all.json";
        assert_eq!(partial.len(), usize::from(is_part), "{report}: {notices:#}");
        for notice in partial {
            let text = notice["message"]["text"].as_str().unwrap();
            assert!(
                text.starts_with("This log is a part: only targets with "),
                "{text}"
            );
        }
    }
    for (format, why) in [
        ("gitlab", "would show the findings of all others as fixed"),
        (
            "defectdojo",
            "would show the findings of all others as fixed",
        ),
        (
            "prometheus",
            "would take the place of those of the whole scan",
        ),
    ] {
        for report in ["all.json --where name=prod", "part.json"] {
            let refused = run(&format!("report {report} -o {format}=part.upload"));
            assert_eq!(refused.status.code(), Some(2), "{report} {format}");
            let said = stderr(&refused);
            assert!(said.contains(why), "{said}");
            assert!(
                !folder.path().join("part.upload").exists(),
                "{report} {format}"
            );
        }
        let whole = run(&format!("report all.json -o {format}=whole.upload -q"));
        assert_eq!(whole.status.code(), Some(1), "{}", stderr(&whole));
    }
    // A scan of a part is a whole scan of it, and says what it is.
    let scan = run(
        "scan --from eks eks.json --where name=prod -o json=own.json -o sarif=own.sarif -o table",
    );
    assert_eq!(scan.status.code(), Some(0), "{}", stderr(&scan));
    let selection = &json("own.json")["scan"]["selection"];
    assert_eq!(
        (
            &selection["labels"][0],
            &selection["targets_left_out"],
            &selection["asked"]
        ),
        (&"name=prod".into(), &3.into(), &true.into())
    );
    let notice = "only targets with name=prod were asked; left out: 3 targets";
    assert!(stdout(&scan).contains(notice), "{}", stdout(&scan));
    let category = &json("own.sarif")["runs"][0]["automationDetails"]["id"];
    assert_eq!(category, "kubeknock where name=prod/");
    for (reports, code) in [
        ("own.json", 0),
        ("own.json --where region=eu-*", 0),
        ("own.json --where region=us-*", 2),
        ("own.json part.json", 2),
        ("own.json all.json", 1),
    ] {
        let output = run(&format!("report {reports} -o gitlab=own.upload -q"));
        assert_eq!(
            output.status.code(),
            Some(code),
            "{reports}: {}",
            stderr(&output)
        );
    }
    let west = run("report all.json --where region=eu-west-1 --where env=lab -o json=west.json -q");
    assert_eq!(west.status.code(), Some(1));
    assert_eq!(json("west.json")["endpoints"].as_array().unwrap().len(), 1);
    let late = run("report all.json --where name=late -o table");
    let table = stdout(&late);
    assert!(table.contains("not asked: late (eks.json:"), "{table}");
    let none = run("report all.json --where provider=gke");
    assert_eq!(none.status.code(), Some(2));
    assert!(
        stderr(&none).contains("--where selects nothing"),
        "{}",
        stderr(&none)
    );
    // What is left out of the baseline, too, is not gone.
    let compared =
        run("report all.json --baseline all.json --where name=prod -o table --fail-on new");
    let table = stdout(&compared);
    assert_eq!(compared.status.code(), Some(0), "{table}");
    assert!(
        !table.contains("disappeared") && !table.contains("lab ("),
        "{table}"
    );
    let diff = run("diff all.json all.json --where name=prod -o markdown");
    let page = stdout(&diff);
    assert!(
        page.contains("Nothing changed since the baseline."),
        "{page}"
    );
    assert!(page.contains("New findings: none."), "{page}");
}

#[test]
fn an_inventory_with_nothing_to_ask_says_which_clusters_and_why() {
    let folder = tempfile::tempdir().unwrap();
    let stopped = r#"[{"name": "batch", "fqdn": "b.example", "powerState": {"code": "Stopped"}, "agentPoolProfiles": []}]"#;
    fs::write(folder.path().join("aks.json"), stopped).unwrap();
    let output = run_in(folder.path(), &["scan", "--from", "aks", "aks.json"]);
    assert_eq!(output.status.code(), Some(2));
    let error = stderr(&output);
    assert!(
        error.contains("no cluster of the inventories is asked: batch (stopped)"),
        "{error}"
    );
}

/// One is one, in every sum.
#[test]
fn a_single_entry_is_counted_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let gke = r#"{"endpoint": "127.0.0.1:21000", "masterAuth": {}}"#;
    fs::write(folder.path().join("gke.json"), gke).unwrap();
    let output = run_in(folder.path(), &["targets", "gke.json"]);
    let text = stdout(&output);
    assert!(text.ends_with("\n1 entry: 1 target\n"), "{text}");
    assert!(text.contains("127.0.0.1:21000"), "{text}");
}

/// What `az aks list` and `gcloud container clusters list` print for an account without clusters.
#[test]
fn an_account_without_clusters_is_said_in_plain_words() {
    let piped = |args: &str| {
        let mut command = kubeknock();
        let command = command
            .args(args.split(' '))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"[]\n").unwrap();
        child.wait_with_output().unwrap()
    };
    let note = "<stdin>:1: no clusters: the inventory is empty\n";
    for args in ["targets -", "targets --from auto -", "targets --from gke -"] {
        let output = piped(args);
        assert_eq!(output.status.code(), Some(0), "{args}");
        assert!(
            stderr(&output).ends_with(note),
            "{args}: {}",
            stderr(&output)
        );
        assert!(
            stdout(&output).ends_with("0 entries: 0 targets\n"),
            "{args}"
        );
    }
    assert_eq!(stdout(&piped("targets --from aks - -o json")), "[]\n");
    // Nothing is shown to be closed by a scan of nothing.
    for args in ["scan --from auto -", "scan --dry-run --from aks -"] {
        let output = piped(args);
        assert_eq!(output.status.code(), Some(2), "{args}");
        let said = stderr(&output);
        assert!(said.contains(note), "{args}: {said}");
        assert!(
            said.contains("no targets: there is nothing to ask"),
            "{args}: {said}"
        );
    }
}

/// The output of each tool, and the targets that its line in docs/inventories.md must make of it.
const JQ: [(&str, &str, &str); 7] = [
    (
        "Cluster API",
        r#"{"items": [{"metadata": {"name": "a"}, "spec": {"controlPlaneEndpoint": {"host": "192.0.2.1", "port": 6443}}},
            {"metadata": {"name": "b"}, "spec": {}},
            {"metadata": {"name": "c"}, "spec": {"controlPlaneEndpoint": {"host": "", "port": 0}}},
            {"metadata": {"name": "d"}, "spec": {"controlPlaneEndpoint": {"host": "2001:db8::1", "port": 6443}}},
            {"metadata": {"name": "e"}, "spec": {"controlPlaneEndpoint": {"host": "[2001:db8::2]", "port": 6443}}},
            {"metadata": {}, "spec": {"controlPlaneEndpoint": {"host": "192.0.2.5", "port": 6443}}},
            {"metadata": {"name": "g"}, "spec": {"controlPlaneEndpoint": {"host": "api.example"}}},
            {"metadata": {"name": "h"}, "spec": {"controlPlaneEndpoint": {"host": "2001:db8::3", "port": 0}}}]}"#,
        "192.0.2.1:6443 name=a\n[2001:db8::1]:6443 name=d\n[2001:db8::2]:6443 name=e\n192.0.2.5:6443\n\
         api.example name=g\n[2001:db8::3] name=h\n",
    ),
    (
        "Rancher",
        r#"{"items": [{"spec": {"displayName": "local"}, "status": {"apiEndpoint": "https://192.0.2.2:6443"}},
            {"spec": {"displayName": "new"}, "status": {}},
            {"spec": {"displayName": "my  own"}, "status": {"apiEndpoint": "https://192.0.2.3:6443"}},
            {"spec": {"displayName": ""}, "status": {"apiEndpoint": "https://192.0.2.4"}},
            {"spec": {}, "status": {"apiEndpoint": "https://192.0.2.5:6443"}}]}"#,
        "https://192.0.2.2:6443 name=local\nhttps://192.0.2.3:6443 name=my-own\nhttps://192.0.2.4\n\
         https://192.0.2.5:6443\n",
    ),
    (
        "Argo CD",
        r#"[{"name": "my cluster", "server": "https://api.example", "config": {"bearerToken": "x"}},
            {"name": "in-cluster", "server": "https://kubernetes.default.svc"},
            {"name": "gone"}, {"server": "https://b.example:6443"}, {"name": "", "server": "https://c.example"}]"#,
        "https://api.example name=my-cluster\nhttps://b.example:6443\nhttps://c.example\n",
    ),
    (
        "DigitalOcean",
        r#"[{"name": "c", "endpoint": "https://0a1b.k8s.ondigitalocean.com"},
            {"name": "being created", "endpoint": ""},
            {"endpoint": "https://2c3d.k8s.ondigitalocean.com"},
            {"name": "my own", "endpoint": "https://4e5f.k8s.ondigitalocean.com"}]"#,
        "https://0a1b.k8s.ondigitalocean.com name=c\nhttps://2c3d.k8s.ondigitalocean.com\n\
         https://4e5f.k8s.ondigitalocean.com name=my-own\n",
    ),
    (
        "Oracle",
        r#"{"data": [{"name": "d", "endpoints": {"public-endpoint": "192.0.2.4:6443", "private-endpoint": "10.0.0.4:6443"}},
            {"name": "e", "endpoints": {"public-endpoint": null}}, {"name": "f"},
            {"name": null, "endpoints": {"public-endpoint": "192.0.2.5"}},
            {"name": "my own", "endpoints": {"public-endpoint": "192.0.2.6:6443"}}]}"#,
        "192.0.2.4:6443 name=d\n192.0.2.5\n192.0.2.6:6443 name=my-own\n",
    ),
    (
        "IBM",
        r#"[{"name": "f", "masterURL": "https://c1.eu-de.containers.cloud.ibm.com:30426"},
            {"name": "", "masterURL": "https://c2.example:30426"}, {"name": "being created", "masterURL": ""},
            {"name": "my own", "masterURL": "https://c3.example"}]"#,
        "https://c1.eu-de.containers.cloud.ibm.com:30426 name=f\nhttps://c2.example:30426\n\
         https://c3.example name=my-own\n",
    ),
    (
        "Scaleway",
        r#"[{"name": "g", "cluster_url": "https://0a1b.api.k8s.fr-par.scw.cloud:6443"},
            {"cluster_url": "https://2c3d.example:6443"}, {"name": "gone", "cluster_url": null},
            {"name": "my own", "cluster_url": "https://4e5f.example"}]"#,
        "https://0a1b.api.k8s.fr-par.scw.cloud:6443 name=g\nhttps://2c3d.example:6443\n\
         https://4e5f.example name=my-own\n",
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
