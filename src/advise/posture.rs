//! Compares an endpoint with the documentation of its product.
//!
//! An expectation holds for a range of minor releases and says which public paths are open. Where anonymous
//! requests are limited, the version is hidden: then the ranges that match the answers are used, or all ranges
//! if none matches. Without enough knowledge there is no result.

use std::borrow::Cow;

use super::judgement::{Comparison, Judgement, decidable, verdicts};
use super::observed::Observed;
use super::paths::{PathAnswers, Resources};
use super::sentence::{expected_answers, sentence};
use crate::kubernetes::Minor;
use crate::model::{
    Component, Confidence, Identification, Posture, PostureStatus, Provenance, Text, Verdict,
};
use crate::products::{self, Entry, Expected, ExpectedAnswer};

/// `None` where no product is named or the verdict is not conclusive.
pub(super) fn posture(identification: &Identification, observed: Observed<'_>) -> Option<Posture> {
    let entry = products::entry(identification.product()?)?;
    if !observed.verdict.is_conclusive() {
        return None;
    }
    let declared = (observed.declared_minor()).filter(|_| observed.declares(&entry.id));
    let minor = identification.minor().or(declared);
    let answers = PathAnswers::of(observed, minor);
    let judgement = judge(entry, identification, observed, &answers);
    let sentence = sentence(
        entry,
        identification,
        observed.verdict,
        &answers,
        &judgement,
    );
    Some(Posture {
        status: judgement.status(),
        expected: verdicts(&judgement.ranges),
        documented: expected_answers(&judgement.ranges),
        mode: judgement.mode().map(Text::Borrowed),
        known: judgement
            .basis
            .map_or(Provenance::Unknown, |basis| basis.known),
        sentence,
        source: judgement
            .basis
            .map(|basis| basis.source.clone())
            .unwrap_or_default(),
    })
}

fn judge(
    entry: &'static Entry,
    identification: &Identification,
    observed: Observed<'_>,
    answers: &PathAnswers<'_>,
) -> Judgement {
    let ranges = ranges(entry, observed, answers);
    if ranges.is_empty() {
        let why = nothing_known(entry, answers.minor, observed);
        let why = format!("what it should answer is not known ({why})");
        return Judgement::unknown(ranges, None, why);
    }
    let given = given_answer(&ranges, answers);
    if let Some(why) = why_not_graded(identification, given) {
        return Judgement::unknown(ranges, None, why);
    }
    if let Some(answer) = given.filter(|answer| answer.undecided) {
        let why = answer
            .mode
            .as_deref()
            .unwrap_or("what would decide it cannot be seen");
        return Judgement::unknown(ranges, given, why);
    }
    let result = match (given, common_status(&ranges, answers)) {
        (Some(_), _) if verdicts(&ranges).len() == 1 => Comparison::AsDocumented,
        (Some(_), _) => Comparison::Either,
        // Where authentication refuses, a path condition may admit a path that was not requested.
        (None, Some(PostureStatus::Stricter))
            if answers.rejected() > 0 && answers.resources != Resources::Clear =>
        {
            Comparison::StricterWhereAsked
        }
        (None, Some(PostureStatus::Stricter)) => Comparison::Stricter,
        (None, Some(_)) => Comparison::MoreOpen,
        (None, None) => Comparison::Unknown("it lies between the answers that are expected".into()),
    };
    Judgement {
        result,
        given,
        // If the endpoint gave none of the expected answers: the least certain one that it was compared with.
        basis: given.or_else(|| decidable(&ranges).min_by_key(|answer| answer.known)),
        ranges,
    }
}

/// Why nothing is known of what a product should answer.
pub(super) fn nothing_known(
    entry: &'static Entry,
    minor: Option<Minor>,
    observed: Observed<'_>,
) -> Cow<'static, str> {
    if let Some(unknown) = &entry.unknown {
        return unknown.as_str().into();
    }
    let end = entry.expected.iter().filter_map(Expected::end).max();
    if let Some((minor, end)) = minor.zip(end).filter(|(minor, end)| minor > end) {
        return format!(
            "of {}, releases up to {end} are known, and this is {minor}",
            entry.short
        )
        .into();
    }
    let stale = (entry.expected.iter())
        .filter(|range| !is_fresh(range, observed))
        .map(|range| range.checked);
    match stale.max() {
        Some(checked) => {
            format!("the sources were last looked at on {checked}, too long ago").into()
        }
        None => "nothing is known of this version".into(),
    }
}

fn is_fresh(range: &Expected, observed: Observed<'_>) -> bool {
    observed.day.is_none_or(|day| range.is_fresh(day))
}

/// The reason against a result although the product has expectations.
fn why_not_graded(
    identification: &Identification,
    given: Option<&ExpectedAnswer>,
) -> Option<&'static str> {
    let attribution = &identification.attribution;
    if identification.component == Component::AggregatedApiServer {
        return Some("it is an extension API server, and what is known is of the cluster's own");
    }
    if attribution
        .confidence
        .is_none_or(|confidence| confidence < Confidence::Medium)
    {
        return Some("which product it is rests on one shared sign, too little to grade it");
    }
    if is_foreign_build(identification) {
        return Some("its version carries the mark of a build that no known product has");
    }
    let mut others = attribution.others.iter().filter_map(products::entry);
    if given.is_none() && others.any(|other| other.expected.is_empty()) {
        return Some("it could also be a product built on this one, whose default is not known");
    }
    None
}

/// Whether `/version` shows a build that is neither upstream's nor that of a matching product.
fn is_foreign_build(identification: &Identification) -> bool {
    let Some(version) = &identification.version else {
        return false;
    };
    let is_upstream = version.strip_prefix('v').is_some_and(|rest| {
        let (numbers, stage) = rest.split_once('-').unwrap_or((rest, ""));
        let is_release = stage.is_empty()
            || ["alpha.", "beta.", "rc."]
                .iter()
                .any(|word| stage.starts_with(word));
        is_release && numbers.chars().all(|c| c.is_ascii_digit() || c == '.')
    });
    !is_upstream
        && !identification
            .attribution
            .marks
            .iter()
            .any(|mark| mark.seen == *version)
}

/// The expected answer that the endpoint gave.
pub(super) fn given_answer(
    ranges: &[&'static Expected],
    answers: &PathAnswers<'_>,
) -> Option<&'static ExpectedAnswer> {
    let mut expected = ranges.iter().flat_map(|range| range.answers.iter());
    expected.find(|answer| answers.compared_with(answer) == PostureStatus::AsDocumented)
}

/// The status that the answers have against every expected answer, if it is always the same.
pub(super) fn common_status(
    ranges: &[&'static Expected],
    answers: &PathAnswers<'_>,
) -> Option<PostureStatus> {
    let mut all = decidable(ranges).map(|answer| answers.compared_with(answer));
    let first = all.next()?;
    all.all(|status| status == first).then_some(first)
}

/// The expectations to compare with: those of the version if it is known, else those that match the answers, else all.
pub(super) fn ranges(
    entry: &'static Entry,
    observed: Observed<'_>,
    answers: &PathAnswers<'_>,
) -> Vec<&'static Expected> {
    let verdict = observed.verdict;
    let all = (entry.expected.iter()).filter(|range| is_fresh(range, observed));
    if let Some(minor) = answers.minor {
        return all.filter(|range| range.holds_for(minor)).collect();
    }
    let expects_verdict =
        |range: &&Expected| range.answers.iter().any(|answer| answer.verdict == verdict);
    // An exposed server shows its version unless its owner hid it. Ranges that expect `exposed` are left out, so that a
    // hidden version never makes an exposed server look documented.
    if verdict == Verdict::Exposed {
        return all.filter(|range| !expects_verdict(range)).collect();
    }
    let all: Vec<&Expected> = all.collect();
    let fitting: Vec<&Expected> = all
        .iter()
        .copied()
        .filter(|range| given_answer(&[*range], answers).is_some())
        .collect();
    if !fitting.is_empty() {
        return fitting;
    }
    // If all ranges lead to the same status, the sentence is clearest with the ranges of this verdict.
    let same_verdict: Vec<&Expected> = all.iter().copied().filter(expects_verdict).collect();
    if common_status(&same_verdict, answers)
        .is_some_and(|status| common_status(&all, answers) == Some(status))
    {
        same_verdict
    } else {
        all
    }
}
