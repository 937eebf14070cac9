//! The signs that an identification rests on.

use serde::{Deserialize, Serialize};
use strum::VariantNames;

use super::words;

/// What sort of sign it is; each sort proves something of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[derive(VariantNames)]
#[strum(serialize_all = "kebab-case")]
pub enum ClueKind {
    /// A Kubernetes `Status` object.
    #[serde(rename = "status-object")]
    #[strum(serialize = "status-object")]
    Status,
    /// The fields of `/version`.
    VersionFields,
    /// Discovery documents or the root path list.
    Discovery,
    /// `Audit-Id`.
    AuditId,
    /// The flow-control headers.
    FlowControl,
    /// Subject and issuer of the serving certificate.
    ServingCertificate,
    /// The subject alternative names of the serving certificate.
    CertificateNames,
    /// The client-CA names in the TLS `CertificateRequest`, or that it names none.
    ClientCaNames,
    /// The certificate or the CA names shown to a client that sends no SNI, where they differ.
    WithoutServerName,
    /// The protocol that ALPN settled on.
    Alpn,
    /// The host name that was asked for, and the names it is an alias of.
    HostName,
    /// `Strict-Transport-Security`, which API servers send only where somebody set it.
    TransportSecurity,
    /// An answer that is a product's own.
    ProductAnswer,
    /// An API server's answers over plain HTTP.
    PlainHttp,
    /// A body or status that is another program's.
    ForeignAnswer,
    /// The `Server` header.
    ServerHeader,
    /// The port number.
    Port,
}

words!(ClueKind);

/// One sign, with what was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clue {
    /// What sort of sign.
    pub kind: ClueKind,
    /// What was seen, in words; may hold text from the network.
    pub seen: String,
}
