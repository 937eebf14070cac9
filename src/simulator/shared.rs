//! What all connections of one running server share.

use std::sync::Arc;

use tokio_rustls::TlsAcceptor;

use super::answers::RequestCounts;
use super::scenario::Scenario;
use super::stats::Stats;

/// What all connections of one server share.
pub(super) struct Shared {
    pub(super) scenario: Arc<Scenario>,
    pub(super) acceptor: Option<TlsAcceptor>,
    pub(super) request_counts: RequestCounts,
    pub(super) stats: Stats,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("scenario", &self.scenario.name)
            .finish_non_exhaustive()
    }
}
