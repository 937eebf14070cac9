//! What an inventory leaves out is not declared. What it says to be empty is.

use super::inventories::{import, lines};
use super::*;
use crate::model::Declared;

fn only(format: ImportFormat, text: &str) -> Declared {
    let set = import(format, text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let targets = targets(&set);
    assert_eq!(targets.len(), 1, "{text}");
    (**targets[0].declared.as_ref().unwrap()).clone()
}

/// What is declared of the reach; empty for nothing.
#[track_caller]
fn says(format: ImportFormat, text: &str, said: &str) {
    assert_eq!(only(format, text).phrases().join("; "), said, "{text}");
}

#[test]
fn azure_in_terraform() {
    let of = |facts: &str| {
        format!(
            r#"{{"format_version": "1.0", "values": {{"root_module": {{"resources": [
            {{"mode": "data", "type": "azurerm_kubernetes_cluster", "name": "k", "values":
            {{"name": "k", "fqdn": "k.example"{facts}}}}}]}}}}}}"#
        )
    };
    let (public, any) = (
        r#", "private_cluster_enabled": false"#,
        "public, from any network",
    );
    let (profile, old) = (
        "api_server_access_profile",
        "api_server_authorized_ip_ranges",
    );
    for (facts, said) in [
        (String::new(), ""),
        // A data source, and what a plan does not know yet.
        (public.to_owned(), "public"),
        (format!(r#", "{profile}": []"#), ""),
        (format!(r#"{public}, "{profile}": []"#), any),
        (format!(r#"{public}, "{profile}": null"#), any),
        (format!(r#"{public}, "{profile}": [{{}}]"#), "public"),
        (
            format!(r#"{public}, "{profile}": [{{"authorized_ip_ranges": null}}]"#),
            any,
        ),
        (
            format!(r#"{public}, "{profile}": [{{"authorized_ip_ranges": []}}]"#),
            any,
        ),
        (format!(r#"{public}, "{old}": null"#), any),
        (format!(r#"{public}, "{old}": []"#), any),
        (
            format!(r#"{public}, "{old}": ["198.51.100.0/24"], "{profile}": []"#),
            "public, from 198.51.100.0/24",
        ),
        (
            format!(
                r#"{public}, "{old}": [], "{profile}": [{{"authorized_ip_ranges": ["198.51.100.0/24"]}}]"#
            ),
            "public, from 198.51.100.0/24",
        ),
        (r#", "private_cluster_enabled": true"#.to_owned(), "private"),
    ] {
        says(ImportFormat::Terraform, &of(&facts), said);
    }
}

#[test]
fn google_in_terraform() {
    let of = |facts: &str| {
        format!(
            r#"{{"format_version": "1.0", "values": {{"root_module": {{"resources": [
            {{"mode": "data", "type": "google_container_cluster", "name": "g", "values":
            {{"name": "g", "endpoint": "203.0.113.9"{facts}}}}}]}}}}}}"#
        )
    };
    let open = r#""master_authorized_networks_config": []"#;
    for (facts, said) in [
        (String::new(), ""),
        (format!(", {open}"), ""),
        (r#", "private_cluster_config": []"#.to_owned(), "public"),
        (r#", "private_cluster_config": [{}]"#.to_owned(), ""),
        (
            format!(
                r#", {open}, "private_cluster_config": [{{"enable_private_endpoint": false}}]"#
            ),
            "public, from any network",
        ),
    ] {
        says(ImportFormat::Terraform, &of(&facts), said);
    }
    for (google, admits) in [
        ("", None),
        (r#", "gcp_public_cidrs_access_enabled": null"#, None),
        (r#", "gcp_public_cidrs_access_enabled": false"#, Some(false)),
        (r#", "gcp_public_cidrs_access_enabled": true"#, Some(true)),
    ] {
        let facts = format!(
            r#", "master_authorized_networks_config": [{{"cidr_blocks": [{{"cidr_block": "198.51.100.0/24"}}]{google}}}]"#
        );
        let found = only(ImportFormat::Terraform, &of(&facts));
        assert_eq!(found.admits_provider, admits, "{google}");
    }
}

#[test]
fn projections_of_azure() {
    let any = "public, from any network";
    let whole = r#""nodeResourceGroup": "MC_k""#;
    for (fields, said) in [
        // az aks list --query "[].{name:name,fqdn:fqdn}"
        (r#""fqdn": "k.example""#.to_owned(), ""),
        // The CLI writes null.
        (r#""fqdn": "k.example", "apiServerAccessProfile": null"#.to_owned(), any),
        (format!(r#""fqdn": "k.example", {whole}"#), any),
        (format!(r#""properties": {{"fqdn": "k.example", {whole}}}"#), any),
        (r#""properties": {"fqdn": "k.example"}"#.to_owned(), ""),
        (
            format!(r#""fqdn": "k.example", {whole}, "apiServerAccessProfile": {{"enablePrivateCluster": true}}"#),
            "private",
        ),
        (
            r#""fqdn": "k.example", "apiServerAccessProfile": {"enablePrivateCluster": false}"#.to_owned(),
            "public",
        ),
        (
            r#""fqdn": "k.example", "apiServerAccessProfile": {"authorizedIpRanges": null}"#.to_owned(),
            "",
        ),
        (
            r#""fqdn": "k.example", "apiServerAccessProfile": {"authorizedIpRanges": ["198.51.100.0/24"]}"#.to_owned(),
            "endpoint, from 198.51.100.0/24",
        ),
    ] {
        says(ImportFormat::Aks, &format!(r#"[{{"name": "k", {fields}}}]"#), said);
    }
}

#[test]
fn projections_of_google() {
    let whole = r#""selfLink": "x", "network": "default""#;
    let any = "public, from any network";
    for (fields, said) in [
        // gcloud container clusters list --format="json(name,endpoint)"
        (String::new(), ""),
        (r#", "selfLink": "x""#.to_owned(), ""),
        (format!(", {whole}"), any),
        (r#", "masterAuthorizedNetworksConfig": {}"#.to_owned(), ""),
        (
            r#", "masterAuthorizedNetworksConfig": {}, "privateClusterConfig": {"enablePrivateEndpoint": false}"#
                .to_owned(),
            any,
        ),
        (
            r#", "controlPlaneEndpointsConfig": {"ipEndpointsConfig": {"enablePublicEndpoint": true}}"#.to_owned(),
            "public",
        ),
    ] {
        let text = format!(r#"[{{"name": "g", "endpoint": "203.0.113.9"{fields}}}]"#);
        says(ImportFormat::Gke, &text, said);
    }
    let dns = |rest: &str| {
        format!(
            r#"[{{"name": "g", "controlPlaneEndpointsConfig": {{"dnsEndpointConfig": {{"endpoint": "g.example"}}}}{rest}}}]"#
        )
    };
    says(ImportFormat::Gke, &dns(""), "");
    says(ImportFormat::Gke, &dns(&format!(", {whole}")), "private");
    for (google, admits) in [
        ("", None),
        (r#", "gcpPublicCidrsAccessEnabled": null"#, None),
        (r#", "gcpPublicCidrsAccessEnabled": false"#, Some(false)),
        (r#", "gcpPublicCidrsAccessEnabled": true"#, Some(true)),
    ] {
        let text = format!(
            r#"[{{"name": "g", "endpoint": "203.0.113.9", "masterAuthorizedNetworksConfig": {{"enabled": true,
                "cidrBlocks": [{{"cidrBlock": "198.51.100.0/24"}}]{google}}}}}]"#
        );
        assert_eq!(
            only(ImportFormat::Gke, &text).admits_provider,
            admits,
            "{google}"
        );
    }
}

fn warnings(set: &TargetSet) -> Vec<String> {
    let normal = set.warnings().iter().filter(|one| !one.verbose);
    normal
        .map(|one| format!("{}: {}", one.origin, one.text))
        .collect()
}

#[test]
fn a_list_that_is_not_whole_is_said() {
    for (format, text, said) in [
        (
            ImportFormat::Aks,
            r#"{"value": [{"name": "k", "fqdn": "k.example"}], "nextLink": "https://management.azure.com/x?$skiptoken=y"}"#,
            "clusters:1: the list is not whole: it has a nextLink, so the clusters of the next page are missing; az aks \
             list -o json writes all",
        ),
        (
            ImportFormat::Gke,
            r#"{"clusters": [{"name": "g", "endpoint": "203.0.113.9"}], "missingZones": ["europe-west1-b", "x"]}"#,
            "clusters:1: the list is not whole: the clusters of missingZones are missing (europe-west1-b, x)",
        ),
        (
            ImportFormat::Eks,
            r#"[{"cluster": {"name": "e", "endpoint": "https://e.example"}}, {"clusters": [], "nextToken": "abc"}]"#,
            "clusters:1: the list is not whole: it has a nextToken, so the clusters of the next page are missing; the \
             aws CLI writes all without --max-items and --no-paginate",
        ),
        (
            ImportFormat::Eks,
            r#"[{"cluster": {"name": "e", "endpoint": "https://e.example"}}, {"clusters": [], "NextToken": "abc"}]"#,
            "clusters:1: the list is not whole: it has a nextToken, so the clusters of the next page are missing; the \
             aws CLI writes all without --max-items and --no-paginate",
        ),
    ] {
        let set = import(format, text).unwrap();
        assert_eq!(lines(&set).len(), 1, "{text}");
        assert_eq!(warnings(&set), [said]);
    }
    for (format, text) in [
        (
            ImportFormat::Aks,
            r#"{"value": [{"name": "k", "fqdn": "k.example"}], "nextLink": null}"#,
        ),
        (
            ImportFormat::Aks,
            r#"{"value": [{"name": "k", "fqdn": "k.example"}], "nextLink": ""}"#,
        ),
        (
            ImportFormat::Gke,
            r#"{"clusters": [{"name": "g", "endpoint": "203.0.113.9"}], "missingZones": []}"#,
        ),
    ] {
        assert_eq!(warnings(&import(format, text).unwrap()), [""; 0], "{text}");
    }
}

/// What is missing is no sign that there is nothing.
#[test]
fn a_part_without_clusters_is_not_called_empty() {
    let text = r#"{"clusters": [], "missingZones": ["x"]}"#;
    let said = "clusters:1: the list is not whole: the clusters of missingZones are missing (x)";
    for format in [ImportFormat::Gke, ImportFormat::Auto] {
        assert_eq!(warnings(&import(format, text).unwrap()), [said], "{format}");
    }
}

#[test]
fn deposed_and_flat_objects_of_terraform_are_no_targets() {
    let cluster = |name: &str| {
        format!(r#"{{"name": "{name}", "endpoint": "https://{name}.example", "version": "1.33"}}"#)
    };
    let (new, old) = (cluster("new"), cluster("old"));
    let state = format!(
        r#"{{"version": 4, "terraform_version": "1.13.0", "serial": 1, "lineage": "x", "resources": [
        {{"mode": "managed", "type": "aws_eks_cluster", "name": "e", "instances": [
        {{"schema_version": 1, "attributes": {new}}},
        {{"deposed": "0a1b2c3d", "schema_version": 1, "attributes": {old}}},
        {{"schema_version": 0, "attributes_flat": {{"name": "flat", "endpoint": "https://flat.example"}}}}]}}]}}"#
    );
    // terraform show -json says it after the values.
    let shown = format!(
        r#"{{"format_version": "1.0", "values": {{"root_module": {{"resources": [
        {{"mode": "managed", "type": "aws_eks_cluster", "name": "e", "values": {new}}},
        {{"mode": "managed", "type": "aws_eks_cluster", "name": "e", "values": {old}, "deposed_key": "0a1b2c3d"}}]}}}}}}"#
    );
    let deposed = "a deposed object, which Terraform is to destroy: no target";
    let flat = "attributes_flat, which Terraform before 0.12 wrote, is not read: write the state with a newer \
                Terraform, or give terraform show -json";
    for (text, said) in [
        (
            &state,
            vec![
                format!("clusters:4: {deposed}"),
                format!("clusters:5: {flat}"),
            ],
        ),
        (&shown, vec![format!("clusters:3: {deposed}")]),
    ] {
        let set = import(ImportFormat::Terraform, text).unwrap();
        let names: Vec<_> = targets(&set)
            .iter()
            .map(|one| one.label.clone().unwrap())
            .collect();
        assert_eq!(
            names.iter().map(|name| &**name).collect::<Vec<_>>(),
            ["new"]
        );
        assert_eq!(warnings(&set), said);
    }
}

/// Azure writes them in any case, in one answer and between two.
#[test]
fn groups_and_subscriptions_of_azure_have_no_case() {
    let one = r#"[{"name": "k", "fqdn": "k.example", "id": "/subscriptions/AB/resourceGroups/RG/providers/x"}]"#;
    let other = r#"[{"name": "k", "fqdn": "k.example", "id": "/subscriptions/ab/resourcegroups/rg/providers/x"}]"#;
    let mut builder = TargetSetBuilder::new(TargetOptions::default());
    builder.import(ImportFormat::Aks, Source::File("a".into()), one.as_bytes());
    builder.import(
        ImportFormat::Aks,
        Source::File("b".into()),
        other.as_bytes(),
    );
    let set = builder.build().unwrap();
    assert_eq!(warnings(&set), [""; 0]);
    let declared = targets(&set)[0].declared.clone().unwrap();
    let labels: Vec<(&str, &str)> = (declared.labels.iter())
        .map(|(key, value)| (&**key, &**value))
        .collect();
    assert_eq!(labels, [("resource-group", "RG"), ("subscription", "AB")]);
}

/// The network of a cluster may shut out the address from which it is asked: then its silence is no miss.
#[test]
fn a_cluster_that_shuts_us_out_may_be_silent() {
    let text = r#"[{"name": "k", "fqdn": "k.example", "apiServerAccessProfile":
        {"authorizedIpRanges": ["198.51.100.0/24"], "enablePrivateCluster": null}}]"#;
    for (egress, must_answer) in [
        (None, true),
        (Some("198.51.100.9"), true),
        (Some("203.0.113.9"), false),
    ] {
        let options = TargetOptions {
            egress_addresses: egress.iter().map(|one| one.parse().unwrap()).collect(),
            ..TargetOptions::default()
        };
        let mut builder = TargetSetBuilder::new(options);
        builder.import(ImportFormat::Aks, Source::Stdin, text.as_bytes());
        let set = builder.build().unwrap();
        assert_eq!(set.specs()[0].must_answer(), must_answer, "{egress:?}");
    }
}
