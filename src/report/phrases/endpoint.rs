//! Endpoints: what answered, and what an anonymous caller may do there.

use std::collections::BTreeMap;

use super::super::escape::clip;
use super::coverage::counts_by_kind;
use crate::kubernetes::PathClass;
use crate::model::{
    Attribution, ComparisonResult, Component, Confidence, DeclaredAnonymous, DeclaredFact,
    EndpointReport, FailureKind, Grade, Grant, Host, Identification, PostureStatus, Provenance,
    Target, Trust, Verdict, api_paths, unanswered_text,
};
use crate::wording::{accepted_and_stopped, joined_at_most};

/// Items listed before "and N more".
const MAX_LISTED: usize = 4;
/// Equally likely products that are named before "or one of N more".
const MAX_PRODUCTS: usize = 2;
/// Characters of a version, which the server chooses.
const MAX_VERSION: usize = 40;
/// Said if no list of resources was among the paths.
const RESOURCES_NOT_ASKED: &str = "resources not asked";

/// What answered: the product or component, its version, and whether a front end passes requests on; `-` if
/// nothing answered.
pub(in crate::report) fn who_answered(report: &EndpointReport) -> String {
    let Some(identification) = &report.identification else {
        return "-".to_owned();
    };
    let component = match identification.component {
        Component::KubeApiServer => "kube-apiserver",
        Component::AggregatedApiServer => "aggregated API server",
        Component::KubeControllerManager => "kube-controller-manager",
        Component::KubeScheduler => "kube-scheduler",
        Component::ControllerManagerOrScheduler => "controller-manager or scheduler",
        Component::Kubelet => "kubelet",
        Component::Etcd => "etcd",
        Component::Supervisor => "supervisor",
        Component::KubernetesProxy => "Kubernetes proxy",
        Component::FrontEnd => "front end",
        Component::Other => "no sign of Kubernetes",
        Component::Unknown if identification.kubernetes => "Kubernetes, part unknown",
        Component::Unknown => "unknown",
    };
    let who = product_or_component(identification, component);
    let version = identification.version.as_deref();
    let version = version.map(|version| format!(" {}", clip(version, MAX_VERSION)));
    let front = if identification.through_front {
        ", through a front end"
    } else {
        ""
    };
    let trust = match report.tls.as_ref().and_then(|tls| tls.trust.as_ref()) {
        Some(Trust::NotAnchored { .. }) => ", certificate of another CA",
        Some(Trust::NotChecked { .. }) => ", CA not checked",
        _ => "",
    };
    format!("{who}{}{front}{trust}", version.unwrap_or_default())
}

/// The product, if it is known and an API server answered; otherwise the component, with the likely products
/// in parentheses.
fn product_or_component(identification: &Identification, component: &str) -> String {
    let Attribution {
        product,
        confidence,
        others,
        ..
    } = &identification.attribution;
    let is_api_server = identification.component == Component::KubeApiServer;
    match product {
        Some(product) => {
            let prefix = if *confidence == Some(Confidence::Low) {
                "perhaps "
            } else {
                ""
            };
            let name = format!("{prefix}{}", product.short);
            if is_api_server {
                name
            } else {
                format!("{component} ({name})")
            }
        }
        None if others.is_empty() => component.to_owned(),
        None => {
            let names: Vec<&str> = others
                .iter()
                .take(MAX_PRODUCTS)
                .map(|product| &*product.short)
                .collect();
            let more = match others.len().saturating_sub(MAX_PRODUCTS) {
                0 => String::new(),
                1 => " or another".to_owned(),
                more => format!(" or one of {more} more"),
            };
            format!("{component} ({}{more})", names.join(" or "))
        }
    }
}

/// How open the endpoint is, compared with the product's documentation.
fn posture_comparison(report: &EndpointReport) -> String {
    let Some(posture) = &report.posture else {
        return String::new();
    };
    let source = match posture.known {
        Provenance::Documented => "",
        Provenance::Observed => " (by observation, not by the vendor)",
        Provenance::Inferred | Provenance::Unknown => " (by inference, not by the vendor)",
    };
    match posture.status {
        PostureStatus::AsDocumented => format!("as documented{source}"),
        PostureStatus::Stricter => format!("stricter than documented{source}"),
        PostureStatus::MoreOpen => format!("more open than documented{source}"),
        // Either the mode is named instead, or nothing can be compared.
        PostureStatus::Either | PostureStatus::Unknown => String::new(),
    }
}

/// How open the endpoint is, compared with the setting that an inventory declares.
fn declared_comparison(report: &EndpointReport) -> String {
    let setting = (report.target.declared.as_ref())
        .and_then(|declared| declared.anonymous)
        .map_or("", DeclaredAnonymous::setting);
    let compared = report.compared(DeclaredFact::AnonymousRequests);
    match compared.map(|compared| compared.result) {
        Some(ComparisonResult::Confirmed) => format!("as declared ({setting})"),
        Some(ComparisonResult::MoreOpen) => format!("more open than declared ({setting})"),
        Some(ComparisonResult::Stricter) => format!("stricter than declared ({setting})"),
        Some(ComparisonResult::Differs | ComparisonResult::NotCompared) | None => String::new(),
    }
}

/// What an anonymous caller may do, and how that compares with the product's documentation and with the inventory.
pub(in crate::report) fn anonymous_may(report: &EndpointReport) -> String {
    // The setting that the answers show, for a product with several modes.
    let mode = report
        .posture
        .as_ref()
        .and_then(|posture| posture.mode.as_deref());
    let mode = mode.unwrap_or_default().to_owned();
    join_parts([
        access_text(report),
        posture_comparison(report),
        mode,
        declared_comparison(report),
    ])
}

/// What an anonymous caller may do, according to the verdict.
fn access_text(report: &EndpointReport) -> String {
    let open = Grants::of(&report.grants);
    match report.verdict {
        Verdict::Exposed => {
            join_parts([open.beyond_default(), open.by_default(), resources(report)])
        }
        Verdict::Forbidden => {
            let mut default = open.by_default();
            if open.public == ["version", "health"] && open.product.is_empty() {
                default.push_str(" (default)");
            }
            if default.is_empty() {
                default = closed_paths(report);
            }
            join_parts([default, resources(report)])
        }
        Verdict::Limited => match open.by_default() {
            open if open.is_empty() => format!("nothing: {}", report.reason),
            open => {
                let stopped = accepted_and_stopped(&report.stopped()).unwrap_or_default();
                join_parts([format!("{open} only"), stopped, not_asked(report)])
            }
        },
        Verdict::Rejected => {
            join_parts([open.by_default(), closed_paths(report), not_asked(report)])
        }
        Verdict::Inconclusive => format!("unknown: {}", report.reason),
        Verdict::NotApiServer => report.reason.clone(),
        Verdict::Unreachable => format!("no answer: {}", report.reason),
        Verdict::NotAttempted => format!("not asked: {}", report.reason),
    }
}

/// `api.example:6443 at 192.0.2.1`, `192.0.2.1:6443 as api.example` (sent as SNI).
pub(in crate::report) fn target_and_address(report: &EndpointReport) -> String {
    let target = &report.target;
    let mut text = match &report.endpoint {
        // The endpoint may speak plain HTTP although the target asks for TLS.
        Some(endpoint) => Target {
            scheme: endpoint.scheme,
            ..target.clone()
        }
        .to_string(),
        None => target.to_string(),
    };
    if let (Host::Name(_), Some(endpoint)) = (&target.host, &report.endpoint) {
        text = match endpoint.address() {
            Some(address) => format!("{text} at {}", address.ip()),
            None => format!("{text}, resolved by the proxy"),
        };
    }
    if let Some(sni) = &target.sni {
        text = format!("{text} as {sni}");
    }
    text
}

/// Why no endpoint of a specification answered.
pub(in crate::report) fn no_answer(endpoints: &[&EndpointReport]) -> String {
    let mut verdicts = endpoints.iter().map(|report| report.verdict);
    let what = if verdicts.all(|verdict| verdict == Verdict::NotAttempted) {
        "not asked"
    } else {
        "no answer"
    };
    let mut reasons = endpoints.iter().map(|report| &report.reason);
    if let Some(first) = reasons.next()
        && reasons.all(|reason| reason == first)
    {
        return format!("{what}: {first}");
    }
    let mut kinds: BTreeMap<FailureKind, u64> = BTreeMap::new();
    for failure in endpoints
        .iter()
        .filter_map(|report| report.failure.as_ref())
    {
        *kinds.entry(failure.kind).or_default() += 1;
    }
    let (count, kinds) = (endpoints.len(), counts_by_kind(&kinds));
    format!("{what} at {count} endpoints: {kinds}")
}

/// Grants by their usual names, each once. A path that is authorized but not served counts only if it is not open by
/// default.
#[derive(Default)]
struct Grants {
    lists: Vec<String>,
    reads: Vec<String>,
    public: Vec<String>,
    product: Vec<String>,
    not_served: Vec<String>,
}

impl Grants {
    fn of(grants: &[Grant]) -> Self {
        let mut grouped = Self::default();
        for grant in grants {
            let class = PathClass::of(&grant.path).unwrap_or(PathClass::Other);
            let (group, name) = match class {
                _ if grant.not_served && Grade::of(class).exposes() => {
                    (&mut grouped.not_served, grant.path.clone())
                }
                _ if grant.not_served => continue,
                PathClass::ResourceList { .. } => (&mut grouped.lists, resource_name(&grant.path)),
                PathClass::Discovery => (&mut grouped.reads, "discovery".to_owned()),
                PathClass::OpenApi => (&mut grouped.reads, "OpenAPI".to_owned()),
                PathClass::Metrics => (&mut grouped.reads, "metrics".to_owned()),
                PathClass::Diagnostics | PathClass::Other => {
                    (&mut grouped.reads, grant.path.clone())
                }
                PathClass::Version => (&mut grouped.public, "version".to_owned()),
                PathClass::Health => (&mut grouped.public, "health".to_owned()),
                PathClass::Product => (&mut grouped.product, grant.path.clone()),
            };
            if !group.contains(&name) {
                group.push(name);
            }
        }
        // Version before health.
        grouped.public.sort_by(|one, other| other.cmp(one));
        grouped
    }

    /// The paths that make the endpoint `exposed`.
    fn beyond_default(&self) -> String {
        let served = join_parts([
            verb_and_list("list ", &self.lists),
            verb_and_list("read ", &self.reads),
        ]);
        if served.is_empty() {
            verb_and_list("nothing served, but authorized for ", &self.not_served)
        } else {
            served
        }
    }

    /// The paths that are open on a default cluster or by a product's design.
    fn by_default(&self) -> String {
        let names: Vec<String> = self.public.iter().chain(&self.product).cloned().collect();
        verb_and_list("", &names)
    }
}

/// `list pods, nodes and 2 more`.
fn verb_and_list(verb: &str, names: &[String]) -> String {
    if names.is_empty() {
        return String::new();
    }
    format!("{verb}{}", joined_at_most(MAX_LISTED, names))
}

fn join_parts<const N: usize>(parts: [String; N]) -> String {
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("; ")
}

/// `secrets`, or `pods in kube-system`.
fn resource_name(path: &str) -> String {
    let segments: Vec<&str> = path.split('/').collect();
    match segments.as_slice() {
        [.., "namespaces", namespace, list] => format!("{list} in {namespace}"),
        [.., list] => (*list).to_owned(),
        [] => path.to_owned(),
    }
}

/// `nothing on 5 of 5 API paths`.
fn closed_paths(report: &EndpointReport) -> String {
    let paths = api_paths(&report.requests);
    let closed = (paths.iter())
        .filter(|path| path.access.is_refused())
        .count();
    format!("nothing on {closed} of {} API paths", paths.len())
}

/// What was not asked. A 401 on some paths does not prove that resources are closed, because a server can limit
/// anonymous access by path.
fn not_asked(report: &EndpointReport) -> String {
    let resources = if planned_lists(report) == 0 {
        RESOURCES_NOT_ASKED
    } else {
        ""
    };
    join_parts([resources.to_owned(), without_answer(report)])
}

/// The requests without an answer.
fn without_answer(report: &EndpointReport) -> String {
    unanswered_text(&report.requests, &report.not_asked).unwrap_or_default()
}

/// The number of lists of resources that the scan wanted to request.
fn planned_lists(report: &EndpointReport) -> usize {
    let asked = (api_paths(&report.requests).into_iter()).map(|path| path.class);
    let not_asked = report.not_asked.iter().map(|request| request.class);
    asked
        .chain(not_asked)
        .filter(|class| class.is_list())
        .count()
}

/// Whether lists of resources are refused. A 403 on `/api` does not prove that they are closed, and neither does a
/// missing answer.
fn resources(report: &EndpointReport) -> String {
    join_parts([refused_resources(report), without_answer(report)])
}

fn refused_resources(report: &EndpointReport) -> String {
    let closed = (api_paths(&report.requests).iter())
        .filter(|path| path.class.is_list() && path.access.is_refused())
        .count();
    match planned_lists(report) {
        0 => RESOURCES_NOT_ASKED.to_owned(),
        all if closed == all || report.verdict != Verdict::Exposed => {
            format!("resources refused: {closed} of {all}")
        }
        // The open ones are listed elsewhere.
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests;
