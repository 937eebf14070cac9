//! The rules and their CWE entries.

use std::collections::{BTreeSet, HashMap};

use super::super::markdown::remediation;
use super::super::ordered_json::{Json, if_any, object};
use super::super::phrases;
use super::super::results::Results;
use super::super::rule_text;
use super::escaping::lines;
use crate::model::{Confidence, Finding, Remediation, Rule, Severity};

/// Tags of a rule. GitHub shows no more, and GitLab reads no more.
const MAX_TAGS: usize = 10;

/// Ways to fix it here that the help of one rule has, besides its own.
const MAX_REMEDIES: usize = 5;

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
        let mut of_rules: HashMap<&str, Vec<&Finding>> = HashMap::new();
        for finding in self.results.open_findings() {
            of_rules.entry(finding.rule.id).or_default().push(finding);
        }
        let rule = |rule: &&'static Rule| {
            let findings = of_rules.get(rule.id).map_or(&[][..], Vec::as_slice);
            self.rule(rule, findings)
        };
        let rules: Vec<Json> = self.results.rules.iter().map(rule).collect();
        let version = self.results.info.tool_version;
        object! {
            "name": "kubeknock",
            "fullName": format!("kubeknock {version}"),
            "version": version,
            "semanticVersion": version,
            "informationUri": HOMEPAGE,
            "supportedTaxonomies": vec![cwe_reference()],
            "rules": rules,
        }
    }

    /// A rule with what these findings say about it. Platforms read the severity and the precision of a finding from its
    /// rule. Settings can change the severity of a rule, and then all its findings have that one.
    fn rule(&self, rule: &Rule, findings: &[&Finding]) -> Json {
        let worst = findings.iter().min_by_key(|finding| finding.severity);
        let severity = worst.map_or(rule.severity, |finding| finding.severity);
        let confidences = findings.iter().map(|finding| finding.confidence);
        let precision = confidences.min().unwrap_or(Confidence::High);
        let mut tags = vec!["kubernetes".to_owned(), "security".to_owned()];
        // GitHub reads the first form, GitLab and DefectDojo the second.
        let cwe = |cwe| [format!("external/cwe/cwe-{cwe}"), cwe_id(cwe)];
        tags.extend(rule.cwe.into_iter().flat_map(cwe));
        let controls = rule.controls.iter().map(|control| {
            let name = format!("{} {}", control.framework, control.id);
            name.trim_end().to_owned()
        });
        let controls: Vec<String> = controls.collect();
        tags.extend(controls.iter().take(MAX_TAGS - tags.len()).cloned());
        let (text, markdown) = help(rule, findings);
        object! {
            "id": rule.id,
            "name": pascal_case(rule.id),
            "shortDescription": object! { "text": rule.title },
            "fullDescription": object! { "text": rule.meaning },
            "help": object! { "text": text, "markdown": markdown },
            "helpUri": rule.page,
            "defaultConfiguration": object! { "level": level(severity) },
            "relationships": if_any(self.relationship(rule).into_iter().collect()),
            "properties": object! {
                "security-severity": worst.map_or(rule.score, |finding| finding.score()),
                "precision": precision.as_str(),
                "tags": tags,
                "controls": controls,
            },
        }
    }

    /// A reference to the weakness that the findings of a rule are an instance of.
    pub(super) fn weakness(&self, rule: &Rule) -> Option<Json> {
        let cwe = rule.cwe?;
        let (index, _) = (0..)
            .zip(&self.weaknesses)
            .find(|(_, known)| **known == cwe)?;
        Some(object! { "id": cwe_id(cwe), "index": index, "toolComponent": cwe_reference() })
    }

    fn relationship(&self, rule: &Rule) -> Option<Json> {
        let target = self.weakness(rule)?;
        Some(object! { "target": target, "kinds": vec!["superset"] })
    }

    pub(super) fn taxonomy(&self) -> Json {
        let taxon = |cwe: &u16| {
            object! {
                "id": cwe_id(*cwe),
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

/// The help of a rule as text and as Markdown: what it means, how to fix it in general, and how to fix it where these
/// findings are. A message has no room for steps.
fn help(rule: &Rule, findings: &[&Finding]) -> (String, String) {
    let mut text = rule_text::text(rule);
    let markdown = rule_text::markdown(rule);
    let (_, without_heading) = markdown.split_once("\n\n").unwrap_or_default();
    let mut markdown = without_heading.to_owned();
    let general = rule.remediation();
    let mut remedies: Vec<&Remediation> = Vec::new();
    for finding in findings {
        let remedy = &finding.remediation;
        if remedies.len() < MAX_REMEDIES && *remedy != general && !remedies.contains(&remedy) {
            remedies.push(remedy);
        }
    }
    if !remedies.is_empty() {
        text.push_str("How to fix it where it was found:\n");
        markdown.push_str("\n*How to fix it where it was found.*\n\n");
    }
    for remedy in remedies {
        let remedy_lines = phrases::remediation_lines(remedy, phrases::MAX_REMEDIATION);
        text.push_str(&lines(remedy_lines));
        text.push_str("\n\n");
        markdown.push_str("* ");
        markdown.push_str(remediation(remedy).trim_start());
        markdown.push('\n');
    }
    (text, markdown)
}

/// The address of the project, if `Cargo.toml` has one.
const HOMEPAGE: Option<&str> = non_empty(env!("CARGO_PKG_HOMEPAGE"));

const fn non_empty(text: &str) -> Option<&str> {
    if text.is_empty() { None } else { Some(text) }
}

const CWE: &str = "CWE";

fn cwe_id(cwe: u16) -> String {
    format!("CWE-{cwe}")
}

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
