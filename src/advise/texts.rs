//! The advice of `advice.toml`, read once.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

/// A defect in the file is a defect of this program, which the tests find.
pub(super) static TEXTS: LazyLock<Texts> = LazyLock::new(|| {
    Texts::read(include_str!("advice.toml")).unwrap_or_else(|error| panic!("advice.toml: {error}"))
});

/// How to fix what a rule finds, for any product; empty for an unknown rule.
pub fn for_rule(id: &str) -> &'static str {
    TEXTS.rules.get(id).map_or("", String::as_str)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Texts {
    fragments: BTreeMap<String, String>,
    pub(super) pages: Pages,
    pub(super) steps: Steps,
    rules: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Pages {
    pub(super) anonymous: String,
    pub(super) default_bindings: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Steps {
    pub(super) edit_discovery: String,
    pub(super) annotate_discovery: String,
    pub(super) unbind: String,
    pub(super) keep: String,
    pub(super) monitoring: String,
    pub(super) limit: String,
    pub(super) limit_if_older: String,
    pub(super) switch_off: String,
    pub(super) upgrade: String,
    pub(super) switch_off_as_expected: String,
    pub(super) limit_instead: String,
    pub(super) plain_http: String,
    pub(super) extension: String,
    pub(super) front: String,
    pub(super) tied: String,
    pub(super) no_switch: String,
    pub(super) hide_version: String,
    pub(super) hide_version_and_discovery: String,
}

impl Texts {
    fn read(text: &str) -> Result<Self, toml::de::Error> {
        let unfilled: Self = toml::from_str(text)?;
        let filled = unfilled
            .fragments
            .iter()
            .fold(text.to_owned(), |text, (name, fragment)| {
                text.replace(&format!("${{{name}}}"), fragment)
            });
        toml::from_str(&filled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_placeholder_has_a_fragment() {
        let texts = include_str!("advice.toml").lines();
        let text: String = texts.filter(|line| !line.starts_with('#')).collect();
        for (at, _) in text.match_indices("${") {
            let name = text[at + 2..].split('}').next().unwrap();
            assert!(TEXTS.fragments.contains_key(name), "{name}");
        }
        assert!(TEXTS.rules.values().all(|advice| !advice.contains("${")));
    }
}
