//! Bindings of anonymous callers beside a real server, with an input that is no dump: the roles that every cluster has are
//! not in it.

use std::time::{Duration, Instant};

use kubeknock::inspect::{Input, Inspection, PredictedAccess};
use kubeknock::model::Source;
use serde_json::{Value, json};

use super::client::Client;
use super::inspect::inputs;
use super::servers::{ApiServer, Release};

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
/// The longest time until a binding is in force.
const PATIENCE: Duration = Duration::from_secs(30);

/// A role of its own that lists with this verb and resource.
fn own(verb: &str, resource: &str) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "own"},
        "rules": [{"apiGroups": [""], "resources": [resource], "verbs": [verb]}],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_binding_opens_is_predicted_without_the_roles_of_every_cluster() {
    let Some(release) = Release::here("bindings to roles of every cluster") else {
        return;
    };
    let flags = ["--authorization-mode=RBAC", "--anonymous-auth=true"];
    let (_pki, _etcd, server) = ApiServer::alone(&release, "bindings", &flags).await;
    let parts = ["view", "edit", "admin"];
    for count in 1..=parts.len() {
        fill(&server.admin, parts[count - 1], &parts[..count]).await;
    }
    let of_every_cluster = [
        "admin",
        "cluster-admin",
        "edit",
        "system:basic-user",
        "system:discovery",
        "system:monitoring",
        "system:public-info-viewer",
        "system:service-account-issuer-discovery",
        "view",
    ];
    let own = [
        own("list", "secrets"),
        own("LIST", "secrets"),
        own("list", "Secrets"),
    ];
    let rows = of_every_cluster.map(|role| (role, None)).into_iter();
    for (role, object) in rows.chain(own.map(|object| ("own", Some(object)))) {
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "b"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{
                "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:unauthenticated",
            }],
        });
        let objects = [
            ("clusterrolebindings", Some(binding)),
            ("clusterroles", object),
        ];
        let objects = objects
            .into_iter()
            .filter_map(|(plural, object)| Some((plural, object?)));
        let objects: Vec<(&str, Value)> = objects.collect();
        let mut inputs = inputs(&release, &server.args);
        for (plural, object) in &objects {
            let (path, body) = (format!("{RBAC}/{plural}"), object.to_string());
            let answer = server
                .admin
                .send("POST", &path, "application/json", &body)
                .await;
            let answer = answer.unwrap();
            assert_eq!(answer.status, 201, "{role}: {}", answer.body);
            inputs.push(Input {
                source: Source::Argument,
                text: body,
            });
        }
        let inspection = Inspection::of(&inputs, jiff::Timestamp::UNIX_EPOCH);
        // Add-ons or newer releases give these more than the others.
        let may_be_unclear = parts.contains(&role) || role == "system:monitoring";
        let began = Instant::now();
        loop {
            let wrong = differences(&server, &inspection, may_be_unclear).await;
            if wrong.is_empty() {
                break;
            }
            assert!(began.elapsed() < PATIENCE, "{role} {objects:?}: {wrong:?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        for (plural, object) in &objects {
            let name = object["metadata"]["name"].as_str().unwrap();
            let path = format!("{RBAC}/{plural}/{name}");
            let answer = server
                .admin
                .send("DELETE", &path, "application/json", "")
                .await;
            assert_eq!(answer.unwrap().status, 200, "{path}");
        }
    }
}

/// Gives a role the rules of those that are made to go into it. In a cluster the controller manager does that.
async fn fill(admin: &Client, role: &str, parts: &[&str]) {
    let mut rules: Vec<Value> = Vec::new();
    for part in parts {
        let path = format!("{RBAC}/clusterroles/system:aggregate-to-{part}");
        let role: Value = serde_json::from_str(&admin.get(&path).await.unwrap().body).unwrap();
        rules.extend(role["rules"].as_array().unwrap().iter().cloned());
    }
    let path = format!("{RBAC}/clusterroles/{role}");
    let (media, body) = ("application/merge-patch+json", json!({ "rules": rules }));
    let answer = admin.send("PATCH", &path, media, &body.to_string()).await;
    assert_eq!(answer.unwrap().status, 200, "{path}");
}

/// The paths that a scan asks and that the server does not decide as predicted.
async fn differences(
    server: &ApiServer,
    inspection: &Inspection,
    may_be_unclear: bool,
) -> Vec<String> {
    let anonymous = Client::anonymous(server.address);
    let mut wrong = Vec::new();
    let paths = inspection.servers[0].prediction.paths.iter();
    for path in paths.filter(|path| path.is_asked) {
        let answer = anonymous.get(&path.path).await.unwrap();
        let is_right = match path.access {
            PredictedAccess::Granted => answer.let_through(),
            PredictedAccess::Forbidden => answer.status == 403,
            PredictedAccess::Unclear => may_be_unclear,
            PredictedAccess::Rejected => false,
        };
        if !is_right {
            wrong.push(format!(
                "{}: {:?}, not {}",
                path.path, path.access, answer.status
            ));
        }
    }
    wrong
}
