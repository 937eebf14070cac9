//! What an API server reads from the method and the path of a request before it authorizes and audits it. Follows
//! `RequestInfoFactory` of k8s.io/apiserver.

/// The attributes of a request that authorization and the audit policy see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes<'a> {
    /// `get`, `list`, `create` …; for a path that is not a resource, the HTTP method in lower case.
    pub verb: String,
    /// The path without its query.
    pub path: &'a str,
    /// The resource; `None` for any other path.
    pub resource: Option<ResourceAttributes<'a>>,
}

/// The resource that a request names. What it does not name is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResourceAttributes<'a> {
    /// `apps`; empty for the core group.
    pub group: &'a str,
    /// `kube-system`.
    pub namespace: &'a str,
    /// `pods`.
    pub resource: &'a str,
    /// `log`.
    pub subresource: &'a str,
    /// The name of the object.
    pub name: &'a str,
}

impl<'a> Attributes<'a> {
    /// The attributes of a request with this method, and this path with or without a query.
    pub fn of(method: &str, path_and_query: &'a str) -> Self {
        let (path, query) = path_and_query
            .split_once('?')
            .unwrap_or((path_and_query, ""));
        let other = || Self {
            verb: method.to_ascii_lowercase(),
            path,
            resource: None,
        };
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        let (group, rest) = match segments.as_slice() {
            ["api", _, rest @ ..] => ("", rest),
            ["apis", group, _, rest @ ..] => (*group, rest),
            _ => return other(),
        };
        let (mut verb, rest) = match rest {
            [] => return other(),
            [special @ ("proxy" | "watch"), rest @ ..] => (*special, rest),
            _ => (verb_of(method), rest),
        };
        let (namespace, rest) = match rest {
            // `status` and `finalize` are sub-resources of the namespace itself.
            ["namespaces", namespace, "status" | "finalize", ..] => (*namespace, rest),
            ["namespaces", namespace, inner @ ..] if !inner.is_empty() => (*namespace, inner),
            ["namespaces", namespace] => (*namespace, rest),
            _ => ("", rest),
        };
        let at = |position: usize| rest.get(position).copied().unwrap_or_default();
        let name = at(1);
        if name.is_empty() {
            verb = match verb {
                "get" if watches(query) => "watch",
                "get" => "list",
                "delete" => "deletecollection",
                other => other,
            };
        }
        Self {
            verb: verb.to_owned(),
            path,
            resource: Some(ResourceAttributes {
                group,
                namespace,
                resource: at(0),
                subresource: if verb == "proxy" { "" } else { at(2) },
                name,
            }),
        }
    }

    /// Whether the answer goes on until somebody ends it, so that its beginning is a stage of its own in the audit log.
    pub fn is_long_running(&self) -> bool {
        const SUBRESOURCES: [&str; 5] = ["attach", "exec", "proxy", "log", "portforward"];
        matches!(&*self.verb, "watch" | "proxy")
            || self
                .resource
                .is_some_and(|resource| SUBRESOURCES.contains(&resource.subresource))
    }
}

fn verb_of(method: &str) -> &'static str {
    match method {
        "POST" => "create",
        "GET" | "HEAD" => "get",
        "PUT" => "update",
        "PATCH" => "patch",
        "DELETE" => "delete",
        _ => "",
    }
}

fn watches(query: &str) -> bool {
    query
        .split('&')
        .filter_map(|pair| pair.strip_prefix("watch"))
        .any(|value| matches!(value, "" | "=" | "=1" | "=true"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_have_the_attributes_that_the_server_reads() {
        type Row<'a> = (&'a str, &'a str, &'a str, Option<[&'a str; 5]>);
        let rows: [Row<'_>; 17] = [
            ("GET", "/version", "get", None),
            ("HEAD", "/metrics?x=1", "head", None),
            ("GET", "/api/v1", "get", None),
            ("GET", "/apis/apps/v1/", "get", None),
            (
                "HEAD",
                "/api/v1/secrets?limit=1",
                "list",
                Some(["", "", "secrets", "", ""]),
            ),
            (
                "GET",
                "/api/v1/pods?watch=1",
                "watch",
                Some(["", "", "pods", "", ""]),
            ),
            (
                "GET",
                "/api/v1/pods?watch=false",
                "list",
                Some(["", "", "pods", "", ""]),
            ),
            (
                "GET",
                "/apis/apps/v1/namespaces/a/deployments/web/scale",
                "get",
                Some(["apps", "a", "deployments", "scale", "web"]),
            ),
            (
                "POST",
                "/api/v1/namespaces/a/pods/web/exec?command=sh",
                "create",
                Some(["", "a", "pods", "exec", "web"]),
            ),
            (
                "GET",
                "/api/v1/namespaces/a",
                "get",
                Some(["", "a", "namespaces", "", "a"]),
            ),
            (
                "GET",
                "/api/v1/namespaces",
                "list",
                Some(["", "", "namespaces", "", ""]),
            ),
            (
                "PUT",
                "/api/v1/namespaces/a/finalize",
                "update",
                Some(["", "a", "namespaces", "finalize", "a"]),
            ),
            (
                "DELETE",
                "/api/v1/pods",
                "deletecollection",
                Some(["", "", "pods", "", ""]),
            ),
            (
                "DELETE",
                "/api/v1/nodes/n",
                "delete",
                Some(["", "", "nodes", "", "n"]),
            ),
            (
                "GET",
                "/api/v1/watch/pods",
                "watch",
                Some(["", "", "pods", "", ""]),
            ),
            (
                "GET",
                "/api/v1/proxy/nodes/n/x",
                "proxy",
                Some(["", "", "nodes", "", "n"]),
            ),
            (
                "PATCH",
                "/api/v1/nodes/n/status",
                "patch",
                Some(["", "", "nodes", "status", "n"]),
            ),
        ];
        for (method, path, verb, resource) in rows {
            let read = Attributes::of(method, path);
            assert_eq!(read.verb, verb, "{method} {path}");
            let named = read.resource.map(|read| {
                [
                    read.group,
                    read.namespace,
                    read.resource,
                    read.subresource,
                    read.name,
                ]
            });
            assert_eq!(named, resource, "{method} {path}");
        }
    }

    #[test]
    fn watches_and_streams_are_long_running() {
        for (path, expected) in [
            ("/api/v1/pods?watch=true", true),
            ("/api/v1/namespaces/a/pods/p/log", true),
            ("/api/v1/namespaces/a/pods/p", false),
            ("/healthz", false),
        ] {
            assert_eq!(
                Attributes::of("GET", path).is_long_running(),
                expected,
                "{path}"
            );
        }
    }
}
