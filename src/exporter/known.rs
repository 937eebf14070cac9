//! What is known of one target: its last answers, and the probes that run.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, WeakShared};
use parking_lot::Mutex;

use super::answered::Answered;
use super::probe_result::ProbeResult;

/// How old an answer may be that counts beside or instead of a newer one. Prometheus itself serves the last value of a series
/// for this long.
pub(super) const MAX_AGE: Duration = Duration::from_mins(5);

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
    /// What stays known if the target has other ports or another address: those that it has left are no longer missed.
    pub(super) fn elsewhere(&self) -> Self {
        Self {
            answered: Mutex::new(self.answered.lock().clone()),
            ..Self::default()
        }
    }

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

    /// The last answer, of whatever module. A worse verdict of the other module, not much earlier, counts instead: the
    /// modules ask different things, so a better verdict of one proves nothing against it.
    pub(super) fn last(&self) -> Option<Arc<ProbeResult>> {
        let last = |module| self.slot(module).lock().last.clone();
        let (one, other) = match (last(Module::Plain), last(Module::Deep)) {
            (Some(one), Some(other)) => (one, other),
            (one, other) => return one.or(other),
        };
        let (earlier, later) = if one.finished < other.finished {
            (one, other)
        } else {
            (other, one)
        };
        let conclusive =
            |result: &ProbeResult| result.verdict.filter(|verdict| verdict.is_conclusive());
        let is_worse = (conclusive(&earlier).zip(conclusive(&later)))
            .is_some_and(|(earlier, later)| earlier < later);
        let is_fresh = later.finished.duration_since(earlier.finished) < MAX_AGE;
        Some(if is_worse && is_fresh { earlier } else { later })
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::answered::Whereabouts;
    use super::*;
    use crate::model::Verdict;
    use crate::policy::Policy;
    use crate::targets::{TargetOptions, TargetSetBuilder};

    /// A worse verdict of the other module counts for five minutes, unless nothing is known any more.
    #[test]
    fn the_last_answer_hides_no_worse_one_that_is_as_fresh() {
        let mut builder = TargetSetBuilder::new(TargetOptions::default());
        builder.argument("192.0.2.1");
        let set = builder.build().unwrap();
        let moment = (Instant::now(), Timestamp::now());
        let (spec, policy) = (&set.specs()[0], Policy::default());
        let answer = ProbeResult::new(spec, &[], &Whereabouts::default(), &policy, moment);
        let (soon, late) = (Duration::from_mins(4), Duration::from_mins(6));
        for (earlier, later, age, shown) in [
            (Verdict::Exposed, Verdict::Forbidden, soon, Verdict::Exposed),
            (
                Verdict::Exposed,
                Verdict::Forbidden,
                late,
                Verdict::Forbidden,
            ),
            (Verdict::Forbidden, Verdict::Exposed, soon, Verdict::Exposed),
            (
                Verdict::Exposed,
                Verdict::Unreachable,
                soon,
                Verdict::Unreachable,
            ),
            (
                Verdict::Inconclusive,
                Verdict::Unreachable,
                soon,
                Verdict::Unreachable,
            ),
        ] {
            for [first, then] in [[Module::Plain, Module::Deep], [Module::Deep, Module::Plain]] {
                let known = Known::default();
                for (module, verdict, age) in [(first, earlier, Duration::ZERO), (then, later, age)]
                {
                    known.slot(module).lock().last = Some(Arc::new(ProbeResult {
                        verdict: Some(verdict),
                        finished: moment.0 + age,
                        ..answer.clone()
                    }));
                }
                let last = known.last().and_then(|last| last.verdict);
                assert_eq!(last, Some(shown), "{earlier}, {then:?} {later}, {age:?}");
            }
        }
    }
}
