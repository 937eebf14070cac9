//! One attempt at a target, and what of it could not be asked.

use std::sync::Arc;

use super::outcome::{Deferral, Outcome, passes};
use super::stop::Stop;
use super::tally::Tally;
use crate::model::{Endpoint, EndpointReport, Failure, FailureKind, Host, Target, Timings};
use crate::targets::TargetSet;

/// One attempt at a target.
pub(super) struct Attempt<'a> {
    pub(super) target: &'a Target,
    /// The set that the target is of: what it excludes, what special addresses it gives, and what else is asked.
    pub(super) scope: Option<&'a TargetSet>,
    /// Whether unreachable addresses are worth a record.
    pub(super) keep: bool,
    /// Whether there is no later attempt to put anything off to.
    pub(super) last: bool,
    /// Ends the wait of whoever has not begun.
    pub(super) stop: &'a Stop,
    pub(super) tally: &'a Tally,
}

impl Attempt<'_> {
    /// Whether the scan was stopped while the attempt waited for what this machine is short of.
    pub(super) fn was_not_made(&self, failure: &Failure) -> bool {
        failure.kind == FailureKind::LocalShortage && self.stop.is_stopped()
    }

    /// The outcome of an endpoint, or of a name without an address, that could not be asked.
    pub(super) fn failed(
        &self,
        endpoint: Option<Endpoint>,
        failure: Failure,
        timings: Timings,
    ) -> Outcome {
        if !self.last && passes(&failure) {
            return self.put_off(endpoint.as_ref(), &failure);
        }
        if !self.keep {
            return Outcome::Silent(failure.kind);
        }
        let target = self.target.clone();
        Outcome::Record(Box::new(EndpointReport::without_answer(
            target, endpoint, failure, timings,
        )))
    }

    /// To be asked again: the one address of a name, or the whole target.
    pub(super) fn put_off(&self, endpoint: Option<&Endpoint>, failure: &Failure) -> Outcome {
        tracing::debug!(target = %self.target, %failure, "to be asked again");
        let only = match (&self.target.host, endpoint.map(|endpoint| &endpoint.host)) {
            (Host::Name(_), Some(Host::Ip(address))) => Some(*address),
            _ => None,
        };
        Outcome::Deferred(Deferral::of(failure, only))
    }
}

/// The endpoint of a target at this address, or by the name that the proxy resolves.
pub(super) fn endpoint_of(target: &Target, host: Host) -> Endpoint {
    Endpoint {
        scheme: target.scheme,
        host,
        port: target.port,
        name: target.server_name(),
        prefix: Arc::clone(&target.prefix),
    }
}
