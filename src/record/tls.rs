//! What a TLS handshake showed.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::model::{self, Clipped, DistinguishedName, Failure, NameList, Time};

/// What a complete TLS handshake showed.
#[derive(Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Tls<'a> {
    /// `TLSv1.2` or `TLSv1.3`.
    version: Cow<'a, str>,
    /// The cipher suite, by its IANA name.
    cipher: Cow<'a, str>,
    /// The protocol that the server chose by ALPN; null if it chose none.
    alpn: Option<Clipped<'a>>,
    /// The name sent as SNI; null if none was sent.
    sni: Option<Cow<'a, str>>,
    /// Whether the server asked for a client certificate.
    client_certificate_requested: bool,
    /// The CAs whose client certificates the server accepts: the first 64, each a distinguished name as in RFC 4514.
    #[cfg_attr(test, schemars(length(max = NameList::KEPT)))]
    pub(super) client_ca_names: Vec<Clipped<'a>>,
    /// The number of CA names.
    client_ca_names_total: usize,
    /// Whether the handshake's signature proves that the server holds the certificate's key. False also if it
    /// could not be checked; see `signature`.
    pub(super) signature_valid: bool,
    /// Whether the server holds the certificate's key (`valid`), does not (`invalid`), or the signature could not
    /// be checked, which proves nothing.
    #[cfg_attr(test, schemars(with = "SignatureWord"))]
    pub(super) signature: Option<SignatureWord>,
    /// Why the signature could not be checked; null if it was checked.
    pub(super) signature_why: Option<Clipped<'a>>,
    /// The number of certificates in the chain.
    chain_length: usize,
    /// Whether the chain ends at a CA from `--ca-file`; null without that option.
    trust: Option<Trust<'a>>,
    /// The same for a CA that an inventory declares; null if none declares one.
    #[serde(default)]
    declared_trust: Option<Trust<'a>>,
    /// The server's certificate; null if it could not be parsed.
    certificate: Option<Certificate<'a>>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
pub(super) enum SignatureWord {
    Valid,
    Invalid,
    NotChecked,
}

impl<'a> From<&'a model::Handshake> for Tls<'a> {
    fn from(handshake: &'a model::Handshake) -> Self {
        let (signature, signature_why) = match &handshake.signature {
            model::Signature::Valid => (SignatureWord::Valid, None),
            model::Signature::Invalid => (SignatureWord::Invalid, None),
            model::Signature::NotChecked { why } => (SignatureWord::NotChecked, Some(why)),
        };
        Self {
            version: (&*handshake.version).into(),
            cipher: (&*handshake.cipher).into(),
            alpn: handshake.alpn.as_deref().map(Into::into),
            sni: handshake.sni.as_deref().map(Into::into),
            client_certificate_requested: handshake.client_certificate_requested,
            client_ca_names: texts(&handshake.client_ca_names),
            client_ca_names_total: handshake.client_ca_names.total,
            signature_valid: handshake.signature == model::Signature::Valid,
            signature: Some(signature),
            signature_why: signature_why.map(|why| why.as_str().into()),
            chain_length: handshake.chain_length,
            trust: handshake.trust.as_ref().map(Trust::from),
            declared_trust: handshake.declared_trust.as_ref().map(Trust::from),
            certificate: handshake.certificate.as_ref().map(Certificate::from),
        }
    }
}

impl From<Tls<'_>> for model::Handshake {
    fn from(tls: Tls<'_>) -> Self {
        Self {
            version: tls.version.into_owned().into(),
            cipher: tls.cipher.into_owned().into(),
            alpn: tls.alpn.map(|alpn| String::from(alpn).into()),
            sni: tls.sni.map(Cow::into_owned),
            client_certificate_requested: tls.client_certificate_requested,
            client_ca_names: name_list(tls.client_ca_names, tls.client_ca_names_total),
            signature: match tls.signature {
                Some(SignatureWord::Valid) => model::Signature::Valid,
                Some(SignatureWord::Invalid) => model::Signature::Invalid,
                Some(SignatureWord::NotChecked) | None => model::Signature::NotChecked {
                    why: tls.signature_why.map(Into::into).unwrap_or_default(),
                },
            },
            certificate: tls.certificate.map(Into::into),
            chain_length: tls.chain_length,
            trust: tls.trust.map(Into::into),
            declared_trust: tls.declared_trust.map(Into::into),
        }
    }
}

fn texts(names: &NameList) -> Vec<Clipped<'_>> {
    names.kept.iter().map(|name| name.as_str().into()).collect()
}

fn name_list(kept: Vec<Clipped<'_>>, total: usize) -> NameList {
    NameList {
        total: total.max(kept.len()),
        kept: kept.into_iter().map(Into::into).collect(),
    }
}

/// Whether the chain ends at a known CA.
#[derive(Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Trust<'a> {
    /// Whether it does.
    anchored: bool,
    /// The same in a word; `not-checked` if the chain could not be checked, which proves nothing.
    #[cfg_attr(test, schemars(with = "TrustWord"))]
    state: Option<TrustWord>,
    /// The subject of that CA; null if the chain does not end at one.
    by: Option<Clipped<'a>>,
    /// What is wrong with the chain, or why it could not be checked; null if it is anchored.
    why: Option<Clipped<'a>>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
enum TrustWord {
    Anchored,
    NotAnchored,
    NotChecked,
}

impl<'a> From<&'a model::Trust> for Trust<'a> {
    fn from(trust: &'a model::Trust) -> Self {
        let (state, by, why) = match trust {
            model::Trust::Anchored { by } => (TrustWord::Anchored, Some(by), None),
            model::Trust::NotAnchored { why } => (TrustWord::NotAnchored, None, Some(why)),
            model::Trust::NotChecked { why } => (TrustWord::NotChecked, None, Some(why)),
        };
        Self {
            anchored: by.is_some(),
            state: Some(state),
            by: by.map(|by| by.as_str().into()),
            why: why.map(|why| why.as_str().into()),
        }
    }
}

impl From<Trust<'_>> for model::Trust {
    fn from(trust: Trust<'_>) -> Self {
        let text = |text: Option<Clipped<'_>>| text.map(String::from).unwrap_or_default();
        match trust.state {
            _ if trust.anchored => Self::Anchored { by: text(trust.by) },
            Some(TrustWord::NotChecked) => Self::NotChecked {
                why: text(trust.why),
            },
            _ => Self::NotAnchored {
                why: text(trust.why),
            },
        }
    }
}

/// A handshake without SNI, or its failure.
#[derive(Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct WithoutSni<'a> {
    /// The handshake; null if it failed.
    pub(super) tls: Option<Tls<'a>>,
    /// Why it failed; null if it did not.
    failure: Option<Cow<'a, Failure>>,
}

impl<'a> From<&'a Result<Box<model::Handshake>, Failure>> for WithoutSni<'a> {
    fn from(outcome: &'a Result<Box<model::Handshake>, Failure>) -> Self {
        Self {
            tls: outcome.as_deref().ok().map(Tls::from),
            failure: outcome.as_ref().err().map(Cow::Borrowed),
        }
    }
}

impl WithoutSni<'_> {
    pub(super) fn into_outcome(self) -> Option<Result<Box<model::Handshake>, Failure>> {
        let handshake = self.tls.map(|tls| Ok(Box::new(tls.into())));
        handshake.or_else(|| self.failure.map(|failure| Err(failure.into_owned())))
    }
}

/// The server's certificate. It is recorded and not judged: usually the cluster's own CA signed it.
#[derive(Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Certificate<'a> {
    /// The subject as in RFC 4514, most specific first.
    subject: Clipped<'a>,
    /// The issuer as in RFC 4514, most specific first.
    issuer: Clipped<'a>,
    /// The first 64 subject alternative names: DNS names and addresses.
    #[cfg_attr(test, schemars(length(max = NameList::KEPT)))]
    sans: Vec<Clipped<'a>>,
    /// The number of subject alternative names.
    sans_total: usize,
    /// Start of the validity; null if it could not be read.
    not_before: Option<Time>,
    /// End of the validity; null if it could not be read.
    not_after: Option<Time>,
    /// Key algorithm and size: `RSA 2048`.
    key: Clipped<'a>,
    /// The algorithm of the issuer's signature.
    #[serde(default)]
    signature_algorithm: Clipped<'a>,
    /// The serial number in lower-case hexadecimal.
    serial: Clipped<'a>,
    /// SHA-256 of the certificate's DER encoding in lower-case hexadecimal.
    #[cfg_attr(test, schemars(regex(pattern = r"^[0-9a-f]{64}$")))]
    sha256: Cow<'a, str>,
}

impl<'a> From<&'a model::Certificate> for Certificate<'a> {
    fn from(certificate: &'a model::Certificate) -> Self {
        Self {
            subject: (&*certificate.subject).into(),
            issuer: (&*certificate.issuer).into(),
            sans: texts(&certificate.sans),
            sans_total: certificate.sans.total,
            not_before: certificate.not_before.map(Time),
            not_after: certificate.not_after.map(Time),
            key: (&*certificate.key).into(),
            signature_algorithm: (&*certificate.signature_algorithm).into(),
            serial: certificate.serial.as_str().into(),
            sha256: certificate.sha256.as_str().into(),
        }
    }
}

impl From<Certificate<'_>> for model::Certificate {
    fn from(certificate: Certificate<'_>) -> Self {
        let name = |text: Clipped<'_>| DistinguishedName::from(&*text);
        Self {
            subject: name(certificate.subject),
            issuer: name(certificate.issuer),
            sans: name_list(certificate.sans, certificate.sans_total),
            not_before: certificate.not_before.map(|Time(at)| at),
            not_after: certificate.not_after.map(|Time(at)| at),
            key: String::from(certificate.key).into(),
            signature_algorithm: String::from(certificate.signature_algorithm).into(),
            serial: certificate.serial.into(),
            sha256: certificate.sha256.into_owned(),
        }
    }
}
