//! What the default role system:public-info-viewer opens: version and health.

use super::super::controls::{ATTACK_HOST_INFORMATION, OWASP_2025_EXPOSED};
use super::{Context, Hit, listed};
use crate::advise::{for_rule, hide_version};
use crate::model::{Answer, EndpointReport, Grant, PathClass, Rule, Severity};

pub(in crate::policy) static VERSION: Rule = Rule {
    id: "version-disclosed",
    title: "Anybody may read the exact version",
    meaning: "/version tells release, build date and platform, from which known weaknesses can be looked up. \
        Open by default since 1.14, and on most clusters.",
    proof: "/version answered with the version object.",
    advice: for_rule,
    severity: Severity::Low,
    score: "3.1",
    cwe: Some(497),
    controls: &[OWASP_2025_EXPOSED, ATTACK_HOST_INFORMATION],
};

pub(in crate::policy) static HEALTH: Rule = Rule {
    id: "health-endpoints-open",
    title: "Anybody may read the health endpoints",
    meaning: "/healthz, /livez or /readyz answer requests without credentials. Load balancers and probes need \
        them, and they tell little: that an API server is here, and whether it is well.",
    proof: "The path answered with an API server's health text.",
    advice: for_rule,
    severity: Severity::Note,
    score: "0.0",
    cwe: None,
    controls: &[],
};

pub(in crate::policy) fn version(report: &EndpointReport, _: Context) -> Option<Hit> {
    let grants = granted(report, PathClass::Version)?;
    let said = report
        .identification
        .as_ref()
        .and_then(|identification| identification.version.as_deref());
    let message = match said {
        Some(version) => format!("/version tells anybody that this is {version}"),
        None => "/version answers anybody".to_owned(),
    };
    let hit = Hit::proven(message, grants.iter().map(|grant| grant.request).collect());
    let by_bindings = || {
        let identification = report.identification.as_ref()?;
        let scheme = report.endpoint.as_ref()?.scheme;
        hide_version(identification, scheme, report.remedy.as_ref()?)
    };
    Some(match by_bindings() {
        Some(remedy) => hit.mended_by(Some(&remedy)),
        None => hit.mended_by(report.remedy.as_ref()),
    })
}

pub(in crate::policy) fn health(report: &EndpointReport, _: Context) -> Option<Hit> {
    let grants = granted(report, PathClass::Health)?;
    let paths = listed(grants.iter().map(|grant| grant.path.as_str()));
    let message = format!("health is open to anybody: {paths}");
    Some(Hit::proven(
        message,
        grants.iter().map(|grant| grant.request).collect(),
    ))
}

/// Whether the answer is what the path is for: an error from behind authorization tells nothing.
fn tells(report: &EndpointReport, grant: &Grant) -> bool {
    let reply = report
        .requests
        .get(grant.request)
        .and_then(|request| request.exchange.outcome.as_ref().ok());
    reply.is_some_and(|reply| matches!(reply.answer, Answer::Version(_) | Answer::Health { .. }))
}

/// The grants of a class, on an API server.
fn granted(report: &EndpointReport, class: PathClass) -> Option<Vec<&Grant>> {
    let of_class = |grant: &&Grant| PathClass::of(&grant.path) == Ok(class) && tells(report, grant);
    let grants: Vec<&Grant> = report.grants.iter().filter(of_class).collect();
    (report.verdict.is_conclusive() && !grants.is_empty()).then_some(grants)
}
