//! What an endpoint showed, as far as the advice depends on it.

use crate::model::{Assessment, Grade, Grant, JudgedRequest, Request, Verdict};

#[derive(Debug, Clone, Copy)]
pub(super) struct Observed<'a> {
    pub(super) verdict: Verdict,
    pub(super) grants: &'a [Grant],
    pub(super) requests: &'a [JudgedRequest],
    /// Planned requests that were not made.
    pub(super) not_asked: &'a [Request],
    /// The verdict that the user expects.
    pub(super) expected: Option<Verdict>,
}

impl<'a> Observed<'a> {
    pub(super) fn new(
        assessment: &'a Assessment,
        not_asked: &'a [Request],
        expected: Option<Verdict>,
    ) -> Self {
        Self {
            verdict: assessment.verdict,
            grants: &assessment.grants,
            requests: &assessment.requests,
            not_asked,
            expected,
        }
    }

    /// Whether discovery or its documents are open.
    pub(super) fn opens_discovery(self) -> bool {
        self.grants
            .iter()
            .any(|grant| grant.grade == Grade::Discovery || is_api_document(grant))
    }

    /// Whether metrics are open.
    pub(super) fn opens_metrics(self) -> bool {
        self.grants
            .iter()
            .any(|grant| grant.grade == Grade::Telemetry && !is_api_document(grant))
    }
}

/// Roles that open discovery open these documents too.
fn is_api_document(grant: &Grant) -> bool {
    grant.path.starts_with("/openapi") || grant.path.starts_with("/swagger")
}
