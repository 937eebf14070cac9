//! The words of audit policies: levels, stages and callers.

use strum::{EnumString, VariantNames};

use crate::model::words;

/// The name of a caller without credentials.
const ANONYMOUS: &str = "system:anonymous";
/// The groups of a caller without credentials.
const ANONYMOUS_GROUPS: [&str; 1] = ["system:unauthenticated"];

/// How much of a request is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, EnumString, VariantNames)]
pub enum Level {
    /// Nothing.
    None,
    /// Who asked for what, and the status of the answer.
    Metadata,
    /// The body of the request too.
    Request,
    /// The bodies of request and answer.
    RequestResponse,
}

words!(Level);

/// When an event is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, EnumString, VariantNames)]
pub enum Stage {
    /// Before the request is handled.
    RequestReceived,
    /// When the answer begins: of long-running requests, and of those that authentication refuses.
    ResponseStarted,
    /// When the answer is complete.
    ResponseComplete,
    /// When the handler crashed.
    Panic,
}

words!(Stage);

/// Who makes a request, as the policy sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller<'a> {
    /// A caller without credentials that authentication lets in: `system:anonymous`.
    Anonymous,
    /// A caller that authentication refuses with 401, for lack of credentials or for bad ones.
    Unauthenticated,
    /// Somebody with a name.
    User {
        /// The user's name.
        name: &'a str,
        /// The user's groups.
        groups: &'a [&'a str],
    },
}

impl<'a> Caller<'a> {
    /// Name and groups; `None` without a user.
    pub(super) fn user(self) -> Option<(&'a str, &'a [&'a str])> {
        match self {
            Self::Anonymous => Some((ANONYMOUS, &ANONYMOUS_GROUPS)),
            Self::Unauthenticated => None,
            Self::User { name, groups } => Some((name, groups)),
        }
    }
}

/// Where something stands in a file, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: u32,
    /// The column, in characters.
    pub column: u32,
}
