//! Audit logs and audit policies: what an API server writes about requests without credentials.
//!
//! [`log`] reads the events of a log, [`Matcher`] finds the requests of a scan among them, and [`policy`] tells what an
//! audit policy leaves out.

mod gate;
mod known;
pub mod log;
mod matcher;
mod others;
mod outcome;
pub mod policy;

pub use gate::{AuditDecision, Outcome};
pub use known::{KnownPolicy, known_policy};
pub use matcher::Matcher;
pub use outcome::{Audit, OtherCounts, OtherRequests, Trace, TracedEndpoint, TracedRequest};
