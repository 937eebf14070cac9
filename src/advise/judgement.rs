//! How an endpoint compares with its product's documentation, before that is put into words.

use std::borrow::Cow;

use crate::model::{PostureStatus, Verdict};
use crate::products::{Expected, ExpectedAnswer};

pub(super) struct Judgement {
    pub(super) result: Comparison,
    /// The expectations that the endpoint was compared with.
    pub(super) ranges: Vec<&'static Expected>,
    /// The expected answer that the endpoint gave.
    pub(super) given: Option<&'static ExpectedAnswer>,
    /// The expected answer that the result rests on.
    pub(super) basis: Option<&'static ExpectedAnswer>,
}

pub(super) enum Comparison {
    /// The endpoint gave the only expected answer.
    AsDocumented,
    /// The endpoint gave one of several expected answers.
    Either,
    Stricter,
    MoreOpen,
    /// The paths that were requested are stricter than expected, but other paths may be open.
    StricterWhereAsked,
    /// There is no result, for this reason.
    Unknown(Cow<'static, str>),
}

impl Judgement {
    /// No result, for this reason.
    pub(super) fn unknown(
        ranges: Vec<&'static Expected>,
        given: Option<&'static ExpectedAnswer>,
        why: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            result: Comparison::Unknown(why.into()),
            ranges,
            given,
            basis: None,
        }
    }

    pub(super) const fn status(&self) -> PostureStatus {
        match self.result {
            Comparison::AsDocumented => PostureStatus::AsDocumented,
            Comparison::Either => PostureStatus::Either,
            Comparison::Stricter => PostureStatus::Stricter,
            Comparison::MoreOpen => PostureStatus::MoreOpen,
            Comparison::StricterWhereAsked | Comparison::Unknown(_) => PostureStatus::Unknown,
        }
    }

    /// How the cluster is configured, as far as the answer shows it.
    pub(super) fn mode(&self) -> Option<&'static str> {
        self.given?.mode.as_deref()
    }
}

/// The verdicts of the decidable answers, each once.
pub(super) fn verdicts(ranges: &[&'static Expected]) -> Vec<Verdict> {
    let mut verdicts: Vec<Verdict> = decidable(ranges).map(|answer| answer.verdict).collect();
    verdicts.sort_unstable();
    verdicts.dedup();
    verdicts
}

/// The expected answers that can be confirmed or ruled out from outside.
pub(super) fn decidable(
    ranges: &[&'static Expected],
) -> impl Iterator<Item = &'static ExpectedAnswer> {
    ranges
        .iter()
        .flat_map(|range| range.answers.iter())
        .filter(|answer| !answer.undecided)
}
