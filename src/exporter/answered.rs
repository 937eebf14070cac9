//! Which endpoints of a target have had a verdict: those that a probe must reach to say that nothing is open any more.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::model::{EndpointReport, FailureKind, Host, Verdict};

/// An endpoint, by address and port.
pub(super) type Endpoint = (Host, u16);

/// How long it is told that a target has left an endpoint. The rules of Prometheus look back as far.
const TOLD_FOR: Duration = Duration::from_hours(1);

/// The endpoints that have had a verdict. A port that nobody uses, or an address that never answers, is not among them.
#[derive(Clone, Default)]
pub(super) struct Answered {
    present: BTreeSet<Endpoint>,
    /// Those that are no part of the target any more, and since when.
    left: BTreeMap<Endpoint, Instant>,
}

/// What became of the endpoints that have had a verdict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Whereabouts {
    /// They have no verdict any more.
    pub(super) lost: BTreeSet<Endpoint>,
    /// They are no part of the target any more: the name does not lead there, or the list does not have the port.
    pub(super) left: BTreeSet<Endpoint>,
}

impl Answered {
    /// Adds what a probe found. An endpoint that was not asked has left, unless the lookup failed.
    pub(super) fn update(
        &mut self,
        records: &[EndpointReport],
        expect: Option<Verdict>,
    ) -> Whereabouts {
        let has_verdict = |record: &&EndpointReport| {
            (record.seen()).is_some_and(|verdict| verdict.settles(expect))
        };
        let with_verdict = records.iter().filter(has_verdict);
        let now: BTreeSet<_> = with_verdict.filter_map(endpoint).collect();
        let asked: BTreeSet<_> = records.iter().filter_map(endpoint).collect();
        let is_lookup_incomplete = records.iter().any(|record| {
            let failure = record.failure.as_ref();
            record.endpoint.is_none()
                && failure.is_some_and(|failure| failure.kind != FailureKind::NoAddress)
        });
        if !is_lookup_incomplete {
            for endpoint in self
                .present
                .extract_if(.., |endpoint| !asked.contains(endpoint))
            {
                self.left.insert(endpoint, Instant::now());
            }
        }
        (self.left)
            .retain(|endpoint, since| since.elapsed() < TOLD_FOR && !asked.contains(endpoint));
        let lost = self.present.difference(&now).cloned().collect();
        self.present.extend(now);
        Whereabouts {
            lost,
            left: self.left.keys().cloned().collect(),
        }
    }
}

/// The endpoint of a record, if it has one.
pub(super) fn endpoint(record: &EndpointReport) -> Option<Endpoint> {
    let endpoint = record.endpoint.as_ref()?;
    Some((endpoint.host.clone(), endpoint.port))
}
