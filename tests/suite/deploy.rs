//! The manifests of `deploy/kubernetes`: kubectl accepts every field, pods have no rights, and the program accepts
//! their arguments. kubectl needs no server for this.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::skip::without;
use crate::support::{kubeknock, stderr};

fn folder() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("deploy/kubernetes")
        .display()
        .to_string()
}

/// Runs kubectl without the configuration of this machine; `None` if it is not installed.
fn kubectl(args: &[&str], input: &str) -> Option<String> {
    let home = tempfile::tempdir().unwrap();
    let child = Command::new("kubectl")
        .args(args)
        .env("HOME", home.path())
        .env("KUBECONFIG", home.path().join("none"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        without("kubectl", "manifests");
        return None;
    };
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "kubectl {args:?}: {}",
        stderr(&output)
    );
    Some(String::from_utf8(output.stdout).unwrap())
}

/// The documents of one kind in a YAML stream.
fn of_kind(yaml: &str, kind: &str) -> String {
    let is = |document: &&str| document.lines().any(|line| line == format!("kind: {kind}"));
    yaml.split("\n---\n")
        .filter(is)
        .collect::<Vec<_>>()
        .join("\n---\n")
}

/// The objects of a JSON stream or of one list.
fn objects(json: &str) -> Vec<Value> {
    let values: Vec<Value> = serde_json::Deserializer::from_str(json)
        .into_iter()
        .collect::<Result<_, _>>()
        .unwrap();
    values
        .into_iter()
        .flat_map(|value| {
            value["items"]
                .as_array()
                .cloned()
                .unwrap_or_else(|| vec![value])
        })
        .collect()
}

/// The workloads as written, and as parsed into the types of kubectl.
fn workloads() -> Option<Vec<(Value, Value)>> {
    workloads_of(&kubectl(&["kustomize", &folder()], "")?)
}

/// Those of a YAML stream.
fn workloads_of(yaml: &str) -> Option<Vec<(Value, Value)>> {
    let mut pairs = Vec::new();
    for kind in ["Job", "CronJob"] {
        let documents = of_kind(yaml, kind);
        if documents.is_empty() {
            continue;
        }
        // `annotate` keeps unknown fields; `set image` drops them, because it parses into types.
        let written = kubectl(
            &["annotate", "--local", "-f", "-", "-o", "json", "read=1"],
            &documents,
        )?;
        let understood = kubectl(
            &[
                "set",
                "image",
                "--local",
                "-f",
                "-",
                "-o",
                "json",
                "*=checked",
            ],
            &documents,
        )?;
        pairs.extend(objects(&written).into_iter().zip(objects(&understood)));
    }
    Some(pairs)
}

/// Collects the places of `written` that are not in `understood`.
fn lost(written: &Value, understood: &Value, place: &str, into: &mut Vec<String>) {
    match (written, understood) {
        (Value::Object(a), Value::Object(b)) => {
            for (key, value) in a {
                let ours = matches!(key.as_str(), "image" | "annotations");
                match b.get(key) {
                    _ if ours => {}
                    Some(other) => lost(value, other, &format!("{place}.{key}"), into),
                    None => into.push(format!("{place}.{key}")),
                }
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (value, other)) in a.iter().zip(b).enumerate() {
                lost(value, other, &format!("{place}[{index}]"), into);
            }
        }
        (a, b) if a == b => {}
        _ => into.push(place.to_owned()),
    }
}

fn job(workload: &Value) -> &Value {
    if workload["kind"] == "CronJob" {
        &workload["spec"]["jobTemplate"]["spec"]
    } else {
        &workload["spec"]
    }
}

fn args(job: &Value) -> Vec<String> {
    let args = job["template"]["spec"]["containers"][0]["args"]
        .as_array()
        .unwrap();
    args.iter()
        .map(|arg| arg.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn kubectl_understands_every_field() {
    let Some(workloads) = workloads() else { return };
    assert_eq!(workloads.len(), 4);
    for (written, understood) in &workloads {
        let mut missing = Vec::new();
        lost(
            written,
            understood,
            written["metadata"]["name"].as_str().unwrap(),
            &mut missing,
        );
        assert!(missing.is_empty(), "not in kubectl's types: {missing:?}");
    }
    // The check itself detects an unknown field.
    let mut misspelt = workloads[0].0.clone();
    misspelt["spec"]["template"]["spec"]["automountServiceAccountTokens"] = Value::Bool(false);
    let mut missing = Vec::new();
    lost(&misspelt, &workloads[0].1, "job", &mut missing);
    assert_eq!(
        missing,
        ["job.spec.template.spec.automountServiceAccountTokens"]
    );
}

/// Checks that the pods of a workload can do nothing but their work.
fn has_no_rights(workload: &Value) {
    let name = workload["metadata"]["name"].as_str().unwrap();
    let job = job(workload);
    let pod = &job["template"]["spec"];
    let container = &pod["containers"][0];
    assert_eq!(pod["automountServiceAccountToken"], false, "{name}");
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{name}");
    assert_eq!(
        pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault",
        "{name}"
    );
    let context = &container["securityContext"];
    assert_eq!(context["readOnlyRootFilesystem"], true, "{name}");
    assert_eq!(context["allowPrivilegeEscalation"], false, "{name}");
    assert_eq!(
        context["capabilities"]["drop"],
        serde_json::json!(["ALL"]),
        "{name}"
    );
    assert!(
        container["resources"]["limits"]["memory"].is_string(),
        "{name}"
    );
}

#[test]
fn pods_have_no_rights_and_shard_counts_agree() {
    let Some(workloads) = workloads() else { return };
    for (workload, _) in &workloads {
        has_no_rights(workload);
        let name = workload["metadata"]["name"].as_str().unwrap();
        let job = job(workload);
        let args = args(job);
        if name == "kubeknock-scan" {
            assert_eq!(job["completionMode"], "Indexed");
            let shards = job["completions"].as_u64().unwrap();
            assert_eq!(job["parallelism"], shards);
            assert!(args.contains(&format!("--shard=job/{shards}")), "{args:?}");
            // A checkpoint belongs to one Job, so that the next Job starts a new scan.
            let of_job = |arg: &&String| arg.contains("checkpoint") || arg.starts_with("--resume");
            assert!(
                args.iter().filter(of_job).all(|arg| arg.contains("$(JOB)")),
                "{args:?}"
            );
        } else {
            let files = args
                .iter()
                .filter(|arg| arg.starts_with("/results/shard-"))
                .count();
            assert_eq!(files, 7, "a file for each shard: {args:?}");
        }
    }
}

/// Exit code 2 is the same in the next pod; 130 is not, because a stopped pod has more to do.
#[test]
fn a_pod_is_replaced_only_if_the_next_one_can_do_better() {
    let Some(workloads) = workloads() else { return };
    for (workload, _) in &workloads {
        let name = workload["metadata"]["name"].as_str().unwrap();
        let job = job(workload);
        let pod = &job["template"]["spec"];
        assert_eq!(pod["restartPolicy"], "Never", "{name}");
        let (retries, other, action) = if name == "kubeknock-scan" {
            // Two pods must never write to one checkpoint.
            assert_eq!(job["podReplacementPolicy"], "Failed");
            ("backoffLimitPerIndex", "backoffLimit", "FailIndex")
        } else {
            ("backoffLimit", "backoffLimitPerIndex", "FailJob")
        };
        assert!((1..=3).contains(&job[retries].as_u64().unwrap()), "{name}");
        assert!(job[other].is_null(), "{name}: {}", job[other]);
        let rules = serde_json::json!([
            { "action": "Ignore", "onPodConditions": [{ "type": "DisruptionTarget" }] },
            { "action": action, "onExitCodes": {
                "containerName": pod["containers"][0]["name"], "operator": "In", "values": [1, 2, 3],
            } },
        ]);
        assert_eq!(job["podFailurePolicy"]["rules"], rules, "{name}");
    }
}

/// A scan may reach the networks and ports of its targets and ask name servers, and nothing else.
#[test]
fn the_network_policy_fits_the_scan() {
    let Some(workloads) = workloads() else { return };
    let Some(yaml) = kubectl(&["kustomize", &folder()], "") else {
        return;
    };
    let policies = of_kind(&yaml, "NetworkPolicy");
    let annotate = ["annotate", "--local", "-f", "-", "-o", "json", "read=1"];
    let policies = objects(&kubectl(&annotate, &policies).unwrap());
    let named = |name: &str| {
        let mut specs = policies.iter().filter(|it| it["metadata"]["name"] == name);
        &specs.next().unwrap()["spec"]
    };
    let nothing = serde_json::json!({ "podSelector": {}, "policyTypes": ["Ingress", "Egress"] });
    assert_eq!(named("kubeknock-nothing"), &nothing);
    assert_eq!(policies.len(), 2, "and one more");

    let scan = named("kubeknock-scan");
    assert_eq!(scan["policyTypes"], serde_json::json!(["Egress"]));
    for (workload, _) in &workloads {
        let labels = &job(workload)["template"]["metadata"]["labels"];
        let is_scan = workload["metadata"]["name"] == "kubeknock-scan";
        let selected = &scan["podSelector"]["matchLabels"] == labels;
        assert_eq!(selected, is_scan, "{labels}");
    }
    let [targets, dns] = scan["egress"].as_array().unwrap().as_slice() else {
        panic!("{scan}");
    };
    let listed = std::fs::read_to_string(Path::new(&folder()).join("targets.txt")).unwrap();
    let listed = listed.lines().filter(|line| !line.starts_with('#'));
    let listed: Vec<Value> = listed
        .map(|cidr| serde_json::json!({ "ipBlock": { "cidr": cidr } }))
        .collect();
    assert_eq!(targets["to"].as_array().unwrap(), &listed);
    let ports = |rule: &Value, protocol: &str| -> Vec<u64> {
        let ports = rule["ports"].as_array().unwrap().iter();
        ports
            .filter(|port| port["protocol"] == protocol)
            .map(|port| port["port"].as_u64().unwrap())
            .collect()
    };
    let default = kubeknock::targets::DEFAULT_PORTS.map(u64::from);
    assert_eq!(ports(targets, "TCP"), default);
    assert_eq!((ports(dns, "TCP"), ports(dns, "UDP")), (vec![53], vec![53]));
    assert!(ports(targets, "UDP").is_empty());
}

/// A completed Job does not run again, so an old merge Job would report the old scan.
#[test]
fn the_guide_deletes_every_job_before_another_scan_and_explains_the_label() {
    let read = |name: &str| {
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name))
            .unwrap()
            .replace('\n', " ")
    };
    let guide = read("docs/fleet.md");
    let another = guide.split("For another scan").nth(1).unwrap();
    let deleted = another
        .split("delete job ")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .unwrap();
    let deleted: Vec<&str> = deleted.split_whitespace().collect();
    let jobs = ["scan", "merge"].map(|name| {
        let manifest = read(&format!("deploy/kubernetes/{name}-job.yaml"));
        assert!(manifest.contains("kind: Job "), "{manifest}");
        let name = manifest.split(" name: ").nth(1).unwrap();
        name.split_whitespace().next().unwrap().to_owned()
    });
    assert_eq!(deleted, jobs);
    let label = "batch.kubernetes.io/controller-uid";
    assert!(read("deploy/kubernetes/scan-job.yaml").contains(label));
    assert!(another.contains(&format!("`{label}`, which pods have from Kubernetes 1.27")));
}

/// Runs the commands of the pods, with their files in a temporary folder.
#[test]
fn the_program_accepts_the_arguments() {
    let Some(workloads) = workloads() else { return };
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().display().to_string();
    std::fs::write(folder.path().join("targets.txt"), "127.0.0.1:9\n").unwrap();
    let here = |arg: &String, shard: &str| {
        arg.replace("/targets/", &format!("{place}/"))
            .replace("/results/", &format!("{place}/"))
            .replace("$(SHARD)", shard)
            .replace("$(JOB)", "0f7c3d52-c1a5-4fd0-9f0f-6f1d9a0f3a11")
    };
    let (scans, merges): (Vec<Vec<String>>, Vec<Vec<String>>) = workloads
        .iter()
        .map(|(workload, _)| args(job(workload)))
        .partition(|args| args[0] == "scan");
    assert_eq!(
        (scans.len(), merges.len()),
        (2, 2),
        "the Job's and the CronJob's"
    );
    // Each runs twice: a restarted pod resumes.
    for (args, index) in scans
        .iter()
        .flat_map(|args| (0..14).map(move |run| (args, run / 2)))
    {
        let index = index.to_string();
        let args: Vec<String> = args.iter().map(|arg| here(arg, &index)).collect();
        let output = kubeknock()
            .args(&args)
            .arg("-q")
            .env("JOB_COMPLETION_INDEX", &index)
            .output()
            .unwrap();
        assert_eq!(
            output.status.code(),
            Some(0),
            "{args:?}: {}",
            stderr(&output)
        );
    }
    let merge = |args: &[String]| {
        let args: Vec<String> = args.iter().map(|arg| here(arg, "")).collect();
        kubeknock()
            .args(&args)
            .args(["--require-coverage", "0"])
            .output()
            .unwrap()
    };
    for args in &merges {
        let output = merge(args);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{args:?}: {}",
            stderr(&output)
        );
        std::fs::remove_file(folder.path().join("report.json")).unwrap();
    }
    // A shard of last week does not count for this week.
    let shard = folder.path().join("shard-3.jsonl");
    let old = std::fs::read_to_string(&shard).unwrap();
    let year = jiff::Timestamp::now()
        .strftime("\"started\":\"%Y-")
        .to_string();
    let old = old.replace(&year, "\"started\":\"2020-");
    assert!(old.contains("2020-"), "{old}");
    std::fs::write(&shard, old).unwrap();
    for args in &merges {
        let output = merge(args);
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(
            stderr(&output).contains("shard-3.jsonl is from a scan that began at 2020-"),
            "{}",
            stderr(&output)
        );
    }
    std::fs::remove_file(folder.path().join("shard-3.jsonl")).unwrap();
    for args in &merges {
        assert_eq!(
            merge(args).status.code(),
            Some(2),
            "a missing shard is no smaller estate"
        );
    }
    // A missing shard is an error.
    let args: Vec<String> = merges[0]
        .iter()
        .filter(|arg| !arg.contains("shard-3"))
        .cloned()
        .collect();
    let output = merge(&args);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("no report of 4/7 is given"),
        "{}",
        stderr(&output)
    );
}

/// One pod, with its volume, its secret and what it may reach.
#[test]
fn the_scheduled_scan_is_understood_and_has_no_rights() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/scheduled/cronjob.yaml");
    let yaml = std::fs::read_to_string(path).unwrap();
    let Some(workloads) = workloads_of(&yaml) else {
        return;
    };
    let [(written, understood)] = &workloads[..] else {
        panic!("{workloads:?}");
    };
    let mut missing = Vec::new();
    lost(written, understood, "job", &mut missing);
    assert!(missing.is_empty(), "not in kubectl's types: {missing:?}");
    has_no_rights(written);
    let labels = &job(written)["template"]["metadata"]["labels"];
    assert_eq!(written["spec"]["concurrencyPolicy"], "Forbid");
    let annotate = ["annotate", "--local", "-f", "-", "-o", "json", "read=1"];
    let policy = objects(&kubectl(&annotate, &of_kind(&yaml, "NetworkPolicy")).unwrap());
    let [policy] = &policy[..] else {
        panic!("{policy:?}");
    };
    assert_eq!(&policy["spec"]["podSelector"]["matchLabels"], labels);
    assert_eq!(
        policy["spec"]["policyTypes"],
        serde_json::json!(["Ingress", "Egress"])
    );
    assert!(policy["spec"]["ingress"].is_null());
    // What it mounts is there.
    for kind in ["ConfigMap", "PersistentVolumeClaim"] {
        let object = objects(&kubectl(&annotate, &of_kind(&yaml, kind)).unwrap());
        let name = object[0]["metadata"]["name"].as_str().unwrap();
        assert!(
            written.to_string().contains(&format!("\"{name}\"")),
            "{name}"
        );
    }
}
