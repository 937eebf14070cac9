//! What answered and what an anonymous caller may do there, in a few words.

use std::collections::BTreeMap;

use super::super::escape::clip;
use crate::model::{
    Access, Attribution, Component, Confidence, EndpointReport, FailureKind, Grant, Identification, Known,
    PathClass, Standing, Trust, Verdict, api_paths, left_out,
};

/// Things listed before "and N more".
const LISTED: usize = 4;
/// Products that tie, named before "or one of N more".
const TIED: usize = 2;
/// Characters of a version, which the server chooses.
const VERSION: usize = 40;
/// Where no list of resources was among the paths.
const RESOURCES_NOT_ASKED: &str = "resources not asked";

/// WHO: the component, its version, whether something stands in front; `-` when nothing answered.
pub(in crate::report) fn who(report: &EndpointReport) -> String {
    let Some(identification) = &report.identification else { return "-".to_owned() };
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
    let who = whose(identification, component);
    let version = identification.version.as_deref().map(|version| format!(" {}", clip(version, VERSION)));
    let front = if identification.through_front { ", through a front end" } else { "" };
    let trust = match report.tls.as_ref().and_then(|tls| tls.trust.as_ref()) {
        Some(Trust::NotAnchored { .. }) => ", certificate of another CA",
        Some(Trust::NotChecked { .. }) => ", CA not checked",
        _ => "",
    };
    format!("{who}{}{front}{trust}", version.unwrap_or_default())
}

/// The product where one is named and an API server answers; else the component, with the product, or
/// the products that tie, in parentheses.
fn whose(identification: &Identification, component: &str) -> String {
    let Attribution { product, confidence, others, .. } = &identification.attribution;
    let api_server = identification.component == Component::KubeApiServer;
    match product {
        Some(product) => {
            let perhaps = if *confidence == Some(Confidence::Low) { "perhaps " } else { "" };
            let name = format!("{perhaps}{}", product.short);
            if api_server { name } else { format!("{component} ({name})") }
        }
        None if others.is_empty() => component.to_owned(),
        None => {
            let names: Vec<&str> = others.iter().take(TIED).map(|product| &*product.short).collect();
            let more = match others.len().saturating_sub(TIED) {
                0 => String::new(),
                1 => " or another".to_owned(),
                more => format!(" or one of {more} more"),
            };
            format!("{component} ({}{more})", names.join(" or "))
        }
    }
}

/// How the answer stands to what the product should answer.
fn stands(report: &EndpointReport) -> String {
    let Some(posture) = &report.posture else { return String::new() };
    let told = match posture.known {
        Known::Documented => "documented",
        Known::Observed => "observed elsewhere",
        Known::Inferred | Known::Unknown => "to be expected",
    };
    match posture.standing {
        Standing::AsDocumented => format!("as {told}"),
        Standing::Stricter => format!("less than {told}"),
        Standing::Looser => format!("more than {told}"),
        // The mode is said instead, or nothing is graded.
        Standing::Either | Standing::Unknown => String::new(),
    }
}

/// What the answer tells about the setting, where the product's answer depends on one.
fn mode(report: &EndpointReport) -> String {
    report.posture.as_ref().and_then(|posture| posture.mode.as_deref()).unwrap_or_default().to_owned()
}

/// ANONYMOUS MAY.
pub(in crate::report) fn may(report: &EndpointReport) -> String {
    join([open(report), stands(report), mode(report)])
}

fn open(report: &EndpointReport) -> String {
    let open = Open::of(&report.grants);
    match report.verdict {
        Verdict::Exposed => join([open.beyond(), open.by_default(), resources(report)]),
        Verdict::Forbidden => {
            let mut default = open.by_default();
            if open.public == ["version", "health"] && open.product.is_empty() {
                default.push_str(" (default)");
            }
            let nothing = if default.is_empty() { nothing(report) } else { String::new() };
            join([default, nothing, resources(report)])
        }
        Verdict::Limited => match open.by_default() {
            open if open.is_empty() => format!("nothing: {}", report.reason),
            open => join([format!("{open} only"), not_asked(report)]),
        },
        Verdict::Rejected => join([open.by_default(), nothing(report), not_asked(report)]),
        Verdict::Inconclusive => format!("unknown: {}", report.reason),
        Verdict::NotApiServer => report.reason.clone(),
        Verdict::Unreachable => format!("no answer: {}", report.reason),
        Verdict::NotAttempted => format!("not asked: {}", report.reason),
    }
}

/// ANONYMOUS MAY of a specification none of whose endpoints answered.
pub(super) fn silence(endpoints: &[&EndpointReport]) -> String {
    let ours = endpoints.iter().all(|report| report.verdict == Verdict::NotAttempted);
    let what = if ours { "not asked" } else { "no answer" };
    let mut reasons = endpoints.iter().map(|report| &report.reason);
    if let Some(first) = reasons.next()
        && reasons.all(|reason| reason == first)
    {
        return format!("{what}: {first}");
    }
    let mut kinds: BTreeMap<FailureKind, usize> = BTreeMap::new();
    for failure in endpoints.iter().filter_map(|report| report.failure.as_ref()) {
        *kinds.entry(failure.kind).or_default() += 1;
    }
    let kinds = kinds.iter().map(|(kind, count)| format!("{count} {}", kind.phrase()));
    format!("{what} at {} endpoints: {}", endpoints.len(), kinds.collect::<Vec<_>>().join(", "))
}

/// Grants sorted by what people call them, each named once. What is let through and not served gives
/// nobody anything: it is told only where it shows that more than the default is let through.
#[derive(Default)]
struct Open {
    lists: Vec<String>,
    reads: Vec<String>,
    public: Vec<String>,
    product: Vec<String>,
    not_served: Vec<String>,
}

impl Open {
    fn of(grants: &[Grant]) -> Self {
        let mut open = Self::default();
        for grant in grants {
            let class = PathClass::of(&grant.path).unwrap_or(PathClass::Other);
            let (place, thing) = match class {
                _ if grant.not_served && class.grade().exposes() => {
                    (&mut open.not_served, grant.path.clone())
                }
                _ if grant.not_served => continue,
                PathClass::ResourceList { .. } => (&mut open.lists, resource(&grant.path)),
                PathClass::Discovery => (&mut open.reads, "discovery".to_owned()),
                PathClass::OpenApi => (&mut open.reads, "OpenAPI".to_owned()),
                PathClass::Metrics => (&mut open.reads, "metrics".to_owned()),
                PathClass::Diagnostics | PathClass::Other => (&mut open.reads, grant.path.clone()),
                PathClass::Version => (&mut open.public, "version".to_owned()),
                PathClass::Health => (&mut open.public, "health".to_owned()),
                PathClass::Product => (&mut open.product, grant.path.clone()),
            };
            if !place.contains(&thing) {
                place.push(thing);
            }
        }
        // Version before health, whatever the order of their paths.
        open.public.sort_by(|one, other| other.cmp(one));
        open
    }

    /// What makes it `exposed`.
    fn beyond(&self) -> String {
        let served = join([said("list ", &self.lists), said("read ", &self.reads)]);
        if served.is_empty() {
            said("nothing served, though let through to ", &self.not_served)
        } else {
            served
        }
    }

    /// What is open on a default cluster, or by a product's design.
    fn by_default(&self) -> String {
        let things: Vec<String> = self.public.iter().chain(&self.product).cloned().collect();
        said("", &things)
    }
}

fn said(verb: &str, things: &[String]) -> String {
    let listed = things.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match things.len() {
        0 => String::new(),
        n if n > LISTED => format!("{verb}{listed} and {} more", n - LISTED),
        _ => format!("{verb}{listed}"),
    }
}

fn join<const N: usize>(parts: [String; N]) -> String {
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("; ")
}

/// `secrets`, or `pods in kube-system`.
fn resource(path: &str) -> String {
    let segments: Vec<&str> = path.split('/').collect();
    match segments.as_slice() {
        [.., "namespaces", namespace, list] => format!("{list} in {namespace}"),
        [.., list] => (*list).to_owned(),
        [] => path.to_owned(),
    }
}

/// `nothing on 5 of 5 API paths`.
fn nothing(report: &EndpointReport) -> String {
    let paths = api_paths(&report.requests);
    let closed = paths.values().filter(|(_, access)| refused(access)).count();
    format!("nothing on {closed} of {} API paths", paths.len())
}

/// Without resources among the paths, a 401 on these does not say that none is open: conditions name paths.
fn not_asked(report: &EndpointReport) -> String {
    let asked = api_paths(&report.requests).values().any(|(class, _)| is_list(*class));
    if asked { String::new() } else { RESOURCES_NOT_ASKED.to_owned() }
}

/// Without resources among the paths, a 403 on `/api` does not say that none is open; and those that came to
/// no answer are not refused.
fn resources(report: &EndpointReport) -> String {
    join([refused_resources(report), left_out(&report.requests, &report.not_asked).unwrap_or_default()])
}

fn refused_resources(report: &EndpointReport) -> String {
    let lists: Vec<&Access> = (api_paths(&report.requests).into_values())
        .filter_map(|(class, access)| is_list(class).then_some(access))
        .collect();
    let closed = lists.iter().filter(|access| refused(access)).count();
    let all = lists.len() + report.not_asked.iter().filter(|request| is_list(request.class)).count();
    match all {
        0 => RESOURCES_NOT_ASKED.to_owned(),
        all if closed == all || report.verdict != Verdict::Exposed => {
            format!("resources refused: {closed} of {all}")
        }
        // Those that are open are listed.
        _ => String::new(),
    }
}

const fn is_list(class: PathClass) -> bool {
    matches!(class, PathClass::ResourceList { .. })
}

const fn refused(access: &Access) -> bool {
    matches!(access, Access::Rejected | Access::Forbidden)
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::{
        eks, forbidden, granted, identified, origin, rejected, report, target, with_requests,
    };
    use super::*;
    use crate::model::{JudgedRequest, Product};

    fn said_of(verdict: Verdict, requests: Vec<JudgedRequest>) -> String {
        let target = target(0, origin(1, "192.0.2.1"), "192.0.2.1", 6443);
        may(&with_requests(report(target, "192.0.2.1", verdict, "the reason"), requests))
    }

    #[test]
    fn exposed_without_resources() {
        assert_eq!(
            said_of(Verdict::Exposed, ["/version", "/api", "/healthz"].map(granted).into()),
            "read discovery; version, health; resources not asked"
        );
        let mut requests = vec![granted("/api"), rejected("/version")];
        requests.extend(["/api/v1/secrets", "/api/v1/pods"].map(forbidden));
        assert_eq!(said_of(Verdict::Exposed, requests), "read discovery; resources refused: 2 of 2");
    }

    #[test]
    fn long_lists_end() {
        let lists = ["a", "b", "c", "d", "e", "f", "g", "h"].map(|list| granted(&format!("/api/v1/{list}")));
        assert_eq!(said_of(Verdict::Exposed, lists.into()), "list a, b, c, d and 4 more");
    }

    #[test]
    fn the_default_is_called_so_only_where_it_is_the_default() {
        let api = || forbidden("/api");
        assert_eq!(
            said_of(Verdict::Forbidden, vec![granted("/version"), api(), granted("/healthz")]),
            "version, health (default); resources not asked"
        );
        assert_eq!(
            said_of(Verdict::Forbidden, vec![granted("/version"), api(), forbidden("/healthz")]),
            "version; resources not asked"
        );
        assert_eq!(
            said_of(Verdict::Forbidden, vec![forbidden("/version"), api(), forbidden("/healthz")]),
            "nothing on 3 of 3 API paths; resources not asked"
        );
    }

    #[test]
    fn limited_and_rejected() {
        let api = || rejected("/api");
        assert_eq!(
            said_of(Verdict::Limited, vec![granted("/version"), api(), granted("/livez")]),
            "version, health only; resources not asked"
        );
        assert_eq!(said_of(Verdict::Limited, vec![forbidden("/version"), api()]), "nothing: the reason");
        assert_eq!(
            said_of(Verdict::Rejected, vec![rejected("/version"), api(), granted("/ping")]),
            "/ping; nothing on 2 of 2 API paths; resources not asked"
        );
        let lists = vec![rejected("/version"), api(), rejected("/api/v1/secrets")];
        assert_eq!(said_of(Verdict::Rejected, lists), "nothing on 3 of 3 API paths");
    }

    #[test]
    fn what_is_not_served_is_nothing_that_anybody_may() {
        let grant = |path: &str, not_served| Grant {
            path: path.to_owned(),
            grade: crate::model::Grade::Discovery,
            verb: "get",
            not_served,
            request: 0,
        };
        let open = Open::of(&[grant("/api", false), grant("/logs", true), grant("/ping", true)]);
        assert_eq!((open.beyond().as_str(), open.by_default().as_str()), ("read discovery", ""));
        // Let through it is still more than the default.
        let open = Open::of(&[grant("/logs", true), grant("/ping", true)]);
        assert_eq!(open.beyond(), "nothing served, though let through to /logs");
    }

    #[test]
    fn who_names_nothing_that_showed_nothing() {
        let said = |component, kubernetes, product: Option<&str>, confidence| {
            let target = target(0, origin(1, "192.0.2.1"), "192.0.2.1", 6443);
            let mut report = report(target, "192.0.2.1", Verdict::Unreachable, "tls: not TLS");
            let mut identification = identified(component, None);
            identification.kubernetes = kubernetes;
            identification.attribution.confidence = Some(confidence);
            identification.attribution.product =
                product.map(|short| Product { short: short.to_owned().into(), ..eks() });
            report.identification = Some(identification);
            who(&report)
        };
        let (low, high) = (Confidence::Low, Confidence::High);
        assert_eq!(said(Component::Unknown, false, None, low), "unknown");
        assert_eq!(said(Component::Unknown, true, None, low), "Kubernetes, part unknown");
        assert_eq!(
            said(Component::Unknown, true, Some("kubeadm"), high),
            "Kubernetes, part unknown (kubeadm)"
        );
        assert_eq!(said(Component::Kubelet, true, Some("kubeadm"), low), "kubelet (perhaps kubeadm)");
        assert_eq!(said(Component::KubeApiServer, true, Some("kubeadm"), low), "perhaps kubeadm");
    }

    #[test]
    fn who_stays_short() {
        let target = target(0, origin(1, "192.0.2.1"), "192.0.2.1", 6443);
        let mut report = report(target, "192.0.2.1", Verdict::Forbidden, "");
        let mut identification = identified(Component::KubeApiServer, Some(&"9".repeat(300)));
        identification.attribution.others = vec![eks(); 9];
        report.identification = Some(identification);
        let said = who(&report);
        assert!(said.starts_with("kube-apiserver (EKS or EKS or one of 7 more) 999"), "{said}");
        assert!(said.chars().count() < 90, "{said}");
    }
}
