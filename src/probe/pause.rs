//! The pauses that overloaded servers ask for.

use std::time::Duration;

use tokio::time::Instant as Deadline;

use crate::config::MAX_PAUSE;
use crate::model::Exchange;

/// The pause that an overloaded server asks for before the next request.
pub(super) fn requested_pause(exchange: &Exchange) -> Option<Duration> {
    exchange
        .outcome
        .as_ref()
        .ok()
        .filter(|reply| reply.status == 429)?;
    exchange.asks_to_wait()
}

/// Waits. Returns `false` without waiting if the pause is longer than [`MAX_PAUSE`] or goes beyond the deadline.
pub(super) async fn wait(pause: Option<Duration>, deadline: Deadline) -> bool {
    let Some(pause) = pause else { return true };
    if pause > MAX_PAUSE || Deadline::now() + pause >= deadline {
        return false;
    }
    tokio::time::sleep(pause).await;
    true
}
