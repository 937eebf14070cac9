//! Anonymous requests: what is declared, what the product documents, and what was observed.

use super::identity::{Another, is_same};
use crate::advise::observed::Observed;
use crate::advise::paths::{PathAnswers, Resources};
use crate::advise::posture::{common_status, given_answer, nothing_known, ranges};
use crate::advise::sentence::{expected_answers_by_mode, limited, open};
use crate::kubernetes::{Minor, PathClass};
use crate::model::{
    Access, ApiPath, ComparedFact, ComparisonResult, Confidence, Declared, DeclaredAnonymous,
    DeclaredFact, Identification, LIKELY_CAUSES, PostureStatus, Verdict,
};
use crate::products::{self, Entry};
use crate::wording::listed;

/// `None` if the inventory neither declares a setting nor names the product that would decide.
pub(super) fn compare(
    declared: &Declared,
    identification: &Identification,
    observed: Observed<'_>,
    another: Option<&Another>,
) -> Option<ComparedFact> {
    let setting = declared.anonymous;
    if setting.is_none() && declared.provider.is_none() {
        return None;
    }
    let (result, sentence) = result_and_sentence(setting, identification, observed, another);
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
    another: Option<&Another>,
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
    // Without a setting, what another product documents is compared below.
    let is_told_apart =
        |another: &&Another| setting.is_some() || matches!(another, Another::Certificate);
    if let Some(another) = another.filter(is_told_apart) {
        let sentence = format!("{declaration}; {another}");
        return (ComparisonResult::NotCompared, sentence);
    }
    let product = Product::of(identification, observed);
    let answers = PathAnswers::of(observed, product.minor);
    let documented = Documented::of(&product, observed, &answers);
    let seen = seen(observed.verdict, &answers);
    let Some(setting) = setting else {
        let difference = documented.difference();
        let difference = difference.map_or_else(String::new, |text| format!(": {text} documented"));
        let sentence = format!(
            "{declaration}; {}; observed: {seen}{difference}",
            documented.text
        );
        return (ComparisonResult::NotCompared, sentence);
    };
    let result = against(setting, &answers);
    let conclusion = match result {
        ComparisonResult::Confirmed => {
            let phrase = format!(
                "{declaration}, {}: confirmed from outside",
                confirmed(setting)
            );
            let sentence = match documented.difference() {
                Some(difference) => format!(
                    "{phrase}; what was observed is {difference} {}",
                    documented.text
                ),
                None => phrase,
            };
            return (result, sentence);
        }
        ComparisonResult::NotCompared => {
            let unclear = listed(answers.unclear.iter().map(|path| path.path));
            format!("not compared, because {unclear} gave no clear answer")
        }
        ComparisonResult::MoreOpen => format!("more open than declared; {LIKELY_CAUSES}"),
        ComparisonResult::Stricter | ComparisonResult::Differs => {
            format!("stricter than declared; {LIKELY_CAUSES}")
        }
    };
    let sentence = format!(
        "{declaration}; {}; observed: {seen}: {conclusion}",
        documented.text
    );
    (result, sentence)
}

const fn confirmed(setting: DeclaredAnonymous) -> &'static str {
    match setting {
        DeclaredAnonymous::Enabled => "anonymous requests are authorized like others",
        DeclaredAnonymous::Limited => "health paths alone open",
    }
}

/// How the answers compare with a setting.
fn against(setting: DeclaredAnonymous, answers: &PathAnswers<'_>) -> ComparisonResult {
    match setting {
        // Authorization decides then, and may refuse every path: only a 401 contradicts it.
        DeclaredAnonymous::Enabled if answers.rejected() == 0 => ComparisonResult::Confirmed,
        DeclaredAnonymous::Enabled => ComparisonResult::Stricter,
        DeclaredAnonymous::Limited => {
            let health = |access| {
                (answers.with(&access))
                    .filter(|path| LIMITED_PATHS.contains(&path.path))
                    .count()
            };
            let accepted = [Access::Granted, Access::Forbidden]
                .map(|access| beyond_health(answers.with(&access)));
            if accepted.iter().any(|paths| !paths.is_empty()) {
                ComparisonResult::MoreOpen
            } else if health(Access::Forbidden) + health(Access::Rejected) > 0 {
                ComparisonResult::Stricter
            } else if health(Access::Granted) > 0
                && beyond_health(answers.unclear.iter()).is_empty()
            {
                ComparisonResult::Confirmed
            } else {
                ComparisonResult::NotCompared
            }
        }
    }
}

/// The paths that GKE's `LIMITED` leaves open.
const LIMITED_PATHS: [&str; 3] = ["/healthz", "/livez", "/readyz"];

/// The paths that GKE's `LIMITED` closes.
fn beyond_health<'a>(paths: impl Iterator<Item = &'a ApiPath<'a>>) -> Vec<&'a str> {
    let closed = paths.filter(|path| path.class != PathClass::Health);
    closed.map(|path| path.path).collect()
}

/// The product whose documentation counts: the one that answers, if that is certain, or else the declared one. So the
/// finding about anonymous access, which is about what answers, and the sentence use the same documentation.
struct Product {
    entry: Option<&'static Entry>,
    /// The release that it shows, or that is declared for it.
    minor: Option<Minor>,
    /// What the inventory declares, if that is another product.
    declared: Option<&'static Entry>,
}

impl Product {
    fn of(identification: &Identification, observed: Observed<'_>) -> Self {
        let declared = observed.declared;
        let declared = declared.and_then(|declared| declared.provider.as_deref());
        let declared = declared.and_then(products::by_id);
        let is_certain = identification.attribution.confidence >= Some(Confidence::Medium);
        let identified = identification.product().filter(|_| is_certain);
        let identified = identified.and_then(products::entry);
        let entry = identified.or(declared);
        let is_declared = entry.is_none_or(|entry| observed.declares(&entry.id));
        Self {
            entry,
            minor: (identification.minor())
                .or_else(|| observed.declared_minor().filter(|_| is_declared)),
            declared: declared
                .filter(|declared| entry.is_some_and(|entry| !is_same(&entry.id, &declared.id))),
        }
    }
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
    fn of(product: &Product, observed: Observed<'_>, answers: &PathAnswers<'_>) -> Self {
        let Some(entry) = product.entry else {
            return Self {
                text: "documented: not known, because the product is not".to_owned(),
                status: None,
                is_partial: false,
            };
        };
        let ranges = ranges(entry, observed, answers);
        let name = (!observed.declares(&entry.id)).then(|| entry.short.clone());
        let minor = product.minor.map(|minor| minor.to_string());
        let subject: Vec<String> = name.into_iter().chain(minor).collect();
        let subject = match subject.as_slice() {
            [] => String::new(),
            some => format!(" for {}", some.join(" ")),
        };
        let instead = product.declared.map_or_else(String::new, |declared| {
            format!(", which answers where {} is declared", declared.short)
        });
        let expected = expected_answers_by_mode(&ranges);
        if expected.is_empty() {
            let why = nothing_known(entry, answers.minor, observed);
            return Self {
                text: format!("documented{subject}{instead}: not known ({why})"),
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
            text: format!("documented{subject}{instead}: {expected}"),
            status,
            is_partial: answers.rejected() > 0 && answers.resources != Resources::Clear,
        }
    }

    /// `more open than`, to be followed by what.
    fn difference(&self) -> Option<&'static str> {
        match self.status? {
            PostureStatus::MoreOpen => Some("more open than"),
            PostureStatus::Stricter if self.is_partial => Some("stricter, where asked, than"),
            PostureStatus::Stricter => Some("stricter than"),
            _ => None,
        }
    }
}

/// What was observed, in the words of what is documented.
fn seen(verdict: Verdict, answers: &PathAnswers<'_>) -> String {
    let open = open(answers);
    match verdict {
        Verdict::Limited => limited(&open, answers),
        Verdict::Forbidden if open.is_empty() => {
            "accepted, and then forbidden on every path asked".to_owned()
        }
        Verdict::Forbidden => format!("forbidden with {open} open"),
        verdict => verdict.to_string(),
    }
}
