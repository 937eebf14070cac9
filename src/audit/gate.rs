//! Decides from the result of an audit whether it passes.

use super::outcome::{Audit, OtherRequests, Trace, TracedEndpoint};
use crate::model::Severity;

/// How an audit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is as severe as what fails.
    Passed,
    /// Something is.
    Failed,
    /// It is not the log of this scan, or not of its time.
    NotCovered,
}

/// The outcome and its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditDecision {
    /// How it ended.
    pub outcome: Outcome,
    /// The reason, in a sentence without the exit code.
    pub sentence: String,
}

impl Audit {
    /// Decides. Without a severity nothing fails.
    pub fn decide(&self, fail_on: Option<Severity>) -> AuditDecision {
        if let Some(sentence) = self.why_not_covered() {
            return AuditDecision {
                outcome: Outcome::NotCovered,
                sentence,
            };
        }
        let found = self
            .endpoints
            .iter()
            .map(|endpoint| endpoint.count(Trace::Found))
            .sum();
        let failing: Vec<String> = (self.problems().into_iter())
            .filter(|(severity, _)| fail_on.is_some_and(|least| *severity <= least))
            .map(|(_, text)| text)
            .collect();
        if failing.is_empty() {
            return AuditDecision {
                outcome: Outcome::Passed,
                sentence: format!("{} of this scan found in the log", requests(found)),
            };
        }
        AuditDecision {
            outcome: Outcome::Failed,
            sentence: failing.join("; "),
        }
    }

    /// Why the log says nothing about the scan.
    fn why_not_covered(&self) -> Option<String> {
        if self.endpoints.is_empty() {
            let why = self.reads_left_out.map_or_else(
                || "; if it is the log of one of its endpoints, name it with --endpoint".to_owned(),
                |why| format!(": {why}"),
            );
            return Some(format!("no request of this scan is in the log{why}"));
        }
        let unfound = |endpoint: &&TracedEndpoint| endpoint.count(Trace::Found) == 0;
        if let Some(endpoint) = self.endpoints.iter().find(unfound) {
            let why = (endpoint.requests.iter()).find_map(|request| request.why.as_deref());
            let because = why.map_or_else(String::new, |why| format!(": {why}"));
            return Some(format!(
                "no request to {} is in the log{because}",
                endpoint.target
            ));
        }
        let outside = self
            .endpoints
            .iter()
            .find(|endpoint| endpoint.is_outside_of_log);
        outside.map(|endpoint| {
            format!(
                "the log does not reach over the time of the requests to {}",
                endpoint.target
            )
        })
    }

    /// What is wrong, with its severity.
    pub fn problems(&self) -> Vec<(Severity, String)> {
        let count = |trace| -> usize {
            self.endpoints
                .iter()
                .map(|endpoint| endpoint.count(trace))
                .sum()
        };
        let beyond = self.others.iter().filter(|other| other.is_beyond_default);
        let beyond: u64 = beyond.map(|other: &OtherRequests| other.count).sum();
        let counts = self.other_counts;
        let refused = counts.forbidden + counts.unauthenticated;
        let all = [
            (
                Severity::Medium,
                count(Trace::Missing) as u64,
                format!(
                    "{} of this scan missing in the log",
                    requests(count(Trace::Missing))
                ),
            ),
            (
                Severity::Medium,
                beyond,
                format!(
                    "{beyond} anonymous requests of others allowed beyond what a default cluster allows"
                ),
            ),
            (
                Severity::Low,
                count(Trace::LostByPolicy) as u64,
                format!(
                    "{} of this scan lost by the audit policy",
                    requests(count(Trace::LostByPolicy))
                ),
            ),
            (
                Severity::Note,
                refused,
                format!("{refused} requests of others without valid credentials refused"),
            ),
        ];
        all.into_iter()
            .filter(|(_, count, _)| *count > 0)
            .map(|(severity, _, text)| (severity, text))
            .collect()
    }
}

fn requests(count: usize) -> String {
    match count {
        1 => "1 request".to_owned(),
        count => format!("{count} requests"),
    }
}
