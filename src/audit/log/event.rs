//! One event of an audit log.

use jiff::Timestamp;
use serde::Serialize;
use strum::VariantNames;

use crate::model::words;

/// Who made a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Who {
    /// `system:anonymous`.
    Anonymous,
    /// Nobody: authentication refused the request with 401. The log does not tell a request without credentials from
    /// one with bad ones.
    Unauthenticated,
    /// Somebody with a name.
    Known,
}

/// What authorization decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, VariantNames)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Decision {
    /// The request was allowed, whatever its status code is.
    Allowed,
    /// The request was forbidden.
    Forbidden,
    /// Authentication refused the request (401), so that nothing was decided.
    Unauthenticated,
    /// The log does not say.
    Unknown,
}

words!(Decision);

/// One event, as far as it is used. Texts are those of the log: hostile, and not bounded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<'a> {
    /// The id of the request.
    pub id: &'a str,
    /// Path and query.
    pub uri: &'a str,
    /// The verb: `get`, `list` …
    pub verb: &'a str,
    /// Who asked.
    pub who: Who,
    /// The address that the connection came from, as the server saw it; empty if it is missing. Addresses that a client
    /// may have made up (`X-Forwarded-For`) are left out.
    pub source: &'a str,
    /// The `User-Agent`.
    pub agent: &'a str,
    /// What was decided.
    pub decision: Decision,
    /// When the server received the request.
    pub at: Option<Timestamp>,
    /// Whether it is the last event of its request.
    pub last: bool,
}

impl Event<'_> {
    /// The path without its query.
    pub fn path(&self) -> &str {
        self.uri.split_once('?').map_or(self.uri, |(path, _)| path)
    }
}
