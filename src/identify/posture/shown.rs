//! What was answered at each path, and how that stands to one expected answer.
//!
//! Paths are compared, not verdicts: two servers may both be limited to some paths, one to `/healthz` and
//! one to `/version`.

use super::Answered;
use crate::identify::products::{ExpectedAnswer, Public};
use crate::model::{Access, Minor, PathClass, PostureStatus, Verdict, api_paths};

/// The first release with `/livez` and `/readyz`.
const LIVEZ: Minor = Minor {
    major: 1,
    minor: 16,
};

/// What the API paths that were asked answered, each once.
pub(super) struct Shown<'a> {
    /// Those with a clear answer.
    clear: Vec<Asked<'a>>,
    /// How many were asked.
    pub(super) asked: usize,
    /// Whether lists of resources were among them.
    pub(super) resources: Resources,
    minor: Option<Minor>,
}

/// How many of the lists of resources that were to be asked gave a clear answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resources {
    /// None was to be asked.
    NotAsked,
    /// Not every one.
    Partly,
    /// Every one.
    Clear,
}

/// A path with a clear answer.
struct Asked<'a> {
    at: &'a str,
    class: PathClass,
    access: &'a Access,
}

impl<'a> Shown<'a> {
    pub(super) fn of(answered: Answered<'a>, minor: Option<Minor>) -> Self {
        let paths = api_paths(answered.requests);
        let is_list = |class: PathClass| matches!(class, PathClass::ResourceList { .. });
        let mut lists: Vec<bool> = (paths.values())
            .filter(|(class, _)| is_list(*class))
            .map(|(_, access)| access.is_clear())
            .chain(
                answered
                    .not_asked
                    .iter()
                    .filter(|request| is_list(request.class))
                    .map(|_| false),
            )
            .collect();
        lists.dedup();
        Self {
            asked: paths.len(),
            resources: match lists.as_slice() {
                [] => Resources::NotAsked,
                [true] => Resources::Clear,
                _ => Resources::Partly,
            },
            clear: (paths.into_iter())
                .filter(|(_, (_, access))| access.is_clear())
                .map(|(at, (class, access))| Asked { at, class, access })
                .collect(),
            minor,
        }
    }

    /// The paths that came this far.
    pub(super) fn that_are(&self, access: &Access) -> impl Iterator<Item = (&'a str, PathClass)> {
        self.clear
            .iter()
            .filter(move |path| path.access == access)
            .map(|path| (path.at, path.class))
    }

    /// On how many paths authentication refused.
    pub(super) fn rejected(&self) -> usize {
        self.that_are(&Access::Rejected).count()
    }

    /// How the answers stand to an expected one: more open where one path is, however closed the others are.
    pub(super) fn against(&self, expected: &ExpectedAnswer) -> PostureStatus {
        let more = |path: &Asked<'_>| match path.access {
            Access::Granted => !opens(expected, path.class),
            Access::Forbidden => !accepts(expected, path.class),
            _ => false,
        };
        let less = |path: &Asked<'_>| match path.access {
            // Conditions name exact paths, roles those that this release has.
            Access::Rejected if expected.verdict == Verdict::Limited => {
                opens(expected, path.class) && self.is_opened_by_default(path.at)
            }
            Access::Rejected => accepts(expected, path.class),
            Access::Forbidden => opens(expected, path.class) && self.is_opened_by_default(path.at),
            _ => false,
        };
        match () {
            () if self.clear.iter().any(more) => PostureStatus::Looser,
            () if self.clear.iter().any(less) => PostureStatus::Stricter,
            () => PostureStatus::AsDocumented,
        }
    }

    /// Whether this very path is meant where version, health or discovery is open.
    fn is_opened_by_default(&self, path: &str) -> bool {
        match path {
            "/version" | "/healthz" | "/api" | "/apis" => true,
            "/livez" | "/readyz" => self.minor.is_none_or(|minor| minor >= LIVEZ),
            _ => false,
        }
    }
}

/// Whether paths of this class are open where this is the answer.
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
        // Public by design, whatever else is open.
        PathClass::Product => return true,
    };
    expected.open.contains(&public)
}

/// Whether authentication lets anonymous requests to paths of this class in where this is the answer.
fn accepts(expected: &ExpectedAnswer, class: PathClass) -> bool {
    match expected.verdict {
        Verdict::Rejected => false,
        Verdict::Limited => opens(expected, class),
        _ => true,
    }
}
