//! TLS facts.

use std::borrow::Cow;

use serde::Serialize;

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
    chain_length: usize,
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
            signature_valid: handshake.signature_valid,
            chain_length: handshake.chain_length,
            certificate: handshake.certificate.as_ref().map(Certificate::from),
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
            serial: text(&certificate.serial),
            sha256: &certificate.sha256,
        }
    }
}
