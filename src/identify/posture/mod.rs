//! What a product should answer, and whether it does.
//!
//! An expectation holds for a range of minor releases, and says which public paths are open. Where
//! anonymous is limited the version is hidden; then the ranges that fit what was answered are held to be
//! the right ones, and only if none fits is the answer measured against all of them. What is not known is
//! never graded.

mod shown;
mod words;

use std::borrow::Cow;

use crate::model::{
    Component, Confidence, Grade, Grant, Identification, JudgedRequest, Posture, PostureStatus,
    Product, Provenance, Remedy, Request, Text, Verdict,
};

use super::products::{Entry, Expected, ExpectedAnswer, TABLE};
use shown::{Resources, Shown};

/// What an endpoint showed, as far as the posture depends on it.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    /// The verdict.
    pub verdict: Verdict,
    /// What is open.
    pub grants: &'a [Grant],
    /// Every request, with how far it came.
    pub requests: &'a [JudgedRequest],
    /// What was to be asked too and was not.
    pub not_asked: &'a [Request],
    /// What the user says must come out.
    pub expected: Option<Verdict>,
}

impl Answered<'_> {
    /// Whether discovery or its documents are open.
    pub(super) fn opens_discovery(self) -> bool {
        self.grants
            .iter()
            .any(|grant| grant.grade == Grade::Discovery || document(grant))
    }

    /// Whether metrics are open.
    pub(super) fn opens_metrics(self) -> bool {
        self.grants
            .iter()
            .any(|grant| grant.grade == Grade::Telemetry && !document(grant))
    }
}

/// Whether it is one of the documents that belong to discovery.
fn document(grant: &Grant) -> bool {
    grant.path.starts_with("/openapi") || grant.path.starts_with("/swagger")
}

/// Holds an endpoint against what its product documents. `None` where no product is named or nothing
/// is settled that could be held against anything.
pub fn posture(identification: &Identification, answered: Answered<'_>) -> Option<Posture> {
    let entry = entry(identification)?;
    if !answered.verdict.is_conclusive() {
        return None;
    }
    let shown = Shown::of(answered, identification.minor());
    let judged = judge(entry, identification, answered.verdict, &shown);
    Some(Posture {
        standing: judged.standing,
        expected: judged.verdicts(),
        mode: judged
            .given
            .and_then(|answer| answer.mode.as_deref())
            .map(Text::Borrowed),
        known: judged.known,
        sentence: words::sentence(entry, identification, answered, &shown, &judged),
        source: judged.source.clone(),
    })
}

/// How to close what this endpoint leaves open; `None` where nothing is.
pub fn remedy(identification: &Identification, answered: Answered<'_>) -> Option<Remedy> {
    super::remedy::remedy(entry(identification), identification, answered)
}

/// The table's entry of the product that is named.
fn entry(identification: &Identification) -> Option<&'static Entry> {
    by_id(identification.product()?)
}

fn by_id(product: &Product) -> Option<&'static Entry> {
    TABLE
        .entries
        .iter()
        .find(|entry| entry.product.id == product.id)
}

/// The outcome, with what it rests on.
struct Judged {
    standing: PostureStatus,
    /// The ranges that were held to be the right ones.
    ranges: Vec<&'static Expected>,
    /// The expected answer that was given, where it was.
    given: Option<&'static ExpectedAnswer>,
    known: Provenance,
    /// Whether the answer at `/api` is concluded from what is known.
    concluded: bool,
    source: Text,
    /// Whether the paths that were asked are stricter than is expected, and tell nothing of others.
    partly: bool,
    /// Why nothing is graded; empty where it is.
    why_unknown: Cow<'static, str>,
}

impl Judged {
    /// The expected answers, but for those that are right or wrong by what cannot be seen.
    fn decided(&self) -> impl Iterator<Item = &'static ExpectedAnswer> {
        decided(&self.ranges)
    }

    fn verdicts(&self) -> Vec<Verdict> {
        let mut verdicts: Vec<Verdict> = self.decided().map(|answer| answer.verdict).collect();
        verdicts.sort_unstable();
        verdicts.dedup();
        verdicts
    }

    fn note(&self) -> Option<&'static str> {
        self.ranges.iter().find_map(|range| range.note.as_deref())
    }
}

fn judge(
    entry: &'static Entry,
    identification: &Identification,
    verdict: Verdict,
    shown: &Shown<'_>,
) -> Judged {
    let ranges = ranges(entry, identification, verdict, shown);
    let given = fitting(&ranges, shown);
    let unknown = |ranges, why: Cow<'static, str>| Judged {
        standing: PostureStatus::Unknown,
        ranges,
        given: None,
        known: Provenance::Unknown,
        concluded: false,
        source: Text::default(),
        partly: false,
        why_unknown: why,
    };
    if ranges.is_empty() {
        let why = entry
            .unknown
            .as_deref()
            .unwrap_or("nothing is known of this version");
        return unknown(
            ranges,
            format!("what it should answer is not known ({why})").into(),
        );
    }
    if identification.component == Component::AggregatedApiServer {
        let why = "it is an extension API server, and what is known is of the cluster's own";
        return unknown(ranges, why.into());
    }
    if identification
        .attribution
        .confidence
        .is_none_or(|confidence| confidence < Confidence::Medium)
    {
        return unknown(
            ranges,
            "which product it is rests on one shared sign, too little to grade it".into(),
        );
    }
    if foreign_build(identification) {
        return unknown(
            ranges,
            "its version carries the mark of a build that no known product has".into(),
        );
    }
    if given.is_none() && could_differ(identification) {
        return unknown(
            ranges,
            "it could also be a product built on this one, whose default is not known".into(),
        );
    }
    if let Some(answer) = given.filter(|answer| answer.undecided) {
        let why = answer
            .mode
            .as_deref()
            .unwrap_or("what would decide it cannot be seen");
        return Judged {
            given,
            ..unknown(ranges, why.into())
        };
    }
    let mut judged = Judged {
        given,
        ..unknown(ranges, Cow::default())
    };
    judged.standing = match (given, direction(&judged.ranges, shown)) {
        (Some(_), _) if judged.verdicts().len() == 1 => PostureStatus::AsDocumented,
        (Some(_), _) => PostureStatus::Either,
        // Where authentication refuses, a condition may let in what was not asked.
        (None, Some(PostureStatus::Stricter))
            if shown.rejected() > 0 && shown.resources != Resources::Clear =>
        {
            judged.partly = true;
            PostureStatus::Unknown
        }
        (None, Some(standing)) => standing,
        (None, None) => {
            judged.why_unknown = "it lies between the answers that are expected".into();
            PostureStatus::Unknown
        }
    };
    // What the grade rests on: the answer that was given, else the weakest of those that were not.
    let basis = given.or_else(|| judged.decided().min_by_key(|answer| answer.known));
    if let Some(basis) = basis {
        judged.known = basis.known;
        judged.concluded = basis.concluded;
        judged.source.clone_from(&basis.source);
    }
    judged
}

/// Whether `/version` shows a build that is neither upstream's nor one of a product that fits.
fn foreign_build(identification: &Identification) -> bool {
    let Some(version) = &identification.version else {
        return false;
    };
    let plain = version.strip_prefix('v').is_some_and(|rest| {
        let (numbers, stage) = rest.split_once('-').unwrap_or((rest, ""));
        let released = stage.is_empty()
            || ["alpha.", "beta.", "rc."]
                .iter()
                .any(|word| stage.starts_with(word));
        released && numbers.chars().all(|c| c.is_ascii_digit() || c == '.')
    });
    !plain
        && !identification
            .attribution
            .marks
            .iter()
            .any(|mark| mark.seen == *version)
}

/// Whether one of the products that cannot be told from it has no known expectation.
fn could_differ(identification: &Identification) -> bool {
    let mut others = identification.attribution.others.iter().filter_map(by_id);
    others.any(|other| other.expected.is_empty())
}

/// The expected answers, but for those that are right or wrong by what cannot be seen.
fn decided(ranges: &[&'static Expected]) -> impl Iterator<Item = &'static ExpectedAnswer> {
    ranges
        .iter()
        .flat_map(|range| range.answers.iter())
        .filter(|answer| !answer.undecided)
}

/// The expected answer that was given.
fn fitting(ranges: &[&'static Expected], shown: &Shown<'_>) -> Option<&'static ExpectedAnswer> {
    let mut answers = ranges.iter().flat_map(|range| range.answers.iter());
    answers.find(|answer| shown.against(answer) == PostureStatus::AsDocumented)
}

/// How what was answered stands to all that is expected, where it stands to all of it alike.
fn direction(ranges: &[&'static Expected], shown: &Shown<'_>) -> Option<PostureStatus> {
    let mut standings = decided(ranges).map(|answer| shown.against(answer));
    let first = standings.next()?;
    standings.all(|standing| standing == first).then_some(first)
}

/// The ranges that count: those of the version where it shows, else those that fit the answer, else
/// all.
fn ranges(
    entry: &'static Entry,
    identification: &Identification,
    verdict: Verdict,
    shown: &Shown<'_>,
) -> Vec<&'static Expected> {
    if let Some(minor) = identification.minor() {
        return entry
            .expected
            .iter()
            .filter(|range| range.holds_for(minor))
            .collect();
    }
    let has = |range: &&Expected| range.answers.iter().any(|answer| answer.verdict == verdict);
    // An open server shows its version unless somebody hid it: an old release is no excuse then.
    if verdict == Verdict::Exposed {
        return entry.expected.iter().filter(|range| !has(range)).collect();
    }
    let all: Vec<&Expected> = entry.expected.iter().collect();
    let fit: Vec<&Expected> = all
        .iter()
        .copied()
        .filter(|range| fitting(&[*range], shown).is_some())
        .collect();
    if !fit.is_empty() {
        return fit;
    }
    // Of those that say the same of it, the ones with its verdict read best.
    let nearest: Vec<&Expected> = all.iter().copied().filter(has).collect();
    if direction(&nearest, shown).is_some_and(|near| direction(&all, shown) == Some(near)) {
        nearest
    } else {
        all
    }
}
