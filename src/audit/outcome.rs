//! What a log shows about a scan, and about other callers without credentials.

use jiff::Timestamp;
use strum::VariantNames;

use super::log::{Counts, Decision};
use crate::model::{Method, words};

/// What became of one of our requests.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Trace {
    /// The log has it.
    Found,
    /// The log should have it, and has not.
    Missing,
    /// The audit policy does not log it.
    LostByPolicy,
    /// This log cannot have it: its service leaves such requests out, or it ends before the request.
    NotObservable,
}

words!(Trace);

/// One of our requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TracedRequest {
    /// GET or HEAD.
    pub method: Method,
    /// The path without its query.
    pub path: String,
    /// When it was sent.
    pub at: Timestamp,
    /// The HTTP status code of the answer; `None` without an answer.
    pub status: Option<u16>,
    /// The id by which the log knows it, if that is known.
    pub audit_id: Option<String>,
    /// Whether it is the audit canary.
    pub canary: bool,
    /// What became of it.
    pub trace: Trace,
    /// Why it was not found, where the reason is known.
    pub why: Option<String>,
}

/// An endpoint of the scan, and its requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TracedEndpoint {
    /// The target.
    pub target: String,
    /// The user's name for it.
    pub name: Option<String>,
    /// Whose audit policy was assumed; `None` without one.
    pub policy: Option<String>,
    /// The requests that it answered, in order, the canary last.
    pub requests: Vec<TracedRequest>,
    /// Whether the log does not reach over the time of these requests.
    pub is_outside_of_log: bool,
}

impl TracedEndpoint {
    /// How many requests ended so.
    pub fn count(&self, trace: Trace) -> usize {
        self.requests
            .iter()
            .filter(|request| request.trace == trace)
            .count()
    }
}

/// Requests of others without credentials that are the same in all of this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherRequests {
    /// What was decided.
    pub decision: Decision,
    /// Whether a default cluster does not allow it, and this one did.
    pub is_beyond_default: bool,
    /// Whether they carry the id of this scan's run, and match no request of it.
    pub claims_run: bool,
    /// The address of the connection.
    pub source: String,
    /// The `User-Agent`.
    pub agent: String,
    /// The verb.
    pub verb: String,
    /// The path, with the names of its parameters and without their values.
    pub path: String,
    /// How many there were.
    pub count: u64,
    /// When the first was.
    pub first: Option<Timestamp>,
    /// When the last was.
    pub last: Option<Timestamp>,
}

/// How many requests of others there were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OtherCounts {
    /// Anonymous requests that were allowed, without health checks.
    pub allowed: u64,
    /// Anonymous requests that were forbidden, without health checks.
    pub forbidden: u64,
    /// Requests that authentication refused with 401, without health checks. The log does not tell requests without
    /// credentials from those with bad ones.
    pub unauthenticated: u64,
    /// Anonymous requests without a decision in the log, without health checks.
    pub unknown: u64,
    /// Those of the numbers above that carry this run's id and match no request of it: somebody imitates the scan, or an
    /// attempt of it without an answer was repeated.
    pub claiming_this_run: u64,
    /// Health checks of any kind, which are in no other number and in no list.
    pub health_checks: u64,
    /// Requests that are in these numbers and not in the list, because it is full.
    pub not_listed: u64,
}

/// The result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// The id of the run.
    pub run_id: Option<String>,
    /// How much of the log was read.
    pub counts: Counts,
    /// Why this log can have no request of a scan, if it is of such a kind.
    pub reads_left_out: Option<&'static str>,
    /// When the log begins.
    pub first: Option<Timestamp>,
    /// When the log ends.
    pub last: Option<Timestamp>,
    /// Events of this scan.
    pub own_events: u64,
    /// The endpoints that were asked for, or else those of which the log has a request.
    pub endpoints: Vec<TracedEndpoint>,
    /// Other endpoints of the scan: this is not their log.
    pub without_log: Vec<String>,
    /// Requests of others, the worst first.
    pub others: Vec<OtherRequests>,
    /// How many there were.
    pub other_counts: OtherCounts,
}
