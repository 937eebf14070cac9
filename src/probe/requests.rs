//! The requests of a probe: the usual ones, and those of `--deep`.
//!
//! `--deep` shows real exposure without taking data. It asks non-resource paths by GET and reads only the
//! first bytes of documents that can be large. It asks lists of resources by `HEAD …?limit=1`: a 405
//! from behind authorization proves that anonymous callers may list, without a storage read and without a
//! byte of data. No object is named and none is kept. Servers that show no sign of Kubernetes get none of
//! these requests.

use crate::model::Request;

/// The requests to every endpoint, in this order.
pub const ALWAYS: [&str; 3] = ["/version", "/api", "/healthz"];
/// The next requests if all of [`ALWAYS`] answered 401.
pub const AFTER_401: [&str; 2] = ["/livez", "/readyz"];

/// Non-resource paths: discovery, health, and paths that products open by design.
const PATHS: [&str; 7] = [
    "/apis",
    "/livez",
    "/readyz",
    // k3s and RKE2.
    "/ping",
    "/cacerts",
    // OpenShift.
    "/.well-known/oauth-authorization-server",
    // The service-account issuer.
    "/.well-known/openid-configuration",
];

/// Resource lists, each over the whole cluster.
const RESOURCES: [&str; 20] = [
    "/api/v1/secrets",
    "/api/v1/configmaps",
    "/api/v1/serviceaccounts",
    "/api/v1/namespaces",
    "/api/v1/nodes",
    "/api/v1/pods",
    "/api/v1/services",
    "/api/v1/events",
    "/api/v1/persistentvolumes",
    "/apis/apps/v1/deployments",
    "/apis/apps/v1/daemonsets",
    "/apis/batch/v1/jobs",
    "/apis/batch/v1/cronjobs",
    "/apis/networking.k8s.io/v1/ingresses",
    "/apis/rbac.authorization.k8s.io/v1/roles",
    "/apis/rbac.authorization.k8s.io/v1/rolebindings",
    "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "/apis/certificates.k8s.io/v1/certificatesigningrequests",
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
];

/// Documents of which only the first bytes are read. They come last, because stopping in the middle of a
/// document costs the connection.
const LARGE: [&str; 6] = [
    // Served by default since 1.36; `/flagz` lists all command-line flags.
    "/statusz",
    "/flagz",
    // The index only: the profiles that it links to are expensive for the server.
    "/debug/pprof/",
    "/openapi/v3",
    "/openapi/v2",
    "/metrics",
];

/// Every request of `--deep`, in this order.
pub fn deep() -> impl Iterator<Item = Request> {
    let paths = PATHS.iter().chain(&RESOURCES).chain(&LARGE);
    paths.filter_map(|path| Request::for_path(path).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Grade, Method};

    #[test]
    fn only_resource_lists_use_head() {
        let asked: Vec<Request> = deep().collect();
        assert_eq!(
            asked.len(),
            PATHS.len() + RESOURCES.len() + LARGE.len(),
            "every path makes a valid request"
        );
        for request in asked {
            let resource = matches!(
                Grade::of(request.class),
                Grade::Resources | Grade::SensitiveResources
            );
            let (method, limit) = if resource {
                (Method::Head, true)
            } else {
                (Method::Get, false)
            };
            assert_eq!(
                (request.method, request.path.ends_with("?limit=1")),
                (method, limit),
                "{request:?}"
            );
        }
    }
}
