//! The remedy of an endpoint: beside `remediation`, the keys that earlier versions read.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::escape::TEXT;
use crate::model::{self, Clipped, Remediation};

/// How to close what is open.
#[derive(Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Remedy<'a> {
    /// What to do, with the product's own setting if it has one: `remediation` as one text of several lines.
    text: Clipped<'a>,
    /// A page with more about that; null without one.
    url: Option<Cow<'a, str>>,
    /// Whether users of the product can change the anonymous setting; null if that is not known.
    changeable: Option<bool>,
    /// A page about restricting network access to the endpoint; null without one.
    network_url: Option<Cow<'a, str>>,
}

impl<'a> From<&'a model::Remedy> for Remedy<'a> {
    fn from(remedy: &'a model::Remedy) -> Self {
        Self {
            text: remedy.remediation.text(TEXT).into(),
            url: remedy.remediation.reference.as_deref().map(Cow::Borrowed),
            changeable: remedy.changeable,
            network_url: remedy.network_url.as_deref().map(Cow::Borrowed),
        }
    }
}

impl Remedy<'_> {
    /// The remedy with its steps. Reports of earlier versions have the text alone.
    pub(super) fn with(self, remediation: Option<Remediation>) -> model::Remedy {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        model::Remedy {
            remediation: remediation
                .unwrap_or_else(|| Remediation::of_text(self.text.into(), self.url.map(owned))),
            changeable: self.changeable,
            network_url: self.network_url.map(owned),
        }
    }
}
