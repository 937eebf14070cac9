//! The requests kubeknock can make, and only those: GET, and HEAD for lists of resources.
//!
//! What a path is decides how it may be asked. A resource list is asked as `HEAD …?limit=1`:
//! 405 from behind authorization proves that anonymous may list, without a storage read and
//! without a byte of data. Objects and sub-resources are never asked for: a `GET` would take data,
//! and a `HEAD` on a `proxy` or `exec` sub-resource would reach through to a node or pod.

use serde::{Deserialize, Serialize};
use strum::VariantNames;

use super::{Grade, words};

/// HTTP method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[derive(VariantNames)]
#[strum(serialize_all = "UPPERCASE")]
pub enum Method {
    /// Read a non-resource path.
    Get,
    /// Ask whether a resource may be listed.
    Head,
}

words!(Method);

/// What kind of path it is on an API server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PathClass {
    /// `/version`.
    Version,
    /// `/healthz`, `/livez`, `/readyz` and what is below them.
    Health,
    /// `/api`, `/apis` and their groups and versions, and the root list `/`.
    Discovery,
    /// `/openapi/…`, `/swagger…`.
    OpenApi,
    /// `/metrics` and what is below it.
    Metrics,
    /// `/flagz`, `/statusz` and `/debug/pprof/`: the server's flags and state.
    Diagnostics,
    /// A list of resources: `/api/v1/secrets`, `/apis/apps/v1/deployments`, within a namespace or not.
    ResourceList {
        /// Whether what it lists is worth more than an inventory: secrets, config maps, roles.
        sensitive: bool,
    },
    /// Public by a product's design: never changes the verdict by itself.
    Product,
    /// Any other non-resource path.
    Other,
}

/// Lists whose content is worth more to an attacker than an inventory.
const SENSITIVE: [&str; 8] = [
    "secrets",
    "configmaps",
    "serviceaccounts",
    "roles",
    "rolebindings",
    "clusterroles",
    "clusterrolebindings",
    "certificatesigningrequests",
];

/// Paths that products or RBAC examples open on purpose: k3s and RKE2 (`/ping`, `/cacerts`),
/// `OpenShift`'s OAuth metadata, the service-account issuer's discovery document and keys.
const PRODUCT: [&str; 5] = [
    "/ping",
    "/cacerts",
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
    "/openid/v1/jwks",
];

/// What a server could read as another path, and what does not stand in a URL (RFC 3986, appendix A).
const NOT_PLAIN: [char; 11] = ['%', '#', '\\', '"', '<', '>', '^', '`', '{', '|', '}'];

impl PathClass {
    /// The class of a path, with or without a query.
    ///
    /// # Errors
    /// [`PathError`] for what kubeknock refuses to ask: single objects, sub-resources and the
    /// deprecated `watch` and `proxy` forms, and spellings that a server could read otherwise.
    pub fn of(path: &str) -> Result<Self, PathError> {
        let bare = path.split_once('?').map_or(path, |(bare, _)| bare);
        if !bare.starts_with('/') {
            return Err(PathError::NoSlash);
        }
        if let Some(odd) = path
            .chars()
            .find(|c| !c.is_ascii_graphic() || NOT_PLAIN.contains(c))
        {
            return Err(PathError::Character(odd));
        }
        let trimmed = bare.trim_end_matches('/');
        let segments: Vec<&str> = trimmed.split('/').skip(1).collect();
        if segments
            .iter()
            .any(|segment| matches!(*segment, "" | "." | ".."))
        {
            return Err(PathError::Segments);
        }
        if PRODUCT.contains(&bare) {
            return Ok(Self::Product);
        }
        match segments.as_slice() {
            [] | ["api" | "apis"] | ["api" | "apis", _] | ["apis", _, _] => Ok(Self::Discovery),
            ["api", _, rest @ ..] | ["apis", _, _, rest @ ..] => resource(rest),
            ["version"] => Ok(Self::Version),
            ["healthz" | "livez" | "readyz", ..] => Ok(Self::Health),
            ["metrics", ..] => Ok(Self::Metrics),
            ["flagz" | "statusz"] | ["debug", "pprof"] => Ok(Self::Diagnostics),
            ["debug", "pprof", ..] => Err(PathError::Profile),
            [first, ..] if *first == "openapi" || first.starts_with("swagger") => Ok(Self::OpenApi),
            _ => Ok(Self::Other),
        }
    }

    /// What a grant of this path is worth.
    pub const fn grade(self) -> Grade {
        match self {
            Self::Version | Self::Health => Grade::PublicInfo,
            Self::Product => Grade::Product,
            Self::Discovery | Self::Other => Grade::Discovery,
            Self::OpenApi | Self::Metrics | Self::Diagnostics => Grade::Telemetry,
            Self::ResourceList { sensitive: false } => Grade::Resources,
            Self::ResourceList { sensitive: true } => Grade::SensitiveResources,
        }
    }
}

/// The class of what follows the group and version.
fn resource(rest: &[&str]) -> Result<PathClass, PathError> {
    let list = match rest {
        ["watch" | "proxy", ..] => return Err(PathError::SubResource),
        [list] | ["namespaces", _, list] => *list,
        [_, _] | ["namespaces", _, _, _] => return Err(PathError::Object),
        _ => return Err(PathError::SubResource),
    };
    // The sub-resources of a namespace stand where a namespaced list would.
    if matches!(rest, ["namespaces", _, "status" | "finalize"]) {
        return Err(PathError::SubResource);
    }
    Ok(PathClass::ResourceList {
        sensitive: SENSITIVE.contains(&list),
    })
}

/// Why a path is not asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It does not begin with a slash.
    #[error("a path begins with '/'")]
    NoSlash,
    /// A character that a server could read as another path.
    #[error("the character {0:?} may not stand in a path; write it plainly, without escapes")]
    Character(char),
    /// Empty, `.` or `..` segments.
    #[error("a path has no empty, '.' or '..' segments")]
    Segments,
    /// A single object.
    #[error(
        "this path names one object; kubeknock asks for lists only (/api/v1/secrets, /api/v1/namespaces/kube-system/pods)"
    )]
    Object,
    /// A sub-resource.
    #[error(
        "this path names a sub-resource, which would be executed and not only asked; kubeknock asks for lists only"
    )]
    SubResource,
    /// A profile of the server.
    #[error(
        "this path makes the server record a profile of itself; kubeknock asks for the index /debug/pprof/ only"
    )]
    Profile,
}

/// One request, without the endpoint's prefix.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Request {
    /// GET or HEAD.
    pub method: Method,
    /// Path and query, beginning with `/`.
    pub path: String,
    /// What kind of path it is.
    pub class: PathClass,
}

impl Request {
    /// The request that asks this path: `HEAD …?limit=1` for a list of resources, whatever query
    /// was written, GET for everything else.
    pub fn for_path(path: &str) -> Result<Self, PathError> {
        let class = PathClass::of(path)?;
        Ok(if let PathClass::ResourceList { .. } = class {
            let bare = path.split_once('?').map_or(path, |(bare, _)| bare);
            Self {
                method: Method::Head,
                path: format!("{}?limit=1", bare.trim_end_matches('/')),
                class,
            }
        } else {
            Self {
                method: Method::Get,
                path: path.to_owned(),
                class,
            }
        })
    }

    /// The form that proves the same where a front end answers HEAD by itself: a list with a
    /// continue token that no server accepts, 400 from behind authorization, no storage read.
    /// `None` for anything but a HEAD on a list.
    pub fn without_head(&self) -> Option<Self> {
        match (self.method, self.class) {
            (Method::Head, PathClass::ResourceList { .. }) => Some(Self {
                method: Method::Get,
                path: format!("{}&continue=bogus", self.path),
                class: self.class,
            }),
            _ => None,
        }
    }

    /// The path without its query.
    pub fn bare_path(&self) -> &str {
        self.path
            .split_once('?')
            .map_or(&self.path, |(bare, _)| bare)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_asked_with_head_and_one_item_whatever_the_query_says() {
        for path in [
            "/api/v1/secrets",
            "/api/v1/secrets/",
            "/api/v1/secrets?watch=1&limit=500",
        ] {
            let request = Request::for_path(path).unwrap();
            assert_eq!(
                (request.method, request.path.as_str()),
                (Method::Head, "/api/v1/secrets?limit=1")
            );
            assert_eq!(request.class.grade(), Grade::SensitiveResources);
            assert_eq!(
                request.without_head().unwrap().path,
                "/api/v1/secrets?limit=1&continue=bogus"
            );
        }
    }

    #[test]
    fn what_would_take_data_or_reach_through_is_refused() {
        for (path, why) in [
            (
                "/api/v1/namespaces/default/secrets/token",
                PathError::Object,
            ),
            ("/api/v1/nodes/worker-1", PathError::Object),
            ("/api/v1/namespaces/default", PathError::Object),
            ("/api/v1/nodes/worker-1/proxy", PathError::SubResource),
            (
                "/api/v1/namespaces/default/pods/a/exec",
                PathError::SubResource,
            ),
            (
                "/api/v1/namespaces/default/finalize",
                PathError::SubResource,
            ),
            ("/api/v1/watch/secrets", PathError::SubResource),
            ("/api/v1/proxy/nodes", PathError::SubResource),
            ("/debug/pprof/profile", PathError::Profile),
            ("/debug/pprof/heap?debug=1", PathError::Profile),
            ("/api/v1/sec%72ets", PathError::Character('%')),
            ("//api/v1/secrets", PathError::Segments),
            ("/x/../api/v1/secrets", PathError::Segments),
            ("api", PathError::NoSlash),
            ("/a b", PathError::Character(' ')),
        ] {
            assert_eq!(Request::for_path(path), Err(why), "{path}");
        }
    }

    #[test]
    fn classes_and_their_grades() {
        for (path, class) in [
            ("/version", PathClass::Version),
            ("/version/", PathClass::Version),
            ("/healthz", PathClass::Health),
            ("/livez/ping", PathClass::Health),
            ("/", PathClass::Discovery),
            ("/api", PathClass::Discovery),
            ("/api/v1", PathClass::Discovery),
            ("/apis/apps/v1", PathClass::Discovery),
            ("/openapi/v2", PathClass::OpenApi),
            ("/metrics", PathClass::Metrics),
            ("/metrics/slis", PathClass::Metrics),
            ("/flagz", PathClass::Diagnostics),
            ("/debug/pprof/", PathClass::Diagnostics),
            ("/statusz", PathClass::Diagnostics),
            ("/ping", PathClass::Product),
            ("/nonexistent", PathClass::Other),
            (
                "/apis/apps/v1/deployments",
                PathClass::ResourceList { sensitive: false },
            ),
            (
                "/api/v1/namespaces",
                PathClass::ResourceList { sensitive: false },
            ),
            (
                "/api/v1/namespaces/kube-system/configmaps",
                PathClass::ResourceList { sensitive: true },
            ),
        ] {
            assert_eq!(PathClass::of(path), Ok(class), "{path}");
        }
        assert!(
            Request::for_path("/healthz?verbose")
                .unwrap()
                .without_head()
                .is_none()
        );
    }
}
