//! Warnings about a target list.

use std::sync::Arc;

use crate::model::Origin;

/// Warnings of each kind that are kept; the rest is counted.
const MAX_WARNINGS: u64 = 1000;

/// A line that is interpreted differently from how it is written, or that repeats a target.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Warning {
    /// The line.
    pub origin: Arc<Origin>,
    /// The warning.
    pub text: String,
    /// Whether only verbose output shows it.
    pub verbose: bool,
}

/// Collects warnings: the first of each kind, and the number of the rest.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    kept: Vec<Warning>,
    normal: Count,
    verbose: Count,
}

#[derive(Debug, Default)]
struct Count {
    all: u64,
    /// The origin of the last one that was not kept.
    last: Option<Arc<Origin>>,
}

impl Warnings {
    /// Adds a warning.
    pub(super) fn push(&mut self, origin: &Arc<Origin>, text: impl Into<String>) {
        self.add(origin, text.into(), false);
    }

    /// Adds a warning for verbose output.
    pub(super) fn push_verbose(&mut self, origin: &Arc<Origin>, text: impl Into<String>) {
        self.add(origin, text.into(), true);
    }

    fn add(&mut self, origin: &Arc<Origin>, text: String, verbose: bool) {
        let count = if verbose {
            &mut self.verbose
        } else {
            &mut self.normal
        };
        count.all += 1;
        let origin = Arc::clone(origin);
        if count.all <= MAX_WARNINGS {
            self.kept.push(Warning {
                origin,
                text,
                verbose,
            });
        } else {
            count.last = Some(origin);
        }
    }

    pub(super) fn finish(self) -> Vec<Warning> {
        let mut warnings = self.kept;
        for (count, verbose) in [(self.normal, false), (self.verbose, true)] {
            if let Some(origin) = count.last {
                let more = count.all - MAX_WARNINGS;
                warnings.push(Warning {
                    origin,
                    text: format!("{more} more warnings like these, the last for this line"),
                    verbose,
                });
            }
        }
        warnings
    }
}
