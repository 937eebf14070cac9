//! TLS facts.

use serde::Deserialize;

use super::word::Time;
use crate::model::{self, Names};

#[derive(Deserialize)]
pub(super) struct Tls {
    version: String,
    cipher: String,
    alpn: Option<String>,
    sni: Option<String>,
    #[serde(default)]
    client_certificate_requested: bool,
    #[serde(default)]
    client_ca_names: Vec<String>,
    #[serde(default)]
    client_ca_names_total: usize,
    #[serde(default)]
    signature_valid: bool,
    #[serde(default)]
    chain_length: usize,
    certificate: Option<Certificate>,
}

#[derive(Deserialize)]
struct Certificate {
    subject: String,
    issuer: String,
    #[serde(default)]
    sans: Vec<String>,
    #[serde(default)]
    sans_total: usize,
    not_before: Option<Time>,
    not_after: Option<Time>,
    #[serde(default)]
    key: String,
    #[serde(default)]
    serial: String,
    #[serde(default)]
    sha256: String,
}

fn names(kept: Vec<String>, total: usize) -> Names {
    Names { total: total.max(kept.len()), kept }
}

impl From<Tls> for model::Handshake {
    fn from(tls: Tls) -> Self {
        Self {
            version: tls.version,
            cipher: tls.cipher,
            alpn: tls.alpn,
            sni: tls.sni,
            client_certificate_requested: tls.client_certificate_requested,
            client_ca_names: names(tls.client_ca_names, tls.client_ca_names_total),
            signature_valid: tls.signature_valid,
            certificate: tls.certificate.map(Into::into),
            chain_length: tls.chain_length,
        }
    }
}

impl From<Certificate> for model::Certificate {
    fn from(certificate: Certificate) -> Self {
        let time = |Time(at)| at;
        Self {
            subject: certificate.subject,
            issuer: certificate.issuer,
            sans: names(certificate.sans, certificate.sans_total),
            not_before: certificate.not_before.map(time),
            not_after: certificate.not_after.map(time),
            key: certificate.key,
            serial: certificate.serial,
            sha256: certificate.sha256,
        }
    }
}
