//! The manifests of `deploy/kubernetes` on a real API server: it accepts and keeps every field, Pod Security accepts the
//! pods, and the Job controller retries what it should.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::pki::Pki;
use super::servers::{ApiServer, Etcd, Process, Release, Settings};
use super::{Problems, all};
use crate::skip::without;
use crate::support::{stderr, stdout};

/// How long the Job controller may take to replace a pod. It waits 10 s after the first failure, then twice as long.
const PATIENCE: Duration = Duration::from_mins(2);

/// `kubectl` as the administrator of one server.
struct Kubectl {
    kubeconfig: String,
    home: tempfile::TempDir,
}

impl Kubectl {
    fn run(&self, args: &[&str], input: &str) -> Output {
        let mut child = Command::new("kubectl")
            .arg(format!("--kubeconfig={}", self.kubeconfig))
            .args(args)
            .env("HOME", self.home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        drop(stdin);
        child.wait_with_output().unwrap()
    }

    /// The output of a command that must succeed.
    fn ok(&self, args: &[&str], input: &str) -> String {
        let output = self.run(args, input);
        assert!(
            output.status.success(),
            "kubectl {args:?}: {}",
            stderr(&output)
        );
        stdout(&output)
    }

    /// Objects of one kind in the namespace.
    fn list(&self, kind: &str) -> Vec<Value> {
        let text = self.ok(&["get", kind, "-n", "kubeknock", "-o", "json"], "");
        let list: Value = serde_json::from_str(&text).unwrap();
        list["items"].as_array().unwrap().clone()
    }

    /// Lets the container of a pod end with this exit code, as a kubelet reports it.
    fn end(&self, pod: &Value, code: u8) {
        let container = &pod["spec"]["containers"][0];
        let status = json!({ "status": {
            "phase": if code == 0 { "Succeeded" } else { "Failed" },
            "containerStatuses": [{
                "name": container["name"], "image": container["image"], "imageID": "",
                "ready": false, "restartCount": 0,
                "state": { "terminated": { "exitCode": code, "reason": "Error" } },
            }],
        } });
        let name = pod["metadata"]["name"].as_str().unwrap();
        let patch = [
            "patch",
            "pod",
            name,
            "-n",
            "kubeknock",
            "--subresource=status",
        ];
        self.ok(&[&patch[..], &["-p", &status.to_string()]].concat(), "");
    }

    /// The pods of one shard, the first one first.
    fn pods_of(&self, shard: &str) -> Vec<Value> {
        let mut pods = self.list("pods");
        let index = "batch.kubernetes.io/job-completion-index";
        pods.retain(|pod| pod["metadata"]["annotations"][index] == shard);
        pods.sort_by_key(|pod| {
            pod["metadata"]["creationTimestamp"]
                .as_str()
                .unwrap()
                .to_owned()
        });
        pods
    }

    /// Waits for the pod of a shard that still runs.
    fn running(&self, shard: &str) -> Value {
        let began = Instant::now();
        loop {
            let mut pods = self.pods_of(shard).into_iter();
            if let Some(pod) = pods.find(|pod| pod["status"]["phase"] == "Pending") {
                return pod;
            }
            assert!(began.elapsed() < PATIENCE, "shard {shard} has no pod");
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

fn folder() -> String {
    format!("{}/deploy/kubernetes", env!("CARGO_MANIFEST_DIR"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_accepts_the_manifests() {
    let Some(release) = Release::here("manifests") else {
        return;
    };
    if Command::new("kubectl").arg("--help").output().is_err() {
        without("kubectl", "manifests on a real API server");
        return;
    }
    let release = Arc::new(release);
    let this = Arc::clone(&release);
    let work = async move { applied(&this).await };
    all(&release, [("manifests".to_owned(), work)]).await;
}

async fn applied(release: &Release) -> String {
    let pki = Pki::make();
    let etcd = Etcd::start(release, &pki, false).await;
    let settings = Settings {
        etcd: &etcd,
        name: "manifests",
        flags: &[],
        pki: &pki,
    };
    let mut server = ApiServer::start(release, &settings);
    server.ready().await;
    let kubectl = Kubectl {
        kubeconfig: pki.kubeconfig(server.address.port()),
        home: tempfile::tempdir().unwrap(),
    };
    let mut problems = Problems::default();

    // The server rejects unknown fields.
    let said = kubectl.ok(&["apply", "--validate=strict", "-k", &folder()], "");
    for object in [
        "namespace/kubeknock",
        "job.batch/kubeknock-scan",
        "job.batch/kubeknock-merge",
        "cronjob.batch/kubeknock-scan",
        "cronjob.batch/kubeknock-merge",
        "networkpolicy.networking.k8s.io/kubeknock-nothing",
        "networkpolicy.networking.k8s.io/kubeknock-scan",
        "persistentvolumeclaim/kubeknock-results",
        "configmap/kubeknock-targets",
    ] {
        let created = format!("{object} created");
        problems.unless(said.contains(&created), || format!("{object}: {said}"));
    }
    // A server without a feature drops its fields and says nothing.
    let (jobs, cron) = (kubectl.list("jobs"), kubectl.list("cronjobs"));
    let scheduled = cron.iter().map(|cron| &cron["spec"]["jobTemplate"]["spec"]);
    let specs: Vec<&Value> = jobs
        .iter()
        .map(|job| &job["spec"])
        .chain(scheduled)
        .collect();
    problems.unless(specs.len() == 4, || format!("{} Jobs", specs.len()));
    for spec in &specs {
        let rules = spec["podFailurePolicy"]["rules"].as_array().map(Vec::len);
        problems.unless(rules == Some(2), || format!("no podFailurePolicy: {spec}"));
        if spec["completionMode"] == "Indexed" {
            let kept = spec["backoffLimitPerIndex"] == 3;
            problems.unless(kept, || format!("no backoffLimitPerIndex: {spec}"));
        }
        // The namespace enforces the restricted Pod Security Standard.
        let pod = |spec: &Value| {
            let pod = json!({
                "apiVersion": "v1", "kind": "Pod", "spec": spec,
                "metadata": { "generateName": "pod-", "namespace": "kubeknock" },
            });
            kubectl.run(&["create", "--dry-run=server", "-f", "-"], &pod.to_string())
        };
        let mut own = spec["template"]["spec"].clone();
        let output = pod(&own);
        problems.unless(output.status.success(), || stderr(&output));
        own["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = json!(true);
        let output = pod(&own);
        problems.unless(stderr(&output).contains("violates PodSecurity"), || {
            format!("Pod Security is not enforced: {}", stderr(&output))
        });
    }
    if release.has("kube-controller-manager") {
        let flags = [
            format!("--kubeconfig={}", kubectl.kubeconfig),
            "--controllers=job-controller".to_owned(),
            "--secure-port=0".to_owned(),
            "--leader-elect=false".to_owned(),
        ];
        let _controller = Process::start(release, "kube-controller-manager", &pki, &flags);
        tokio::task::block_in_place(|| retried(&kubectl, &mut problems));
    }
    problems.0
}

/// Ends pods of the scan in several ways and looks which are replaced.
fn retried(kubectl: &Kubectl, problems: &mut Problems) {
    // Bad settings in one shard, a scan that is stopped in another, a crash in a third. The others succeed.
    kubectl.end(&kubectl.running("0"), 2);
    for code in [130, 101] {
        kubectl.end(&kubectl.running("1"), code);
    }
    kubectl.end(&kubectl.running("1"), 0);
    for shard in ["2", "3", "4", "5", "6"] {
        kubectl.end(&kubectl.running(shard), 0);
    }
    let began = Instant::now();
    let scan = loop {
        let jobs = kubectl.list("jobs").into_iter();
        let mut scans = jobs.filter(|job| job["metadata"]["name"] == "kubeknock-scan");
        let scan = scans.next().unwrap();
        let conditions = scan["status"]["conditions"].as_array().cloned();
        let ended =
            |condition: &Value| condition["type"] == "Failed" || condition["type"] == "Complete";
        if conditions.is_some_and(|conditions| conditions.iter().any(ended)) {
            break scan;
        }
        assert!(began.elapsed() < PATIENCE, "the Job does not end: {scan}");
        std::thread::sleep(Duration::from_millis(200));
    };
    let status = &scan["status"];
    problems.unless(
        status["failedIndexes"] == "0" && status["completedIndexes"] == "1-6",
        || format!("not the shard with exit code 2 alone: {status}"),
    );
    for (shard, count) in [("0", 1), ("1", 3), ("2", 1)] {
        let pods = kubectl.pods_of(shard).len();
        problems.unless(pods == count, || {
            format!("shard {shard}: {pods} pods, not {count}")
        });
    }
}
