//! Which endpoints of a target have had a verdict: those that a probe must reach to say that nothing is open any more.

use std::collections::BTreeSet;

use crate::model::{EndpointReport, FailureKind, Host, Verdict};

/// The endpoints that have had a verdict, by address and port. A port that nobody uses, or an address that never answers,
/// is not among them.
#[derive(Default)]
pub(super) struct Answered(BTreeSet<(Host, u16)>);

impl Answered {
    /// Adds what a probe found, and returns the endpoints that have no verdict any more. An address that the name does not
    /// lead to any more is forgotten, unless the lookup failed.
    pub(super) fn update(
        &mut self,
        records: &[EndpointReport],
        expect: Option<Verdict>,
    ) -> BTreeSet<(Host, u16)> {
        let key = |record: &EndpointReport| {
            let endpoint = record.endpoint.as_ref()?;
            Some((endpoint.host.clone(), endpoint.port))
        };
        let has_verdict = |record: &&EndpointReport| {
            (record.seen()).is_some_and(|verdict| verdict.settles(expect))
        };
        let now: BTreeSet<_> = records.iter().filter(has_verdict).filter_map(key).collect();
        let asked: BTreeSet<_> = records.iter().filter_map(key).collect();
        let is_lookup_incomplete = records.iter().any(|record| {
            let failure = record.failure.as_ref();
            record.endpoint.is_none()
                && failure.is_some_and(|failure| failure.kind != FailureKind::NoAddress)
        });
        (self.0).retain(|endpoint| is_lookup_incomplete || asked.contains(endpoint));
        let lost = self.0.difference(&now).cloned().collect();
        self.0.extend(now);
        lost
    }
}
