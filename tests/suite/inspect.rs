//! `kubeknock inspect`: its rules, its outputs, and the example of its documentation.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{kubeknock, run, run_in, start, stderr, stdout};

/// Input with which a rule of `inspect` fires, and input with which it does not.
pub(crate) struct Case {
    pub(crate) rule: &'static str,
    fires: &'static str,
    silent: &'static str,
}

const fn case(rule: &'static str, fires: &'static str, silent: &'static str) -> Case {
    Case {
        rule,
        fires,
        silent,
    }
}

const DEFAULT: &str = "kube-apiserver --authorization-mode=Node,RBAC\n";
const OFF: &str = "kube-apiserver --authorization-mode=Node,RBAC --anonymous-auth=false\n";
const HEALTH: &str = "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n\
    anonymous: {enabled: true, conditions: [{path: /livez}]}\n";
const ALWAYS_ALLOW: &str = "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthorizationConfiguration\n\
    authorizers: [{type: AlwaysAllow, name: alwaysallow}]\n";

macro_rules! binding {
    ($group:literal, $role:literal) => {
        concat!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: reader}\n",
            "rules: [{nonResourceURLs: [/metrics], verbs: [get]}]\n---\n",
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: b}\n",
            "roleRef: {kind: ClusterRole, name: ",
            $role,
            "}\nsubjects: [{kind: Group, name: '",
            $group,
            "'}]\n"
        )
    };
}
const READER: &str = binding!("system:unauthenticated", "reader");
const ADMIN: &str = binding!("system:unauthenticated", "cluster-admin");
const GONE: &str = binding!("system:unauthenticated", "gone");
const AUTHENTICATED: &str = binding!("system:authenticated", "reader");

/// The last two need a report: `the_prediction_is_compared_with_a_report`.
pub(crate) const CASES: [Case; 13] = [
    case("configuration-allows-everything", ALWAYS_ALLOW, DEFAULT),
    case("configuration-accepts-anonymous", DEFAULT, OFF),
    case("configuration-limits-anonymous", HEALTH, DEFAULT),
    case(
        "configuration-does-not-start",
        "kube-apiserver --anonymous-auth=no\n",
        OFF,
    ),
    case(
        "configuration-unclear",
        "kube-apiserver --authorization-mode=RBAC --authentication-config=/x\n",
        DEFAULT,
    ),
    case(
        "configuration-not-found",
        "{apiVersion: v1, kind: List, items: []}\n",
        OFF,
    ),
    case("binding-lets-anonymous-change", ADMIN, READER),
    case("binding-lets-anonymous-read", READER, ADMIN),
    case("binding-to-all-authenticated", AUTHENTICATED, READER),
    case("binding-to-missing-role", GONE, READER),
    case(
        "audit-policy-loses-requests",
        "{apiVersion: audit.k8s.io/v1, kind: Policy, omitStages: [ResponseStarted], rules: [{level: Metadata}]}\n",
        "{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: Metadata}]}\n",
    ),
    case("more-open-than-configured", "", ""),
    case("stricter-than-configured", "", ""),
];

/// Runs `inspect` on a file of this text.
fn inspect(text: &str, args: &[&str]) -> std::process::Output {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("input.yaml"), text).unwrap();
    let args: Vec<&str> = ["inspect", "input.yaml"]
        .into_iter()
        .chain(args.iter().copied())
        .collect();
    run_in(folder.path(), &args)
}

fn rules(text: &str) -> Vec<String> {
    let output = inspect(text, &["-o", "json", "--fail-on", "never"]);
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    findings
        .map(|finding| finding["rule"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn every_rule_about_configurations_fires_on_one_and_not_on_another() {
    for Case {
        rule,
        fires,
        silent,
    } in CASES.iter().filter(|case| !case.fires.is_empty())
    {
        assert!(
            rules(fires).iter().any(|fired| fired == rule),
            "{rule}: {:?}",
            rules(fires)
        );
        assert!(
            !rules(silent).iter().any(|fired| fired == rule),
            "{rule}: {:?}",
            rules(silent)
        );
    }
}

#[test]
fn the_exit_code_follows_the_prediction() {
    let rows = [
        (DEFAULT, &[][..], 0, "nothing at --fail-on exposed"),
        (
            DEFAULT,
            &["--fail-on", "forbidden"],
            1,
            "1 forbidden: kube-apiserver",
        ),
        (
            DEFAULT,
            &["--fail-on", "medium"],
            1,
            "configuration-accepts-anonymous",
        ),
        (
            DEFAULT,
            &["--fail-on", "high"],
            0,
            "nothing at --fail-on high",
        ),
        (
            "kube-apiserver --anonymous-auth=no\n",
            &[],
            1,
            "no server starts",
        ),
        (
            "kube-apiserver --anonymous-auth=no\n",
            &["--fail-on", "never"],
            0,
            "--fail-on never",
        ),
        (ALWAYS_ALLOW, &[], 1, "1 exposed"),
        (ALWAYS_ALLOW, &["--fail-on", "never"], 0, "--fail-on never"),
        // A critical finding fails a gate of verdicts.
        (ADMIN, &[], 1, "binding-lets-anonymous-change"),
        (
            "{apiVersion: v1, kind: List, items: []}\n",
            &[],
            2,
            "nothing in the input says",
        ),
        ("a: [\n", &[], 2, "input.yaml:"),
        (DEFAULT, &["--fail-on", "new"], 2, "inspect has no baseline"),
        (DEFAULT, &["--endpoint", "x"], 2, "--against"),
        (DEFAULT, &["-o", "csv"], 2, "a row for each endpoint"),
    ];
    for (text, args, code, said) in rows {
        let output = inspect(text, args);
        let all = stdout(&output) + &stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{args:?} {all}");
        assert!(all.contains(said), "{args:?}: {said}: {all}");
        // What was not judged has not passed.
        assert!(code != 2 || !all.contains("; nothing at"), "{all}");
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("good.yaml"), HEALTH).unwrap();
    fs::write(folder.path().join("bad.yaml"), "a: [\n").unwrap();
    let output = run_in(folder.path(), &["inspect", "good.yaml", "bad.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stdout(&output).contains("; in the rest nothing at --fail-on exposed\n"),
        "{}",
        stdout(&output)
    );
    let output = run(&["inspect", "/does/not/exist"]);
    assert_eq!(output.status.code(), Some(2));
}

/// The formats that have findings.
const FORMATS: [&str; 11] = [
    "table",
    "json",
    "jsonl",
    "sarif",
    "markdown",
    "html",
    "github",
    "gitlab",
    "junit",
    "ocsf",
    "defectdojo",
];

/// Formats that have findings point to the line of the configuration.
#[test]
fn every_format_has_the_findings_at_their_line() {
    for format in FORMATS {
        let output = inspect(READER, &["-o", format, "--fail-on", "never"]);
        let text = stdout(&output);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{format}: {}",
            stderr(&output)
        );
        assert!(
            text.contains("binding-lets-anonymous-read"),
            "{format}: {text}"
        );
        assert!(text.contains("input.yaml"), "{format}: {text}");
    }
    // A file is no target that was not asked: its cases fail or pass.
    let text = stdout(&inspect(DEFAULT, &["-o", "junit", "--fail-on", "never"]));
    assert!(text.contains("errors=\"0\" skipped=\"0\""), "{text}");
    assert!(!text.contains("not asked"), "{text}");
    let output = inspect(READER, &["-o", "sarif", "--fail-on", "never"]);
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let place = &report["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "input.yaml");
    assert_eq!(place["region"]["startLine"], 6);
}

/// Two servers, whose flags about anonymous requests are at 8:7 and at 19:7.
const PODS: &str = "apiVersion: v1
kind: Pod
metadata: {name: kube-apiserver-a, namespace: kube-system}
spec:
  containers:
  - command:
    - kube-apiserver
    - --anonymous-auth=true
    - --authorization-mode=Node,RBAC
---
apiVersion: v1
kind: Pod
metadata: {name: kube-apiserver-b, namespace: kube-system}
spec:
  containers:
  - command: [kube-apiserver]
    args:
    - --authorization-mode=Node,RBAC
    - --anonymous-auth=true
";

#[test]
fn every_format_has_file_line_and_column_of_each_finding() {
    // These have the numbers in fields of their own.
    let has_fields = |format: &&str| matches!(*format, "json" | "jsonl" | "sarif");
    for format in FORMATS.into_iter().filter(|format| !has_fields(format)) {
        let text = stdout(&inspect(PODS, &["-o", format, "--fail-on", "never"]));
        for place in ["input.yaml:8:7", "input.yaml:19:7"] {
            assert!(text.contains(place), "{format}: {place}: {text}");
        }
    }
    let written = |format| stdout(&inspect(PODS, &["-o", format, "--fail-on", "never"]));
    let github = written("github");
    let command = "::warning file=input.yaml,line=19,col=7,title=configuration-accepts-anonymous::";
    assert!(github.contains(command), "{github}");
    let report: Value = serde_json::from_str(&written("json")).unwrap();
    let finding = &report["findings"][0];
    assert_eq!(finding["line"], 8);
    assert_eq!(finding["column"], 7);
    let report: Value = serde_json::from_str(&written("sarif")).unwrap();
    let region = &report["runs"][0]["results"][1]["locations"][0]["physicalLocation"]["region"];
    let expected =
        serde_json::json!({"startLine": 19, "startColumn": 7, "endLine": 19, "endColumn": 8});
    assert_eq!(*region, expected);
    // The name of a case stays when lines move.
    let junit = written("junit");
    let names: Vec<&str> = junit.split("<testcase").skip(1).collect();
    assert_eq!(names.len(), 2, "{junit}");
    for name in names {
        let (name, rest) = name.split_once('>').unwrap();
        assert!(
            !name.contains(":7") && rest.contains(": input.yaml:"),
            "{junit}"
        );
    }
}

#[test]
fn a_finding_can_be_accepted() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("input.yaml"), READER).unwrap();
    fs::write(
        folder.path().join("kubeknock.toml"),
        "[[accept]]\nrule = \"binding-lets-anonymous-read\"\ntarget = \"input.yaml#ClusterRoleBinding/b\"\n\
         reason = \"r\"\nowner = \"o\"\nexpires = 2999-01-01\n",
    )
    .unwrap();
    let args = ["inspect", "input.yaml", "--fail-on", "high"];
    assert_eq!(run_in(folder.path(), &args).status.code(), Some(0));
    fs::remove_file(folder.path().join("kubeknock.toml")).unwrap();
    assert_eq!(run_in(folder.path(), &args).status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_prediction_is_compared_with_a_report() {
    let (one, other) = (start("default").await, start("rejecting").await);
    let wide = start("exposed").await;
    let folder = tempfile::tempdir().unwrap();
    let targets = format!(
        "{} name=open\n{} name=closed\n{} name=wide\n",
        one.address(),
        other.address(),
        wide.address()
    );
    fs::write(folder.path().join("targets.txt"), targets).unwrap();
    fs::write(folder.path().join("on.txt"), DEFAULT).unwrap();
    fs::write(folder.path().join("off.txt"), OFF).unwrap();
    let path = folder.path().to_owned();
    let ran = tokio::task::spawn_blocking(move || {
        let scan = [
            "scan",
            "-q",
            "-f",
            "targets.txt",
            "-o",
            "json=report.json",
            "--fail-on",
            "never",
        ];
        let scanned = run_in(&path, &scan);
        assert!(path.join("report.json").exists(), "{}", stderr(&scanned));
        let compared = |file: &str, name: &str| {
            let args = [
                "inspect",
                file,
                "--against",
                "report.json",
                "--endpoint",
                name,
                "--fail-on",
                "never",
                "-o",
                "json",
            ];
            let output = run_in(&path, &args);
            let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
            let outcome = report["servers"][0]["comparisons"][0]["outcome"].clone();
            let rules: Vec<String> = (report["findings"].as_array().unwrap().iter())
                .map(|finding| finding["rule"].as_str().unwrap().to_owned())
                .collect();
            (outcome, rules.join(" "))
        };
        for (file, name, outcome, rule) in [
            ("on.txt", "open", "agree", "configuration-accepts-anonymous"),
            ("off.txt", "closed", "agree", ""),
            (
                "off.txt",
                "open",
                "more-open-outside",
                "more-open-than-configured",
            ),
            (
                "on.txt",
                "closed",
                "stricter-outside",
                "stricter-than-configured",
            ),
        ] {
            let (found, rules) = compared(file, name);
            assert_eq!(found, outcome, "{file} {name}");
            assert!(rules.contains(rule), "{rules}");
        }
        // What no server of the files uses says nothing about the endpoint.
        let unused = "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\nanonymous: {enabled: false}\n";
        fs::write(path.join("unused.yaml"), unused).unwrap();
        let args = [
            "inspect",
            "on.txt",
            "unused.yaml",
            "--against",
            "report.json",
            "--endpoint",
            "open",
            "-o",
            "json",
        ];
        let output = run_in(&path, &args);
        let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
        let comparisons = |index: usize| {
            report["servers"][index]["comparisons"]
                .as_array()
                .unwrap()
                .len()
        };
        assert_eq!((comparisons(0), comparisons(1)), (1, 0));
        assert!(
            !stdout(&output).contains("more-open-than-configured"),
            "{report}"
        );
        let note = report["notes"][0]["text"].as_str().unwrap();
        assert_eq!(
            note,
            "AuthenticationConfiguration: not used by a server of these files"
        );
        // By itself it is what predicts.
        let (outcome, _) = compared("unused.yaml", "open");
        assert_eq!(outcome, "more-open-outside");
        for (name, code) in [("wide", 1), ("open", 0), ("closed", 0)] {
            let args = [
                "inspect",
                "off.txt",
                "--against",
                "report.json",
                "--endpoint",
                name,
            ];
            assert_eq!(run_in(&path, &args).status.code(), Some(code), "{name}");
        }
        let output = run_in(&path, &["inspect", "on.txt", "--against", "report.json"]);
        assert_eq!(output.status.code(), Some(2));
        let said = stderr(&output);
        assert!(
            said.contains("several endpoints") && said.contains("open, closed"),
            "{said}"
        );
        let output = run_in(
            &path,
            &[
                "inspect",
                "on.txt",
                "--against",
                "report.json",
                "--endpoint",
                "x",
            ],
        );
        assert_eq!(output.status.code(), Some(2));
        assert!(
            stderr(&output).contains("no endpoint of this name; it has"),
            "{}",
            stderr(&output)
        );
    });
    ran.await.unwrap();
}

/// The blocks of a page: those that begin with a comment are files, those that begin with `$` are commands with what
/// they print.
#[test]
fn the_example_of_the_documentation_is_what_the_program_prints() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/inspect.md");
    let page = fs::read_to_string(page).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut commands = 0;
    for block in page.split("\n```").skip(1).step_by(2) {
        let (_, text) = block.split_once('\n').unwrap();
        if let Some(name) = text.lines().next().and_then(|line| line.strip_prefix("# ")) {
            fs::write(folder.path().join(name), format!("{text}\n")).unwrap();
            continue;
        }
        let Some(rest) = text.strip_prefix("$ kubeknock ") else {
            continue;
        };
        let (words, expected) = rest.split_once('\n').unwrap();
        let output = kubeknock()
            .current_dir(folder.path())
            .args(words.split(' '))
            .output()
            .unwrap();
        assert_eq!(
            stdout(&output).trim_end(),
            expected.trim_end(),
            "{words}: {}",
            stderr(&output)
        );
        commands += 1;
    }
    assert!(commands >= 3, "{commands}");
}
