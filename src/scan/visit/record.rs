//! Builds the record of an endpoint from its observation and assessment.

use crate::advise::{Advice, Egress, advise, compare};
use crate::model::{Assessment, EndpointReport, Identification, Observation, Target, Verdict};

/// The record of an endpoint that was probed.
pub(crate) fn record(
    target: &Target,
    observation: Observation,
    identification: Identification,
    assessment: Assessment,
    egress: &Egress,
) -> Box<EndpointReport> {
    let unreachable = assessment.verdict == Verdict::Unreachable;
    let failure = observation
        .failures()
        .next()
        .filter(|_| unreachable)
        .cloned();
    let Advice { posture, remedy } = advise(
        &identification,
        &assessment,
        &observation.not_asked,
        target.expect,
        target.declared.as_deref(),
    );
    let compared = (target.declared.as_deref()).map_or_else(Vec::new, |declared| {
        compare(declared, &observation, &identification, &assessment, egress)
    });
    // Boxed at once: it is large, and handed on several times.
    Box::new(EndpointReport {
        target: target.clone(),
        posture,
        compared,
        remedy,
        verdict: assessment.verdict,
        reason: assessment.reason,
        failure,
        identification: Some(identification),
        requests: assessment.requests,
        one_at_a_time: observation.one_at_a_time,
        not_asked: observation.not_asked,
        grants: assessment.grants,
        endpoint: Some(observation.endpoint),
        aliases: observation.aliases,
        tls: observation.tls,
        without_sni: observation.without_sni,
        audit_canary: observation.audit_canary.map(|canary| (*canary).into()),
        local_address: observation.local_address,
        connections: observation.connections,
        handshakes: observation.handshakes,
        timings: observation.timings.truncated(),
        last_seen: None,
    })
}
