//! What changed since an earlier scan.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strum::VariantNames;

use super::{Identity, Origin, words};
use crate::natural_order::Natural;

/// What changed about a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[derive(VariantNames)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[strum(serialize_all = "kebab-case")]
pub enum ChangeKind {
    /// Another verdict.
    Verdict,
    /// Still exposed, and more is open.
    Opened,
    /// It answers, and did not answer before.
    Appeared,
    /// It answered before, and no longer does, which does not close anything.
    Gone,
    /// It has a better verdict, but was not asked again what showed the one before.
    NotAskedAgain,
    /// Another version.
    Version,
    /// Another serving certificate.
    Certificate,
    /// Still exposed, and something is no longer open.
    Closed,
}

words!(ChangeKind);

/// One change of one target, all addresses of a name together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The target that changed.
    pub about: Identity,
    /// Where the target was written.
    pub origin: Arc<Origin>,
    /// The `name=` of the target.
    pub label: Option<Arc<str>>,
    /// What changed.
    pub kind: ChangeKind,
    /// The state before: a verdict's word, with the paths that were not asked again; a version, the end of a certificate,
    /// paths that were open; `None` if there was none. May hold text from the network.
    pub before: Option<String>,
    /// The state now, in the same form.
    pub after: Option<String>,
    /// Whether an anonymous caller may do more than before.
    pub opens: bool,
}

impl Change {
    /// The sort key of lists: changes that open something come first, then by kind, then by name in natural order.
    pub fn order_key(&self) -> impl Ord + '_ {
        let name = self.label.as_deref().unwrap_or(self.about.as_str());
        (!self.opens, self.kind, Natural(name), &self.about)
    }
}

/// Most of the named targets that answered in the baseline are silent. A failure of the network in between is then more
/// likely than that many changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage {
    /// Named targets that answered in the baseline and are silent now.
    pub silent: u64,
    /// Named targets that answered in the baseline and were asked now.
    pub asked: u64,
}

impl Outage {
    /// The least number of silent targets; fewer are reported as single changes.
    const LEAST: u64 = 10;

    /// The outage, if at least half of the targets and at least ten are silent.
    pub const fn of(silent: u64, asked: u64) -> Option<Self> {
        if silent >= Self::LEAST && silent * 2 >= asked {
            Some(Self { silent, asked })
        } else {
            None
        }
    }
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { silent, asked } = self;
        write!(f, "{silent} of {asked} targets silent: is the network up?")
    }
}
