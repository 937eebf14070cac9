//! Each shape of input.

use super::{inspect, verdicts};
use crate::model::Verdict;

use Verdict::{Exposed, Forbidden, Inconclusive, Limited, Rejected};

macro_rules! sample {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!("../../../tests/data/inspect/", $name)),
        )
    };
}

#[test]
fn every_sample_gives_what_its_server_does() {
    type Expected = &'static [(&'static str, Option<Verdict>)];
    let rows: [((&str, &str), Expected); 11] = [
        (
            sample!("pod-kubeadm-default.yaml"),
            &[("Pod kube-system/kube-apiserver-cp-1", Some(Forbidden))],
        ),
        (
            sample!("pod-kops-gorunner.yaml"),
            &[("Pod kube-system/kube-apiserver-i-0example", Some(Rejected))],
        ),
        (
            sample!("pod-openshift.yaml"),
            &[(
                "Pod openshift-kube-apiserver/kube-apiserver-master-0",
                Some(Inconclusive),
            )],
        ),
        (
            sample!("openshift-config.json"),
            &[(
                "OpenShift apiServerArguments of ConfigMap openshift-kube-apiserver/config",
                Some(Forbidden),
            )],
        ),
        (
            sample!("rke2-pod-and-k3s-config.yaml"),
            &[
                ("Pod kube-system/kube-apiserver-node-1", Some(Forbidden)),
                ("k3s or RKE2 configuration", Some(Rejected)),
            ],
        ),
        (
            sample!("microk8s-args.txt"),
            &[("arguments", Some(Rejected))],
        ),
        (
            sample!("k0s.yaml"),
            &[("k0s ClusterConfig k0s", Some(Forbidden))],
        ),
        (
            sample!("talos-1.14.yaml"),
            &[("Talos machine configuration", Some(Limited))],
        ),
        (
            sample!("kubeadm-and-capi.yaml"),
            &[
                ("kubeadm ClusterConfiguration", Some(Rejected)),
                ("kubeadm ClusterConfiguration", Some(Forbidden)),
                ("KubeadmControlPlane clusters/prod", Some(Rejected)),
            ],
        ),
        (
            sample!("kops-and-gardener.yaml"),
            &[
                ("kOps Cluster prod.example", Some(Rejected)),
                ("Gardener Shoot garden-example/prod", Some(Forbidden)),
                (
                    "AuthenticationConfiguration of ConfigMap garden-example/authentication-config",
                    Some(Limited),
                ),
            ],
        ),
        (
            sample!("alwaysallow-open.yaml"),
            &[("AuthenticationConfiguration", Some(Exposed))],
        ),
    ];
    for (file, expected) in rows {
        let inspection = inspect(&[file]);
        assert_eq!(verdicts(&inspection), expected, "{}", file.0);
        assert!(
            inspection.unreadable.is_empty(),
            "{:?}",
            inspection.unreadable
        );
        // Secrets of the samples are never in a result.
        assert!(
            !format!("{inspection:?}").contains("MUST-NOT-BE-SHOWN"),
            "{}",
            file.0
        );
    }
}

#[test]
fn statements_have_their_place() {
    let places = |files: &[(&str, &str)], about: &str| -> Vec<String> {
        let inspection = inspect(files);
        let servers = inspection.servers.iter();
        let statements = servers.flat_map(|server| {
            let prediction = &server.prediction;
            prediction
                .start_problems
                .iter()
                .chain(&prediction.statements)
        });
        statements
            .filter(|statement| statement.text.contains(about))
            .filter_map(|statement| Some(statement.place.as_ref()?.to_string()))
            .collect()
    };
    let flag = "--anonymous-auth is";
    assert_eq!(
        places(&[sample!("pod-kops-gorunner.yaml")], flag),
        ["pod-kops-gorunner.yaml:16:7"]
    );
    assert_eq!(places(&[sample!("k0s.yaml")], flag), ["k0s.yaml:11:9"]);
    assert_eq!(
        places(&[sample!("microk8s-args.txt")], "AlwaysAllow, so"),
        ["microk8s-args.txt:3:1"]
    );
    // Within a shell text, and within YAML that is the text of a ConfigMap.
    assert_eq!(
        places(&[sample!("pod-openshift.yaml")], "--openshift-config"),
        ["pod-openshift.yaml:16:120"]
    );
    assert_eq!(
        places(
            &[sample!("kops-and-gardener.yaml")],
            "of anonymous.conditions"
        ),
        ["kops-and-gardener.yaml:24:16"]
    );
    assert_eq!(
        places(&[sample!("openshift-config.json")], flag),
        ["openshift-config.json:9:20"]
    );
}

/// Two shapes of a command line in a shell, and a pod of another program.
#[test]
fn command_lines_as_text() {
    let rows = [
        (
            "root  1234  3.2  5.1 112 45 ?  Ssl 10:00  12:33 /usr/bin/kube-apiserver --anonymous-auth=false --v=2\n\
             me    9 0 0 1 2 ? S 10:00 0:00 grep kube-apiserver\n",
            Rejected,
        ),
        (
            "[Service]\nExecStart=/usr/bin/kube-apiserver \\\n  --authorization-mode=Node,RBAC \\\n  --v=2\n",
            Forbidden,
        ),
        (
            "time=\"2026-01-01\" level=info msg=\"Running kube-apiserver --anonymous-auth=false --v=2\"\n",
            Rejected,
        ),
        (
            "kube-apiserver\0--authorization-mode=RBAC\0--anonymous-auth\0",
            Forbidden,
        ),
        (
            "[\"--authorization-mode=RBAC\", \"--anonymous-auth=false\"]",
            Rejected,
        ),
    ];
    for (text, verdict) in rows {
        let inspection = inspect(&[("a", text)]);
        let found: Vec<_> = verdicts(&inspection)
            .into_iter()
            .map(|(_, verdict)| verdict)
            .collect();
        assert_eq!(found, [Some(verdict)], "{text:?} {inspection:?}");
    }
}

#[test]
fn an_empty_list_is_an_answer() {
    let inspection = inspect(&[(
        "-",
        "apiVersion: v1\nitems: []\nkind: List\nmetadata: {resourceVersion: \"\"}\n",
    )]);
    assert!(inspection.is_empty());
    let [note] = inspection.notes.as_slice() else {
        panic!("{:?}", inspection.notes);
    };
    assert!(
        note.is_gap && note.text.contains("on OpenShift") && note.text.contains("EKS"),
        "{note:?}"
    );
}

#[test]
fn credentials_are_skipped_by_type() {
    let text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata: {name: s}\n  \
                data: {config.yaml: TVVTVC1OT1Q=, token: MUST-NOT}\n- apiVersion: v1\n  kind: Config\n  users:\n  \
                - {name: u, user: {token: MUST-NOT}}\n";
    let inspection = inspect(&[("list.yaml", text)]);
    assert_eq!(inspection.notes.len(), 2, "{:?}", inspection.notes);
    let said = format!("{inspection:?}");
    assert!(
        !said.contains("MUST-NOT") && !said.contains("TVVTVC"),
        "{said}"
    );
}

#[test]
fn a_mistake_has_its_place_and_not_its_text() {
    let inspection = inspect(&[
        ("a.yaml", "kind: Pod\n  b: [SECRET\n"),
        sample!("pod-kops-gorunner.yaml"),
    ]);
    let [unreadable] = inspection.unreadable.as_slice() else {
        panic!("{inspection:?}");
    };
    assert!(
        unreadable.place.to_string().starts_with("a.yaml:"),
        "{unreadable:?}"
    );
    assert!(!unreadable.problem.contains("SECRET"));
    // The other file is read.
    assert_eq!(inspection.servers.len(), 1);
}
