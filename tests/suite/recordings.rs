//! Every recording of a real server gets the right verdict: a table of what was open on it, and the expected
//! result.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use kubeknock::config::ScanConfig;
use kubeknock::model::{Component, EndpointReport, PostureStatus, Request, Verdict};
use kubeknock::policy::{Evaluator, Policy};
use kubeknock::simulator::Scenario;

use crate::support::{config, documentation_counts, knock, scan, serve, targets};

use Component::{
    AggregatedApiServer as Aggregated, ControllerManagerOrScheduler, KubeApiServer as Api, Kubelet,
};
use Verdict::{Exposed, Forbidden, Inconclusive, Limited, NotApiServer, Rejected};

/// The expected result of a recording.
struct Recorded {
    name: &'static str,
    /// The verdicts: without `--deep`, and with it.
    verdicts: [Verdict; 2],
    component: Component,
    /// The paths that were open to anonymous callers.
    open: fn(&str) -> bool,
}

const fn row(
    name: &'static str,
    verdicts: [Verdict; 2],
    component: Component,
    open: fn(&str) -> bool,
) -> Recorded {
    Recorded {
        name,
        verdicts,
        component,
        open,
    }
}

fn nothing(_: &str) -> bool {
    false
}

fn everything(_: &str) -> bool {
    true
}

fn health(path: &str) -> bool {
    ["/healthz", "/livez", "/readyz"].contains(&path)
}

fn version(path: &str) -> bool {
    path == "/version"
}

/// Like `public`, for recordings without `/livez` and `/readyz`.
fn version_and_healthz(path: &str) -> bool {
    version(path) || path == "/healthz"
}

fn public(path: &str) -> bool {
    version(path) || health(path)
}

/// The recorded lists of the role `view`. Other lists are answered like an unknown path.
fn view(path: &str) -> bool {
    public(path)
        || [
            "/api/v1/namespaces",
            "/api/v1/pods",
            "/apis/apps/v1/deployments",
        ]
        .contains(&path)
}

const RECORDED: [Recorded; 29] = [
    // 1.20.
    row("default-rbac", [Forbidden; 2], Api, public),
    row("anonymous-auth-off", [Rejected; 2], Api, nothing),
    row("cluster-admin-to-anonymous", [Exposed; 2], Api, everything),
    row("public-info-removed", [Forbidden; 2], Api, nothing),
    row("behind-nginx-tls", [Forbidden; 2], Api, public),
    row(
        "kube-controller-manager",
        [NotApiServer; 2],
        ControllerManagerOrScheduler,
        |path| path == "/healthz",
    ),
    // 1.30 and 1.34.
    row("30-default", [Forbidden; 2], Api, public),
    row("30-anon-off", [Rejected; 2], Api, nothing),
    row("34-default", [Forbidden; 2], Api, public),
    row("34-cond-health", [Limited; 2], Api, health),
    // 1.37.
    row("37-default", [Forbidden; 2], Api, public),
    row("37-anon-off", [Rejected; 2], Api, nothing),
    row("37-alwaysallow", [Rejected; 2], Api, nothing),
    row("37-cond-health", [Limited; 2], Api, health),
    row("37-cond-version", [Limited; 2], Api, version),
    row("37-cond-ns-view", [Rejected, Exposed], Api, |path| {
        path == "/api/v1/namespaces"
    }),
    row("37-view", [Forbidden, Exposed], Api, view),
    row("37-none", [Forbidden; 2], Api, nothing),
    row("37-admin", [Exposed; 2], Api, everything),
    row("37-aa-authz", [Exposed; 2], Api, everything),
    row("37-startup-exposed", [Exposed; 2], Api, |path| {
        public(path) || path == "/api"
    }),
    row("37-etcd-stopped", [Forbidden; 2], Api, public),
    row("37-webhook-deny", [Inconclusive; 2], Api, nothing),
    row(
        "37-aggregated-apiservice",
        [Forbidden; 2],
        Api,
        version_and_healthz,
    ),
    row(
        "37-aggregated-backend-down",
        [Forbidden; 2],
        Api,
        version_and_healthz,
    ),
    row("37-sample-apiserver", [Forbidden; 2], Aggregated, public),
    row(
        "37-kube-scheduler",
        [NotApiServer; 2],
        ControllerManagerOrScheduler,
        health,
    ),
    row("37-kubelet", [NotApiServer; 2], Kubelet, nothing),
    row("37-kubelet-anonymous", [NotApiServer; 2], Kubelet, nothing),
];

/// A recording, ready to be served.
pub(crate) fn recording(name: &str) -> Arc<Scenario> {
    let row = RECORDED
        .iter()
        .find(|row| row.name == name)
        .unwrap_or_else(|| panic!("no row for {name}"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/recordings/{name}.json"));
    let [expect, deep] = row.verdicts;
    Arc::new(Scenario::from_recording(&fs::read_to_string(path).unwrap(), expect, deep).unwrap())
}

#[test]
fn every_recording_has_a_row() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let files: BTreeSet<String> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    let rows: BTreeSet<String> = RECORDED
        .iter()
        .map(|row| format!("{}.json", row.name))
        .collect();
    assert_eq!(files, rows);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_recording_gets_its_verdict_and_grants() {
    assert_recordings(config(), 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_recording_gets_its_verdict_and_grants_with_deep() {
    assert_recordings(config().with(|config| config.deep = true), 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_recording_gets_its_verdict_over_http2() {
    for one_at_a_time in [false, true] {
        let config = config().with(|config| {
            config.http2 = true;
            config.one_at_a_time = one_at_a_time;
        });
        assert_recordings(config, 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_recording_gets_its_verdict_one_at_a_time() {
    assert_recordings(config().with(|config| config.one_at_a_time = true), 0).await;
}

/// A list of an extension API server counts as open if the extension answered, not if the aggregator answered
/// because the extension is down.
#[tokio::test(flavor = "multi_thread")]
async fn an_aggregated_list_is_open_only_if_the_extension_answered() {
    let list = "/apis/wardle.example.com/v1alpha1/flunders";
    for (name, verdict) in [
        ("37-aggregated-apiservice", Exposed),
        ("37-aggregated-backend-down", Forbidden),
    ] {
        let server = serve(recording(name)).await;
        let requests = vec![Request::for_path(list).unwrap()];
        let record = knock(
            config().with(|config| config.requests = requests),
            &server.address().to_string(),
        )
        .await;
        assert_eq!(record.verdict, verdict, "{name}: {}", record.reason);
        assert_eq!(open(&record).contains(list), verdict == Exposed, "{name}");
    }
}

/// The posture of each compared with the documentation of kubeadm, without `--deep` and with it.
#[tokio::test(flavor = "multi_thread")]
async fn open_paths_are_compared_with_the_documentation_of_kubeadm() {
    const REFUSING: [PostureStatus; 2] = [PostureStatus::Unknown, PostureStatus::Stricter];
    for (name, statuses) in [
        ("37-default", [PostureStatus::AsDocumented; 2]),
        ("37-none", [PostureStatus::Stricter; 2]),
        ("37-anon-off", REFUSING),
        ("37-cond-health", REFUSING),
        ("37-cond-version", REFUSING),
        // A path that a condition opens shows only if it is requested.
        (
            "37-cond-ns-view",
            [PostureStatus::Unknown, PostureStatus::MoreOpen],
        ),
        (
            "37-view",
            [PostureStatus::AsDocumented, PostureStatus::MoreOpen],
        ),
        ("37-admin", [PostureStatus::MoreOpen; 2]),
        ("37-sample-apiserver", [PostureStatus::Unknown; 2]),
    ] {
        for (deep, status) in [false, true].into_iter().zip(statuses) {
            let status = if documentation_counts() {
                status
            } else {
                PostureStatus::Unknown
            };
            let server = serve(recording(name)).await;
            let record = knock(
                config().with(|config| config.deep = deep),
                &server.address().to_string(),
            )
            .await;
            let posture = record
                .posture
                .unwrap_or_else(|| panic!("{name}: nothing to compare with"));
            assert_eq!(
                posture.status, status,
                "{name}, deep {deep}: {}",
                posture.sentence
            );
        }
    }
}

/// Recordings of other components. Only a kubelet that accepts anonymous callers is a way in.
#[tokio::test(flavor = "multi_thread")]
async fn an_open_kubelet_is_found_and_closed_components_are_not() {
    for (name, found) in [
        ("37-kubelet", "target-not-covered"),
        ("37-kubelet-anonymous", "kubelet-anonymous"),
        ("37-kube-scheduler", "target-not-covered"),
        ("kube-controller-manager", "target-not-covered"),
    ] {
        let server = serve(recording(name)).await;
        let (records, summary) = scan(config(), targets(&[server.address().to_string()])).await;
        let policy = Policy::default();
        let mut judge = Evaluator::new(&policy, summary.started);
        for record in &records {
            judge.add(record);
        }
        let findings = judge.finish(&summary.coverage).findings;
        assert_eq!(
            findings
                .iter()
                .map(|finding| finding.rule.id)
                .collect::<Vec<_>>(),
            [found],
            "{name}"
        );
    }
}

/// The paths that kubeknock found open.
fn open(record: &EndpointReport) -> BTreeSet<&str> {
    record
        .grants
        .iter()
        .map(|grant| grant.path.as_str())
        .collect()
}

/// The requested paths that were open.
fn should_be_open(record: &EndpointReport, open: fn(&str) -> bool) -> BTreeSet<&str> {
    let asked = record
        .requests
        .iter()
        .map(|request| request.exchange.request.bare_path());
    asked.filter(|path| open(path)).collect()
}

async fn assert_recordings(config: ScanConfig, which: usize) {
    let mut wrong = Vec::new();
    for row in &RECORDED {
        let server = serve(recording(row.name)).await;
        let record = knock(config.clone(), &server.address().to_string()).await;
        let mut check = |right: bool, problem: String| {
            if !right {
                wrong.push(format!("{}: {problem}", row.name));
            }
        };
        let expected = row.verdicts[which];
        check(
            record.verdict == expected,
            format!("{}, not {expected}: {}", record.verdict, record.reason),
        );
        let identification = record.identification.as_ref().unwrap();
        let component = identification.component;
        check(
            component == row.component,
            format!("{component:?}: {:?}", identification.clues),
        );
        let (open, should) = (open(&record), should_be_open(&record, row.open));
        check(open == should, format!("open: {open:?}, not {should:?}"));
        let shows = (row.open)("/version") && component != Component::ControllerManagerOrScheduler;
        check(
            shows == identification.version.is_some(),
            format!("version {:?}", identification.version),
        );
        let sorted = record
            .grants
            .windows(2)
            .all(|pair| pair[0].grade >= pair[1].grade);
        check(sorted, "the worst grant stands first".into());
        let http2 = record
            .tls
            .as_ref()
            .is_some_and(|tls| tls.alpn.as_deref() == Some("h2"));
        // Since 1.29 a response to an anonymous caller closes an HTTP/2 connection, unless other requests are
        // already in flight.
        let ends = http2 && config.one_at_a_time && row.name.starts_with('3');
        check(
            !ends || record.connections > 1,
            "one connection served all".into(),
        );
        check(
            http2 == (config.http2 && component != Kubelet),
            "the protocol".into(),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
