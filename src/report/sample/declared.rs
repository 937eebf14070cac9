//! What an inventory declares about a cluster of the samples.

use std::sync::Arc;

use ipnet::IpNet;

use super::parts::origin;
use crate::model::{
    ClusterNotAsked, ComparedFact, ComparisonResult, Contradiction, Declared, DeclaredAnonymous,
    DeclaredEndpoint, DeclaredFact, NotAskedReason, Reported,
};

/// Every fact that an inventory can have.
pub(super) fn declared() -> Declared {
    let mut declared = Declared {
        inventory: "eks".into(),
        provider: Some("eks".into()),
        region: Some("eu-central-1".into()),
        version: Some("1.33".into()),
        anonymous: Some(DeclaredAnonymous::Limited),
        endpoint: Some(DeclaredEndpoint::Public),
        authorized_networks: "198.51.100.0/24"
            .parse::<IpNet>()
            .ok()
            .map(|network| Arc::from([network])),
        audit_logging: Some(false),
        skips_certificate_check: true,
        proxy: Some("socks5://bastion.example:1080".into()),
        reported: Some(Reported {
            at: "2026-11-20 04:00:00".into(),
            status: Some(200),
            version: Some("v1.33.4".into()),
        }),
        admits_provider: Some(true),
        contradictions: vec![Contradiction {
            fact: DeclaredFact::CertificateAuthority,
            said: vec!["SHA-256 0a1b".to_owned(), "SHA-256 2c3d".to_owned()],
        }],
        ..Declared::default()
    };
    declared.label("account", "111122223333");
    declared.label("env", "stage");
    declared
}

/// Clusters that an inventory lists and the scan does not ask.
pub(super) fn not_asked() -> Vec<ClusterNotAsked> {
    let cluster = |line, name: &str, endpoint: &str, why| {
        let declared = Declared {
            inventory: "aks".into(),
            provider: Some("aks".into()),
            ..Declared::default()
        };
        ClusterNotAsked::new(origin(line, endpoint), Some(name.into()), why, declared)
    };
    vec![
        cluster(31, "batch", "batch.example:443", NotAskedReason::Stopped),
        cluster(47, "draft", "", NotAskedReason::NoEndpoint),
    ]
}

/// How two of these facts compare.
pub(super) fn compared() -> Vec<ComparedFact> {
    vec![
        ComparedFact {
            fact: DeclaredFact::AnonymousRequests,
            result: ComparisonResult::MoreOpen,
            sentence: "LIMITED declared; documented for 1.33: limited to health; observed: forbidden with version \
                       and health open: more open than declared"
                .to_owned(),
        },
        ComparedFact {
            fact: DeclaredFact::Version,
            result: ComparisonResult::Confirmed,
            sentence: "1.33 declared, and the server shows v1.33.5-eks-0a1b2c3".to_owned(),
        },
    ]
}
