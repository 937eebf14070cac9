//! The gate: decides the exit code from verdicts, findings and coverage.

use std::fmt;
use std::str::FromStr;

use super::evaluator::{Evaluation, explains};
use super::rules::expectation;
use crate::model::{BaselineState, Coverage, Finding, Identity, Severity, SpecCoverage, Verdict};

/// Exit code: nothing reaches the threshold.
const PASSED: u8 = 0;
/// Exit code: findings.
const FAILED: u8 = 1;
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
pub enum End {
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
    /// `1 verdict at --fail-on exposed: exit 1`.
    pub sentence: String,
}

impl Gate {
    /// Decides the exit code of a scan.
    ///
    /// Accepted findings do not count. Neither do endpoints if every finding that explains their verdict is
    /// accepted, nor named targets whose missing verdict is accepted. If the threshold is a verdict, a critical
    /// finding counts as well. An unmet expectation fails at every threshold but `never`; with `new`, only if
    /// the baseline did not have it.
    pub fn decide(self, coverage: &Coverage, evaluation: &Evaluation, end: End) -> Decision {
        let mut parts = Vec::new();
        let reached = self.reaching_threshold(coverage, evaluation);
        if !reached.is_empty() {
            let reached = reached.join(" and ");
            parts.push(format!("{reached} at --fail-on {}", self.fail_on));
        }
        let unmet = (evaluation.findings.iter())
            .filter(|finding| self.fail_on.counts_expectation(finding))
            .count() as u64;
        if unmet > 0 {
            parts.push(format!("{} not met", plural(unmet, "expectation")));
        }
        let fails = !parts.is_empty();
        let shortfall = self.coverage_shortfall(coverage, evaluation);
        parts.extend(shortfall.clone());
        // Whether the scan could be made at all is read from the counts, because a saved report has nothing else.
        let (code, problem) = match end {
            End::Interrupted => (INTERRUPTED, Some("interrupted")),
            _ if coverage.could_not_scan() => (COULD_NOT_RUN, Some("could not scan")),
            End::Failed => (COULD_NOT_RUN, Some("could not continue")),
            End::Regular if fails => (FAILED, None),
            End::Regular if shortfall.is_some() => (NOT_COVERED, None),
            End::Regular => (PASSED, None),
        };
        if let Some(problem) = problem {
            parts.insert(0, problem.to_owned());
        }
        if parts.is_empty() {
            parts.push(match self.fail_on {
                FailOn::Never => "--fail-on never".to_owned(),
                threshold => format!("nothing at --fail-on {threshold}"),
            });
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
            sentence: format!("{}: exit {code}", parts.join(", ")),
        }
    }

    /// The verdicts and findings that reach the threshold.
    fn reaching_threshold(self, coverage: &Coverage, evaluation: &Evaluation) -> Vec<String> {
        let not_accepted = |verdict| {
            let accepted = evaluation.accepted_verdicts.get(&verdict);
            (coverage.count(verdict)).saturating_sub(accepted.copied().unwrap_or(0))
        };
        let verdicts = self.fail_on.verdicts().map(not_accepted).sum();
        let findings = (evaluation.findings.iter())
            .filter(|finding| self.fail_on.reached_by(finding))
            .count() as u64;
        [(verdicts, "verdict"), (findings, self.fail_on.noun())]
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, noun)| plural(count, noun))
            .collect()
    }

    /// The coverage, if it is lower than required.
    fn coverage_shortfall(self, coverage: &Coverage, evaluation: &Evaluation) -> Option<String> {
        // Equal lines of a targets file share one finding, so this counts specifications.
        let is_accepted = |spec: &&SpecCoverage| {
            let about = Identity::of_specification(&spec.origin);
            spec.is_missing() && evaluation.accepted_gaps.contains(&about)
        };
        let accepted_count = coverage.specs.iter().filter(is_accepted).count();
        let (covered, named) = (coverage.covered(), coverage.named());
        let required = self.require_coverage;
        let short = covered * 100 < (named - accepted_count) * usize::from(required);
        let accepted = if accepted_count > 0 {
            format!(", {accepted_count} accepted")
        } else {
            String::new()
        };
        short.then(|| {
            format!("{covered} of {named} named targets covered{accepted}, {required}% required")
        })
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
                finding.baseline == Some(BaselineState::New)
                    && finding.severity <= least.unwrap_or(Severity::Low)
            }
            Self::Verdict(_) => {
                let explains_counted = |verdict| explains(finding.rule, verdict);
                finding.severity == Severity::Critical && !self.verdicts().any(explains_counted)
            }
            Self::Never => false,
        };
        is_severe && finding.counts()
    }

    /// Whether a finding is an unmet expectation that fails the scan and is not already counted.
    fn counts_expectation(self, finding: &Finding) -> bool {
        let counts = match self {
            Self::Verdict(_) | Self::Severity(_) => true,
            Self::New(_) => finding.baseline == Some(BaselineState::New),
            Self::Never => false,
        };
        counts
            && finding.rule.id == expectation::RULE.id
            && finding.counts()
            && !self.reached_by(finding)
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
