//! What the default role system:public-info-viewer opens: version and health.

use super::hit::{DEFAULTS, Hit, ScanTime, paths};
use crate::advise::hide_version;
use crate::kubernetes::{Answer, PathClass};
use crate::model::{EndpointReport, Grant, Rule, Severity};
use crate::policy::controls;

pub(in crate::policy) static VERSION: Rule = Rule {
    id: "version-disclosed",
    title: "Anybody may read the exact version",
    meaning: "/version shows the release, build date and platform, so that known vulnerabilities can be looked \
        up. It is open by default since 1.14, and on most clusters.",
    proof: "/version answered with the version object.",
    severity: Severity::Low,
    score: "3.1",
    cwe: Some(497),
    controls: &[
        controls::OWASP_2025_EXPOSED,
        controls::ATTACK_HOST_INFORMATION,
    ],
    ..DEFAULTS
};

pub(in crate::policy) static HEALTH: Rule = Rule {
    id: "health-endpoints-open",
    title: "Anybody may read the health endpoints",
    meaning: "/healthz, /livez or /readyz answer requests without credentials. Load balancers and probes need \
        them. They show little: that there is an API server, and whether it is healthy.",
    proof: "The path answered with an API server's health text.",
    severity: Severity::Note,
    score: "0.0",
    ..DEFAULTS
};

pub(in crate::policy) fn version(report: &EndpointReport, _: ScanTime) -> Option<Hit> {
    let grants = granted(report, PathClass::Version)?;
    let identification = report.identification.as_ref();
    let version = identification.and_then(|identification| identification.version.as_deref());
    let message = match version {
        Some(version) => format!("/version tells anybody that this is {version}"),
        None => "/version answers anybody".to_owned(),
    };
    let by_bindings = || {
        let scheme = report.endpoint.as_ref()?.scheme;
        hide_version(identification?, scheme, report.remedy.as_ref()?)
    };
    let remedy = by_bindings().or_else(|| report.remedy.clone());
    Some(Hit::granted(message, &grants).with_remedy(remedy.as_ref()))
}

pub(in crate::policy) fn health(report: &EndpointReport, _: ScanTime) -> Option<Hit> {
    let grants = granted(report, PathClass::Health)?;
    let message = format!("health is open to anybody: {}", paths(&grants));
    Some(Hit::granted(message, &grants))
}

/// Whether the answer shows the information. An error from behind authorization does not.
fn shows_info(report: &EndpointReport, grant: &Grant) -> bool {
    let request = report.requests.get(grant.request);
    let answer = request.and_then(|request| Some(&request.reply()?.answer));
    matches!(
        answer,
        Some(Answer::Version(_) | Answer::HealthOk | Answer::HealthFailing)
    )
}

/// The grants of a class, if an API server answered.
fn granted(report: &EndpointReport, class: PathClass) -> Option<Vec<&Grant>> {
    let of_class =
        |grant: &&Grant| PathClass::of(&grant.path) == Ok(class) && shows_info(report, grant);
    let grants: Vec<&Grant> = report.grants.iter().filter(of_class).collect();
    (report.verdict.is_conclusive() && !grants.is_empty()).then_some(grants)
}
