//! What a product should answer, in grades and in words.

use crate::identify::{Answered, identify, posture};
use crate::model::fixtures::*;
use crate::model::{Grade, Grant, Known, Observation, Posture, Standing, Verdict};

fn open(path: &str) -> Grant {
    Grant { path: path.into(), grade: Grade::PublicInfo, verb: "get", not_served: false, request: 0 }
}

fn of(observation: &Observation, verdict: Verdict, grants: &[Grant], paths: usize) -> Posture {
    posture(&identify(observation), Answered { verdict, grants, paths, refused: paths, expected: None })
        .unwrap()
}

fn refusing() -> Observation {
    seen(1, [("/version", unauthorized()), ("/api", unauthorized()), ("/healthz", unauthorized())])
}

fn versioned(version: &str) -> Observation {
    let body = format!(r#"{{"major":"1","minor":"1","gitVersion":"{version}"}}"#);
    seen(1, [("/version", reply(200, "application/json", &body).marked()), ("/api", forbidden())])
}

#[test]
fn confirmed_from_outside() {
    let uuid = "CN=1f0c2a5e-3c1d-4a6f-9a39-5b7d2f6a1c11";
    let gke = refusing().over_tls("CN=203.0.113.7", uuid, &[], &[uuid]);
    let limited = of(&gke, Verdict::Limited, &[open("/healthz")], 3);
    assert_eq!(limited.standing, Standing::Either);
    assert_eq!(
        limited.sentence,
        "GKE, version not shown: anonymous limited to health checks: mode LIMITED, confirmed from outside"
    );
    let mut aks = refusing();
    aks.endpoint.name = Some("mycluster-000a0aa0.hcp.eastus.azmk8s.io".into());
    let refused = of(&aks, Verdict::Rejected, &[], 5);
    assert_eq!((refused.standing, refused.known), (Standing::AsDocumented, Known::Documented));
    assert_eq!(
        refused.sentence,
        "AKS, version not shown: anonymous refused on all 5 API paths asked, as AKS documents: confirmed from outside"
    );
}

#[test]
fn how_well_it_is_known_stands_in_the_sentence() {
    let both = [open("/version"), open("/healthz")];
    for (version, known, words) in [
        ("v1.31.5-eks-5e0fdde", Known::Observed, "as EKS was seen to answer up to 1.31"),
        ("v1.29.10+67d3387", Known::Observed, "as follows from how OpenShift was seen to answer"),
    ] {
        let posture = of(&versioned(version), Verdict::Forbidden, &both, 3);
        assert_eq!((posture.standing, posture.known), (Standing::AsDocumented, known), "{version}");
        assert!(posture.sentence.contains(words), "{}", posture.sentence);
    }
    let looser = of(&versioned("v1.33.5-eks-5e0fdde"), Verdict::Forbidden, &both, 3);
    assert_eq!(looser.standing, Standing::Looser);
    assert!(looser.sentence.contains("more open than documented (limited)"));
}

#[test]
fn what_is_not_known_is_not_graded() {
    let cce = of(&versioned("v1.17.17-r0-CCE21.6.1.B004"), Verdict::Forbidden, &[], 3);
    assert_eq!((cce.standing, cce.known), (Standing::Unknown, Known::Unknown));
    assert!(cce.expected.is_empty() && cce.sentence.contains("not graded"), "{}", cce.sentence);
    // One sign that a few products share names its product with low confidence, which is too little.
    let perhaps = refusing().over_tls("CN=x", "CN=ca", &[], &[]);
    assert!(identify(&perhaps).product().is_none(), "AKS and Gardener tie");
    let low = refusing().over_tls("CN=x", "CN=kubernetes", &[], &[]);
    assert_eq!(of(&low, Verdict::Rejected, &[], 5).standing, Standing::Unknown);
    // Nothing settled, nothing graded.
    let answered =
        Answered { verdict: Verdict::Inconclusive, grants: &[], paths: 3, refused: 3, expected: None };
    assert_eq!(posture(&identify(&versioned("v1.33.5-eks-5e0fdde")), answered), None);
}

#[test]
fn microk8s_and_talos_say_what_an_answer_tells() {
    let microk8s = refusing().over_tls("CN=x", "CN=10.152.183.1", &[], &[]);
    let refused = of(&microk8s, Verdict::Rejected, &[], 5);
    assert_eq!(refused.standing, Standing::Either);
    assert!(refused.sentence.contains("RBAC is off"), "{}", refused.sentence);
    assert!(refused.sentence.contains("never a sign of hardening"), "{}", refused.sentence);
    let talos = versioned("v1.30.1").over_tls("CN=x", "O=kubernetes", &[], &["CN=front-proxy"]);
    let accepted = of(&talos, Verdict::Forbidden, &[], 3);
    assert_eq!(accepted.standing, Standing::Unknown);
    assert!(accepted.sentence.contains("cannot be seen"), "{}", accepted.sentence);
    assert_eq!(accepted.expected, [Verdict::Limited, Verdict::Rejected]);
}
