//! The gate: from verdicts, findings and coverage to an exit code and its sentence.

use std::fmt;
use std::str::FromStr;

use super::Judged;
use super::evaluator::explains;
use super::rules::expectation;
use crate::model::{BaselineState, Coverage, Finding, Identity, Severity, SpecCoverage, Verdict};

/// Exit code: nothing at or above the threshold.
const PASSED: u8 = 0;
/// Exit code: findings.
const FAILED: u8 = 1;
/// Exit code: it could not run, or not go on.
pub const COULD_NOT_RUN: u8 = 2;
/// Exit code: coverage below what was required.
pub const NOT_COVERED: u8 = 3;
/// Exit code: interrupted by a signal.
pub const INTERRUPTED: u8 = 130;

/// The threshold of the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailOn {
    /// An endpoint this open or more: `exposed`, `forbidden` or `limited`; or a critical finding.
    Verdict(Verdict),
    /// A finding this severe or more.
    Severity(Severity),
    /// A finding that the baseline does not have, this severe or more. Without a severity, `low` or
    /// more: a note is worth knowing and breaks nothing, such as a posture stricter than documented.
    New(Option<Severity>),
    /// Nothing.
    Never,
}

impl FailOn {
    /// The verdicts that are thresholds, the least strict first.
    pub const VERDICTS: [Verdict; 3] = [Verdict::Exposed, Verdict::Forbidden, Verdict::Limited];

    /// Whether it can only be decided against a baseline.
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

/// A word that names no threshold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no threshold; use a severity (critical, high, medium, low, note), new or new:SEVERITY, a verdict (exposed, forbidden, limited), or never"
)]
pub struct UnknownFailOn;

impl FromStr for FailOn {
    type Err = UnknownFailOn;

    fn from_str(text: &str) -> Result<Self, UnknownFailOn> {
        match text {
            "never" => return Ok(Self::Never),
            "new" => return Ok(Self::New(None)),
            _ => {}
        }
        if let Some(severity) = text.strip_prefix("new:") {
            return severity
                .parse()
                .map(|severity| Self::New(Some(severity)))
                .map_err(|_| UnknownFailOn);
        }
        if let Ok(severity) = text.parse() {
            return Ok(Self::Severity(severity));
        }
        let verdict = text
            .parse()
            .ok()
            .filter(|verdict| Self::VERDICTS.contains(verdict));
        verdict.map(Self::Verdict).ok_or(UnknownFailOn)
    }
}

/// How what is judged came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By itself, or by a limit that was asked for.
    Regular,
    /// By a signal.
    Interrupted,
    /// It could not go on: a full disk, a shortage that did not pass.
    Failed,
}

/// What must hold for exit code 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gate {
    /// The threshold.
    pub fail_on: FailOn,
    /// Percent of the named targets that must get a verdict.
    pub require_coverage: u8,
}

/// The exit code and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The exit code: 0, 1, 2, 3 or 130.
    pub code: u8,
    /// `1 verdict at --fail-on exposed: exit 1`.
    pub sentence: String,
}

impl Gate {
    /// Decides on what a scan came to.
    ///
    /// Accepted findings do not count, nor do endpoints of which every finding that explains the
    /// verdict is accepted, nor named targets whose missing verdict is, or all that was found beside the
    /// API server. A critical finding counts at every threshold of verdicts too. An expectation that is not
    /// met fails at every threshold but `never`; with `new`, if the baseline did not have it.
    pub fn decide(self, coverage: &Coverage, judged: &Judged, end: End) -> Decision {
        let mut parts = Vec::new();
        let over = self.over_threshold(coverage, judged);
        if !over.is_empty() {
            parts.push(format!(
                "{} at --fail-on {}",
                over.join(" and "),
                self.fail_on
            ));
        }
        let unmet = judged
            .findings
            .iter()
            .filter(|finding| self.fail_on.minds_unmet(finding))
            .count() as u64;
        if unmet > 0 {
            parts.push(format!("{} not met", plural(unmet, "expectation")));
        }
        let fails = !parts.is_empty();
        let short = self.short_of(coverage, judged);
        parts.extend(short.clone());
        // A report of it may be judged later: then only the counts tell.
        let could_not_scan = coverage.could_not_scan();
        let code = match () {
            () if end == End::Interrupted => INTERRUPTED,
            () if end == End::Failed || could_not_scan => COULD_NOT_RUN,
            () if fails => FAILED,
            () if short.is_some() => NOT_COVERED,
            () => PASSED,
        };
        match end {
            End::Interrupted => parts.insert(0, "interrupted".to_owned()),
            _ if could_not_scan => parts.insert(0, "could not scan".to_owned()),
            End::Failed => parts.insert(0, "could not go on".to_owned()),
            End::Regular => {}
        }
        if parts.is_empty() {
            parts.push(match self.fail_on {
                FailOn::Never => "--fail-on never".to_owned(),
                threshold => format!("nothing at --fail-on {threshold}"),
            });
        }
        // No reason to fail, and never unsaid: of what was not asked nothing is known.
        if coverage.not_attempted > 0 {
            let (left, all) = (
                coverage.not_attempted,
                coverage.targets + coverage.further_addresses,
            );
            let what = if coverage.further_addresses > 0 {
                "targets and addresses"
            } else {
                "targets"
            };
            parts.push(format!("{left} of {all} {what} not attempted"));
        }
        let missing = coverage.unasked.iter().filter(|(why, _)| why.is_missed());
        parts.extend(missing.map(|(why, count)| why.counted(*count)));
        Decision {
            code,
            sentence: format!("{}: exit {code}", parts.join(", ")),
        }
    }

    /// What there is at or above the threshold: verdicts, findings.
    fn over_threshold(self, coverage: &Coverage, judged: &Judged) -> Vec<String> {
        let counted = |verdict| {
            let accepted = judged.accepted_verdicts.get(&verdict).copied().unwrap_or(0);
            coverage.count(verdict).saturating_sub(accepted)
        };
        let verdicts = self.fail_on.verdicts().map(counted).sum();
        let findings = judged
            .findings
            .iter()
            .filter(|finding| self.fail_on.takes(finding))
            .count() as u64;
        [(verdicts, "verdict"), (findings, self.fail_on.noun())]
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, noun)| plural(count, noun))
            .collect()
    }

    /// What is missing of the required coverage.
    fn short_of(self, coverage: &Coverage, judged: &Judged) -> Option<String> {
        // Two lines may say the same, and are one finding.
        let missing_with_leave = |spec: &&SpecCoverage| {
            spec.is_missing()
                && judged
                    .excused
                    .contains(&Identity::of_specification(&spec.origin))
        };
        let with_leave = coverage.specs.iter().filter(missing_with_leave).count();
        let (covered, named) = (coverage.covered(), coverage.named());
        let required = self.require_coverage;
        let short = covered * 100 < (named - with_leave) * usize::from(required);
        let accepted = if with_leave > 0 {
            format!(", {with_leave} accepted")
        } else {
            String::new()
        };
        short.then(|| {
            format!("{covered} of {named} named targets covered{accepted}, {required}% required")
        })
    }
}

impl FailOn {
    /// The verdicts at or above a threshold of verdicts, which are ordered worst first.
    fn verdicts(self) -> impl Iterator<Item = Verdict> {
        Self::VERDICTS
            .into_iter()
            .filter(move |verdict| matches!(self, Self::Verdict(least) if *verdict <= least))
    }

    /// Whether a finding is at or above the threshold. At one of verdicts a critical finding is, unless a
    /// verdict that counts says the same.
    fn takes(self, finding: &Finding) -> bool {
        let severe = match self {
            Self::Severity(least) => finding.severity <= least,
            Self::New(least) => {
                finding.baseline == Some(BaselineState::New)
                    && finding.severity <= least.unwrap_or(Severity::Low)
            }
            Self::Verdict(_) => {
                finding.severity == Severity::Critical
                    && !self
                        .verdicts()
                        .any(|verdict| explains(finding.rule, verdict))
            }
            Self::Never => false,
        };
        severe && finding.counts()
    }

    /// Whether a finding is an expectation that is not met and must be, at whatever severity. Those that
    /// the threshold takes in are counted already.
    fn minds_unmet(self, finding: &Finding) -> bool {
        let minded = match self {
            Self::Verdict(_) | Self::Severity(_) => true,
            Self::New(_) => finding.baseline == Some(BaselineState::New),
            Self::Never => false,
        };
        minded
            && finding.rule.id == expectation::RULE.id
            && finding.counts()
            && !self.takes(finding)
    }

    const fn noun(self) -> &'static str {
        match self {
            Self::Verdict(_) => "critical finding",
            Self::New(_) => "new finding",
            Self::Severity(_) | Self::Never => "finding",
        }
    }
}

fn plural(count: u64, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}
