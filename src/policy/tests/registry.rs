use std::collections::BTreeSet;

use super::super::RULES;
use super::super::rules::{REGISTRY, divergence};
use crate::model::Severity;

/// Users have ids and severities in their settings, baselines and dashboards.
#[test]
fn ids_and_severities_never_change() {
    let rules = RULES
        .map(|rule| format!("{} {}", rule.id, rule.severity))
        .join("\n");
    insta::assert_snapshot!(rules);
}

#[test]
fn every_rule_has_a_check_and_its_own_id() {
    let listed: BTreeSet<&str> = RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(listed.len(), RULES.len(), "an id twice");
    let mut with_check: BTreeSet<&str> = [divergence::RULE.id].into();
    let checked = REGISTRY
        .iter()
        .filter(|entry| entry.endpoint.is_some() || entry.specification.is_some());
    with_check.extend(checked.map(|entry| entry.rule.id));
    assert_eq!(listed, with_check);
}

#[test]
fn every_rule_explains_itself() {
    for rule in RULES {
        assert!(
            rule.id
                .split('-')
                .all(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase()))
        );
        let remediation = rule.remediation();
        for text in [rule.title, rule.meaning, rule.proof, &remediation.summary] {
            assert!(
                !text.is_empty() && !text.contains("  ") && !text.contains('\n'),
                "{}: {text:?}",
                rule.id
            );
        }
        for text in [rule.meaning, rule.proof, &remediation.summary] {
            assert!(text.ends_with('.'), "{}: {text:?}", rule.id);
        }
    }
}

#[test]
fn scores_are_in_the_band_that_code_scanning_shows() {
    for rule in RULES {
        let score: f64 = rule.score.parse().unwrap();
        let band = match score {
            9.0..=10.0 => Severity::Critical,
            7.0..9.0 => Severity::High,
            4.0..7.0 => Severity::Medium,
            0.1..4.0 => Severity::Low,
            _ => Severity::Note,
        };
        assert_eq!(band, rule.severity, "{} {score}", rule.id);
    }
}
