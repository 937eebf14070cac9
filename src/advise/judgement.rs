//! The result of comparing an endpoint with its product's documentation, before it is put into words.

use std::borrow::Cow;

use crate::model::{PostureStatus, Provenance, Text, Verdict};
use crate::products::{Expected, ExpectedAnswer};

pub(super) struct Judgement {
    pub(super) status: PostureStatus,
    /// The expectations that were compared with.
    pub(super) ranges: Vec<&'static Expected>,
    /// The expected answer that the endpoint gave.
    pub(super) given: Option<&'static ExpectedAnswer>,
    pub(super) known: Provenance,
    /// Whether the answer at `/api` is concluded from other facts.
    pub(super) concluded: bool,
    pub(super) source: Text,
    /// Whether the paths that were asked are stricter than expected, while other paths may be open.
    pub(super) stricter_where_asked: bool,
    /// Why there is no grade; empty where there is one.
    pub(super) why_unknown: Cow<'static, str>,
}

impl Judgement {
    /// No grade, for this reason.
    pub(super) fn unknown(
        ranges: Vec<&'static Expected>,
        given: Option<&'static ExpectedAnswer>,
        why: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status: PostureStatus::Unknown,
            ranges,
            given,
            known: Provenance::Unknown,
            concluded: false,
            source: Text::default(),
            stricter_where_asked: false,
            why_unknown: why.into(),
        }
    }

    /// The expected answers that can be told right or wrong from outside.
    pub(super) fn decidable(&self) -> impl Iterator<Item = &'static ExpectedAnswer> {
        decidable(&self.ranges)
    }

    /// The expected verdicts, each once.
    pub(super) fn verdicts(&self) -> Vec<Verdict> {
        let mut verdicts: Vec<Verdict> = self.decidable().map(|answer| answer.verdict).collect();
        verdicts.sort_unstable();
        verdicts.dedup();
        verdicts
    }

    /// How the cluster is configured, as far as the answer shows it.
    pub(super) fn mode(&self) -> Option<&'static str> {
        self.given.and_then(|answer| answer.mode.as_deref())
    }

    pub(super) fn note(&self) -> Option<&'static str> {
        self.ranges.iter().find_map(|range| range.note.as_deref())
    }
}

/// The expected answers that can be told right or wrong from outside.
pub(super) fn decidable(
    ranges: &[&'static Expected],
) -> impl Iterator<Item = &'static ExpectedAnswer> {
    ranges
        .iter()
        .flat_map(|range| range.answers.iter())
        .filter(|answer| !answer.undecided)
}
