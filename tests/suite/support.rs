//! Shared helpers: scans of simulated servers, with the library and with the program.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use kubeknock::config::{Order, ScanConfig};
use kubeknock::model::{EndpointReport, ScanSummary};
use kubeknock::scan::Scanner;
use kubeknock::simulator::{self, Scenario, SimulatedServer};
use kubeknock::targets::{TargetOptions, TargetSet, TargetSetBuilder};
use serde_json::Value;

use crate::skip::{skipped, without};

/// A free port on loopback.
pub(crate) const ANY: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// An address on loopback where connections are refused. Its socket stays bound and never listens, so nobody else gets
/// the port.
pub(crate) fn closed_port() -> SocketAddr {
    let socket = socket2::Socket::new(
        socket2::Domain::IPV4,
        socket2::Type::STREAM,
        Some(socket2::Protocol::TCP),
    );
    let socket = socket.unwrap();
    socket.bind(&ANY.into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    std::mem::forget(socket);
    address
}

/// Whether what products document still counts today: for two years after its sources were looked at. Afterwards the
/// program concludes nothing from it, and tests of the program expect that. The comparison itself is tested in the
/// library, with days of its own.
pub(crate) fn documentation_counts() -> bool {
    let facts = include_str!("../../src/products/products.toml");
    let checked = facts.split("checked = \"").skip(1);
    let oldest = checked.map(|rest| &rest[..10]).min().unwrap();
    let (year, day) = oldest.split_at(4);
    let last = format!("{}{day}", year.parse::<u16>().unwrap() + 2);
    jiff::Timestamp::now().to_string()[..10] <= *last
}

/// The default configuration with short pauses.
pub(crate) fn config() -> ScanConfig {
    ScanConfig::default().with(|config| {
        config.order = Order::Sequential;
        config.recheck_pause = Duration::from_millis(50);
        config.timeout = Duration::from_secs(4);
    })
}

/// A target set of these specifications.
pub(crate) fn targets(specs: &[String]) -> Arc<TargetSet> {
    let mut builder = TargetSetBuilder::new(TargetOptions::default());
    for spec in specs {
        builder.argument(spec);
    }
    Arc::new(builder.build().unwrap())
}

/// Starts a scenario by name.
pub(crate) async fn start(name: &str) -> SimulatedServer {
    let scenario = simulator::scenario(name).unwrap_or_else(|| panic!("no scenario {name}"));
    serve(scenario).await
}

/// Starts a scenario.
pub(crate) async fn serve(scenario: Arc<Scenario>) -> SimulatedServer {
    simulator::start(scenario, ANY).await.unwrap()
}

/// Scans, and returns the records in the order of the target set.
pub(crate) async fn scan(
    config: ScanConfig,
    targets: Arc<TargetSet>,
) -> (Vec<EndpointReport>, ScanSummary) {
    let mut scan = Scanner::new(config).unwrap().scan(targets);
    let mut records = Vec::new();
    while let Some(record) = scan.next().await {
        records.push(*record);
    }
    records.sort_by_key(EndpointReport::order_key);
    let summary = scan.finish();
    assert!(summary.coverage.adds_up(), "{:?}", summary.coverage);
    (records, summary)
}

/// Scans one target.
pub(crate) async fn knock(config: ScanConfig, spec: &str) -> EndpointReport {
    let (mut records, _) = scan(config, targets(&[spec.to_owned()])).await;
    assert_eq!(records.len(), 1, "{records:?}");
    records.remove(0)
}

/// The program, without environment variables that change its output.
pub(crate) fn kubeknock() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubeknock"));
    command.env_remove("NO_COLOR").env_remove("RUST_LOG");
    command
}

/// Runs the program.
pub(crate) fn run(args: &[&str]) -> Output {
    kubeknock().args(args).output().unwrap()
}

/// Runs the program in a folder.
pub(crate) fn run_in(folder: &Path, args: &[&str]) -> Output {
    kubeknock().current_dir(folder).args(args).output().unwrap()
}

/// The commands of the program.
pub(crate) const COMMANDS: [&str; 13] = [
    "scan",
    "identify",
    "targets",
    "inspect",
    "report",
    "diff",
    "exporter",
    "audit",
    "rules",
    "completions",
    "man",
    "demo",
    "simulate",
];

/// Standard output as text.
pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Standard error as text.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A certificate in PEM.
pub(crate) fn pem(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::prelude::BASE64_STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

/// A JSON report without values that differ between runs: times, durations, audit ids, dates.
pub(crate) fn settled(report: &str) -> Value {
    let mut value: Value = serde_json::from_str(report).unwrap();
    settle(&mut value);
    value
}

fn settle(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (key, value) in object.iter_mut() {
                let varies = matches!(
                    key.as_str(),
                    "at" | "started"
                        | "audit_id"
                        | "run_id"
                        | "date"
                        | "resolve_ms"
                        | "connect_ms"
                        | "tls_ms"
                        | "total_ms"
                        | "elapsed_ms"
                );
                if varies && !value.is_null() {
                    *value = Value::from("(varies)");
                } else {
                    settle(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(settle),
        _ => {}
    }
}

/// The output of a script under `unshare`. If no namespace can be created, which a script reports with exit code
/// 77, prints that the test was skipped and returns `None`.
#[cfg(target_os = "linux")]
#[track_caller]
pub(crate) fn in_namespaces(output: std::io::Result<Output>, test: &str) -> Option<Output> {
    let Ok(output) = output else {
        without("unshare", test);
        return None;
    };
    if output.status.code() == Some(77) || stderr(&output).contains("unshare failed") {
        skipped(&format!(
            "{test}: network namespaces are not permitted here"
        ));
        return None;
    }
    Some(output)
}
