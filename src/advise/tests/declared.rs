//! Declared against documented and observed, in every combination that differs.

use std::sync::Arc;

use super::super::declared::{Egress, compare};
use crate::config::ScanConfig;
use crate::identify::identify;
use crate::model::Access::{Forbidden, Granted, Rejected};
use crate::model::fixtures::*;
use crate::model::{
    Access, Assessment, ComparedFact, ComparisonResult, Declared, DeclaredAnonymous,
    DeclaredEndpoint, DeclaredFact, LIKELY_CAUSES, Observation, Trust, Unclear, Verdict,
};

const HEALTH: [Access; 3] = [Rejected, Rejected, Granted];
const DEFAULT: [Access; 3] = [Granted, Forbidden, Granted];
const CLOSED: [Access; 3] = [Rejected, Rejected, Rejected];
const OPEN: [Access; 3] = [Granted, Granted, Granted];
const VERSION_ONLY: [Access; 3] = [Granted, Rejected, Rejected];
const STOPPED_HEALTH: [Access; 3] = [Rejected, Rejected, Forbidden];
const STOPPED_VERSION: [Access; 3] = [Forbidden, Rejected, Granted];
const STOPPED: [Access; 3] = [Forbidden, Forbidden, Forbidden];

fn refusing() -> Observation {
    seen(1, [("/version", unauthorized()), ("/api", unauthorized())])
}

fn showing(version: &str) -> Observation {
    let body = format!(r#"{{"major":"1","minor":"1","gitVersion":"{version}"}}"#);
    let version = reply(200, "application/json", &body).marked();
    seen(1, [("/version", version), ("/api", forbidden())])
}

fn assessed(verdict: Verdict, access: &[Access; 3]) -> Assessment {
    let paths = ["/version", "/api", "/healthz"];
    let answers: Vec<_> = paths.into_iter().zip(access.iter().cloned()).collect();
    Assessment {
        verdict,
        requests: super::posture::judged(&answers),
        reason: String::new(),
        grants: Vec::new(),
        recheck: None,
    }
}

fn facts(
    declared: &Declared,
    observation: &Observation,
    verdict: Verdict,
    access: &[Access; 3],
) -> Vec<ComparedFact> {
    let config = ScanConfig::default();
    compare(
        declared,
        observation,
        &identify(observation),
        &assessed(verdict, access),
        &Egress::new(&config),
    )
}

fn of(facts: &[ComparedFact], fact: DeclaredFact) -> Option<(ComparisonResult, &str)> {
    let found = facts.iter().find(|compared| compared.fact == fact)?;
    Some((found.result, &found.sentence))
}

fn provider(provider: &str, version: Option<&str>) -> Declared {
    Declared {
        provider: Some(provider.into()),
        version: version.map(Arc::from),
        ..Declared::default()
    }
}

fn gke(anonymous: Option<DeclaredAnonymous>, version: &str) -> Declared {
    Declared {
        anonymous,
        ..provider("gke", Some(version))
    }
}

#[test]
fn every_setting_against_every_answer() {
    use ComparisonResult::{Confirmed, MoreOpen, NotCompared, Stricter};
    let limited = Some(DeclaredAnonymous::Limited);
    let enabled = Some(DeclaredAnonymous::Enabled);
    let both = "documented for 1.35: forbidden with version and health open (mode ENABLED) or limited to health (mode LIMITED)";
    let one = "documented for 1.31: forbidden with version and health open";
    let late =
        "documented for 1.99: not known (of GKE, releases up to 1.37 are known, and this is 1.99)";
    let causes = LIKELY_CAUSES;
    for (setting, version, verdict, access, result, sentence) in [
        (limited, "1.35", Verdict::Limited, &HEALTH, Confirmed,
            "LIMITED declared, health paths alone open: confirmed from outside".to_owned()),
        (limited, "1.35", Verdict::Rejected, &CLOSED, Stricter,
            format!("LIMITED declared; {both}; observed: rejected: stricter than declared; {causes}")),
        (limited, "1.35", Verdict::Forbidden, &DEFAULT, MoreOpen,
            format!("LIMITED declared; {both}; observed: forbidden with version and health open: more open than declared; {causes}")),
        (limited, "1.35", Verdict::Limited, &VERSION_ONLY, MoreOpen,
            format!("LIMITED declared; {both}; observed: limited to version: more open than declared; {causes}")),
        (limited, "1.35", Verdict::Exposed, &OPEN, MoreOpen,
            format!("LIMITED declared; {both}; observed: exposed: more open than declared; {causes}")),
        (limited, "1.31", Verdict::Limited, &HEALTH, Confirmed,
            format!("LIMITED declared, health paths alone open: confirmed from outside; what was observed is stricter, where asked, than {one}")),
        (limited, "1.35", Verdict::Limited, &STOPPED_HEALTH, Stricter,
            format!("LIMITED declared; {both}; observed: limited to paths with no grant among them: /healthz was accepted and stopped by authorization (403): stricter than declared; {causes}")),
        (limited, "1.35", Verdict::Limited, &STOPPED_VERSION, MoreOpen,
            format!("LIMITED declared; {both}; observed: limited to health, and /version was accepted and stopped by authorization (403): more open than declared; {causes}")),
        (limited, "1.35", Verdict::Forbidden, &STOPPED, MoreOpen,
            format!("LIMITED declared; {both}; observed: accepted, and then forbidden on every path asked: more open than declared; {causes}")),
        (limited, "1.35", Verdict::Limited, &[Access::Unclear(Unclear::RateLimited), Rejected, Granted], NotCompared,
            format!("LIMITED declared; {both}; observed: limited to health: not compared, because /version gave no clear answer")),
        (limited, "1.35", Verdict::Limited, &[Rejected, Rejected, Access::Unclear(Unclear::FrontHealth)], NotCompared,
            format!("LIMITED declared; {both}; observed: limited, with no grant among the paths asked: not compared, because /healthz gave no clear answer")),
        (limited, "1.99", Verdict::Forbidden, &DEFAULT, MoreOpen,
            format!("LIMITED declared; {late}; observed: forbidden with version and health open: more open than declared; {causes}")),
        (limited, "1.35", Verdict::Inconclusive, &CLOSED, NotCompared,
            "LIMITED declared; not compared: the verdict is inconclusive".to_owned()),
        (enabled, "1.35", Verdict::Forbidden, &DEFAULT, Confirmed,
            "ENABLED declared, anonymous requests are authorized like others: confirmed from outside".to_owned()),
        (enabled, "1.35", Verdict::Exposed, &OPEN, Confirmed,
            format!("ENABLED declared, anonymous requests are authorized like others: confirmed from outside; what was observed is more open than {both}")),
        (enabled, "1.35", Verdict::Limited, &HEALTH, Stricter,
            format!("ENABLED declared; {both}; observed: limited to health: stricter than declared; {causes}")),
        (enabled, "1.35", Verdict::Rejected, &CLOSED, Stricter,
            format!("ENABLED declared; {both}; observed: rejected: stricter than declared; {causes}")),
        (None, "1.35", Verdict::Limited, &HEALTH, NotCompared,
            format!("not declared; {both}; observed: limited to health")),
        (None, "1.35", Verdict::Rejected, &CLOSED, NotCompared,
            format!("not declared; {both}; observed: rejected: stricter, where asked, than documented")),
        (None, "1.99", Verdict::Forbidden, &DEFAULT, NotCompared,
            format!("not declared; {late}; observed: forbidden with version and health open")),
        (None, "1.35", Verdict::Inconclusive, &CLOSED, NotCompared,
            "not declared; not compared: the verdict is inconclusive".to_owned()),
    ] {
        let facts = facts(&gke(setting, version), &refusing(), verdict, access);
        assert_eq!(
            of(&facts, DeclaredFact::AnonymousRequests),
            Some((result, &*sentence)),
            "{setting:?} {version} {verdict}"
        );
    }
}

#[test]
fn where_nothing_is_declared_the_version_decides() {
    let said = |declared: &Declared, observation: &Observation, verdict, access| {
        let facts = facts(declared, observation, verdict, access);
        of(&facts, DeclaredFact::AnonymousRequests)
            .map(|(result, sentence)| {
                assert_eq!(result, ComparisonResult::NotCompared);
                sentence.to_owned()
            })
            .unwrap_or_default()
    };
    let eks = |version| provider("eks", version);
    assert_eq!(
        said(&eks(Some("1.33")), &refusing(), Verdict::Limited, &HEALTH),
        "not declared; documented for 1.33: limited to health; observed: limited to health"
    );
    assert_eq!(
        said(
            &eks(Some("1.33")),
            &refusing(),
            Verdict::Forbidden,
            &DEFAULT
        ),
        "not declared; documented for 1.33: limited to health; observed: forbidden with version and health open: \
         more open than documented"
    );
    // What the server shows counts more than what is declared.
    let shown = showing("v1.31.5-eks-5e0fdde");
    assert_eq!(
        said(&eks(Some("1.33")), &shown, Verdict::Forbidden, &DEFAULT),
        "not declared; documented for 1.31: forbidden with version and health open; observed: forbidden with \
         version and health open"
    );
    assert_eq!(
        said(
            &provider("aks", Some("1.35.7")),
            &refusing(),
            Verdict::Rejected,
            &CLOSED
        ),
        "not declared; documented for 1.35: rejected; observed: rejected"
    );
    // Neither a setting nor a product.
    assert_eq!(
        said(&Declared::default(), &refusing(), Verdict::Limited, &HEALTH),
        ""
    );
}

/// The finding about anonymous access compares with what answers, so the sentence does, too.
#[test]
fn where_another_product_answers_its_documentation_counts() {
    let said = |declared: &Declared, observation: &Observation| {
        let facts = facts(declared, observation, Verdict::Forbidden, &DEFAULT);
        of(&facts, DeclaredFact::AnonymousRequests)
            .unwrap()
            .1
            .to_owned()
    };
    let aks = provider("aks", Some("1.35.7"));
    assert_eq!(
        said(&aks, &showing("v1.31.5-eks-5e0fdde")),
        "not declared; documented for EKS 1.31, which answers where AKS is declared: forbidden with version and \
         health open; observed: forbidden with version and health open"
    );
    // Without a version of its own, that of the other product says nothing.
    let mut hidden = refusing();
    hidden.endpoint.name =
        Some("00000000000000000000000000000000.gr7.eu-west-1.eks.amazonaws.com".into());
    assert_eq!(
        said(&aks, &hidden),
        "not declared; documented for EKS, which answers where AKS is declared: forbidden with version and health \
         open; observed: forbidden with version and health open"
    );
}

/// The name that Google fronts is of the declared cluster, but what it answers is not documented.
#[test]
fn a_product_that_is_built_on_the_declared_one_is_no_other() {
    let mut observation = refusing();
    observation.endpoint.name = Some("gke-0a1b-000000000000.europe-west1.gke.goog".into());
    let facts = facts(
        &gke(None, "1.35"),
        &observation,
        Verdict::Forbidden,
        &DEFAULT,
    );
    let (_, sentence) = of(&facts, DeclaredFact::AnonymousRequests).unwrap();
    assert_eq!(
        sentence,
        "not declared; documented for GKE DNS endpoint: not known (what it answers to callers without a Google \
         identity was not found); observed: forbidden with version and health open"
    );
}

#[test]
fn what_is_known_ends_with_its_shelf_life() {
    let mut stale = assessed(Verdict::Limited, &HEALTH);
    for request in &mut stale.requests {
        Arc::make_mut(&mut request.exchange).at = "2029-01-01T00:00:00Z".parse().unwrap();
    }
    let observation = refusing();
    let facts = compare(
        &provider("eks", Some("1.33")),
        &observation,
        &identify(&observation),
        &stale,
        &Egress::default(),
    );
    assert_eq!(
        of(&facts, DeclaredFact::AnonymousRequests).unwrap().1,
        "not declared; documented for 1.33: not known (the sources were last looked at on 2026-11-23, too long \
         ago); observed: limited to health"
    );
}

/// The sentence about the reach of an endpoint at an address.
fn reach(declared: &Declared, address: &str, egress: Option<&str>) -> (ComparisonResult, String) {
    let mut observation = refusing();
    observation.endpoint.host = crate::model::Host::Ip(address.parse().unwrap());
    let config = ScanConfig::default().with(|config| {
        config.egress_addresses = egress.iter().map(|one| one.parse().unwrap()).collect();
    });
    let facts = compare(
        declared,
        &observation,
        &identify(&observation),
        &assessed(Verdict::Limited, &HEALTH),
        &Egress::new(&config),
    );
    let (result, sentence) = of(&facts, DeclaredFact::Reach).unwrap();
    (result, sentence.to_owned())
}

/// A public endpoint that is open to these networks.
fn restricted(networks: &[&str]) -> Declared {
    Declared {
        endpoint: Some(DeclaredEndpoint::Public),
        authorized_networks: Some(networks.iter().map(|one| one.parse().unwrap()).collect()),
        admits_provider: Some(false),
        ..Declared::default()
    }
}

#[test]
fn reach_is_compared_with_addresses_that_are_known() {
    use ComparisonResult::{Confirmed, Differs, NotCompared};
    let private = Declared {
        endpoint: Some(DeclaredEndpoint::Private),
        ..Declared::default()
    };
    let one = restricted(&["198.51.100.0/24"]);
    // An inventory of a service without the block that says who may reach it.
    let nothing = Declared {
        provider: Some("eks".into()),
        ..Declared::default()
    };
    for (declared, address, egress, result, sentence) in [
        (
            &private,
            "203.0.113.7",
            None,
            Differs,
            "private declared, and it answers at 203.0.113.7, which is not a private address",
        ),
        (
            &nothing,
            "203.0.113.7",
            Some("198.51.100.9"),
            NotCompared,
            "not declared; observed: it answers at 203.0.113.7, which is not a private address",
        ),
        (
            &nothing,
            "10.0.0.7",
            None,
            NotCompared,
            "not declared; observed: it answers at 10.0.0.7, which is not public",
        ),
        (
            &private,
            "10.0.0.7",
            None,
            Confirmed,
            "private declared, and it answers at 10.0.0.7, which is not public",
        ),
        (
            &one,
            "203.0.113.7",
            None,
            NotCompared,
            "open to 198.51.100.0/24 declared; not compared: this machine's public address is not known",
        ),
        (
            &one,
            "203.0.113.7",
            Some("198.51.100.9"),
            Confirmed,
            "open to 198.51.100.0/24 declared, and it answers 198.51.100.9, which is admitted",
        ),
        (
            &one,
            "203.0.113.7",
            Some("203.0.113.9"),
            Differs,
            "open to 198.51.100.0/24 declared, and it answers 203.0.113.9, which is not admitted",
        ),
        // An egress address of the other family says nothing about this connection.
        (
            &one,
            "203.0.113.7",
            Some("2001:db8::9"),
            NotCompared,
            "open to 198.51.100.0/24 declared; not compared: this machine's public address is not known",
        ),
        (
            &one,
            "10.0.0.7",
            Some("203.0.113.9"),
            NotCompared,
            "open to 198.51.100.0/24 declared; not compared: it answers at 10.0.0.7, a private address",
        ),
        (
            &restricted(&[]),
            "203.0.113.7",
            Some("203.0.113.9"),
            Differs,
            "open to no network declared, and it answers 203.0.113.9, which is not admitted",
        ),
        (
            &Declared {
                admits_provider: Some(true),
                ..one.clone()
            },
            "203.0.113.7",
            Some("203.0.113.9"),
            NotCompared,
            "open to 198.51.100.0/24 declared; not compared: the provider's own public addresses are admitted too",
        ),
        (
            &restricted(&["0.0.0.0/0"]),
            "203.0.113.7",
            None,
            Confirmed,
            "open to any IPv4 network declared, and it answers",
        ),
        (
            &restricted(&["0.0.0.0/0", "::/0"]),
            "2001:4860::7",
            None,
            Confirmed,
            "open to any network declared, and it answers",
        ),
        // Everybody of the other family is nobody here.
        (
            &restricted(&["::/0"]),
            "203.0.113.7",
            Some("203.0.113.9"),
            Differs,
            "open to any IPv6 network declared, and it answers 203.0.113.9, which is not admitted",
        ),
        (
            &Declared {
                unread_networks: 2,
                ..one.clone()
            },
            "203.0.113.7",
            Some("203.0.113.9"),
            NotCompared,
            "open to 198.51.100.0/24 and 2 unreadable networks declared; not compared: 2 networks could not be read",
        ),
        (
            &Declared {
                unread_networks: 1,
                ..one.clone()
            },
            "203.0.113.7",
            Some("198.51.100.9"),
            Confirmed,
            "open to 198.51.100.0/24 and 1 unreadable network declared, and it answers 198.51.100.9, which is admitted",
        ),
    ] {
        assert_eq!(
            reach(declared, address, egress),
            (result, sentence.to_owned()),
            "{address} {egress:?}"
        );
    }
}

/// An address that no network contains may be one that is admitted by other means.
#[test]
fn networks_may_not_be_all_that_is_admitted() {
    use ComparisonResult::{Confirmed, Differs, NotCompared};
    let one = restricted(&["198.51.100.0/24"]);
    for (declared, address, egress, result, sentence) in [
        (
            &Declared {
                admits_provider: None,
                ..one.clone()
            },
            "203.0.113.7",
            Some("203.0.113.9"),
            NotCompared,
            "open to 198.51.100.0/24 declared; not compared: whether the provider's own public addresses are admitted \
             is not declared",
        ),
        (
            &Declared {
                admits_provider: None,
                ..one.clone()
            },
            "203.0.113.7",
            Some("198.51.100.9"),
            Confirmed,
            "open to 198.51.100.0/24 declared, and it answers 198.51.100.9, which is admitted",
        ),
        (
            &Declared {
                provider: Some("aks".into()),
                ..restricted(&["0.0.0.0/32"])
            },
            "203.0.113.7",
            Some("203.0.113.9"),
            NotCompared,
            "open to 0.0.0.0/32 declared; not compared: 0.0.0.0/32 admits the cluster's own outbound addresses",
        ),
        (
            &Declared {
                provider: Some("aks".into()),
                ..restricted(&["0.0.0.0/32", "203.0.113.0/24"])
            },
            "203.0.113.7",
            Some("203.0.113.9"),
            Confirmed,
            "open to 2 networks declared, and it answers 203.0.113.9, which is admitted",
        ),
        // Elsewhere nobody has that address.
        (
            &Declared {
                provider: Some("eks".into()),
                ..restricted(&["0.0.0.0/32"])
            },
            "203.0.113.7",
            Some("203.0.113.9"),
            Differs,
            "open to 0.0.0.0/32 declared, and it answers 203.0.113.9, which is not admitted",
        ),
    ] {
        assert_eq!(
            reach(declared, address, egress),
            (result, sentence.to_owned()),
            "{address} {egress:?}"
        );
    }
}

/// Behind a proxy the server does not see the local address.
#[test]
fn the_local_address_counts_if_it_is_public_and_no_proxy_connects() {
    let declared = Declared {
        authorized_networks: Some(["198.51.100.0/24".parse().unwrap()].into()),
        admits_provider: Some(false),
        ..Declared::default()
    };
    let mut observation = refusing();
    observation.endpoint.host = crate::model::Host::Ip([203, 0, 113, 7].into());
    for (local, proxy, result) in [
        ("198.51.100.7", None, ComparisonResult::Confirmed),
        ("203.0.113.9", None, ComparisonResult::Differs),
        ("10.0.0.9", None, ComparisonResult::NotCompared),
        ("127.0.0.1", None, ComparisonResult::NotCompared),
        (
            "203.0.113.9",
            Some("socks5://192.0.2.1:1080"),
            ComparisonResult::NotCompared,
        ),
    ] {
        observation.local_address = local.parse().ok();
        let config = ScanConfig::default().with(|config| {
            config.proxy = proxy.map(|proxy| proxy.parse().unwrap());
        });
        let facts = compare(
            &declared,
            &observation,
            &identify(&observation),
            &assessed(Verdict::Limited, &HEALTH),
            &Egress::new(&config),
        );
        assert_eq!(
            of(&facts, DeclaredFact::Reach).unwrap().0,
            result,
            "{local}"
        );
    }
}

#[test]
fn ca_product_and_version_are_compared() {
    use ComparisonResult::{Confirmed, Differs, NotCompared};
    let declared = provider("eks", Some("1.33"));
    let facts_of =
        |observation: &Observation| facts(&declared, observation, Verdict::Forbidden, &DEFAULT);
    for (version, product, like) in [
        ("v1.33.5-eks-5e0fdde", Confirmed, Confirmed),
        ("v1.34.1-eks-5e0fdde", Confirmed, Differs),
        ("v1.33.5-gke.100", Differs, NotCompared),
        ("v1.33.5", NotCompared, Confirmed),
    ] {
        let facts = facts_of(&showing(version));
        assert_eq!(
            of(&facts, DeclaredFact::Product).unwrap().0,
            product,
            "{version}"
        );
        assert_eq!(
            of(&facts, DeclaredFact::Version).unwrap().0,
            like,
            "{version}"
        );
        assert_eq!(of(&facts, DeclaredFact::CertificateAuthority), None);
    }
    let mut observation = refusing().with_kubeadm_tls();
    let hidden = facts_of(&observation);
    assert_eq!(
        of(&hidden, DeclaredFact::Version),
        Some((
            NotCompared,
            "1.33 declared; not compared: the server does not show its version"
        ))
    );
    for (trust, result) in [
        (
            Trust::Anchored {
                by: "CN=kubernetes".into(),
            },
            Confirmed,
        ),
        (
            Trust::NotAnchored {
                why: "none of the given CAs signed it".into(),
            },
            Differs,
        ),
        (Trust::NotChecked { why: "why".into() }, NotCompared),
    ] {
        observation.tls.as_mut().unwrap().declared_trust = Some(trust);
        let facts = facts_of(&observation);
        assert_eq!(
            of(&facts, DeclaredFact::CertificateAuthority).unwrap().0,
            result
        );
    }
}

/// What another server does says nothing about the declared cluster.
#[test]
fn what_another_server_answers_is_not_compared() {
    use ComparisonResult::{Differs, NotCompared};
    let declared = Declared {
        endpoint: Some(DeclaredEndpoint::Private),
        ..gke(Some(DeclaredAnonymous::Limited), "1.33")
    };
    let by_ca = "not compared, because another server answers (the cluster's CA does not stand behind its certificate)";
    let by_product = "not compared, because another server answers (identified as EKS)";
    let mut another_cluster = refusing().with_kubeadm_tls();
    another_cluster.tls.as_mut().unwrap().declared_trust = Some(Trust::NotAnchored {
        why: "none of the given CAs signed it".into(),
    });
    let another_product = showing("v1.33.5-eks-5e0fdde");
    for (mut observation, why) in [(another_cluster, by_ca), (another_product, by_product)] {
        for address in ["203.0.113.7", "10.0.0.7"] {
            observation.endpoint.host = crate::model::Host::Ip(address.parse().unwrap());
            for (verdict, access) in [
                (Verdict::Limited, &HEALTH),
                (Verdict::Exposed, &OPEN),
                (Verdict::Rejected, &CLOSED),
            ] {
                let facts = facts(&declared, &observation, verdict, access);
                let sentence = format!("LIMITED declared; {why}");
                let anonymous = of(&facts, DeclaredFact::AnonymousRequests);
                assert_eq!(anonymous, Some((NotCompared, &*sentence)), "{verdict}");
                let sentence = format!("private declared; {why}");
                let reach = of(&facts, DeclaredFact::Reach);
                assert_eq!(reach, Some((NotCompared, &*sentence)), "{address}");
            }
        }
    }
    // The documentation is that of the declared product, which is not known of what answers.
    let mut observation = refusing().with_kubeadm_tls();
    observation.tls.as_mut().unwrap().declared_trust =
        Some(Trust::NotAnchored { why: "why".into() });
    let undeclared = facts(&gke(None, "1.35"), &observation, Verdict::Limited, &HEALTH);
    let sentence = format!("not declared; {by_ca}");
    let anonymous = of(&undeclared, DeclaredFact::AnonymousRequests);
    assert_eq!(anonymous, Some((NotCompared, &*sentence)));
    // A version that is the same is no confirmation; another one is another one.
    let shown = showing("v1.33.5-eks-5e0fdde");
    for (version, result, sentence) in [
        (
            "1.33",
            NotCompared,
            format!("1.33 declared, and the server shows v1.33.5-eks-5e0fdde; {by_product}"),
        ),
        (
            "1.34",
            Differs,
            "1.34 declared, and the server shows v1.33.5-eks-5e0fdde".to_owned(),
        ),
    ] {
        let facts = facts(&gke(None, version), &shown, Verdict::Forbidden, &DEFAULT);
        let found = of(&facts, DeclaredFact::Version);
        assert_eq!(found, Some((result, &*sentence)));
    }
}
