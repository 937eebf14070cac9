//! Labels by which targets and saved results are selected.

use std::fmt;
use std::str::FromStr;

use super::{Declared, Pattern};

/// A label that a target must have: `KEY=VALUE`. `*` in the value stands for any characters. Case does not matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    /// In lower case.
    key: String,
    value: Pattern,
    /// As it was written.
    text: String,
}

/// Why a text is not a [`Selector`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected KEY=VALUE, such as provider=gke, region=eu-*, or a tag")]
pub struct InvalidSelector;

impl FromStr for Selector {
    type Err = InvalidSelector;

    fn from_str(text: &str) -> Result<Self, InvalidSelector> {
        let (key, value) = text.split_once('=').ok_or(InvalidSelector)?;
        let (key, value) = (key.trim(), value.trim());
        if key.is_empty() {
            return Err(InvalidSelector);
        }
        Ok(Self {
            key: key.to_lowercase(),
            value: Pattern::new(value).ok_or(InvalidSelector)?,
            text: format!("{key}={value}"),
        })
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Selector {
    /// Whether all of these select a target with this name and these declarations. Of several for one key, one must
    /// match.
    pub fn all_select(selectors: &[Self], name: Option<&str>, declared: Option<&Declared>) -> bool {
        let has = |selector: &Self| {
            let name = name.map(|name| ("name", name));
            let facts = declared.into_iter().flat_map(Declared::facts).chain(name);
            let mut facts = facts.filter(|(key, _)| key.to_lowercase() == selector.key);
            facts.any(|(_, value)| selector.value.matches_text(value))
        };
        selectors.iter().all(|selector| {
            let mut same = (selectors.iter()).filter(|other| other.key == selector.key);
            same.any(has)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_matter_and_a_selector_is_shown_as_it_was_written() {
        let mut declared = Declared::default();
        declared.label("Env", "Prod-EU");
        let selects = |text: &str| {
            let selector: Selector = text.parse().unwrap();
            Selector::all_select(&[selector], Some("K"), Some(&declared))
        };
        for (text, selected) in [
            ("env=prod-*", true),
            ("ENV=PROD-EU", true),
            ("Name=k", true),
            ("env=test", false),
            ("environment=prod-eu", false),
        ] {
            assert_eq!(selects(text), selected, "{text}");
        }
        // Two keys that differ in case are one.
        let both = ["ENV=test", "env=prod-eu"].map(|text| text.parse().unwrap());
        assert!(Selector::all_select(&both, None, Some(&declared)));
        let shown: Selector = " Env = Prod-* ".parse().unwrap();
        assert_eq!(shown.to_string(), "Env=Prod-*");
    }
}
