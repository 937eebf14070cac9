//! The errors that keep a scan from starting. A failure of one endpoint is not such an error: it is a
//! [`Failure`](crate::model::Failure) in that endpoint's record.

use std::net::SocketAddr;

/// Why a scan cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting is out of range.
    #[error("{setting}: {problem}")]
    Config {
        /// The setting's name as on the command line, without dashes.
        setting: &'static str,
        /// What is wrong and how to fix it.
        problem: String,
    },
    /// The system's resolver configuration cannot be read, so no name can be resolved.
    #[error("cannot read the system's resolver configuration: {0}")]
    ResolverConfig(String),
    /// Addresses are excluded, but the proxy resolves the names.
    #[error(
        "cannot exclude addresses with a socks5h:// proxy: it resolves names, so their addresses are unknown; exclude \
         names, or use socks5://"
    )]
    ExcludedUnknown,
    /// Only some addresses are allowed, but the proxy resolves the names.
    #[error(
        "cannot allow addresses with a socks5h:// proxy: it resolves names, so their addresses are unknown; allow \
         names, or use socks5://"
    )]
    AllowedUnknown,
    /// The resolver could not be set up for this server.
    #[error("cannot use {0} as name server: {1}")]
    Resolver(SocketAddr, String),
    /// The TLS library rejected its own settings, which is a bug.
    #[error("cannot set up TLS: {0}")]
    Tls(String),
}
