//! Metrics where they arrive: in `node_exporter`, beside those of other scans, and in the alerts of Prometheus.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::skip::without;
use crate::support::{ANY, run_in, start, stderr, stdout};

/// How long `node_exporter` may take to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// `node_exporter` with nothing but its textfile collector; killed when dropped.
struct NodeExporter {
    process: Child,
    address: SocketAddr,
}

impl Drop for NodeExporter {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl NodeExporter {
    /// Starts it for the files in a folder. `None` if it is not installed.
    fn start(folder: &Path) -> Option<Self> {
        let address = TcpListener::bind(ANY).unwrap().local_addr().unwrap();
        // Debian's package and the release have different names.
        let process = ["prometheus-node-exporter", "node_exporter"]
            .into_iter()
            .find_map(|program| {
                Command::new(program)
                    .args(["--collector.disable-defaults", "--collector.textfile"])
                    .arg(format!("--web.listen-address={address}"))
                    .arg(format!(
                        "--collector.textfile.directory={}",
                        folder.display()
                    ))
                    .stdout(Stdio::null())
                    .stderr(Stdio::piped())
                    .spawn()
                    .ok()
            });
        if process.is_none() {
            without("prometheus-node-exporter", "two scans in node_exporter");
        }
        process.map(|process| Self { process, address })
    }

    /// The metrics that it serves.
    fn metrics(&self) -> String {
        let began = Instant::now();
        let mut stream = loop {
            match TcpStream::connect(self.address) {
                Ok(stream) => break stream,
                Err(error) => assert!(began.elapsed() < PATIENCE, "node_exporter: {error}"),
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        stream
            .write_all(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.0 200"), "{head}");
        body.to_owned()
    }

    /// Ends it and returns its log.
    fn log(mut self) -> String {
        self.process.kill().unwrap();
        let mut log = String::new();
        let mut pipe = self.process.stderr.take().unwrap();
        pipe.read_to_string(&mut log).unwrap();
        log
    }
}

/// What `promtool check metrics` has to say about a file.
fn check(path: &Path) {
    let checked = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(fs::File::open(path).unwrap())
        .output();
    let Ok(output) = checked else {
        without("promtool", "promtool check metrics");
        return;
    };
    let said = stdout(&output) + &stderr(&output);
    assert!(output.status.success() && said.trim().is_empty(), "{said}");
}

/// The series in a text, without their values.
fn series(metrics: &str) -> BTreeSet<&str> {
    let lines = metrics
        .lines()
        .filter(|line| line.starts_with("kubeknock_"));
    lines.map(|line| line.rsplit_once(' ').unwrap().0).collect()
}

/// The clean scan must not hide the exposed server of the other one.
#[tokio::test(flavor = "multi_thread")]
async fn two_scans_stay_apart_in_node_exporter() {
    let clean = start("rejecting").await;
    let exposed = start("exposed").await;
    let folder = tempfile::tempdir().unwrap();
    let mut all = Vec::new();
    for (site, server, code) in [("dmz", &clean, 0), ("prod", &exposed, 1)] {
        let target = server.address().to_string();
        let output = format!("prometheus={site}.prom");
        let scan = run_in(folder.path(), &["scan", "-q", &target, "-o", &output]);
        assert_eq!(scan.status.code(), Some(code), "{}", stderr(&scan));
        let file = folder.path().join(format!("{site}.prom"));
        check(&file);
        let text = fs::read_to_string(file).unwrap();
        all.extend(series(&text).into_iter().map(str::to_owned));
    }
    let written = all.len();
    let all: BTreeSet<&str> = all.iter().map(String::as_str).collect();
    assert_eq!(all.len(), written, "no series is in both files");

    let Some(exporter) = NodeExporter::start(folder.path()) else {
        return;
    };
    let metrics = exporter.metrics();
    // node_exporter sorts the labels of a series.
    let sorted = |series: &str| -> (String, BTreeSet<String>) {
        let (name, labels) = series.trim_end_matches('}').split_once('{').unwrap();
        let labels = labels.split(',').map(str::to_owned).collect();
        (name.to_owned(), labels)
    };
    let served: BTreeSet<_> = series(&metrics).into_iter().map(sorted).collect();
    let expected: BTreeSet<_> = all.into_iter().map(sorted).collect();
    assert_eq!(served, expected);
    for line in [
        "kubeknock_gate_exit_code{scan=\"dmz\"} 0",
        "kubeknock_gate_exit_code{scan=\"prod\"} 1",
        "kubeknock_endpoints{scan=\"dmz\",verdict=\"exposed\"} 0",
        "kubeknock_endpoints{scan=\"prod\",verdict=\"exposed\"} 1",
        "node_textfile_scrape_error 0",
    ] {
        assert!(
            metrics.lines().any(|served| served == line),
            "{line} is missing: {metrics}"
        );
    }
    let log = exporter.log();
    assert!(!log.contains("collected before"), "{log}");
}

/// The label in the metrics of a file: `scan="…"`.
fn label(metrics: &str) -> &str {
    let labels: BTreeSet<&str> = series(metrics)
        .into_iter()
        .map(|series| {
            let (_, labels) = series.split_once('{').unwrap();
            labels.split([',', '}']).next().unwrap()
        })
        .collect();
    assert_eq!(labels.len(), 1, "{labels:?}");
    labels.first().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_has_the_name_that_it_is_given() {
    let server = start("rejecting").await;
    let target = server.address().to_string();
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        let output = run_in(folder.path(), &[args, &["--fail-on", "never"]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        output
    };
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let scan = |more: &[&str]| run(&[&["scan", &target], more].concat());
    let saved = |name: &str| {
        let report: serde_json::Value = serde_json::from_str(&read(name)).unwrap();
        report["scan"]["settings"]["scan_name"].clone()
    };

    // The option, and the file without it.
    scan(&[
        "--scan-name",
        "Zürich \"1\"",
        "-o=json=named.json",
        "-o=prometheus=a.prom",
    ]);
    assert_eq!(label(&read("a.prom")), "scan=\"Zürich \\\"1\\\"\"");
    assert_eq!(saved("named.json"), "Zürich \"1\"");
    scan(&["-o=json=plain.json", "-o=prometheus=a.b.prom"]);
    assert_eq!(label(&read("a.b.prom")), "scan=\"a.b\"");
    assert!(saved("plain.json").is_null());

    // The settings file is for scans. A saved report has its name, and the command line overrides it.
    fs::write(
        folder.path().join("kubeknock.toml"),
        "[scan]\nscan-name = \"site\"\n",
    )
    .unwrap();
    scan(&["-o=json=site.json", "-o=prometheus=b.prom"]);
    assert_eq!(
        (label(&read("b.prom")), saved("site.json")),
        ("scan=\"site\"", "site".into())
    );
    run(&["report", "named.json", "-o=prometheus=c.prom"]);
    assert_eq!(label(&read("c.prom")), "scan=\"Zürich \\\"1\\\"\"");
    run(&["report", "plain.json", "-o=prometheus=d.prom"]);
    assert_eq!(label(&read("d.prom")), "scan=\"d\"");
    run(&[
        "report",
        "site.json",
        "--scan-name=e",
        "-o=json=e.json",
        "-o=prometheus=f.prom",
    ]);
    assert_eq!(
        (label(&read("f.prom")), saved("e.json")),
        ("scan=\"e\"", "e".into())
    );

    // A merge keeps a name that all have.
    run(&[
        "report",
        "named.json",
        "site.json",
        "-o=json=merged.json",
        "-o=prometheus=g.prom",
    ]);
    assert_eq!(
        (label(&read("g.prom")), saved("merged.json")),
        ("scan=\"g\"", ().into())
    );
    fs::copy(
        folder.path().join("site.json"),
        folder.path().join("again.json"),
    )
    .unwrap();
    run(&["report", "again.json", "site.json", "-o=json=merged.json"]);
    assert_eq!(saved("merged.json"), "site");

    // Standard output has no name.
    let output = run(&["report", "plain.json", "-o=prometheus"]);
    assert_eq!(label(&stdout(&output)), "scan=\"kubeknock\"");
    assert!(
        stderr(&output).contains("name it with --scan-name"),
        "{}",
        stderr(&output)
    );
    let output = run(&["report", "site.json", "-o=prometheus"]);
    assert_eq!(label(&stdout(&output)), "scan=\"site\"");
    assert!(
        !stderr(&output).contains("--scan-name"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_name_is_short_and_printable() {
    let folder = tempfile::tempdir().unwrap();
    let problem = "must be 1 to 100 characters, without control characters";
    let (fits, long) = ("é".repeat(100), "é".repeat(101));
    for (name, code) in [
        (&*fits, 0),
        (&*long, 2),
        ("", 2),
        (" ", 2),
        ("a\nb", 2),
        ("\u{1b}[31m", 2),
    ] {
        let option = format!("--scan-name={name}");
        let output = run_in(folder.path(), &["scan", "192.0.2.1", "--dry-run", &option]);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{name:?}: {}",
            stderr(&output)
        );
        assert_eq!(
            stderr(&output).contains(problem),
            code == 2,
            "{}",
            stderr(&output)
        );
        assert!(!stderr(&output).contains('\u{1b}'), "{}", stderr(&output));
    }
    fs::write(
        folder.path().join("kubeknock.toml"),
        "[scan]\nscan-name = \"a\\nhunter2\"\n",
    )
    .unwrap();
    let output = run_in(folder.path(), &["scan", "192.0.2.1", "--dry-run"]);
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(
        said.contains(&format!("kubeknock.toml:2:1: [scan] scan-name: {problem}"))
            && !said.contains("hunter2"),
        "{said}"
    );
}

/// Every metric of the alerts exists, and every alert keeps the name of the scan.
#[test]
fn the_alerts_tell_scans_apart() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rules = root.join("deploy/prometheus/kubeknock.rules.yml");
    let alerts = fs::read_to_string(&rules).unwrap();
    let known = fs::read_to_string(root.join("src/report/prometheus.rs")).unwrap();
    let page = fs::read_to_string(root.join("docs/monitoring.md")).unwrap();
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let names = |text: &str| -> BTreeSet<String> {
        text.split(|c| !is_word(c))
            .filter(|word| word.starts_with("kubeknock_"))
            .map(str::to_owned)
            .collect()
    };
    let written: BTreeSet<String> = known.split("#[cfg(test)]").next().map(names).unwrap();
    assert!(written.len() > 10, "{written:?}");
    assert_eq!(names(&page), written, "the page lists every metric");
    assert!(names(&alerts).is_subset(&written), "{:?}", names(&alerts));
    let count = alerts.matches("- alert:").count();
    assert!(
        count > 3 && alerts.matches("by (scan").count() >= count,
        "{alerts}"
    );

    let folder = tempfile::tempdir().unwrap();
    let test = fs::read_to_string(root.join("tests/data/kubeknock.rules.test.yml")).unwrap();
    let test = test.replace("RULES", &rules.display().to_string());
    fs::write(folder.path().join("test.yml"), test).unwrap();
    for args in [
        ["check", "rules", rules.to_str().unwrap()],
        ["test", "rules", "test.yml"],
    ] {
        let ran = Command::new("promtool")
            .args(args)
            .current_dir(folder.path())
            .output();
        let Ok(output) = ran else {
            without("promtool", "alerts");
            return;
        };
        assert!(
            output.status.success(),
            "{args:?}: {}{}",
            stdout(&output),
            stderr(&output)
        );
    }
}
