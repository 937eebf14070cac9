//! Roles and bindings: what they let anonymous callers do.

use std::collections::BTreeMap;

use super::node::{Node, Value};
use super::place::Place;

/// The group of every caller without credentials.
const UNAUTHENTICATED: &str = "system:unauthenticated";
/// The user that every caller without credentials is.
const ANONYMOUS: &str = "system:anonymous";
/// The group of everybody with credentials.
const AUTHENTICATED: &str = "system:authenticated";
/// The role, and its binding, with which a new cluster opens [`PUBLIC`] to everybody.
const PUBLIC_INFO: &str = "system:public-info-viewer";
/// What a new cluster opens to everybody, with GET.
pub(super) const PUBLIC: [&str; 5] = ["/healthz", "/livez", "/readyz", "/version", "/version/"];

/// A rule of a role.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) verbs: Vec<String>,
    pub(super) groups: Vec<String>,
    pub(super) resources: Vec<String>,
    pub(super) names: Vec<String>,
    pub(super) urls: Vec<String>,
}

/// A role, with the namespace of a `Role` and none for a `ClusterRole`.
#[derive(Debug, Clone)]
struct Role {
    rules: Vec<Rule>,
    labels: BTreeMap<String, String>,
    /// The labels of each selector of `aggregationRule`.
    selectors: Vec<BTreeMap<String, String>>,
}

/// Whom a binding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Audience {
    /// Callers without credentials.
    Anonymous,
    /// Everybody with credentials.
    Authenticated,
}

/// A binding that names an audience.
#[derive(Debug, Clone)]
pub(super) struct Binding {
    pub(super) name: String,
    /// `None` for a `ClusterRoleBinding`.
    pub(super) namespace: Option<String>,
    pub(super) role: RoleName,
    pub(super) audience: Audience,
    pub(super) place: Place,
}

/// The name of a role: its namespace, or none for a `ClusterRole`, and its name.
pub(super) type RoleName = (Option<String>, String);

/// All roles and bindings of the input.
#[derive(Debug, Clone, Default)]
pub(super) struct Rbac {
    roles: BTreeMap<RoleName, Role>,
    pub(super) bindings: Vec<Binding>,
    /// Whether there is a binding, of whomever.
    pub(super) has_bindings: bool,
    /// Whether a binding is there that Kubernetes makes itself, as in every dump of a cluster.
    has_system_bindings: bool,
}

impl Rbac {
    /// Adds an object, if it is a role or a binding.
    pub(super) fn add(&mut self, kind: &str, node: &Node) -> bool {
        match kind {
            "ClusterRole" | "Role" => self.add_role(kind == "Role", node),
            "ClusterRoleBinding" | "RoleBinding" => self.add_binding(kind == "RoleBinding", node),
            _ => return false,
        }
        true
    }

    fn add_role(&mut self, is_namespaced: bool, node: &Node) {
        let rules = node.get("rules").map_or(&[][..], Node::items);
        let selectors = node.at(&["aggregationRule", "clusterRoleSelectors"]);
        let selectors = selectors.map_or(&[][..], Node::items).iter();
        let role = Role {
            rules: rules.iter().map(rule).collect(),
            labels: labels(node.at(&["metadata", "labels"])),
            selectors: selectors
                .map(|selector| labels(selector.get("matchLabels")))
                .filter(|labels| !labels.is_empty())
                .collect(),
        };
        let name = node.at(&["metadata", "name"]).and_then(Node::text);
        let name = (
            namespace(is_namespaced, node),
            name.unwrap_or_default().to_owned(),
        );
        self.roles.insert(name, role);
    }

    fn add_binding(&mut self, is_namespaced: bool, node: &Node) {
        self.has_bindings = true;
        let namespace = namespace(is_namespaced, node);
        let subjects = node.get("subjects").map_or(&[][..], Node::items);
        let mut audiences: Vec<Audience> = subjects.iter().filter_map(audience).collect();
        audiences.sort_unstable();
        audiences.dedup();
        let role_name = node.at(&["roleRef", "name"]).and_then(Node::text);
        let of_namespace = node.at(&["roleRef", "kind"]).and_then(Node::text) == Some("Role");
        let name = node.at(&["metadata", "name"]).and_then(Node::text);
        self.has_system_bindings |= name.is_some_and(|name| name.starts_with("system:"));
        for audience in audiences {
            self.bindings.push(Binding {
                name: name.unwrap_or_default().to_owned(),
                namespace: namespace.clone(),
                role: (
                    namespace.clone().filter(|_| of_namespace),
                    role_name.unwrap_or_default().to_owned(),
                ),
                audience,
                place: node.place.clone(),
            });
        }
    }

    /// The rules of a role; `None` if the role is not in the input. Of a role that another program fills from others and
    /// has not filled yet, the rules of those.
    pub(super) fn rules(&self, name: &RoleName) -> Option<Vec<Rule>> {
        let Some(role) = self.roles.get(name) else {
            return (name.0.is_none()).then(|| built_in(&name.1)).flatten();
        };
        if !role.rules.is_empty() {
            return Some(role.rules.clone());
        }
        let is_selected = |other: &&Role| {
            role.selectors.iter().any(|selector| {
                selector
                    .iter()
                    .all(|(key, value)| other.labels.get(key) == Some(value))
            })
        };
        let others = self
            .roles
            .iter()
            .filter(|((namespace, _), _)| namespace.is_none());
        let others = others.map(|(_, other)| other).filter(is_selected);
        Some(others.flat_map(|other| other.rules.clone()).collect())
    }

    /// Whether the input has roles that name what a binding grants.
    pub(super) fn has_roles(&self) -> bool {
        !self.roles.is_empty()
    }

    /// The same with the bindings of a new cluster, unless the input is the dump of a cluster; and whether they were added.
    pub(super) fn completed(&self, place: &Place) -> (Self, bool) {
        let mut whole = self.clone();
        if !self.has_system_bindings {
            let name = PUBLIC_INFO.to_owned();
            whole.bindings.push(Binding {
                name: name.clone(),
                namespace: None,
                role: (None, name),
                audience: Audience::Anonymous,
                place: place.clone(),
            });
        }
        (whole, !self.has_system_bindings)
    }

    /// The first binding that lets anonymous callers read this path, or list these resources of the whole cluster.
    pub(super) fn granting(&self, path: &str) -> Option<&Binding> {
        let wanted = Wanted::of(path);
        let of_cluster = self.bindings.iter().filter(|binding| {
            binding.audience == Audience::Anonymous
                && (binding.namespace.is_none() || binding.namespace.as_deref() == wanted.namespace)
        });
        of_cluster.into_iter().find(|binding| {
            let rules = self.rules(&binding.role).unwrap_or_default();
            rules
                .iter()
                .any(|rule| wanted.is_granted(rule, binding.namespace.is_some()))
        })
    }
}

/// What a request to a path asks of the authorizer.
struct Wanted<'a> {
    path: &'a str,
    /// The API group and the resource of a list.
    list: Option<(&'a str, &'a str)>,
    namespace: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    fn of(path: &'a str) -> Self {
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let (group, rest) = match parts.as_slice() {
            ["api", _, rest @ ..] => ("", rest),
            ["apis", group, _, rest @ ..] => (*group, rest),
            _ => ("", &[][..]),
        };
        let (namespace, resource) = match rest {
            ["namespaces", namespace, resource] => (Some(*namespace), Some(*resource)),
            [resource] if !resource.is_empty() => (None, Some(*resource)),
            _ => (None, None),
        };
        Self {
            path,
            list: resource.map(|resource| (group, resource)),
            namespace,
        }
    }

    fn is_granted(&self, rule: &Rule, in_namespace: bool) -> bool {
        let Some((group, resource)) = self.list else {
            return !in_namespace && has(&rule.verbs, "get") && rule.opens(self.path);
        };
        has(&rule.verbs, "list")
            && has(&rule.groups, group)
            && has(&rule.resources, resource)
            && rule.names.is_empty()
    }
}

impl Rule {
    /// Whether it opens a path that is no resource.
    fn opens(&self, path: &str) -> bool {
        self.urls.iter().any(|url| match url.strip_suffix('*') {
            Some(prefix) => path.starts_with(prefix),
            None => url == path,
        })
    }

    /// Whether it lets callers change something, or do everything.
    pub(super) fn changes(&self) -> bool {
        const READS: [&str; 3] = ["get", "list", "watch"];
        let reads = |verb: &String| READS.contains(&verb.as_str());
        !self.resources.is_empty() && !self.verbs.iter().all(reads)
    }

    /// Whether it opens nothing but what a new cluster opens.
    pub(super) fn is_public(&self) -> bool {
        let is_public = |url: &String| PUBLIC.contains(&url.as_str());
        self.resources.is_empty() && self.urls.iter().all(is_public)
    }
}

fn has(words: &[String], wanted: &str) -> bool {
    words.iter().any(|word| word == "*" || word == wanted)
}

fn rule(node: &Node) -> Rule {
    let texts = |key| node.texts_of(key).map(str::to_owned).collect();
    Rule {
        verbs: texts("verbs"),
        groups: texts("apiGroups"),
        resources: texts("resources"),
        names: texts("resourceNames"),
        urls: texts("nonResourceURLs"),
    }
}

fn labels(node: Option<&Node>) -> BTreeMap<String, String> {
    let entries = node.map_or(&[][..], Node::entries).iter();
    let text = |value: &Value| match value {
        Value::Text(text) => text.clone(),
        _ => String::new(),
    };
    entries
        .map(|entry| (entry.key.clone(), text(&entry.node.value)))
        .collect()
}

/// The namespace of an object that has one. Without the field it is `default`.
fn namespace(is_namespaced: bool, node: &Node) -> Option<String> {
    let namespace = node.at(&["metadata", "namespace"]).and_then(Node::text);
    is_namespaced.then(|| namespace.unwrap_or("default").to_owned())
}

fn audience(subject: &Node) -> Option<Audience> {
    match (subject.text_of("kind")?, subject.text_of("name")?) {
        ("User", ANONYMOUS) | ("Group", UNAUTHENTICATED) => Some(Audience::Anonymous),
        ("Group", AUTHENTICATED) => Some(Audience::Authenticated),
        _ => None,
    }
}

/// The rules of a role that every cluster has, for input without it.
fn built_in(name: &str) -> Option<Vec<Rule>> {
    let all = || vec!["*".to_owned()];
    match name {
        "cluster-admin" => Some(vec![
            Rule {
                verbs: all(),
                groups: all(),
                resources: all(),
                ..Rule::default()
            },
            Rule {
                verbs: all(),
                urls: all(),
                ..Rule::default()
            },
        ]),
        PUBLIC_INFO => Some(vec![Rule {
            verbs: vec!["get".to_owned()],
            urls: PUBLIC.map(str::to_owned).to_vec(),
            ..Rule::default()
        }]),
        _ => None,
    }
}
