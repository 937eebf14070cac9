//! Changes that an administrator makes before the scan.

use serde_json::{Value, json};

use super::client::Client;

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

/// One change.
#[derive(Clone, Copy)]
pub(super) enum Change {
    /// Binds a cluster role to `User/system:anonymous` or `Group/system:unauthenticated`.
    Bind(&'static str, &'static str),
    /// Replaces the rules of a cluster role by `get` on these non-resource paths.
    Paths(&'static str, &'static [&'static str]),
    /// Copies the rules of another cluster role, as the controller manager does for aggregated roles.
    CopyRules(&'static str, &'static str),
    /// Removes unauthenticated callers from a cluster role binding.
    Unbind(&'static str),
    /// Registers an API service that a server at this local port serves.
    ApiService,
}

impl Change {
    /// Makes the change.
    pub(super) async fn make(self, admin: &Client) {
        let role = |name: &str| format!("{RBAC}/clusterroles/{name}");
        match self {
            Self::Bind(role, subject) => {
                let (kind, name) = subject.split_once('/').unwrap();
                let api_group = "rbac.authorization.k8s.io";
                let binding = json!({
                    "apiVersion": format!("{api_group}/v1"), "kind": "ClusterRoleBinding",
                    "metadata": {"name": format!("anonymous-{}", role.replace(':', "-"))},
                    "roleRef": {"apiGroup": api_group, "kind": "ClusterRole", "name": role},
                    "subjects": [{"apiGroup": api_group, "kind": kind, "name": name}],
                });
                send(
                    admin,
                    "POST",
                    &format!("{RBAC}/clusterrolebindings"),
                    &binding,
                )
                .await;
            }
            Self::Paths(name, paths) => {
                let rules = json!([{"nonResourceURLs": paths, "verbs": ["get"]}]);
                send(admin, "PATCH", &role(name), &json!({ "rules": rules })).await;
            }
            Self::CopyRules(from, to) => {
                let text = admin.get(&role(from)).await.unwrap().body;
                let from: Value = serde_json::from_str(&text).unwrap();
                send(
                    admin,
                    "PATCH",
                    &role(to),
                    &json!({ "rules": from["rules"] }),
                )
                .await;
            }
            Self::Unbind(name) => {
                let path = format!("{RBAC}/clusterrolebindings/{name}");
                let group = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:authenticated"});
                send(admin, "PATCH", &path, &json!({ "subjects": [group] })).await;
            }
            Self::ApiService => {
                let service = json!({
                    "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
                    "metadata": {"name": "v1alpha1.wardle.example.com"},
                    "spec": {
                        "group": "wardle.example.com", "version": "v1alpha1", "insecureSkipTLSVerify": true,
                        "groupPriorityMinimum": 1000, "versionPriority": 15,
                        "service": {"name": "api", "namespace": "wardle"},
                    },
                });
                send(
                    admin,
                    "POST",
                    "/apis/apiregistration.k8s.io/v1/apiservices",
                    &service,
                )
                .await;
            }
        }
    }
}

async fn send(admin: &Client, method: &str, path: &str, body: &Value) {
    let media = if method == "PATCH" {
        "application/merge-patch+json"
    } else {
        "application/json"
    };
    let answer = admin
        .send(method, path, media, &body.to_string())
        .await
        .unwrap();
    assert!(
        matches!(answer.status, 200 | 201),
        "{method} {path}: {answer:?}"
    );
}
