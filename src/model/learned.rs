//! What a scan learns of a server besides the answers to paths.

use super::{ComparisonResult, Component, DeclaredFact, EndpointReport, JudgedRequest, Verdict};

/// Something that a scan learns of a server. A finding that rests on it is not gone if a later scan did not learn it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Learned {
    /// The version of the API server.
    Version,
    /// The serving certificate.
    Certificate,
    /// The product.
    Product,
    /// How this compares with an inventory.
    Compared(DeclaredFact),
    /// What the paths of a program answer that is no API server.
    AnswersOf(Component),
}

impl Learned {
    /// What this record does not tell, although another record of the same target could. Another program than before does
    /// not have what the one before had, so nothing is missing of an API server.
    pub(crate) fn missing_in(report: &EndpointReport) -> Vec<Self> {
        let mut missing = Vec::new();
        let identification = report.identification.as_ref();
        if report.verdict.is_conclusive() {
            let has = |learned, is_known: Option<bool>| {
                (!is_known.unwrap_or_default()).then_some(learned)
            };
            let version = identification.map(|identified| identified.minor().is_some());
            let product = identification.map(|identified| identified.product().is_some());
            missing.extend(has(Self::Version, version));
            missing.extend(has(Self::Product, product));
            missing.extend(has(Self::Certificate, Some(report.certificate().is_some())));
        }
        let not_compared = (report.compared.iter())
            .filter(|fact| fact.result == ComparisonResult::NotCompared)
            .map(|fact| Self::Compared(fact.fact));
        missing.extend(not_compared);
        let component = identification.map(|identified| identified.component);
        let other_program = component.filter(|_| report.verdict == Verdict::NotApiServer);
        if !report.requests.iter().all(tells) || !report.not_asked.is_empty() {
            missing.extend(other_program.map(Self::AnswersOf));
        }
        missing
    }
}

/// Whether the server itself answered, and was not too busy to.
fn tells(request: &JudgedRequest) -> bool {
    let reply = request.reply();
    reply.is_some_and(|reply| reply.status < 500 && reply.status != 429)
}
