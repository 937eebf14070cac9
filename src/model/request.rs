//! The only requests that kubeknock makes: GET, and HEAD for lists of resources.
//!
//! The class of a path decides which request is safe. A list of resources is requested as `HEAD …?limit=1`: a 405
//! from behind authorization proves that anonymous callers may list, without reading storage and without
//! transferring data. `kubernetes/path.rs` says what is never requested.

use serde::{Deserialize, Serialize};
use strum::VariantNames;

use super::words;
use crate::kubernetes::{PathClass, PathError};

/// HTTP method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[derive(VariantNames)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[strum(serialize_all = "UPPERCASE")]
pub enum Method {
    /// Reads a path that is not a resource.
    Get,
    /// Asks whether a resource may be listed.
    Head,
}

words!(Method);

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
    /// The request for this path: `HEAD …?limit=1` for a list of resources, whatever its query is, and GET for any
    /// other path.
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

    /// A GET that proves the same if a front end answers HEAD itself: it has a continue token that no server accepts,
    /// so the API server answers 400 after authorization, without reading storage. `None` unless this is a HEAD.
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
    use crate::model::Grade;

    #[test]
    fn a_list_is_requested_with_head_and_limit_1_whatever_its_query_is() {
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
            assert_eq!(Grade::of(request.class), Grade::SensitiveResources);
            assert_eq!(
                request.without_head().unwrap().path,
                "/api/v1/secrets?limit=1&continue=bogus"
            );
        }
    }

    #[test]
    fn paths_of_objects_and_sub_resources_are_refused() {
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
