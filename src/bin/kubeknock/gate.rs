//! The gate: from verdicts, expectations and coverage to an exit code and its sentence. Pure.

use kubeknock::model::{Coverage, Verdict};

use crate::args::FailOn;

/// Exit code: nothing at or above the threshold.
const PASSED: u8 = 0;
/// Exit code: findings.
const FAILED: u8 = 1;
/// Exit code: coverage below what was required.
const NOT_COVERED: u8 = 3;
/// Exit code: interrupted by a signal.
pub(crate) const INTERRUPTED: u8 = 130;

/// What must hold for exit code 0.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gate {
    pub(crate) fail_on: FailOn,
    /// Percent of the named targets that must get a verdict.
    pub(crate) require_coverage: u8,
}

/// The exit code and why.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) code: u8,
    pub(crate) sentence: String,
}

impl FailOn {
    /// The verdicts at or above this threshold.
    fn verdicts(self) -> &'static [Verdict] {
        match self {
            Self::Exposed => &[Verdict::Exposed],
            Self::Forbidden => &[Verdict::Exposed, Verdict::Forbidden],
            Self::HealthOnly => &[Verdict::Exposed, Verdict::Forbidden, Verdict::HealthOnly],
            Self::Never => &[],
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Exposed => "exposed",
            Self::Forbidden => "forbidden",
            Self::HealthOnly => "health-only",
            Self::Never => "never",
        }
    }
}

impl Gate {
    /// Decides. `interrupted` says that a signal ended the scan early.
    pub(crate) fn decide(self, coverage: &Coverage, interrupted: bool) -> Decision {
        let count: u64 = self.fail_on.verdicts().iter().map(|verdict| coverage.count(*verdict)).sum();
        let unmet = coverage.specs.iter().filter(|spec| spec.met == Some(false)).count();
        let fails = self.fail_on != FailOn::Never && (count > 0 || unmet > 0);
        let named = coverage.named();
        let short = coverage.covered() * 100 < named * usize::from(self.require_coverage);

        let mut parts = Vec::new();
        if count > 0 {
            parts.push(format!("{} at --fail-on {}", plural(count, "verdict"), self.fail_on.word()));
        }
        if unmet > 0 && self.fail_on != FailOn::Never {
            parts.push(format!("{} not met", plural(unmet as u64, "expectation")));
        }
        if short {
            parts.push(format!(
                "{} of {named} named targets covered, {}% required",
                coverage.covered(),
                self.require_coverage
            ));
        }
        let code = match () {
            () if interrupted => INTERRUPTED,
            () if fails => FAILED,
            () if short => NOT_COVERED,
            () => PASSED,
        };
        if interrupted {
            parts.insert(0, "interrupted".to_owned());
        }
        if parts.is_empty() {
            parts.push(match self.fail_on {
                FailOn::Never => "--fail-on never".to_owned(),
                threshold => format!("nothing at --fail-on {}", threshold.word()),
            });
        }
        Decision { code, sentence: format!("{}: exit {code}", parts.join(", ")) }
    }
}

fn plural(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kubeknock::model::{Origin, Source, SpecCoverage};

    use super::*;

    fn coverage(verdicts: &[(Verdict, u64)], covered: &[bool], met: Option<bool>) -> Coverage {
        let spec = |covered: &bool| SpecCoverage {
            origin: Arc::new(Origin { source: Source::Argument, line: 1, text: "192.0.2.1".into() }),
            named: true,
            label: None,
            covered: *covered,
            expect: met.map(|_| Verdict::Rejected),
            met,
            seen: Vec::new(),
        };
        Coverage {
            verdicts: verdicts.iter().copied().collect(),
            specs: covered.iter().map(spec).collect(),
            ..Coverage::default()
        }
    }

    fn code(fail_on: FailOn, require_coverage: u8, coverage: &Coverage, interrupted: bool) -> u8 {
        Gate { fail_on, require_coverage }.decide(coverage, interrupted).code
    }

    #[test]
    fn thresholds() {
        use FailOn::{Exposed, Forbidden, HealthOnly, Never};
        for (verdict, failing) in [
            (Verdict::Exposed, &[Exposed, Forbidden, HealthOnly][..]),
            (Verdict::Forbidden, &[Forbidden, HealthOnly]),
            (Verdict::HealthOnly, &[HealthOnly]),
            (Verdict::Rejected, &[]),
            (Verdict::Inconclusive, &[]),
        ] {
            for fail_on in [Exposed, Forbidden, HealthOnly, Never] {
                let expected = u8::from(failing.contains(&fail_on));
                let coverage = coverage(&[(verdict, 1)], &[true], None);
                assert_eq!(code(fail_on, 100, &coverage, false), expected, "{verdict} {fail_on:?}");
            }
        }
    }

    #[test]
    fn an_unmet_expectation_fails_and_never_silences_it_but_not_coverage() {
        let unmet = coverage(&[(Verdict::Forbidden, 1)], &[true], Some(false));
        assert_eq!(code(FailOn::Exposed, 100, &unmet, false), 1);
        assert_eq!(code(FailOn::Never, 100, &unmet, false), 0);
        let uncovered = coverage(&[], &[false], Some(false));
        assert_eq!(code(FailOn::Never, 100, &uncovered, false), 3);
    }

    #[test]
    fn coverage_is_a_share_of_the_named_targets() {
        let three_of_four = coverage(&[(Verdict::Rejected, 3)], &[true, true, true, false], None);
        assert_eq!(code(FailOn::Exposed, 100, &three_of_four, false), 3);
        assert_eq!(code(FailOn::Exposed, 76, &three_of_four, false), 3);
        assert_eq!(code(FailOn::Exposed, 75, &three_of_four, false), 0);
        assert_eq!(code(FailOn::Exposed, 100, &coverage(&[], &[], None), false), 0, "ranges alone");
    }

    #[test]
    fn where_several_apply() {
        let all = coverage(&[(Verdict::Exposed, 1)], &[false], None);
        assert_eq!(code(FailOn::Exposed, 100, &all, true), 130);
        let decision = Gate { fail_on: FailOn::Exposed, require_coverage: 100 }.decide(&all, false);
        assert_eq!(decision.code, 1);
        assert_eq!(
            decision.sentence,
            "1 verdict at --fail-on exposed, 0 of 1 named targets covered, 100% required: exit 1"
        );
    }
}
