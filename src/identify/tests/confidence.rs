//! Signs taken away, one at a time.

use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};

use crate::identify::identify;
use crate::kubernetes::{Answer, VersionInfo};
use crate::model::fixtures::*;
use crate::model::{Confidence, Identification, NameList, Observation, Reply};

/// Strings that products show, from the facts; several of one product and of its look-alikes.
const VERSIONS: [&str; 8] = [
    "v1.34.1",
    "v1.28.5-eks-5e0fdde",
    "v1.27.3-gke.100",
    "v1.29.10+67d3387",
    "v1.28.6+IKS",
    "v1.28.2+k3s1",
    "v1.28.3+rke2r2",
    "v1.27.2+vmware.2",
];
const HOSTS: [&str; 6] = [
    "api.example.com",
    "a42c0404a862c06b0e9998c1ec42d7e1.gr7.ap-northeast-2.eks.amazonaws.com",
    "myakscluster-000a0aa0.hcp.eastus.azmk8s.io",
    "c105-e.eu-de.containers.cloud.ibm.com",
    "api.mycluster.ab12.p1.openshiftapps.com",
    "0a1b2c3d-1111-2222-3333-444455556666.k8s.civo.com",
];
const ISSUERS: [&str; 8] = [
    "CN=kubernetes",
    "CN=ca",
    "CN=kubernetes-ca",
    "CN=k3s-server-ca@1735689600",
    "CN=1f0c2a5e-3c1d-4a6f-9a39-5b7d2f6a1c11",
    "OU=openshift, CN=kube-apiserver-lb-signer",
    "O=kubernetes",
    "CN=worker-1-ca@17",
];
const SUBJECTS: [&str; 7] = [
    "CN=kube-apiserver",
    "O=k3s, CN=k3s",
    "O=rke2, CN=rke2",
    "CN=kubernetes-master",
    "CN=worker-1@17",
    "O=system:nodes, CN=system:node:worker-1",
    "CN=www.example.com",
];
const SANS: [&str; 8] = [
    "kubernetes.default.svc",
    "10.96.0.1",
    "10.43.0.1",
    "kind-control-plane",
    "openshift.default.svc",
    "metrics-server.kube-system.svc",
    "hcp-kubernetes.0123.svc.cluster.local",
    "kubernetes.svc.cluster.local",
];
const CAS: [&str; 7] = [
    "CN=kubernetes",
    "CN=front-proxy-ca",
    "CN=kubernetes-ca",
    "CN=kubernetes-front-proxy-ca",
    "OU=openshift, CN=admin-kubeconfig-signer",
    "CN=rke2-client-ca@1735689600",
    "CN=etcd-ca",
];

fn versioned(git_version: &str) -> Reply {
    let info = VersionInfo {
        git_version: git_version.into(),
        ..VersionInfo::default()
    };
    Reply {
        answer: Answer::Version(Box::new(info)),
        ..version()
    }
}

fn any_answer() -> impl Strategy<Value = Reply> {
    let kinds: Vec<fn() -> Reply> = vec![
        unauthorized,
        forbidden,
        bare_forbidden,
        api_versions,
        ok,
        go_404,
        || page(403),
        || page(200),
        || reply(401, "text/plain", "Unauthorized"),
        || reply(200, "application/json", r#"{"etcdserver":"3.5.0"}"#),
        || {
            reply(
                401,
                "application/json",
                r#"{"type":"error","message":"must authenticate"}"#,
            )
        },
        || status(403, "Forbidden", "[00] access denied"),
        || {
            reply(
                403,
                "text/plain",
                "Forbidden (user=u, verb=get, resource=nodes, subresource=proxy)",
            )
        },
    ];
    select(kinds).prop_map(|make| make())
}

fn any_observation() -> impl Strategy<Value = Observation> {
    let answers = (
        proptest::option::of(select(&VERSIONS[..])),
        any_answer(),
        any_answer(),
        proptest::option::of(any_answer()),
    );
    let names = (
        proptest::option::of(select(&HOSTS[..])),
        proptest::option::of(select(&HOSTS[..])),
        select(&SUBJECTS[..]),
        select(&ISSUERS[..]),
        subsequence(&SANS[..], 0..4),
        subsequence(&CAS[..], 0..3),
    );
    let without_sni = (0..4, select(&SUBJECTS[..]), subsequence(&CAS[..], 0..3));
    (answers, names, without_sni).prop_map(|(answers, names, (kind, other_subject, other_cas))| {
        let (version, api, health, other) = answers;
        let (host, alias, subject, issuer, sans, cas) = names;
        let first = version.map_or_else(|| other.unwrap_or_else(unauthorized), versioned);
        let mut observation = seen(
            1,
            [("/version", first), ("/api", api), ("/healthz", health)],
        )
        .over_tls(subject, issuer, &sans, &cas);
        observation.endpoint.name = host.map(Into::into);
        observation.aliases = host.and(alias).into_iter().map(Into::into).collect();
        // Not asked for, the same, another certificate, other CAs.
        let shown = observation.clone();
        observation.without_sni = match kind {
            0 => None,
            1 => shown.tls.map(Ok),
            2 => shown
                .over_tls(other_subject, issuer, &sans, &cas)
                .tls
                .map(Ok),
            _ => shown
                .over_tls(subject, issuer, &sans, &other_cas)
                .tls
                .map(Ok),
        };
        observation
    })
}

/// Takes one piece away: an answer, the host name with what it is an alias of, the certificate, one of its
/// names, a CA name; and the alias alone.
fn without(mut observation: Observation, piece: Index) -> Observation {
    let tls = observation.tls.as_mut().unwrap();
    let names = tls
        .certificate
        .as_ref()
        .map_or(0, |certificate| certificate.sans.kept.len());
    let cas = tls.client_ca_names.kept.len();
    let drop = |names: &mut NameList, at: usize| {
        names.kept.remove(at);
        names.total -= 1;
    };
    match piece.index(6 + names + cas) {
        answer @ 0..3 => {
            observation.exchanges.remove(answer);
        }
        3 => {
            observation.endpoint.name = None;
            observation.aliases = [].into();
        }
        4 => tls.certificate = None,
        5 => observation.aliases = [].into(),
        at if at < 6 + names => drop(&mut tls.certificate.as_mut().unwrap().sans, at - 6),
        at => {
            drop(&mut tls.client_ca_names, at - 6 - names);
            // A request that names nobody is a sign of its own (k3s), not one sign less.
            tls.client_certificate_requested = tls.client_ca_names.total > 0;
        }
    }
    observation
}

fn sure(identification: &Identification) -> Option<Confidence> {
    identification.attribution.confidence
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn taking_a_sign_away_never_raises_it(observation in any_observation(), piece in any::<Index>()) {
        let whole = identify(&observation);
        let less = identify(&without(observation, piece));
        prop_assert!(sure(&less) <= sure(&whole), "{:?}\n{:?}", whole, less);
        // Of the component: in the same statement.
        if less.component == whole.component {
            prop_assert!(less.confidence <= whole.confidence, "{:?}\n{:?}", whole, less);
        }
    }

    /// Every mark names a clue, and what it saw stands there.
    #[test]
    fn every_statement_rests_on_a_clue(observation in any_observation()) {
        let found = identify(&observation);
        let attribution = &found.attribution;
        for mark in attribution.marks.iter().chain(&attribution.against) {
            prop_assert!(found.clues[mark.clue].seen.contains(&mark.seen), "{:?} {:?}", mark, found.clues);
        }
        if let Some(product) = found.product() {
            let rests = |mark: &crate::model::ProductMark| !mark.source.is_empty();
            prop_assert!(!attribution.marks.is_empty() && attribution.marks.iter().all(rests), "{}", product.id);
        }
        prop_assert_eq!(found.version.is_some(), found.clues.iter().any(|clue| clue.kind.as_str() == "version-fields"));
    }
}
