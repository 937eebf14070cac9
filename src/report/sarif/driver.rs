//! The rules and their CWE entries.

use std::collections::{BTreeSet, HashMap};

use super::super::{Results, rule_text};
use super::log::{
    Configuration, Driver as Component, Help, Relationship, ReportingDescriptor, RuleProperties,
    Target, Taxon, Taxonomy, TaxonomyReference, Text,
};
use crate::model::{Control, Finding, Rule, Severity};

/// Tags of a rule. GitHub accepts no more and shows the first ten.
const TAGS: usize = 20;

/// SARIF has three levels.
pub(super) const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Note => "note",
    }
}

/// The indices of rules and weaknesses in the log.
pub(super) struct Driver {
    indices: HashMap<&'static str, usize>,
    weaknesses: Vec<u16>,
}

impl Driver {
    pub(super) fn new(results: &Results<'_>) -> Self {
        let weaknesses: BTreeSet<u16> = results.rules.iter().filter_map(|rule| rule.cwe).collect();
        Self {
            indices: results
                .rules
                .iter()
                .enumerate()
                .map(|(index, rule)| (rule.id, index))
                .collect(),
            weaknesses: weaknesses.into_iter().collect(),
        }
    }

    pub(super) fn index(&self, rule: &Rule) -> Option<usize> {
        self.indices.get(rule.id).copied()
    }

    pub(super) fn component<'a>(&self, results: &Results<'a>) -> Component<'a> {
        // GitHub sorts alerts by the score of their rule. A finding's severity can differ from its rule's, so the
        // rule gets the score of its worst finding.
        let mut worst: HashMap<&str, &Finding> = HashMap::new();
        for finding in results.findings.iter().filter(|finding| !finding.gone()) {
            let known = worst.entry(finding.rule.id).or_insert(finding);
            if finding.severity < known.severity {
                *known = finding;
            }
        }
        let rules = results.rules.iter();
        Component {
            name: "kubeknock",
            semantic_version: results.info.tool_version.to_owned(),
            supported_taxonomies: [CWE],
            rules: rules
                .map(|rule| self.rule(rule, worst.get(rule.id).copied()))
                .collect(),
        }
    }

    fn rule<'a>(&self, rule: &'a Rule, worst: Option<&Finding>) -> ReportingDescriptor<'a> {
        let markdown = rule_text::markdown(rule);
        let (_, without_heading) = markdown.split_once("\n\n").unwrap_or_default();
        let mut tags = vec!["kubernetes".to_owned(), "security".to_owned()];
        tags.extend(rule.cwe.map(|cwe| format!("external/cwe/cwe-{cwe}")));
        let control = |control: &Control| {
            format!("{} {}", control.framework, control.id)
                .trim_end()
                .to_owned()
        };
        tags.extend(rule.controls.iter().map(control));
        tags.truncate(TAGS);
        ReportingDescriptor {
            id: rule.id,
            name: pascal(rule.id),
            short_description: Text { text: rule.title },
            full_description: Text { text: rule.meaning },
            help: Help {
                text: rule_text::text(rule),
                markdown: without_heading.to_owned(),
            },
            default_configuration: Configuration {
                level: level(rule.severity),
            },
            relationships: rule
                .cwe
                .and_then(|cwe| self.relationship(cwe))
                .into_iter()
                .collect(),
            properties: RuleProperties {
                security_severity: worst.map_or(rule.score, Finding::score),
                tags,
            },
        }
    }

    fn relationship(&self, cwe: u16) -> Option<Relationship> {
        let index = self.weaknesses.iter().position(|known| *known == cwe)?;
        let target = Target {
            id: cwe.to_string(),
            index,
            tool_component: CWE,
        };
        Some(Relationship {
            target,
            kinds: ["superset"],
        })
    }

    pub(super) fn taxonomy(&self) -> Taxonomy {
        let taxon = |cwe: &u16| Taxon {
            id: cwe.to_string(),
            help_uri: format!("https://cwe.mitre.org/data/definitions/{cwe}.html"),
        };
        Taxonomy {
            name: CWE.name,
            organization: "MITRE",
            information_uri: "https://cwe.mitre.org/",
            short_description: Text {
                text: "Common Weakness Enumeration",
            },
            is_comprehensive: false,
            taxa: self.weaknesses.iter().map(taxon).collect(),
        }
    }
}

const CWE: TaxonomyReference = TaxonomyReference {
    name: "CWE",
    index: 0,
};

/// `anonymous-auth-enabled` → `AnonymousAuthEnabled`: SARIF requires Pascal case for the name of a rule.
fn pascal(id: &str) -> String {
    let word = |word: &str| {
        let mut chars = word.chars();
        chars
            .next()
            .into_iter()
            .flat_map(char::to_uppercase)
            .chain(chars.clone())
            .collect::<String>()
    };
    id.split('-').map(word).collect()
}
