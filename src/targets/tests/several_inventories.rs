//! Several inventories, and several entries of one, that list the same endpoint.

use proptest::prelude::*;

use super::inventories::{import, lines};
use super::*;
use crate::model::{ClusterNotAsked, Declared, DeclaredAnonymous, DeclaredFact, Selector};

const KUBECONFIG: &str = "clusters:\n- name: prod\n  cluster: {server: 'https://203.0.113.9'}\n";

fn gke(facts: &str) -> String {
    format!(
        r#"[{{"name": "prod", "endpoint": "203.0.113.9", "location": "europe-west6", "selfLink": "x",
            "network": "default", {facts}}}]"#
    )
}

fn read(inventories: &[(ImportFormat, &str)]) -> TargetSet {
    let mut builder = TargetSetBuilder::new(TargetOptions::default());
    for (format, text) in inventories {
        builder.import(
            *format,
            Source::File(format.to_string().into()),
            text.as_bytes(),
        );
    }
    builder.build().unwrap()
}

fn declared(set: &TargetSet) -> Declared {
    let all = targets(set);
    assert_eq!(all.len(), 1);
    (**all[0].declared.as_ref().unwrap()).clone()
}

fn in_both_orders(one: (ImportFormat, &str), other: (ImportFormat, &str)) -> (Declared, TargetSet) {
    let set = read(&[one, other]);
    let found = declared(&set);
    assert_eq!(found, declared(&read(&[other, one])), "in the other order");
    (found, set)
}

#[test]
fn what_one_inventory_does_not_say_another_does() {
    let gke = gke(
        r#""anonymousAuthenticationConfig": {"mode": "LIMITED"}, "resourceLabels": {"env": "prod"},
           "currentMasterVersion": "1.34.1-gke.100""#,
    );
    let (found, set) = in_both_orders(
        (ImportFormat::Kubeconfig, KUBECONFIG),
        (ImportFormat::Gke, &gke),
    );
    assert_eq!(found.anonymous, Some(DeclaredAnonymous::Limited));
    assert_eq!(found.region.as_deref(), Some("europe-west6"));
    assert_eq!(found.provider.as_deref(), Some("gke"));
    assert_eq!(found.labels["env"].as_ref(), "prod");
    assert_eq!(&*found.inventory, "gke, kubeconfig");
    assert!(found.contradictions.is_empty(), "{found:?}");
    assert!(set.warnings().iter().all(|warning| warning.verbose));
}

#[test]
fn a_fact_about_which_inventories_contradict_each_other_is_not_known() {
    let one = gke(
        r#""anonymousAuthenticationConfig": {"mode": "LIMITED"}, "currentMasterVersion": "1.34.1-gke.100",
           "masterAuthorizedNetworksConfig": {"enabled": true, "cidrBlocks": [{"cidrBlock": "198.51.100.0/24"}]}"#,
    );
    let other = gke(
        r#""anonymousAuthenticationConfig": {"mode": "ENABLED"}, "currentMasterVersion": "1.33.1-gke.100""#,
    );
    let (found, set) = in_both_orders((ImportFormat::Gke, &one), (ImportFormat::Gke, &other));
    assert_eq!((found.anonymous, &found.version), (None, &None));
    assert_eq!((found.endpoint, &found.authorized_networks), (None, &None));
    let said: Vec<String> = (found.contradictions.iter())
        .map(|one| format!("{} {one}", one.fact.as_str()))
        .collect();
    assert_eq!(
        said,
        [
            "version the inventories contradict each other (1.33.1-gke.100; 1.34.1-gke.100)",
            "anonymous-requests the inventories contradict each other (ENABLED; LIMITED)",
            "reach the inventories contradict each other (public, from 198.51.100.0/24; public, from any network)",
        ]
    );
    let warned = |text: &str| {
        set.warnings()
            .iter()
            .any(|one| !one.verbose && one.text == text)
    };
    assert!(
        warned(
            "anonymous requests: the inventories contradict each other (ENABLED; LIMITED), so it counts as unknown"
        ),
        "{:?}",
        set.warnings()
    );
    // A third one does not settle it.
    let third = read(&[
        (ImportFormat::Gke, &one),
        (ImportFormat::Gke, &other),
        (ImportFormat::Gke, &one),
    ]);
    assert_eq!(declared(&third), found);
}

#[test]
fn a_shorter_version_is_no_contradiction() {
    let (one, other) = (
        gke(r#""currentMasterVersion": "1.34""#),
        gke(r#""currentMasterVersion": "v1.34.1-gke.100""#),
    );
    let (found, _) = in_both_orders((ImportFormat::Gke, &one), (ImportFormat::Gke, &other));
    assert_eq!(found.version.as_deref(), Some("v1.34.1-gke.100"));
}

#[test]
fn entries_of_a_kubeconfig_for_one_server_are_all_kept() {
    use base64::Engine as _;
    let ca = || {
        let key = rcgen::KeyPair::generate().unwrap();
        let ca = rcgen::CertificateParams::default()
            .self_signed(&key)
            .unwrap();
        base64::prelude::BASE64_STANDARD.encode(ca.pem())
    };
    let (one, other) = (ca(), ca());
    let text = format!(
        "clusters:\n\
         - {{name: far, cluster: {{server: 'https://a.example/', proxy-url: 'http://p.example'}}}}\n\
         - {{name: one, cluster: {{server: 'https://a.example', certificate-authority-data: {one}}}}}\n\
         - {{name: same, cluster: {{server: 'https://a.example/', certificate-authority-data: {one}}}}}\n\
         - {{name: two, cluster: {{server: 'https://a.example/', certificate-authority-data: {other}}}}}\n"
    );
    let set = import(ImportFormat::Kubeconfig, &text).unwrap();
    let found = declared(&set);
    assert_eq!(found.authorities.len(), 2, "both CAs are kept");
    assert_eq!(
        found.contradictions[0].fact,
        DeclaredFact::CertificateAuthority
    );
    let names: Vec<_> = set
        .specs()
        .iter()
        .map(|spec| spec.label.as_deref())
        .collect();
    assert_eq!(names, [Some("one"), Some("two")]);
    // The entry without a proxy is asked, whatever stands first.
    assert_eq!(set.not_asked().len(), 1);
    assert_eq!(
        set.not_asked()[0].text(),
        "needs --proxy http://p.example:80"
    );
}

#[test]
fn a_proxy_is_the_one_that_go_takes() {
    for (url, given, expected) in [
        ("http://p.example", "http://p.example:80", None),
        (
            "http://p.example",
            "http://p.example",
            Some("needs --proxy http://p.example:80"),
        ),
        ("socks5://p.example", "socks5h://p.example:1080", None),
        ("socks5://p.example", "socks5://p.example", None),
        ("http://[2001:db8::1]", "http://[2001:db8::1]:80", None),
        (
            "https://p.example",
            "http://p.example:443",
            Some("reached through https://p.example:443, and kubeknock cannot use HTTPS proxies"),
        ),
    ] {
        let text =
            format!("clusters:\n- cluster: {{server: 'https://a.example', proxy-url: '{url}'}}\n");
        let options = TargetOptions {
            proxy: Some(given.parse().unwrap()),
            ..TargetOptions::default()
        };
        let mut builder = TargetSetBuilder::new(options);
        builder.import(ImportFormat::Kubeconfig, Source::Stdin, text.as_bytes());
        let set = builder.build().unwrap();
        let why = set.not_asked().first().map(ClusterNotAsked::text);
        assert_eq!(why.as_deref(), expected, "{url} {given}");
    }
}

/// Where it is not clear where the user information ends, the URL may show a password.
#[test]
fn a_proxy_that_cannot_be_read_is_not_repeated() {
    for url in [
        "http://CANARY:CANARY/CANARY@proxy.example:3128",
        "http://user:CANARY#x@proxy.example:3128",
        "http://user:CANARY?x@proxy.example:3128",
        "http:/user:CANARY@proxy.example:3128",
        "user:CANARY@://proxy.example:3128",
        "CANARY://proxy.example",
        "http://",
    ] {
        let text =
            format!("clusters:\n- cluster: {{server: 'https://a.example', proxy-url: '{url}'}}\n");
        let set = import(ImportFormat::Kubeconfig, &text).unwrap_or_else(|error| {
            panic!("{url}: {}", error.replace("CANARY", "a secret"));
        });
        let why = set.not_asked().first().map(ClusterNotAsked::text).unwrap();
        assert_eq!(why, "needs --proxy (its URL cannot be read)", "{url}");
        assert!(
            !format!("{:?}", set.not_asked()).contains("CANARY"),
            "{url}"
        );
    }
}

#[test]
fn a_ca_in_the_inventory_that_cannot_be_read_is_said() {
    for (format, text) in [
        (
            ImportFormat::Kubeconfig,
            "clusters:\n- cluster: {server: 'https://a.example', certificate-authority-data: '!!'}\n",
        ),
        (
            ImportFormat::Eks,
            r#"{"cluster": {"endpoint": "https://a.example", "certificateAuthority": {"data": "eHh4"}}}"#,
        ),
    ] {
        let set = import(format, text).unwrap();
        let warnings: Vec<&str> = set.warnings().iter().map(|one| &*one.text).collect();
        assert_eq!(
            warnings,
            [
                "cannot read the certificate-authority of this cluster: its certificate is not compared"
            ]
        );
    }
}

#[test]
fn what_an_inventory_does_not_say_of_the_reach_is_not_known() {
    let set = import(
        ImportFormat::Eks,
        r#"{"cluster": {"name": "a", "endpoint": "https://a.example"}}"#,
    );
    assert_eq!(declared(&set.unwrap()).endpoint, None);
    let set = import(ImportFormat::Gke, r#"[{"name": "a", "masterAuth": {}}]"#).unwrap();
    assert_eq!(
        lines(&set),
        ["1  a not asked, no endpoint in the inventory: provider=gke | -"]
    );
}

#[test]
fn networks_are_not_all_that_is_admitted_if_the_provider_is_too() {
    let text = gke(
        r#""masterAuthorizedNetworksConfig": {"enabled": true, "gcpPublicCidrsAccessEnabled": true,
           "cidrBlocks": [{"cidrBlock": "198.51.100.0/24"}]}"#,
    );
    let found = declared(&import(ImportFormat::Gke, &text).unwrap());
    assert_eq!(
        found.phrases(),
        ["public, from 198.51.100.0/24, and from the provider's own addresses"]
    );
}

#[test]
fn inventories_are_recognised_however_they_are_written() {
    for text in [
        "- labels: {env: prod}\n  targets: ['a.example:443']\n",
        "-   targets:\n    - a.example:443\n",
        "- \"targets\": ['a.example:443']\n",
    ] {
        let set = import(ImportFormat::Auto, text).unwrap();
        assert_eq!(shown(&set), ["a.example:443"], "{text}");
        let error = from_lines(text, TargetOptions::default()).unwrap_err();
        assert!(error.contains("--from file-sd"), "{error}");
    }
    let text = r#"{"clusters": [{"name": "a", "cluster": {"server": "https://a.example"}}], "contexts": []}"#;
    assert_eq!(
        shown(&import(ImportFormat::Auto, text).unwrap()),
        ["a.example:443"]
    );
}

#[test]
fn an_inventory_without_clusters_is_empty_and_no_mistake() {
    const NO_CLUSTERS: &str = "no clusters: the inventory is empty";
    for (format, text, said) in [
        (ImportFormat::Auto, "[]", NO_CLUSTERS),
        (ImportFormat::Auto, " [ ]\n[\n]\n", NO_CLUSTERS),
        (
            ImportFormat::Auto,
            r#"{"format_version": "1.0"}"#,
            NO_CLUSTERS,
        ),
        (ImportFormat::Aks, "[]\n", NO_CLUSTERS),
        (ImportFormat::Aks, r#"{"value": []}"#, NO_CLUSTERS),
        (ImportFormat::Gke, "[]\n", NO_CLUSTERS),
        (ImportFormat::Gke, r#"{"clusters": []}"#, NO_CLUSTERS),
        (ImportFormat::Auto, r#"{"value": []}"#, NO_CLUSTERS),
        (
            ImportFormat::Auto,
            r#"{"value":[],"nextLink":""}"#,
            NO_CLUSTERS,
        ),
        (ImportFormat::Auto, r#"{"clusters": []}"#, NO_CLUSTERS),
        (
            ImportFormat::Auto,
            r#"{"version": 4, "terraform_version": "1.9.0", "outputs": {}, "resources": []}"#,
            NO_CLUSTERS,
        ),
        (
            ImportFormat::Terraform,
            r#"{"terraform_version": "1.9.0", "version": 4}"#,
            NO_CLUSTERS,
        ),
        (ImportFormat::Kubeconfig, "clusters: []\n", NO_CLUSTERS),
        (ImportFormat::Kubeconfig, "kind: Config\n", NO_CLUSTERS),
        (ImportFormat::Kubeconfig, r#"{"clusters": []}"#, NO_CLUSTERS),
        (
            ImportFormat::Auto,
            "apiVersion: v1\nclusters: null\ncurrent-context: \"\"\n",
            NO_CLUSTERS,
        ),
        (ImportFormat::Eks, "[]", NO_CLUSTERS),
        (ImportFormat::Eks, r#"{"clusters": []}"#, NO_CLUSTERS),
        (ImportFormat::HttpSd, "[]", "no targets: the list is empty"),
        (
            ImportFormat::MasscanJson,
            "[\n]\n",
            "no open ports: the other scanner found none",
        ),
    ] {
        let set = import(format, text).unwrap();
        let warnings: Vec<&str> = set.warnings().iter().map(|one| &*one.text).collect();
        assert_eq!(
            (set.len(), &*warnings),
            (0, &[said][..]),
            "{format}: {text}"
        );
    }
    for text in ["[", "[]]", "[] 192.0.2.1", "[[]]", "", "\n"] {
        assert!(import(ImportFormat::Auto, text).is_err(), "{text}");
    }
    // Beside another inventory it changes nothing; what --where leaves out is still named.
    let aks = r#"[{"name": "a", "fqdn": "a.example", "agentPoolProfiles": []}]"#;
    let both = [(ImportFormat::Auto, "[]"), (ImportFormat::Auto, aks)];
    assert_eq!(shown(&read(&both)), ["a.example:443"]);
    let options = TargetOptions {
        selectors: vec!["provider=gke".parse().unwrap()],
        ..TargetOptions::default()
    };
    let mut builder = TargetSetBuilder::new(options);
    for (format, text) in both {
        builder.import(format, Source::Stdin, text.as_bytes());
    }
    let error = builder.build().unwrap_err().to_string();
    assert_eq!(error, "--where selects none of the 1 targets");
}

#[test]
fn regions_and_tags_that_differ_are_kept_apart_and_said() {
    let cluster = |region: &str, env: &str| {
        format!(
            r#"[{{"name": "c", "endpoint": "203.0.113.9", "location": "{region}",
                "resourceLabels": {{"env": "{env}", "team": "core"}}}}]"#
        )
    };
    let (one, other) = (cluster("europe-west6", "prod"), cluster("us-east1", "test"));
    let (found, set) = in_both_orders((ImportFormat::Gke, &one), (ImportFormat::Gke, &other));
    assert_eq!(
        (found.region.as_ref(), found.labels.get("env")),
        (None, None)
    );
    assert_eq!(found.labels["team"].as_ref(), "core");
    let said: Vec<String> = (found.contradictions.iter())
        .map(|one| format!("{}: {}", one.fact.as_str(), one.said.join(" ")))
        .collect();
    assert_eq!(
        said,
        ["region: europe-west6 us-east1", "label: env=prod env=test"]
    );
    let warned: Vec<&str> = set.warnings().iter().map(|one| &*one.text).collect();
    let contradict = "the inventories contradict each other";
    for text in [
        format!("region: {contradict} (europe-west6; us-east1), so it counts as unknown"),
        format!("label: {contradict} (env=prod; env=test), so it counts as unknown"),
    ] {
        assert!(warned.contains(&&*text), "{text}: {warned:?}");
    }
    // Each of them selects the cluster.
    for (selector, selects) in [
        ("region=us-*", true),
        ("region=europe-*", true),
        ("region=asia-*", false),
        ("env=prod", true),
        ("env=test", true),
        ("env=lab", false),
        ("provider=gke", true),
    ] {
        let selector = [selector.parse().unwrap()];
        let selected = Selector::all_select(&selector, None, Some(&found));
        assert_eq!(selected, selects, "{}", selector[0]);
    }
}

/// Which of the possible values an inventory has for each fact of a cluster, if any.
fn facts() -> impl Strategy<Value = [usize; 8]> {
    std::array::from_fn(|_| 0_usize..3)
}

/// An inventory of one cluster, as GKE or AKS lists it; some of the facts are absent.
fn inventory((is_aks, facts): (bool, [usize; 8])) -> (ImportFormat, String) {
    let one_of = |key: &str, fact: usize, values: [&str; 2]| {
        let value = facts[fact].checked_sub(1).map(|at| values[at]);
        value.map_or_else(String::new, |value| format!(", \"{key}\": {value}"))
    };
    let name = one_of("name", 0, ["\"a\"", "\"b\""]);
    let place = one_of("location", 1, ["\"r1\"", "\"r2\""]);
    let tags = ["{\"env\": \"prod\"}", "{\"env\": \"test\", \"k\": \"v\"}"];
    if is_aks {
        let version = one_of("currentKubernetesVersion", 3, ["\"1.34\"", "\"1.34.1\""]);
        let access = one_of(
            "apiServerAccessProfile",
            4,
            [
                r#"{"authorizedIpRanges": ["198.51.100.0/24", "192.0.2.0/24"]}"#,
                r#"{"enablePrivateCluster": true}"#,
            ],
        );
        let tags = one_of("tags", 2, tags);
        let text = format!(
            r#"[{{"fqdn": "203.0.113.9", "agentPoolProfiles": []{name}{place}{tags}{version}{access}}}]"#
        );
        return (ImportFormat::Aks, text);
    }
    let tags = one_of("resourceLabels", 2, tags);
    let version = one_of("currentMasterVersion", 3, ["\"1.34\"", "\"1.33.2\""]);
    let mode = one_of(
        "anonymousAuthenticationConfig",
        5,
        [r#"{"mode": "ENABLED"}"#, r#"{"mode": "LIMITED"}"#],
    );
    let text = format!(r#"[{{"endpoint": "203.0.113.9"{name}{place}{tags}{version}{mode}}}]"#);
    (ImportFormat::Gke, text)
}

proptest! {
    /// What a report says of a target does not depend on the order of the inventories, whether they have names of their
    /// own or not.
    #[test]
    fn the_order_of_inventories_does_not_matter(
        inventories in prop::collection::vec((any::<bool>(), facts()), 2..5),
        order in any::<prop::sample::Index>(),
        has_names in any::<bool>(),
    ) {
        let all: Vec<(ImportFormat, String)> = inventories.into_iter().map(inventory).collect();
        let sources = |at: usize| {
            if has_names { Source::File(format!("{at}.json").into()) } else { Source::Stdin }
        };
        let read = |order: &[usize]| {
            let mut builder = TargetSetBuilder::new(TargetOptions::default());
            for at in order {
                builder.import(all[*at].0, sources(*at), all[*at].1.as_bytes());
            }
            let set = builder.build().unwrap();
            let targets = targets(&set);
            assert_eq!(targets.len(), 1);
            let target = &targets[0];
            (target.label.clone(), target.origin.clone(), target.declared.clone(), target.expect)
        };
        let forth: Vec<usize> = (0..all.len()).collect();
        let mut other = forth.clone();
        other.rotate_left(order.index(all.len()));
        let back: Vec<usize> = forth.iter().rev().copied().collect();
        prop_assert_eq!(&read(&forth), &read(&other));
        prop_assert_eq!(&read(&forth), &read(&back));
    }
}
