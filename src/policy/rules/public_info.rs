//! What the default role system:public-info-viewer opens: version and health.

use super::super::controls::{ATTACK_HOST_INFORMATION, OWASP_2025_EXPOSED};
use super::{Context, Hit, listed};
use crate::model::unbind::reconciled;
use crate::model::{
    Answer, EndpointReport, Grant, Identification, Minor, PathClass, Remedy, Rule, Scheme,
    Severity, Text,
};

pub(in crate::policy) static VERSION: Rule = Rule {
    id: "version-disclosed",
    title: "Anybody may read the exact version",
    meaning: "/version tells release, build date and platform, from which known weaknesses can be looked up. \
        Open by default since 1.14, and on most clusters.",
    proof: "/version answered with the version object.",
    remedy: concat!(
        "Leave /version out of the conditions of the anonymous authenticator (--authentication-config, 1.32 and \
         later). Where that cannot be set, bind system:unauthenticated to a role of your own that opens the \
         health paths alone, take it out of the binding system:public-info-viewer, and annotate that ",
        reconciled!(),
        ". Load balancers that check /version must then check /livez."
    ),
    severity: Severity::Low,
    score: "3.1",
    cwe: Some(497),
    controls: &[OWASP_2025_EXPOSED, ATTACK_HOST_INFORMATION],
};

/// Before path conditions: the health paths stay open, which load balancers and probes ask.
const BY_ROLE: &str = concat!(
    "Bind system:unauthenticated to a role of your own that opens the health paths alone, take it out of the \
     binding system:public-info-viewer, and annotate that ",
    reconciled!(),
    ". Load balancers that check /version must then check a health path. From 1.32 on --authentication-config \
     limits anonymous requests to paths."
);
/// Before that role: version and health are part of discovery.
const BY_ROLE_BEFORE: &str = concat!(
    "Bind system:unauthenticated to a role of your own that opens /healthz alone, take it out of the bindings \
     system:discovery and system:basic-user, and annotate both ",
    reconciled!(),
    ". Load balancers that check /version must then check /healthz."
);
/// The page on the default bindings.
const BINDINGS: &str =
    "https://kubernetes.io/docs/reference/access-authn-authz/rbac/#discovery-roles";

pub(in crate::policy) static HEALTH: Rule = Rule {
    id: "health-endpoints-open",
    title: "Anybody may read the health endpoints",
    meaning: "/healthz, /livez or /readyz answer requests without credentials. Load balancers and probes need \
        them, and they tell little: that an API server is here, and whether it is well.",
    proof: "The path answered with an API server's health text.",
    remedy: "Leave them open as a rule: load balancers and probes need them. Where the network can do it, let \
        only load balancers and nodes reach the port.",
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
    // Where the product's own way is known it is that, as at the other rules.
    let mended = report
        .remedy
        .as_ref()
        .map(|known| by_role(report, known).unwrap_or_else(|| known.clone()));
    Some(hit.mended_by(mended.as_ref()))
}

/// The bindings, where nothing else is to be set: old upstream releases know no path conditions, and
/// switching anonymous requests off is more than hiding a version takes.
fn by_role(report: &EndpointReport, known: &Remedy) -> Option<Remedy> {
    let minor = report
        .identification
        .as_ref()
        .filter(|who| upstream(who))?
        .minor()?;
    let plain = report
        .endpoint
        .as_ref()
        .is_none_or(|endpoint| endpoint.scheme == Scheme::Http);
    let text = match minor {
        _ if plain => return None,
        minor if minor < Minor::CLOSED_DISCOVERY => BY_ROLE_BEFORE,
        minor if minor < Minor::PATH_CONDITIONS => BY_ROLE,
        _ => return None,
    };
    Some(Remedy {
        text: text.to_owned(),
        url: Some(Text::Borrowed(BINDINGS)),
        ..known.clone()
    })
}

/// Whether it is a cluster without switches of its own: none is named and none is in doubt, or it is
/// what kubeadm made.
fn upstream(identification: &Identification) -> bool {
    identification.product().map_or_else(
        || identification.attribution.others.is_empty(),
        |product| product.id == "kubeadm",
    )
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
