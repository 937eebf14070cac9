//! A posture in a sentence for people: who, what was answered, what that tells, and how it stands.

use super::shown::{Resources, Shown};
use super::{Answered, Judged};
use crate::identify::products::{Entry, ExpectedAnswer, Public};
use crate::model::{Access, Identification, PathClass, PostureStatus, Provenance, Verdict};

/// The whole sentence.
pub(super) fn sentence(
    entry: &Entry,
    identification: &Identification,
    answered: Answered<'_>,
    shown: &Shown<'_>,
    judged: &Judged,
) -> String {
    let name = &entry.product.short;
    let version = match &identification.version {
        Some(version) => format!(" {version}"),
        None => ", version not shown".to_owned(),
    };
    let seen = seen(answered.verdict, shown);
    let mode = judged.given.and_then(|answer| answer.mode.as_deref());
    let since = since(judged);
    let told = match (judged.known, judged.concluded) {
        (Provenance::Documented, false) => format!("as {name} documents{since}"),
        (Provenance::Documented, true) => format!("as follows from what {name} documents{since}"),
        (Provenance::Observed, false) => format!("as {name} was seen to answer{since}"),
        (Provenance::Observed, true) => {
            format!("as follows from how {name} was seen to answer{since}")
        }
        (Provenance::Inferred | Provenance::Unknown, _) => {
            format!("as is inferred for {name}{since}")
        }
    };
    let expected = expected(judged);
    let basis = match (judged.known, judged.concluded) {
        (Provenance::Documented, false) => "documented",
        (Provenance::Documented, true) => "follows from what is documented",
        (Provenance::Observed, false) => "observed elsewhere",
        (Provenance::Observed, true) => "follows from what was observed elsewhere",
        (Provenance::Inferred | Provenance::Unknown, _) => "inferred",
    };
    let hidden = hidden(shown);
    let and_hidden = hidden.map_or_else(String::new, |hidden| format!("; {hidden}"));
    match judged.standing {
        PostureStatus::AsDocumented => match mode {
            Some(mode) => {
                format!(
                    "{name}{version}: {seen}, {told}: {mode}, confirmed from outside{and_hidden}"
                )
            }
            None => format!("{name}{version}: {seen}, {told}: confirmed from outside{and_hidden}"),
        },
        PostureStatus::Either => {
            let mode = mode.unwrap_or("one of the answers that are expected");
            // What is only concluded, or one of two things, is not confirmed.
            let confirmed = if judged.concluded {
                ""
            } else {
                ", confirmed from outside"
            };
            format!("{name}{version}: {seen}: {mode}{confirmed}{and_hidden}")
        }
        PostureStatus::Stricter => {
            format!("{name}{version}: {seen}: stricter than {basis} ({expected}){and_hidden}")
        }
        PostureStatus::Looser => {
            let note = judged
                .note()
                .map(|note| format!("; {note}"))
                .unwrap_or_default();
            format!("{name}{version}: {seen}: more open than {basis} ({expected}){note}")
        }
        PostureStatus::Unknown if judged.partly => format!(
            "{name}{version}: {seen}: stricter than {basis} ({expected}) on these paths, and not graded beyond \
             them{and_hidden}"
        ),
        PostureStatus::Unknown => {
            format!(
                "{name}{version}: {seen}; not graded: {}",
                judged.why_unknown
            )
        }
    }
}

/// What the answers cannot show where authentication refuses: it may let other paths in.
fn hidden(shown: &Shown<'_>) -> Option<&'static str> {
    if shown.rejected() == 0 {
        return None;
    }
    Some(match shown.resources {
        Resources::Clear => "a condition on another path would not show",
        Resources::Partly => {
            "not all resources were answered, and a condition on another path would not show"
        }
        Resources::NotAsked => {
            "resources were not asked, and a condition on another path would not show"
        }
    })
}

/// ` from 1.32 on`, where the release decides.
fn since(judged: &Judged) -> String {
    match judged.ranges.as_slice() {
        [range] => match (range.from, range.to) {
            (Some(from), None) => format!(" from {from} on"),
            (Some(from), Some(to)) => format!(" from {from} to {to}"),
            (None, Some(to)) => format!(" up to {to}"),
            (None, None) => String::new(),
        },
        _ => String::new(),
    }
}

/// The expected answers: `limited to health or forbidden with version and health open`.
fn expected(judged: &Judged) -> String {
    let mut answers: Vec<&ExpectedAnswer> = judged.decided().collect();
    answers.sort_by_key(|answer| answer.verdict);
    let mut said: Vec<String> = answers.into_iter().map(in_words).collect();
    said.dedup();
    said.join(" or ")
}

fn in_words(answer: &ExpectedAnswer) -> String {
    let open = listed(answer.open.iter().map(|public| public.as_str()));
    match answer.verdict {
        verdict if open.is_empty() => verdict.to_string(),
        Verdict::Limited => format!("limited to {open}"),
        verdict => format!("{verdict} with {open} open"),
    }
}

/// What was answered.
fn seen(verdict: Verdict, shown: &Shown<'_>) -> String {
    let open = open(shown);
    match verdict {
        Verdict::Rejected if shown.rejected() == shown.asked => {
            format!("anonymous refused on all {} API paths asked", shown.asked)
        }
        Verdict::Rejected => {
            format!(
                "anonymous refused on {} of {} API paths asked",
                shown.rejected(),
                shown.asked
            )
        }
        Verdict::Limited if open.is_empty() => {
            let accepted = listed(shown.that_are(&Access::Forbidden).map(|(path, _)| path));
            format!("anonymous accepted on some paths alone, with no grant among them ({accepted})")
        }
        Verdict::Limited => format!("anonymous limited to {open}"),
        Verdict::Forbidden if open.is_empty() => {
            "anonymous accepted as a user, and no grant among the paths asked".to_owned()
        }
        Verdict::Forbidden => {
            format!("anonymous accepted as a user, with {open} open and /api forbidden")
        }
        _ => "more than version and health open to anonymous".to_owned(),
    }
}

/// What is open: version and health by these words where all of them that was asked is, else by path.
fn open(shown: &Shown<'_>) -> String {
    let granted: Vec<(&str, PathClass)> = shown.that_are(&Access::Granted).collect();
    let mut said = Vec::new();
    for (class, public) in [
        (PathClass::Version, Public::Version),
        (PathClass::Health, Public::Health),
    ] {
        let of_class = || granted.iter().filter(move |(_, of)| *of == class);
        let closed = |access| shown.that_are(&access).any(|(_, of)| of == class);
        if closed(Access::Rejected) || closed(Access::Forbidden) {
            said.extend(of_class().map(|(path, _)| *path));
        } else if of_class().next().is_some() {
            said.push(public.as_str());
        }
    }
    listed(said)
}

/// `a, b and c`.
fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<&str> = words.into_iter().collect();
    match words.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
