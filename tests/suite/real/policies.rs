//! The policies of `deploy/policies` in real API servers: the admission policy refuses what it should and no more, and
//! the audit policy logs requests without credentials.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::{Answer, Client};
use super::pki::Pki;
use super::servers::{ApiServer, Etcd, Release, Settings};

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
/// The longest time until a new admission policy is in force, or an event is in the log.
const PATIENCE: Duration = Duration::from_secs(30);

fn deployed(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/policies");
    folder.join(name).display().to_string()
}

async fn create(admin: &Client, path: &str, object: &Value) -> Answer {
    let body = object.to_string();
    (admin.send("POST", path, "application/json", &body).await).unwrap()
}

/// A binding of a role of the same scope to these subjects.
fn binding(kind: &str, name: &str, role: &str, subjects: &[(&str, &str)]) -> Value {
    let subjects: Vec<Value> = (subjects.iter())
        .map(|(kind, name)| json!({"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}))
        .collect();
    let role_kind = kind.trim_end_matches("Binding");
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": role},
        "subjects": subjects,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admission_policy_refuses_bindings_to_anonymous_callers_except_the_built_in_ones() {
    let Some(release) = Release::here("the admission policy") else {
        return;
    };
    let (_pki, _etcd, server) = ApiServer::alone(&release, "admission", &[]).await;
    let admin = &server.admin;
    let objects = std::fs::read_to_string(deployed("admission.yaml")).unwrap();
    for (object, plural) in objects.split("\n---\n").zip(["policies", "policybindings"]) {
        let path = format!("/apis/admissionregistration.k8s.io/v1/validatingadmission{plural}");
        let answer = (admin.send("POST", &path, "application/yaml", object).await).unwrap();
        assert_eq!(answer.status, 201, "{}", answer.body);
    }

    let clusterwide = format!("{RBAC}/clusterrolebindings");
    let probe = binding(
        "ClusterRoleBinding",
        "probe",
        "view",
        &[("User", "system:anonymous")],
    );
    let began = Instant::now();
    loop {
        let answer = create(admin, &format!("{clusterwide}?dryRun=All"), &probe).await;
        if answer.status == 403 {
            assert!(
                answer.body.contains(
                    "probe would bind view to system:anonymous: that gives its permissions to everybody without credentials"
                ),
                "{}",
                answer.body
            );
            break;
        }
        assert!(
            began.elapsed() < PATIENCE,
            "never in force: {}",
            answer.body
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }

    let in_namespace = |namespace: &str| format!("{RBAC}/namespaces/{namespace}/rolebindings");
    let built_in = "kubeadm:bootstrap-signer-clusterinfo";
    let everybody = [
        ("Group", "system:authenticated"),
        ("Group", "system:unauthenticated"),
    ];
    let anonymous = [("User", "system:anonymous")];
    let cases = [
        (
            "a group among others",
            403,
            clusterwide.clone(),
            binding("ClusterRoleBinding", "a", "view", &everybody),
        ),
        (
            "in a namespace",
            403,
            in_namespace("default"),
            binding("RoleBinding", "b", "reader", &anonymous),
        ),
        (
            "the built-in name with another role",
            403,
            in_namespace("kube-public"),
            binding("RoleBinding", built_in, "reader", &anonymous),
        ),
        (
            "the built-in name in another namespace",
            403,
            in_namespace("default"),
            binding("RoleBinding", built_in, built_in, &anonymous),
        ),
        (
            "the built-in binding of kubeadm",
            201,
            in_namespace("kube-public"),
            binding("RoleBinding", built_in, built_in, &anonymous),
        ),
        (
            "other users",
            201,
            clusterwide.clone(),
            binding(
                "ClusterRoleBinding",
                "c",
                "view",
                &[("User", "jane"), ("Group", "system:authenticated")],
            ),
        ),
        (
            "a user with the group's name",
            201,
            clusterwide.clone(),
            binding(
                "ClusterRoleBinding",
                "d",
                "view",
                &[("User", "system:unauthenticated")],
            ),
        ),
        (
            "no subjects",
            201,
            clusterwide.clone(),
            binding("ClusterRoleBinding", "e", "view", &[]),
        ),
    ];
    for (what, status, path, object) in cases {
        let answer = create(admin, &path, &object).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.body);
    }

    // What Kubernetes restores at every start.
    let path = format!("{clusterwide}/system:public-info-viewer");
    let removed = admin.send("DELETE", &path, "application/json", "").await;
    assert_eq!(removed.unwrap().status, 200);
    let public = binding(
        "ClusterRoleBinding",
        "system:public-info-viewer",
        "system:public-info-viewer",
        &everybody,
    );
    let answer = create(admin, &clusterwide, &public).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    // An existing binding cannot be widened either.
    let widened = json!({"subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "system:anonymous"}]});
    let answer = admin
        .send(
            "PATCH",
            &format!("{clusterwide}/c"),
            "application/merge-patch+json",
            &widened.to_string(),
        )
        .await
        .unwrap();
    assert_eq!(answer.status, 403, "{}", answer.body);
}

/// A request without credentials, and whether the audit policy logs it.
type Logged = (&'static str, &'static str, bool);

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_policy_logs_requests_without_credentials() {
    let Some(release) = Release::here("the audit policy") else {
        return;
    };
    let pki = Pki::make();
    let etcd = Etcd::start(&release, &pki, false).await;
    let accepted: [Logged; 6] = [
        ("GET", "/healthz", false),
        ("GET", "/livez?verbose", false),
        ("GET", "/version", true),
        ("GET", "/api", true),
        ("HEAD", "/api/v1/secrets", true),
        ("GET", "/kubeknock-audit-1", true),
    ];
    // The policy must not lose a 401: it cannot be told from a stolen credential.
    let rejected = accepted.map(|(method, path, _)| (method, path, true));
    for (name, flag, requests) in [
        ("accepting", "--anonymous-auth=true", accepted),
        ("rejecting", "--anonymous-auth=false", rejected),
    ] {
        let pki = Pki::make();
        let policy = format!("--audit-policy-file={}", deployed("audit-policy.yaml"));
        let mut server = ApiServer::start(
            &release,
            &Settings {
                etcd: &etcd,
                name,
                flags: &[flag, &policy],
                pki: &pki,
            },
        );
        server.ready().await;
        let anonymous = Client::anonymous(server.address);
        for (method, path, _) in requests {
            let answer = anonymous.send(method, path, "application/json", "").await;
            answer.unwrap();
        }
        let last = "/kubeknock-audit-1";
        let began = Instant::now();
        let logged = loop {
            let log = std::fs::read_to_string(pki.path("audit.log")).unwrap_or_default();
            let events = log
                .lines()
                .map(|line| serde_json::from_str::<Value>(line).unwrap_or_default());
            let ours: Vec<(String, String)> = events
                .filter(|event| {
                    let user = event["user"]["username"].as_str();
                    user.is_none_or(|user| user == "system:anonymous")
                })
                .map(|event| {
                    (
                        event["requestURI"].to_string(),
                        event["responseStatus"]["code"].to_string(),
                    )
                })
                .collect();
            if ours.iter().any(|(path, _)| path.contains(last)) {
                break ours;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "{name}: the last request is not in the log"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        for (method, path, is_logged) in requests {
            let found = logged
                .iter()
                .any(|(logged, _)| logged.trim_matches('"') == path);
            assert_eq!(found, is_logged, "{name}: {method} {path}: {logged:?}");
        }
        let refused = logged.iter().all(|(_, code)| code == "401");
        assert_eq!(refused, name == "rejecting", "{logged:?}");
    }
}
