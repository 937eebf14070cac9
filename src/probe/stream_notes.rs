//! What a stream notes about the bytes that pass through it, shared with the connection on top of it.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::model::Failure;

/// A shared handle to the notes of one stream.
#[derive(Debug, Clone, Default)]
pub(super) struct StreamNotes(Arc<Mutex<Notes>>);

/// The notes themselves.
#[derive(Debug, Clone, Default)]
pub(super) struct Notes {
    /// How TLS failed, if it did.
    pub(super) tls_failure: Option<Failure>,
    /// Whether the last status line said HTTP/1.0.
    pub(super) http10: bool,
    /// Whether the last response has a header that some readers take for `Content-Length` or
    /// `Transfer-Encoding` and others do not.
    pub(super) ambiguous: bool,
}

impl StreamNotes {
    /// Changes the notes.
    pub(super) fn update(&self, change: impl FnOnce(&mut Notes)) {
        change(&mut self.0.lock());
    }

    /// The notes so far.
    pub(super) fn get(&self) -> Notes {
        self.0.lock().clone()
    }
}
