//! The one finding about anonymous access to an endpoint: the worst that was proven, with everything else that is
//! open, and how it compares with what is documented, declared and expected.

use std::cmp::Reverse;

use super::hit::{Hit, answered, clear_paths, contradicted, listed, posture_confidence, requests};
use super::{anonymous_auth, exposure, insecure_http};
use crate::kubernetes::Answer;
use crate::model::{
    Access, ComparisonResult, Confidence, DeclaredAnonymous, DeclaredFact, EndpointReport, Grade,
    Grant, JudgedRequest, LIKELY_CAUSES, Learned, PostureStatus, Rule, Scheme, Verdict,
    unanswered_text,
};
use crate::wording::accepted_and_stopped;

/// A rule, and when it is the finding.
type Row = (&'static Rule, fn(&Found<'_>) -> bool);

/// The rules, the worst first. The first one that holds is the finding.
static TABLE: [Row; 9] = [
    (&insecure_http::RULE, |found| found.over_plain_http()),
    (&exposure::RESOURCES, |found| {
        found.reach == Reach::Resources
    }),
    (&exposure::DISCOVERY, |found| {
        found.reach == Reach::Discovery
    }),
    (&exposure::TELEMETRY_UNEXPECTED, |found| {
        found.reach == Reach::Telemetry && found.is_unexpected()
    }),
    (&exposure::TELEMETRY, |found| {
        found.reach == Reach::Telemetry
    }),
    (&anonymous_auth::UNEXPECTED, |found| found.is_unexpected()),
    (&anonymous_auth::NOT_CHANGEABLE, |found| {
        found.reach == Reach::Accepted && found.is_fixed()
    }),
    (&anonymous_auth::ENABLED, |found| {
        found.reach == Reach::Accepted
    }),
    (&anonymous_auth::LIMITED, |found| {
        found.reach == Reach::Limited
    }),
];

/// The finding about anonymous access; `None` where an API server rejects anonymous callers over TLS, and where no API
/// server answered.
pub(in crate::policy) fn find(report: &EndpointReport) -> Option<(&'static Rule, Hit)> {
    let found = Found::of(report)?;
    let (rule, _) = TABLE.iter().find(|(_, holds)| holds(&found))?;
    Some((rule, found.hit()))
}

/// Whether there is such a finding.
pub(super) fn is_found(report: &EndpointReport) -> bool {
    Found::of(report).is_some()
}

/// The rules of the table.
#[cfg(test)]
pub(in crate::policy) fn rules() -> impl Iterator<Item = &'static Rule> {
    TABLE.iter().map(|(rule, _)| *rule)
}

/// How far anonymous callers come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    Resources,
    Discovery,
    Telemetry,
    /// Authentication accepts them, authorization stops them.
    Accepted,
    /// As accepted, on some paths only.
    Limited,
    /// Nowhere. This is a finding over plain HTTP only.
    Rejected,
}

struct Found<'a> {
    report: &'a EndpointReport,
    reach: Reach,
}

impl<'a> Found<'a> {
    fn of(report: &'a EndpointReport) -> Option<Self> {
        let reach = match report.verdict {
            Verdict::Exposed => match report.exposing().map(|grant| grant.grade).max() {
                Some(Grade::Resources | Grade::SensitiveResources) => Reach::Resources,
                _ if has(report, Grade::Discovery) => Reach::Discovery,
                Some(_) => Reach::Telemetry,
                None => Reach::Accepted,
            },
            Verdict::Forbidden => Reach::Accepted,
            Verdict::Limited => Reach::Limited,
            Verdict::Rejected => Reach::Rejected,
            _ => return None,
        };
        let found = Self { report, reach };
        (reach != Reach::Rejected || found.over_plain_http()).then_some(found)
    }

    fn over_plain_http(&self) -> bool {
        let endpoint = self.report.endpoint.as_ref();
        endpoint.is_some_and(|endpoint| endpoint.scheme == Scheme::Http)
    }

    /// Whether the provider does not let its users change this.
    fn is_fixed(&self) -> bool {
        let remedy = self.report.remedy.as_ref();
        remedy.is_some_and(|remedy| remedy.changeable == Some(false))
    }

    fn status(&self) -> Option<PostureStatus> {
        Some(self.report.posture.as_ref()?.status)
    }

    /// How it compares with what an inventory declares.
    fn against_declared(&self) -> Option<ComparisonResult> {
        let compared = self.report.compared(DeclaredFact::AnonymousRequests)?;
        Some(compared.result)
    }

    /// Whether it is more open than documented or declared, or not as expected.
    fn is_unexpected(&self) -> bool {
        self.status() == Some(PostureStatus::MoreOpen) || self.is_unexpected_by_owner()
    }

    /// Whether it is more open than the owner declares in an inventory, or not as the user expects.
    fn is_unexpected_by_owner(&self) -> bool {
        self.against_declared() == Some(ComparisonResult::MoreOpen)
            || contradicted(self.report).is_some()
    }

    fn hit(&self) -> Hit {
        let report = self.report;
        let mut grants: Vec<&Grant> = (report.grants.iter())
            .filter(|grant| grant.grade != Grade::Product)
            .collect();
        // The worst first, and in the order of the requests, so that the version comes before health.
        grants.sort_by_key(|grant| (Reverse(grant.grade), grant.request));
        let (worst, others): (Vec<&Grant>, Vec<&Grant>) =
            (grants.into_iter()).partition(|grant| self.is_worst(grant.grade));
        let mut confidence = Confidence::High;
        let mut parts = Vec::new();
        if self.over_plain_http() {
            parts.push("an API server answers over plain HTTP".to_owned());
        }
        let (conclusion, further) = self.conclusion(&worst, &others);
        parts.extend(conclusion);
        if !worst.is_empty() && worst.iter().all(|grant| grant.not_served) {
            parts.push("authorized, though nothing is served there".to_owned());
            confidence = Confidence::Medium;
        }
        parts.extend(further);
        parts.extend(self.comparisons());
        // Of lists, the answers that are missing may be the worst.
        if self.reach == Reach::Resources {
            parts.extend(unanswered_text(&report.requests, &report.not_asked));
        }
        // Only the documentation makes it more severe.
        if !self.is_unexpected_by_owner()
            && self.is_unexpected()
            && matches!(
                self.reach,
                Reach::Telemetry | Reach::Accepted | Reach::Limited
            )
        {
            confidence = confidence.min(posture_confidence(report));
        }
        let remedy = (report.remedy.as_ref()).filter(|_| !self.over_plain_http());
        let remediation = remedy.map(|remedy| remedy.remediation.clone());
        Hit {
            requests: self.proof(),
            open: (report.grants.iter())
                .filter(|grant| grant.grade.exposes())
                .map(|grant| grant.path.clone())
                .collect(),
            expected: contradicted(report),
            ..Hit::proven(parts.join("; "), Vec::new())
        }
        .resting_on(self.rests_on())
        .needing(self.needs())
        .at_most(confidence)
        .fixed_by(remediation)
    }

    /// The paths without which it would be another finding, or none.
    fn rests_on(&self) -> Vec<&str> {
        if self.status() == Some(PostureStatus::MoreOpen) {
            return clear_paths(self.report).collect();
        }
        // One path that is not rejected makes the difference to `rejected`.
        let requests = self.report.requests.iter();
        let accepted = requests.filter(|request| {
            self.reach == Reach::Limited
                && matches!(request.access, Access::Granted | Access::Forbidden)
        });
        accepted.map(JudgedRequest::path).collect()
    }

    /// What makes it another rule than it would be without a comparison.
    fn needs(&self) -> Option<Learned> {
        let depends = matches!(
            self.reach,
            Reach::Telemetry | Reach::Accepted | Reach::Limited
        );
        let declared = self.against_declared() == Some(ComparisonResult::MoreOpen);
        match () {
            () if !depends || contradicted(self.report).is_some() => None,
            () if self.status() == Some(PostureStatus::MoreOpen) => Some(Learned::Product),
            () => declared.then_some(Learned::Compared(DeclaredFact::AnonymousRequests)),
        }
    }

    /// Whether the rule is about paths of this grade. Other open paths are mentioned after them.
    fn is_worst(&self, grade: Grade) -> bool {
        match self.reach {
            Reach::Resources => matches!(grade, Grade::Resources | Grade::SensitiveResources),
            Reach::Discovery => grade == Grade::Discovery,
            Reach::Telemetry => grade == Grade::Telemetry,
            Reach::Accepted | Reach::Limited | Reach::Rejected => false,
        }
    }

    /// What anonymous callers may do, and what else is open.
    fn conclusion(&self, worst: &[&Grant], others: &[&Grant]) -> (Option<String>, Option<String>) {
        let open = (!others.is_empty()).then(|| self.described(others));
        let also = |word: &str| open.as_ref().map(|open| format!("{word}: {open}"));
        match self.reach {
            Reach::Resources | Reach::Discovery | Reach::Telemetry => {
                let verb = if self.reach == Reach::Resources {
                    "list"
                } else {
                    "read"
                };
                let worst = self.described(worst);
                (
                    Some(format!("anonymous callers may {verb} {worst}")),
                    also("also open"),
                )
            }
            Reach::Accepted => (
                Some(
                    "requests without credentials are accepted as system:anonymous; authorization answers 403"
                        .to_owned(),
                ),
                also("open"),
            ),
            Reach::Limited => {
                let stopped = accepted_and_stopped(&self.report.stopped());
                let limited = match (open.as_deref(), stopped) {
                    (open, None) => format!("limited to {}", open.unwrap_or("nothing")),
                    (None, Some(stopped)) => format!("limited: {stopped}"),
                    (Some(open), Some(stopped)) => format!("limited to {open}, and {stopped}"),
                };
                (Some(format!("anonymous requests are {limited}")), None)
            }
            Reach::Rejected => (None, also("open")),
        }
    }

    /// `/api, /version (v1.29.3) and /healthz`.
    fn described(&self, grants: &[&Grant]) -> String {
        let texts: Vec<String> = grants.iter().map(|grant| self.path(grant)).collect();
        listed(texts.iter().map(String::as_str))
    }

    /// A path, with the version that it shows.
    fn path(&self, grant: &Grant) -> String {
        let reply = (self.report.requests.get(grant.request)).and_then(|request| request.reply());
        let shows_version = reply.is_some_and(|reply| matches!(reply.answer, Answer::Version(_)));
        let identification = self
            .report
            .identification
            .as_ref()
            .filter(|_| shows_version);
        match identification.and_then(|identification| identification.version.as_deref()) {
            Some(version) => format!("{} ({version})", grant.path),
            None => grant.path.clone(),
        }
    }

    /// How it compares with what is documented, declared and expected.
    fn comparisons(&self) -> Vec<String> {
        let comparison = match self.status() {
            Some(PostureStatus::MoreOpen) => Some("more open than documented"),
            Some(PostureStatus::Stricter) => Some("stricter than documented"),
            _ => None,
        };
        let documented = (self.report.posture.as_ref())
            .map(|posture| posture.documented.as_str())
            .filter(|documented| !documented.is_empty())
            .map(|documented| format!(" ({documented})"))
            .unwrap_or_default();
        let comparison = comparison.map(|comparison| format!("{comparison}{documented}"));
        let setting = (self.report.target.declared.as_ref())
            .and_then(|declared| declared.anonymous)
            .map_or("nothing", DeclaredAnonymous::setting);
        let declared = match self.against_declared() {
            Some(ComparisonResult::MoreOpen) => Some("more open than declared"),
            Some(ComparisonResult::Stricter) => Some("stricter than declared"),
            _ => None,
        };
        let declared = declared.map(|text| format!("{text} ({setting}; {LIKELY_CAUSES})"));
        let expected = contradicted(self.report).map(|expected| format!("expected {expected}"));
        comparison
            .into_iter()
            .chain(declared)
            .chain(expected)
            .collect()
    }

    /// The requests that prove all of it, the one that decides first.
    fn proof(&self) -> Vec<usize> {
        let mut proof = self.all_proof();
        if let Some(deciding) = self.deciding_request() {
            proof.retain(|request| *request != deciding);
            proof.insert(0, deciding);
        }
        proof
    }

    /// The request that shows the conclusion: what authorization refused, or the worst that is open.
    fn deciding_request(&self) -> Option<usize> {
        if self.reach == Reach::Accepted {
            let mut requests = self.report.requests.iter();
            return requests.position(|request| request.access == Access::Forbidden);
        }
        let grants = (self.report.grants.iter()).filter(|grant| grant.grade != Grade::Product);
        let worst = grants.max_by_key(|grant| (grant.grade, Reverse(grant.request)));
        worst.map(|grant| grant.request)
    }

    /// What is open and, where that shows it, what authorization refused.
    fn all_proof(&self) -> Vec<usize> {
        let report = self.report;
        if self.over_plain_http() {
            return answered(report);
        }
        let refused = match self.reach {
            Reach::Accepted => requests(report, |request| request.access == Access::Forbidden),
            Reach::Limited => requests(report, |request| request.access.is_refused()),
            _ => Vec::new(),
        };
        let granted = (report.grants.iter())
            .filter(|grant| grant.grade != Grade::Product)
            .map(|grant| grant.request);
        let mut proof: Vec<usize> = granted.chain(refused).collect();
        proof.sort_unstable();
        proof.dedup();
        proof
    }
}

fn has(report: &EndpointReport, grade: Grade) -> bool {
    report.exposing().any(|grant| grant.grade == grade)
}
