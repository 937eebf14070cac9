//! The Rego policies of `deploy/policies`, evaluated by `opa`: their own tests, and what they deny in real reports.
//! The same policies in process (`--policy`).

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
                ("exposed", "open beyond health: /api, /version"),
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

#[cfg(not(feature = "rego"))]
#[test]
fn a_build_without_policies_says_how_to_build_with_them() {
    let output = run(&["scan", "127.0.0.1:9", "--policy", &folder("prohibit")]);
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(said.contains("--features rego"), "{said}");
}

#[cfg(feature = "rego")]
mod in_process {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::PathBuf;

    use kubeknock::policy::{RegoJudgement, RegoPolicies};
    use kubeknock::simulator::SimulatedServer;
    use serde_json::json;

    use super::*;

    /// A folder with a targets file and a server for each profile, and what scans of it write.
    struct Estate {
        folder: tempfile::TempDir,
        servers: Vec<SimulatedServer>,
    }

    impl Estate {
        async fn start(profiles: &[&str]) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let mut servers = Vec::new();
            let mut list = String::new();
            for profile in profiles {
                let server = start(profile).await;
                writeln!(list, "{} name={profile}", server.address()).unwrap();
                servers.push(server);
            }
            fs::write(folder.path().join("targets.txt"), list).unwrap();
            Self { folder, servers }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn read(&self, name: &str) -> String {
            fs::read_to_string(self.path(name)).unwrap()
        }

        fn value(&self, name: &str) -> Value {
            serde_json::from_str(&self.read(name)).unwrap()
        }

        /// Scans with the policy `prohibit`. The words are more arguments. Returns the exit code and its sentence.
        fn scan(&self, words: &str) -> (i32, String) {
            self.scan_with(&["lib", "prohibit"].map(folder), words)
        }

        fn scan_with(&self, policies: &[String], words: &str) -> (i32, String) {
            let mut args =
                "scan -f targets.txt --retries 0 --config settings.toml -o table".to_owned();
            if !self.path("settings.toml").exists() {
                fs::write(self.path("settings.toml"), "").unwrap();
            }
            for policy in policies {
                write!(args, " --policy {policy}").unwrap();
            }
            let output = Command::new(env!("CARGO_BIN_EXE_kubeknock"))
                .args(args.split(' ').chain(words.split_whitespace()))
                .current_dir(self.folder.path())
                .output()
                .unwrap();
            let said = stdout(&output) + &stderr(&output);
            let sentence = said.lines().find(|line| line.starts_with("exit "));
            let sentence = sentence.map_or(said.clone(), str::to_owned);
            (output.status.code().unwrap(), sentence)
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn results_are_findings_in_every_format_and_the_gate_counts_them() {
        let estate = Estate::start(&["default", "health-only", "rejecting"]).await;
        let formats = "json sarif html markdown junit github gitlab ocsf defectdojo jsonl";
        let outputs: Vec<String> = (formats.split(' '))
            .map(|format| format!("-o {format}=report.{format}"))
            .collect();
        let outputs = outputs.join(" ");
        let (code, sentence) = estate.scan(&outputs);
        assert_eq!(code, 1, "{sentence}");
        let [default, limited, _] = estate.servers.as_slice() else {
            panic!("three servers")
        };
        let expected = format!(
            "exit 1: 2 targets denied by a policy: default ({}), health-only ({})",
            default.address(),
            limited.address()
        );
        assert_eq!(sentence, expected);
        let findings = estate.value("report.json")["findings"].clone();
        let denied = findings.as_array().unwrap().iter();
        let denied: Vec<&Value> =
            (denied.filter(|finding| finding["rule"] == "policy-denied")).collect();
        assert_eq!(denied.len(), 2);
        let message = "denied by a policy: accepts anonymous requests (forbidden)";
        assert_eq!(denied[0]["message"], message);
        for format in formats.split(' ') {
            let report = estate.read(&format!("report.{format}"));
            assert!(report.contains("policy-denied"), "{format}");
            assert!(report.contains("accepts anonymous requests"), "{format}");
        }
        // A saved report is judged like a scan.
        let saved = estate.path("report.json").display().to_string();
        let (lib, policy) = (folder("lib"), folder("prohibit"));
        let rendered = run(&["report", &saved, "--policy", &lib, "--policy", &policy]);
        assert_eq!(rendered.status.code(), Some(1), "{}", stderr(&rendered));
        assert!(
            stdout(&rendered).contains(&expected),
            "{}",
            stdout(&rendered)
        );

        assert_eq!(estate.scan("--fail-on never").0, 0);
        assert_eq!(
            estate.scan("--baseline report.json --fail-on new").0,
            0,
            "nothing is new"
        );
        let accepted = "[[accept]]\nrule = \"policy-denied\"\ntarget = \"*\"\nreason = \"r\"\nowner = \"o\"\nexpires = 2099-01-01\n";
        fs::write(estate.path("settings.toml"), accepted).unwrap();
        let (code, sentence) = estate.scan("");
        assert_eq!(code, 0, "{sentence}");
        fs::write(
            estate.path("settings.toml"),
            accepted.replace("policy-denied", "etcd-open"),
        )
        .unwrap();
        assert_eq!(estate.scan("").0, 1);
    }

    /// All of `deploy/policies` at once: its manifests are no data, and no policy is in the way of another.
    #[test]
    fn the_whole_folder_is_judged_together() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/data/inspect/pod-kubeadm-default.yaml");
        let (file, all) = (file.display().to_string(), folder(""));
        let output = run(&["inspect", &file, "--policy", &all, "-o", "json"]);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
        let findings = report["findings"].as_array().unwrap();
        let denied = findings
            .iter()
            .find(|finding| finding["rule"] == "policy-denied");
        let message = denied.unwrap()["message"].as_str().unwrap();
        for part in [
            "accepts anonymous requests (forbidden)",
            "accepts anonymous requests to every path (forbidden)",
            "accepts anonymous requests, and nothing shows that a provider runs it",
        ] {
            assert!(message.contains(part), "{part}: {message}");
        }
    }

    /// Silence closes no alert: what a policy denied stays denied until the server answers again.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_denial_of_a_silent_server_is_carried() {
        let mut estate = Estate::start(&["default", "rejecting"]).await;
        estate.scan("-o json=first.json");
        let server = estate.servers.remove(0);
        let address = server.address();
        drop(server);
        while tokio::net::TcpStream::connect(address).await.is_ok() {}
        for (baseline, next) in [("first.json", "second.json"), ("second.json", "third.json")] {
            let (code, sentence) = estate.scan(&format!(
                "--baseline {baseline} -o json={next} -o sarif=report.sarif"
            ));
            assert_eq!(code, 3, "{sentence}");
            let log = estate.value("report.sarif");
            let results = log["runs"][0]["results"].as_array().unwrap();
            let denied: Vec<&Value> = (results.iter())
                .filter(|result| result["ruleId"] == "policy-denied")
                .collect();
            assert_eq!(denied.len(), 1, "{baseline}");
            assert_eq!(denied[0]["baselineState"], "unchanged");
            let text = denied[0]["message"]["text"].as_str().unwrap();
            assert_eq!(text.matches("last seen").count(), 1, "{text}");
        }
        // Rendered again, it is still carried.
        let saved = estate.path("third.json").display().to_string();
        let (lib, policy) = (folder("lib"), folder("prohibit"));
        let rendered = run(&[
            "report", &saved, "--policy", &lib, "--policy", &policy, "-o", "sarif",
        ]);
        let log: Value = serde_json::from_str(&stdout(&rendered)).unwrap();
        let results = log["runs"][0]["results"].as_array().unwrap();
        assert!(
            results
                .iter()
                .any(|result| result["ruleId"] == "policy-denied")
        );
    }

    /// The same policies judge what configuration files will do.
    #[test]
    fn a_prediction_is_judged_like_a_report() {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/inspect");
        let file = data.join("pod-kubeadm-default.yaml").display().to_string();
        let (lib, policy) = (folder("lib"), folder("prohibit"));
        let words = ["inspect", &file, "--policy", &lib, "--policy", &policy];
        let output = run(&words);
        let said = stdout(&output);
        assert_eq!(output.status.code(), Some(1), "{said}{}", stderr(&output));
        assert!(
            said.contains("exit 1: 1 target denied by a policy: "),
            "{said}"
        );
        let output = run(&[&words[..], &["-o", "sarif"]].concat());
        let log: Value = serde_json::from_str(&stdout(&output)).unwrap();
        let results = log["runs"][0]["results"].as_array().unwrap();
        let denied: Vec<&Value> = (results.iter())
            .filter(|result| result["ruleId"] == "policy-denied")
            .collect();
        assert_eq!(denied.len(), 1, "{results:#?}");
        let text = denied[0]["message"]["text"].as_str().unwrap();
        let message = "denied by a policy: accepts anonymous requests (forbidden)";
        assert!(text.contains(message), "{text}");
        let place = &denied[0]["locations"][0]["physicalLocation"];
        let path = place["artifactLocation"]["uri"].as_str().unwrap();
        assert!(path.ends_with("pod-kubeadm-default.yaml"), "{path}");
        let output = run(&[&words[..], &["--fail-on", "never"]].concat());
        assert_eq!(output.status.code(), Some(0));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn errors_name_file_line_and_column_and_no_report_is_lost() {
        let estate = Estate::start(&["rejecting"]).await;
        let policy = |text: &str| {
            fs::write(estate.path("own.rego"), text).unwrap();
            estate.scan_with(&["own.rego".to_owned()], "-o json=report.json")
        };
        let (code, said) = policy("package main\n\ndeny contains msg if { msg := nosuch(1) }\n");
        assert_eq!(code, 2);
        assert!(
            said.contains("own.rego:3:31: could not find function nosuch"),
            "{said}"
        );
        assert!(!estate.path("report.json").exists(), "nothing was asked");
        // What opa refuses, and what a policy without its library is.
        for (text, place, problem) in [
            (
                "deny contains msg if { not input.x[i]; msg := \"m\" }\n",
                "3:36",
                "variable i gets no value here",
            ),
            (
                "deny contains \"m\" if { some i; i > 3 }\n",
                "3:32",
                "variable i gets no value here",
            ),
            (
                "import data.kubeknock\ndeny contains result if some result in kubeknock.invalid\n",
                "3:8",
                "nothing that is loaded defines data.kubeknock: give the file of package kubeknock",
            ),
        ] {
            let (code, said) = policy(&format!("package main\nimport rego.v1\n{text}"));
            assert_eq!(code, 2, "{said}");
            let expected = format!("own.rego:{place}: {problem}");
            assert!(said.contains(&expected), "{expected}: {said}");
            assert!(!said.contains("schedule"), "{said}");
            assert!(!estate.path("report.json").exists(), "nothing was asked");
        }
        let (code, said) = policy("package main\n\ndeny contains input.coverage\n");
        assert_eq!(code, 2, "{said}");
        assert!(said.starts_with("exit 2: could not continue"), "{said}");
        assert_eq!(
            estate.value("report.json")["endpoints"]
                .as_array()
                .unwrap()
                .len(),
            1
        );
        let (code, said) = estate.scan_with(&["missing.rego".to_owned()], "");
        assert_eq!(code, 2);
        assert!(
            said.contains("--policy: cannot read missing.rego"),
            "{said}"
        );
        fs::write(estate.path("data.yaml"), "a: 1\n---\nb: 2\n").unwrap();
        let files = ["own.rego".to_owned(), "data.yaml".to_owned()];
        let (code, said) = estate.scan_with(&files, "");
        assert_eq!(code, 2);
        assert!(said.contains("data.yaml:3:1: a second document"), "{said}");
        // A result that names no target is about the report.
        let (code, said) = policy("package main\n\ndeny contains \"no\"\nwarn contains \"well\"\n");
        assert_eq!(
            (code, said.as_str()),
            (1, "exit 1: 1 target denied by a policy: report")
        );
        let rules: BTreeSet<String> = (estate.value("report.json")["findings"]
            .as_array()
            .unwrap()
            .iter())
        .map(|finding| finding["rule"].as_str().unwrap().to_owned())
        .collect();
        assert!(rules.contains("policy-warned"), "{rules:?}");
    }

    /// `Some` for one value of a small generator, which gives the same reports in every run.
    struct Generator(u64);

    impl Generator {
        fn below(&mut self, limit: u64) -> u64 {
            self.0 = (self.0.wrapping_mul(6_364_136_223_846_793_005))
                .wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % limit
        }

        fn one_of<T: Clone>(&mut self, values: &[T]) -> T {
            values[usize::try_from(self.below(values.len() as u64)).unwrap()].clone()
        }

        /// A report with some endpoints, gaps and odd values.
        fn report(&mut self, real: &Value) -> Value {
            let mut report = real.clone();
            let model = real["endpoints"].as_array().unwrap();
            let count = self.below(6);
            let endpoints: Vec<Value> = (0..count)
                .map(|number| {
                    let mut endpoint = self.one_of(model);
                    endpoint["target"] = json!(format!("192.0.2.{number}:6443"));
                    endpoint["name"] =
                        self.one_of(&[Value::Null, json!(format!("name-{number}")), json!("a")]);
                    let verdicts = [
                        "exposed",
                        "forbidden",
                        "limited",
                        "rejected",
                        "inconclusive",
                        "unreachable",
                        "odd",
                    ];
                    endpoint["verdict"] = json!(self.one_of(&verdicts));
                    endpoint
                })
                .collect();
            report["endpoints"] = json!(endpoints);
            for spec in report["coverage"]["specs"].as_array_mut().unwrap() {
                spec["covered"] = json!(self.below(3) > 0);
            }
            match self.below(12) {
                0 => report["schema"] = json!("kubeknock/report/v3"),
                1 => report["scan"]["stopped"] = json!("interrupted"),
                2 => report["scan"]["started"] = json!(7),
                _ => {}
            }
            report
        }

        /// Exceptions, some of which are no longer valid, or broken.
        fn exceptions(&mut self) -> Value {
            let count = self.below(4);
            let all: Vec<Value> = (0..count)
                .map(|number| {
                    let mut exception = json!({
                        "at_most": self.one_of(&["limited", "forbidden", "exposed", "none"]),
                        "reason": self.one_of(&["a lab", " "]), "owner": "o",
                        "expires": self.one_of(&["2099-12-31", "2020-01-01", "soon"]),
                    });
                    let key = self.one_of(&["target", "name"]);
                    exception[key] =
                        json!(self.one_of(&[format!("192.0.2.{number}:6443"), "a".to_owned()]));
                    exception
                })
                .collect();
            json!({ "exceptions": all })
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn opa_decides_alike_on_every_policy_and_100_reports() {
        let estate = Estate::start(&[
            "default",
            "exposed",
            "rejecting",
            "health-only",
            "eks-forbidden",
            "eks-older",
        ])
        .await;
        estate.scan("-o json=real.json");
        let real = estate.value("real.json");
        let mut generator = Generator(7);
        let (mut denied, mut passed) = (0, 0);
        for number in 0..100 {
            let (report, exceptions) = (generator.report(&real), generator.exceptions());
            let (input, data) = (estate.path("input.json"), estate.path("exceptions.json"));
            fs::write(&input, report.to_string()).unwrap();
            fs::write(&data, exceptions.to_string()).unwrap();
            let data = data.display().to_string();
            for policy in POLICIES {
                let files: Vec<(String, String)> = [
                    "lib/kubeknock.rego".to_owned(),
                    format!("{policy}/anonymous.rego"),
                ]
                .into_iter()
                .map(|file| (file.clone(), fs::read_to_string(folder(&file)).unwrap()))
                .chain([(data.clone(), exceptions.to_string())])
                .collect();
                let policies = RegoPolicies::load(files).unwrap();
                let results = policies.evaluate(&report.to_string()).unwrap();
                let (lib, own) = (folder("lib"), folder(policy));
                let input = input.display().to_string();
                let args = [
                    "eval",
                    "--format=raw",
                    "-d",
                    &lib,
                    "-d",
                    &own,
                    "-d",
                    &data,
                    "-i",
                    &input,
                    "data.main",
                ];
                let Some(output) = opa(&args) else { return };
                let main: Value = serde_json::from_str(&stdout(&output)).unwrap();
                for (rule, judgement) in
                    [("deny", RegoJudgement::Deny), ("warn", RegoJudgement::Warn)]
                {
                    let expected: BTreeSet<(String, Option<String>)> =
                        (main[rule].as_array().unwrap().iter())
                            .map(|result| {
                                let text = |key: &str| result[key].as_str().map(str::to_owned);
                                (text("msg").unwrap(), text("target"))
                            })
                            .collect();
                    let own = results
                        .iter()
                        .filter(|result| result.judgement == judgement);
                    let own: BTreeSet<(String, Option<String>)> = own
                        .map(|result| (result.message.clone(), result.target.clone()))
                        .collect();
                    assert_eq!(own, expected, "{policy}, {rule}, report {number}: {report}");
                    if expected.is_empty() {
                        passed += 1;
                    } else {
                        denied += 1;
                    }
                }
            }
        }
        assert!(
            denied > 100 && passed > 100,
            "{denied} with results, {passed} without"
        );
    }
}
