//! The gate: decides the exit code from verdicts, findings and coverage.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::str::FromStr;

use super::culprits::{MAX_NAMED, name};
use super::evaluator::Evaluation;
use super::gaps::Gaps;
use super::rules::rego;
use crate::model::{Coverage, Finding, Severity, Verdict, without_annotations};
use crate::wording::{first_and_more, listed, plural};

/// Exit code: nothing reaches the threshold.
pub const PASSED: u8 = 0;
/// Exit code: findings.
pub const FAILED: u8 = 1;
/// Exit code: the scan could not run, or could not continue.
pub const COULD_NOT_RUN: u8 = 2;
/// Exit code: too few named targets got a verdict.
pub const NOT_COVERED: u8 = 3;
/// Exit code: interrupted by a signal.
pub const INTERRUPTED: u8 = 130;

/// The threshold of the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailOn {
    /// An endpoint with this verdict or a more open one (`exposed`, `forbidden`, `limited`), or a critical finding.
    Verdict(Verdict),
    /// A finding of at least this severity.
    Severity(Severity),
    /// A new finding of at least this severity; by default `low`. So a new note, such as a posture stricter than
    /// documented, does not fail a scan by default.
    New(Option<Severity>),
    /// Nothing.
    Never,
}

impl FailOn {
    /// The verdicts that are thresholds, the least strict first.
    pub const VERDICTS: [Verdict; 3] = [Verdict::Exposed, Verdict::Forbidden, Verdict::Limited];

    /// Whether it needs a baseline.
    pub const fn needs_baseline(self) -> bool {
        matches!(self, Self::New(_))
    }
}

impl fmt::Display for FailOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verdict(verdict) => write!(f, "{verdict}"),
            Self::Severity(severity) => write!(f, "{severity}"),
            Self::New(None) => f.write_str("new"),
            Self::New(Some(severity)) => write!(f, "new:{severity}"),
            Self::Never => f.write_str("never"),
        }
    }
}

/// The text is not a threshold. The error does not repeat the text, which may come from a file with secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid threshold: expected a severity (critical, high, medium, low, note), new or new:SEVERITY, a verdict (exposed, forbidden, limited), or never"
)]
pub struct InvalidThreshold;

impl FromStr for FailOn {
    type Err = InvalidThreshold;

    fn from_str(text: &str) -> Result<Self, InvalidThreshold> {
        let verdict = || (text.parse().ok()).filter(|verdict| Self::VERDICTS.contains(verdict));
        let threshold = match text {
            "never" => Some(Self::Never),
            "new" => Some(Self::New(None)),
            _ => match text.strip_prefix("new:") {
                Some(severity) => (severity.parse().ok()).map(|severity| Self::New(Some(severity))),
                None => (text.parse().ok())
                    .map(Self::Severity)
                    .or_else(|| verdict().map(Self::Verdict)),
            },
        };
        threshold.ok_or(InvalidThreshold)
    }
}

/// How the scan ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanEnd {
    /// It finished, or reached a limit that the user set.
    Regular,
    /// A signal stopped it.
    Interrupted,
    /// It could not continue, for example because the disk is full.
    Failed,
}

/// The conditions for exit code 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gate {
    /// The threshold.
    pub fail_on: FailOn,
    /// The percentage of named targets that must get a verdict.
    pub require_coverage: u8,
}

/// The exit code and its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The exit code: 0, 1, 2, 3 or 130.
    pub code: u8,
    /// `exit 1: 1 exposed: prod-eu-1 (192.0.2.1:6443)`.
    pub sentence: String,
}

impl Gate {
    /// Decides the exit code of a scan.
    ///
    /// Accepted findings do not count. Neither do endpoints if every finding that explains their verdict is
    /// accepted, nor named targets whose missing verdict is accepted. If the threshold is a verdict, a critical
    /// finding counts as well. An unmet expectation and a denial by a policy fail at every threshold but `never`; with
    /// `new`, only if the baseline did not have it. An outage changes the sentence and not the code.
    pub fn decide(self, coverage: &Coverage, evaluation: &Evaluation, end: ScanEnd) -> Decision {
        // In an outage, one sentence stands for the findings that silent targets have no verdict. They still decide the
        // exit code. Whatever else fails is named, such as an expectation.
        let hidden = match evaluation.outage {
            Some(_) => coverage.silent_origins(),
            None => HashSet::new(),
        };
        let (of_outage, listed): (Vec<&Finding>, Vec<&Finding>) = (evaluation.findings.iter())
            .partition(|finding| finding.rule.about_coverage && hidden.contains(&*finding.origin));
        let reaches = |finding: &&&Finding| self.fail_on.reached_by(finding);
        let is_unmet = |finding: &&&Finding| self.fail_on.counts_expectation(finding);
        let is_denied = |finding: &&&Finding| self.fail_on.counts_denial(finding);
        let mut parts = self.verdicts_at_threshold(coverage, evaluation);
        parts.extend(
            self.fail_on
                .reached_text(listed.iter().filter(reaches).copied()),
        );
        parts.extend(unmet_text(listed.iter().filter(is_unmet).copied()));
        parts.extend(denied_text(listed.iter().filter(is_denied).copied()));
        let mut of_outage = of_outage.iter();
        let fails = !parts.is_empty()
            || of_outage
                .any(|finding| reaches(&finding) || is_unmet(&finding) || is_denied(&finding));
        let gaps = Gaps::of(coverage, evaluation);
        let (covered, named) = (coverage.covered() as u64, coverage.named() as u64);
        let required = self.require_coverage;
        let is_short = covered * 100 < (named - gaps.accepted) * u64::from(required);
        if let Some(outage) = evaluation.outage {
            parts.push(outage.to_string());
            parts.extend(gaps.text_besides_outage(required).filter(|_| is_short));
        } else if is_short {
            parts.push(gaps.text(named, required));
        }
        // The counts show whether the scan could ask anything. A saved report has no other sign of it.
        let (code, problem) = match end {
            ScanEnd::Interrupted => (INTERRUPTED, Some("interrupted")),
            _ if coverage.could_not_scan() => (COULD_NOT_RUN, Some("could not scan")),
            ScanEnd::Failed => (COULD_NOT_RUN, Some("could not continue")),
            ScanEnd::Regular if fails => (FAILED, None),
            ScanEnd::Regular if is_short => (NOT_COVERED, None),
            ScanEnd::Regular => (PASSED, None),
        };
        if let Some(problem) = problem {
            parts.insert(0, problem.to_owned());
        }
        if code == PASSED {
            let nothing = match self.fail_on {
                FailOn::Never => "--fail-on never".to_owned(),
                threshold => format!(
                    "nothing at --fail-on {threshold}{}",
                    self.accepted(evaluation)
                ),
            };
            parts.insert(0, nothing);
        }
        // This is no reason to fail, but a scan that did not ask everything must say so.
        if coverage.not_attempted > 0 {
            let what = if coverage.further_addresses > 0 {
                "targets and addresses"
            } else {
                "targets"
            };
            let all = coverage.targets + coverage.further_addresses;
            parts.push(format!(
                "{} of {all} {what} not attempted",
                coverage.not_attempted
            ));
        }
        let missing = coverage.left_out.iter().filter(|(why, _)| why.is_missed());
        parts.extend(missing.map(|(why, count)| why.counted(*count)));
        Decision {
            code,
            sentence: format!("exit {code}: {}", parts.join("; ")),
        }
    }

    /// ` (1 exposed accepted)`: the endpoints that do not count although their verdict reaches the threshold.
    fn accepted(self, evaluation: &Evaluation) -> String {
        let accepted = self.fail_on.verdicts().filter_map(|verdict| {
            let count = evaluation.accepted_verdicts.get(&verdict)?;
            Some(format!("{count} {verdict}"))
        });
        let accepted: Vec<String> = accepted.collect();
        if accepted.is_empty() {
            return String::new();
        }
        format!(
            " ({} accepted)",
            listed(accepted.iter().map(String::as_str))
        )
    }

    /// The endpoints whose verdict reaches the threshold: `2 exposed: prod-eu-1 (192.0.2.1:6443), 192.0.2.9:6443`, or
    /// `2 exposed (1 more accepted): …`.
    fn verdicts_at_threshold(self, coverage: &Coverage, evaluation: &Evaluation) -> Vec<String> {
        let mut parts = Vec::new();
        for verdict in self.fail_on.verdicts() {
            let accepted = evaluation.accepted_verdicts.get(&verdict);
            let accepted = accepted.copied().unwrap_or(0);
            let count = coverage.count(verdict).saturating_sub(accepted);
            if count > 0 {
                let named = evaluation.culprits.get(&verdict);
                let named = named.map_or_else(String::new, |named| named.text(count));
                let more = match accepted {
                    0 => String::new(),
                    more => format!(" ({more} more accepted)"),
                };
                parts.push(with_names(format!("{count} {verdict}{more}"), &named));
            }
        }
        parts
    }
}

impl FailOn {
    /// The verdicts that reach a verdict threshold. Verdicts are ordered worst first.
    fn verdicts(self) -> impl Iterator<Item = Verdict> {
        Self::VERDICTS
            .into_iter()
            .filter(move |verdict| matches!(self, Self::Verdict(least) if *verdict <= least))
    }

    /// Whether a finding reaches the threshold. At a verdict threshold a critical finding does, unless it only
    /// explains a verdict that is already counted.
    fn reached_by(self, finding: &Finding) -> bool {
        let is_severe = match self {
            Self::Severity(least) => finding.severity <= least,
            Self::New(least) => {
                finding.is_new() && finding.severity <= least.unwrap_or(Severity::Low)
            }
            Self::Verdict(_) => {
                let is_counted = |verdict| finding.verdict == Some(verdict);
                let explains_counted =
                    finding.rule.anonymous_access && self.verdicts().any(is_counted);
                finding.severity == Severity::Critical && !explains_counted
            }
            Self::Never => false,
        };
        is_severe && finding.counts()
    }

    /// Whether a finding shows an unmet expectation that fails the scan and is not already counted.
    fn counts_expectation(self, finding: &Finding) -> bool {
        finding.expected.is_some() && self.counts_anyway(finding)
    }

    /// Whether a finding is a denial by a policy that fails the scan and is not already counted.
    fn counts_denial(self, finding: &Finding) -> bool {
        *finding.rule == rego::DENIED && self.counts_anyway(finding)
    }

    /// Whether a finding that fails a scan whatever its severity is not already counted for it.
    fn counts_anyway(self, finding: &Finding) -> bool {
        let counts = match self {
            Self::Verdict(_) | Self::Severity(_) => true,
            Self::New(_) => finding.is_new(),
            Self::Never => false,
        };
        counts && finding.counts() && !self.reached_by(finding)
    }

    /// `1 critical and 2 high findings: etcd-open at 192.0.2.7:2379, …`; `None` without findings.
    fn reached_text<'a>(self, findings: impl Iterator<Item = &'a Finding>) -> Option<String> {
        let mut by_severity: BTreeMap<Severity, u64> = BTreeMap::new();
        let counted = findings.inspect(|finding| {
            *by_severity.entry(finding.severity).or_default() += 1;
        });
        let (total, names) = first_named(counted, |finding| {
            format!("{} at {}", finding.rule.id, name_of(finding))
        })?;
        let counts: Vec<String> = by_severity
            .iter()
            .map(|(severity, count)| format!("{count} {severity}"))
            .collect();
        let counts = listed(counts.iter().map(String::as_str));
        let new = if self.needs_baseline() { "new " } else { "" };
        let noun = if total == 1 { "finding" } else { "findings" };
        Some(with_names(format!("{counts} {new}{noun}"), &names))
    }
}

/// `2 expectations not met: prod-eu-1 (192.0.2.1:6443) expected rejected, …`; `None` without findings.
fn unmet_text<'a>(findings: impl Iterator<Item = &'a Finding>) -> Option<String> {
    let (total, names) = first_named(findings, |finding| {
        let expected = finding.expected.map_or("another verdict", Verdict::as_str);
        format!("{} expected {expected}", name_of(finding))
    })?;
    let count = plural(total, "expectation", "expectations");
    Some(with_names(format!("{count} not met"), &names))
}

/// `2 targets denied by a policy: prod-eu-1 (192.0.2.1:6443), …`; `None` without findings.
fn denied_text<'a>(findings: impl Iterator<Item = &'a Finding>) -> Option<String> {
    let (total, names) = first_named(findings, name_of)?;
    let count = plural(total, "target", "targets");
    Some(with_names(format!("{count} denied by a policy"), &names))
}

/// The number of findings, and the first of them as text: `a, b, c and 5 more`. `None` without findings.
fn first_named<'a>(
    findings: impl Iterator<Item = &'a Finding>,
    text: impl Fn(&Finding) -> String,
) -> Option<(u64, String)> {
    let mut shown = Vec::new();
    let mut total = 0;
    for finding in findings {
        total += 1;
        if shown.len() < MAX_NAMED {
            shown.push(text(finding));
        }
    }
    let names = first_and_more(&shown, total - shown.len() as u64);
    (total > 0).then_some((total, names))
}

fn name_of(finding: &Finding) -> String {
    let about = finding.about.as_str();
    let is_specification = finding.index.is_none();
    let about = if is_specification {
        without_annotations(about)
    } else {
        about
    };
    name(finding.label.as_deref(), about)
}

/// `2 exposed: a, b`; without names the count alone.
fn with_names(count: String, names: &str) -> String {
    if names.is_empty() {
        count
    } else {
        format!("{count}: {names}")
    }
}
