//! What an endpoint showed, as far as the advice depends on it.

use jiff::civil::Date;
use jiff::tz::Offset;

use crate::kubernetes::Minor;
use crate::model::{Assessment, Declared, Grade, Grant, JudgedRequest, Request, Verdict};

#[derive(Debug, Clone, Copy)]
pub(super) struct Observed<'a> {
    pub(super) verdict: Verdict,
    pub(super) grants: &'a [Grant],
    pub(super) requests: &'a [JudgedRequest],
    /// Planned requests that were not made.
    pub(super) not_asked: &'a [Request],
    /// The verdict that the user expects.
    pub(super) expected: Option<Verdict>,
    /// What an inventory says about it.
    pub(super) declared: Option<&'a Declared>,
    /// The day of the first request, in UTC.
    pub(super) day: Option<Date>,
}

impl<'a> Observed<'a> {
    pub(super) fn new(
        assessment: &'a Assessment,
        not_asked: &'a [Request],
        expected: Option<Verdict>,
        declared: Option<&'a Declared>,
    ) -> Self {
        Self {
            verdict: assessment.verdict,
            grants: &assessment.grants,
            requests: &assessment.requests,
            not_asked,
            expected,
            declared,
            day: (assessment.requests.first())
                .map(|first| Offset::UTC.to_datetime(first.exchange.at).date()),
        }
    }

    /// Whether an inventory declares this product.
    pub(super) fn declares(self, product: &str) -> bool {
        (self
            .declared
            .and_then(|declared| declared.provider.as_deref()))
            == Some(product)
    }

    /// The minor release that an inventory declares.
    pub(super) fn declared_minor(self) -> Option<Minor> {
        declared_minor(self.declared?)
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

/// The minor release that an inventory declares: `1.33`, `1.35.7`, `v1.34.1-gke.100`.
pub(super) fn declared_minor(declared: &Declared) -> Option<Minor> {
    let version = declared.version.as_deref()?;
    let mut numbers = version.strip_prefix('v').unwrap_or(version).split('.');
    let (major, minor) = (numbers.next()?, numbers.next()?);
    format!("{major}.{minor}").parse().ok()
}

/// Roles that open discovery open these documents too.
fn is_api_document(grant: &Grant) -> bool {
    grant.path.starts_with("/openapi") || grant.path.starts_with("/swagger")
}
