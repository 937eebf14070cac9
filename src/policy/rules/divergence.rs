//! The addresses of one name answer differently.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::hit::{DEFAULTS, Hit, confidence, listed};
use crate::model::{Confidence, Endpoint, EndpointReport, JudgedRequest, Rule, Severity, Verdict};

pub(in crate::policy) static RULE: Rule = Rule {
    id: "address-divergence",
    title: "The addresses behind one name do not answer alike",
    meaning: "What an anonymous caller may do depends on the address that a client happens to use. One server of \
        the control plane has another configuration, a rollout stopped half-way, or an address now belongs to \
        somebody else.",
    proof: "The name resolved to several addresses. All were asked, and their verdicts or open paths differ.",
    severity: Severity::Medium,
    score: "5.0",
    ..DEFAULTS
};

/// The parts of an address's result that are compared with those of other addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::policy) struct AddressResult {
    endpoint: Endpoint,
    verdict: Verdict,
    open: BTreeSet<String>,
    closed: BTreeSet<String>,
    confidence: Confidence,
}

impl AddressResult {
    /// `None` for an address without a clear answer, which says nothing about what is open.
    fn of(report: &EndpointReport) -> Option<Self> {
        let is_clear = !report.verdict.has_no_answer() && report.verdict != Verdict::Inconclusive;
        let endpoint = report.endpoint.clone().filter(|_| is_clear)?;
        let open: BTreeSet<String> = (report.grants.iter())
            .map(|grant| grant.path.clone())
            .collect();
        // The recheck may have opened a path that was refused first.
        let closed = (report.requests.iter())
            .filter(|request| request.access.is_refused())
            .map(JudgedRequest::path)
            .filter(|path| !open.contains(*path))
            .map(str::to_owned)
            .collect();
        Some(Self {
            endpoint,
            verdict: report.verdict,
            open,
            closed,
            confidence: confidence(report),
        })
    }

    pub(in crate::policy) fn verdict(&self) -> Verdict {
        self.verdict
    }

    pub(in crate::policy) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

/// Whether a record says what its address shows.
pub(in crate::policy) fn has_result(report: &EndpointReport) -> bool {
    AddressResult::of(report).is_some()
}

/// The results of all addresses of one name, by the scan that saw them: `None` for the scan itself, which comes first, and
/// the time at which an earlier one began.
#[derive(Debug, Default)]
pub(in crate::policy) struct ByScan(BTreeMap<Option<Timestamp>, Vec<AddressResult>>);

impl ByScan {
    /// Adds what a record says about its address, if it says anything.
    pub(in crate::policy) fn add(&mut self, report: &EndpointReport) {
        if let Some(result) = AddressResult::of(report) {
            self.0.entry(report.last_seen).or_default().push(result);
        }
    }

    /// The first scan in which the addresses differ, with its results. What an address showed in one scan is not compared
    /// with what another one showed in another scan: a server that changed meanwhile would differ from itself.
    pub(in crate::policy) fn first_that_differs(
        self,
    ) -> Option<(Option<Timestamp>, Vec<AddressResult>, Hit)> {
        self.0.into_iter().find_map(|(scan, mut results)| {
            results.sort_by_key(|result| result.endpoint().address());
            // Shards of one scan carry the same records.
            results.dedup_by(|one, other| one.endpoint == other.endpoint);
            let hit = check(&results)?;
            Some((scan, results, hit))
        })
    }
}

/// Compares the addresses of one name, sorted by address.
fn check(results: &[AddressResult]) -> Option<Hit> {
    // A lost request does not prove that the path is closed.
    let closed_somewhere =
        |path: &&String| results.iter().any(|result| result.closed.contains(*path));
    let differing: BTreeSet<&str> = (results.iter().flat_map(|result| &result.open))
        .filter(closed_somewhere)
        .map(String::as_str)
        .collect();
    let mut by_verdict: BTreeMap<Verdict, Vec<String>> = BTreeMap::new();
    for AddressResult {
        verdict, endpoint, ..
    } in results
    {
        let address = endpoint.address().map(|address| address.ip().to_string());
        by_verdict.entry(*verdict).or_default().extend(address);
    }
    let differing_or_all = differing.iter().copied().chain(
        (results
            .iter()
            .flat_map(|result| result.open.union(&result.closed)))
        .filter(|_| differing.is_empty())
        .map(String::as_str),
    );
    let rests_on: BTreeSet<&str> = differing_or_all.collect();
    let message = match by_verdict.first_key_value() {
        Some((verdict, _)) if by_verdict.len() == 1 && !differing.is_empty() => {
            let paths = listed(differing);
            format!("all are {verdict}; open at some addresses only: {paths}")
        }
        _ if by_verdict.len() > 1 => {
            let texts = by_verdict.iter().map(|(verdict, addresses)| {
                let addresses = listed(addresses.iter().map(String::as_str));
                format!("{verdict} at {addresses}")
            });
            texts.collect::<Vec<_>>().join("; ")
        }
        _ => return None,
    };
    let confidence = results.iter().map(|result| result.confidence).min()?;
    let hit = Hit::proven(message, Vec::new()).resting_on(rests_on);
    Some(hit.at_most(confidence))
}
