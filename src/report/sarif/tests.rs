//! The log is checked against the schema of the standard.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use serde_json::Value;

use super::super::sample::{self, Sample};
use super::*;
use crate::model::{BaselineState, Fingerprint, Identity};

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
        one_finding_per_line: false,
    }
}

fn written(sample: &Sample, limits: Limits) -> String {
    sample::written(|out| {
        within(
            limits,
            out,
            &sample.results(),
            sample.reports.iter(),
            files(),
            Some("prod"),
        )
    })
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
        ids[..7],
        [
            "stopped-early",
            "partial",
            "partial",
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
        for taxon in result["taxa"].as_array().into_iter().flatten() {
            let index = usize::try_from(taxon["index"].as_u64().unwrap()).unwrap();
            assert_eq!(run["taxonomies"][0]["taxa"][index]["id"], taxon["id"]);
        }
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

/// A finding of every rule, some of them with a baseline state or an acceptance. Accepted ones are no results: GitHub would
/// show them as open alerts.
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
    write(&mut out, &results, mixed.reports.iter(), files(), None).unwrap();
    let text = std::str::from_utf8(&out).unwrap();
    let log = valid(text);
    let run = &log["runs"][0];
    assert_eq!(
        run["tool"]["driver"]["rules"].as_array().unwrap().len(),
        RULES.len()
    );
    let results = run["results"].as_array().unwrap();
    let accepted = RULES.len().div_ceil(3);
    assert_eq!(results.len(), RULES.len() - accepted);
    let notices = run["invocations"][0]["toolExecutionNotifications"].as_array();
    let of_accepted =
        (notices.unwrap().iter()).filter(|notice| notice["descriptor"]["id"] == "accepted");
    assert_eq!(of_accepted.count(), accepted);
    assert!(
        text.contains(", accepted by platform@example.com until 2027-01-31: a lab, behind the VPN"),
        "{text}"
    );
    assert_read_as_meant(run);
    assert_eq!(run["automationDetails"]["id"], "kubeknock/");
}

/// An accepted finding that is carried is no result either, and the log says who accepted it.
#[test]
fn an_accepted_finding_that_is_carried_is_a_notification() {
    let accepted = |sample: &sample::Sample| {
        let mut out = Vec::new();
        write(
            &mut out,
            &sample.results(),
            sample.reports.iter(),
            files(),
            None,
        )
        .unwrap();
        let log = valid(std::str::from_utf8(&out).unwrap());
        let run = &log["runs"][0];
        let notices = run["invocations"][0]["toolExecutionNotifications"].as_array();
        let of_accepted = (notices.unwrap().iter())
            .filter(|notice| notice["descriptor"]["id"] == "accepted")
            .count();
        (of_accepted, run["results"].as_array().unwrap().len())
    };
    let mut sample = sample::carrying();
    let (notices, results) = accepted(&sample);
    let acceptance = (sample.findings.iter()).find_map(|finding| finding.acceptance.clone());
    sample.carried.1[0].acceptance = acceptance;
    assert_eq!(accepted(&sample), (notices + 1, results - 1));
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
    assert_read_as_meant(run);
}

/// What GitHub, GitLab and others read from the rule of a finding is what the finding says, and every text is within
/// the limits of GitLab, which skips a result with a longer one.
fn assert_read_as_meant(run: &Value) {
    let length = |value: &Value| value.as_str().unwrap().chars().count();
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    for rule in rules {
        let texts = ["shortDescription", "fullDescription"].map(|key| &rule[key]["text"]);
        assert!(texts.into_iter().all(|text| length(text) <= 1024), "{rule}");
        assert!(
            rule["properties"]["tags"].as_array().unwrap().len() <= 10,
            "{rule}"
        );
        assert!(
            rule["helpUri"].as_str().unwrap().starts_with("https://"),
            "{rule}"
        );
        assert!(length(&rule["name"]) <= 255);
    }
    for result in run["results"].as_array().unwrap() {
        let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["defaultConfiguration"]["level"], result["level"]);
        let score = &rule["properties"]["security-severity"];
        assert_eq!(
            *score, result["properties"]["security-severity"],
            "{result}"
        );
        let rank = result["rank"].as_u64().unwrap();
        assert_eq!(*score, format!("{}.{}", rank / 10, rank % 10).as_str());
        let severity = match rank {
            0..10 => "note",
            10..40 => "low",
            40..70 => "medium",
            70..90 => "high",
            _ => "critical",
        };
        assert_eq!(result["properties"]["severity"], severity);
        assert!(length(&result["message"]["text"]) <= 1024, "{result}");
        let region = &result["locations"][0]["physicalLocation"]["region"];
        assert_eq!(region["startLine"], region["endLine"]);
        assert!(region["startColumn"].as_u64() < region["endColumn"].as_u64());
        assert!(result.get("suppressions").is_none());
    }
}

#[test]
fn platforms_read_what_findings_say() {
    for sample in [sample::mixed(), sample::estate(276), sample::hostile()] {
        // The estate has rules of its own.
        let mut rules = sample.results().rules.to_vec();
        for finding in &sample.findings {
            if !rules.contains(&finding.rule) {
                rules.push(finding.rule);
            }
        }
        let results = Results {
            rules: &rules,
            ..sample.results()
        };
        let text = sample::written(|out| {
            within(LIMITS, out, &results, sample.reports.iter(), files(), None)
        });
        let log = valid(&text);
        assert_read_as_meant(&log["runs"][0]);
    }
}

/// What identifies a finding: on GitLab the rule and the lines of the file, on GitHub the rule and the hash.
fn identities(run: &Value, of: impl Fn(&Value) -> String) -> usize {
    let results = run["results"].as_array().unwrap().iter();
    results.map(of).collect::<BTreeSet<String>>().len()
}

fn on_gitlab(result: &Value) -> String {
    let place = &result["locations"][0]["physicalLocation"];
    let lines = [&place["region"]["startLine"], &place["region"]["endLine"]];
    let (rule, uri) = (&result["ruleId"], &place["artifactLocation"]["uri"]);
    format!("{rule} {uri} {lines:?}")
}

/// All endpoints of a range are on one line of the targets file.
#[test]
fn endpoints_on_one_line_are_findings_of_their_own() {
    let mut sample = sample::mixed();
    let first = sample.findings[0].clone();
    let finding = |about: &str, text: &str| {
        let origin = sample::origin(7, text);
        let target = sample::target(0, Arc::clone(&origin), about, 6443);
        let about = Identity::of_target(&target);
        let fingerprint = Fingerprint::of(first.rule.id, &about);
        Finding {
            about,
            origin,
            fingerprint,
            ..first.clone()
        }
    };
    sample.findings = (0..32)
        .map(|n| finding(&format!("192.0.2.{n}"), "192.0.2.0/27"))
        .chain([finding("192.0.2.99", "192.0.2.99:6443")])
        .collect();
    let github = valid(&written(&sample, LIMITS));
    let hash =
        |result: &Value| result["partialFingerprints"]["primaryLocationLineHash"].to_string();
    assert_eq!(identities(&github["runs"][0], hash), 33);
    assert_eq!(
        identities(&github["runs"][0], on_gitlab),
        1,
        "GitLab needs more"
    );
    let repository = Repository {
        one_finding_per_line: true,
        ..files()
    };
    let text = sample::written(|out| {
        within(
            LIMITS,
            out,
            &sample.results(),
            sample.reports.iter(),
            repository,
            None,
        )
    });
    let gitlab = valid(&text);
    assert_eq!(identities(&gitlab["runs"][0], on_gitlab), 33);
    let uri = |n: usize| {
        let place = &gitlab["runs"][0]["results"][n]["locations"][0]["physicalLocation"];
        place["artifactLocation"]["uri"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(uri(1), "targets.txt/192.0.2.1%3A6443");
    // The line names only this target, so a link to the file works.
    assert_eq!(uri(32), "targets.txt");
}

/// A result with a longer message would not reach GitLab. What comes first is what was found.
#[test]
fn a_message_is_cut_to_what_platforms_read() {
    for long in ["[", "{", "a", "\u{1b}"] {
        let mut sample = sample::mixed();
        sample.findings.truncate(1);
        sample.findings[0].message = long.repeat(3000);
        let log = valid(&written(&sample, LIMITS));
        let run = &log["runs"][0];
        let message = run["results"][0]["message"]["text"].as_str().unwrap();
        assert!(
            (1000..=1024).contains(&message.chars().count()),
            "{message}"
        );
        assert!(message.starts_with("https://192.0.2.1"), "{message}");
        assert!(message.ends_with('…'), "{message}");
    }
}

/// The steps are in the help of the rule, because a message has no room for them.
#[test]
fn the_help_of_a_rule_has_the_ways_to_fix_it_where_it_was_found() {
    let mut sample = sample::mixed();
    sample.findings[0].remediation.summary = "Turn it off in the *console*.".into();
    let log = valid(&written(&sample, LIMITS));
    let help = &log["runs"][0]["tool"]["driver"]["rules"][0]["help"];
    let text = help["text"].as_str().unwrap();
    let markdown = help["markdown"].as_str().unwrap();
    assert!(
        text.contains("How to fix it where it was found:\nTurn it off in the *console*.\n1. "),
        "{text}"
    );
    assert!(
        markdown.contains("* Turn it off in the &#42;console&#42;.\n"),
        "{markdown}"
    );
    let other = &log["runs"][0]["tool"]["driver"]["rules"][2]["help"]["text"];
    assert!(!other.as_str().unwrap().contains("where it was found"));
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
    let counting = sample_counting(&mixed);
    assert!(counting > 3 && counting < found);
    let notice = format!("10 MB: {} findings, the least important", counting - 3);
    assert!(text.contains(&notice), "{notice} is not in {text}");
}

fn sample_counting(sample: &Sample) -> usize {
    sample.results().counting_findings().count()
}

#[test]
fn the_size_limit_is_respected() {
    let mut sample = sample::mixed();
    let first = sample.findings[0].clone();
    sample.findings = vec![first; 2_000];
    let limits = Limits {
        bytes: 300_000,
        ..LIMITS
    };
    let text = written(&sample, limits);
    let kept = text.matches("\"ruleIndex\"").count();
    assert!((100..1_500).contains(&kept), "{kept} results");
    assert!(
        (300_000..330_000).contains(&text.len()),
        "{} bytes",
        text.len()
    );
    assert!(text.contains(&format!("{} findings, the least important", 2_000 - kept)));
}

/// As many endpoints as a large company has: what does not fit is counted, and the file stays below 10 MB.
#[test]
fn a_large_estate_stays_within_the_limits() {
    let mut sample = sample::estate(900);
    let log = written(&sample, LIMITS);
    assert!(!log.contains("results-left-out"));
    let findings = sample.findings.clone();
    sample.findings = findings.iter().cycle().take(5_700).cloned().collect();
    let text = written(&sample, LIMITS);
    let log = valid(&text);
    assert_eq!(log["runs"][0]["results"].as_array().unwrap().len(), 5_000);
    assert!(text.len() < 10_000_000, "{} bytes", text.len());
    let left_out = sample_counting(&sample) - 5_000;
    assert!(text.contains(&format!("{left_out} findings, the least important")));
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

/// Where nothing differs there is no result, but the sentence is there.
#[test]
fn what_is_declared_is_a_notification_and_further_ones_are_counted() {
    let mut sample = sample::mixed();
    let report = sample.reports.iter().find(|one| !one.compared.is_empty());
    let report = report.unwrap().clone();
    let said = |log: &Value| -> Vec<String> {
        let notices = &log["runs"][0]["invocations"][0]["toolExecutionNotifications"];
        let notices = notices.as_array().unwrap().iter();
        notices
            .filter(|one| one["descriptor"]["id"] == "compared-with-inventory")
            .map(|one| one["message"]["text"].as_str().unwrap().to_owned())
            .collect()
    };
    let found = said(&valid(&written(&sample, LIMITS)));
    for compared in &report.compared {
        let fact = compared.fact.phrase();
        let end = escaping::text(&format!(
            "{}: {fact}: {}.",
            report.target, compared.sentence
        ));
        assert!(
            found.iter().any(|one| one.ends_with(&end)),
            "{end}: {found:#?}"
        );
    }
    sample.reports = vec![report.clone(); 300];
    let found = said(&valid(&written(&sample, LIMITS)));
    assert_eq!(found.len(), 201);
    let more = report.compared.len() * 300 - 200;
    assert_eq!(found[200], format!("… and {more} more like these."));
}
