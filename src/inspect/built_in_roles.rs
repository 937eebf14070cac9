//! The roles that clusters have without anybody making them, for input that binds them and does not have them.

use super::rule::{PUBLIC, PUBLIC_INFO, Rule};

const READ: [&str; 3] = ["get", "list", "watch"];
const WRITE: [&str; 5] = ["create", "delete", "deletecollection", "patch", "update"];
/// What `view` reads in each API group, in every release.
const VIEWED: [(&str, &[&str]); 7] = [
    (
        "",
        &[
            "bindings",
            "configmaps",
            "endpoints",
            "events",
            "limitranges",
            "namespaces",
            "persistentvolumeclaims",
            "pods",
            "pods/log",
            "replicationcontrollers",
            "resourcequotas",
            "serviceaccounts",
            "services",
        ],
    ),
    (
        "apps",
        &[
            "controllerrevisions",
            "daemonsets",
            "deployments",
            "replicasets",
            "statefulsets",
        ],
    ),
    ("autoscaling", &["horizontalpodautoscalers"]),
    ("batch", &["cronjobs", "jobs"]),
    ("discovery.k8s.io", &["endpointslices"]),
    ("networking.k8s.io", &["ingresses", "networkpolicies"]),
    ("policy", &["poddisruptionbudgets"]),
];
/// What `edit` changes in each API group, in every release.
const EDITED: [(&str, &[&str]); 6] = [
    (
        "",
        &[
            "configmaps",
            "persistentvolumeclaims",
            "pods",
            "pods/exec",
            "secrets",
            "serviceaccounts",
            "services",
        ],
    ),
    (
        "apps",
        &["daemonsets", "deployments", "replicasets", "statefulsets"],
    ),
    ("autoscaling", &["horizontalpodautoscalers"]),
    ("batch", &["cronjobs", "jobs"]),
    ("networking.k8s.io", &["ingresses", "networkpolicies"]),
    ("policy", &["poddisruptionbudgets"]),
];

/// The rules of a `ClusterRole` that every cluster has, or what it grants at least ([`may_grant_more`]). `None` for a role
/// that is not known here.
pub(super) fn rules(name: &str) -> Option<Vec<Rule>> {
    let get = |urls: &[&str]| Rule {
        verbs: owned(&["get"]),
        urls: owned(urls),
        ..Rule::default()
    };
    Some(match name {
        "cluster-admin" => vec![
            resources(&["*"], "*", &["*"]),
            Rule {
                verbs: owned(&["*"]),
                urls: owned(&["*"]),
                ..Rule::default()
            },
        ],
        PUBLIC_INFO => vec![get(&PUBLIC)],
        "system:discovery" => vec![
            get(&PUBLIC),
            get(&[
                "/api",
                "/api/*",
                "/apis",
                "/apis/*",
                "/openapi",
                "/openapi/*",
            ]),
        ],
        "system:basic-user" => vec![
            resources(
                &["create"],
                "authorization.k8s.io",
                &["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
            ),
            resources(
                &["create"],
                "authentication.k8s.io",
                &["selfsubjectreviews"],
            ),
        ],
        "system:monitoring" => vec![get(&[
            "/healthz",
            "/healthz/*",
            "/livez",
            "/livez/*",
            "/metrics",
            "/metrics/slis",
            "/readyz",
            "/readyz/*",
        ])],
        "system:service-account-issuer-discovery" => {
            vec![get(&[
                "/.well-known/openid-configuration",
                "/openid/v1/jwks",
            ])]
        }
        "view" => viewed(),
        "edit" => edited(),
        "admin" => {
            let mut rules = edited();
            for verbs in [&READ[..], &WRITE] {
                let group = "rbac.authorization.k8s.io";
                rules.push(resources(verbs, group, &["rolebindings", "roles"]));
            }
            rules
        }
        _ => return None,
    })
}

/// Whether add-ons give more to this role, or a newer release does (`/statusz` and `/flagz` to `system:monitoring`).
pub(super) fn may_grant_more(name: &str) -> bool {
    matches!(name, "view" | "edit" | "admin" | "system:monitoring")
}

/// The labels of the roles from which a cluster fills this one.
pub(super) fn filled_from(name: &str) -> &'static [&'static str] {
    const LABELS: [&str; 3] = [
        "rbac.authorization.k8s.io/aggregate-to-view",
        "rbac.authorization.k8s.io/aggregate-to-edit",
        "rbac.authorization.k8s.io/aggregate-to-admin",
    ];
    let count = ["view", "edit", "admin"]
        .iter()
        .position(|known| *known == name)
        .map_or(0, |index| index + 1);
    &LABELS[..count]
}

fn viewed() -> Vec<Rule> {
    let groups = VIEWED.iter();
    groups
        .map(|(group, names)| resources(&READ, group, names))
        .collect()
}

fn edited() -> Vec<Rule> {
    let mut rules = viewed();
    rules.push(resources(&READ, "", &["secrets"]));
    rules.push(resources(&["impersonate"], "", &["serviceaccounts"]));
    let groups = EDITED.iter();
    rules.extend(groups.map(|(group, names)| resources(&WRITE, group, names)));
    rules
}

fn resources(verbs: &[&str], group: &str, names: &[&str]) -> Rule {
    Rule {
        verbs: owned(verbs),
        groups: owned(&[group]),
        resources: owned(names),
        ..Rule::default()
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
