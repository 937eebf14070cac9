//! Stopping a scan before its end. The first reason given is the one that counts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

/// A handle that stops a scan. All clones stop the same scan.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    reason: Arc<OnceLock<String>>,
    failed: Arc<AtomicBool>,
    token: CancellationToken,
}

impl Stop {
    /// Stops the scan: no further target is started, those in flight are finished.
    pub fn stop(&self, reason: impl Into<String>) {
        // Only the first reason is kept.
        let _ = self.reason.set(reason.into());
        self.token.cancel();
    }

    /// Stops the scan because it cannot continue. Targets without an outcome count as not attempted.
    pub fn fail(&self, reason: impl Into<String>) {
        self.failed.store(true, Ordering::Relaxed);
        self.stop(reason);
    }

    /// Whether the scan could not continue.
    pub fn failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Whether the scan was stopped.
    pub(super) fn is_stopped(&self) -> bool {
        // The token has a lock, and this is asked before every connect.
        self.reason.get().is_some()
    }

    /// Returns once the scan is stopped.
    pub(super) async fn stopped(&self) {
        self.token.cancelled().await;
    }

    /// Why the scan was stopped, if it was.
    pub fn reason(&self) -> Option<String> {
        self.reason.get().cloned()
    }
}
