//! Why a named target has no verdict.

use super::{LeftOutReason, SpecCoverage, Verdict};

/// Why a named target has no verdict. Where nothing was asked, it is what kept the scan from asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MissingReason {
    /// It is outside of what the user allows to be asked.
    OutsideAllow,
    /// Exclusions cover all of it.
    Excluded,
    /// Its name leads to special addresses only.
    SpecialAddress,
    /// It was not asked: the scan was stopped, or its own side failed.
    NotAsked,
    /// Nothing answered.
    Unreachable,
    /// What answers is no API server.
    NotApiServer,
    /// The answers prove nothing.
    Inconclusive,
}

impl MissingReason {
    /// The reason in a few words, which follow a count: `7 outside --allow`.
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::OutsideAllow => "outside --allow",
            Self::Excluded => "excluded",
            Self::SpecialAddress => "at a special address",
            Self::NotAsked => "not asked",
            Self::Unreachable => "unreachable",
            Self::NotApiServer => "not an API server",
            Self::Inconclusive => "inconclusive",
        }
    }
}

impl SpecCoverage {
    /// Why the verdict is missing; `None` if it is not missing. An answer says more than an unreachable port.
    pub fn missing_reason(&self) -> Option<MissingReason> {
        let left_out = |why| self.left_out.iter().any(|left_out| left_out.why == why);
        self.is_missing().then(|| match () {
            () if self.seen.contains(&Verdict::Inconclusive) => MissingReason::Inconclusive,
            () if self.seen.contains(&Verdict::NotApiServer) => MissingReason::NotApiServer,
            () if !self.seen.is_empty() => MissingReason::Unreachable,
            () if left_out(LeftOutReason::OutsideAllow) => MissingReason::OutsideAllow,
            () if left_out(LeftOutReason::ExcludedAddress) => MissingReason::Excluded,
            () if left_out(LeftOutReason::SpecialAddress) => MissingReason::SpecialAddress,
            () => MissingReason::NotAsked,
        })
    }
}
