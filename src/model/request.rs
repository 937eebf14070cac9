//! The requests kubeknock can make, and only those: GET, and HEAD for lists of resources.
//!
//! What a path is decides how it may be asked. A resource list is asked as `HEAD …?limit=1`:
//! 405 from behind authorization proves that anonymous may list, without a storage read and
//! without a byte of data. Objects and sub-resources are never asked for: a `GET` would take data,
//! and a `HEAD` on a `proxy` or `exec` sub-resource would reach through to a node or pod.

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
    use crate::model::Grade;

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
            assert_eq!(Grade::of(request.class), Grade::SensitiveResources);
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
