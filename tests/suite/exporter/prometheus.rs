//! Real Prometheus and Alertmanager on loopback, with the configuration and the rules that are shipped.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use kubeknock::simulator::{self, SimulatedServer};
use serde_json::Value;

use super::{Exporter, wait_for};
use crate::skip::without;
use crate::support::{ANY, closed_port, start, stderr, stdout};

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("deploy/prometheus")
        .join(name)
}

/// A server that is killed when dropped.
struct Service {
    process: Child,
    address: SocketAddr,
    log: PathBuf,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Service {
    /// Starts a program in a folder on a free port. `None` if it is not installed.
    fn start(folder: &Path, programs: &[&str], args: &[&str]) -> Option<Self> {
        let address = TcpListener::bind(ANY).unwrap().local_addr().unwrap();
        let log = folder.join(format!("{}.log", programs[0]));
        let process = programs.iter().find_map(|program| {
            Command::new(program)
                .current_dir(folder)
                .args(args)
                .arg(format!("--web.listen-address={address}"))
                .stdout(Stdio::null())
                .stderr(fs::File::create(&log).unwrap())
                .spawn()
                .ok()
        });
        if process.is_none() {
            without(programs[0], "the exporter with Prometheus and Alertmanager");
        }
        process.map(|process| Self {
            process,
            address,
            log,
        })
    }

    /// What it answers, if it answers JSON.
    fn json(&self, path: &str) -> Option<Value> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
    }

    /// The results of an instant query, which is in the form of a URL.
    fn query(&self, query: &str) -> Option<Vec<Value>> {
        let answer = self.json(&format!("/api/v1/query?query={query}"))?;
        Some(answer["data"]["result"].as_array()?.clone())
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

/// The shipped scrape configuration for these addresses, in a hurry.
fn configuration(exporter: SocketAddr, alertmanager: SocketAddr) -> String {
    let text = fs::read_to_string(shipped("exporter-prometheus.yml")).unwrap();
    let changed = [
        ("127.0.0.1:9643", exporter.to_string()),
        ("127.0.0.1:9093", alertmanager.to_string()),
        ("60s", "2s".to_owned()),
        ("scrape_timeout: 20s", "scrape_timeout: 2s".to_owned()),
    ];
    changed.into_iter().fold(text, |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, &to)
    })
}

/// Another server takes the place of one.
async fn replace(server: SimulatedServer, name: &str) -> SimulatedServer {
    let address = server.address();
    drop(server);
    for _ in 0..100 {
        let scenario = simulator::scenario(name).unwrap();
        match simulator::start(scenario, address).await {
            Ok(server) => return server,
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
        }
    }
    panic!("{address} is not free")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exposure_becomes_an_alert_and_its_fix_resolves_it() {
    let server = start("default").await;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::copy(
        shipped("exporter.rules.yml"),
        folder.join("exporter.rules.yml"),
    )
    .unwrap();
    fs::write(
        folder.join("alertmanager.yml"),
        "route: {receiver: none, group_wait: 0s, group_interval: 1s}\nreceivers: [{name: none}]\n",
    )
    .unwrap();
    let targets = [
        format!("{} name=prod", server.address()),
        format!("{} name=away", closed_port()),
    ];
    let exporter = Exporter::start(folder, &[&targets[0], &targets[1], "--min-interval", "0s"]);
    let Some(alertmanager) = Service::start(
        folder,
        &["prometheus-alertmanager", "alertmanager"],
        &[
            "--config.file=alertmanager.yml",
            "--storage.path=alertmanager",
            "--cluster.listen-address=",
        ],
    ) else {
        return;
    };
    fs::write(
        folder.join("prometheus.yml"),
        configuration(exporter.address, alertmanager.address),
    )
    .unwrap();
    let Some(prometheus) = Service::start(
        folder,
        &["prometheus"],
        &["--config.file=prometheus.yml", "--storage.tsdb.path=data"],
    ) else {
        return;
    };
    let verdict = |verdict: &str| {
        let query = format!("kubeknock_verdict{{instance=%22prod%22,verdict=%22{verdict}%22}}==1");
        wait_for(&format!("{verdict} ({})", prometheus.log()), || {
            prometheus.query(&query).filter(|found| !found.is_empty())
        })
    };
    let alerts = || -> Option<BTreeSet<(String, String)>> {
        let found = alertmanager.json("/api/v2/alerts")?;
        let labels = |alert: &Value| {
            let label = |key: &str| alert["labels"][key].as_str().unwrap_or_default().to_owned();
            (label("alertname"), label("instance"))
        };
        Some(found.as_array()?.iter().map(labels).collect())
    };
    let exposed = ("KubeknockTargetExposed".to_owned(), "prod".to_owned());

    verdict("forbidden");
    let jobs = wait_for("both jobs", || {
        let up = prometheus.query("count(up==1)by(job)")?;
        (up.len() == 2).then_some(up)
    });
    assert!(
        jobs.iter()
            .any(|job| job["metric"]["job"] == "kubeknock-exporter")
    );
    wait_for("both targets", || {
        let names = prometheus.query("kubeknock_probe_success")?;
        (names.len() == 2).then_some(())
    });
    assert!(!alerts().is_some_and(|alerts| alerts.contains(&exposed)));

    let server = replace(server, "exposed").await;
    verdict("exposed");
    wait_for("the alert", || alerts()?.contains(&exposed).then_some(()));

    let server = replace(server, "default").await;
    verdict("forbidden");
    wait_for("the resolution", || {
        (!alerts()?.contains(&exposed)).then_some(())
    });
    drop(server);
    let log = prometheus.log();
    assert!(!log.contains("level=error"), "{log}");
}

/// The names of metrics in a text, without the suffixes of histograms.
fn metrics(text: &str) -> BTreeSet<String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c| !is_word(c));
    let words = words.filter(|word| word.starts_with("kubeknock_"));
    words
        .map(|word| {
            let suffixes = ["_bucket", "_count", "_sum"];
            let bare = suffixes.iter().find_map(|suffix| word.strip_suffix(suffix));
            bare.unwrap_or(word).to_owned()
        })
        .collect()
}

/// The metrics that an exporter serves: those of a target with everything, and its own. Those of its process depend on the
/// platform.
async fn served() -> BTreeSet<String> {
    let server = start("exposed").await;
    let folder = tempfile::tempdir().unwrap();
    let endpoint = server.address();
    let inventory = format!(
        r#"[{{"cluster": {{"name": "prod", "endpoint": "https://{endpoint}", "version": "1.20"}}}}]"#
    );
    fs::write(folder.path().join("eks.json"), inventory).unwrap();
    let settings = "[[expect]]\ntarget = \"*\"\nverdict = \"rejected\"\n";
    fs::write(folder.path().join("kubeknock.toml"), settings).unwrap();
    let exporter = Exporter::start(folder.path(), &["--from", "eks", "eks.json"]);
    let text = exporter.probe("prod").body + &exporter.get("/metrics").body;
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .filter(|name| !name.starts_with("process_"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_of_rules_dashboard_and_page_is_served() {
    let served = served().await;
    assert!(served.len() > 20, "{served:?}");
    for name in ["exporter.rules.yml", "grafana-dashboard.json"] {
        let text = fs::read_to_string(shipped(name)).unwrap();
        let used = metrics(&text);
        let unknown: Vec<_> = used.difference(&served).collect();
        assert!(
            !used.is_empty() && unknown.is_empty(),
            "{name}: {unknown:?}"
        );
    }
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/continuous.md");
    let page = fs::read_to_string(page).unwrap();
    let table = page
        .lines()
        .filter(|line| line.starts_with("| `kubeknock_"));
    let rows: BTreeSet<String> = table
        .flat_map(|line| metrics(line.split('|').nth(1).unwrap()))
        .collect();
    assert_eq!(rows, served, "the page lists every metric");
}

/// `promtool` with these arguments in a folder.
pub(crate) fn promtool(folder: &Path, args: &[&str]) {
    let output = Command::new("promtool")
        .current_dir(folder)
        .args(args)
        .output();
    let Ok(output) = output else {
        return without("promtool", "the rules of the exporter");
    };
    let said = stdout(&output) + &stderr(&output);
    assert!(output.status.success(), "{args:?}: {said}");
}

#[test]
fn the_rules_do_what_their_tests_say() {
    let folder = tempfile::tempdir().unwrap();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/exporter.rules.test.yml");
    let rules = shipped("exporter.rules.yml").display().to_string();
    let test = fs::read_to_string(data).unwrap().replace("RULES", &rules);
    fs::write(folder.path().join("test.yml"), test).unwrap();
    promtool(folder.path(), &["check", "rules", &rules]);
    promtool(folder.path(), &["test", "rules", "test.yml"]);
    let config = shipped("exporter-prometheus.yml").display().to_string();
    promtool(folder.path(), &["check", "config", &config]);
}

/// `.ci/run` checks the dashboard against the schema of Grafana. This checks what the schema does not: panels that do not overlap, each with queries
/// that Prometheus understands, and the data source that the reader chooses.
#[test]
fn the_dashboard_is_whole() {
    let text = fs::read_to_string(shipped("grafana-dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    assert!(dashboard["schemaVersion"].as_u64().unwrap() >= 36 && dashboard["id"].is_null());
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let names: BTreeSet<&str> = variables
        .iter()
        .map(|variable| variable["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, BTreeSet::from(["datasource", "instance", "job"]));
    let (mut ids, mut cells, mut queries) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}");
        let kind = panel["type"].as_str().unwrap();
        assert!(["stat", "table", "timeseries"].contains(&kind), "{title}");
        let side = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        assert!(side("x") + side("w") <= 24, "{title}");
        for x in side("x")..side("x") + side("w") {
            for y in side("y")..side("y") + side("h") {
                assert!(cells.insert((x, y)), "{title} overlaps another panel");
            }
        }
        for target in panel["targets"].as_array().unwrap() {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
            let query = target["expr"].as_str().unwrap();
            queries.push(
                query
                    .replace("$job", ".*")
                    .replace("$instance", ".*")
                    .replace("$__rate_interval", "5m"),
            );
        }
    }
    assert!(
        queries.iter().all(|query| !query.contains('$')),
        "{queries:?}"
    );
    let rules: Vec<Value> = (queries.iter().enumerate())
        .map(|(number, query)| serde_json::json!({"record": format!("panel:{number}"), "expr": query}))
        .collect();
    let rules = serde_json::json!({"groups": [{"name": "panels", "rules": rules}]});
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("panels.yml"), rules.to_string()).unwrap();
    promtool(folder.path(), &["check", "rules", "panels.yml"]);
}
