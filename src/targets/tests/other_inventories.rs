//! Terraform, Shadowserver and Prometheus' service discovery as inventories.

use super::inventories::{CANARY, check, import, lines};
use super::*;

const TERRAFORM: &str = include_str!("../../../tests/data/inventories/terraform.json");

#[test]
fn terraform_shows_the_clusters_of_all_modules() {
    check(
        ImportFormat::Terraform,
        TERRAFORM,
        &[
            "13 203.0.113.12:443 g counts: provider=gke | region=europe-west1 | 1.35.3-gke.1 | \
             anonymous requests limited | public",
            "42 k-dns-0.hcp.westeurope.azmk8s.io:443 k counts: provider=aks | region=westeurope | 1.35 | \
             public, from any network",
            "67 0123456789abcdef0123456789abcdef.gr7.eu-west-1.eks.amazonaws.com:443 e counts: provider=eks | \
             region=eu-west-1 | 1.33 | public, from any IPv4 network",
        ],
    );
}

/// A state file, with secrets in all places where a state has them.
fn state() -> String {
    format!(
        r#"{{"version": 4, "terraform_version": "1.13.0", "serial": 7, "lineage": "x",
 "outputs": {{"kube_config": {{"value": "{CANARY}", "type": "string", "sensitive": true}}}},
 "resources": [
  {{"mode": "managed", "type": "random_password", "name": "p", "instances": [{{"attributes":
   {{"result": "{CANARY}", "endpoint": "{CANARY}", "name": "{CANARY}"}}}}]}},
  {{"module": "module.a[0]", "mode": "managed", "type": "azurerm_kubernetes_cluster", "name": "k", "instances": [
   {{"index_key": 0, "schema_version": 2, "attributes": {{
     "id": "/subscriptions/0000/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/k",
     "name": "k", "fqdn": "", "private_fqdn": "k.privatelink.example", "private_cluster_enabled": true,
     "current_kubernetes_version": "1.35.4", "kubernetes_version": "1.35", "tags": {{"env": "prod"}},
     "api_server_access_profile": [{{"authorized_ip_ranges": ["198.51.100.0/24"]}}],
     "kube_config": [{{"client_certificate": "{CANARY}", "password": "{CANARY}", "cluster_ca_certificate": "{CANARY}"}}],
     "kube_admin_config_raw": "{CANARY}", "service_principal": [{{"client_secret": "{CANARY}"}}]}},
    "sensitive_attributes": [], "private": "{CANARY}"}},
   {{"attributes": null}}]}},
  {{"mode": "data", "type": "aws_eks_cluster", "name": "e", "instances": [{{"attributes":
   {{"name": "e", "arn": "arn:aws-cn:eks:cn-north-1:111122223333:cluster/e", "status": "DELETING", "version": "1.34",
    "endpoint": "https://e.example", "enabled_cluster_log_types": ["api", "audit"], "vpc_config":
    [{{"endpoint_public_access": false, "public_access_cidrs": ["0.0.0.0/0"]}}]}}}}]}},
  {{"mode": "managed", "type": "google_container_cluster", "name": "g", "instances": [{{"attributes":
   {{"name": "g", "project": "p-1", "location": "z", "endpoint": "203.0.113.5", "master_version": "1.36.1",
    "anonymous_authentication_config": [], "resource_labels": {{"team": "x"}}, "master_auth":
    [{{"client_key": "{CANARY}", "client_certificate": "", "cluster_ca_certificate": ""}}],
    "master_authorized_networks_config": [{{"cidr_blocks": []}}], "control_plane_endpoints_config":
    [{{"dns_endpoint_config": [{{"endpoint": "gke-0.example", "allow_external_traffic": true}}],
       "ip_endpoints_config": [{{"enabled": false}}]}}]}}}}]}}
 ]}}"#
    )
}

#[test]
fn a_state_file_is_read_and_its_secrets_are_not() {
    let text = state();
    let aks = "resource-group=rg | subscription=0000 | 1.35.4 | private, from 198.51.100.0/24";
    check(
        ImportFormat::Terraform,
        &text,
        &[
            &format!(
                "7 k.privatelink.example:443 k may be silent: provider=aks | env=prod | {aks}"
            ),
            "20 gke-0.example:443 g counts: provider=gke | region=z | project=p-1 | team=x | 1.36.1 | public",
            "16 https://e.example e not asked, being deleted: provider=eks | region=cn-north-1 | \
             account=111122223333 | 1.34 | private | audit log on",
        ],
    );
    let set = import(ImportFormat::Terraform, &text).unwrap();
    assert!(!format!("{set:?}").contains(CANARY));
    for broken in [
        text.replace("\"fqdn\": \"\"", &format!("\"fqdn\": [\"{CANARY}\"]")),
        text.replace("\"password\": ", "\"password\" "),
        text.replace("k.privatelink.example", &format!("user:{CANARY}@x")),
        text.get(..2000).unwrap().to_owned(),
    ] {
        assert_ne!(broken, text);
        let error = import(ImportFormat::Terraform, &broken).unwrap_err();
        assert!(
            error.starts_with("clusters:") && !error.contains(CANARY),
            "{error}"
        );
    }
    // Without its type first, a resource could not be skipped unread.
    let sorted = r#"{"terraform_version": "1", "serial": 1, "resources": [{"instances": [], "type": "aws_eks_cluster"}]}"#;
    let error = import(ImportFormat::Terraform, sorted).unwrap_err();
    assert!(error.starts_with("clusters:1: unexpected value"), "{error}");
}

#[test]
fn a_plan_has_clusters_without_an_endpoint() {
    let text = r#"{"format_version": "1.2", "terraform_version": "1.13.0", "planned_values": {"root_module":
        {"resources": [{"address": "aws_eks_cluster.e", "type": "aws_eks_cluster", "values": {"name": "e",
        "version": "1.34"}}]}}, "resource_changes": [{"type": "aws_eks_cluster"}]}"#;
    let expected = "2  e not asked, no endpoint in the inventory: provider=eks | 1.34";
    check(ImportFormat::Terraform, text, &[expected]);
}

#[test]
fn shadowserver_in_both_layouts() {
    let now = "\"timestamp\",\"severity\",\"ip\",\"protocol\",\"port\",\"hostname\",\"tag\",\"asn\",\"geo\",\"http_code\",\"git_version\",\"raw_cert\"\r\n\
        \"2026-11-20 04:00:01\",\"high\",\"192.0.2.7\",\"tcp\",6443,\"node7.example\",\"kubernetes\",64500,\"NL\",200,\"v1.31.2\",\"a\nb\"\r\n\
        \"2026-11-20 04:00:02\",\"high\",\"2001:db8::7\",\"tcp\",443,,\"kubernetes\",64500,\"NL\",403,,\r\n\
        \"2026-11-20 04:00:03\",\"high\",\"192.0.2.8\",\"udp\",443,,\"kubernetes\",64500,\"NL\",200,,\r\n";
    check(
        ImportFormat::Shadowserver,
        now,
        &[
            "2 192.0.2.7:6443 node7.example may be silent: asn=64500 | geo=NL | - | reported 2026-11-20 04:00:01: 200, v1.31.2",
            "4 [2001:db8::7]:443 - may be silent: asn=64500 | geo=NL | - | reported 2026-11-20 04:00:02: 403",
        ],
    );
    let old = "timestamp,ip,protocol,port,hostname,tag,version,asn,geo,region,city,naics,sic,http_code\n\
        2022-05-10 00:00:01,192.0.2.9,tcp,10250,,kubernetes,,64501,DE,X,Y,0,0,200\n";
    check(
        ImportFormat::Shadowserver,
        old,
        &[
            "2 192.0.2.9:10250 - may be silent: asn=64501 | geo=DE | - | reported 2022-05-10 00:00:01: 200",
        ],
    );
    for (text, said) in [
        (
            "ip,port\n192.0.2.1,1\n",
            "clusters:1: missing columns: expected timestamp, ip and port",
        ),
        (
            "timestamp,ip,port,tag\nx,192.0.2.1\n",
            "clusters:2: missing columns: fewer than the header has",
        ),
        (
            "timestamp,ip,port,tag\nx,localhost,1,k\n",
            "clusters:2: invalid ip: expected an address",
        ),
        (
            "timestamp,ip,port,tag\nx,192.0.2.1,0,k\n",
            "clusters:2: invalid port",
        ),
        ("", "clusters:1: missing columns"),
    ] {
        let error = import(ImportFormat::Shadowserver, text).unwrap_err();
        assert!(error.starts_with(said), "{error}");
    }
}

#[test]
fn target_groups_of_prometheus_as_json_and_yaml() {
    let json = r#"[
  {"targets": ["api.a.example:6443", "192.0.2.1"], "labels": {"cluster": "a", "region": "x", "__meta_secret": "no"}},
  {"targets": ["api.b.example"], "labels": {"__scheme__": "https", "name": "b"}},
  {"targets": ["api.c.example:8080"], "labels": {"__scheme__": "http"}},
  {"targets": ["https://api.d.example/k8s"]},
  {"targets": []}
]"#;
    let expected = [
        "2 api.a.example:6443 a counts: cluster=a | region=x | -",
        "2 192.0.2.1:6443 a counts: cluster=a | region=x | -",
        "2 192.0.2.1:443 a counts: cluster=a | region=x | -",
        "2 192.0.2.1:8443 a counts: cluster=a | region=x | -",
        "3 api.b.example:443 b counts: name=b | -",
        "4 http://api.c.example:8080 - counts: -",
        "5 https://api.d.example:443/k8s - counts: -",
    ];
    check(ImportFormat::FileSd, json, &expected);
    let yaml = "# made by hand\n- targets: ['api.a.example:6443']\n  labels: {cluster: a}\n- labels:\n    x: y\n    v: 1.30\n  targets:\n  - 192.0.2.1:443\n";
    check(
        ImportFormat::FileSd,
        yaml,
        &[
            "2 api.a.example:6443 a counts: cluster=a | -",
            "4 192.0.2.1:443 - counts: v=1.30 | x=y | -",
        ],
    );
    let set = import(ImportFormat::HttpSd, json).unwrap();
    assert_eq!(lines(&set), expected);
    let error = import(ImportFormat::FileSd, "- targets: 7\n").unwrap_err();
    assert!(
        error.starts_with("clusters:1: invalid YAML at character"),
        "{error}"
    );
    let error = import(ImportFormat::HttpSd, r#"{"error": "no"}"#).unwrap_err();
    assert!(
        error.contains("expected target groups of Prometheus"),
        "{error}"
    );
}
