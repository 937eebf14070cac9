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

/// The target of a finding, with its name. What a configuration says has its place instead.
pub(in crate::report) fn finding_name(finding: &Finding) -> Cow<'_, str> {
    match configuration_place(finding) {
        Some(place) => format!("{} ({place})", name(finding)).into(),
        None => name_and_place(finding.label.as_deref(), place(finding.about.as_str())),
    }
}

/// What a list of targets calls the target of a finding. What a configuration says is found by its place only.
pub(in crate::report) fn listed_name(finding: &Finding) -> Cow<'_, str> {
    if finding.origin.is_in_configuration() {
        finding_name(finding)
    } else {
        name(finding).into()
    }
}

/// Where a configuration says what was found: `kube-apiserver.yaml:12:7`; `None` for a target of a scan.
pub(in crate::report) fn configuration_place(finding: &Finding) -> Option<String> {
    let origin = &finding.origin;
    origin.is_in_configuration().then(|| origin.to_string())
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
