//! Stopping a scan before its end: whoever says it first gives the reason.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

/// A handle that stops a scan; all clones are one.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    reason: Arc<OnceLock<String>>,
    failed: Arc<AtomicBool>,
    token: CancellationToken,
}

impl Stop {
    /// Stops: no target is started any more, those in flight are finished.
    pub fn stop(&self, reason: impl Into<String>) {
        // A second reason changes nothing.
        let _ = self.reason.set(reason.into());
        self.token.cancel();
    }

    /// Stops because the scan cannot go on: as [`Self::stop`], and what has no outcome then was not
    /// attempted.
    pub fn fail(&self, reason: impl Into<String>) {
        self.failed.store(true, Ordering::Relaxed);
        self.stop(reason);
    }

    /// Whether the scan could not go on: what has no outcome is for a later run.
    pub fn failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Whether it was stopped.
    pub(super) fn is_stopped(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Returns when somebody has stopped it.
    pub(super) async fn stopped(&self) {
        self.token.cancelled().await;
    }

    /// Why it was stopped, if it was.
    pub fn reason(&self) -> Option<String> {
        self.reason.get().cloned()
    }
}
