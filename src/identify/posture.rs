//! What a product should answer, and whether it does.
//!
//! An expectation holds for a range of minor releases. Where anonymous is limited the version is
//! hidden; then the ranges that fit what was answered are held to be the right ones, and only if
//! none fits is the answer measured against all of them. What is not known is never graded.

use std::borrow::Cow;

use crate::model::{
    Confidence, Grade, Grant, Identification, Known, Minor, Posture, Product, Remedy, Standing, Text, Verdict,
};

use super::products::{Entry, Expected, ExpectedAnswer, TABLE};

/// What an endpoint showed, as far as the posture depends on it.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    /// The verdict.
    pub verdict: Verdict,
    /// What is open.
    pub grants: &'a [Grant],
    /// How many paths were asked.
    pub paths: usize,
    /// On how many of them authentication refused.
    pub refused: usize,
    /// What the user says must come out.
    pub expected: Option<Verdict>,
}

impl Answered<'_> {
    /// Whether more is open than discovery and its documents, which old releases opened to everybody.
    fn beyond_discovery(self) -> bool {
        self.grants.iter().any(|grant| grant.grade > Grade::Discovery && !document(grant))
    }

    /// Whether discovery or its documents are open.
    pub(super) fn opens_discovery(self) -> bool {
        self.grants.iter().any(|grant| grant.grade == Grade::Discovery || document(grant))
    }

    /// Whether metrics are open.
    pub(super) fn opens_metrics(self) -> bool {
        self.grants.iter().any(|grant| grant.grade == Grade::Telemetry && !document(grant))
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
    if !answered.verdict.settles() {
        return None;
    }
    let judged = judge(entry, identification, answered);
    Some(Posture {
        standing: judged.standing,
        expected: judged.verdicts(),
        mode: judged.given.and_then(|answer| answer.mode.as_deref()).map(Text::Borrowed),
        known: judged.known,
        sentence: sentence(entry, identification, answered, &judged),
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
    TABLE.entries.iter().find(|entry| entry.product.id == product.id)
}

/// The outcome, with what it rests on.
struct Judged {
    standing: Standing,
    /// The ranges that were held to be the right ones.
    ranges: Vec<&'static Expected>,
    /// The expected answer that was given, where it was.
    given: Option<&'static ExpectedAnswer>,
    known: Known,
    /// Whether the answer at `/api` is concluded from what is known.
    concluded: bool,
    source: Text,
    /// Why nothing is graded; empty where it is.
    why_unknown: Cow<'static, str>,
}

impl Judged {
    fn answers(&self) -> impl Iterator<Item = &'static ExpectedAnswer> {
        self.ranges.iter().flat_map(|range| range.answers.iter())
    }

    fn verdicts(&self) -> Vec<Verdict> {
        let mut verdicts: Vec<Verdict> =
            self.answers().filter(|answer| !answer.undecided).map(|answer| answer.verdict).collect();
        verdicts.sort_unstable();
        verdicts.dedup();
        verdicts
    }

    fn note(&self) -> Option<&'static str> {
        self.ranges.iter().find_map(|range| range.note.as_deref())
    }
}

fn judge(entry: &'static Entry, identification: &Identification, answered: Answered<'_>) -> Judged {
    let verdict = answered.verdict;
    let ranges = ranges(entry, identification.minor(), verdict);
    let given = ranges.iter().flat_map(|range| range.answers.iter()).find(|answer| answer.verdict == verdict);
    let excused = verdict != Verdict::Exposed || !answered.beyond_discovery();
    let given = given.filter(|_| excused);
    let unknown = |ranges, why: Cow<'static, str>| Judged {
        standing: Standing::Unknown,
        ranges,
        given: None,
        known: Known::Unknown,
        concluded: false,
        source: Text::default(),
        why_unknown: why,
    };
    if ranges.is_empty() {
        let why = entry.unknown.as_deref().unwrap_or("nothing is known of this version");
        return unknown(ranges, format!("what it should answer is not known ({why})").into());
    }
    if identification.attribution.confidence.is_none_or(|confidence| confidence < Confidence::Medium) {
        return unknown(
            ranges,
            "which product it is rests on one shared sign, too little to grade it".into(),
        );
    }
    if foreign_build(identification) {
        return unknown(ranges, "its version carries the mark of a build that no known product has".into());
    }
    if given.is_none() && could_differ(identification) {
        return unknown(
            ranges,
            "it could also be a product built on this one, whose default is not known".into(),
        );
    }
    if let Some(answer) = given.filter(|answer| answer.undecided) {
        let why = answer.mode.as_deref().unwrap_or("what would decide it cannot be seen");
        return Judged { given, ..unknown(ranges, why.into()) };
    }
    let mut judged = Judged { given, ..unknown(ranges, Cow::default()) };
    let expected = judged.verdicts();
    // `Verdict` is ordered from the most open to the most closed.
    let (loosest, strictest) = (expected.first().copied(), expected.last().copied());
    judged.standing = match given {
        Some(_) if expected.len() == 1 => Standing::AsDocumented,
        Some(_) => Standing::Either,
        None if !excused || loosest.is_some_and(|loosest| verdict < loosest) => Standing::Looser,
        None if strictest.is_some_and(|strictest| verdict > strictest) => Standing::Stricter,
        None => {
            judged.why_unknown = "it lies between the answers that are expected".into();
            Standing::Unknown
        }
    };
    // What the grade rests on: the answer that was given, else the weakest of those that were not.
    let basis = given.or_else(|| judged.answers().filter(|a| !a.undecided).min_by_key(|answer| answer.known));
    if let Some(basis) = basis {
        judged.known = basis.known;
        judged.concluded = basis.concluded;
        judged.source.clone_from(&basis.source);
    }
    judged
}

/// Whether `/version` shows a build that is neither upstream's nor one of a product that fits.
fn foreign_build(identification: &Identification) -> bool {
    let Some(version) = &identification.version else { return false };
    let plain = version.strip_prefix('v').is_some_and(|rest| {
        let (numbers, stage) = rest.split_once('-').unwrap_or((rest, ""));
        let released =
            stage.is_empty() || ["alpha.", "beta.", "rc."].iter().any(|word| stage.starts_with(word));
        released && numbers.chars().all(|c| c.is_ascii_digit() || c == '.')
    });
    !plain && !identification.attribution.marks.iter().any(|mark| mark.seen == *version)
}

/// Whether one of the products that cannot be told from it has no known expectation.
fn could_differ(identification: &Identification) -> bool {
    let mut others = identification.attribution.others.iter().filter_map(by_id);
    others.any(|other| other.expected.is_empty())
}

/// The ranges that count: those of the version where it shows, else those that fit the answer, else
/// all.
fn ranges(entry: &'static Entry, minor: Option<Minor>, verdict: Verdict) -> Vec<&'static Expected> {
    if let Some(minor) = minor {
        return entry.expected.iter().filter(|range| range.holds_for(minor)).collect();
    }
    let fits = |range: &&Expected| range.answers.iter().any(|answer| answer.verdict == verdict);
    // An open server shows its version unless somebody hid it: an old release is no excuse then.
    if verdict == Verdict::Exposed {
        return entry.expected.iter().filter(|range| !fits(range)).collect();
    }
    let fitting: Vec<&Expected> = entry.expected.iter().filter(fits).collect();
    if fitting.is_empty() { entry.expected.iter().collect() } else { fitting }
}

/// The whole of it for people: who, what was answered, what that tells, and how it stands.
fn sentence(
    entry: &Entry,
    identification: &Identification,
    answered: Answered<'_>,
    judged: &Judged,
) -> String {
    let name = &entry.product.short;
    let version = match &identification.version {
        Some(version) => format!(" {version}"),
        None => ", version not shown".to_owned(),
    };
    let seen = in_words(answered);
    let mode = judged.given.and_then(|answer| answer.mode.as_deref());
    let since = since(judged);
    let told = match (judged.known, judged.concluded) {
        (Known::Documented, false) => format!("as {name} documents{since}"),
        (Known::Documented, true) => format!("as follows from what {name} documents{since}"),
        (Known::Observed, false) => format!("as {name} was seen to answer{since}"),
        (Known::Observed, true) => format!("as follows from how {name} was seen to answer{since}"),
        (Known::Inferred | Known::Unknown, _) => format!("as is inferred for {name}{since}"),
    };
    let expected = judged.verdicts().iter().map(|verdict| verdict.word()).collect::<Vec<_>>().join(" or ");
    let basis = match (judged.known, judged.concluded) {
        (Known::Documented, false) => "documented",
        (Known::Documented, true) => "follows from what is documented",
        (Known::Observed, false) => "observed elsewhere",
        (Known::Observed, true) => "follows from what was observed elsewhere",
        (Known::Inferred | Known::Unknown, _) => "inferred",
    };
    match judged.standing {
        Standing::AsDocumented => match mode {
            Some(mode) => format!("{name}{version}: {seen}, {told}: {mode}, confirmed from outside"),
            None => format!("{name}{version}: {seen}, {told}: confirmed from outside"),
        },
        Standing::Either => {
            let mode = mode.unwrap_or("one of the answers that are expected");
            // What is only concluded, or one of two things, is not confirmed.
            let confirmed = if judged.concluded { "" } else { ", confirmed from outside" };
            format!("{name}{version}: {seen}: {mode}{confirmed}")
        }
        Standing::Stricter => {
            format!("{name}{version}: {seen}: stricter than {basis} ({expected})")
        }
        Standing::Looser => {
            let note = judged.note().map(|note| format!("; {note}")).unwrap_or_default();
            format!("{name}{version}: {seen}: more open than {basis} ({expected}){note}")
        }
        Standing::Unknown => {
            format!("{name}{version}: {seen}; not graded: {}", judged.why_unknown)
        }
    }
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

/// What was answered.
fn in_words(answered: Answered<'_>) -> String {
    let health = |grant: &&Grant| grant.grade == Grade::PublicInfo && !grant.path.starts_with("/version");
    let open: Vec<&Grant> = answered.grants.iter().filter(|grant| grant.grade != Grade::Product).collect();
    match answered.verdict {
        Verdict::Rejected if answered.refused == answered.paths => {
            format!("anonymous refused on all {} API paths asked", answered.paths)
        }
        Verdict::Rejected => {
            format!("anonymous refused on {} of {} API paths asked", answered.refused, answered.paths)
        }
        Verdict::Limited if !open.is_empty() && open.iter().all(health) => {
            "anonymous limited to health checks".to_owned()
        }
        Verdict::Limited => "anonymous limited to some paths".to_owned(),
        Verdict::Forbidden if open.is_empty() => {
            "anonymous accepted as a user, and no grant among the paths asked".to_owned()
        }
        Verdict::Forbidden => {
            "anonymous accepted as a user, with version or health open and /api forbidden".to_owned()
        }
        _ => "more than version and health open to anonymous".to_owned(),
    }
}
