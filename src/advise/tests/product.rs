//! Steps in the way of the product that was identified, and of no other.

use super::super::{for_renewal, for_upgrade};
use crate::identify::identify;
use crate::model::fixtures::*;
use crate::model::{Identification, Observation, Remediation};
use crate::products::TABLE;

fn of_version(version: &str) -> Identification {
    let body = format!("{{\"major\":\"1\",\"minor\":\"0\",\"gitVersion\":\"{version}\"}}");
    let answer = reply(200, "application/json", &body).marked();
    let observation: Observation = seen(1, [("/version", answer), ("/api", forbidden().marked())]);
    identify(&observation)
}

fn commands(remediation: &Remediation) -> String {
    let commands = remediation.steps.iter();
    let commands: Vec<&str> = commands
        .filter_map(|step| step.command.as_deref())
        .collect();
    commands.join("; ")
}

#[test]
fn an_upgrade_names_the_command_of_the_product() {
    for (version, command) in [
        ("v1.29.5-eks-5e0fdde", "aws eks update-cluster-version"),
        ("v1.29.5-gke.100", "gcloud container clusters upgrade"),
        ("v1.29.5+k3s1", "get.k3s.io"),
        ("v1.29.5+rke2r1", "get.rke2.io"),
        ("v1.29.5+k0s.0", "k0sctl apply"),
        ("v1.29.10+67d3387", "oc adm upgrade"),
    ] {
        let told = commands(&for_upgrade("unsupported-version", &of_version(version)));
        assert!(told.contains(command), "{version}: {told}");
        assert!(!told.contains("kubeadm"), "{version}: {told}");
    }
    let unknown = for_upgrade("unsupported-version", &of_version("v1.29.5"));
    assert_eq!(commands(&unknown), "");
    assert!(unknown.steps[0].text.contains("way of the distribution"));
}

#[test]
fn a_certificate_is_renewed_in_the_way_of_the_product_that_presents_it() {
    let rule = "serving-certificate-expired";
    let k3s = of_version("v1.29.5+k3s1");
    assert_eq!(commands(&for_renewal(rule, &k3s)), "systemctl restart k3s");
    let behind_front = Identification {
        through_front: true,
        ..k3s
    };
    assert_eq!(commands(&for_renewal(rule, &behind_front)), "");
    let managed = for_renewal(rule, &of_version("v1.29.5-eks-5e0fdde"));
    assert!(managed.summary.contains("Ask the provider"), "{managed:?}");
}

#[test]
fn no_way_names_the_tool_of_another_product() {
    for entry in &TABLE.entries {
        for guide in [&entry.upgrade, &entry.renew].into_iter().flatten() {
            let commands = guide.steps.iter();
            for command in commands.filter_map(|step| step.command.as_deref()) {
                assert_eq!(
                    command.starts_with("kubeadm ") || command.contains("kube-apiserver.yaml"),
                    entry.id == "kubeadm",
                    "{}: {command}",
                    entry.id
                );
            }
            let url = guide.url.as_deref().unwrap_or("https://");
            assert!(url.starts_with("https://"), "{}: {url}", entry.id);
        }
    }
}
