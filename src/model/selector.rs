//! Labels by which targets and saved results are selected.

use std::fmt;
use std::str::FromStr;

use super::{Declared, Pattern};

/// A label that a target must have: `KEY=VALUE`. `*` in the value stands for any characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    key: String,
    value: Pattern,
}

/// Why a text is not a [`Selector`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected KEY=VALUE, such as provider=gke, region=eu-*, or a tag")]
pub struct InvalidSelector;

impl FromStr for Selector {
    type Err = InvalidSelector;

    fn from_str(text: &str) -> Result<Self, InvalidSelector> {
        let (key, value) = text.split_once('=').ok_or(InvalidSelector)?;
        let (key, value) = (key.trim(), Pattern::new(value).ok_or(InvalidSelector)?);
        if key.is_empty() {
            return Err(InvalidSelector);
        }
        Ok(Self {
            key: key.to_owned(),
            value,
        })
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key, self.value)
    }
}

impl Selector {
    /// Whether all of these select a target with this name and these declarations. Of several for one key, one must
    /// match.
    pub fn all_select(selectors: &[Self], name: Option<&str>, declared: Option<&Declared>) -> bool {
        let has = |selector: &Self| {
            let name = name.map(|name| ("name", name));
            let facts = declared.into_iter().flat_map(Declared::facts).chain(name);
            let mut facts = facts.filter(|(key, _)| *key == selector.key);
            facts.any(|(_, value)| selector.value.matches_text(value))
        };
        selectors.iter().all(|selector| {
            let mut same = (selectors.iter()).filter(|other| other.key == selector.key);
            same.any(has)
        })
    }
}
