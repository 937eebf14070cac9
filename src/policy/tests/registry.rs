use std::collections::BTreeSet;

use super::super::rules::anonymous_access;
use super::super::rules::{REGISTRY, configuration, divergence, rego};
use super::super::{RETIRED, RULES, rule};
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
    // One compares the addresses of a name, and policies in Rego decide about the others.
    let mut with_check: BTreeSet<&str> =
        [divergence::RULE.id, rego::DENIED.id, rego::WARNED.id].into();
    let checked = REGISTRY.iter().filter(|entry| {
        entry.endpoint.is_some() || entry.specification.is_some() || entry.rule.anonymous_access
    });
    with_check.extend(checked.map(|entry| entry.rule.id));
    with_check.extend(configuration::RULES.map(|rule| rule.id));
    assert_eq!(listed, with_check);
}

#[test]
fn every_rule_about_anonymous_access_is_in_the_table_that_chooses_one() {
    let registered: BTreeSet<&str> = REGISTRY
        .iter()
        .filter(|entry| entry.rule.anonymous_access)
        .map(|entry| entry.rule.id)
        .collect();
    let chosen: BTreeSet<&str> = anonymous_access::rules().map(|rule| rule.id).collect();
    assert_eq!(registered, chosen);
}

#[test]
fn the_id_of_a_retired_rule_is_not_used_again() {
    for retired in RETIRED {
        assert!(rule(retired.id).is_none(), "{}", retired.id);
        for id in retired.instead {
            assert!(rule(id).is_some(), "{id}");
        }
        assert!(!retired.instead.is_empty(), "{retired}");
    }
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
