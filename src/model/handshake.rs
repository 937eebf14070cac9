//! Facts about TLS. The certificate chain is recorded and not judged, because usually the cluster's own CA signed it.

use jiff::Timestamp;

use super::{DistinguishedName, Text};

/// A bounded list of strings from the network: the first ones and the number of all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NameList {
    /// The first ones.
    pub kept: Vec<String>,
    /// The number of all.
    pub total: usize,
}

impl NameList {
    /// The number of strings that a list keeps.
    pub const KEPT: usize = 64;
    /// The most characters of a name that are kept.
    pub const CHARACTERS: usize = 256;

    /// Keeps the first [`Self::KEPT`] names, each cut to [`Self::CHARACTERS`], and counts the rest.
    pub fn collect(names: impl IntoIterator<Item = String>) -> Self {
        let names = names.into_iter();
        let (_, most) = names.size_hint();
        let mut out = Self {
            kept: Vec::with_capacity(most.unwrap_or_default().min(Self::KEPT)),
            total: 0,
        };
        for mut name in names {
            if out.kept.len() < Self::KEPT {
                // A name has no more characters than bytes.
                if name.len() > Self::CHARACTERS
                    && let Some((end, _)) = name.char_indices().nth(Self::CHARACTERS)
                {
                    name.truncate(end);
                }
                out.kept.push(name);
            }
            out.total += 1;
        }
        out
    }

    /// Whether a kept name satisfies `test`.
    pub fn any(&self, test: impl Fn(&str) -> bool) -> bool {
        self.kept.iter().any(|name| test(name))
    }
}

/// What a complete TLS handshake showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handshake {
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: Text,
    /// Cipher suite by its IANA name.
    pub cipher: Text,
    /// The protocol that the server chose by ALPN.
    pub alpn: Option<Text>,
    /// The name sent as SNI.
    pub sni: Option<String>,
    /// Whether the server asked for a client certificate.
    pub client_certificate_requested: bool,
    /// The CAs whose client certificates the server accepts, as in RFC 4514. They are visible even if every path answers
    /// 401.
    pub client_ca_names: NameList,
    /// Whether the server holds the certificate's key.
    pub signature: Signature,
    /// The serving certificate; `None` when it could not be parsed.
    pub certificate: Option<Certificate>,
    /// The number of certificates in the chain.
    pub chain_length: usize,
    /// Whether the chain ends at a CA from `--ca-file`; `None` without that option.
    pub trust: Option<Trust>,
    /// Whether the chain ends at a CA that an inventory declares; `None` if none declares one.
    pub declared_trust: Option<Trust>,
}

/// Whether the handshake's signature proves that the server holds the key of its certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signature {
    /// It does.
    Valid,
    /// The signature is of another key.
    Invalid,
    /// It could not be checked.
    NotChecked {
        /// Why not.
        why: String,
    },
}

/// Whether the chain ends at a known CA: it is the right server, or something in between. The probe continues
/// in any case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// The chain ends at this CA.
    Anchored {
        /// Its subject.
        by: String,
    },
    /// The chain does not end at one of these CAs.
    NotAnchored {
        /// What is wrong with the chain.
        why: String,
    },
    /// The chain could not be checked, which proves nothing.
    NotChecked {
        /// Why not.
        why: String,
    },
}

/// The server's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The subject.
    pub subject: DistinguishedName,
    /// The issuer.
    pub issuer: DistinguishedName,
    /// Subject alternative names: DNS names in lower case, addresses as text.
    pub sans: NameList,
    /// Valid from.
    pub not_before: Option<Timestamp>,
    /// Valid until.
    pub not_after: Option<Timestamp>,
    /// Key algorithm and size: `RSA 2048`, `EC P-256`, `Ed25519`.
    pub key: Text,
    /// The algorithm of the issuer's signature: `sha256WithRSAEncryption`, `ecdsa-with-SHA256`.
    pub signature_algorithm: Text,
    /// Serial number in lower-case hexadecimal.
    pub serial: String,
    /// SHA-256 of the DER in lower-case hexadecimal.
    pub sha256: String,
}
