//! The answer to a name: its addresses, or a failure.

use std::fmt;
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
    pub is_local: bool,
    /// A lookup that failed although addresses were found.
    pub partial_failure: Option<PartialFailure>,
}

/// A lookup that failed although addresses were found, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PartialFailure {
    /// The lookup of IPv4 addresses.
    IPv4(FailureKind),
    /// The lookup of IPv6 addresses.
    IPv6(FailureKind),
    /// The lookup with another search domain.
    SearchDomain(FailureKind),
}

impl fmt::Display for PartialFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (lookup, kind) = match self {
            Self::IPv4(kind) => ("A", kind),
            Self::IPv6(kind) => ("AAAA", kind),
            Self::SearchDomain(kind) => ("with another search domain", kind),
        };
        write!(f, "{lookup}: {}", kind.phrase())
    }
}

/// The answer to a name.
pub(super) type Resolution = Result<Resolved, Failure>;

pub(super) fn failure(kind: FailureKind, detail: String) -> Failure {
    Failure::new(Stage::Dns, kind, detail)
}

/// Whether another attempt may find an answer: the failure is transient, or no name server could be asked.
pub(super) fn is_temporary(failure: &Failure) -> bool {
    failure.is_transient() || failure.kind == FailureKind::NoResolver
}
