//! What `--deep` asks beside the usual: what shows real exposure without taking data.
//!
//! Non-resource paths by GET, of which the documents that can be large are read at their beginning
//! only; lists of resources by `HEAD …?limit=1`, where 405 from behind authorization proves that
//! anonymous may list, without a storage read and without a byte of data. No object is named, none is
//! kept. Servers that show no sign of Kubernetes are asked none of it.

use crate::model::Request;

/// Non-resource paths: discovery, health, and what products open by design.
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

/// Resources, each asked as a list over the whole cluster.
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

/// Documents beside the API, of which only the beginning is read. They come last: where one is longer, that
/// costs the connection.
const LARGE: [&str; 6] = [
    // Served by default since 1.36; all flags stand in the second.
    "/statusz",
    "/flagz",
    // The index alone: what it links to makes the server work.
    "/debug/pprof/",
    "/openapi/v3",
    "/openapi/v2",
    "/metrics",
];

/// Every request of `--deep`, in the order asked.
pub fn deep() -> impl Iterator<Item = Request> {
    let paths = PATHS.iter().chain(&RESOURCES).chain(&LARGE);
    paths.filter_map(|path| Request::for_path(path).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Grade, Method};

    #[test]
    fn resources_are_asked_by_head_and_nothing_else_is() {
        let asked: Vec<Request> = deep().collect();
        assert_eq!(
            asked.len(),
            PATHS.len() + RESOURCES.len() + LARGE.len(),
            "every path is one that may be asked"
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
