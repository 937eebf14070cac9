//! What one target came to: what is counted, kept and handed to the caller.

use std::net::IpAddr;

use crate::model::{EndpointReport, Failure, FailureKind, Stage, Unasked, Verdict};

/// One thing that a target, or one of its addresses, came to.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Not reached, and not worth a record.
    Silent(FailureKind),
    /// A record.
    Record(Box<EndpointReport>),
    /// Addresses that are not asked, or a lookup that failed beside one that answered.
    Unasked(Unasked),
    /// Addresses of a name beyond its first.
    Further(u64),
    /// To be asked again after this pass.
    Deferred(Deferral),
}

impl Outcome {
    /// Whether it is left for a later run: our own side failed, and may not fail then. A defect would be
    /// there again.
    pub(super) fn is_left(&self) -> bool {
        let kind = match self {
            Self::Silent(kind) => Some(*kind),
            Self::Record(report) if report.verdict == Verdict::NotAttempted => {
                report.failure.as_ref().map(|failure| failure.kind)
            }
            _ => None,
        };
        kind.is_some_and(|kind| kind.is_ours() && kind != FailureKind::Panic)
    }
}

/// What is to be asked again, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Deferral {
    /// The one address to ask, for a target that has several; the whole target otherwise.
    pub(super) address: Option<IpAddr>,
    pub(super) stage: Stage,
    pub(super) kind: FailureKind,
}

impl Deferral {
    pub(super) const fn of(failure: &Failure, address: Option<IpAddr>) -> Self {
        Self {
            address,
            stage: failure.stage,
            kind: failure.kind,
        }
    }

    /// The failure that led to it.
    pub(super) fn failure(self) -> Failure {
        Failure::new(
            self.stage,
            self.kind,
            "the scan was stopped before it was asked again",
        )
    }
}

/// Whether a later attempt may find another answer: what time, or our own side, was the reason for.
pub(super) const fn passes(failure: &Failure) -> bool {
    match failure.kind {
        FailureKind::Deadline => true,
        FailureKind::Panic => false,
        kind => failure.may_pass() || kind.is_ours(),
    }
}
