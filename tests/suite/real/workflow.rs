//! The commands of `docs/workflow.md` on a real API server, in their order.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use super::pki::Pki;
use super::servers::{ApiServer, Etcd, Release, Settings};
use crate::skip::{skipped, without};

/// How long an admission policy or the audit log may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// The commands, and what each is: its first words, its exit code and what it must say.
const COMMANDS: [(&str, i32, &str); 10] = [
    ("kubeknock inspect", 0, "limited"),
    ("kubeknock scan", 0, "limited"),
    ("kubectl get", 0, ""),
    ("kubeknock inspect", 0, "the scan found what is predicted"),
    ("kubeknock audit", 0, "found"),
    ("kubectl apply", 0, "created"),
    (
        "kubectl create",
        1,
        "that gives its permissions to everybody without credentials",
    ),
    ("kubeknock report", 0, "exit 0"),
    ("conftest test", 0, ""),
    ("opa eval", 0, "[]"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_page_does_what_it_says() {
    let Some(release) = Release::here("docs/workflow.md") else {
        return;
    };
    if release.minor < 34 {
        return skipped("docs/workflow.md: it needs Kubernetes 1.34");
    }
    if Command::new("kubectl")
        .arg("version")
        .arg("--client")
        .output()
        .is_err()
    {
        return without("kubectl", "docs/workflow.md");
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/workflow.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (_, rest) = page
        .split_once("```yaml\n# authentication-config.yaml\n")
        .unwrap();
    let (config, _) = rest.split_once("```").unwrap();
    fs::write(path("authentication-config.yaml"), config).unwrap();
    symlink(root.join("deploy"), path("deploy")).unwrap();

    let pki = Pki::make();
    let etcd = Etcd::start(&release, &pki, false).await;
    let flags = [
        format!(
            "--authentication-config={}",
            path("authentication-config.yaml")
        ),
        format!(
            "--audit-policy-file={}",
            path("deploy/policies/audit-policy.yaml")
        ),
        format!("--audit-log-path={}", path("audit.log")),
    ];
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let settings = Settings {
        etcd: &etcd,
        name: "workflow",
        flags: &flags,
        pki: &pki,
    };
    let mut server = ApiServer::start(&release, &settings);
    server.ready().await;
    let manifest = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "kube-apiserver", "namespace": "kube-system"},
        "spec": {"containers": [{
            "name": "kube-apiserver", "image": format!("registry.example/kube-apiserver:{}", release.version),
            "command": ["kube-apiserver"], "args": server.args,
        }]},
    });
    fs::write(path("kube-apiserver.yaml"), manifest.to_string()).unwrap();

    let kubeconfig = pki.kubeconfig(server.address.port());

    let program = Path::new(env!("CARGO_BIN_EXE_kubeknock")).parent().unwrap();
    let search = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let run = |command: &str| {
        let output = Command::new("sh")
            .args([
                "-c",
                &command.replace("cp.example.com:6443", &server.address.to_string()),
            ])
            .current_dir(folder.path())
            .env("PATH", &search)
            .env("KUBECONFIG", &kubeconfig)
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        (output.status.code().unwrap(), said)
    };
    let commands: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("$ "))
        .collect();
    assert_eq!(commands.len(), COMMANDS.len());
    for (command, (start, code, text)) in commands.into_iter().zip(COMMANDS) {
        assert!(command.starts_with(start), "{command}");
        let program = command.split(' ').next().unwrap();
        if program != "kubeknock" && Command::new(program).arg("version").output().is_err() {
            skipped(&format!("{command}: {program} is not installed"));
            continue;
        }
        // An admission policy takes some seconds until it is in force, and the log is written later than the answer.
        let is_late = ["kubectl create", "kubeknock audit"].contains(&start);
        let began = Instant::now();
        let (mut ended, mut said) = run(command);
        while is_late && ended != code && began.elapsed() < PATIENCE {
            if ended == 0 {
                run("kubectl delete clusterrolebinding open");
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
            (ended, said) = run(command);
        }
        assert_eq!(ended, code, "{command}: {said}");
        assert!(said.contains(text), "{command}: {said}");
    }
}
