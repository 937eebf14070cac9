//! The Rego policies of `deploy/policies`, evaluated by `opa`: their own tests, and what they deny in real reports.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::skip::without;
use crate::support::{run, start, stderr, stdout};

const POLICIES: [&str; 3] = ["health-only", "prohibit", "provider-aware"];

fn folder(name: &str) -> String {
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/policies");
    policies.join(name).display().to_string()
}

/// Runs opa, which must succeed; `None` if it is not installed.
fn opa(args: &[&str]) -> Option<Output> {
    let Ok(output) = Command::new("opa").args(args).output() else {
        without("opa", "policies in Rego");
        return None;
    };
    assert!(
        output.status.success(),
        "opa {args:?}: {}{}",
        stdout(&output),
        stderr(&output)
    );
    Some(output)
}

#[test]
fn the_policies_pass_their_own_tests() {
    for policy in POLICIES {
        let (lib, policy) = (folder("lib"), folder(policy));
        for check in ["check --strict", "fmt --fail", "test"] {
            let args: Vec<&str> = check.split(' ').chain([&*lib, &*policy]).collect();
            if opa(&args).is_none() {
                return;
            }
        }
    }
}

/// The messages of `rule` by the name of the target.
fn judged(policy: &str, rule: &str, files: &[&str]) -> Option<BTreeMap<String, String>> {
    let (lib, policy, query) = (folder("lib"), folder(policy), format!("data.main.{rule}"));
    let mut args = vec!["eval", "--format=raw", "-d", &lib, "-d", &policy];
    args.extend(files);
    args.push(&query);
    let results: Vec<Value> = serde_json::from_str(&stdout(&opa(&args)?)).unwrap();
    let message = |result: Value| {
        let message = result["msg"].as_str().unwrap().to_owned();
        let (name, text) = message.split_once(": ").unwrap();
        let name = name.split(' ').next().unwrap();
        (name.to_owned(), text.to_owned())
    };
    Some(results.into_iter().map(message).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_policy_denies_what_it_should_in_a_report() {
    let profiles = [
        "default",
        "exposed",
        "rejecting",
        "health-only",
        "eks-forbidden",
        "eks-older",
    ];
    let mut servers = Vec::new();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let report = path("report.json");
    let mut list = String::new();
    for profile in profiles {
        let server = start(profile).await;
        writeln!(list, "{} name={profile}", server.address()).unwrap();
        servers.push(server);
    }
    std::fs::write(path("targets.txt"), list).unwrap();
    let (targets, output) = (path("targets.txt"), format!("json={report}"));
    let args = [
        "scan",
        "-q",
        "--fail-on=never",
        "-f",
        &targets,
        "-o",
        &output,
    ]
    .map(str::to_owned);
    let scanned = tokio::task::spawn_blocking(move || run(&args.each_ref().map(String::as_str)));
    let scanned = scanned.await.unwrap();
    assert!(scanned.status.success(), "{}", stderr(&scanned));

    let input = ["-i", &report];
    let own = "accepts anonymous requests, and nothing shows that a provider runs it";
    let expected = [
        (
            "prohibit",
            vec![
                ("default", "accepts anonymous requests (forbidden)"),
                ("eks-forbidden", "accepts anonymous requests (forbidden)"),
                ("eks-older", "accepts anonymous requests (forbidden)"),
                ("exposed", "accepts anonymous requests (exposed)"),
                ("health-only", "accepts anonymous requests (limited)"),
            ],
        ),
        (
            "health-only",
            vec![
                (
                    "default",
                    "accepts anonymous requests to every path (forbidden)",
                ),
                (
                    "eks-forbidden",
                    "accepts anonymous requests to every path (forbidden)",
                ),
                (
                    "eks-older",
                    "accepts anonymous requests to every path (forbidden)",
                ),
                (
                    "exposed",
                    "accepts anonymous requests to every path (exposed)",
                ),
            ],
        ),
        (
            "provider-aware",
            vec![
                ("default", own),
                ("eks-forbidden", "more open than EKS documents"),
                (
                    "exposed",
                    "exposes more than version and health to anonymous callers",
                ),
            ],
        ),
    ];
    for (policy, expected) in expected {
        let Some(denied) = judged(policy, "deny", &input) else {
            return;
        };
        let denied: Vec<(&str, &str)> = denied
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
            .collect();
        assert_eq!(denied, expected, "{policy}");
        assert_eq!(
            judged(policy, "warn", &input),
            Some(BTreeMap::new()),
            "{policy}"
        );
    }

    // The example of exceptions is one that the policies can read.
    let text = std::fs::read_to_string(self::folder("exceptions.yaml")).unwrap();
    std::fs::write(
        path("exceptions.yaml"),
        text.replace("prod-eu-1", "default"),
    )
    .unwrap();
    let exceptions = path("exceptions.yaml");
    let denied = judged("prohibit", "deny", &["-i", &report, "-d", &exceptions]).unwrap();
    assert!(!denied.contains_key("default"), "{denied:?}");
    assert_eq!(denied.len(), 4, "{denied:?}");
}
