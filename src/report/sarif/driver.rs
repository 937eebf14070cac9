//! The rules and their CWE entries.

use std::collections::{BTreeSet, HashMap};

use super::super::ordered_json::{Json, if_any, object};
use super::super::results::Results;
use super::super::rule_text;
use crate::model::{Finding, Rule, Severity};

/// Tags of a rule. GitHub accepts no more and shows the first ten.
const MAX_TAGS: usize = 20;

/// SARIF has three levels.
pub(super) const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Note => "note",
    }
}

/// The rules and weaknesses (CWE) of the log, which refers to them by their index.
pub(super) struct Driver<'a> {
    results: &'a Results<'a>,
    rule_indices: HashMap<&'static str, u64>,
    weaknesses: Vec<u16>,
}

impl<'a> Driver<'a> {
    pub(super) fn new(results: &'a Results<'a>) -> Self {
        let weaknesses: BTreeSet<u16> = results.rules.iter().filter_map(|rule| rule.cwe).collect();
        Self {
            results,
            rule_indices: (results.rules.iter().map(|rule| rule.id).zip(0..)).collect(),
            weaknesses: weaknesses.into_iter().collect(),
        }
    }

    pub(super) fn index(&self, rule: &Rule) -> Option<u64> {
        self.rule_indices.get(rule.id).copied()
    }

    /// The tool component with the rules.
    pub(super) fn component(&self) -> Json {
        // GitHub sorts alerts by the score of their rule. A finding's severity can differ from its rule's, so the
        // rule gets the score of its worst finding.
        let mut worst: HashMap<&str, &Finding> = HashMap::new();
        for finding in (self.results.findings_and_carried()).filter(|finding| !finding.gone()) {
            let known = worst.entry(finding.rule.id).or_insert(finding);
            if finding.severity < known.severity {
                *known = finding;
            }
        }
        let rules = self.results.rules.iter();
        let rules: Vec<Json> = rules
            .map(|rule| self.rule(rule, worst.get(rule.id).copied()))
            .collect();
        object! {
            "name": "kubeknock",
            "semanticVersion": self.results.info.tool_version,
            "supportedTaxonomies": vec![cwe_reference()],
            "rules": rules,
        }
    }

    fn rule(&self, rule: &Rule, worst: Option<&Finding>) -> Json {
        let markdown = rule_text::markdown(rule);
        let (_, without_heading) = markdown.split_once("\n\n").unwrap_or_default();
        let mut tags = vec!["kubernetes".to_owned(), "security".to_owned()];
        tags.extend(rule.cwe.map(|cwe| format!("external/cwe/cwe-{cwe}")));
        tags.extend(rule.controls.iter().map(|control| {
            let tag = format!("{} {}", control.framework, control.id);
            tag.trim_end().to_owned()
        }));
        tags.truncate(MAX_TAGS);
        object! {
            "id": rule.id,
            "name": pascal_case(rule.id),
            "shortDescription": object! { "text": rule.title },
            "fullDescription": object! { "text": rule.meaning },
            "help": object! { "text": rule_text::text(rule), "markdown": without_heading },
            "defaultConfiguration": object! { "level": level(rule.severity) },
            "relationships": if_any(rule.cwe.and_then(|cwe| self.relationship(cwe)).into_iter().collect()),
            "properties": object! {
                "security-severity": worst.map_or(rule.score, Finding::score),
                "tags": tags,
            },
        }
    }

    fn relationship(&self, cwe: u16) -> Option<Json> {
        let (index, _) = (0..)
            .zip(&self.weaknesses)
            .find(|(_, known)| **known == cwe)?;
        Some(object! {
            "target": object! { "id": cwe.to_string(), "index": index, "toolComponent": cwe_reference() },
            "kinds": vec!["superset"],
        })
    }

    pub(super) fn taxonomy(&self) -> Json {
        let taxon = |cwe: &u16| {
            object! {
                "id": cwe.to_string(),
                "helpUri": format!("https://cwe.mitre.org/data/definitions/{cwe}.html"),
            }
        };
        object! {
            "name": CWE,
            "organization": "MITRE",
            "informationUri": "https://cwe.mitre.org/",
            "shortDescription": object! { "text": "Common Weakness Enumeration" },
            "isComprehensive": false,
            "taxa": self.weaknesses.iter().map(taxon).collect::<Vec<_>>(),
        }
    }
}

const CWE: &str = "CWE";

/// A reference to the log's only taxonomy.
fn cwe_reference() -> Json {
    object! { "name": CWE, "index": 0 }
}

/// `anonymous-auth-enabled` → `AnonymousAuthEnabled`: SARIF requires Pascal case for the name of a rule.
fn pascal_case(id: &str) -> String {
    let mut name = String::new();
    for word in id.split('-') {
        let mut chars = word.chars();
        name.extend(chars.next().into_iter().flat_map(char::to_uppercase));
        name.push_str(chars.as_str());
    }
    name
}
