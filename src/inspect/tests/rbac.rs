//! Roles and bindings.

use super::inspect;
use crate::inspect::{InspectedServer, Standing};
use crate::model::Verdict;

const DUMP: &str = include_str!("../../../tests/data/inspect/rbac-dump.yaml");
const POD: &str = include_str!("../../../tests/data/inspect/pod-kubeadm-default.yaml");

#[test]
fn every_binding_of_the_dump_stands_as_it_should() {
    let inspection = inspect(&[("rbac.yaml", DUMP)]);
    let found: Vec<(&str, Standing, String)> = inspection
        .bindings
        .iter()
        .map(|binding| {
            (
                binding.name.as_str(),
                binding.standing,
                binding.grants.join("; "),
            )
        })
        .collect();
    let urls = "get /healthz, /livez, /readyz, /version, /version/";
    let expected = [
        (
            "ClusterRoleBinding system:public-info-viewer",
            Standing::BuiltIn,
            urls,
        ),
        (
            "ClusterRoleBinding system:public-info-viewer",
            Standing::BuiltIn,
            urls,
        ),
        (
            "RoleBinding kube-public/kubeadm:bootstrap-signer-clusterinfo",
            Standing::BuiltIn,
            "get configmaps named cluster-info in kube-public",
        ),
        // Its path is not open: the binding is of a namespace.
        (
            "RoleBinding team-a/mixed",
            Standing::AnonymousReads,
            "list configmaps in team-a",
        ),
        ("ClusterRoleBinding dangling", Standing::RoleMissing, ""),
        (
            "ClusterRoleBinding everybody-with-a-token",
            Standing::AuthenticatedMore,
            "everything on every resource; everything on every path",
        ),
    ];
    let expected = expected.map(|(name, standing, grants)| (name, standing, grants.to_owned()));
    assert_eq!(found, expected);
}

#[test]
fn a_rule_is_described_with_its_api_group_and_names() {
    for (rule, described) in [
        (
            "{apiGroups: [metrics.k8s.io], resources: ['*'], verbs: ['*']}",
            "everything on every resource of metrics.k8s.io",
        ),
        (
            "{apiGroups: ['*'], resources: ['*'], verbs: ['*']}",
            "everything on every resource",
        ),
        (
            "{apiGroups: [''], resources: ['*'], verbs: [list]}",
            "list every resource of the core API group",
        ),
        (
            "{apiGroups: [''], resources: [secrets], verbs: [list]}",
            "list secrets",
        ),
        (
            "{apiGroups: ['', apps], resources: [pods, deployments], resourceNames: [a, b], verbs: [get]}",
            "get pods, deployments of the core API group, apps named a, b",
        ),
    ] {
        let api = "apiVersion: rbac.authorization.k8s.io/v1";
        let text = format!(
            "{api}\nkind: ClusterRole\nmetadata: {{name: r}}\nrules: [{rule}]\n---\n{api}\nkind: ClusterRoleBinding\n\
             metadata: {{name: b}}\nroleRef: {{kind: ClusterRole, name: r}}\n\
             subjects: [{{kind: User, name: 'system:anonymous'}}]\n"
        );
        let inspection = inspect(&[("rbac.yaml", &text)]);
        assert_eq!(inspection.bindings[0].grants, [described]);
    }
}

/// Conditions limit the paths whatever the roles open.
#[test]
fn a_finding_says_how_many_paths_accept_anonymous_requests() {
    let roles = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: r}\n\
                 rules: [{nonResourceURLs: ['*'], verbs: [get]}]\n---\napiVersion: rbac.authorization.k8s.io/v1\n\
                 kind: ClusterRoleBinding\nmetadata: {name: b}\nroleRef: {kind: ClusterRole, name: r}\n\
                 subjects: [{kind: User, name: 'system:anonymous'}]\n";
    for (conditions, said) in [
        ("", "on every path"),
        (", conditions: [{path: /metrics}]", "on some paths"),
    ] {
        let file = format!(
            "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\nanonymous: {{enabled: true{conditions}}}\n"
        );
        let inspection = inspect(&[("file.yaml", &file), ("roles.yaml", roles)]);
        assert_eq!(
            inspection.servers[0].verdict(),
            Some(Verdict::Exposed),
            "{conditions}"
        );
        let findings = inspection
            .evaluate(&crate::policy::Policy::default())
            .findings;
        let of_server = findings
            .iter()
            .find(|finding| finding.rule.id == "configuration-accepts-anonymous");
        let message = &of_server.unwrap().message;
        assert!(message.contains(said), "{message}");
    }
}

fn with_role(rules: &str, kind: &str, more: &str) -> Vec<Option<Verdict>> {
    let api = "apiVersion: rbac.authorization.k8s.io/v1";
    let text = format!(
        "{api}\nkind: ClusterRole\nmetadata: {{name: r}}\nrules: {rules}\n---\n{api}\nkind: {kind}\n\
         metadata: {{name: b, namespace: n}}\nroleRef: {{kind: ClusterRole, name: r}}\n\
         subjects: [{{kind: Group, name: 'system:unauthenticated'}}]\n{more}"
    );
    let inspection = inspect(&[("pod.yaml", POD), ("rbac.yaml", &text)]);
    inspection
        .servers
        .iter()
        .map(InspectedServer::verdict)
        .collect()
}

#[test]
fn a_grant_decides_the_verdict() {
    let list = "[{apiGroups: [''], resources: [secrets], verbs: [list]}]";
    let rows = [
        (list, "ClusterRoleBinding", Verdict::Exposed),
        // In a namespace: a scan asks for the lists of the whole cluster.
        (list, "RoleBinding", Verdict::Forbidden),
        (
            "[{apiGroups: [apps], resources: [secrets], verbs: [list]}]",
            "ClusterRoleBinding",
            Verdict::Forbidden,
        ),
        (
            "[{apiGroups: [''], resources: [secrets], verbs: [get]}]",
            "ClusterRoleBinding",
            Verdict::Forbidden,
        ),
        (
            "[{apiGroups: [''], resources: [secrets], verbs: [list], resourceNames: [a]}]",
            "ClusterRoleBinding",
            Verdict::Forbidden,
        ),
        (
            "[{apiGroups: ['*'], resources: ['*'], verbs: ['*']}]",
            "ClusterRoleBinding",
            Verdict::Exposed,
        ),
        (
            "[{nonResourceURLs: ['/api*'], verbs: [get]}]",
            "ClusterRoleBinding",
            Verdict::Exposed,
        ),
        (
            "[{nonResourceURLs: ['/metrics'], verbs: [get]}]",
            "ClusterRoleBinding",
            Verdict::Exposed,
        ),
        (
            "[{nonResourceURLs: ['/metrics'], verbs: [post]}]",
            "ClusterRoleBinding",
            Verdict::Forbidden,
        ),
        (
            "[{nonResourceURLs: ['/metrics'], verbs: [get]}]",
            "RoleBinding",
            Verdict::Forbidden,
        ),
        ("[]", "ClusterRoleBinding", Verdict::Forbidden),
    ];
    for (rules, kind, verdict) in rows {
        assert_eq!(
            with_role(rules, kind, ""),
            [Some(verdict)],
            "{rules} {kind}"
        );
    }
}

#[test]
fn an_aggregated_role_of_a_repository_is_filled() {
    let other = "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: o, labels: {a: b}}\n\
                 rules: [{apiGroups: [''], resources: [pods], verbs: [list]}]\n";
    let rules = "[]\naggregationRule: {clusterRoleSelectors: [{matchLabels: {a: b}}]}";
    assert_eq!(
        with_role(rules, "ClusterRoleBinding", other),
        [Some(Verdict::Exposed)]
    );
    let rules = "[]\naggregationRule: {clusterRoleSelectors: [{matchLabels: {a: c}}]}";
    assert_eq!(
        with_role(rules, "ClusterRoleBinding", other),
        [Some(Verdict::Forbidden)]
    );
}

/// Of a part of a cluster, as a repository has it, nobody knows what is not in it.
#[test]
fn only_a_dump_of_a_cluster_says_what_is_not_there() {
    let open = |dump: &str| {
        let inspection = inspect(&[("pod.yaml", POD), ("rbac.yaml", dump)]);
        let prediction = &inspection.servers[0].prediction;
        prediction.granted().map(str::to_owned).collect::<Vec<_>>()
    };
    let binding = |name: &str| {
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {{name: '{name}'}}\n\
             roleRef: {{kind: ClusterRole, name: gone}}\nsubjects: [{{kind: User, name: jane}}]\n"
        )
    };
    assert_eq!(
        open(&binding("mine")),
        ["/version", "/healthz", "/livez", "/readyz"]
    );
    assert!(open(&binding("system:node-proxier")).is_empty());
}

#[test]
fn without_roles_the_grants_are_not_known() {
    let text = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: b}\n\
                roleRef: {kind: ClusterRole, name: view}\nsubjects: [{kind: User, name: 'system:anonymous'}]\n";
    let inspection = inspect(&[("rbac.yaml", text)]);
    assert_eq!(inspection.bindings[0].standing, Standing::RoleMissing);
    assert!(
        inspection.notes[0].text.contains("no roles"),
        "{:?}",
        inspection.notes
    );
    // cluster-admin is in every cluster.
    let inspection = inspect(&[("rbac.yaml", &text.replace("view", "cluster-admin"))]);
    assert_eq!(inspection.bindings[0].standing, Standing::AnonymousChanges);
}
