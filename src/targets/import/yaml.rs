//! YAML documents within bounds on size, depth and aliases.

use std::io::{self, Read};

use serde::de::DeserializeOwned;
use serde_saphyr::options::DuplicateKeyPolicy;
use serde_saphyr::{Options, Spanned};

use super::imported::Handler;
use crate::input;

/// The largest file that is read, in bytes.
const MAX_SIZE: u32 = 64 * 1024 * 1024;
/// The most events that aliases of a file may repeat.
const MAX_REPLAYED: usize = 50_000;
/// The most values that a file may have.
const MAX_NODES: usize = 4_000_000;

/// Reads all documents. A mistake is handed on with its place, and then there are none. The parser's message repeats the
/// file, so it is not shown.
///
/// # Errors
/// Reading failed.
pub(super) fn read<T: DeserializeOwned>(
    reader: impl Read,
    expected: &str,
    handle: Handler<'_>,
) -> Result<Option<Vec<T>>, (u32, io::Error)> {
    let text = match input::text(reader, MAX_SIZE) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            handle(1, Err(error.to_string().into()));
            return Ok(None);
        }
        Err(error) => return Err((1, error)),
    };
    let mut options = Options::default();
    options.with_snippet = false;
    options.duplicate_keys = DuplicateKeyPolicy::LastWins;
    options.alias_limits.max_total_replayed_events = MAX_REPLAYED;
    if let Some(budget) = &mut options.budget {
        (budget.max_events, budget.max_nodes) = (MAX_NODES * 2, MAX_NODES);
    }
    match serde_saphyr::from_multiple_with_options(&text, options) {
        Ok(documents) => Ok(Some(documents)),
        Err(error) => {
            let place = error.location();
            let line = place.map_or(1, |place| to_line(place.line()));
            let column = place.map_or(1, |place| place.column());
            let problem = format!("invalid YAML at character {column}: expected {expected}");
            handle(line, Err(problem.into()));
            Ok(None)
        }
    }
}

/// The line where a value begins.
pub(super) fn line<T>(value: &Spanned<T>) -> u32 {
    to_line(value.referenced.line())
}

fn to_line(line: u64) -> u32 {
    u32::try_from(line).unwrap_or(u32::MAX).max(1)
}
