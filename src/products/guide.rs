//! Advice as data: a summary, and steps.

use serde::Deserialize;

/// What to do, and its steps.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Guide {
    pub(crate) summary: String,
    pub(crate) steps: Vec<Action>,
    /// The page with the way to do it.
    pub(crate) url: Option<String>,
}

/// One step, with what it breaks and how to take it back.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Action {
    pub(crate) text: String,
    pub(crate) command: Option<String>,
    pub(crate) breaks: Option<String>,
    pub(crate) undo: Option<String>,
}
