//! Why the requests of a probe did not leave together.

use serde::{Deserialize, Serialize};
use strum::VariantNames;

use super::words;

/// Why a probe made the rest of its requests one at a time, on a further connection. A probe sends several requests
/// together if the server takes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, VariantNames)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[strum(serialize_all = "kebab-case")]
pub enum OneAtATime {
    /// The server ended the connection before it had answered all of them.
    Closed,
    /// The next answer did not come.
    Stalled,
    /// An answer did not fit its request, could not be read, or was an error that may be due to requests that come
    /// together. The answers before it do not count.
    Misfit,
    /// More came than the answers. None of them counts.
    Surplus,
    /// The server asked for a pause.
    AskedToWait,
}

words!(OneAtATime);

impl OneAtATime {
    /// The reason in words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Closed => "the server ended the connection before it had answered all requests",
            Self::Stalled => "an answer did not come",
            Self::Misfit => "an answer did not fit its request",
            Self::Surplus => "more came than the answers",
            Self::AskedToWait => "the server asked for a pause",
        }
    }
}
