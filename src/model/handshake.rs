//! TLS facts. The chain is recorded and judged by nobody: an API server's certificate is usually
//! signed by the cluster's own CA.

use jiff::Timestamp;

use super::DistinguishedName;

/// A bounded list of strings from the network: the first ones, and how many there were.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NameList {
    /// The ones kept.
    pub kept: Vec<String>,
    /// How many there were.
    pub total: usize,
}

impl NameList {
    /// How many are kept of any list.
    pub const KEPT: usize = 64;

    /// Keeps the first [`Self::KEPT`] names, each cut to 256 characters, and counts the rest.
    pub fn collect(names: impl IntoIterator<Item = String>) -> Self {
        let mut out = Self::default();
        for name in names {
            if out.kept.len() < Self::KEPT {
                out.kept.push(name.chars().take(256).collect());
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

/// What one completed TLS handshake showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handshake {
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: String,
    /// Cipher suite by its IANA name.
    pub cipher: String,
    /// The protocol the server chose by ALPN.
    pub alpn: Option<String>,
    /// The name we sent as SNI.
    pub sni: Option<String>,
    /// Whether the server asked for a client certificate.
    pub client_certificate_requested: bool,
    /// The CA names it would accept, written as RFC 4514: visible also when every path answers 401.
    pub client_ca_names: NameList,
    /// Whether the peer proved that it holds the certificate's key.
    pub signature: Signature,
    /// The serving certificate; `None` when it could not be parsed.
    pub certificate: Option<Certificate>,
    /// Certificates in the chain that was sent.
    pub chain_length: usize,
    /// Whether the chain ends at a CA that the user gave (`--ca-file`); `None` if none was given.
    pub trust: Option<Trust>,
}

/// What the handshake's signature says of the peer: whether it holds the key of the certificate that it
/// shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signature {
    /// It holds the key.
    Valid,
    /// The signature is not of that key.
    Invalid,
    /// Nobody could tell.
    NotChecked {
        /// What stood in the way.
        why: String,
    },
}

impl Signature {
    /// The word in reports.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::NotChecked { .. } => "not-checked",
        }
    }
}

/// What a CA given by the user says about the serving chain: the right server, or something in
/// between. Never a reason to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// The chain ends at this CA.
    Anchored {
        /// Its subject.
        by: String,
    },
    /// It ends at none of them, or its key is not there.
    NotAnchored {
        /// What is wrong with it.
        why: String,
    },
    /// Nobody could tell: nothing is held against the server.
    NotChecked {
        /// What stood in the way.
        why: String,
    },
}

impl Trust {
    /// The word in reports.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Anchored { .. } => "anchored",
            Self::NotAnchored { .. } => "not-anchored",
            Self::NotChecked { .. } => "not-checked",
        }
    }
}

/// The serving certificate's facts.
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
    pub key: String,
    /// The algorithm of the issuer's signature: `sha256WithRSAEncryption`, `ecdsa-with-SHA256`.
    pub signature_algorithm: String,
    /// Serial number in lower-case hexadecimal.
    pub serial: String,
    /// SHA-256 of the DER in lower-case hexadecimal.
    pub sha256: String,
}
