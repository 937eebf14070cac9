//! What answered, and which product it belongs to.

use jiff::civil::Date;

use super::{Attribution, Clue, Component, Confidence, Product};
use crate::kubernetes::{Minor, Support};

/// What answered, how sure that is, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identification {
    /// The kind of program.
    pub component: Component,
    /// How sure the component is.
    pub confidence: Confidence,
    /// `gitVersion`, where `/version` showed it.
    pub version: Option<String>,
    /// Whether anything at all says Kubernetes.
    pub kubernetes: bool,
    /// Something in front passes an API server's answers on.
    pub through_front: bool,
    /// Whose it is: the distribution or the managed service.
    pub attribution: Attribution,
    /// The signs, in the order of [`ClueKind`](super::ClueKind), at most one of each.
    pub clues: Vec<Clue>,
}

impl Identification {
    /// The product, where one is named.
    pub const fn product(&self) -> Option<&Product> {
        self.attribution.product.as_ref()
    }

    /// The minor release, where `/version` showed one of Kubernetes: extension API servers count their
    /// own.
    pub fn minor(&self) -> Option<Minor> {
        let version = self
            .version
            .as_deref()
            .filter(|_| self.component == Component::KubeApiServer);
        version.and_then(Minor::of_git_version)
    }

    /// What upstream does for its version on a day; [`Support::Unknown`] without a version or a day.
    pub fn support(&self, on: Option<Date>) -> Support {
        self.minor()
            .zip(on)
            .map_or(Support::Unknown, |(minor, on)| minor.support(on))
    }
}
