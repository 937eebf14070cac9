//! Compares what an inventory declares about a cluster with what its product documents and with what was observed.
//!
//! Every fact that can be compared gets one sentence. Nothing is concluded from what an inventory does not say.

mod anonymous;
mod identity;
mod reach;

use crate::model::{
    Assessment, ComparedFact, ComparisonResult, Contradiction, Declared, Identification,
    Observation,
};

use super::observed::Observed;
use identity::Another;
pub(crate) use reach::Egress;

/// What an inventory declares about an endpoint that was asked, compared fact by fact.
pub(crate) fn compare(
    declared: &Declared,
    observation: &Observation,
    identification: &Identification,
    assessment: &Assessment,
    egress: &Egress,
) -> Vec<ComparedFact> {
    let observed = Observed::new(assessment, &observation.not_asked, None, Some(declared));
    let contested = declared.contradictions.iter();
    let contested: Vec<ComparedFact> = contested.map(|one| unknown(one, observation)).collect();
    let authority = identity::certificate_authority(observation);
    let product = identity::product(declared, identification);
    let another = Another::of(authority.as_ref(), product.as_ref(), identification);
    let compared = [
        anonymous::compare(declared, identification, observed, another.as_ref()),
        reach::compare(declared, observation, egress, another.as_ref()),
        authority,
        product,
        identity::version(declared, identification, another.as_ref()),
    ];
    let is_known = |one: &ComparedFact| contested.iter().all(|other| other.fact != one.fact);
    let known: Vec<ComparedFact> = (compared.into_iter().flatten().filter(is_known)).collect();
    contested.into_iter().chain(known).collect()
}

/// A fact about which inventories contradict each other. Only a certificate that none of their CAs signed differs from
/// all of them.
fn unknown(contradiction: &Contradiction, observation: &Observation) -> ComparedFact {
    let authority = identity::certificate_authority(observation);
    authority
        .filter(|found| found.fact == contradiction.fact)
        .filter(|found| found.result == ComparisonResult::Differs)
        .unwrap_or_else(|| {
            let result = ComparisonResult::NotCompared;
            ComparedFact::new(
                contradiction.fact,
                result,
                format!("not compared: {contradiction}"),
            )
        })
}
