//! How far a scan is, as the progress line shows it and `--stats-interval` prints it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::model::Verdict;

/// The progress of a scan. Serializes as the line that `--stats-interval` prints.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[serde(tag = "record", rename = "progress")]
pub struct Progress {
    /// Time since this run began.
    #[serde(rename = "elapsed_s", serialize_with = "seconds")]
    pub elapsed: Duration,
    /// Time that the remaining attempts take at the current rate; `None` if nothing has finished lately.
    #[serde(rename = "eta_s", serialize_with = "optional_seconds")]
    pub eta: Option<Duration>,
    /// Targets of this scan.
    pub targets: u64,
    /// Targets that were asked at least once, by this run or by an earlier one that it continues.
    pub done: u64,
    /// Retries that were made.
    #[serde(rename = "again_done")]
    pub retried: u64,
    /// Retries that are still to be made.
    #[serde(rename = "again_waiting")]
    pub to_retry: u64,
    /// Endpoints that are being asked now.
    pub in_flight: u64,
    /// Targets and retries per second, over the last seconds.
    #[serde(rename = "per_s")]
    pub rate: f64,
    /// The share of full speed that network and machine can take: 1 is full speed.
    pub level: f64,
    /// Attempts that timed out.
    pub timeouts: u64,
    /// Endpoints by verdict, in the order of [`Verdict::ALL`].
    #[serde(serialize_with = "by_verdict")]
    pub verdicts: [u64; Verdict::ALL.len()],
    /// Attempts that failed on our own side: this machine, its network, the name server or the proxy.
    #[serde(rename = "not_attempted")]
    pub own_side_failures: u64,
}

/// Seconds to the tenth.
fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((time.as_secs_f64() * 10.0).round() / 10.0)
}

#[expect(clippy::ref_option, reason = "serde passes references")]
fn optional_seconds<S: Serializer>(
    time: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => seconds(time, serializer),
        None => serializer.serialize_none(),
    }
}

fn by_verdict<S: Serializer>(
    counts: &[u64; Verdict::ALL.len()],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let by_word: BTreeMap<&str, u64> = Verdict::ALL
        .into_iter()
        .map(Verdict::as_str)
        .zip(*counts)
        .collect();
    by_word.serialize(serializer)
}
