//! Roles and bindings.

use super::{inspect, verdicts};
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
    // The roles with this label are perhaps in the cluster, and no expression is evaluated.
    for selector in [
        "{matchLabels: {a: c}}",
        "{matchExpressions: [{key: a, operator: Exists}]}",
    ] {
        let rules = format!("[]\naggregationRule: {{clusterRoleSelectors: [{selector}]}}");
        assert_eq!(
            with_role(&rules, "ClusterRoleBinding", other),
            [Some(Verdict::Inconclusive)],
            "{selector}"
        );
    }
    // No label is every role.
    let rules = "[]\naggregationRule: {clusterRoleSelectors: [{}]}";
    assert_eq!(
        with_role(rules, "ClusterRoleBinding", other),
        [Some(Verdict::Exposed)]
    );
}

#[test]
fn a_role_is_filled_from_roles_that_are_filled_themselves() {
    let api = "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole";
    let middle = |label: &str, leaf: &str| {
        format!(
            "{api}\nmetadata: {{name: middle, labels: {{a: b}}}}\nrules: []\n\
             aggregationRule: {{clusterRoleSelectors: [{{matchLabels: {{{label}: x}}}}]}}\n\
             {api}\nmetadata: {{name: leaf, labels: {{c: x}}}}\n\
             rules: [{{apiGroups: [''], resources: [{leaf}], verbs: [list]}}]\n"
        )
    };
    let rules = "[]\naggregationRule: {clusterRoleSelectors: [{matchLabels: {a: b}}]}";
    for (others, verdict) in [
        (middle("c", "secrets"), Verdict::Exposed),
        (middle("c", "gadgets"), Verdict::Forbidden),
        (middle("d", "secrets"), Verdict::Inconclusive),
    ] {
        assert_eq!(
            with_role(rules, "ClusterRoleBinding", &others),
            [Some(verdict)],
            "{others}"
        );
    }
}

/// The server compares by case, so `LIST` and `Secrets` grant nothing: measured on 1.37.2.
#[test]
fn words_in_capital_letters_grant_nothing() {
    for rule in [
        "{apiGroups: [''], resources: [secrets], verbs: [LIST]}",
        "{apiGroups: [''], resources: [Secrets], verbs: [list]}",
        "{apiGroups: [Apps], resources: [deployments], verbs: [list]}",
    ] {
        let text = format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: r}}\nrules: [{rule}]\n{}",
            binding("b", "r")
        );
        let inspection = inspect(&[("rbac.yaml", &text)]);
        assert_eq!(
            inspection.bindings[0].standing,
            Standing::Harmless,
            "{rule}"
        );
    }
}

/// A binding of anonymous callers to a `ClusterRole`, as a further document.
fn binding(name: &str, role: &str) -> String {
    format!(
        "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {{name: '{name}'}}\n\
         roleRef: {{kind: ClusterRole, name: '{role}'}}\nsubjects: [{{kind: Group, name: 'system:unauthenticated'}}]\n"
    )
}

/// What a real 1.37.2 answered with each binding, without the role in the input.
#[test]
fn a_role_that_is_not_in_the_input_does_not_grant_nothing() {
    use crate::inspect::PredictedAccess::{Forbidden, Granted, Unclear};
    for (role, path, access, verdict) in [
        ("system:discovery", "/api", Granted, Verdict::Exposed),
        (
            "system:discovery",
            "/api/v1/secrets",
            Forbidden,
            Verdict::Exposed,
        ),
        ("system:basic-user", "/api", Forbidden, Verdict::Forbidden),
        ("system:monitoring", "/metrics", Granted, Verdict::Exposed),
        // A newer release opens it: measured on 1.37.2.
        ("system:monitoring", "/statusz", Unclear, Verdict::Exposed),
        ("view", "/api/v1/pods", Granted, Verdict::Exposed),
        ("view", "/api/v1/secrets", Unclear, Verdict::Exposed),
        ("edit", "/api/v1/secrets", Granted, Verdict::Exposed),
        ("admin", "/api/v1/secrets", Granted, Verdict::Exposed),
        ("cluster-admin", "/api/v1/nodes", Granted, Verdict::Exposed),
        ("mine", "/api", Unclear, Verdict::Inconclusive),
        ("mine", "/version", Granted, Verdict::Inconclusive),
    ] {
        let inspection = inspect(&[("pod.yaml", POD), ("rbac.yaml", &binding("b", role))]);
        let server = &inspection.servers[0];
        assert_eq!(server.verdict(), Some(verdict), "{role}");
        let mut paths = server.prediction.paths.iter();
        let found = paths.find(|known| known.path == path).unwrap();
        assert_eq!(
            found.access, access,
            "{role} {path}: {}",
            found.because.text
        );
        if role == "mine" && access == Unclear {
            assert_eq!(
                found.because.text,
                "ClusterRole mine is not in the input, so what it grants is not known"
            );
        }
    }
    // A role of the input goes into one of every cluster.
    let more = "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\n\
                metadata: {name: more, labels: {rbac.authorization.k8s.io/aggregate-to-view: 'true'}}\n\
                rules: [{apiGroups: [''], resources: [secrets], verbs: [list]}]\n";
    let text = binding("b", "edit") + more;
    let inspection = inspect(&[("rbac.yaml", &text)]);
    assert!(
        inspection.bindings[0]
            .grants
            .contains(&"list secrets".to_owned()),
        "{:?}",
        inspection.bindings
    );
    assert_eq!(inspection.bindings[0].standing, Standing::AnonymousChanges);
}

/// In the dump of a cluster everything is there.
#[test]
fn a_role_that_is_not_in_a_dump_grants_nothing() {
    let inspection = inspect(&[("pod.yaml", POD), ("rbac.yaml", DUMP)]);
    assert_eq!(
        verdicts(&inspection),
        [(
            "Pod kube-system/kube-apiserver-cp-1",
            Some(Verdict::Forbidden)
        )]
    );
    let mut bindings = inspection.bindings.iter();
    let dangling = bindings.find(|one| one.name == "ClusterRoleBinding dangling");
    assert_eq!(
        dangling.unwrap().unknown.as_deref(),
        Some("ClusterRole gone is not in the input, which has the others, so it grants nothing")
    );
}

/// Clusters of `OpenShift` before 4.16 have these bindings with these roles, and an upgrade keeps them.
#[test]
fn the_defaults_of_openshift_are_known_by_name_and_content() {
    let defaults = [
        (
            "self-access-reviewers",
            "{apiGroups: ['', authorization.openshift.io], resources: [selfsubjectrulesreviews], verbs: [create]}",
            true,
        ),
        (
            "system:oauth-token-deleters",
            "{apiGroups: ['', oauth.openshift.io], resources: [oauthaccesstokens, oauthauthorizetokens], verbs: [delete]}",
            true,
        ),
        (
            "system:openshift:public-info-viewer",
            "{nonResourceURLs: [/.well-known, /.well-known/*], verbs: [get]}",
            false,
        ),
        (
            "system:scope-impersonation",
            "{apiGroups: [authentication.k8s.io], resources: [userextras/scopes.authorization.openshift.io], \
             verbs: [impersonate]}",
            true,
        ),
        (
            "system:webhooks",
            "{apiGroups: ['', build.openshift.io], resources: [buildconfigs/webhooks], verbs: [create, get]}",
            true,
        ),
    ];
    let with = |name: &str, rule: &str| {
        let text = format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: r}}\nrules: [{rule}]\n{}",
            binding(name, "r")
        );
        let inspection = inspect(&[("rbac.yaml", &text)]);
        let standing = inspection.bindings[0].standing;
        let is_said = |note: &crate::inspect::Note| note.text.contains("OpenShift before 4.16");
        (standing, inspection.notes.iter().any(is_said))
    };
    for (name, rule, is_old) in defaults {
        assert_eq!(with(name, rule), (Standing::BuiltIn, is_old), "{name}");
        // Somebody gave the role more, or another binding this role.
        let more =
            format!("{rule}, {{apiGroups: [''], resources: [secrets], verbs: [list, delete]}}");
        assert_eq!(
            with(name, &more),
            (Standing::AnonymousChanges, false),
            "{name}"
        );
        assert_ne!(with("mine", rule).0, Standing::BuiltIn, "{name}");
    }
}

/// Of a part of a cluster, as a repository has it, nobody knows what is not in it.
#[test]
fn only_a_dump_of_a_cluster_says_what_is_not_there() {
    let open = |dump: &str| {
        let inspection = inspect(&[("pod.yaml", POD), ("rbac.yaml", dump)]);
        let prediction = &inspection.servers[0].prediction;
        prediction.granted().map(str::to_owned).collect::<Vec<_>>()
    };
    let binding = |name: &str, labels: &str| {
        format!(
            "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\n\
             metadata: {{name: '{name}', labels: {{{labels}}}}}\n\
             roleRef: {{kind: ClusterRole, name: gone}}\nsubjects: [{{kind: User, name: jane}}]\n"
        )
    };
    let public = ["/version", "/healthz", "/livez", "/readyz"];
    let of_add_ons = [
        "mine",
        "system:metrics-server",
        "system:coredns",
        "system:mine",
    ];
    let of_add_ons = of_add_ons.map(|name| binding(name, "")).concat();
    assert_eq!(open(&of_add_ons), public);
    // Somebody exported one.
    let exported = of_add_ons + &binding("system:node-proxier", "");
    assert_eq!(open(&exported), public);
    let label = "kubernetes.io/bootstrapping: rbac-defaults";
    let dump = exported + &binding("cluster-admin", "") + &binding("system:any", label);
    assert!(open(&dump).is_empty());
}

#[test]
fn without_roles_the_grants_are_not_known() {
    let text = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: b}\n\
                roleRef: {kind: ClusterRole, name: mine}\nsubjects: [{kind: User, name: 'system:anonymous'}]\n";
    let inspection = inspect(&[("rbac.yaml", text)]);
    assert_eq!(inspection.bindings[0].standing, Standing::RoleMissing);
    assert!(
        inspection.notes[0].text.contains("no roles"),
        "{:?}",
        inspection.notes
    );
    // cluster-admin is in every cluster.
    let inspection = inspect(&[("rbac.yaml", &text.replace("mine", "cluster-admin"))]);
    assert_eq!(inspection.bindings[0].standing, Standing::AnonymousChanges);
    assert!(inspection.notes.is_empty(), "{:?}", inspection.notes);
}
