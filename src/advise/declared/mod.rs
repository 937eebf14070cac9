//! Compares what an inventory declares about a cluster with what its product documents and with what was observed.
//!
//! Every fact that can be compared gets one sentence. Nothing is concluded from what an inventory does not say.

mod anonymous;
mod identity;
mod reach;

use crate::model::{Assessment, ComparedFact, Declared, Identification, Observation};

use super::observed::Observed;
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
    let compared = [
        anonymous::compare(declared, identification, observed),
        reach::compare(declared, observation, egress),
        identity::certificate_authority(observation),
        identity::product(declared, identification),
        identity::version(declared, identification),
    ];
    compared.into_iter().flatten().collect()
}
