//! Files that are no inventory of the named format, and inventories of which a part cannot be read.

use super::inventories::{import, lines};
use super::*;
use crate::model::{Declared, DeclaredFact};

const AKS: &str = include_str!("../../../tests/data/inventories/aks.json");
const GKE: &str = include_str!("../../../tests/data/inventories/gke.json");
const EKS: &str = include_str!("../../../tests/data/inventories/eks.json");
const KUBECONFIG: &str = include_str!("../../../tests/data/inventories/kubeconfig.yaml");
const STATE: &str = r#"{"version": 4, "terraform_version": "1.9.0", "resources": []}"#;

/// A cluster that does not exist must not be listed.
#[test]
fn a_file_of_another_kind_is_an_error_that_says_what_it_is() {
    use ImportFormat::{Aks, Auto, Eks, Gke, Kubeconfig, Terraform};
    const OF_AKS: &str = "clusters:1: a list of AKS clusters, to be read with --from aks, not ";
    const OF_GKE: &str = "clusters:1: a list of GKE clusters, to be read with --from gke, not ";
    const OF_EKS: &str =
        "clusters:1: a description of EKS clusters, to be read with --from eks, not ";
    const EMPTY: &str = "clusters:1: an empty list of GKE or EKS clusters, not ";
    const OF_TERRAFORM: &str =
        "clusters:1: a state or plan of Terraform, to be read with --from terraform, not ";
    for (format, text, said) in [
        (Gke, r#"{"value": []}"#, OF_AKS),
        (Eks, r#"{"value": []}"#, OF_AKS),
        (Kubeconfig, r#"{"value": []}"#, OF_AKS),
        (Terraform, r#"{"value": []}"#, OF_AKS),
        (Aks, r#"{"clusters": []}"#, EMPTY),
        (Terraform, r#"{"clusters": []}"#, EMPTY),
        (Gke, AKS, OF_AKS),
        (Terraform, AKS, OF_AKS),
        (Aks, GKE, OF_GKE),
        (Kubeconfig, GKE, OF_GKE),
        (Aks, EKS, OF_EKS),
        (Terraform, EKS, OF_EKS),
        (
            Gke,
            KUBECONFIG,
            "clusters:1: a kubeconfig, to be read with --from kubeconfig, not ",
        ),
        (Aks, STATE, OF_TERRAFORM),
        (Gke, STATE, OF_TERRAFORM),
        (Eks, STATE, OF_TERRAFORM),
        (Kubeconfig, STATE, OF_TERRAFORM),
        (
            Aks,
            "{}",
            "clusters:1: an object that is not an AKS cluster: expected the output of az",
        ),
        (
            Gke,
            "{}",
            "clusters:1: an object that is not a GKE cluster: expected the output of gcloud",
        ),
        (
            Eks,
            "{}",
            "clusters:1: an object that is not an EKS cluster: expected the output of aws",
        ),
        (
            Eks,
            r#"{"cluster": {}}"#,
            "clusters:1: an object that is not an EKS cluster",
        ),
        (
            Gke,
            r#"[{"name": "a", "location": "b"}]"#,
            "clusters:1: an object that is not a GKE cluster",
        ),
        (
            Aks,
            r#"{"value": [{"name": "a"}]}"#,
            "clusters:1: an object that is not an AKS cluster",
        ),
        (
            Terraform,
            "{}",
            "expected the output of terraform show -json",
        ),
        (
            Kubeconfig,
            "{}",
            "clusters:1: a file without the keys of a kubeconfig",
        ),
        (Auto, "{}", "clusters:1: the content shows no known format"),
    ] {
        let error =
            import(format, text).map_or_else(|error| error, |set| format!("{:?}", lines(&set)));
        assert!(error.contains(said), "{format} {text}: {error}");
    }
}

fn declared(format: ImportFormat, text: &str) -> Declared {
    let set = import(format, text).unwrap();
    (**targets(&set)[0].declared.as_ref().unwrap()).clone()
}

/// Otherwise its absence would look like a declaration that everybody, or nobody of it, is admitted.
#[test]
fn a_network_that_cannot_be_read_is_counted() {
    let quoted = |networks: &[String]| networks.join(r#"", ""#);
    let aks = |networks: &[String]| {
        format!(
            r#"[{{"fqdn": "a.example", "apiServerAccessProfile": {{"authorizedIpRanges": ["{}"],
                "enablePrivateCluster": null}}}}]"#,
            quoted(networks)
        )
    };
    let many: Vec<String> = (0..1030)
        .map(|number| format!("10.{}.{}.0/24", number / 256, number % 256))
        .collect();
    let odd = ["198.51.100.0/24", "AzureCloud", " 203.0.113.9 "].map(str::to_owned);
    for (format, text, read, unread) in [
        (ImportFormat::Aks, aks(&odd), 2, 1),
        (ImportFormat::Aks, aks(&many), 1024, 6),
        (
            ImportFormat::Gke,
            r#"[{"endpoint": "203.0.113.1", "masterAuthorizedNetworksConfig": {"enabled": true, "cidrBlocks":
                [{"cidrBlock": "198.51.100.0/24"}, {"displayName": "office"}]}}]"#
                .to_owned(),
            1,
            1,
        ),
    ] {
        let found = declared(format, &text);
        let networks = found.authorized_networks.as_deref().unwrap();
        assert_eq!((networks.len(), found.unread_networks), (read, unread), "{found:?}");
    }
    let phrases = declared(ImportFormat::Aks, &aks(&odd[1..2])).phrases();
    assert_eq!(phrases, ["public, from 1 unreadable network"]);
}

/// Everything that several inventories say of one endpoint.
fn together(inventories: &[(&str, ImportFormat, &str)]) -> (Declared, Vec<String>) {
    let mut builder = TargetSetBuilder::new(TargetOptions::default());
    for (file, format, text) in inventories {
        builder.import(*format, Source::File((*file).into()), text.as_bytes());
    }
    let set = builder.build().unwrap();
    let warnings = set.warnings().iter().filter(|one| !one.verbose);
    let warnings = warnings.map(|one| format!("{}: {}", one.origin, one.text));
    let found = (**targets(&set)[0].declared.as_ref().unwrap()).clone();
    (found, warnings.collect())
}

#[test]
fn networks_that_admit_the_same_are_no_contradiction() {
    let gke = r#"[{"endpoint": "203.0.113.9", "masterAuthorizedNetworksConfig": {}, "privateClusterConfig":
        {"enablePrivateEndpoint": false}}]"#;
    let eks = |networks: &str| {
        format!(
            r#"{{"endpoint": "https://203.0.113.9", "resourcesVpcConfig": {{"endpointPublicAccess": true,
                "publicAccessCidrs": [{networks}]}}}}"#
        )
    };
    for (networks, contradicts) in [
        (r#""0.0.0.0/0""#, false),
        (r#""128.0.0.0/1", "0.0.0.0/1""#, false),
        (r#""198.51.100.0/24""#, true),
        // It may be the one that differs, so nothing is said of it.
        (r#""0.0.0.0/1", "unreadable""#, false),
    ] {
        let text = eks(networks);
        let both = [
            ("gke.json", ImportFormat::Gke, gke),
            ("eks.json", ImportFormat::Eks, &text),
        ];
        let (found, _) = together(&both);
        let is_about_reach = |one: &crate::model::Contradiction| one.fact == DeclaredFact::Reach;
        assert_eq!(
            found.contradictions.iter().any(is_about_reach),
            contradicts,
            "{networks}"
        );
        assert_eq!(
            found.unread_networks,
            u32::from(networks.contains("unreadable"))
        );
    }
}

#[test]
fn a_contradiction_names_every_inventory_that_is_part_of_it() {
    let cluster = |mode: &str| {
        format!(
            r#"[{{"endpoint": "203.0.113.9", "anonymousAuthenticationConfig": {{"mode": "{mode}"}}}}]"#
        )
    };
    let (one, other) = (cluster("LIMITED"), cluster("ENABLED"));
    let silent = "clusters:\n- cluster: {server: 'https://203.0.113.9'}\n";
    let mut files = vec![
        ("b.json", ImportFormat::Gke, &*one),
        ("a.json", ImportFormat::Gke, &*other),
        ("z.yaml", ImportFormat::Kubeconfig, silent),
    ];
    let said = "b.json:1: anonymous requests: the inventories contradict each other (ENABLED; LIMITED), so it counts \
                as unknown; see also a.json:1";
    assert_eq!(together(&files).1, [said]);
    files.reverse();
    assert_eq!(together(&files).1, [said], "in the other order");
}
