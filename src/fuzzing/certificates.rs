//! The certificate of a server, from raw DER to the reports.

use std::net::Ipv4Addr;
use std::sync::Arc;

use super::answers::{conclude, target};
use crate::model::{
    Endpoint, Failure, FailureKind, Handshake, Host, NameList, Observation, Scheme, Signature,
    Stage,
};

/// Parses a certificate and a CA name.
pub fn certificates(data: &[u8]) {
    let (certificate, name, [trust, as_ca]) = crate::probe::fuzzed::certificate(data);
    if let Some(facts) = &certificate {
        assert!(facts.subject.chars().count() <= 256 && facts.issuer.chars().count() <= 256);
        assert!(facts.sans.kept.len() <= NameList::KEPT);
    }
    assert!(name.chars().count() <= 256);
    let target = target(Scheme::Https);
    let mut observation = Observation::new(Endpoint {
        scheme: target.scheme,
        host: Host::Ip(Ipv4Addr::new(192, 0, 2, 1).into()),
        port: 6443,
        name: target.server_name(),
        prefix: Arc::default(),
    });
    let handshake = Handshake {
        version: "TLSv1.2".into(),
        cipher: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256".into(),
        alpn: None,
        sni: Some("api.example.com".to_owned()),
        client_certificate_requested: true,
        client_ca_names: NameList::collect([name]),
        signature: Signature::Invalid,
        certificate,
        chain_length: 2,
        trust,
        declared_trust: None,
    };
    observation.without_sni = Some(Ok(Box::new(Handshake {
        sni: None,
        trust: as_ca,
        ..handshake.clone()
    })));
    observation.tls = Some(handshake.into());
    observation.failure = Some(Failure::new(Stage::Http, FailureKind::Closed, ""));
    conclude(&target, observation, data.len());
}
