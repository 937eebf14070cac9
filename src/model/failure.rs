//! What went wrong on the way to an answer. A failure is data about one endpoint, never an error.

use std::fmt;

use serde::{Deserialize, Serialize};
use strum::{VariantArray, VariantNames};

#[cfg(test)]
use super::serial::Clipped;
use super::serial::clipped;
use super::words;

/// The stage at which an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[derive(VariantNames)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[strum(serialize_all = "kebab-case")]
pub enum Stage {
    /// Resolving the name.
    Dns,
    /// Asking the proxy to connect.
    Proxy,
    /// Opening the TCP connection.
    Connect,
    /// The TLS handshake.
    Tls,
    /// Sending the request and reading the answer's head.
    Http,
    /// Reading the answer's body.
    Body,
    /// Inside kubeknock itself.
    Internal,
}

words!(Stage);

/// The kind of a failure. Unreachable endpoints are counted by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[derive(VariantArray, VariantNames)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[strum(serialize_all = "kebab-case")]
pub enum FailureKind {
    /// The port answered with a reset: nothing listens.
    Refused,
    /// No answer within the connect timeout.
    TimedOut,
    /// ICMP: no route to the host.
    HostUnreachable,
    /// ICMP: no route to the network.
    NetworkUnreachable,
    /// A packet filter refused (ICMP administratively prohibited). A firewall of this machine cannot be told from
    /// ICMP, and counts as the target's.
    Prohibited,
    /// The name does not exist (NXDOMAIN).
    NameNotFound,
    /// The name exists without an address of the requested family.
    NoAddress,
    /// The name server answered SERVFAIL, REFUSED or an invalid message.
    ResolverFailure,
    /// The name server did not answer in time.
    ResolverTimedOut,
    /// The proxy cannot be reached, requires credentials, or is not a proxy.
    Proxy,
    /// The peer reset the open connection.
    Reset,
    /// The peer closed the connection before it answered.
    Closed,
    /// TLS was expected, plain HTTP answered.
    PlainHttp,
    /// TLS was expected, something else answered.
    NotTls,
    /// The server requires a client certificate, and we never send one.
    ClientCertificateRequired,
    /// The handshake failed for another reason; the detail has the alert.
    Handshake,
    /// The answer is not HTTP, or breaks its limits.
    InvalidHttp,
    /// The time for the endpoint was over.
    Deadline,
    /// This machine ran out of descriptors, ports or buffers; the target is not the cause.
    #[serde(rename = "local-shortage")]
    #[strum(serialize = "local-shortage")]
    ResourcesExhausted,
    /// A defect in kubeknock; please report it.
    Panic,
    /// This machine has no route to the address, no address of its family, or a rule that forbids it.
    NoRoute,
    /// No name server is configured, or none answers or accepts a question.
    NoResolver,
    /// The proxy's rules forbid this target.
    ProxyRefused,
    /// The proxy tried and could not connect to the target.
    ProxyCouldNotConnect,
    /// The request was made only together with others, and no answer is certainly its own.
    NoneOfItsOwn,
}

words!(FailureKind, all);

impl FailureKind {
    /// Whether our own side failed, so that it says nothing of the target: this machine, its network,
    /// its name server, or the proxy.
    pub const fn is_own_side(self) -> bool {
        matches!(
            self,
            Self::ResourcesExhausted
                | Self::Panic
                | Self::NoRoute
                | Self::NoResolver
                | Self::Proxy
                | Self::ProxyRefused
        )
    }

    /// The kind as people read it in a sentence or a count (`440 refused`).
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::TimedOut => "timed out",
            Self::HostUnreachable => "host unreachable",
            Self::NetworkUnreachable => "network unreachable",
            Self::Prohibited => "prohibited",
            Self::NameNotFound => "name not found",
            Self::NoAddress => "no address",
            Self::ResolverFailure => "resolver failure",
            Self::ResolverTimedOut => "resolver timed out",
            Self::Proxy => "proxy failure",
            Self::Reset => "reset",
            Self::Closed => "closed without an answer",
            Self::PlainHttp => "plain HTTP on a TLS port",
            Self::NotTls => "not TLS",
            Self::ClientCertificateRequired => "client certificate required",
            Self::Handshake => "TLS handshake failed",
            Self::InvalidHttp => "invalid HTTP",
            Self::Deadline => "deadline",
            Self::ResourcesExhausted => "out of resources here",
            Self::Panic => "internal error",
            Self::NoRoute => "no route from this machine",
            Self::NoResolver => "no name server",
            Self::ProxyRefused => "refused by the proxy",
            Self::ProxyCouldNotConnect => "proxy could not connect",
            Self::NoneOfItsOwn => "no answer of its own",
        }
    }
}

/// What went wrong on the way to an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Failure {
    /// The stage that failed.
    pub stage: Stage,
    /// The kind of failure.
    pub kind: FailureKind,
    /// The error message of the failing layer; may be empty, and may have text from the network.
    #[serde(serialize_with = "clipped")]
    #[cfg_attr(test, schemars(with = "Clipped"))]
    pub detail: String,
}

impl Failure {
    /// Whether no connection was opened in time. Each further request would take the time of another connect.
    pub fn is_connect_timeout(&self) -> bool {
        self.stage == Stage::Connect && self.kind == FailureKind::TimedOut
    }

    /// A failure with its detail.
    pub fn new(stage: Stage, kind: FailureKind, detail: impl Into<String>) -> Self {
        Self {
            stage,
            kind,
            detail: detail.into(),
        }
    }

    /// Whether another attempt may succeed: after a timeout, a reset or an early close, never after an answer.
    pub const fn is_transient(&self) -> bool {
        matches!(
            self.kind,
            FailureKind::TimedOut
                | FailureKind::Reset
                | FailureKind::Closed
                | FailureKind::ResolverTimedOut
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.stage.as_str(), self.kind.phrase())?;
        if !self.detail.is_empty() {
            write!(f, " ({})", self.detail)?;
        }
        Ok(())
    }
}
