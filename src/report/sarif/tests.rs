//! The log is checked against the schema of the standard.

use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::Value;

use super::super::sample::{self, Sample};
use super::*;
use crate::model::BaselineState;

const SCHEMA_FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/data/sarif-schema-2.1.0.json"
);

static VALIDATOR: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let schema = std::fs::read_to_string(SCHEMA_FILE).unwrap();
    // The schema's pattern for `language` has a superfluous bracket, which Rust's regular expressions reject.
    let schema: Value = serde_json::from_str(&schema.replace("{2}]?$", "{2}$")).unwrap();
    jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap()
});

fn files() -> Repository<'static> {
    Repository {
        working_directory: Path::new("/repo"),
        root: Path::new("/repo"),
    }
}

fn written(sample: &Sample, limits: Limits) -> String {
    sample::written(|out| within(limits, out, &sample.results(), files(), Some("prod")))
}

fn valid(text: &str) -> Value {
    let value: Value = serde_json::from_str(text).unwrap();
    let errors: Vec<String> = VALIDATOR
        .iter_errors(&value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
    value
}

#[test]
fn the_mixed_scan() {
    let text = written(&sample::mixed(), LIMITS);
    valid(&text);
    insta::assert_snapshot!(text);
}

#[test]
fn nothing_found_and_a_scan_that_was_stopped() {
    let log = valid(&written(&sample::empty(), LIMITS));
    assert_eq!(log["runs"][0]["results"], Value::Array(Vec::new()));
    let log = valid(&written(&sample::stopped(), LIMITS));
    let invocation = &log["runs"][0]["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], false);
    let ids: Vec<&str> = invocation["toolExecutionNotifications"]
        .as_array()
        .unwrap()
        .iter()
        .map(|notice| notice["descriptor"]["id"].as_str().unwrap())
        .collect();
    assert_eq!(
        ids[..5],
        [
            "stopped-early",
            "not-attempted",
            "not-all-asked",
            "not-all-asked",
            "coverage"
        ]
    );
}

/// Every index refers to the rule or weakness with the id next to it.
#[test]
fn indices_point_at_their_rules_and_weaknesses() {
    let log = valid(&written(&sample::mixed(), LIMITS));
    let run = &log["runs"][0];
    let rules = &run["tool"]["driver"]["rules"];
    let results = run["results"].as_array().unwrap();
    assert!(results.len() > 5);
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
    }
    for rule in rules.as_array().unwrap() {
        for relation in rule["relationships"].as_array().into_iter().flatten() {
            let index = usize::try_from(relation["target"]["index"].as_u64().unwrap()).unwrap();
            assert_eq!(
                run["taxonomies"][0]["taxa"][index]["id"],
                relation["target"]["id"]
            );
        }
    }
}

/// A finding of every rule, some of them with a baseline state or an acceptance.
#[test]
fn every_rule_firing() {
    use crate::policy::RULES;

    let mixed = sample::mixed();
    let first = &mixed.findings[0];
    let accepted = mixed
        .findings
        .iter()
        .find(|finding| finding.accepted())
        .unwrap()
        .acceptance
        .clone();
    let findings: Vec<Finding> = (RULES.into_iter().enumerate())
        .map(|(n, rule)| Finding {
            rule,
            severity: rule.severity,
            acceptance: accepted.clone().filter(|_| n % 3 == 0),
            baseline: Some(if n % 2 == 0 {
                BaselineState::New
            } else {
                BaselineState::Unchanged
            }),
            ..first.clone()
        })
        .collect();
    let mut out = Vec::new();
    let results = Results {
        rules: &RULES,
        not_shown: 0,
        findings: &findings,
        ..mixed.results()
    };
    write(&mut out, &results, files(), None).unwrap();
    let log = valid(std::str::from_utf8(&out).unwrap());
    let run = &log["runs"][0];
    assert_eq!(
        run["tool"]["driver"]["rules"].as_array().unwrap().len(),
        RULES.len()
    );
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), RULES.len());
    let suppressed = results
        .iter()
        .filter(|result| result["suppressions"] != Value::Array(Vec::new()));
    assert_eq!(suppressed.count(), RULES.len().div_ceil(3));
    assert_eq!(run["automationDetails"]["id"], "kubeknock/");
}

/// GitHub sorts alerts by the score of their rule, and settings can change the severity of its findings.
#[test]
fn a_rule_has_the_score_of_its_worst_finding() {
    let mut sample = sample::mixed();
    sample
        .findings
        .retain(|finding| finding.rule.id == "resources-exposed");
    sample.findings[0].severity = crate::model::Severity::Low;
    let log = valid(&written(&sample, LIMITS));
    let run = &log["runs"][0];
    assert_eq!(
        run["tool"]["driver"]["rules"][0]["properties"]["security-severity"],
        "3.0"
    );
    assert_eq!(
        run["tool"]["driver"]["rules"][1]["properties"]["security-severity"],
        "5.3"
    );
}

#[test]
fn the_least_severe_findings_are_left_out_and_counted() {
    let mixed = sample::mixed();
    let found = mixed.findings.len();
    let text = written(
        &mixed,
        Limits {
            results: 3,
            ..LIMITS
        },
    );
    let log = valid(&text);
    let results = log["runs"][0]["results"].as_array().unwrap();
    let levels: Vec<&str> = results
        .iter()
        .map(|result| result["level"].as_str().unwrap())
        .collect();
    assert_eq!(levels, ["error", "error", "error"]);
    // One finding is gone since the baseline.
    let notice = format!(
        "Left out because GitHub accepts no more: {} findings",
        found - 1 - 3
    );
    assert!(text.contains(&notice), "{notice} is not in {text}");
    assert!(!text.contains("accepted until 2027"));
}

/// The limit is on compressed bytes, so the texts hardly compress.
#[test]
fn the_size_limit_is_respected() {
    let mut sample = sample::mixed();
    let first = sample.findings[0].clone();
    // A text that cannot be compressed well.
    let noise = |from: u64| -> String {
        use sha2::Digest as _;
        (from..from + 12)
            .flat_map(|n| sha2::Sha256::digest(n.to_be_bytes()))
            .map(|b| char::from(b'!' + b % 90))
            .collect()
    };
    sample.findings = (0..2_000)
        .map(|n| Finding {
            message: noise(n * 100),
            ..first.clone()
        })
        .collect();
    let limits = Limits {
        compressed: 300_000,
        ..LIMITS
    };
    let text = written(&sample, limits);
    let kept = text.matches("\"ruleIndex\"").count();
    assert!((100..1_500).contains(&kept), "{kept} results");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, text.as_bytes()).unwrap();
    let size = gzip.finish().unwrap().len();
    assert!(size < 300_000 + 700_000, "{size} bytes compressed");
}

#[test]
fn hostile_text_is_valid_and_makes_no_links() {
    let log = valid(&written(&sample::hostile(), LIMITS));
    assert!(
        log["runs"][0]["results"][0]["message"]["text"]
            .as_str()
            .unwrap()
            .contains("\\\\u{{1b}}")
    );
    let log = valid(&written(
        &sample::saying("[click](https://evil.example/) {0} \u{202e}"),
        LIMITS,
    ));
    let message = log["runs"][0]["results"][0]["message"]["text"]
        .as_str()
        .unwrap();
    assert!(
        message.contains("\\[click\\](https://evil.example/) {{0}} \\\\u{{202e}}"),
        "{message}"
    );
}

#[test]
fn categories_end_with_a_slash() {
    assert_eq!(category("kubeknock"), "kubeknock/");
    assert_eq!(category("prod/eu/"), "prod/eu/");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn any_text_gives_a_valid_log(text in any::<String>()) {
        let written = written(&sample::saying(&text), LIMITS);
        prop_assert!(!written.chars().any(|c| c != '\n' && super::super::escape::hidden(c)));
        let value: Value = serde_json::from_str(&written).unwrap();
        prop_assert!(VALIDATOR.is_valid(&value));
    }

    /// A link needs an unescaped bracket, a placeholder an odd number of braces.
    #[test]
    fn no_text_becomes_a_link_or_a_placeholder(text in "[\\[\\]{}\\\\a0-2()]{0,20}") {
        let shown = super::escaping::text(&text);
        let bare = shown.replace("\\\\", "").replace("\\[", "").replace("\\]", "");
        prop_assert!(!bare.contains(['[', ']']), "{shown}");
        prop_assert!(!shown.replace("{{", "").replace("}}", "").contains(['{', '}']), "{shown}");
    }
}
