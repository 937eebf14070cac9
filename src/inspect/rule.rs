//! The rules of roles, and what a request asks of them.

use super::node::Node;

/// The role, and its binding, with which a new cluster opens [`PUBLIC`] to everybody.
pub(super) const PUBLIC_INFO: &str = "system:public-info-viewer";
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

/// What a request to a path asks of the authorizer.
pub(super) struct Wanted<'a> {
    path: &'a str,
    /// The API group and the resource of a list.
    list: Option<(&'a str, &'a str)>,
    pub(super) namespace: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    pub(super) fn of(path: &'a str) -> Self {
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

    pub(super) fn is_granted(&self, rule: &Rule, in_namespace: bool) -> bool {
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
    /// Reads a rule.
    pub(super) fn read(node: &Node) -> Self {
        let texts = |key| node.texts_of(key).map(str::to_owned).collect();
        // Requests have these in small letters, and the server compares by case: with another one the word grants nothing.
        let small = |key| {
            let words = node
                .texts_of(key)
                .filter(|word| !word.contains(char::is_uppercase));
            words.map(str::to_owned).collect()
        };
        Self {
            verbs: small("verbs"),
            groups: small("apiGroups"),
            resources: small("resources"),
            names: texts("resourceNames"),
            urls: texts("nonResourceURLs"),
        }
    }

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
