//! The results of a scan, which every format shows.

use std::collections::{BTreeMap, HashSet};

use super::phrases::{counts, plural};
use super::replaced::Replaced;
use crate::model::{
    Change, ChangeKind, Finding, Origin, Outage, Rule, ScanSummary, SinceReported, SpecCoverage,
    UnusedAcceptance, Verdict,
};
use crate::record::{Contents, ScanInfo};

/// The results of a scan, without its endpoint records.
#[derive(Debug, Clone, Copy)]
pub struct Results<'a> {
    /// The settings of the scan.
    pub info: ScanInfo<'a>,
    /// When it ran, and its coverage.
    pub summary: &'a ScanSummary,
    /// The findings, the worst first.
    pub findings: &'a [Finding],
    /// The findings of earlier scans whose targets could not be asked again, the worst first. Their messages say when
    /// they were last seen. Formats whose reader closes what is missing have them as results. No count has them.
    pub carried: &'a [Finding],
    /// Endpoints by verdict, if the finding that explains the verdict is accepted.
    pub accepted_verdicts: &'a BTreeMap<Verdict, u64>,
    /// What became of the endpoints that another scanner reported.
    pub since_reported: &'a BTreeMap<SinceReported, u64>,
    /// The acceptances that match no finding.
    pub unused_acceptances: &'a [UnusedAcceptance],
    /// Findings that count but are left out of [`Self::findings`], because the user wants to see only some severities.
    pub not_shown: usize,
    /// The changes since the baseline; `None` without a baseline.
    pub changes: Option<&'a [Change]>,
    /// The outage since the baseline, if there is one.
    pub outage: Option<Outage>,
    /// All rules, with or without findings.
    pub rules: &'a [&'static Rule],
    /// The decision of the gate.
    pub outcome: GateResult<'a>,
}

/// The decision of the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GateResult<'a> {
    /// The exit code.
    pub code: u8,
    /// The reason for the exit code: `exit 1: 1 exposed: prod-eu-1 (192.0.2.1:6443)`.
    pub sentence: &'a str,
}

impl<'a> GateResult<'a> {
    /// The reasons one by one; the first begins with the exit code.
    pub(super) fn reasons(self) -> impl Iterator<Item = &'a str> {
        self.sentence.split("; ")
    }
}

impl<'a> Results<'a> {
    /// The part of the results that a saved report contains, besides the records.
    pub(super) fn contents(&self) -> Contents<'a> {
        Contents {
            info: self.info,
            summary: self.summary,
            findings: self.findings,
            unused_acceptances: self.unused_acceptances,
        }
    }

    /// `3 exposed (1 accepted)`; `None` without an endpoint of this verdict.
    pub(super) fn verdict_count(&self, verdict: Verdict) -> Option<String> {
        let count = self.summary.coverage.count(verdict);
        let accepted = self.accepted_verdicts.get(&verdict);
        let accepted = accepted.map_or_else(String::new, |count| format!(" ({count} accepted)"));
        (count > 0).then(|| format!("{count} {verdict}{accepted}"))
    }

    /// `3 findings not shown (--severity)`, if there are any.
    pub(super) fn not_shown_notice(&self) -> Option<String> {
        let count = self.not_shown as u64;
        (count > 0).then(|| {
            format!(
                "{} not shown (--severity)",
                plural(count, "finding", "findings")
            )
        })
    }

    /// The findings that platforms keep open, the worst first: those that count, and those that are carried from earlier
    /// scans and not accepted.
    pub(super) fn open_findings(&self) -> Vec<&'a Finding> {
        let carried = self.carried.iter().filter(|finding| finding.counts());
        let mut open: Vec<&Finding> = self.counting_findings().chain(carried).collect();
        if !self.carried.is_empty() {
            open.sort_by(|one, other| one.order_key().cmp(&other.order_key()));
        }
        open
    }

    /// `carried from the baseline: 3 findings that could not be asked again, last seen 2026-11-02`, if there
    /// are any.
    pub(super) fn carried_notice(&self) -> Option<String> {
        let days = || self.carried.iter().filter_map(|finding| finding.last_seen);
        let (first, last) = (days().min()?, days().max()?);
        let count = plural(self.carried.len() as u64, "finding", "findings");
        let when = if first == last {
            first.to_string()
        } else {
            format!("{first} to {last}")
        };
        Some(format!(
            "carried from the baseline: {count} that could not be asked again, last seen {when}"
        ))
    }

    /// `12 endpoints that Shadowserver reported: 5 still open (200), 7 gone (no answer)`, if there are any.
    pub(super) fn reported_notice(&self) -> Option<String> {
        let count: u64 = self.since_reported.values().sum();
        let parts = self.since_reported.iter();
        let parts = counts(parts.map(|(since, count)| (*count, since.phrase())));
        (count > 0).then(|| {
            let endpoints = plural(count, "endpoint", "endpoints");
            format!("{endpoints} that Shadowserver reported: {parts}")
        })
    }

    /// The findings that are neither accepted nor gone.
    pub fn counting_findings(&self) -> impl Iterator<Item = &'a Finding> {
        self.findings.iter().filter(|finding| finding.counts())
    }

    /// The accepted findings, without those that are gone.
    pub(super) fn accepted_findings(&self) -> impl Iterator<Item = &'a Finding> {
        let findings = self.findings.iter();
        findings.filter(|finding| finding.accepted() && !finding.gone())
    }

    /// The findings to list: without those that a worse one replaces, and in an outage without those of silent targets.
    pub(super) fn listed_findings(&self) -> Vec<&'a Finding> {
        let (hidden, replaced) = (self.hidden_origins(), self.replaced());
        let findings = self.findings.iter();
        findings
            .filter(|finding| !hidden.contains(&*finding.origin))
            .filter(|finding| replaced.by(finding).is_none())
            .collect()
    }

    /// The findings that take the place of others.
    pub(super) fn replaced(&self) -> Replaced<'a> {
        Replaced::among(self.findings, self.carried)
    }

    /// The changes to list: in an outage, without those of silent targets. `None` without a baseline.
    pub(super) fn listed_changes(&self) -> Option<Vec<&'a Change>> {
        let hidden = self.hidden_origins();
        let is_hidden =
            |change: &&Change| change.kind == ChangeKind::Gone && hidden.contains(&*change.origin);
        let changes = self.changes?.iter();
        Some(changes.filter(|change| !is_hidden(change)).collect())
    }

    /// The specifications to list, among these: in an outage, without silent ones.
    pub(super) fn listed_specs(
        &self,
        which: impl Fn(&SpecCoverage) -> bool,
    ) -> Vec<&'a SpecCoverage> {
        let specs = self.summary.coverage.specs.iter();
        specs
            .filter(|spec| which(spec) && !(self.outage.is_some() && spec.is_silent()))
            .collect()
    }

    /// The named targets without a verdict. Reports list them, because a scan that saw nothing must not look like
    /// a good result.
    pub(super) fn missing_specs(&self) -> Vec<&'a SpecCoverage> {
        let specs = self.summary.coverage.specs.iter();
        specs.filter(|spec| spec.is_missing()).collect()
    }

    /// What an outage leaves out of lists: `271 changes and 273 findings of silent targets are not listed`.
    pub(super) fn outage_text(&self) -> Option<String> {
        self.outage?;
        let listed = self.listed_changes().unwrap_or_default().len();
        let changes = (self.changes.unwrap_or_default().len() - listed) as u64;
        let hidden = self.hidden_origins();
        let findings = self.findings.iter();
        let findings = findings.filter(|finding| hidden.contains(&*finding.origin));
        let findings = findings.count() as u64;
        let (changes, findings) = (
            plural(changes, "change", "changes"),
            plural(findings, "finding", "findings"),
        );
        Some(format!(
            "{changes} and {findings} of silent targets are not listed"
        ))
    }

    /// The sentence about the outage, where the sentence of the gate is not next to it.
    pub(super) fn outage_sentence(&self) -> Option<String> {
        Some(format!("{} {}", self.outage?, self.outage_text()?))
    }

    /// Where the silent targets of an outage were written.
    fn hidden_origins(&self) -> HashSet<&'a Origin> {
        let coverage = &self.summary.coverage;
        let silent = self.outage.map(|_| coverage.silent_origins());
        silent.unwrap_or_default()
    }

    /// The notices that the report of a part of a scan begins with.
    pub(super) fn partial_notices(&self) -> impl Iterator<Item = String> {
        let shard = self.info.config.shard;
        let shard = (shard.is_part())
            .then(|| format!("shard {shard} of a scan; the other shards are missing here"));
        let selection = self.summary.selection.as_ref().map(|selection| {
            let (endpoints, targets) = (selection.endpoints_left_out, selection.targets_left_out);
            let labels = selection.labels.join(", ");
            let targets = plural(targets, "target", "targets");
            if !selection.is_partial() {
                return format!("only targets with {labels} were asked; left out: {targets}");
            }
            let endpoints = plural(endpoints, "endpoint", "endpoints");
            format!("only targets with {labels}; left out: {endpoints} and {targets}")
        });
        shard.into_iter().chain(selection)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::super::sample;

    #[test]
    fn people_read_one_sentence_and_programs_everything() {
        let sample = sample::outage(276);
        let sentence = "267 changes and 273 findings of silent targets are not listed";
        let rule = "target-not-covered";
        for format in [
            Format::Table,
            Format::Markdown,
            Format::Html,
            Format::Github,
        ] {
            let text = sample::rendered(format, &sample);
            assert_eq!(text.matches(sentence).count(), 1, "{format}");
            assert!(!text.contains(rule), "{format}");
        }
        for format in [Format::Json, Format::Sarif, Format::Gitlab] {
            let text = sample::rendered(format, &sample);
            assert!(!text.contains(sentence), "{format}");
            assert!(text.matches(rule).count() >= 273, "{format}");
        }
    }

    #[test]
    fn targets_that_answer_are_shown_as_ever() {
        let mut sample = sample::outage(276);
        let changed = sample::mixed().changes.unwrap().remove(0);
        sample.changes.as_mut().unwrap().insert(0, changed);
        for format in [Format::Table, Format::Markdown, Format::Html] {
            let text = sample::rendered(format, &sample);
            assert!(
                text.contains("267 changes and 273 findings of silent targets are not listed"),
                "{format}"
            );
            assert!(
                text.contains("prod-eu-3") && text.contains("onprem-fra-1"),
                "{format}"
            );
        }
    }
}
