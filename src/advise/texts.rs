//! The advice of `advice.toml`, read once.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::draft::of_guide;
use crate::model::Remediation;
use crate::products::{Action, Guide};

/// Panics on an error in the file, which is part of this program; a test reads it.
pub(super) static TEXTS: LazyLock<Texts> = LazyLock::new(|| {
    Texts::read(include_str!("advice.toml")).unwrap_or_else(|error| panic!("advice.toml: {error}"))
});

/// How to fix what a rule finds, for any product; empty for an unknown rule.
pub(crate) fn for_rule(id: &str) -> Remediation {
    let guide = TEXTS.rules.get(id);
    guide.map_or_else(Remediation::default, of_guide)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Texts {
    pub(super) pages: Pages,
    pub(super) steps: Steps,
    pub(super) guides: Guides,
    pub(super) missing: Missing,
    rules: BTreeMap<String, Guide>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pages {
    pub(super) anonymous: String,
}

/// Steps that are not in a guide, because they depend on what is open or on the product.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Steps {
    pub(super) edit_discovery: Action,
    pub(super) annotate_discovery: Action,
    pub(super) find_bindings: Action,
    pub(super) keep: Action,
    pub(super) unbind: Action,
    pub(super) monitoring: Action,
    pub(super) front: Action,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Guides {
    pub(super) bindings: Guide,
    pub(super) limit: Guide,
    pub(super) limit_or_switch_off: Guide,
    pub(super) switch_off: Guide,
    pub(super) switch_off_as_expected: Guide,
    pub(super) plain_http: Guide,
    pub(super) extension: Guide,
    pub(super) tied: Guide,
    pub(super) no_switch: Guide,
    pub(super) managed_upgrade: Guide,
    pub(super) managed_renewal: Guide,
}

/// What to do about a named target without a verdict.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Missing {
    pub(super) outside_allow: Guide,
    pub(super) excluded: Guide,
    pub(super) special_address: Guide,
    pub(super) stopped: Guide,
    pub(super) own_side: Guide,
    pub(super) refused: Guide,
    pub(super) no_address: Guide,
    pub(super) not_https: Guide,
    pub(super) silent: Guide,
    pub(super) not_api_server: Guide,
    pub(super) inconclusive: Guide,
}

impl Texts {
    fn read(text: &str) -> Result<Self, toml::de::Error> {
        let mut file: toml::Table = toml::from_str(text)?;
        let steps = file.get("steps").cloned();
        for section in ["guides", "missing", "rules"] {
            let guides = file.get_mut(section).and_then(toml::Value::as_table_mut);
            for (_, guide) in guides.into_iter().flatten() {
                let named = guide.get_mut("steps").and_then(toml::Value::as_array_mut);
                for name in named.into_iter().flatten() {
                    // A name that no step has stays a text, which is no step: an error below.
                    let step = name.as_str().and_then(|name| steps.as_ref()?.get(name));
                    if let Some(step) = step.cloned() {
                        *name = step;
                    }
                }
            }
        }
        file.try_into()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::products::TABLE;

    #[test]
    fn every_step_is_used() {
        let file: toml::Table = toml::from_str(include_str!("advice.toml")).unwrap();
        let mut used: BTreeSet<&str> = [
            "edit-discovery",
            "annotate-discovery",
            "find-bindings",
            "keep",
            "unbind",
            "monitoring",
            "front",
        ]
        .into();
        for section in ["guides", "missing", "rules"] {
            for guide in file[section].as_table().unwrap().values() {
                let steps = guide["steps"].as_array().unwrap();
                used.extend(steps.iter().map(|name| name.as_str().unwrap()));
            }
        }
        let known: BTreeSet<&str> = file["steps"]
            .as_table()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(used, known);
    }

    /// Every guide there is.
    fn guides() -> impl Iterator<Item = &'static Guide> {
        let of_products = (TABLE.entries.iter())
            .flat_map(|entry| [&entry.change, &entry.upgrade, &entry.renew])
            .filter_map(Option::as_ref);
        TEXTS.rules.values().chain(of_products)
    }

    #[test]
    fn texts_are_sentences_and_commands_are_commands() {
        for guide in guides() {
            let steps = guide.steps.iter();
            let texts = steps.flat_map(|step| {
                [Some(&step.text), step.breaks.as_ref(), step.undo.as_ref()]
                    .into_iter()
                    .flatten()
            });
            for text in texts.chain([&guide.summary]) {
                assert!(
                    text.ends_with('.') && !text.contains(['`', '\n']) && !text.contains("  "),
                    "{text:?}"
                );
            }
            for command in guide
                .steps
                .iter()
                .filter_map(|step| step.command.as_deref())
            {
                assert!(
                    !command.contains(['`', '…'])
                        && command == command.trim()
                        && !command.is_empty(),
                    "{command:?}"
                );
            }
        }
    }

    /// A step that switches anonymous requests off says what it breaks and how to undo it.
    #[test]
    fn who_switches_anonymous_requests_off_is_warned() {
        let steps = guides().flat_map(|guide| &guide.steps);
        let mut seen = 0;
        for step in steps.filter(|step| step.command.as_deref() == Some("--anonymous-auth=false")) {
            seen += 1;
            let breaks = step.breaks.as_deref().unwrap_or_default();
            assert!(
                breaks.contains("the kubelet's probes of the API server fail with 401"),
                "{breaks}"
            );
            assert!(step.undo.is_some(), "{}", step.text);
        }
        assert!(seen > 1, "{seen}");
    }
}
