//! What is known of one target: its last answers, and the probes that run.

use std::sync::Arc;
use std::time::Instant;

use futures_util::future::{BoxFuture, WeakShared};
use parking_lot::Mutex;

use super::answered::Answered;
use super::probe_result::ProbeResult;

/// A probe that everybody who waits for it shares. It ends with the last of them.
pub(super) type Running = WeakShared<BoxFuture<'static, Arc<ProbeResult>>>;

/// What is known of a target. A new list with the same target takes it over.
#[derive(Default)]
pub(super) struct Known {
    /// Held by the probe that runs.
    turn: tokio::sync::Mutex<()>,
    /// The module of that probe.
    running: Mutex<Option<Module>>,
    /// The endpoints that have had a verdict.
    pub(super) answered: Mutex<Answered>,
    plain: Mutex<Slot>,
    deep: Mutex<Slot>,
}

/// The last answer of one module, and the probe that runs.
#[derive(Default)]
pub(super) struct Slot {
    pub(super) last: Option<Arc<ProbeResult>>,
    /// When a scrape was last answered without a result, because its time was over first.
    pub(super) timed_out: Option<Instant>,
    pub(super) running: Option<Running>,
}

/// The turn of one probe, until it is dropped.
pub(super) struct Turn<'a> {
    known: &'a Known,
    _lock: tokio::sync::MutexGuard<'a, ()>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.known.running.lock() = None;
    }
}

/// What a probe requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Module {
    /// The usual requests.
    Plain,
    /// Those of `--deep` too.
    Deep,
}

impl Known {
    pub(super) fn slot(&self, module: Module) -> &Mutex<Slot> {
        match module {
            Module::Plain => &self.plain,
            Module::Deep => &self.deep,
        }
    }

    /// Waits for the turn of a probe: one runs at a time, of whatever module.
    pub(super) async fn turn(&self, module: Module) -> Turn<'_> {
        let lock = self.turn.lock().await;
        *self.running.lock() = Some(module);
        Turn {
            known: self,
            _lock: lock,
        }
    }

    /// Whether a probe of the other module runs.
    pub(super) fn is_turn_of_other(&self, module: Module) -> bool {
        self.running.lock().is_some_and(|running| running != module)
    }

    /// When a scrape was last answered without a result, of whatever module.
    pub(super) fn timed_out(&self) -> Option<Instant> {
        let slots = [Module::Plain, Module::Deep].map(|module| self.slot(module));
        slots
            .into_iter()
            .filter_map(|slot| slot.lock().timed_out)
            .max()
    }

    /// The answer of the latest probe, of whatever module.
    pub(super) fn last(&self) -> Option<Arc<ProbeResult>> {
        let slots = [Module::Plain, Module::Deep].map(|module| self.slot(module));
        let last = slots
            .into_iter()
            .filter_map(|slot| slot.lock().last.clone());
        last.max_by_key(|result| result.finished)
    }
}
