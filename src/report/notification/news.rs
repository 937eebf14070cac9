//! Chooses what to tell about a scan.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use strum::{VariantArray, VariantNames};

use crate::model::{Finding, Fingerprint, Identity, Origin, Severity, hex, words};
use crate::report::Results;
use crate::wording::counts;

/// What happened to a finding since the baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[derive(VariantArray, VariantNames)]
#[strum(serialize_all = "kebab-case")]
pub enum NewsKind {
    /// It was not there before, or its acceptance ended.
    New,
    /// It is more severe than before, or more is open.
    Worse,
    /// The scan can no longer tell: a target got no verdict, or a known finding could not be looked for again.
    Lost,
    /// It was looked for and is no longer there.
    Fixed,
}

words!(NewsKind, all);

/// One thing to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct News<'a> {
    /// What happened.
    pub kind: NewsKind,
    /// The finding; a fixed one as it was in the baseline.
    pub finding: &'a Finding,
}

/// The findings that the scan is compared with.
#[derive(Debug, Clone, Copy)]
pub struct Before<'a> {
    /// The findings of the baseline, with those that it carried.
    pub findings: &'a [Finding],
    /// Which of them it carried: they were lost before.
    pub carried: &'a HashSet<Fingerprint>,
    /// The folder that keeps the baseline of scheduled scans, as it is written.
    pub folder: Option<&'a str>,
}

/// What to tell about one scan.
#[derive(Debug, Clone)]
pub struct Notification<'a> {
    /// The news, the most urgent kind first, and of each kind the worst finding first.
    pub news: Vec<News<'a>>,
    /// When the scan began.
    pub started: Timestamp,
    /// The name of the scan, if it has one.
    pub scan: Option<&'a str>,
    /// The folder that keeps its baseline.
    pub(super) folder: Option<&'a str>,
    /// Which outage explains the lost targets, in a sentence.
    pub(super) outage: Option<String>,
}

impl<'a> Notification<'a> {
    /// Compares the results of a scan with what was known before. The findings of the results must have been compared with
    /// the same baseline.
    pub fn new(results: &Results<'a>, before: Before<'a>) -> Self {
        let known: HashMap<Fingerprint, &Finding> = (before.findings.iter())
            .filter(|finding| matters(finding))
            .map(|finding| (finding.fingerprint, finding))
            .collect();
        let open = |finding: &&Finding| finding.rule.anonymous_access && !finding.accepted();
        let was_open: HashSet<&Identity> =
            known.values().copied().filter(open).map(about).collect();
        let replaced = results.replaced();
        let kind_of = |finding: &'a Finding| {
            let same = known.get(&finding.fingerprint);
            if finding.gone() {
                let was_told = same.is_some_and(|same| !same.accepted());
                let is_fixed = was_told && replaced.by(finding).is_none();
                return is_fixed.then_some(NewsKind::Fixed);
            }
            if !finding.counts() {
                return None;
            }
            if same.is_some_and(|same| same.accepted()) {
                return Some(NewsKind::New);
            }
            if !finding.is_new() {
                return None;
            }
            let had_access = finding.rule.anonymous_access && was_open.contains(&finding.about);
            Some(match () {
                () if finding.rule.about_coverage => NewsKind::Lost,
                () if same.is_some() || had_access => NewsKind::Worse,
                () => NewsKind::New,
            })
        };
        let mut news: Vec<News<'a>> = (results.findings.iter())
            .filter(|finding| matters(finding))
            .filter_map(|finding| Some((kind_of(finding)?, finding)))
            .map(|(kind, finding)| News { kind, finding })
            .collect();
        // Of carried findings, one for each target says that it is lost.
        let carried = results.carried.iter().filter_map(|finding| {
            let was_accepted =
                (known.get(&finding.fingerprint)).is_some_and(|same| same.accepted());
            let kind = if was_accepted {
                NewsKind::New
            } else {
                NewsKind::Lost
            };
            let was_told = !was_accepted && before.carried.contains(&finding.fingerprint);
            let tells = matters(finding) && finding.counts() && !was_told;
            tells.then_some(News { kind, finding })
        });
        news.extend(carried);
        // What is said about all of a specification is not said about each of its targets.
        let is_of_coverage =
            |news: &News<'_>| news.kind == NewsKind::Lost || news.finding.rule.about_coverage;
        let whole: HashSet<(NewsKind, &Origin)> = (news.iter())
            .filter(|news| is_of_coverage(news) && news.finding.index.is_none())
            .map(|news| (news.kind, &*news.finding.origin))
            .collect();
        let mut said: HashSet<(NewsKind, &Identity)> = HashSet::new();
        news.retain(|news| {
            let News { kind, finding } = news;
            !is_of_coverage(news)
                || finding.index.is_none()
                || !whole.contains(&(*kind, &*finding.origin))
                    && said.insert((*kind, &finding.about))
        });
        news.sort_by(|one, other| {
            (one.kind, one.finding.order_key()).cmp(&(other.kind, other.finding.order_key()))
        });
        Self {
            news,
            started: results.summary.started,
            scan: results.info.config.scan_name.as_deref(),
            folder: before.folder,
            outage: results.outage.map(|outage| outage.to_string()),
        }
    }

    /// The identity of this notification: a receiver that gets it twice gets the same one. 32 hexadecimal digits.
    pub fn id(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(format!(
            "{}\n{}\n",
            self.started,
            self.scan.unwrap_or_default()
        ));
        for News { kind, finding } in &self.news {
            hash.update(format!("{} {}\n", kind.as_str(), finding.fingerprint));
        }
        let digits = hex(hash.finalize());
        digits.chars().take(32).collect()
    }

    /// `2 new, 1 fixed`.
    pub(super) fn counts(&self) -> String {
        counts(self.by_kind().map(|(kind, count)| (count, kind.as_str())))
    }

    /// How many news there are of each kind.
    pub(super) fn by_kind(&self) -> impl Iterator<Item = (NewsKind, usize)> {
        NewsKind::ALL.into_iter().map(|kind| {
            let of_kind = self.news.iter().filter(|news| news.kind == kind);
            (kind, of_kind.count())
        })
    }
}

fn about(finding: &Finding) -> &Identity {
    &finding.about
}

/// Whether receivers are told of such findings: a note is nothing to act on.
pub(super) fn matters(finding: &Finding) -> bool {
    finding.severity != Severity::Note
}
