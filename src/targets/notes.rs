//! What is worth saying about a list that is no error.

use std::sync::Arc;

use crate::model::Origin;

/// Notes of one kind that are kept; the rest is counted.
const MAX_NOTES: u64 = 1000;

/// Something that was understood otherwise than it was written, or is there twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The line it is about.
    pub origin: Arc<Origin>,
    /// What there is to say.
    pub text: String,
    /// Whether it is for verbose output only.
    pub verbose: bool,
}

/// Collects notes, of each kind the first ones in full and the rest as a number.
#[derive(Debug, Default)]
pub(super) struct Notes {
    kept: Vec<Note>,
    always: Count,
    verbose: Count,
}

#[derive(Debug, Default)]
struct Count {
    said: u64,
    last: Option<Arc<Origin>>,
}

impl Notes {
    pub(super) fn push(&mut self, origin: &Arc<Origin>, text: String, verbose: bool) {
        let count = if verbose {
            &mut self.verbose
        } else {
            &mut self.always
        };
        count.said += 1;
        if count.said <= MAX_NOTES {
            self.kept.push(Note {
                origin: Arc::clone(origin),
                text,
                verbose,
            });
        } else {
            count.last = Some(Arc::clone(origin));
        }
    }

    pub(super) fn finish(self) -> Vec<Note> {
        let mut notes = self.kept;
        for (count, verbose) in [(self.always, false), (self.verbose, true)] {
            if let Some(origin) = count.last {
                let text = format!(
                    "{} more notes like these, this line's the last",
                    count.said - MAX_NOTES
                );
                notes.push(Note {
                    origin,
                    text,
                    verbose,
                });
            }
        }
        notes
    }
}
