//! The answer to a name: its addresses, or a failure.

use std::net::IpAddr;
use std::sync::Arc;

use crate::model::{Failure, FailureKind, Stage};

/// The addresses of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resolved {
    /// The addresses, sorted. IPv4-mapped ones are IPv4.
    pub addresses: Vec<IpAddr>,
    /// The names on the way to the addresses, in order and in lower case: the name with a search domain,
    /// and its aliases (CNAME).
    pub aliases: Arc<[Arc<str>]>,
    /// Whether the addresses are from this machine's hosts file, or the name is `localhost`: nobody else
    /// decides where the name leads.
    pub given: bool,
    /// A question (`AAAA`) that failed beside one that was answered, and how.
    pub failed: Option<(String, FailureKind)>,
}

/// The answer to a name.
pub(super) type Answer = Result<Resolved, Failure>;

pub(super) fn failure(kind: FailureKind, detail: String) -> Failure {
    Failure::new(Stage::Dns, kind, detail)
}

/// Whether another attempt may find an answer.
pub(super) fn is_temporary(failure: &Failure) -> bool {
    failure.is_transient() || failure.kind == FailureKind::NoResolver
}
