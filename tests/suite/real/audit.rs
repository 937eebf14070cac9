//! Audit logs of real API servers: a scan finds all of its requests, and a policy leaves out what it is said to leave out.

use std::fmt::Write as _;
use std::path::Path;

use kubeknock::audit::policy::{Caller, Policy};
use kubeknock::kubernetes::Attributes;
use serde_json::Value;

use super::all;
use super::pki::Pki;
use super::servers::{ApiServer, Etcd, Release, Settings};
use crate::support::{run_in, stderr};

/// The policies, each with what is known of it.
const POLICIES: &str = include_str!("../../data/audit/policies.yaml");

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_finds_its_requests_in_the_audit_log() {
    let Some(release) = Release::here("audit logs") else {
        return;
    };
    let release = std::sync::Arc::new(release);
    let pki = Pki::make();
    let etcd = std::sync::Arc::new(Etcd::start(&release, &pki, false).await);
    let everything = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]\n";
    let policies: Vec<String> = [everything]
        .into_iter()
        .chain(POLICIES.split("---\n"))
        .map(str::to_owned)
        .collect();
    let mut work = Vec::new();
    for (number, policy) in policies.into_iter().enumerate() {
        for anonymous in [true, false] {
            let (release, etcd, policy) = (release.clone(), etcd.clone(), policy.clone());
            let name = format!("audit-{number}-{anonymous}");
            work.push((name.clone(), async move {
                audited(&release, &etcd, &name, &policy, anonymous).await
            }));
        }
    }
    all(&release, work).await;
}

/// Scans a server with this policy and reads its log. Returns the problems.
async fn audited(
    release: &Release,
    etcd: &Etcd,
    name: &str,
    policy: &str,
    anonymous: bool,
) -> String {
    let pki = Pki::make();
    let file = pki.path("policy.yaml");
    std::fs::write(&file, policy).unwrap();
    let mut server = ApiServer::start(
        release,
        &Settings {
            etcd,
            name,
            flags: &[
                &format!("--anonymous-auth={anonymous}"),
                &format!("--audit-policy-file={file}"),
            ],
            pki: &pki,
        },
    );
    server.ready().await;
    let folder = tempfile::tempdir().unwrap();
    let address = server.address.to_string();
    let mut problems = String::new();
    for ids in [&[][..], &["--audit-id"]] {
        let scan = [
            "scan",
            "-q",
            &address,
            "--deep",
            "--fail-on",
            "never",
            "--audit-canary",
            "-o",
            "json=report.json",
        ];
        let scan = run_in(folder.path(), &[&scan[..], ids].concat());
        assert!(scan.status.success(), "{}", stderr(&scan));
        let log = pki.path("audit.log");
        let words = [
            "audit",
            &log,
            "--report",
            "report.json",
            // A policy may lose every request.
            "--endpoint",
            &address,
            "--audit-policy",
            &file,
            "-o",
            "json=audit.json",
        ];
        let ran = run_in(folder.path(), &words);
        problems += &compare(folder.path(), policy, anonymous, &stderr(&ran));
    }
    problems
}

fn compare(folder: &Path, policy: &str, anonymous: bool, said: &str) -> String {
    let text = std::fs::read_to_string(folder.join("audit.json")).unwrap_or_default();
    let audit: Value = match serde_json::from_str(&text) {
        Ok(audit) => audit,
        Err(_) => return format!("no result: {said}\n"),
    };
    let policy = Policy::parse(policy).unwrap();
    let caller = if anonymous {
        Caller::Anonymous
    } else {
        Caller::Unauthenticated
    };
    let requests = audit["endpoints"][0]["requests"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let mut problems = String::new();
    if requests.len() < 20 || requests.last().unwrap()["canary"] != true {
        let _ = writeln!(problems, "{} requests, {said}", requests.len());
    }
    for request in requests {
        let (method, path) = (
            request["method"].as_str().unwrap(),
            request["path"].as_str().unwrap(),
        );
        let decision = policy.decide(&Attributes::of(method, path), caller);
        let expected = if decision.is_logged() {
            "found"
        } else {
            "lost-by-policy"
        };
        if request["result"] != expected {
            let _ = writeln!(
                problems,
                "{method} {path}: {}, not {expected}",
                request["result"]
            );
        }
    }
    problems
}
