//! A posture as a sentence: the product, its answers, and how they compare with the expectation.

use std::borrow::Cow;

use super::judgement::{Comparison, Judgement, decidable};
use super::paths::{PathAnswers, Resources};
use crate::kubernetes::PathClass;
use crate::model::{Access, Identification, Provenance, Verdict};
use crate::products::{Entry, Expected, ExpectedAnswer, Public};
use crate::wording::{accepted_and_stopped, listed};

/// The whole sentence.
pub(super) fn sentence(
    entry: &Entry,
    identification: &Identification,
    verdict: Verdict,
    answers: &PathAnswers<'_>,
    judgement: &Judgement,
) -> String {
    let name = &*entry.short;
    let (separator, version): (_, Cow<'_, str>) = match (&identification.version, answers.minor) {
        (Some(version), _) => (" ", version.into()),
        (None, Some(declared)) => (
            ", ",
            format!("version not shown ({declared} declared)").into(),
        ),
        (None, None) => (", ", "version not shown".into()),
    };
    let observed = observed(verdict, answers);
    let expected = || expected_answers(&judgement.ranges);
    let unseen = hidden(answers);
    let hidden = unseen.map_or_else(String::new, |unseen| format!("; {unseen}"));
    let ([before, after], basis) = basis(judgement.basis);
    let comparison = match &judgement.result {
        Comparison::AsDocumented => {
            let since = since(judgement);
            let (mode, comma) = judgement.mode().map_or(("", ""), |mode| (mode, ", "));
            [
                ", ",
                before,
                name,
                after,
                &since,
                ": ",
                mode,
                comma,
                "confirmed from outside",
                &hidden,
            ]
            .concat()
        }
        Comparison::Either => {
            let mode = judgement
                .mode()
                .unwrap_or("one of the answers that are expected");
            // A conclusion, or one of two possibilities, is not confirmed.
            let is_concluded = judgement.basis.is_some_and(|answer| answer.concluded);
            let from_outside = if is_concluded {
                ""
            } else {
                ", confirmed from outside"
            };
            format!(": {mode}{from_outside}{hidden}")
        }
        Comparison::Stricter => format!(": stricter than {basis} ({}){hidden}", expected()),
        Comparison::MoreOpen => {
            let note = judgement
                .ranges
                .iter()
                .find_map(|range| range.note.as_ref());
            let note = note.map_or_else(String::new, |note| format!("; {note}"));
            format!(": more open than {basis} ({}){note}", expected())
        }
        Comparison::StricterWhereAsked => {
            let why = unseen.unwrap_or("they were not asked");
            format!(
                "; not graded, because other paths may be open: {why} (as {basis} would be {})",
                expected()
            )
        }
        Comparison::Unknown(why) => format!("; not graded: {why}"),
    };
    [name, separator, &version, ": ", &observed, &comparison].concat()
}

/// How well the expected answer is known, in words: around the name of the product for an answer that agrees with it, and
/// for one that differs.
fn basis(answer: Option<&ExpectedAnswer>) -> ([&'static str; 2], &'static str) {
    match answer.map(|answer| (answer.known, answer.concluded)) {
        Some((Provenance::Documented, false)) => (["as ", " documents"], "documented"),
        Some((Provenance::Documented, true)) => (
            ["as follows from what ", " documents"],
            "follows from what is documented",
        ),
        Some((Provenance::Observed, false)) => (
            ["as documented for ", " (by observation, not by the vendor)"],
            "documented by observation, not by the vendor",
        ),
        Some((Provenance::Observed, true)) => (
            [
                "as follows from what is documented for ",
                " (by observation, not by the vendor)",
            ],
            "follows from what is documented by observation, not by the vendor",
        ),
        _ => (
            ["as documented for ", " (by inference, not by the vendor)"],
            "documented by inference, not by the vendor",
        ),
    }
}

/// What the answers cannot show if authentication refuses some of them: other paths may be open.
fn hidden(answers: &PathAnswers<'_>) -> Option<&'static str> {
    if answers.rejected() == 0 {
        return None;
    }
    Some(match answers.resources {
        Resources::Clear => "a condition on another path would not show",
        Resources::Partly => {
            "not all resources were answered, and a condition on another path would not show"
        }
        Resources::NotAsked => {
            "resources were not asked, and a condition on another path would not show"
        }
    })
}

/// ` from 1.32 on`, if the expected answer depends on the release.
fn since(judgement: &Judgement) -> String {
    match judgement.ranges.as_slice() {
        [range] => range.since(),
        _ => String::new(),
    }
}

/// The expected answers: `limited to health or forbidden with version and health open`.
pub(super) fn expected_answers(ranges: &[&'static Expected]) -> String {
    any_of(ranges, described)
}

/// The expected answers, each of several with the setting that it shows.
pub(super) fn expected_answers_by_mode(ranges: &[&'static Expected]) -> String {
    let is_one_of_several = decidable(ranges).nth(1).is_some();
    any_of(ranges, |answer| match &answer.mode {
        Some(mode) if is_one_of_several => format!("{} ({mode})", described(answer)),
        _ => described(answer),
    })
}

fn any_of(ranges: &[&'static Expected], text: impl Fn(&ExpectedAnswer) -> String) -> String {
    let mut answers: Vec<&ExpectedAnswer> = decidable(ranges).collect();
    if let [only] = answers.as_slice() {
        return text(only);
    }
    answers.sort_by_key(|answer| answer.verdict);
    let mut texts: Vec<String> = answers.into_iter().map(text).collect();
    texts.dedup();
    texts.join(" or ")
}

fn described(answer: &ExpectedAnswer) -> String {
    let open = listed(answer.open.iter().map(|public| public.as_str()));
    match answer.verdict {
        verdict if open.is_empty() => verdict.to_string(),
        Verdict::Limited => ["limited to ", &open].concat(),
        verdict => [verdict.as_str(), " with ", &open, " open"].concat(),
    }
}

/// What the endpoint answered.
fn observed(verdict: Verdict, answers: &PathAnswers<'_>) -> String {
    let open = open(answers);
    match verdict {
        Verdict::Rejected if answers.rejected() == answers.asked => {
            format!("anonymous refused on all {} API paths asked", answers.asked)
        }
        Verdict::Rejected => {
            format!(
                "anonymous refused on {} of {} API paths asked",
                answers.rejected(),
                answers.asked
            )
        }
        Verdict::Limited => ["anonymous ", &limited(&open, answers)].concat(),
        Verdict::Forbidden if open.is_empty() => {
            "anonymous accepted as a user, and no grant among the paths asked".to_owned()
        }
        Verdict::Forbidden => [
            "anonymous accepted as a user, with ",
            &open,
            " open and /api forbidden",
        ]
        .concat(),
        _ => "more than version and health open to anonymous".to_owned(),
    }
}

/// What anonymous requests are limited to: what is open, and what authorization stopped after they were accepted.
pub(super) fn limited(open: &str, answers: &PathAnswers<'_>) -> String {
    let stopped: Vec<&str> = (answers.with(&Access::Forbidden).map(|path| path.path)).collect();
    let stopped = accepted_and_stopped(&stopped);
    match (open.is_empty(), stopped) {
        (true, None) => "limited, with no grant among the paths asked".to_owned(),
        (false, None) => format!("limited to {open}"),
        (true, Some(stopped)) => format!("limited to paths with no grant among them: {stopped}"),
        (false, Some(stopped)) => format!("limited to {open}, and {stopped}"),
    }
}

/// What is open: "version" or "health" if every requested path of that class is open, else the single paths.
pub(super) fn open(answers: &PathAnswers<'_>) -> String {
    let mut open = Vec::with_capacity(2);
    for (class, public) in [
        (PathClass::Version, Public::Version),
        (PathClass::Health, Public::Health),
    ] {
        let mut granted = (answers.with(&Access::Granted))
            .filter(|path| path.class == class)
            .map(|path| path.path)
            .peekable();
        let closed = |access| answers.with(&access).any(|path| path.class == class);
        if closed(Access::Rejected) || closed(Access::Forbidden) {
            open.extend(granted);
        } else if granted.peek().is_some() {
            open.push(public.as_str());
        }
    }
    listed(open)
}
