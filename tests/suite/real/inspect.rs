//! `inspect` beside real servers: the very flags, files and roles of each row, and spellings with which no server starts.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use kubeknock::inspect::{Input, InspectedServer, Inspection, Outcome, PredictedAccess};
use kubeknock::model::{EndpointReport, Source, Verdict};
use serde_json::json;

use super::pki::Pki;
use super::rows::Row;
use super::servers::{ApiServer, Release, free_port};
use super::{Mode, Problems};

/// The lists that `kubectl get clusterroles,clusterrolebindings,roles,rolebindings -A` fetches.
const LISTS: [&str; 4] = [
    "clusterroles",
    "clusterrolebindings",
    "roles",
    "rolebindings",
];

/// A pod of this release with these arguments, and the files that they name.
pub(super) fn inputs(release: &Release, args: &[String]) -> Vec<Input> {
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "b"},
        "spec": {"containers": [{
            "image": format!("registry.example/kube-apiserver:{}", release.version),
            "command": ["kube-apiserver"], "args": args,
        }]},
    });
    let mut inputs = vec![Input {
        source: Source::Stdin,
        text: pod.to_string(),
    }];
    for flag in ["--authentication-config=", "--authorization-config="] {
        let paths = args.iter().filter_map(|arg| arg.strip_prefix(flag));
        for path in paths.filter(|path| !path.is_empty()) {
            inputs.push(Input {
                source: Source::File(path.into()),
                text: fs::read_to_string(path).unwrap(),
            });
        }
    }
    inputs
}

/// The prediction for a running server.
pub(super) async fn predicted(release: &Release, server: &ApiServer) -> Inspection {
    let mut inputs = inputs(release, &server.args);
    for list in LISTS {
        let path = format!("/apis/rbac.authorization.k8s.io/v1/{list}");
        inputs.push(Input {
            source: Source::File(list.into()),
            text: server.admin.get(&path).await.unwrap().body,
        });
    }
    Inspection::of(&inputs, jiff::Timestamp::UNIX_EPOCH)
}

/// Compares the prediction with the row, and with what a scan found.
pub(super) fn check(
    inspection: &mut Inspection,
    row: &Row,
    mode: Mode,
    record: &EndpointReport,
    problems: &mut Problems,
) {
    inspection.compare(record);
    let [server] = inspection.servers.as_mut_slice() else {
        return problems.unless(false, || format!("inspect: {:?}", inspection.notes));
    };
    let prediction = &server.prediction;
    let verdict = if mode.deep {
        prediction.verdict
    } else {
        prediction.without_deep
    };
    problems.unless(verdict == Some(record.verdict), || {
        format!(
            "inspect: {}: {verdict:?}, not {}: {prediction:?}",
            mode.word, record.verdict
        )
    });
    for path in prediction.paths.iter().filter(|path| path.is_asked) {
        let is_open = path.access == PredictedAccess::Granted;
        let is_known = path.access != PredictedAccess::Unclear;
        problems.unless(!is_known || is_open == (row.open)(&path.path), || {
            format!("inspect: {} is {:?}", path.path, path.access)
        });
    }
    let comparison = server.comparisons.pop().unwrap();
    let expected = if record.verdict == Verdict::Inconclusive {
        Outcome::Undecided
    } else {
        Outcome::Agree
    };
    problems.unless(comparison.outcome == expected, || {
        format!("inspect: {}: {comparison:?}", mode.word)
    });
}

/// Arguments with which a server exits at once, and the file that they name.
const REFUSED: [(&[&str], &str); 26] = [
    (&["--authorization-mode=RBAC", "--anonymous-auth=no"], ""),
    (
        &["--authorization-mode=RBAC", "--anonymous-auth", "false"],
        "",
    ),
    (&["--authorization-mode=RBAC", "-anonymous-auth=false"], ""),
    (
        &["--authorization-mode=RBAC", "--", "--anonymous-auth=false"],
        "",
    ),
    (&["--authorization-mode=RBAC,RBAC"], ""),
    (&["--authorization-mode=rbac"], ""),
    (&["--authorization-mode=Webhook"], ""),
    (&["--insecure-port=0"], ""),
    (
        &[
            "--authorization-mode=RBAC",
            "--anonymous-auth=true",
            "--authentication-config={file}",
        ],
        "anonymous: {enabled: true}",
    ),
    (
        &[
            "--authorization-mode=RBAC",
            "--authentication-config={file}",
        ],
        "anonymous: {enabled: false, conditions: [{path: /livez}]}",
    ),
    (
        &["--authorization-config={file}"],
        "authorizers: [{type: RBAC, name: x}]",
    ),
    (&["--authorization-config={file}"], "authorizers: []"),
    (&[RBAC, "--oidc-issuer-url="], ""),
    (&[RBAC, "--oidc-issuer-url=https://a.example"], ""),
    (
        &[
            "--authorization-mode=Webhook",
            "--authorization-webhook-config-file=",
        ],
        "",
    ),
    (&[RBAC, "--version"], ""),
    (&[RBAC, "--version=raw"], ""),
    (&[RBAC, "-h"], ""),
    (
        &[RBAC, AUTHENTICATION, "--oidc-signing-algs=RS256"],
        "anonymous: {enabled: false}",
    ),
    (
        &[RBAC, AUTHENTICATION],
        "anonymous: {enabled: true, conditions: [{path: 1}]}",
    ),
    (
        &[RBAC, AUTHENTICATION],
        "anonymous: {enabled: true, conditions: [{path: yes}]}",
    ),
    (&[RBAC, AUTHENTICATION], "anonymous: {enabled: 1}"),
    (
        &["--authorization-config={file}"],
        "authorizers: [{type: Webhook, name: w}]",
    ),
    (
        &["--authorization-config={file}"],
        "authorizers: [{type: Webhook, name: w, webhook: {timeout: 3s, failurePolicy: Deny}}]",
    ),
    (
        &["--authorization-config={file}"],
        "authorizers: [{type: RBAC, name: 1}]",
    ),
    (
        &["--authorization-config={file}", "--authorization-mode="],
        "authorizers: [{type: RBAC, name: rbac}]",
    ),
];

const RBAC: &str = "--authorization-mode=RBAC";
const AUTHENTICATION: &str = "--authentication-config={file}";

/// Arguments with which a server starts although they look wrong.
const STARTED: [(&[&str], &str); 7] = [
    (&["--authorization-mode="], ""),
    (&[RBAC, ""], ""),
    (&[RBAC, "-v2", "--anonymous_auth=T"], ""),
    (
        &[
            RBAC,
            "--authentication-config=",
            "--authorization-config=",
            "--authorization-policy-file=",
            "--authorization-webhook-config-file=",
        ],
        "",
    ),
    (&[RBAC, "--version=false", "--help=false"], ""),
    (
        &[RBAC, AUTHENTICATION],
        "anonymous: {enabled: on, conditions: [{path: 'yes'}, null]}\n---\nunknown: 1",
    ),
    (
        &[
            "--authorization-config={file}",
            "--authorization-policy-file=/x",
        ],
        "authorizers: [{type: RBAC, name: rbac, webhook: null}]\n---\nunknown: 1",
    ),
];

/// Whether the program still runs after a while, without a store to connect to.
fn starts(release: &Release, pki: &Pki, args: &[String]) -> bool {
    let mut child = Command::new(release.program("kube-apiserver"))
        .args([
            "--etcd-servers=http://127.0.0.1:1",
            "--service-account-issuer=https://a",
        ])
        .args([
            "--bind-address=127.0.0.1",
            "--service-cluster-ip-range=10.96.0.0/12",
        ])
        .arg(format!("--secure-port={}", free_port()))
        .arg(format!("--cert-dir={}", pki.path("made")))
        .arg(format!("--service-account-key-file={}", pki.path("sa.pub")))
        .arg(format!(
            "--service-account-signing-key-file={}",
            pki.path("sa.key")
        ))
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let began = Instant::now();
    let mut ended = None;
    while ended.is_none() && began.elapsed() < Duration::from_secs(6) {
        std::thread::sleep(Duration::from_millis(100));
        ended = child.try_wait().unwrap();
    }
    let _ = child.kill();
    let _ = child.wait();
    ended.is_none()
}

#[test]
fn a_configuration_that_is_refused_is_predicted_to_be_refused() {
    let Some(release) = Release::here("configurations with which no server starts") else {
        return;
    };
    let pki = Pki::make();
    let version = if release.minor >= 34 { "v1" } else { "v1beta1" };
    let mut wrong = Vec::new();
    for (args, file) in REFUSED.iter().chain(&STARTED) {
        let kind = if file.starts_with("authorizers") {
            "Authorization"
        } else {
            "Authentication"
        };
        let name = pki.path("file.yaml");
        let text = format!(
            "apiVersion: apiserver.config.k8s.io/{version}\nkind: {kind}Configuration\n{file}\n"
        );
        fs::write(Path::new(&name), text).unwrap();
        let args: Vec<String> = args
            .iter()
            .map(|arg| arg.replace("{file}", &name))
            .collect();
        let inspection = Inspection::of(&inputs(&release, &args), jiff::Timestamp::UNIX_EPOCH);
        let predicted = inspection
            .servers
            .first()
            .and_then(InspectedServer::verdict)
            .is_some();
        let started = starts(&release, &pki, &args);
        if predicted != started {
            wrong.push(format!(
                "{args:?} {file}: predicted {predicted}, observed {started}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
