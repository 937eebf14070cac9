//! Why the requests of a probe did not leave together.

use serde::{Deserialize, Serialize};
use strum::VariantNames;

use super::words;

/// Why a probe made its requests one at a time, on a further connection. A probe sends several requests together, and
/// their answers count only if each is certainly the answer to its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, VariantNames)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[strum(serialize_all = "kebab-case")]
pub enum OneAtATime {
    /// The server ended the connection before it had answered all of them.
    Closed,
    /// An answer did not come in time.
    Stalled,
    /// An answer could not be read, or was not certainly an API server's answer to its request.
    Misfit,
    /// More came than the answers.
    Surplus,
    /// An answer was longer than what is read of one, so that the answers behind it were not read.
    TooLarge,
    /// The server was too busy (429), or asked for a pause.
    AskedToWait,
    /// The answers do not tell which request they belong to: they differ, came twice, or lack the header marks of an API
    /// server.
    Unproven,
}

words!(OneAtATime);

impl OneAtATime {
    /// The reason in words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Closed => "the server ended the connection before it had answered all requests",
            Self::Stalled => "an answer did not come in time",
            Self::Misfit => "an answer was not certainly an API server's answer to its request",
            Self::Surplus => "more came than the answers",
            Self::TooLarge => "an answer was too long to read those behind it",
            Self::AskedToWait => "the server was too busy, or asked for a pause",
            Self::Unproven => "the answers did not tell which request they belong to",
        }
    }
}
