//! Parts of the evidence: why an answer proves nothing, and days.

use jiff::Timestamp;

use crate::model::Access;

/// Why a request proves nothing; `None` if it proves something.
pub(in crate::report) fn access_reason(access: &Access) -> Option<String> {
    match access {
        Access::Unclear(unclear) => Some(unclear.phrase().to_owned()),
        Access::Failed(failure) => Some(failure.to_string()),
        Access::Rejected | Access::Forbidden | Access::Granted => None,
    }
}

/// The day in UTC, or `?` if it is unknown.
pub(in crate::report) fn day(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "?".to_owned(), |at| at.strftime("%Y-%m-%d").to_string())
}
