//! Anonymous requests: what is declared, what the product documents, and what was observed.

use crate::advise::observed::Observed;
use crate::advise::paths::{PathAnswers, Resources};
use crate::advise::posture::{common_status, given_answer, nothing_known, ranges};
use crate::advise::sentence::{expected_answers, open};
use crate::kubernetes::{Minor, PathClass};
use crate::model::{
    Access, ComparedFact, ComparisonResult, Confidence, Declared, DeclaredAnonymous, DeclaredFact,
    Identification, LIKELY_CAUSES, PostureStatus, Verdict,
};
use crate::products::{self, Entry};

/// `None` if the inventory neither declares a setting nor names the product that would decide.
pub(super) fn compare(
    declared: &Declared,
    identification: &Identification,
    observed: Observed<'_>,
) -> Option<ComparedFact> {
    let setting = declared.anonymous;
    if setting.is_none() && declared.provider.is_none() {
        return None;
    }
    let (result, sentence) = result_and_sentence(setting, identification, observed);
    Some(ComparedFact::new(
        DeclaredFact::AnonymousRequests,
        result,
        sentence,
    ))
}

fn result_and_sentence(
    setting: Option<DeclaredAnonymous>,
    identification: &Identification,
    observed: Observed<'_>,
) -> (ComparisonResult, String) {
    let declaration = setting.map_or_else(
        || "not declared".to_owned(),
        |setting| format!("{} declared", setting.setting()),
    );
    if !observed.verdict.is_conclusive() {
        let sentence = format!(
            "{declaration}; not compared: the verdict is {}",
            observed.verdict
        );
        return (ComparisonResult::NotCompared, sentence);
    }
    let entry = entry(identification, observed);
    let minor = identification.minor().or(observed.declared_minor());
    let answers = PathAnswers::of(observed, minor);
    let documented = Documented::of(entry, observed, &answers);
    let result = setting.map_or(ComparisonResult::NotCompared, |setting| {
        against(setting, observed.verdict, &answers)
    });
    let sentence = match (setting, result) {
        (Some(setting), ComparisonResult::Confirmed) => {
            let phrase = format!(
                "{declaration}, {}: confirmed from outside",
                confirmed(setting)
            );
            match documented.difference() {
                Some(difference) => format!("{phrase}; {difference} ({})", documented.text),
                None => phrase,
            }
        }
        (Some(_), _) => {
            let differs = match result {
                ComparisonResult::MoreOpen => "more open than declared",
                _ => "stricter than declared",
            };
            let seen = seen(observed, &answers);
            format!(
                "{declaration}; {}; observed: {seen}: {differs}; {LIKELY_CAUSES}",
                documented.text
            )
        }
        (None, _) => {
            let seen = seen(observed, &answers);
            let difference = documented.difference();
            let difference = difference.map_or_else(String::new, |text| format!(": {text}"));
            format!(
                "{declaration}; {}; observed: {seen}{difference}",
                documented.text
            )
        }
    };
    (result, sentence)
}

const fn confirmed(setting: DeclaredAnonymous) -> &'static str {
    match setting {
        DeclaredAnonymous::Enabled => "anonymous requests are authorized like others",
        DeclaredAnonymous::Limited => "health paths alone open",
    }
}

/// How the answers compare with a setting.
fn against(
    setting: DeclaredAnonymous,
    verdict: Verdict,
    answers: &PathAnswers<'_>,
) -> ComparisonResult {
    match setting {
        // Authorization decides then, and may refuse every path: only a 401 contradicts it.
        DeclaredAnonymous::Enabled if answers.rejected() == 0 => ComparisonResult::Confirmed,
        DeclaredAnonymous::Enabled => ComparisonResult::Stricter,
        DeclaredAnonymous::Limited => {
            let beyond_health = [Access::Granted, Access::Forbidden]
                .iter()
                .flat_map(|access| answers.with(access))
                .any(|(_, class)| !matches!(class, PathClass::Health | PathClass::Product));
            match verdict {
                _ if beyond_health => ComparisonResult::MoreOpen,
                Verdict::Limited => ComparisonResult::Confirmed,
                _ => ComparisonResult::Stricter,
            }
        }
    }
}

/// The product that the inventory declares, or else the one that was identified.
fn entry(identification: &Identification, observed: Observed<'_>) -> Option<&'static Entry> {
    let declared = observed
        .declared
        .and_then(|declared| declared.provider.as_deref());
    let declared = declared.and_then(products::by_id);
    declared.or_else(|| {
        let is_certain = identification.attribution.confidence >= Some(Confidence::Medium);
        products::entry(identification.product().filter(|_| is_certain)?)
    })
}

/// What a product documents for a version.
struct Documented {
    /// `documented for 1.33: limited to health`.
    text: String,
    /// How the answers compare with it; `None` if that is not known.
    status: Option<PostureStatus>,
    /// Whether paths that were not asked may be open, so that less is open only where it was asked.
    is_partial: bool,
}

impl Documented {
    fn of(
        entry: Option<&'static Entry>,
        observed: Observed<'_>,
        answers: &PathAnswers<'_>,
    ) -> Self {
        let Some(entry) = entry else {
            return Self {
                text: "documented: not known, because the product is not".to_owned(),
                status: None,
                is_partial: false,
            };
        };
        let ranges = ranges(entry, observed, answers);
        let version = version(answers.minor);
        let expected = expected_answers(&ranges);
        if expected.is_empty() {
            let why = nothing_known(entry, answers.minor, observed);
            return Self {
                text: format!("documented{version}: not known ({why})"),
                status: None,
                is_partial: false,
            };
        }
        let status = match given_answer(&ranges, answers) {
            Some(answer) if answer.undecided => None,
            Some(_) => Some(PostureStatus::AsDocumented),
            None => common_status(&ranges, answers),
        };
        Self {
            text: format!("documented{version}: {expected}"),
            status,
            is_partial: answers.rejected() > 0 && answers.resources != Resources::Clear,
        }
    }

    fn difference(&self) -> Option<&'static str> {
        match self.status? {
            PostureStatus::MoreOpen => Some("more open than documented"),
            PostureStatus::Stricter if self.is_partial => {
                Some("stricter than documented where asked")
            }
            PostureStatus::Stricter => Some("stricter than documented"),
            _ => None,
        }
    }
}

fn version(minor: Option<Minor>) -> String {
    minor.map_or_else(String::new, |minor| format!(" for {minor}"))
}

/// What was observed, in the words of what is documented.
fn seen(observed: Observed<'_>, answers: &PathAnswers<'_>) -> String {
    let open = open(answers);
    match observed.verdict {
        Verdict::Limited if open.is_empty() => "limited, and nothing open".to_owned(),
        Verdict::Limited => format!("limited to {open}"),
        Verdict::Forbidden if open.is_empty() => "forbidden with nothing open".to_owned(),
        Verdict::Forbidden => format!("forbidden with {open} open"),
        verdict => verdict.to_string(),
    }
}
