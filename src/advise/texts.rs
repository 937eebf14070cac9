//! The advice of `advice.toml`, read once.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

/// A defect in the file is a defect of this program, which the tests find.
pub(super) static TEXTS: LazyLock<Texts> = LazyLock::new(|| {
    Texts::read(include_str!("advice.toml")).unwrap_or_else(|error| panic!("advice.toml: {error}"))
});

/// How to fix what a rule finds, for any product; empty for an unknown rule.
pub(crate) fn for_rule(id: &str) -> &'static str {
    TEXTS.rules.get(id).map_or("", String::as_str)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Texts {
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
        let mut file: toml::Table = toml::from_str(text)?;
        if let Some(toml::Value::Table(fragments)) = file.remove("fragments") {
            let sections = file
                .iter_mut()
                .filter_map(|(_, section)| section.as_table_mut());
            for (_, text) in sections.flat_map(toml::Table::iter_mut) {
                fill(text, &fragments);
            }
        }
        file.try_into()
    }
}

/// Puts fragments in the place of `${name}`.
fn fill(text: &mut toml::Value, fragments: &toml::Table) {
    let toml::Value::String(text) = text else {
        return;
    };
    for (name, fragment) in fragments {
        if let toml::Value::String(fragment) = fragment {
            *text = text.replace(&format!("${{{name}}}"), fragment);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn every_placeholder_has_a_fragment() {
        let file: toml::Table = toml::from_str(include_str!("advice.toml")).unwrap();
        let fragments = file["fragments"].as_table().unwrap();
        for section in ["steps", "rules"] {
            for (key, text) in file[section].as_table().unwrap() {
                let mut text = text.clone();
                fill(&mut text, fragments);
                assert!(!text.as_str().unwrap().contains("${"), "{key}");
            }
        }
    }
}
