//! What an anonymous caller may do: per request, then per endpoint.
//!
//! ```text
//! Observation + Identification ─ access ─→ Access of every request (a 403's words: refusal)
//!                              ─ look ───→ contradictions: is a second look due?
//!                              ─ verdict ─→ the first rule that holds, and its sentence
//!                              ─ grants ──→ everything that is open, graded
//! ```
//!
//! Pure. The rules are those of `docs/architecture.md`, "The verdict model"; the order of the
//! rules in `verdict` is the order in which they are tried there.

mod access;
mod grants;
mod look;
mod verdict;

use crate::model::{Assessment, Identification, JudgedRequest, Observation, left_out};

/// Judges one endpoint.
pub fn assess(observation: &Observation, identification: &Identification) -> Assessment {
    let context = access::Context::of(observation);
    let requests: Vec<JudgedRequest> = observation
        .exchanges
        .iter()
        .map(|exchange| JudgedRequest {
            access: context.judge(exchange),
            exchange: exchange.clone(),
        })
        .collect();
    let ruling = verdict::decide(&requests, observation, identification);
    let reason = match left_out(&requests, &observation.unasked) {
        // Where nothing is settled, the reason is why.
        Some(left_out) if ruling.verdict.is_conclusive() => {
            format!("{}; {left_out}", ruling.reason)
        }
        _ => ruling.reason,
    };
    Assessment {
        verdict: ruling.verdict,
        reason,
        grants: grants::list(&requests),
        second_look: look::second_look(&requests, identification),
        requests,
    }
}

#[cfg(test)]
mod tests;
