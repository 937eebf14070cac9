//! What an anonymous caller may do: per request, then per endpoint.
//!
//! ```text
//! Observation + Identification ─ access ──→ how far each request came
//!                              ─ recheck ─→ whether to probe once more before the verdict counts
//!                              ─ verdict ─→ the first rule that holds, and its sentence
//!                              ─ grants ──→ everything that is open, graded
//! ```
//!
//! Pure functions. `docs/architecture.md`, "Verdicts", has the rules in the order in which they are tried.

mod access;
mod grants;
mod recheck;
mod verdict;

use std::sync::Arc;

use crate::model::{Assessment, Identification, JudgedRequest, Observation, unanswered_text};

/// What the observation of one endpoint proves.
pub fn assess(observation: &Observation, identification: &Identification) -> Assessment {
    let context = access::Context::of(observation);
    let requests: Vec<JudgedRequest> = observation
        .exchanges
        .iter()
        .map(|exchange| JudgedRequest {
            access: context.judge(exchange),
            exchange: Arc::clone(exchange),
        })
        .collect();
    let ruling = verdict::decide(&requests, observation, identification);
    let reason = match unanswered_text(&requests, &observation.not_asked) {
        // The reason of an inconclusive verdict already says what is missing.
        Some(unanswered) if ruling.verdict.is_conclusive() => {
            format!("{}; {unanswered}", ruling.reason)
        }
        _ => ruling.reason,
    };
    Assessment {
        verdict: ruling.verdict,
        reason,
        grants: grants::list(&requests),
        recheck: recheck::recheck(&requests, identification),
        requests,
    }
}

#[cfg(test)]
mod tests;
