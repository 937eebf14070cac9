//! Roles and bindings: what they let anonymous callers do.

use std::collections::{BTreeMap, BTreeSet};

use super::built_in_roles;
use super::node::Node;
use super::place::Place;
use super::rule::{PUBLIC_INFO, Rule, Wanted};

/// The group of every caller without credentials.
const UNAUTHENTICATED: &str = "system:unauthenticated";
/// The user that every caller without credentials is.
const ANONYMOUS: &str = "system:anonymous";
/// The group of everybody with credentials.
const AUTHENTICATED: &str = "system:authenticated";
/// How many roles, or bindings, that Kubernetes makes itself are in the input at least if it is the dump of a cluster. An
/// add-on may bring one with such a name, and a repository may hold some that somebody exported.
const IN_EVERY_DUMP: usize = 3;
/// Names of roles and of bindings that Kubernetes makes itself in every cluster. Add-ons have others.
const BUILT_IN: [&str; 9] = [
    "cluster-admin",
    "system:basic-user",
    "system:discovery",
    "system:kube-controller-manager",
    "system:kube-dns",
    "system:kube-scheduler",
    "system:node-proxier",
    "system:public-info-viewer",
    "system:volume-scheduler",
];

/// What the input says of a role.
#[derive(Debug, Clone)]
struct Role {
    rules: Vec<Rule>,
    labels: BTreeMap<String, String>,
    /// The selectors of `aggregationRule`.
    selectors: Vec<Selector>,
}

/// Selects the roles from which another one is filled.
#[derive(Debug, Clone)]
struct Selector {
    labels: BTreeMap<String, String>,
    /// Whether it has `matchExpressions`, which are not read.
    has_expressions: bool,
}

/// What a role grants, as far as the input says it.
#[derive(Debug, Default)]
pub(super) struct Grants {
    pub(super) rules: Vec<Rule>,
    /// Why it may grant more.
    pub(super) gap: Option<Gap>,
}

/// Why what a role grants is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gap {
    NotInInput,
    /// It is filled from other roles, and none of them is in the input.
    NotFilled,
    /// It is filled from other roles by expressions.
    Expressions,
    /// It is not in the input, and what it grants at least is known.
    AtLeast,
}

/// What bindings say about a path.
pub(super) enum Decision<'a> {
    Granted(&'a Binding),
    /// No binding is known to grant it, and what the role of this one grants is not known.
    Unknown(&'a Binding, Gap),
    Refused,
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
    /// The cluster's own bindings and roles that Kubernetes makes itself, by name.
    built_in: (BTreeSet<String>, BTreeSet<String>),
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
            rules: rules.iter().map(Rule::read).collect(),
            labels: labels(node.at(&["metadata", "labels"])),
            selectors: selectors
                .map(|selector| Selector {
                    labels: labels(selector.get("matchLabels")),
                    has_expressions: selector.get("matchExpressions").is_some(),
                })
                .collect(),
        };
        let name = node.at(&["metadata", "name"]).and_then(Node::text);
        let name = (
            namespace(is_namespaced, node),
            name.unwrap_or_default().to_owned(),
        );
        self.built_in.1.extend(built_in_name(node));
        self.roles.insert(name, role);
    }

    fn add_binding(&mut self, is_namespaced: bool, node: &Node) {
        let namespace = namespace(is_namespaced, node);
        let subjects = node.get("subjects").map_or(&[][..], Node::items);
        let mut audiences: Vec<Audience> = subjects.iter().filter_map(audience).collect();
        audiences.sort_unstable();
        audiences.dedup();
        let role_name = node.at(&["roleRef", "name"]).and_then(Node::text);
        let of_namespace = node.at(&["roleRef", "kind"]).and_then(Node::text) == Some("Role");
        let name = node.at(&["metadata", "name"]).and_then(Node::text);
        self.built_in.0.extend(built_in_name(node));
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

    /// What a role grants. Of a role that another program fills from others and has not filled yet, what those grant.
    pub(super) fn grants(&self, name: &RoleName) -> Grants {
        let mut grants = Grants::default();
        self.collect(name, &mut BTreeSet::new(), &mut grants);
        if self.is_whole(name) {
            grants.gap = grants.gap.filter(|gap| *gap == Gap::Expressions);
        }
        grants
    }

    /// Whether the input has every role of this kind, so that one that is not there grants nothing.
    fn is_whole(&self, (namespace, _): &RoleName) -> bool {
        let is_of_namespace = |(namespace, _): &RoleName| namespace.is_some();
        self.built_in.1.len() >= IN_EVERY_DUMP
            && (namespace.is_none() || self.roles.keys().any(is_of_namespace))
    }

    /// Whether the input has a role.
    pub(super) fn has_role(&self, name: &RoleName) -> bool {
        self.roles.contains_key(name)
            || name.0.is_none() && built_in_roles::rules(&name.1).is_some()
    }

    /// Adds what a role grants, unless it is among those that were seen.
    fn collect(&self, name: &RoleName, seen: &mut BTreeSet<RoleName>, grants: &mut Grants) {
        if !seen.insert(name.clone()) {
            return;
        }
        let Some(role) = self.roles.get(name) else {
            let (namespace, name) = name;
            let rules = namespace.is_none().then(|| built_in_roles::rules(name));
            let Some(rules) = rules.flatten() else {
                grants.gap = grants.gap.or(Some(Gap::NotInInput));
                return;
            };
            grants.rules.extend(rules);
            if built_in_roles::may_grant_more(name) {
                grants.gap = grants.gap.or(Some(Gap::AtLeast));
            }
            for label in built_in_roles::filled_from(name) {
                let labels = [((*label).to_owned(), "true".to_owned())];
                self.fill(&BTreeMap::from(labels), seen, grants);
            }
            return;
        };
        grants.rules.extend(role.rules.iter().cloned());
        if !role.rules.is_empty() {
            return;
        }
        for selector in &role.selectors {
            if selector.has_expressions {
                grants.gap = Some(Gap::Expressions);
            } else if !self.fill(&selector.labels, seen, grants) {
                grants.gap = grants.gap.or(Some(Gap::NotFilled));
            }
        }
    }

    /// Adds what the roles with these labels grant. Returns whether there is one.
    fn fill(
        &self,
        labels: &BTreeMap<String, String>,
        seen: &mut BTreeSet<RoleName>,
        grants: &mut Grants,
    ) -> bool {
        let is_selected = |name: &RoleName, role: &Role| {
            let mut labels = labels.iter();
            name.0.is_none() && labels.all(|(key, value)| role.labels.get(key) == Some(value))
        };
        let mut is_filled = false;
        for (name, _) in self
            .roles
            .iter()
            .filter(|(name, role)| is_selected(name, role))
        {
            is_filled = true;
            self.collect(name, seen, grants);
        }
        is_filled
    }

    /// Whether the input has roles that name what a binding grants.
    pub(super) fn has_roles(&self) -> bool {
        !self.roles.is_empty()
    }

    /// The same with the bindings of a new cluster, unless the input is the dump of a cluster; and whether they were added.
    pub(super) fn completed(&self, place: &Place) -> (Self, bool) {
        let mut whole = self.clone();
        let is_dump = self.built_in.0.len() >= IN_EVERY_DUMP;
        if !is_dump {
            let name = PUBLIC_INFO.to_owned();
            whole.bindings.push(Binding {
                name: name.clone(),
                namespace: None,
                role: (None, name),
                audience: Audience::Anonymous,
                place: place.clone(),
            });
        }
        (whole, !is_dump)
    }

    /// Whether a binding lets anonymous callers read this path, or list these resources of the whole cluster.
    pub(super) fn decide(&self, path: &str) -> Decision<'_> {
        let wanted = Wanted::of(path);
        let mut decision = Decision::Refused;
        for binding in &self.bindings {
            let in_namespace = binding.namespace.is_some();
            let is_about = match (&binding.namespace, wanted.namespace) {
                (Some(namespace), wanted) => Some(namespace.as_str()) == wanted,
                (None, _) => true,
            };
            if binding.audience != Audience::Anonymous || !is_about {
                continue;
            }
            let grants = self.grants(&binding.role);
            let mut rules = grants.rules.iter();
            if rules.any(|rule| wanted.is_granted(rule, in_namespace)) {
                return Decision::Granted(binding);
            }
            if let (Decision::Refused, Some(gap)) = (&decision, grants.gap) {
                decision = Decision::Unknown(binding, gap);
            }
        }
        decision
    }
}

/// The name of an object of the whole cluster, if Kubernetes makes it itself.
fn built_in_name(node: &Node) -> Option<String> {
    let name = node.at(&["metadata", "name"]).and_then(Node::text)?;
    let labels = labels(node.at(&["metadata", "labels"]));
    let label = labels.get("kubernetes.io/bootstrapping");
    let is_labelled = label.is_some_and(|value| value == "rbac-defaults");
    (is_labelled || BUILT_IN.contains(&name)).then(|| name.to_owned())
}

fn labels(node: Option<&Node>) -> BTreeMap<String, String> {
    let entries = node.map_or(&[][..], Node::entries).iter();
    let text = |node: &Node| node.strict_text().unwrap_or_default().to_owned();
    entries
        .map(|entry| (entry.key.clone(), text(&entry.node)))
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
