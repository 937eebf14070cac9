//! Inventories of clusters: their targets, their declarations, and the parts that are never read.

use super::*;
use crate::model::{Declared, DeclaredAnonymous, DeclaredEndpoint};

pub(super) const CANARY: &str = "MUST-NOT-BE-SHOWN";

const AKS: &str = include_str!("../../../tests/data/inventories/aks.json");
const GKE: &str = include_str!("../../../tests/data/inventories/gke.json");
const EKS: &str = include_str!("../../../tests/data/inventories/eks.json");
const KUBECONFIG: &str = include_str!("../../../tests/data/inventories/kubeconfig.yaml");

pub(super) fn import(format: ImportFormat, text: &str) -> Result<TargetSet, String> {
    through(format, text, None)
}

fn through(format: ImportFormat, text: &str, proxy: Option<&str>) -> Result<TargetSet, String> {
    let options = TargetOptions {
        proxy: proxy.map(|proxy| proxy.parse().unwrap()),
        ..TargetOptions::default()
    };
    let mut builder = TargetSetBuilder::new(options);
    builder.import(format, Source::File("clusters".into()), text.as_bytes());
    builder.build().map_err(|errors| errors.to_string())
}

/// A line for each endpoint: place, target, name, whether it counts, and what is declared; then the clusters that are
/// not asked.
pub(super) fn lines(set: &TargetSet) -> Vec<String> {
    let name = |label: &Option<std::sync::Arc<str>>| label.as_deref().unwrap_or("-").to_owned();
    let about = |declared: &Declared| {
        let facts = declared
            .facts()
            .map(|(key, value)| format!("{key}={value}"));
        let version = declared.version.as_deref().unwrap_or("-").to_owned();
        let facts: Vec<String> = facts.chain([version]).chain(declared.phrases()).collect();
        facts.join(" | ")
    };
    let asked = targets(set).into_iter().map(|target| {
        let counts = set.specs()[target.specs[0].0 as usize].must_answer();
        format!(
            "{} {target}{} {} {}: {}",
            target.origin.line,
            target
                .sni
                .as_deref()
                .map_or_else(String::new, |sni| format!(" sni={sni}")),
            name(&target.label),
            if counts { "counts" } else { "may be silent" },
            about(target.declared.as_deref().unwrap())
        )
    });
    let not_asked = set.not_asked().iter().map(|cluster| {
        format!(
            "{} {} {} not asked, {}: {}",
            cluster.origin.line,
            cluster.origin.text,
            name(&cluster.label),
            cluster.text(),
            about(&cluster.declared)
        )
    });
    asked.chain(not_asked).collect()
}

#[track_caller]
pub(super) fn check(format: ImportFormat, text: &str, expected: &[&str]) {
    assert_eq!(lines(&import(format, text).unwrap()), expected);
    let found = lines(&import(ImportFormat::Auto, text).unwrap());
    assert_eq!(found, expected, "recognised by its content");
}

#[test]
fn aks_as_the_cli_and_as_the_rest_api_write_it() {
    let expected = [
        "2 prod-eu-dns-0a1b2c3d.hcp.westeurope.azmk8s.io:443 prod-eu counts: \
         provider=aks | region=westeurope | resource-group=rg | 1.35.7 | public, from any network",
        "17 prod-private-0a1b.00000000-0000.privatelink.westeurope.azmk8s.io:443 prod-private may be silent: \
         provider=aks | region=westeurope | 1.34.4 | private",
        "37 stopped-dns-0.hcp.westeurope.azmk8s.io:443 stopped not asked, stopped: \
         provider=aks | region=westeurope | - | public, from 198.51.100.0/24",
    ];
    check(ImportFormat::Aks, AKS, &expected);
    let rest = r#"{"value": [{
        "id": "/subscriptions/0000-11/resourcegroups/rg/providers/Microsoft.ContainerService/managedClusters/c",
        "location": "northeurope", "tags": {"env": "prod", "region": "mine", "level": 3}, "name": "c",
        "properties": {"provisioningState": "Succeeded", "powerState": {"code": "Running"}, "fqdn": "c.example",
            "privateFQDN": "c.privatelink.example", "currentKubernetesVersion": "1.33.1", "kubernetesVersion": "1.33",
            "apiServerAccessProfile": {"authorizedIPRanges": ["198.51.100.7", "203.0.113.0/24"],
                "enablePrivateCluster": true}}},
        {"name": "gone", "properties": {"provisioningState": "Deleting", "fqdn": "gone.example",
            "nodeResourceGroup": "MC_gone"}}]}"#;
    let place = "provider=aks | region=northeurope | env=prod | level=3 | region=mine | resource-group=rg | subscription=0000-11";
    check(
        ImportFormat::Aks,
        rest,
        &[
            &format!(
                "1 c.example:443 c may be silent: {place} | 1.33.1 | private, from 2 networks"
            ),
            &format!(
                "1 c.privatelink.example:443 c may be silent: {place} | 1.33.1 | private, from 2 networks"
            ),
            "1 gone.example:443 gone not asked, being deleted: provider=aks | - | public, from any network",
        ],
    );
}

#[test]
fn gke_declares_anonymous_requests_and_has_several_endpoints() {
    check(
        ImportFormat::Gke,
        GKE,
        &[
            "2 203.0.113.10:443 new counts: provider=gke | region=europe-west1 | 1.35.3-gke.1000000 | \
             anonymous requests limited | public, from any network",
            "29 203.0.113.11:443 old counts: provider=gke | region=europe-west1-b | 1.34.4-gke.1000000 | \
             public, from 198.51.100.0/24",
            "49 10.1.0.2:443 private may be silent: provider=gke | region=europe-west1 | - | \
             anonymous requests enabled | private",
        ],
    );
    let cluster = |rest: &str| {
        format!(
            r#"{{"name": "c", "currentMasterVersion": "1.36.0", "selfLink":
            "https://container.googleapis.com/v1/projects/p-1/zones/z/clusters/c", "network":
            "default", {rest}}}"#
        )
    };
    let dns = |external: bool| {
        format!(
            r#""dnsEndpointConfig": {{"endpoint": "gke-0.example", "allowExternalTraffic": {external}}}"#
        )
    };
    let endpoints = |rest: &str| {
        cluster(&format!(
            r#""endpoint": "203.0.113.10", "controlPlaneEndpointsConfig": {{{rest}}}"#
        ))
    };
    let about = "provider=gke | project=p-1 | 1.36.0";
    for (text, expected) in [
        // The old address is still listed where addresses are not served.
        (
            endpoints(&format!(
                r#"{}, "ipEndpointsConfig": {{"enabled": false}}"#,
                dns(true)
            )),
            vec![format!("1 gke-0.example:443 c counts: {about} | public")],
        ),
        (
            endpoints(&format!(
                r#"{}, "ipEndpointsConfig": {{"enabled": false}}"#,
                dns(false)
            )),
            vec![format!(
                "1 gke-0.example:443 c may be silent: {about} | private"
            )],
        ),
        (
            endpoints(&dns(true)),
            vec![
                format!("1 203.0.113.10:443 c counts: {about} | public, from any network"),
                format!("1 gke-0.example:443 c counts: {about} | public"),
            ],
        ),
        (
            endpoints(
                r#""ipEndpointsConfig": {"enablePublicEndpoint": false, "privateEndpoint": "10.0.0.2"}"#,
            ),
            vec![format!("1 10.0.0.2:443 c may be silent: {about} | private")],
        ),
        // A private address declares nothing.
        (
            cluster(r#""endpoint": "10.0.0.2""#),
            vec![format!("1 10.0.0.2:443 c counts: {about}")],
        ),
        (
            cluster(r#""endpoint": "127.0.0.1:21000""#),
            vec![format!(
                "1 127.0.0.1:21000 c counts: {about} | public, from any network"
            )],
        ),
        (
            endpoints(r#""ipEndpointsConfig": {"authorizedNetworksConfig": {"enabled": true}}"#),
            vec![format!(
                "1 203.0.113.10:443 c counts: {about} | public, from no network"
            )],
        ),
        (
            cluster(r#""status": "STOPPING", "endpoint": "203.0.113.10""#),
            vec![format!(
                "1 203.0.113.10:443 c not asked, being deleted: {about} | public, from any network"
            )],
        ),
        (
            cluster(r#""status": "PROVISIONING""#),
            vec![format!("1  c not asked, being created: {about}")],
        ),
    ] {
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        check(ImportFormat::Gke, &text, &expected);
    }
    // Absent and unspecified are unknown, never ENABLED.
    for (mode, declared) in [
        ("", None),
        (r#", "anonymousAuthenticationConfig": {}"#, None),
        (
            r#", "anonymousAuthenticationConfig": {"mode": "MODE_UNSPECIFIED"}"#,
            None,
        ),
        (
            r#", "anonymousAuthenticationConfig": {"mode": "ENABLED"}"#,
            Some(DeclaredAnonymous::Enabled),
        ),
        (
            r#", "anonymousAuthenticationConfig": {"mode": "LIMITED"}"#,
            Some(DeclaredAnonymous::Limited),
        ),
    ] {
        let text = cluster(&format!(r#""endpoint": "203.0.113.10"{mode}"#));
        let target = targets(&import(ImportFormat::Gke, &text).unwrap()).remove(0);
        assert_eq!(target.declared.unwrap().anonymous, declared, "{mode}");
    }
}

#[test]
fn eks_one_or_many() {
    let public = "https://0123456789ABCDEF0123456789ABCDEF.gr7.eu-west-1.eks.amazonaws.com";
    let shown = public.trim_start_matches("https://").to_lowercase();
    check(
        ImportFormat::Eks,
        EKS,
        &[
            &format!(
                "2 {shown}:443 prod-eu counts: provider=eks | region=eu-west-1 | account=111122223333 | 1.33 | \
                 public, from any IPv4 network | audit log off"
            ),
            "41 fedcba9876543210fedcba9876543210.sk1.eu-west-1.eks.amazonaws.com:443 private may be silent: \
             provider=eks | region=eu-west-1 | 1.31 | private",
        ],
    );
    let one = format!(
        r#"{{"cluster": {{"name": "a", "endpoint": "{public}", "tags": {{"team": "x"}}, "logging": {{"clusterLogging":
        [{{"types": ["audit", "api"], "enabled": true}}]}}, "resourcesVpcConfig": {{"endpointPublicAccess": true,
        "publicAccessCidrs": ["198.51.100.0/24"]}}}}}}"#
    );
    let about = "provider=eks | region=eu-west-1 | team=x | - | public, from 198.51.100.0/24 | audit log on";
    let first = format!("1 {shown}:443 a counts: {about}");
    check(ImportFormat::Eks, &one, &[&first]);
    // One document after the other, as a loop over the clusters writes them.
    let creating = r#"{"cluster": {"name": "b", "status": "CREATING", "resourcesVpcConfig": {}}}"#;
    let second = "4  b not asked, being created: provider=eks | -";
    check(
        ImportFormat::Eks,
        &format!("{one}\n{creating}"),
        &[&first, second],
    );
    let names = import(ImportFormat::Eks, r#"{"clusters": ["a", "b"]}"#).unwrap_err();
    assert!(
        names.contains("clusters:1: aws eks list-clusters has names only"),
        "{names}"
    );
}

#[test]
fn kubeconfigs_name_every_cluster_once() {
    let asked = [
        "5 api.a.example:6443 a counts: -",
        "6 192.0.2.30:6443 sni=api.a.example a-by-ip counts: - | clients do not check the certificate",
        "8 api.b.example:443 upper-case-trailing counts: -",
        "9 http://localhost:8080 plain counts: -",
        "11 api.c.example:443 relative-ca counts: -",
    ];
    let empty = "10  empty not asked, no endpoint in the inventory: -";
    let rancher = "https://rancher.example:443/k8s/clusters/c-m-abc123";
    let proxy = "through the proxy socks5://127.0.0.1:1080";
    let needs = "7 https://rancher.example/k8s/clusters/c-m-abc123 rancher not asked, needs --proxy \
                 socks5://127.0.0.1:1080: - | through the proxy socks5://127.0.0.1:1080";
    check(
        ImportFormat::Kubeconfig,
        KUBECONFIG,
        &[&asked[..], &[needs, empty]].concat(),
    );
    let set = through(
        ImportFormat::Kubeconfig,
        KUBECONFIG,
        Some("socks5://127.0.0.1:1080"),
    )
    .unwrap();
    let through_it = format!("7 {rancher} rancher counts: - | {proxy}");
    let expected = [&asked[..2], &[&through_it], &asked[2..], &[empty]].concat();
    assert_eq!(lines(&set), expected);
    let other = through(
        ImportFormat::Kubeconfig,
        KUBECONFIG,
        Some("socks5://127.0.0.1:1081"),
    )
    .unwrap();
    assert_eq!(
        other.not_asked().len(),
        2,
        "another proxy does not lead there"
    );
    // A credential of the proxy is dropped, and JSON is YAML.
    let text = format!(
        "{{\n\t\"kind\": \"Config\",\n\t\"clusters\": [\n\t\t{{\"name\": \"my cluster\", \"cluster\":\n\t\t\t\
         {{\"server\": \"https://a.example\", \"proxy-url\": \"http://u:{CANARY}@proxy.example:3128/\"}}}},\n\t\t\
         {{\"name\": \"again\", \"cluster\": {{\"server\": \"https://a.example\"}}}}\n\t],\n\t\
         \"users\": [{{\"name\": \"u\", \"user\": {{\"token\": \"{CANARY}\"}}}}]\n}}"
    );
    let set = through(
        ImportFormat::Kubeconfig,
        &text,
        Some("http://proxy.example:3128"),
    )
    .unwrap();
    assert_eq!(
        lines(&set),
        ["4 a.example:443 my-cluster counts: - | through the proxy http://proxy.example:3128"]
    );
}

/// A CA certificate of a cluster, PEM.
fn ca() -> (String, Vec<u8>) {
    let key = rcgen::KeyPair::generate().unwrap();
    let ca = rcgen::CertificateParams::default()
        .self_signed(&key)
        .unwrap();
    (ca.pem(), ca.der().to_vec())
}

#[test]
fn the_ca_of_a_cluster_is_kept_for_its_certificate() {
    use base64::Engine as _;
    let (pem, der) = ca();
    let data = base64::prelude::BASE64_STANDARD.encode(&pem);
    let authorities = |set: &TargetSet| {
        let declared = targets(set).remove(0).declared.unwrap();
        declared
            .authorities
            .iter()
            .map(|der| der.to_vec())
            .collect::<Vec<_>>()
    };
    let eks = format!(
        r#"{{"cluster": {{"name": "a", "endpoint": "https://a.example", "certificateAuthority": {{"data": "{data}"}}}}}}"#
    );
    assert_eq!(
        authorities(&import(ImportFormat::Eks, &eks).unwrap()),
        std::slice::from_ref(&der)
    );
    let gke = format!(
        r#"[{{"endpoint": "203.0.113.9", "masterAuth": {{"clusterCaCertificate": "{data}", "clientKey": "{CANARY}"}}}}]"#
    );
    assert_eq!(
        authorities(&import(ImportFormat::Gke, &gke).unwrap()),
        std::slice::from_ref(&der)
    );
    let kubeconfig =
        |ca: &str| format!("clusters:\n- cluster: {{server: 'https://a.example', {ca}}}\n");
    let with_data = kubeconfig(&format!("certificate-authority-data: {data}"));
    assert_eq!(
        authorities(&import(ImportFormat::Kubeconfig, &with_data).unwrap()),
        std::slice::from_ref(&der)
    );

    // A file is looked for beside the kubeconfig.
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("pki")).unwrap();
    std::fs::write(folder.path().join("pki/ca.crt"), &pem).unwrap();
    std::fs::write(folder.path().join("pki/key.pem"), CANARY).unwrap();
    for (file, found) in [
        ("pki/ca.crt", true),
        ("pki/key.pem", false),
        ("pki", false),
        ("no", false),
    ] {
        let path = folder.path().join("config");
        std::fs::write(&path, kubeconfig(&format!("certificate-authority: {file}"))).unwrap();
        let mut builder = TargetSetBuilder::new(TargetOptions::default());
        builder.import_file(ImportFormat::Auto, &path);
        let set = builder.build().unwrap();
        assert_eq!(
            authorities(&set),
            Vec::from_iter(found.then(|| der.clone())),
            "{file}"
        );
        let warnings: Vec<&str> = set
            .warnings()
            .iter()
            .map(|warning| &*warning.text)
            .collect();
        assert_eq!(warnings.len(), usize::from(!found), "{warnings:?}");
        assert!(
            warnings
                .iter()
                .all(|text| text.contains("certificate-authority") && !text.contains(CANARY))
        );
    }
    // Neither Debug nor a report has the certificate.
    let set = import(ImportFormat::Eks, &eks).unwrap();
    let declared = targets(&set).remove(0).declared.unwrap();
    assert!(format!("{declared:?}").contains("authorities: 1"));
    assert!(
        !serde_json::to_string(&*declared)
            .unwrap()
            .contains("authorities")
    );
}

#[test]
fn secrets_are_neither_kept_nor_shown() {
    let broken = KUBECONFIG
        .replace("token: MUST", "token: {MUST")
        .replace("exec: {", "exec: [");
    let wrong = KUBECONFIG.replace(
        "{name: empty}",
        &format!("{{name: empty, cluster: {{server: [{CANARY}]}}}}"),
    );
    let user = format!("clusters:\n- cluster: {{server: 'https://admin:{CANARY}@a.example'}}\n");
    for text in [&broken, &wrong, &user] {
        assert!(text.contains(CANARY));
        let error = import(ImportFormat::Kubeconfig, text).unwrap_err();
        assert!(
            error.starts_with("clusters:") && !error.contains(CANARY),
            "{error}"
        );
    }
    let set = import(ImportFormat::Kubeconfig, KUBECONFIG).unwrap();
    assert!(!format!("{set:?}").contains(CANARY));
    let wrong =
        format!(r#"[{{"fqdn": "a.example", "privateFqdn": null, "powerState": "{CANARY}"}}]"#);
    let error = import(ImportFormat::Aks, &wrong).unwrap_err();
    assert_eq!(
        error,
        "clusters:1: unexpected value before character 77: expected the output of az aks list -o json or az aks show -o json"
    );
}

#[test]
fn a_broken_file_names_its_place() {
    for (format, text, said) in [
        (
            ImportFormat::Aks,
            "[\n{\"fqdn\": \"a.example\"},\n{\"fqdn\": ",
            "clusters:3: truncated file",
        ),
        (
            ImportFormat::Aks,
            "[\n{\"fqdn\" \"a\"}]",
            "clusters:2: invalid JSON at character 9: expected the output of az",
        ),
        (
            ImportFormat::Aks,
            "[[{}]]",
            "clusters:1: unexpected value before character",
        ),
        (
            ImportFormat::Aks,
            "\n",
            "clusters:1: empty file: expected the output of az",
        ),
        (
            ImportFormat::Gke,
            "[\n\n{\"endpoint\": \"no such host\"}]",
            "clusters:3: invalid host",
        ),
        (
            ImportFormat::Eks,
            "{\"cluster\":\n{\"endpoint\": \"ftp://x\"}}",
            "clusters:1: unsupported scheme",
        ),
        (
            ImportFormat::Kubeconfig,
            "clusters:\n- cluster:\n   server: \"x\n",
            "invalid YAML at character",
        ),
        (
            ImportFormat::Kubeconfig,
            "kind: Secret\n",
            "clusters:1: a file without the keys of a kubeconfig: expected the output of kubectl config view",
        ),
        (
            ImportFormat::Auto,
            "192.0.2.1\n",
            "clusters:1: the content shows no known format: name one of kubeconfig, aks",
        ),
    ] {
        let error = import(format, text).unwrap_err();
        assert!(error.contains(said), "{text}: {error}");
    }
}

#[test]
fn an_alias_bomb_is_refused_quickly() {
    use std::fmt::Write as _;
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = format!("*a{}, ", level - 1).repeat(10);
        writeln!(text, "a{level}: &a{level} [{before}]").unwrap();
    }
    text.push_str("clusters: *a11\n");
    let begun = std::time::Instant::now();
    let error = import(ImportFormat::Kubeconfig, &text).unwrap_err();
    assert!(error.contains("invalid YAML"), "{error}");
    assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    let deep = format!("clusters: {}{}\n", "[".repeat(100_000), "]".repeat(100_000));
    assert!(import(ImportFormat::Kubeconfig, &deep).is_err());
    let deep = format!("{}{}", "{\"cluster\":".repeat(100_000), "}".repeat(100_000));
    assert!(import(ImportFormat::Eks, &deep).is_err());
}

#[test]
fn an_inventory_given_as_a_list_says_how_to_read_it() {
    for (text, said) in [
        (
            AKS,
            "a list of AKS clusters, not a list of targets; read it with --from aks FILE",
        ),
        (
            GKE,
            "a list of GKE clusters, not a list of targets; read it with --from gke FILE",
        ),
        (
            EKS,
            "a description of EKS clusters, not a list of targets; read it with --from eks FILE",
        ),
        (
            KUBECONFIG,
            "a kubeconfig, not a list of targets; read it with --from kubeconfig FILE",
        ),
    ] {
        let error = from_lines(text, TargetOptions::default()).unwrap_err();
        assert_eq!(error, format!("targets.txt: {said}"));
    }
}

#[test]
fn a_private_cluster_that_is_silent_is_no_miss() {
    let set = import(ImportFormat::Aks, AKS).unwrap();
    assert!(set.specs().iter().all(|spec| spec.named));
    let counts: Vec<bool> = set.specs().iter().map(Spec::must_answer).collect();
    assert_eq!(counts, [true, false]);
    let reach = targets(&set).remove(1).declared.unwrap().endpoint;
    assert_eq!(reach, Some(DeclaredEndpoint::Private));
    // A list that names it too wants an answer.
    let mut builder = TargetSetBuilder::new(TargetOptions::default());
    let host = &set.specs()[1].origin.text;
    builder.import(ImportFormat::Aks, Source::Stdin, AKS.as_bytes());
    builder.argument(&format!("{host} name=mine"));
    let set = builder.build().unwrap();
    assert_eq!(
        set.specs()
            .iter()
            .map(Spec::must_answer)
            .collect::<Vec<_>>(),
        [true, false, true]
    );
}
