//! One rule of an audit policy, and what it matches. Follows `ruleMatches` of k8s.io/apiserver.

use super::words::{Level, Place, Stage};
use crate::kubernetes::{Attributes, ResourceAttributes};

/// One rule. An empty condition matches everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Where the rule begins in its file.
    pub place: Place,
    /// How much is written of what it matches.
    pub level: Level,
    /// Names of users.
    pub users: Vec<String>,
    /// Groups of users.
    pub user_groups: Vec<String>,
    /// `get`, `list` …
    pub verbs: Vec<String>,
    /// Namespaces; an empty text stands for resources without a namespace.
    pub namespaces: Vec<String>,
    /// Resources.
    pub resources: Vec<GroupResources>,
    /// Paths that are not resources, with `*` at the end for everything that begins so.
    pub non_resource_urls: Vec<String>,
    /// Stages that are not written.
    pub omit_stages: Vec<Stage>,
}

/// Resources of one API group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupResources {
    /// The group; empty for the core group.
    pub group: String,
    /// `pods`, `pods/log`, `*`, `*/scale`, `pods/*`; empty for all resources of the group.
    pub resources: Vec<String>,
    /// Names of objects; empty for all.
    pub names: Vec<String>,
}

impl Rule {
    /// Whether the rule matches this request of this user.
    pub(super) fn matches(&self, request: &Attributes<'_>, user: Option<(&str, &[&str])>) -> bool {
        let (name, groups) = user.unzip();
        let is_user = self.users.is_empty() || name.is_some_and(|name| has(&self.users, name));
        let is_group = self.user_groups.is_empty()
            || (groups.unwrap_or_default().iter()).any(|group| has(&self.user_groups, group));
        let is_verb = self.verbs.is_empty() || has(&self.verbs, &request.verb);
        is_user && is_group && is_verb && self.matches_path(request)
    }

    fn matches_path(&self, request: &Attributes<'_>) -> bool {
        if !self.namespaces.is_empty() || !self.resources.is_empty() {
            return (request.resource).is_some_and(|resource| self.matches_resource(resource));
        }
        self.non_resource_urls.is_empty()
            || request.resource.is_none()
                && (self.non_resource_urls.iter()).any(|url| matches_url(url, request.path))
    }

    fn matches_resource(&self, asked: ResourceAttributes<'_>) -> bool {
        let is_namespace = self.namespaces.is_empty() || has(&self.namespaces, asked.namespace);
        is_namespace
            && (self.resources.is_empty() || self.resources.iter().any(|one| one.matches(asked)))
    }
}

impl GroupResources {
    fn matches(&self, asked: ResourceAttributes<'_>) -> bool {
        if self.group != asked.group {
            return false;
        }
        let is_name = self.names.is_empty() || has(&self.names, asked.name);
        self.resources.is_empty()
            || is_name && (self.resources.iter()).any(|resource| matches_resource(resource, asked))
    }
}

fn has(list: &[String], text: &str) -> bool {
    list.iter().any(|one| one == text)
}

fn matches_url(url: &str, path: &str) -> bool {
    let begins_so = |begin: &str| path.starts_with(begin.trim_end_matches('*'));
    url == path || url.strip_suffix('*').is_some_and(begins_so)
}

fn matches_resource(written: &str, asked: ResourceAttributes<'_>) -> bool {
    let (resource, subresource) = match written.split_once('/') {
        None if written == "*" => return true,
        None => return written == asked.resource && asked.subresource.is_empty(),
        Some(parts) => parts,
    };
    // `pods/*` stands for pods and all of their sub-resources.
    subresource == "*" && resource == asked.resource
        || !asked.subresource.is_empty()
            && (resource == "*" || resource == asked.resource)
            && subresource == asked.subresource
}
