//! What answered and what an anonymous caller may do there, in a few words.

use std::collections::BTreeMap;

use super::super::escape::clip;
use crate::model::{
    Access, Attribution, Component, Confidence, EndpointReport, FailureKind, Grade, Grant,
    Identification, PathClass, PostureStatus, Provenance, Trust, Verdict, api_paths, left_out,
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
    let who = whose(identification, component);
    let version = identification
        .version
        .as_deref()
        .map(|version| format!(" {}", clip(version, VERSION)));
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

/// The product where one is named and an API server answers; else the component, with the product, or
/// the products that tie, in parentheses.
fn whose(identification: &Identification, component: &str) -> String {
    let Attribution {
        product,
        confidence,
        others,
        ..
    } = &identification.attribution;
    let api_server = identification.component == Component::KubeApiServer;
    match product {
        Some(product) => {
            let perhaps = if *confidence == Some(Confidence::Low) {
                "perhaps "
            } else {
                ""
            };
            let name = format!("{perhaps}{}", product.short);
            if api_server {
                name
            } else {
                format!("{component} ({name})")
            }
        }
        None if others.is_empty() => component.to_owned(),
        None => {
            let names: Vec<&str> = others
                .iter()
                .take(TIED)
                .map(|product| &*product.short)
                .collect();
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
    let Some(posture) = &report.posture else {
        return String::new();
    };
    let told = match posture.known {
        Provenance::Documented => "documented",
        Provenance::Observed => "observed elsewhere",
        Provenance::Inferred | Provenance::Unknown => "to be expected",
    };
    match posture.standing {
        PostureStatus::AsDocumented => format!("as {told}"),
        PostureStatus::Stricter => format!("less than {told}"),
        PostureStatus::Looser => format!("more than {told}"),
        // The mode is said instead, or nothing is graded.
        PostureStatus::Either | PostureStatus::Unknown => String::new(),
    }
}

/// What the answer tells about the setting, where the product's answer depends on one.
fn mode(report: &EndpointReport) -> String {
    report
        .posture
        .as_ref()
        .and_then(|posture| posture.mode.as_deref())
        .unwrap_or_default()
        .to_owned()
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
            let nothing = if default.is_empty() {
                nothing(report)
            } else {
                String::new()
            };
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
    let ours = endpoints
        .iter()
        .all(|report| report.verdict == Verdict::NotAttempted);
    let what = if ours { "not asked" } else { "no answer" };
    let mut reasons = endpoints.iter().map(|report| &report.reason);
    if let Some(first) = reasons.next()
        && reasons.all(|reason| reason == first)
    {
        return format!("{what}: {first}");
    }
    let mut kinds: BTreeMap<FailureKind, usize> = BTreeMap::new();
    for failure in endpoints
        .iter()
        .filter_map(|report| report.failure.as_ref())
    {
        *kinds.entry(failure.kind).or_default() += 1;
    }
    let kinds = kinds
        .iter()
        .map(|(kind, count)| format!("{count} {}", kind.phrase()));
    format!(
        "{what} at {} endpoints: {}",
        endpoints.len(),
        kinds.collect::<Vec<_>>().join(", ")
    )
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
                _ if grant.not_served && Grade::of(class).exposes() => {
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
    let listed = things
        .iter()
        .take(LISTED)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
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
    let resources = if lists(report) == 0 {
        RESOURCES_NOT_ASKED
    } else {
        ""
    };
    join([resources.to_owned(), without_answer(report)])
}

/// What came to no answer.
fn without_answer(report: &EndpointReport) -> String {
    left_out(&report.requests, &report.not_asked).unwrap_or_default()
}

/// How many lists of resources were to be asked.
fn lists(report: &EndpointReport) -> usize {
    let asked = api_paths(&report.requests)
        .values()
        .filter(|(class, _)| is_list(*class))
        .count();
    asked
        + report
            .not_asked
            .iter()
            .filter(|request| is_list(request.class))
            .count()
}

/// Without resources among the paths, a 403 on `/api` does not say that none is open; and those that came to
/// no answer are not refused.
fn resources(report: &EndpointReport) -> String {
    join([refused_resources(report), without_answer(report)])
}

fn refused_resources(report: &EndpointReport) -> String {
    let closed = (api_paths(&report.requests).values())
        .filter(|(class, access)| is_list(*class) && refused(access))
        .count();
    match lists(report) {
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
mod tests;
