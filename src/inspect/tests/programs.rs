//! Configurations of programs that start an API server with flags of their own.

use super::{inspect, verdicts};
use crate::model::Verdict::{self, Exposed, Forbidden, Inconclusive, Limited, Rejected};

const JWT: &str = "apiVersion: apiserver.config.k8s.io/v1beta1\nkind: AuthenticationConfiguration\n\
    jwt: [{issuer: {url: 'https://x.example', audiences: [a]}, claimMappings: {username: {claim: sub, prefix: ''}}}]\n";
const LIVEZ: &str = "apiVersion: apiserver.config.k8s.io/v1beta1\nkind: AuthenticationConfiguration\n\
    anonymous: {enabled: true, conditions: [{path: /livez}]}\n";
const ALLOW: &str = "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthorizationConfiguration\n\
    authorizers: [{type: AlwaysAllow, name: alwaysallow}]\n";

/// The verdict of the first server in these files.
fn verdict(files: &[(&str, &str)]) -> Option<Verdict> {
    verdicts(&inspect(files))[0].1
}

fn k3s(arguments: &[&str]) -> String {
    let arguments = serde_json::to_string(arguments).unwrap();
    format!("tls-san: [a]\nkube-apiserver-arg: {arguments}\n")
}

/// k3s-io/k3s issue 12245.
#[test]
fn k3s_leaves_its_own_flags_out_beside_the_files() {
    let authentication = k3s(&["authentication-config=/etc/a.yaml"]);
    for (file, wanted) in [(JWT, Inconclusive), (LIVEZ, Limited)] {
        let found = verdict(&[("config.yaml", &authentication), ("a.yaml", file)]);
        assert_eq!(found, Some(wanted), "{file}");
    }
    let inspection = inspect(&[("config.yaml", &authentication), ("a.yaml", JWT)]);
    let because = &inspection.servers[0].prediction.paths[0].because.text;
    assert!(because.contains("the release decides"), "{because}");
    assert_eq!(
        verdict(&[("config.yaml", &authentication)]),
        Some(Inconclusive)
    );
    let both = k3s(&["authentication-config=/etc/a.yaml", "anonymous-auth=false"]);
    let found = verdict(&[("config.yaml", &both), ("a.yaml", JWT)]);
    assert_eq!(found, Some(Rejected));
    let authorization = k3s(&["authorization-config=/etc/z.yaml"]);
    let found = verdict(&[("config.yaml", &authorization), ("z.yaml", ALLOW)]);
    assert_eq!(found, Some(Rejected), "anonymous requests stay off");
    let open = k3s(&["authorization-config=/etc/z.yaml", "anonymous-auth=true"]);
    let found = verdict(&[("config.yaml", &open), ("z.yaml", ALLOW)]);
    assert_eq!(found, Some(Exposed));
}

/// k0sproject/k0s pull request 7976.
#[test]
fn k0s_looks_into_the_file() {
    let config = "apiVersion: k0s.k0sproject.io/v1beta1\nkind: ClusterConfig\nmetadata: {name: k}\n\
                  spec: {api: {extraArgs: {authentication-config: /etc/a.yaml}}}\n";
    for (file, wanted) in [(JWT, Rejected), (LIVEZ, Limited)] {
        let found = verdict(&[("k0s.yaml", config), ("a.yaml", file)]);
        assert_eq!(found, Some(wanted), "{file}");
    }
    assert_eq!(verdict(&[("k0s.yaml", config)]), Some(Inconclusive));
}

#[test]
fn gardener_looks_into_the_config_map() {
    let shoot = "apiVersion: core.gardener.cloud/v1beta1\nkind: Shoot\nmetadata: {name: s, namespace: n}\n\
                 spec: {kubernetes: {version: '1.33', kubeAPIServer: {structuredAuthentication: {configMapName: a}}}}\n";
    let with = |file: &str| {
        let indented = file.replace('\n', "\n    ");
        let map = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a, namespace: n}}\ndata:\n  config.yaml: |\n    {indented}"
        );
        inspect(&[("shoot.yaml", shoot), ("map.yaml", &map)])
    };
    for (file, wanted) in [(JWT, Rejected), (LIVEZ, Limited)] {
        assert_eq!(with(file).servers[0].verdict(), Some(wanted), "{file}");
    }
    let release = with(JWT).servers[0].release.unwrap();
    assert_eq!(release.to_string(), "1.33");
    assert_eq!(verdict(&[("shoot.yaml", shoot)]), Some(Inconclusive));
}

/// The rules of k3s: pkg/util/args.go.
#[test]
fn k3s_appends_and_prepends() {
    for (arguments, wanted) in [
        (&["anonymous-auth=true"][..], Forbidden),
        (&["--anonymous-auth"], Forbidden),
        (&["anonymous-auth+=true"], Forbidden),
        (&["anonymous-auth-=true"], Rejected),
        (&["anonymous-auth=true", "anonymous-auth-=false"], Forbidden),
        (&["anonymous-auth=true", "anonymous-auth+=false"], Rejected),
        (
            &[
                "anonymous-auth=true",
                "authorization-mode+=Webhook",
                "authorization-webhook-config-file=/w",
            ],
            Inconclusive,
        ),
        // In place of the own modes.
        (
            &["anonymous-auth=true", "authorization-mode=RBAC"],
            Forbidden,
        ),
    ] {
        let text = k3s(arguments);
        assert_eq!(verdict(&[("config.yaml", &text)]), Some(wanted), "{text}");
    }
    let modes = k3s(&[
        "anonymous-auth=true",
        "authorization-mode-=Webhook",
        "authorization-webhook-config-file=/w",
    ]);
    let inspection = inspect(&[("config.yaml", &modes)]);
    let mut statements = inspection.servers[0].prediction.statements.iter();
    let text = "the modes of --authorization-mode are Webhook, Node, RBAC";
    assert!(statements.any(|one| one.text == text), "{inspection:?}");
}

#[test]
fn an_agent_of_k3s_has_no_api_server() {
    let agent = "server: https://10.0.0.10:6443\ntoken: x\nnode-label+: [role=worker]\nkubelet-arg: [max-pods=200]\n";
    let inspection = inspect(&[("config.yaml", agent)]);
    assert_eq!(inspection.servers[0].verdict(), Some(Inconclusive));
    let because = &inspection.servers[0].prediction.paths[0].because.text;
    assert!(
        because.contains("perhaps the configuration of an agent"),
        "{because}"
    );
    // A further document, or field, that only servers have.
    for more in ["---\ntls-san: [a]\n", "cluster-init: true\n"] {
        let text = format!("{agent}{more}");
        assert_eq!(verdict(&[("config.yaml", &text)]), Some(Rejected), "{more}");
    }
}

/// Cluster API writes the files of the flags to the machine.
#[test]
fn the_files_of_a_control_plane_are_read() {
    let of = |path: &str| {
        let file = |path: &str, text: &str| {
            let indented = text.replace('\n', "\n        ");
            format!("    - path: {path}\n      content: |\n        {indented}\n")
        };
        let policy = "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [ResponseStarted]\nrules: [{level: None}]";
        format!(
            "apiVersion: controlplane.cluster.x-k8s.io/v1beta2\nkind: KubeadmControlPlane\nmetadata: {{name: c}}\nspec:\n  \
             version: v1.34.2\n  kubeadmConfigSpec:\n    clusterConfiguration:\n      apiServer:\n        extraArgs:\n        \
             - {{name: authentication-config, value: {path}}}\n        - {{name: audit-policy-file, value: /p.yaml}}\n    \
             files:\n{}{}    - {{path: /secret, content: hunter2}}\n",
            file("/etc/a.yaml", &LIVEZ.replace("v1beta1", "v1")),
            file("/p.yaml", policy)
        )
    };
    let inspection = inspect(&[("kcp.yaml", &of("/etc/a.yaml"))]);
    let server = &inspection.servers[0];
    assert_eq!(server.verdict(), Some(Limited), "{inspection:?}");
    let place = server.prediction.statements.iter().find_map(|one| {
        one.text
            .contains("conditions")
            .then(|| one.place.as_ref().unwrap().to_string())
    });
    assert_eq!(place.as_deref(), Some("kcp.yaml:17:30"));
    assert_eq!(inspection.policies.len(), 1);
    assert!(inspection.policies[0].loss().is_some());
    // Another path: the file is one of something else.
    assert_eq!(
        verdict(&[("kcp.yaml", &of("/etc/b.yaml"))]),
        Some(Inconclusive)
    );
}
