//! The few things that stop a scan before it starts. What one endpoint did is never an error: it is
//! a [`Failure`](crate::model::Failure) in that endpoint's record.

use std::net::SocketAddr;

/// Why a scan cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting is out of range: which one, and what would do.
    #[error("{setting}: {problem}")]
    Config {
        /// The setting's name as on the command line, without dashes.
        setting: &'static str,
        /// What is wrong and how to mend it.
        problem: String,
    },
    /// The system's resolver configuration cannot be read: no name can be resolved.
    #[error("cannot read the system's resolver configuration: {0}")]
    ResolverConfig(String),
    /// Addresses are excluded, and nobody here would know them: the proxy resolves the names.
    #[error(
        "addresses are excluded, and which addresses a name has is not known where the proxy resolves it (socks5h://); exclude names, or have them resolved here with socks5://"
    )]
    ExcludedUnknown,
    /// The resolver could not be set up for this server.
    #[error("cannot use {0} as name server: {1}")]
    Resolver(SocketAddr, String),
    /// The TLS library refused its own settings; a defect.
    #[error("cannot set up TLS: {0}")]
    Tls(#[from] rustls::Error),
}
