//! What the JSON formats look like. Every object has all of its keys: `null`, never absent.
//!
//! These types are the format and `docs/report.schema.json` describes it; a test holds the two
//! together. The model may change freely behind them.

mod change;
mod coverage;
mod endpoint;
mod finding;
mod identification;
mod request;
mod scan;
mod tls;

use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;

pub(crate) use change::Change;
pub(crate) use coverage::{Coverage, Summary};
pub(crate) use endpoint::Endpoint;
pub(crate) use finding::Finding;
pub(crate) use scan::{Scan, Tool};

use crate::escape::clip;

/// Characters of a text from the network that are kept; the last is `…` where some were cut.
const TEXT: usize = 1024;

fn text(text: &str) -> Cow<'_, str> {
    clip(text, TEXT)
}

fn texts(texts: &[String]) -> Vec<Cow<'_, str>> {
    texts.iter().map(|t| text(t)).collect()
}

/// RFC 3339, UTC, milliseconds.
pub(crate) fn time(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// Milliseconds with a precision of one microsecond.
fn ms(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// A setting in whole milliseconds.
fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_durations() {
        assert_eq!(
            time("2026-10-01T08:00:00.1234567Z".parse().unwrap()),
            "2026-10-01T08:00:00.123Z"
        );
        assert_eq!(
            time("2026-10-01T08:00:00Z".parse().unwrap()),
            "2026-10-01T08:00:00.000Z"
        );
        for (nanoseconds, written) in [
            (0, "0.0"),
            (1_234_567, "1.235"),
            (10_000_000_001, "10000.0"),
        ] {
            assert_eq!(
                serde_json::to_string(&ms(Duration::from_nanos(nanoseconds))).unwrap(),
                written
            );
        }
        assert_eq!(whole_ms(Duration::MAX), u64::MAX);
    }
}
