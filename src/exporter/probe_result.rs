//! What one probe found, without the answers: small, so that the last one of each target can be kept.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::answered::{Endpoint, Whereabouts, endpoint};
use crate::escape::{TEXT, escape};
use crate::model::{
    ComparisonResult, Coverage, DeclaredFact, EndpointReport, Grade, PostureStatus, Severity,
    SpecCoverage, Timings, Verdict,
};
use crate::policy::{Evaluation, Evaluator, Policy};
use crate::targets::Spec;
use crate::wording::joined_at_most;

/// Characters of a label's value.
const MAX_LABEL: usize = 100;
/// Endpoints without a verdict that are named.
const MAX_LOST: usize = 4;
/// Endpoints that are told one by one.
const MAX_ENDPOINTS: usize = 64;

/// What one probe found.
#[derive(Debug, Clone)]
pub(super) struct ProbeResult {
    /// When a scrape asked for it.
    pub(super) began: Instant,
    /// When it ended.
    pub(super) finished: Instant,
    /// How long it took, with the wait for its turn.
    pub(super) took: Duration,
    /// The worst verdict of its endpoints; `None` if nothing was asked.
    pub(super) verdict: Option<Verdict>,
    /// The reason for it.
    pub(super) reason: String,
    /// Whether it has a verdict on an API server, or the expected one, and so has each endpoint that ever had.
    pub(super) covered: bool,
    /// The endpoints that had a verdict and have none any more, in words; empty if all have one.
    pub(super) lost: String,
    /// Whether somebody accepted the finding that explains the verdict, at each endpoint that has this verdict or is more
    /// open than its product documents.
    pub(super) accepted: bool,
    /// Whether the expectation is met; `None` without one.
    pub(super) as_expected: Option<bool>,
    /// Endpoints by verdict.
    pub(super) endpoints: BTreeMap<Verdict, u64>,
    /// Endpoints one by one, bounded: whether each has a verdict on an API server, or is no part of the target any more.
    pub(super) answers: BTreeMap<String, bool>,
    /// The worst posture of its endpoints.
    pub(super) posture: PostureStatus,
    /// How what an inventory declares compares, at the endpoint with the worst verdict.
    pub(super) declared: Vec<(DeclaredFact, ComparisonResult)>,
    /// When the first of its certificates ends.
    pub(super) certificate_end: Option<Timestamp>,
    /// What answered at the endpoint with the worst verdict.
    pub(super) server: Option<Server>,
    /// What is open, by what it is worth to an attacker.
    pub(super) grants: BTreeMap<Grade, u64>,
    /// The times of the endpoint with the worst verdict.
    pub(super) timings: Timings,
    /// Findings that nobody accepted, by severity and rule.
    pub(super) findings: BTreeMap<(Severity, &'static str), u64>,
}

/// What answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) component: &'static str,
    pub(super) product: String,
    pub(super) version: String,
}

impl ProbeResult {
    pub(super) fn new(
        spec: &Spec,
        records: &[EndpointReport],
        whereabouts: &Whereabouts,
        policy: &Policy,
        (began, now): (Instant, Timestamp),
    ) -> Self {
        let mut seen: Vec<Verdict> = records.iter().filter_map(EndpointReport::seen).collect();
        let mut endpoints = BTreeMap::new();
        for verdict in &seen {
            *endpoints.entry(*verdict).or_default() += 1;
        }
        seen.sort_unstable();
        seen.dedup();
        let coverage = SpecCoverage::of(
            spec.origin.clone(),
            spec.named,
            spec.label.clone(),
            spec.expect,
            seen,
        );
        let (covered, as_expected) = (coverage.covered, coverage.met);
        let worst = records.iter().min_by_key(|record| record.verdict);
        let postures = records
            .iter()
            .filter_map(|record| Some(record.posture.as_ref()?.status));
        let ends = records
            .iter()
            .filter_map(|record| record.certificate()?.not_after);
        let mut grants = BTreeMap::new();
        for grant in records.iter().flat_map(|record| &record.grants) {
            *grants.entry(grant.grade).or_default() += 1;
        }
        let certificate_end = ends.min();
        let posture = postures.min().unwrap_or(PostureStatus::Unknown);
        let declared = worst.into_iter().flat_map(|record| &record.compared);
        let evaluation = evaluate(records, coverage, policy, now);
        let verdict = worst.and_then(EndpointReport::seen);
        // An acceptance for one port says nothing of another with the same verdict.
        let is_accepted = |verdict| {
            let accepted = evaluation.accepted_verdicts.get(&verdict);
            accepted.is_some_and(|accepted| endpoints.get(&verdict) == Some(accepted))
        };
        let more_open = records.iter().filter(|record| {
            let posture = record.posture.as_ref();
            posture.is_some_and(|posture| posture.status == PostureStatus::MoreOpen)
        });
        let mut alarming = more_open.filter_map(EndpointReport::seen).chain(verdict);
        let lost = &whereabouts.lost;
        Self {
            answers: answers(records, &whereabouts.left),
            accepted: verdict.is_some() && alarming.all(is_accepted),
            findings: counts(&evaluation),
            began,
            finished: Instant::now(),
            took: began.elapsed(),
            verdict,
            reason: worst.map_or_else(String::new, |record| escape(&record.reason, TEXT)),
            // What the others answer says nothing of those: the worst may be among them.
            covered: covered && lost.is_empty(),
            lost: in_words(lost),
            as_expected,
            endpoints,
            posture,
            declared: declared
                .map(|compared| (compared.fact, compared.result))
                .collect(),
            certificate_end,
            server: worst.and_then(Server::of),
            grants,
            timings: worst.map_or_else(Timings::default, |record| record.timings),
        }
    }
}

fn in_words(lost: &BTreeSet<Endpoint>) -> String {
    let lost: Vec<String> = lost.iter().map(address).collect();
    joined_at_most(MAX_LOST, &lost)
}

fn address((host, port): &Endpoint) -> String {
    format!("{host}:{port}")
}

/// The endpoints with a verdict on an API server, and those that the target has left.
fn answers(records: &[EndpointReport], left: &BTreeSet<Endpoint>) -> BTreeMap<String, bool> {
    let has_verdict = |record: &&EndpointReport| record.seen().is_some_and(Verdict::is_conclusive);
    let with_verdict = records.iter().filter(has_verdict);
    let with_verdict: BTreeSet<Endpoint> = with_verdict.filter_map(endpoint).collect();
    let told = |endpoints: &BTreeSet<Endpoint>, has_verdict| {
        let told = endpoints.iter().take(MAX_ENDPOINTS);
        told.map(|endpoint| (address(endpoint), has_verdict))
            .collect::<Vec<_>>()
    };
    let all = told(left, false)
        .into_iter()
        .chain(told(&with_verdict, true));
    all.collect()
}

fn evaluate(
    records: &[EndpointReport],
    coverage: SpecCoverage,
    policy: &Policy,
    now: Timestamp,
) -> Evaluation {
    let mut evaluator = Evaluator::new(policy, now);
    for record in records {
        evaluator.add(record);
    }
    evaluator.finish(&Coverage {
        specs: vec![coverage],
        ..Coverage::default()
    })
}

fn counts(evaluation: &Evaluation) -> BTreeMap<(Severity, &'static str), u64> {
    let mut counts = BTreeMap::new();
    for finding in evaluation
        .findings
        .iter()
        .filter(|finding| finding.counts())
    {
        *counts
            .entry((finding.severity, finding.rule.id))
            .or_default() += 1;
    }
    counts
}

impl Server {
    fn of(record: &EndpointReport) -> Option<Self> {
        let found = record.identification.as_ref()?;
        let label = |text: Option<&str>| escape(text.unwrap_or_default(), MAX_LABEL);
        Some(Self {
            component: found.component.as_str(),
            product: label(found.product().map(|product| &*product.id)),
            version: label(found.version.as_deref()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Pattern;
    use crate::policy::{Accept, AcceptedRules};
    use crate::report::sample;
    use crate::targets::{TargetOptions, TargetSetBuilder};

    fn result(records: &[EndpointReport], left: BTreeSet<Endpoint>) -> ProbeResult {
        let mut builder = TargetSetBuilder::new(TargetOptions::default());
        builder.argument("192.0.2.17");
        let set = builder.build().unwrap();
        let accept = Accept {
            rules: AcceptedRules::All,
            at_most: Some(Severity::Critical),
            target: Pattern::new("192.0.2.17:6443").unwrap(),
            reason: "a lab".to_owned(),
            owner: "me".to_owned(),
            expires: "2999-01-01".parse().unwrap(),
            place: "kubeknock.toml:1:1".to_owned(),
        };
        let policy = Policy {
            accept: vec![accept],
            ..Policy::default()
        };
        let whereabouts = Whereabouts {
            left,
            ..Whereabouts::default()
        };
        let moment = (Instant::now(), Timestamp::now());
        ProbeResult::new(&set.specs()[0], records, &whereabouts, &policy, moment)
    }

    /// What is accepted at the worst endpoint does not hide another that is more open than its product documents.
    #[test]
    fn an_acceptance_covers_no_other_endpoint_that_is_more_open() {
        let mixed = sample::mixed();
        let with_verdict = |verdict| {
            let mut reports = mixed.reports.iter();
            reports.find(|report| report.verdict == verdict && report.endpoint.is_some())
        };
        let exposed = with_verdict(Verdict::Exposed).unwrap().clone();
        let mut other = with_verdict(Verdict::Forbidden).unwrap().clone();
        assert!(result(std::slice::from_ref(&exposed), BTreeSet::new()).accepted);
        for (status, accepted) in [
            (PostureStatus::MoreOpen, false),
            (PostureStatus::AsDocumented, true),
        ] {
            other.posture.as_mut().unwrap().status = status;
            let records = [exposed.clone(), other.clone()];
            assert_eq!(result(&records, BTreeSet::new()).accepted, accepted);
        }
    }

    #[test]
    fn the_endpoints_that_are_told_are_bounded() {
        let exposed = sample::mixed().reports.swap_remove(0);
        let port = |port| {
            let mut report = exposed.clone();
            report.endpoint.as_mut().unwrap().port = port;
            report
        };
        let records: Vec<EndpointReport> = (1..=100).map(port).collect();
        let host = endpoint(&exposed).unwrap().0;
        let left = (201..=300).map(|port| (host.clone(), port)).collect();
        let answers = result(&records, left).answers;
        let with_verdict = answers.values().filter(|has_verdict| **has_verdict);
        assert_eq!(
            (with_verdict.count(), answers.len()),
            (MAX_ENDPOINTS, 2 * MAX_ENDPOINTS)
        );
    }
}
