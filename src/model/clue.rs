//! The signs that an identification rests on.

use serde::{Deserialize, Serialize};
use strum::VariantNames;

#[cfg(test)]
use super::serial::Clipped;
use super::serial::clipped;
use super::words;

/// The kind of a clue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[derive(VariantNames)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
    /// The CA names in the TLS `CertificateRequest`, or their absence.
    ClientCaNames,
    /// The certificate or the CA names for a client without SNI, if they differ.
    WithoutServerName,
    /// The protocol chosen by ALPN.
    Alpn,
    /// The host name, and the names that it is an alias of.
    HostName,
    /// `Strict-Transport-Security`, which API servers send only if they are configured to.
    TransportSecurity,
    /// An answer that only one product gives.
    ProductAnswer,
    /// An API server's answers over plain HTTP.
    PlainHttp,
    /// A body or status of another program.
    ForeignAnswer,
    /// The `Server` header.
    ServerHeader,
    /// The port number.
    Port,
}

words!(ClueKind);

/// One clue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Clue {
    /// The kind of clue.
    pub kind: ClueKind,
    /// What was seen; may have text from the network.
    #[serde(serialize_with = "clipped")]
    #[cfg_attr(test, schemars(with = "Clipped"))]
    pub seen: String,
}
