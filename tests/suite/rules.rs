//! Rules, their documentation, and what the program says of them.

use std::fs;
use std::path::Path;

use kubeknock::policy::RULES;
use kubeknock::report::explain;

use crate::support::{run, stderr, stdout};

/// `docs/rules.md` has a section for each rule, in the order of the registry, and no other.
#[test]
fn every_rule_has_its_section_and_every_section_its_rule() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules.md");
    let page = fs::read_to_string(path).unwrap();
    let sections: Vec<&str> = page.split("\n## ").skip(1).collect();
    let headings: Vec<&str> = sections.iter().map(|section| section.lines().next().unwrap()).collect();
    assert_eq!(headings, RULES.map(|rule| rule.id));
    for (rule, section) in RULES.into_iter().zip(sections) {
        let expected = explain::markdown(rule);
        let section = format!("## {}\n", section.trim_end());
        assert_eq!(section, expected, "the section of {} in docs/rules.md must read:\n{expected}", rule.id);
    }
}

#[test]
fn the_program_lists_exactly_the_rules() {
    let listed = stdout(&run(&["rules"]));
    let ids: Vec<&str> = listed.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(ids, RULES.map(|rule| rule.id));
}

#[test]
fn a_rule_is_explained_and_a_misspelt_one_is_suggested() {
    let output = run(&["rules", "anonymous-auth-enabled", "health-endpoints-open"]);
    insta::assert_snapshot!("two_rules", stdout(&output));
    let output = run(&["rules", "anonymous-auth-enable"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("did you mean anonymous-auth-enabled?"), "{}", stderr(&output));
}
