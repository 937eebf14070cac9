//! What a product should answer, in grades and in words.

use super::super::observed::Observed;
use super::super::posture::posture;
use super::verdict_alone;
use crate::identify::identify;
use crate::model::Access::{Forbidden, Granted, Rejected};
use crate::model::fixtures::*;
use crate::model::{
    Access, JudgedRequest, Observation, Posture, PostureStatus, Provenance, Request, Verdict,
};

/// Results of requests, written by hand.
pub(super) fn judged(answers: &[(&str, Access)]) -> Vec<JudgedRequest> {
    let exchanges = failing(1, answers.iter().map(|(path, _)| (*path, Err(reset())))).exchanges;
    let access = answers.iter().map(|(_, access)| access.clone());
    exchanges
        .into_iter()
        .zip(access)
        .map(|(exchange, access)| JudgedRequest { exchange, access })
        .collect()
}

fn of(observation: &Observation, verdict: Verdict, answers: &[(&str, Access)]) -> Posture {
    let requests = judged(answers);
    let observed = Observed {
        requests: &requests,
        ..verdict_alone(verdict)
    };
    posture(&identify(observation), observed).unwrap()
}

fn refusing() -> Observation {
    seen(
        1,
        [
            ("/version", unauthorized()),
            ("/api", unauthorized()),
            ("/healthz", unauthorized()),
        ],
    )
}

fn versioned(version: &str) -> Observation {
    let body = format!(r#"{{"major":"1","minor":"1","gitVersion":"{version}"}}"#);
    seen(
        1,
        [
            ("/version", reply(200, "application/json", &body).marked()),
            ("/api", forbidden()),
        ],
    )
}

fn trio(version: Access, api: Access, healthz: Access) -> [(&'static str, Access); 3] {
    [("/version", version), ("/api", api), ("/healthz", healthz)]
}

/// A default cluster.
fn default() -> [(&'static str, Access); 3] {
    trio(Granted, Forbidden, Granted)
}

/// Every path that is asked answers 401.
fn closed() -> [(&'static str, Access); 5] {
    ["/version", "/api", "/healthz", "/livez", "/readyz"].map(|path| (path, Rejected))
}

fn eks() -> Observation {
    let mut observation = refusing();
    observation.endpoint.name = Some("a42c0404.gr7.eu-west-1.eks.amazonaws.com".into());
    observation
}

#[test]
fn confirmed_from_outside() {
    let uuid = "CN=1f0c2a5e-3c1d-4a6f-9a39-5b7d2f6a1c11";
    let gke = refusing().over_tls("CN=203.0.113.7", uuid, &[], &[uuid]);
    let limited = of(&gke, Verdict::Limited, &trio(Rejected, Rejected, Granted));
    assert_eq!(limited.status, PostureStatus::Either);
    assert_eq!(
        limited.sentence,
        "GKE, version not shown: anonymous limited to health: mode LIMITED, confirmed from outside; resources \
         were not asked, and a condition on another path would not show"
    );
    let mut aks = refusing();
    aks.endpoint.name = Some("mycluster-000a0aa0.hcp.eastus.azmk8s.io".into());
    let refused = of(&aks, Verdict::Rejected, &closed());
    assert_eq!(
        (refused.status, refused.known),
        (PostureStatus::AsDocumented, Provenance::Documented)
    );
    assert_eq!(
        refused.sentence,
        "AKS, version not shown: anonymous refused on all 5 API paths asked, as AKS documents: confirmed from \
         outside; resources were not asked, and a condition on another path would not show"
    );
}

#[test]
fn how_well_it_is_known_stands_in_the_sentence() {
    for (version, known, words) in [
        (
            "v1.31.5-eks-5e0fdde",
            Provenance::Observed,
            "as documented for EKS (by observation, not by the vendor) up to 1.31",
        ),
        (
            "v1.29.10+67d3387",
            Provenance::Observed,
            "as follows from what is documented for OpenShift (by observation, not by the vendor)",
        ),
    ] {
        let posture = of(&versioned(version), Verdict::Forbidden, &default());
        assert_eq!(
            (posture.status, posture.known),
            (PostureStatus::AsDocumented, known),
            "{version}"
        );
        assert!(posture.sentence.contains(words), "{}", posture.sentence);
    }
    let more_open = of(
        &versioned("v1.33.5-eks-5e0fdde"),
        Verdict::Forbidden,
        &default(),
    );
    assert_eq!(more_open.status, PostureStatus::MoreOpen);
    assert!(
        more_open
            .sentence
            .contains("more open than documented (limited to health)"),
        "{}",
        more_open.sentence
    );
}

/// One word stands for many settings: what is open decides.
#[test]
fn paths_are_compared_and_not_the_verdicts_word() {
    let kubeadm = || versioned("v1.37.2").with_kubeadm_tls();
    let status = |verdict, answers: &[_]| of(&kubeadm(), verdict, answers).status;
    assert_eq!(
        status(Verdict::Forbidden, &default()),
        PostureStatus::AsDocumented
    );
    let nothing = of(
        &kubeadm(),
        Verdict::Forbidden,
        &trio(Forbidden, Forbidden, Forbidden),
    );
    assert_eq!(nothing.status, PostureStatus::Stricter);
    assert_eq!(
        nothing.sentence,
        "kubeadm v1.37.2: anonymous accepted as a user, and no grant among the paths asked: stricter than \
         documented (forbidden with version and health open)"
    );
    assert_eq!(
        status(Verdict::Forbidden, &trio(Granted, Forbidden, Forbidden)),
        PostureStatus::Stricter
    );
    // What gave no clear answer says nothing.
    let unclear = Access::Failed(reset());
    assert_eq!(
        status(Verdict::Forbidden, &trio(Granted, Forbidden, unclear)),
        PostureStatus::AsDocumented
    );
    let two_paths = [("/livez", Granted), ("/readyz", Granted)].into_iter();
    let cut: Vec<_> = trio(Forbidden, Forbidden, Forbidden)
        .into_iter()
        .chain(two_paths)
        .collect();
    assert_eq!(status(Verdict::Forbidden, &cut), PostureStatus::Stricter);
    let with_metrics: Vec<_> = default()
        .into_iter()
        .chain([("/metrics", Granted)])
        .collect();
    assert_eq!(
        status(Verdict::Exposed, &with_metrics),
        PostureStatus::MoreOpen
    );
    // Below 1.16 there are no /livez and /readyz to be opened.
    let asked_all: Vec<_> = default()
        .into_iter()
        .chain([("/livez", Forbidden)])
        .collect();
    let old = versioned("v1.15.0").with_kubeadm_tls();
    assert_eq!(
        of(&old, Verdict::Forbidden, &asked_all).status,
        PostureStatus::AsDocumented
    );
    assert_eq!(
        status(Verdict::Forbidden, &asked_all),
        PostureStatus::Stricter
    );
    // Health sub-paths are never open by default.
    let below: Vec<_> = default()
        .into_iter()
        .chain([("/livez/ping", Forbidden)])
        .collect();
    assert_eq!(
        status(Verdict::Forbidden, &below),
        PostureStatus::AsDocumented
    );
}

#[test]
fn limited_to_other_paths_is_not_limited_to_these() {
    let status = |answers: &[_]| of(&eks(), Verdict::Limited, answers);
    assert_eq!(
        status(&trio(Rejected, Rejected, Granted)).status,
        PostureStatus::AsDocumented
    );
    let version = status(&trio(Granted, Rejected, Rejected));
    assert_eq!(
        version.status,
        PostureStatus::Unknown,
        "more than 1.32 opens, and less than 1.31"
    );
    assert!(
        version.sentence.contains("anonymous limited to version"),
        "{}",
        version.sentence
    );
    let shown = of(
        &versioned("v1.33.5-eks-5e0fdde"),
        Verdict::Limited,
        &trio(Granted, Rejected, Rejected),
    );
    assert_eq!(shown.status, PostureStatus::MoreOpen);
    // Accepted at /api too, and refused there by authorization: more than 1.32 lets in.
    let accepted = status(&trio(Rejected, Forbidden, Granted));
    assert_eq!(
        accepted.status,
        PostureStatus::Unknown,
        "{}",
        accepted.sentence
    );
    assert!(
        accepted.sentence.contains("it lies between"),
        "{}",
        accepted.sentence
    );
    // Accepted at /api alone and refused there by authorization: neither of what is documented.
    let kubeadm = refusing().with_kubeadm_tls();
    let api = of(
        &kubeadm,
        Verdict::Limited,
        &trio(Rejected, Forbidden, Rejected),
    );
    assert_ne!(api.status, PostureStatus::AsDocumented);
    assert!(
        api.sentence.contains(
            "with no grant among them: /api was accepted and stopped by authorization (403)"
        ),
        "{}",
        api.sentence
    );
    // The release that limits to all of health opens more than one path of it.
    let livez: Vec<_> = closed()
        .into_iter()
        .filter(|(path, _)| *path != "/livez")
        .collect();
    let livez: Vec<_> = livez.into_iter().chain([("/livez", Granted)]).collect();
    let livez = of(&eks(), Verdict::Limited, &livez);
    assert_ne!(livez.status, PostureStatus::AsDocumented);
    assert!(
        livez.sentence.contains("anonymous limited to /livez;"),
        "{}",
        livez.sentence
    );
}

/// A condition may let in what was not asked, such as the list of all secrets.
#[test]
fn refused_on_every_path_is_stricter_where_resources_were_asked() {
    let kubeadm = refusing().with_kubeadm_tls();
    let paths_alone = of(&kubeadm, Verdict::Rejected, &closed());
    assert_eq!(paths_alone.status, PostureStatus::Unknown);
    assert_eq!(
        paths_alone.sentence,
        "kubeadm, version not shown: anonymous refused on all 5 API paths asked; not graded, because other paths \
         may be open: resources were not asked, and a condition on another path would not show (as documented \
         would be exposed with version, health and discovery open or forbidden with version and health open)"
    );
    let with_lists: Vec<_> = closed()
        .into_iter()
        .chain([("/api/v1/secrets", Rejected)])
        .collect();
    let asked = of(&kubeadm, Verdict::Rejected, &with_lists);
    assert_eq!(asked.status, PostureStatus::Stricter);
    assert!(
        asked
            .sentence
            .ends_with("; a condition on another path would not show"),
        "{}",
        asked.sentence
    );
    // One list that gave no clear answer, or was not asked in time, may be the one that is open.
    let failed: Vec<_> = (with_lists.iter().cloned())
        .chain([("/api/v1/pods", Access::Failed(reset()))])
        .collect();
    let failed = of(&kubeadm, Verdict::Rejected, &failed);
    assert_eq!(failed.status, PostureStatus::Unknown);
    assert!(
        failed.sentence.contains("not all resources were answered"),
        "{}",
        failed.sentence
    );
    let (requests, not_asked) = (
        judged(&with_lists),
        [Request::for_path("/api/v1/pods").unwrap()],
    );
    let observed = Observed {
        requests: &requests,
        not_asked: &not_asked,
        ..verdict_alone(Verdict::Rejected)
    };
    assert_eq!(
        posture(&identify(&kubeadm), observed).unwrap().status,
        PostureStatus::Unknown
    );
    let healthy: Vec<_> = trio(Rejected, Rejected, Granted).into();
    assert_eq!(
        of(&kubeadm, Verdict::Limited, &healthy).status,
        PostureStatus::Unknown
    );
    let with_lists: Vec<_> = healthy
        .into_iter()
        .chain([("/api/v1/secrets", Rejected)])
        .collect();
    assert_eq!(
        of(&kubeadm, Verdict::Limited, &with_lists).status,
        PostureStatus::Stricter
    );
}

#[test]
fn what_is_not_known_is_not_graded() {
    let cce = of(
        &versioned("v1.17.17-r0-CCE21.6.1.B004"),
        Verdict::Forbidden,
        &default(),
    );
    assert_eq!(
        (cce.status, cce.known),
        (PostureStatus::Unknown, Provenance::Unknown)
    );
    assert!(
        cce.expected.is_empty() && cce.sentence.contains("not graded"),
        "{}",
        cce.sentence
    );
    // One sign that a few products share names its product with low confidence, which is too little.
    let perhaps = refusing().over_tls("CN=x", "CN=ca", &[], &[]);
    assert!(
        identify(&perhaps).product().is_none(),
        "AKS and Gardener tie"
    );
    let low = refusing().over_tls("CN=x", "CN=kubernetes", &[], &[]);
    assert_eq!(
        of(&low, Verdict::Rejected, &closed()).status,
        PostureStatus::Unknown
    );
    // What is known is of the cluster's own API server.
    let extension = versioned("v1.37.2").over_tls(
        "CN=api.wardle.svc",
        "CN=kubernetes",
        &["api.wardle.svc"],
        &["CN=kubernetes", "CN=front-proxy-ca"],
    );
    let extension = of(&extension, Verdict::Forbidden, &default());
    assert_eq!(extension.status, PostureStatus::Unknown);
    assert!(
        extension.sentence.contains("an extension API server"),
        "{}",
        extension.sentence
    );
    // Nothing settled, nothing graded.
    let observed = verdict_alone(Verdict::Inconclusive);
    assert_eq!(
        posture(&identify(&versioned("v1.33.5-eks-5e0fdde")), observed),
        None
    );
}

#[test]
fn microk8s_and_talos_say_what_an_answer_tells() {
    let microk8s = refusing().over_tls("CN=x", "CN=10.152.183.1", &[], &[]);
    let refused = of(&microk8s, Verdict::Rejected, &closed());
    assert_eq!(refused.status, PostureStatus::Either);
    assert!(
        refused.sentence.contains("RBAC is off"),
        "{}",
        refused.sentence
    );
    assert!(
        refused.sentence.contains("never a sign of hardening"),
        "{}",
        refused.sentence
    );
    let talos = versioned("v1.30.1").over_tls("CN=x", "O=kubernetes", &[], &["CN=front-proxy"]);
    let accepted = of(&talos, Verdict::Forbidden, &default());
    assert_eq!(accepted.status, PostureStatus::Unknown);
    assert!(
        accepted.sentence.contains("cannot be seen"),
        "{}",
        accepted.sentence
    );
    assert_eq!(accepted.expected, [Verdict::Limited, Verdict::Rejected]);
}
