//! Parts of a record that several formats read.

use std::net::SocketAddr;

use crate::model::{Access, Certificate, Endpoint, EndpointReport, Verdict};

pub(super) fn address(report: &EndpointReport) -> Option<SocketAddr> {
    report.endpoint.as_ref().and_then(Endpoint::address)
}

pub(super) fn certificate(report: &EndpointReport) -> Option<&Certificate> {
    report.tls.as_ref()?.certificate.as_ref()
}

/// Whether a verdict means that nothing answered.
pub(super) const fn is_silent(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Unreachable | Verdict::NotAttempted)
}

pub(super) const fn is_refused(access: &Access) -> bool {
    matches!(access, Access::Rejected | Access::Forbidden)
}
