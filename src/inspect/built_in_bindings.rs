//! Bindings that clusters have without anybody making them, known by name and content.

use super::rbac::{Audience, Binding};
use super::rule::Rule;

/// Whether every cluster, every cluster of kubeadm or every one of `OpenShift` has this binding with these rules.
pub(super) fn is_built_in(binding: &Binding, rules: &[Rule]) -> bool {
    let all = |holds: fn(&Rule) -> bool| rules.iter().all(holds);
    match (
        binding.namespace.as_deref(),
        binding.name.as_str(),
        binding.audience,
    ) {
        (None, "system:public-info-viewer", _) => all(Rule::is_public),
        (None, "system:discovery", Audience::Authenticated) => {
            all(|rule| rule.resources.is_empty())
        }
        (None, "system:basic-user", Audience::Authenticated) => {
            all(|rule| rule.resources.iter().all(|name| name.starts_with("self")))
        }
        (Some("kube-public"), "kubeadm:bootstrap-signer-clusterinfo", Audience::Anonymous) => {
            all(|rule| {
                rule.verbs == ["get"]
                    && rule.resources == ["configmaps"]
                    && rule.names == ["cluster-info"]
            })
        }
        (None, name, _) => {
            let known = OF_OPENSHIFT.iter().find(|known| known.name == name);
            known.is_some_and(|known| rules.iter().all(|rule| known.has(rule)))
        }
        _ => false,
    }
}

/// Whether a cluster that is installed with `OpenShift` 4.16 or newer does not have this binding for anonymous callers.
pub(super) fn is_of_old_openshift(binding: &Binding) -> bool {
    let mut known = OF_OPENSHIFT.iter();
    binding.namespace.is_none()
        && binding.audience == Audience::Anonymous
        && known.any(|known| known.name == binding.name && known.is_old)
}

/// A binding of `OpenShift` to `system:unauthenticated`, with all that the rules of its role have.
struct OfOpenShift {
    name: &'static str,
    verbs: &'static [&'static str],
    groups: &'static [&'static str],
    resources: &'static [&'static str],
    urls: &'static [&'static str],
    /// Whether clusters that are installed with 4.16 or newer do not have it.
    is_old: bool,
}

/// Without an API group the roles of `OpenShift` 3 are meant, which its successor keeps.
const OF_OPENSHIFT: [OfOpenShift; 5] = [
    OfOpenShift {
        name: "self-access-reviewers",
        verbs: &["create"],
        groups: &["", "authorization.k8s.io", "authorization.openshift.io"],
        resources: &["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
        urls: &[],
        is_old: true,
    },
    OfOpenShift {
        name: "system:oauth-token-deleters",
        verbs: &["delete"],
        groups: &["", "oauth.openshift.io"],
        resources: &["oauthaccesstokens", "oauthauthorizetokens"],
        urls: &[],
        is_old: true,
    },
    OfOpenShift {
        name: "system:openshift:public-info-viewer",
        verbs: &["get"],
        groups: &[],
        resources: &[],
        urls: &["/.well-known", "/.well-known/*", "/readyz"],
        is_old: false,
    },
    OfOpenShift {
        name: "system:scope-impersonation",
        verbs: &["impersonate"],
        groups: &["authentication.k8s.io"],
        resources: &["userextras/scopes.authorization.openshift.io"],
        urls: &[],
        is_old: true,
    },
    OfOpenShift {
        name: "system:webhooks",
        verbs: &["create", "get"],
        groups: &["", "build.openshift.io"],
        resources: &["buildconfigs/webhooks"],
        urls: &[],
        is_old: true,
    },
];

impl OfOpenShift {
    /// Whether it has everything that a rule has.
    fn has(&self, rule: &Rule) -> bool {
        [
            (self.verbs, &rule.verbs),
            (self.groups, &rule.groups),
            (self.resources, &rule.resources),
            (self.urls, &rule.urls),
        ]
        .into_iter()
        .all(|(known, words)| words.iter().all(|word| known.contains(&word.as_str())))
    }
}
