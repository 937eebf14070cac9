//! Rules: their documentation, their explanations by the program, and a server that triggers each.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use kubeknock::config::ScanConfig;
use kubeknock::model::{Confidence, Finding, Request, Severity};
use kubeknock::policy::{Evaluator, Policy, RETIRED, RULES, Retired};
use kubeknock::record::{ScanInfo, Spool};
use kubeknock::report::{
    Format, GateResult, RenderOptions, Repository, Results, render, rule_text,
};
use kubeknock::simulator;
use serde_json::Value;

use crate::name_server::NameServer;
use crate::support::{config, documentation_counts, run, scan, start, stderr, stdout, targets};

/// `docs/rules.md` has a section for each rule, in the order of the registry, and no other. With
/// `KUBEKNOCK_WRITE_RULES=1` it is written.
#[test]
fn every_rule_has_its_section_and_every_section_its_rule() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules.md");
    let page = fs::read_to_string(&path).unwrap();
    if std::env::var_os("KUBEKNOCK_WRITE_RULES").is_some() {
        let (head, _) = page.split_once("\n## ").unwrap();
        let sections = RULES.map(|rule| format!("\n{}", rule_text::markdown(rule)));
        fs::write(&path, format!("{head}{}", sections.concat())).unwrap();
        return;
    }
    let sections: Vec<&str> = page.split("\n## ").skip(1).collect();
    let headings: Vec<&str> = sections
        .iter()
        .map(|section| section.lines().next().unwrap())
        .collect();
    assert_eq!(headings, RULES.map(|rule| rule.id));
    for (rule, section) in RULES.into_iter().zip(sections) {
        let expected = rule_text::markdown(rule);
        let section = format!("## {}\n", section.trim_end());
        assert_eq!(
            section, expected,
            "the section of {} in docs/rules.md must read:\n{expected}",
            rule.id
        );
    }
}

#[test]
fn the_program_lists_exactly_the_rules() {
    let listed = stdout(&run(&["rules"]));
    let ids: Vec<&str> = listed
        .lines()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(ids, RULES.map(|rule| rule.id));
}

#[test]
fn a_rule_is_explained_and_a_misspelt_one_is_suggested() {
    let output = run(&["rules", "anonymous-auth-enabled", "anonymous-auth-limited"]);
    insta::assert_snapshot!("two_rules", stdout(&output));
    let output = run(&["rules", "anonymous-auth-enable"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("did you mean anonymous-auth-enabled?"),
        "{}",
        stderr(&output)
    );
    let output = run(&["rules", "version-disclosed"]);
    assert_eq!(output.status.code(), Some(2));
    let said = "version-disclosed is retired: what it said is a detail of the finding about anonymous access";
    assert!(stderr(&output).contains(said), "{}", stderr(&output));
}

/// `docs/stability.md` says of each retired rule what the program says of it.
#[test]
fn the_page_about_stability_has_every_retired_rule() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/stability.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, section) = page
        .split_once("| retired rule | what it said | in its place |\n|---|---|---|\n")
        .unwrap();
    let rows: Vec<&str> = section
        .lines()
        .take_while(|line| line.starts_with('|'))
        .collect();
    let expected = RETIRED.map(|retired| {
        let Retired {
            id,
            became,
            instead,
        } = retired;
        format!("| `{id}` | {became} | `{}` |", instead.join("`, `"))
    });
    assert_eq!(rows, expected);
}

/// A simulated server that makes a rule fire, one that does not, and what the scan requests.
struct Case {
    rule: &'static str,
    fires: &'static str,
    silent: &'static str,
    path: Option<&'static str>,
    words: &'static str,
}

const fn case(rule: &'static str, fires: &'static str, silent: &'static str) -> Case {
    Case {
        rule,
        fires,
        silent,
        path: None,
        words: "",
    }
}

/// Whether a rule can fire: some need documentation, which counts until it is too old.
fn fires_today(rule: &str) -> bool {
    let by_documentation = [
        "anonymous-auth-unexpected",
        "anonymous-telemetry-unexpected",
        "stricter-than-documented",
    ];
    documentation_counts() || !by_documentation.contains(&rule)
}

const CASES: [Case; 23] = [
    Case {
        path: Some("/api/v1/secrets"),
        ..case("anonymous-resources-exposed", "exposed", "default")
    },
    case("anonymous-discovery-exposed", "exposed", "default"),
    Case {
        path: Some("/metrics"),
        ..case("anonymous-telemetry-exposed", "metrics-open", "default")
    },
    Case {
        path: Some("/metrics"),
        ..case(
            "anonymous-telemetry-unexpected",
            "lists-nodes",
            "metrics-open",
        )
    },
    case("insecure-http-api", "insecure-http", "exposed"),
    case("etcd-open", "etcd-open", "etcd"),
    case("etcd-open", "etcd-plain-http", "etcd-metrics-port"),
    case("kubelet-open", "kubelet-open", "kubelet-anonymous"),
    Case {
        path: Some("/metrics"),
        ..case("kubelet-open", "kubelet-open", "kubelet-health-port")
    },
    case("kubelet-anonymous", "kubelet-anonymous", "kubelet"),
    case("kubelet-anonymous", "kubelet-anonymous", "kubelet-open"),
    case("anonymous-auth-enabled", "default", "health-only"),
    case("anonymous-auth-unexpected", "eks-forbidden", "eks-older"),
    case("anonymous-auth-not-changeable", "eks-older", "default"),
    case("anonymous-auth-limited", "health-only", "rejecting"),
    Case {
        path: Some("/api/v1/secrets"),
        ..case("stricter-than-documented", "rejecting", "default")
    },
    Case {
        words: "expect=forbidden",
        ..case("expectation-unmet", "rejecting", "default")
    },
    case("unsupported-version", "default", "current"),
    case(
        "serving-certificate-expired",
        "certificate-expired",
        "certificate-expiring",
    ),
    case(
        "serving-certificate-expiring",
        "certificate-expiring",
        "certificate-expired",
    ),
    case("verdict-inconclusive", "waf-403", "web-server"),
    Case {
        path: Some("/api/v1/nodes"),
        ..case("not-fully-asked", "stalls", "default")
    },
    case("target-not-covered", "closes-at-once", "rejecting"),
];

/// The findings of a scan as of `day`; without it, as of the day of the scan.
async fn findings(config: ScanConfig, spec: String, day: Option<&str>) -> Vec<Finding> {
    let (records, summary) = scan(config, targets(&[spec])).await;
    let policy = Policy::default();
    let mut evaluator = Evaluator::new(
        &policy,
        day.map_or(summary.started, |day| day.parse().unwrap()),
    );
    for record in &records {
        evaluator.add(record);
    }
    evaluator.finish(&summary.coverage).findings
}

fn has(findings: &[Finding], rule: &str) -> bool {
    findings.iter().any(|finding| finding.rule.id == rule)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_fires_on_one_server_and_not_on_another() {
    let mut fired = Vec::new();
    for Case {
        rule,
        fires,
        silent,
        path,
        words,
    } in CASES
    {
        let requests = path
            .iter()
            .map(|path| Request::for_path(path).unwrap())
            .collect();
        let config = config().with(|config| config.requests = requests);
        // Whether a release is maintained depends on the day. The simulated servers keep their releases.
        let day = (rule == "unsupported-version").then_some("2026-11-24T08:00:00Z");
        for (name, expected) in [(fires, fires_today(rule)), (silent, false)] {
            let server = start(name).await;
            let scheme = if server.scenario().plain_http() {
                "http"
            } else {
                "https"
            };
            let spec = format!("{scheme}://{} {words}", server.address());
            let found = findings(config.clone(), spec, day).await;
            let ids: Vec<&str> = found.iter().map(|finding| finding.rule.id).collect();
            assert_eq!(has(&found, rule), expected, "{rule} at {name}: {ids:?}");
            fired.extend(found);
        }
    }
    let with_server: BTreeSet<&str> = CASES
        .iter()
        .map(|case| case.rule)
        // One needs two servers. The others need a scan that was stopped, an API server that opens nothing and yet
        // more than its product documents, which no product does today, and policies (`policies.rs`).
        .chain([
            "address-divergence",
            // These need an inventory (managed.rs).
            "stricter-than-declared",
            "certificate-not-of-this-cluster",
            "private-endpoint-reachable",
            "identified-as-another-product",
            "declared-version-differs",
            "audit-logging-off",
            "expectation-not-checked",
            "more-open-than-documented",
            "policy-denied",
            "policy-warned",
        ])
        // Those about configuration files need no server.
        .chain(crate::inspect::CASES.map(|case| case.rule))
        .collect();
    assert_eq!(
        with_server,
        RULES.iter().map(|rule| rule.id).collect(),
        "rules without a server"
    );
    valid_sarif(&fired).await;
}

/// The finding about an open etcd or kubelet needs no further requests, with and without `--deep`, over HTTP/1.1
/// and HTTP/2.
#[tokio::test(flavor = "multi_thread")]
async fn an_open_etcd_or_kubelet_is_reported_without_further_requests() {
    let etcd = "etcd answers over TLS without a client certificate; its own user authentication was not asked";
    let plain = "etcd answers over plain HTTP, where no client certificate can be asked for; its own user \
                 authentication was not asked";
    let open = "the kubelet lets callers without credentials through to /healthz";
    let stopped = "the kubelet accepts requests without credentials as system:anonymous; its authorization \
                   stops them";
    for (name, rule, severity, message) in [
        ("etcd-open", "etcd-open", Severity::Critical, etcd),
        ("etcd-plain-http", "etcd-open", Severity::Critical, plain),
        ("kubelet-open", "kubelet-open", Severity::High, open),
        (
            "kubelet-anonymous",
            "kubelet-anonymous",
            Severity::Medium,
            stopped,
        ),
    ] {
        for (deep, http2) in [(false, false), (true, false), (false, true), (true, true)] {
            let server = start(name).await;
            let scheme = if server.scenario().plain_http() {
                "http"
            } else {
                "https"
            };
            let config = config().with(|config| {
                config.deep = deep;
                config.http2 = http2;
            });
            let found = findings(config, format!("{scheme}://{}", server.address()), None).await;
            let [finding] = found.as_slice() else {
                panic!("{name}, {deep}, {http2}: {found:?}")
            };
            assert_eq!(
                (finding.rule.id, finding.severity),
                (rule, severity),
                "{name}"
            );
            assert_eq!(
                (finding.message.as_str(), finding.confidence),
                (message, Confidence::High),
                "{name}"
            );
            let log = server.stats().log();
            let asked: BTreeSet<&str> = log.iter().map(|request| request.path.as_str()).collect();
            assert_eq!(asked, BTreeSet::from(["/api", "/healthz", "/version"]));
            // Over HTTP/1.1 nothing shows which answer belongs to which request, so each is made once more.
            assert!(matches!(log.len(), 3 | 6), "{name}, {deep}: {log:?}");
        }
    }
}

/// An open etcd fails the default gate, as an exposed cluster does, until it is accepted.
#[tokio::test(flavor = "multi_thread")]
async fn an_open_etcd_fails_the_default_gate_until_it_is_accepted() {
    let server = start("etcd-open").await;
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("settings.toml");
    let scan = |text: &str, more: &[&str]| {
        fs::write(&settings, text).unwrap();
        let (target, settings) = (
            server.address().to_string(),
            settings.to_str().unwrap().to_owned(),
        );
        let args = [&["scan", "--config", &settings, &target], more].concat();
        let output = run(&args);
        let last = stdout(&output)
            .lines()
            .last()
            .unwrap_or_default()
            .to_owned();
        (output.status.code().unwrap(), last)
    };
    let address = server.address();
    let short = format!("1 of 1 named target not covered (not an API server): {address}");
    for threshold in ["exposed", "forbidden", "limited"] {
        let said = format!("exit 1: 1 critical finding: etcd-open at {address}; {short}");
        assert_eq!(scan("", &["--fail-on", threshold]), (1, said));
    }
    assert_eq!(
        scan("", &["--fail-on", "never"]),
        (3, format!("exit 3: {short}"))
    );
    let lower = "[severity]\netcd-open = \"high\"\n";
    assert_eq!(scan(lower, &[]), (3, format!("exit 3: {short}")));
    let accepted = "[[accept]]\nrule = \"etcd-open\"\ntarget = \"*\"\nreason = \"a lab\"\n\
                    owner = \"lab@example.com\"\nexpires = \"2999-12-31\"\n";
    assert_eq!(
        scan(accepted, &[]),
        (0, "exit 0: nothing at --fail-on exposed".to_owned())
    );
}

/// Checks that the SARIF log of these findings fits the schema and contains all their rules.
async fn valid_sarif(findings: &[Finding]) {
    let (_, summary) = scan(
        config(),
        targets(&[start("default").await.address().to_string()]),
    )
    .await;
    let config = config();
    let results = Results {
        info: ScanInfo {
            tool_version: "0.0.0",
            config: &config,
        },
        summary: &summary,
        findings,
        carried: &[],
        accepted_verdicts: &BTreeMap::new(),
        since_reported: &BTreeMap::new(),
        unused_acceptances: &[],
        not_shown: 0,
        changes: None,
        outage: None,
        rules: &RULES,
        outcome: GateResult {
            code: 1,
            sentence: "exit 1: every rule",
        },
    };
    let root = Path::new("/repository");
    let mut log = Vec::new();
    let options = RenderOptions {
        repository: Repository {
            working_directory: root,
            root,
            one_finding_per_line: false,
        },
        ..RenderOptions::default()
    };
    render(
        Format::Sarif,
        &mut log,
        &results,
        &mut Spool::default(),
        &options,
    )
    .unwrap();
    let log: Value = serde_json::from_slice(&log).unwrap();
    let mut schema: Value =
        serde_json::from_str(include_str!("../data/sarif-schema-2.1.0.json")).unwrap();
    for definition in ["run", "toolComponent"] {
        // This pattern is valid in JavaScript only. The log has no `language`.
        let language = &mut schema["definitions"][definition]["properties"]["language"];
        language.as_object_mut().unwrap().remove("pattern");
    }
    let validator = jsonschema::draft7::new(&schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&log)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    for (rule, written) in RULES.iter().zip(
        log["runs"][0]["tool"]["driver"]["rules"]
            .as_array()
            .unwrap(),
    ) {
        let controls: Vec<&str> = written["properties"]["controls"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        for control in rule.controls {
            let name = format!("{} {}", control.framework, control.id);
            assert!(
                controls.contains(&name.trim_end()),
                "{}: {name} is not in {controls:?}",
                rule.id
            );
        }
    }
    let results = log["runs"][0]["results"].as_array().unwrap();
    let written: BTreeSet<&str> = results
        .iter()
        .filter_map(|result| result["ruleId"].as_str())
        .collect();
    let expected: BTreeSet<&str> = findings.iter().map(|finding| finding.rule.id).collect();
    assert_eq!(written, expected);
    let mut fired = CASES.iter().filter(|case| fires_today(case.rule));
    assert!(
        fired.all(|case| expected.contains(case.rule)),
        "{expected:?}"
    );
}

/// Two servers on one port of two addresses, behind one name.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn address_divergence() {
    let names = NameServer::start().await;
    for (other, expected) in [("rejecting", true), ("default", false)] {
        let one = start("default").await;
        let port = one.address().port();
        let second = SocketAddr::from(([127, 0, 0, 2], port));
        let scenario = simulator::scenario(other).unwrap();
        let two = simulator::start(scenario, second).await.unwrap();
        let found = findings(names.config(), format!("two.example:{port}"), None).await;
        assert_eq!(
            has(&found, "address-divergence"),
            expected,
            "default and {other}"
        );
        let version = found
            .iter()
            .find(|finding| finding.rule.id == "anonymous-auth-enabled")
            .unwrap();
        assert_eq!(version.sites.len(), if expected { 1 } else { 2 });
        // Without one of the addresses, the finding keeps its fingerprint.
        drop(two);
        let later = findings(names.config(), format!("two.example:{port}"), None).await;
        let now = later
            .iter()
            .find(|finding| finding.rule.id == "anonymous-auth-enabled")
            .unwrap();
        assert_eq!(now.fingerprint, version.fingerprint);
    }
}
