//! The files and roles of a server.

use super::authentication::AuthenticationFile;
use super::authorization::AuthorizationFile;
use super::rbac::Rbac;
use super::server::Server;

/// The files and roles that a server uses.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) server: &'a Server,
    pub(super) authentication: Option<&'a AuthenticationFile>,
    pub(super) authorization: Option<&'a AuthorizationFile>,
    /// The roles and bindings.
    pub(super) rbac: &'a Rbac,
    /// Whether the binding of a new cluster is among them, because the input is no dump of a cluster.
    pub(super) assumes_roles: bool,
}
