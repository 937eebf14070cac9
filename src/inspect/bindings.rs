//! What bindings give to anonymous callers and, apart from them, to everybody with credentials.

use strum::VariantNames;

use super::built_in_bindings::{is_built_in, is_of_old_openshift};
use super::found::Note;
use super::place::Place;
use super::rbac::{Audience, Binding, Gap, Rbac};
use super::rule::Rule;
use crate::model::words;

/// How a binding stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, VariantNames)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Standing {
    /// Every cluster of its kind has it, and it grants what it should.
    BuiltIn,
    /// It grants nothing that a new cluster does not open anyway.
    Harmless,
    /// The role is not in the input, so it grants nothing, or what the role grants is not known.
    RoleMissing,
    /// Anonymous callers may read what they should not.
    AnonymousReads,
    /// Anonymous callers may change something.
    AnonymousChanges,
    /// Everybody with credentials may do more than every cluster lets them.
    AuthenticatedMore,
}

words!(Standing);

/// A binding that names anonymous callers, or everybody with credentials.
#[derive(Debug, Clone)]
pub struct BindingReport {
    /// `ClusterRoleBinding NAME`.
    pub name: String,
    /// Where it begins.
    pub place: Place,
    /// Whom it names: `anonymous callers` or `system:authenticated`.
    pub audience: &'static str,
    /// `ClusterRole NAME`.
    pub role: String,
    /// How it stands out.
    pub standing: Standing,
    /// What it grants, rule by rule.
    pub grants: Vec<String>,
    /// Why what it grants is not known, or not all of it.
    pub unknown: Option<String>,
}

impl Binding {
    /// `ClusterRoleBinding NAME`.
    pub(super) fn described(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("RoleBinding {namespace}/{}", self.name),
            None => format!("ClusterRoleBinding {}", self.name),
        }
    }

    fn role_described(&self) -> String {
        match &self.role {
            (Some(namespace), name) => format!("Role {namespace}/{name}"),
            (None, name) => format!("ClusterRole {name}"),
        }
    }

    /// Why what its role grants is not known.
    pub(super) fn gap_described(&self, gap: Gap) -> String {
        let why = match gap {
            Gap::NotInInput => "is not in the input, so what it grants is not known",
            Gap::NotFilled => {
                "is filled from other roles, which are not in the input, so what it grants is not known"
            }
            Gap::Expressions => {
                "is filled from other roles by matchExpressions, which are not evaluated, so what it grants is not known"
            }
            Gap::AtLeast => "is not in the input, and some clusters give it more than others",
        };
        format!("{} {why}", self.role_described())
    }
}

/// A report on each binding.
pub(super) fn reports(rbac: &Rbac) -> Vec<BindingReport> {
    rbac.bindings
        .iter()
        .map(|binding| report(rbac, binding))
        .collect()
}

/// Remarks on what is missing in the input.
pub(super) fn notes(rbac: &Rbac, notes: &mut Vec<Note>) {
    let old = rbac.bindings.iter().filter(|one| is_of_old_openshift(one));
    for binding in old.filter(|one| report(rbac, one).standing == Standing::BuiltIn) {
        let text = format!(
            "{} is a default of OpenShift before 4.16. Clusters installed with a newer release do not have it for \
             system:unauthenticated, and an upgrade keeps it: take the group out of it",
            binding.described()
        );
        notes.push(Note::at(&binding.place, text));
    }
    let is_unknown = |binding: &&Binding| rbac.grants(&binding.role).gap.is_some();
    if !rbac.has_roles()
        && let Some(first) = rbac.bindings.iter().find(is_unknown)
    {
        let text = "the input has bindings and no roles, so what they grant is not known: \
                    kubectl get clusterroles,clusterrolebindings,roles,rolebindings -A -o yaml";
        notes.push(Note::at(&first.place, text));
    }
}

fn report(rbac: &Rbac, binding: &Binding) -> BindingReport {
    let grants = rbac.grants(&binding.role);
    let effective: Vec<Rule> = grants
        .rules
        .iter()
        .map(|rule| rule.in_binding(binding))
        .filter(|rule| !rule.is_empty())
        .collect();
    let unknown = match grants.gap {
        Some(gap) => Some(binding.gap_described(gap)),
        None if rbac.has_role(&binding.role) => None,
        None => Some(format!(
            "{} is not in the input, which has the others, so it grants nothing",
            binding.role_described()
        )),
    };
    let is_harmless = effective.iter().all(Rule::is_public);
    let standing = match binding.audience {
        _ if unknown.is_some() && is_harmless => Standing::RoleMissing,
        _ if is_built_in(binding, &effective) => Standing::BuiltIn,
        _ if is_harmless => Standing::Harmless,
        Audience::Authenticated => Standing::AuthenticatedMore,
        Audience::Anonymous if effective.iter().any(Rule::changes) => Standing::AnonymousChanges,
        Audience::Anonymous => Standing::AnonymousReads,
    };
    BindingReport {
        name: binding.described(),
        place: binding.place.clone(),
        audience: match binding.audience {
            Audience::Anonymous => "anonymous callers",
            Audience::Authenticated => "system:authenticated",
        },
        role: binding.role_described(),
        standing,
        grants: effective
            .iter()
            .map(|rule| rule.described(binding))
            .collect(),
        unknown,
    }
}

impl Rule {
    /// The rule as a binding grants it: a binding of a namespace opens no paths.
    fn in_binding(&self, binding: &Binding) -> Self {
        let mut rule = self.clone();
        if binding.namespace.is_some() {
            rule.urls.clear();
        }
        rule
    }

    fn is_empty(&self) -> bool {
        let has_resources = !self.resources.is_empty() && !self.groups.is_empty();
        self.verbs.is_empty() || !has_resources && self.urls.is_empty()
    }

    /// `list configmaps in team-a`, `get /metrics`, `everything on every resource`.
    fn described(&self, binding: &Binding) -> String {
        let all = |words: &[String], all: &str| match words {
            [only] if only == "*" => all.to_owned(),
            words => words.join(", "),
        };
        let verbs = all(&self.verbs, "everything on");
        if self.resources.is_empty() {
            return format!("{verbs} {}", all(&self.urls, "every path"));
        }
        let names = match self.names.as_slice() {
            [] => String::new(),
            names => format!(" named {}", names.join(", ")),
        };
        let place = binding.namespace.as_ref();
        let place = place.map_or_else(String::new, |namespace| format!(" in {namespace}"));
        let resources = all(&self.resources, "every resource");
        format!(
            "{verbs} {resources}{}{names}{place}",
            self.groups_described()
        )
    }

    /// ` of metrics.k8s.io`; nothing for every group, and for the one without a name.
    fn groups_described(&self) -> String {
        let is_all = self.groups.iter().any(|group| group == "*");
        let is_core = self.groups.iter().all(String::is_empty);
        match self.resources.as_slice() {
            _ if is_all => String::new(),
            [only] if only == "*" && is_core => " of the core API group".to_owned(),
            _ if is_core => String::new(),
            _ => {
                let named = |group: &String| match group.as_str() {
                    "" => "the core API group".to_owned(),
                    group => group.to_owned(),
                };
                let groups: Vec<String> = self.groups.iter().map(named).collect();
                format!(" of {}", groups.join(", "))
            }
        }
    }
}
