//! What people call a target: the name that they gave it, or its host and port.

use std::borrow::Cow;

use crate::model::{Change, EndpointReport, Finding, Target};

/// What people call the target of a finding, without its address if it has a name.
pub(in crate::report) fn name(finding: &Finding) -> &str {
    (finding.label.as_deref()).unwrap_or_else(|| place(finding.about.as_str()))
}

/// `prod-fra-2 (192.0.2.17:6443)`, or `192.0.2.17:6443` for a target without a name.
pub(in crate::report) fn name_and_place<'a>(label: Option<&str>, place: &'a str) -> Cow<'a, str> {
    match label {
        Some(label) => format!("{label} ({place})").into(),
        None => place.into(),
    }
}

/// The target of a finding, with its name.
pub(in crate::report) fn finding_name(finding: &Finding) -> Cow<'_, str> {
    name_and_place(finding.label.as_deref(), place(finding.about.as_str()))
}

/// The target of a change, with its name.
pub(in crate::report) fn change_name(change: &Change) -> Cow<'_, str> {
    name_and_place(change.label.as_deref(), place(change.about.as_str()))
}

/// What endpoints sort by after their verdict and findings.
pub(in crate::report) fn endpoint_name(report: &EndpointReport) -> String {
    let Target { label, .. } = &report.target;
    match label {
        Some(label) => label.to_string(),
        None => report.target.to_string(),
    }
}

/// `192.0.2.17:6443` for `https://192.0.2.17:6443`. Other URLs stay whole.
fn place(about: &str) -> &str {
    let short = about.strip_prefix("https://");
    short.filter(|rest| !rest.contains('/')).unwrap_or(about)
}
