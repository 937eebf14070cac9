//! The record of a change between two scans.

use serde::Serialize;

use crate::model::{self, ChangeKind, Clipped, Origin};

/// One change of one target; all addresses of a name count as one.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Change<'a> {
    /// The target.
    about: Clipped<'a>,
    /// The user's name for it, the target's `name=`; null without one.
    name: Option<&'a str>,
    /// Where the target was written.
    origin: &'a Origin,
    /// What changed.
    kind: ChangeKind,
    /// The earlier value: a verdict, a version, the end of a certificate, or the open paths; null without one.
    before: Option<Clipped<'a>>,
    /// The later value; null without one.
    after: Option<Clipped<'a>>,
    /// Whether an anonymous caller may do more than before.
    opens: bool,
}

impl<'a> From<&'a model::Change> for Change<'a> {
    fn from(change: &'a model::Change) -> Self {
        Self {
            about: change.about.as_str().into(),
            name: change.label.as_deref(),
            origin: &change.origin,
            kind: change.kind,
            before: change.before.as_deref().map(Into::into),
            after: change.after.as_deref().map(Into::into),
            opens: change.opens,
        }
    }
}
