//! TLS facts.

use serde::Deserialize;

use super::endpoint::Failure;
use super::word::Time;
use crate::model::{self, NameList};

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
    signature: Option<SignatureWord>,
    signature_why: Option<String>,
    #[serde(default)]
    chain_length: usize,
    trust: Option<Trust>,
    certificate: Option<Certificate>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SignatureWord {
    Valid,
    Invalid,
    NotChecked,
}

fn signature(word: Option<&SignatureWord>, why: Option<String>, valid: bool) -> model::Signature {
    match word {
        Some(SignatureWord::Valid) => model::Signature::Valid,
        Some(SignatureWord::Invalid) => model::Signature::Invalid,
        Some(SignatureWord::NotChecked) => model::Signature::NotChecked {
            why: why.unwrap_or_default(),
        },
        None if valid => model::Signature::Valid,
        None => model::Signature::NotChecked {
            why: NOT_TOLD.to_owned(),
        },
    }
}

/// Of earlier versions.
const NOT_TOLD: &str =
    "the report does not tell a wrong signature from one that could not be checked";

#[derive(Deserialize)]
struct Trust {
    anchored: bool,
    state: Option<TrustWord>,
    by: Option<String>,
    why: Option<String>,
}

#[derive(PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum TrustWord {
    Anchored,
    NotAnchored,
    NotChecked,
}

impl From<Trust> for model::Trust {
    fn from(
        Trust {
            anchored,
            state,
            by,
            why,
        }: Trust,
    ) -> Self {
        let why = why.unwrap_or_default();
        match state {
            _ if anchored => Self::Anchored {
                by: by.unwrap_or_default(),
            },
            Some(TrustWord::NotChecked) => Self::NotChecked { why },
            _ => Self::NotAnchored { why },
        }
    }
}

/// What a handshake without SNI showed, or why there was none.
#[derive(Deserialize)]
pub(super) struct WithoutSni {
    tls: Option<Tls>,
    failure: Option<Failure>,
}

impl WithoutSni {
    pub(super) fn outcome(self) -> Option<Result<model::Handshake, model::Failure>> {
        let handshake = self.tls.map(|tls| Ok(tls.into()));
        handshake.or_else(|| self.failure.map(|failure| Err(failure.into())))
    }
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
    signature_algorithm: String,
    #[serde(default)]
    serial: String,
    #[serde(default)]
    sha256: String,
}

fn names(kept: Vec<String>, total: usize) -> NameList {
    NameList {
        total: total.max(kept.len()),
        kept,
    }
}

impl From<Tls> for model::Handshake {
    fn from(tls: Tls) -> Self {
        Self {
            version: tls.version,
            cipher: tls.cipher,
            alpn: tls.alpn,
            sni: tls.sni,
            client_certificate_requested: tls.client_certificate_requested,
            client_ca_names: names(
                tls.client_ca_names
                    .iter()
                    .map(|name| model::DistinguishedName::from(name.as_str()).to_string())
                    .collect(),
                tls.client_ca_names_total,
            ),
            signature: signature(
                tls.signature.as_ref(),
                tls.signature_why,
                tls.signature_valid,
            ),
            certificate: tls.certificate.map(Into::into),
            chain_length: tls.chain_length,
            trust: tls.trust.map(Into::into),
        }
    }
}

impl From<Certificate> for model::Certificate {
    fn from(certificate: Certificate) -> Self {
        let time = |Time(at)| at;
        Self {
            subject: certificate.subject.as_str().into(),
            issuer: certificate.issuer.as_str().into(),
            sans: names(certificate.sans, certificate.sans_total),
            not_before: certificate.not_before.map(time),
            not_after: certificate.not_after.map(time),
            key: certificate.key,
            signature_algorithm: certificate.signature_algorithm,
            serial: certificate.serial,
            sha256: certificate.sha256,
        }
    }
}
