//! One attempt at a target, and the outcomes of what could not be asked.

use std::sync::Arc;
use std::time::Duration;

use super::addresses::excluded;
use crate::model::{
    Endpoint, EndpointReport, Failure, FailureKind, Host, LeftOut, Target, Timings,
};
use crate::scan::ledger::{Counters, Deferral, Outcome};
use crate::scan::stop::Stop;
use crate::targets::TargetSet;

/// One attempt at a target.
pub(in crate::scan) struct Attempt<'a> {
    pub(in crate::scan) target: &'a Target,
    /// The target's rank in the first pass.
    pub(in crate::scan) rank: u64,
    /// The set that the target is from: its exclusions, its special addresses and its other targets.
    pub(in crate::scan) scope: Option<&'a TargetSet>,
    /// Whether unreachable addresses get a record.
    pub(in crate::scan) keep_unreachable: bool,
    /// Whether this is the first pass.
    pub(in crate::scan) first: bool,
    /// Whether this is the last pass: nothing can be deferred.
    pub(in crate::scan) last: bool,
    pub(in crate::scan) stop: &'a Stop,
    pub(in crate::scan) counters: &'a Counters,
}

impl Attempt<'_> {
    /// Whether the scan was stopped while the attempt waited until this machine has resources again.
    pub(super) fn was_interrupted(&self, failure: &Failure) -> bool {
        failure.kind == FailureKind::ResourcesExhausted && self.stop.is_stopped()
    }

    /// Whether a failure is worth a retry, and there is a pass for it.
    pub(super) fn can_retry(&self, failure: &Failure) -> bool {
        !self.last && is_retryable(failure)
    }

    /// The outcome of an endpoint, or of a name without addresses, that could not be asked.
    pub(super) fn failed(
        &self,
        endpoint: Option<Endpoint>,
        failure: Failure,
        timings: Timings,
    ) -> Outcome {
        if self.can_retry(&failure) {
            return self.defer(endpoint.as_ref(), &failure);
        }
        if !self.keep_unreachable {
            return Outcome::CountedOnly(failure.kind);
        }
        let target = self.target.clone();
        Outcome::Record(Box::new(EndpointReport::without_answer(
            target, endpoint, failure, timings,
        )))
    }

    /// Why a target that is an address is not asked, if it is not.
    pub(in crate::scan) fn excluded(&self) -> Option<LeftOut> {
        excluded(self.target, self.scope)
    }

    /// The outcome of a target that is an address and accepted no connection, after so long.
    pub(in crate::scan) fn not_accepted(&self, failure: Failure, took: Duration) -> Outcome {
        // Only a record has it.
        let endpoint =
            (self.keep_unreachable).then(|| endpoint_of(self.target, self.target.host.clone()));
        self.failed(endpoint, failure, connect_timings(took))
    }

    /// Defers one address of a name, or the whole target, to the next pass.
    pub(super) fn defer(&self, endpoint: Option<&Endpoint>, failure: &Failure) -> Outcome {
        tracing::debug!(target = %self.target, "{failure}; asked again later");
        let address = match (&self.target.host, endpoint.map(|endpoint| &endpoint.host)) {
            (Host::Name(_), Some(Host::Ip(address))) => Some(*address),
            _ => None,
        };
        Outcome::Deferred(Deferral {
            rank: self.rank,
            address,
            stage: failure.stage,
            kind: failure.kind,
        })
    }
}

/// Whether a later attempt may succeed: the failure is transient, the time was over, or our own side failed.
pub(super) const fn is_retryable(failure: &Failure) -> bool {
    match failure.kind {
        FailureKind::Deadline => true,
        FailureKind::Panic => false,
        kind => failure.is_transient() || kind.is_own_side(),
    }
}

/// The timings of a target that is an address, when the connect has ended after so long.
pub(super) fn connect_timings(took: Duration) -> Timings {
    Timings {
        connect: Some(took),
        total: took,
        ..Timings::default()
    }
}

/// The endpoint of a target at this address, or under the name that the proxy resolves.
pub(super) fn endpoint_of(target: &Target, host: Host) -> Endpoint {
    Endpoint {
        scheme: target.scheme,
        host,
        port: target.port,
        name: target.server_name(),
        prefix: Arc::clone(&target.prefix),
    }
}
