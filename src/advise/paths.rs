//! The answer at each path, compared with one expected answer.
//!
//! Paths are compared, not verdicts: two servers may both be limited to some paths, one to `/healthz` and the
//! other to `/version`.

use super::observed::Observed;
use crate::kubernetes::{Minor, PathClass};
use crate::model::{Access, ApiPath, PostureStatus, Verdict, api_paths};
use crate::products::{ExpectedAnswer, Public};

/// The API paths that were asked, each once.
pub(super) struct PathAnswers<'a> {
    /// Paths with a clear answer.
    clear: Vec<ApiPath<'a>>,
    /// Paths that were asked without a clear answer.
    pub(super) unclear: Vec<ApiPath<'a>>,
    /// How many paths were asked.
    pub(super) asked: usize,
    /// How many lists of resources gave a clear answer.
    pub(super) resources: Resources,
    /// The release, shown or declared.
    pub(super) minor: Option<Minor>,
}

/// How many of the planned lists of resources gave a clear answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resources {
    /// None was planned.
    NotAsked,
    /// Some of them.
    Partly,
    /// All of them.
    Clear,
}

impl<'a> PathAnswers<'a> {
    pub(super) fn of(observed: Observed<'a>, minor: Option<Minor>) -> Self {
        let paths = api_paths(observed.requests);
        let mut lists = (paths.iter())
            .filter(|path| path.class.is_list())
            .map(|path| path.access.is_clear())
            .chain(
                observed
                    .not_asked
                    .iter()
                    .filter(|request| request.class.is_list())
                    .map(|_| false),
            )
            .peekable();
        let resources = if lists.peek().is_none() {
            Resources::NotAsked
        } else if lists.all(|is_clear| is_clear) {
            Resources::Clear
        } else {
            Resources::Partly
        };
        let asked = paths.len();
        let (clear, unclear) = (paths.into_iter()).partition(|path| path.access.is_clear());
        Self {
            clear,
            unclear,
            asked,
            resources,
            minor,
        }
    }

    /// The paths with this access.
    pub(super) fn with(&self, access: &Access) -> impl Iterator<Item = &ApiPath<'a>> {
        (self.clear.iter()).filter(move |path| path.access == access)
    }

    /// The number of paths that authentication refused.
    pub(super) fn rejected(&self) -> usize {
        self.with(&Access::Rejected).count()
    }

    /// `MoreOpen` if any path is more open than expected, however closed the others are.
    pub(super) fn compared_with(&self, expected: &ExpectedAnswer) -> PostureStatus {
        let is_more_open = |path: &ApiPath<'_>| match path.access {
            Access::Granted => !opens(expected, path.class),
            Access::Forbidden => !accepts(expected, path.class),
            _ => false,
        };
        let is_stricter = |path: &ApiPath<'_>| match path.access {
            // Path conditions and default roles open exact paths, so only a refusal of one of those paths is stricter.
            Access::Rejected if expected.verdict == Verdict::Limited => {
                opens(expected, path.class) && self.is_opened_by_default(path.path)
            }
            Access::Rejected => accepts(expected, path.class),
            Access::Forbidden => {
                opens(expected, path.class) && self.is_opened_by_default(path.path)
            }
            _ => false,
        };
        match () {
            () if self.clear.iter().any(is_more_open) => PostureStatus::MoreOpen,
            () if self.clear.iter().any(is_stricter) => PostureStatus::Stricter,
            () => PostureStatus::AsDocumented,
        }
    }

    /// Whether "version", "health" or "discovery" in an expectation means this exact path.
    fn is_opened_by_default(&self, path: &str) -> bool {
        match path {
            "/version" | "/healthz" | "/api" | "/apis" => true,
            "/livez" | "/readyz" => self.minor.is_none_or(|minor| minor >= Minor::LIVEZ),
            _ => false,
        }
    }
}

/// Whether the expected answer opens paths of this class.
fn opens(expected: &ExpectedAnswer, class: PathClass) -> bool {
    let public = match class {
        PathClass::Version => Public::Version,
        PathClass::Health => Public::Health,
        PathClass::Discovery | PathClass::OpenApi => Public::Discovery,
        PathClass::Metrics
        | PathClass::Diagnostics
        | PathClass::ResourceList { .. }
        | PathClass::Other => {
            return false;
        }
        // A product's own path is open by design.
        PathClass::Product => return true,
    };
    expected.open.contains(&public)
}

/// Whether authentication accepts anonymous requests to paths of this class in the expected answer.
fn accepts(expected: &ExpectedAnswer, class: PathClass) -> bool {
    match expected.verdict {
        Verdict::Rejected => false,
        Verdict::Limited => opens(expected, class),
        _ => true,
    }
}
