//! What is not as it was.

use std::borrow::Cow;

use serde::Serialize;

use super::endpoint::Origin;
use super::text;
use crate::model;

#[derive(Serialize)]
pub(crate) struct Change<'a> {
    about: Cow<'a, str>,
    label: Option<&'a str>,
    origin: Origin<'a>,
    kind: &'static str,
    before: Option<Cow<'a, str>>,
    after: Option<Cow<'a, str>>,
    opens: bool,
}

impl<'a> From<&'a model::Change> for Change<'a> {
    fn from(change: &'a model::Change) -> Self {
        Self {
            about: text(change.about.as_str()),
            label: change.label.as_deref(),
            origin: (&*change.origin).into(),
            kind: change.kind.as_str(),
            before: change.before.as_deref().map(text),
            after: change.after.as_deref().map(text),
            opens: change.opens,
        }
    }
}
