//! What to do about a named target without a verdict.

use std::collections::BTreeSet;

use super::draft::of_guide;
use super::texts::TEXTS;
use crate::model::{FailureKind, MissingReason, Remediation};
use crate::products::Guide;

/// What to do about a named target that has no verdict for this reason. `failures` are those of its attempts.
pub(crate) fn for_missing(reason: MissingReason, failures: &BTreeSet<FailureKind>) -> Remediation {
    let texts = &TEXTS.missing;
    of_guide(match reason {
        MissingReason::OutsideAllow => &texts.outside_allow,
        MissingReason::Excluded => &texts.excluded,
        MissingReason::SpecialAddress => &texts.special_address,
        MissingReason::NotAsked if failures.is_empty() => &texts.stopped,
        MissingReason::NotAsked => &texts.own_side,
        MissingReason::Unreachable => silent(failures),
        MissingReason::NotApiServer => &texts.not_api_server,
        MissingReason::Inconclusive => &texts.inconclusive,
    })
}

/// If all attempts failed in the same way, the advice is about that failure. Failures on our own side do not count.
fn silent(failures: &BTreeSet<FailureKind>) -> &'static Guide {
    let texts = &TEXTS.missing;
    let all = |which: fn(FailureKind) -> bool| {
        let mut of_target = failures
            .iter()
            .filter(|kind| !kind.is_own_side())
            .peekable();
        of_target.peek().is_some() && of_target.all(|kind| which(*kind))
    };
    if all(|kind| kind == FailureKind::Refused) {
        &texts.refused
    } else if all(is_of_name) {
        &texts.no_address
    } else if all(is_of_protocol) {
        &texts.not_https
    } else {
        &texts.silent
    }
}

/// Whether the name leads to no address.
const fn is_of_name(kind: FailureKind) -> bool {
    matches!(
        kind,
        FailureKind::NameNotFound
            | FailureKind::NoAddress
            | FailureKind::ResolverFailure
            | FailureKind::ResolverTimedOut
    )
}

/// Whether something accepted the connection but does not answer like an API server.
const fn is_of_protocol(kind: FailureKind) -> bool {
    matches!(
        kind,
        FailureKind::PlainHttp
            | FailureKind::NotTls
            | FailureKind::ClientCertificateRequired
            | FailureKind::Handshake
            | FailureKind::InvalidHttp
            | FailureKind::NoneOfItsOwn
            | FailureKind::Reset
            | FailureKind::Closed
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advice_is_about_what_failed() {
        let summary = |reason, kinds: &[FailureKind]| {
            let failures = kinds.iter().copied().collect();
            for_missing(reason, &failures).summary.to_string()
        };
        let silent = |kinds: &[FailureKind]| summary(MissingReason::Unreachable, kinds);
        for (said, words) in [
            (summary(MissingReason::OutsideAllow, &[]), "--allow"),
            (summary(MissingReason::Excluded, &[]), "exclusion"),
            (summary(MissingReason::SpecialAddress, &[]), "special"),
            (summary(MissingReason::NotAsked, &[]), "to the end"),
            (
                summary(MissingReason::NotAsked, &[FailureKind::NoRoute]),
                "the machine that scans",
            ),
            (silent(&[FailureKind::Refused]), "nothing listens"),
            (silent(&[FailureKind::TimedOut]), "nothing answers"),
            (silent(&[FailureKind::HostUnreachable]), "nothing answers"),
            (
                silent(&[FailureKind::Refused, FailureKind::TimedOut]),
                "nothing answers",
            ),
            (silent(&[FailureKind::NameNotFound]), "no address"),
            (silent(&[FailureKind::ResolverTimedOut]), "no address"),
            (
                silent(&[FailureKind::ClientCertificateRequired]),
                "not as an API server",
            ),
            (
                silent(&[FailureKind::Refused, FailureKind::NoRoute]),
                "nothing listens",
            ),
            (silent(&[]), "nothing answers"),
            (summary(MissingReason::NotApiServer, &[]), "no API server"),
            (summary(MissingReason::Inconclusive, &[]), "Scan again"),
        ] {
            assert!(said.contains(words), "{words:?}: {said}");
        }
    }
}
