//! TLS facts.

use std::borrow::Cow;

use serde::Serialize;

use super::endpoint::Failure;
use super::{text, texts, time};
use crate::model;

#[derive(Serialize)]
pub(super) struct Tls<'a> {
    version: &'a str,
    cipher: &'a str,
    alpn: Option<Cow<'a, str>>,
    sni: Option<&'a str>,
    client_certificate_requested: bool,
    client_ca_names: Vec<Cow<'a, str>>,
    client_ca_names_total: usize,
    signature_valid: bool,
    signature: &'static str,
    signature_why: Option<Cow<'a, str>>,
    chain_length: usize,
    trust: Option<Trust<'a>>,
    certificate: Option<Certificate<'a>>,
}

impl<'a> From<&'a model::Handshake> for Tls<'a> {
    fn from(handshake: &'a model::Handshake) -> Self {
        Self {
            version: &handshake.version,
            cipher: &handshake.cipher,
            alpn: handshake.alpn.as_deref().map(text),
            sni: handshake.sni.as_deref(),
            client_certificate_requested: handshake.client_certificate_requested,
            client_ca_names: texts(&handshake.client_ca_names.kept),
            client_ca_names_total: handshake.client_ca_names.total,
            signature_valid: handshake.signature == model::Signature::Valid,
            signature: handshake.signature.as_str(),
            signature_why: match &handshake.signature {
                model::Signature::NotChecked { why } => Some(text(why)),
                model::Signature::Valid | model::Signature::Invalid => None,
            },
            chain_length: handshake.chain_length,
            trust: handshake.trust.as_ref().map(Trust::from),
            certificate: handshake.certificate.as_ref().map(Certificate::from),
        }
    }
}

/// Whether the chain ends at a CA that the user gave.
#[derive(Serialize)]
struct Trust<'a> {
    anchored: bool,
    state: &'static str,
    by: Option<Cow<'a, str>>,
    why: Option<Cow<'a, str>>,
}

impl<'a> From<&'a model::Trust> for Trust<'a> {
    fn from(trust: &'a model::Trust) -> Self {
        let state = trust.as_str();
        match trust {
            model::Trust::Anchored { by } => Self {
                anchored: true,
                state,
                by: Some(text(by)),
                why: None,
            },
            model::Trust::NotAnchored { why } | model::Trust::NotChecked { why } => Self {
                anchored: false,
                state,
                by: None,
                why: Some(text(why)),
            },
        }
    }
}

/// What a handshake without SNI showed, or why there was none.
#[derive(Serialize)]
pub(super) struct WithoutSni<'a> {
    tls: Option<Tls<'a>>,
    failure: Option<Failure<'a>>,
}

impl<'a> From<&'a Result<model::Handshake, model::Failure>> for WithoutSni<'a> {
    fn from(outcome: &'a Result<model::Handshake, model::Failure>) -> Self {
        Self {
            tls: outcome.as_ref().ok().map(Tls::from),
            failure: outcome.as_ref().err().map(Failure::from),
        }
    }
}

#[derive(Serialize)]
struct Certificate<'a> {
    subject: Cow<'a, str>,
    issuer: Cow<'a, str>,
    sans: Vec<Cow<'a, str>>,
    sans_total: usize,
    not_before: Option<String>,
    not_after: Option<String>,
    key: Cow<'a, str>,
    signature_algorithm: Cow<'a, str>,
    serial: Cow<'a, str>,
    sha256: &'a str,
}

impl<'a> From<&'a model::Certificate> for Certificate<'a> {
    fn from(certificate: &'a model::Certificate) -> Self {
        Self {
            subject: text(&certificate.subject),
            issuer: text(&certificate.issuer),
            sans: texts(&certificate.sans.kept),
            sans_total: certificate.sans.total,
            not_before: certificate.not_before.map(time),
            not_after: certificate.not_after.map(time),
            key: text(&certificate.key),
            signature_algorithm: text(&certificate.signature_algorithm),
            serial: text(&certificate.serial),
            sha256: &certificate.sha256,
        }
    }
}
