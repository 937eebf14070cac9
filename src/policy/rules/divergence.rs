//! The addresses of one name answer differently.

use std::collections::{BTreeMap, BTreeSet};

use super::{Hit, listed};
use crate::advise::for_rule;
use crate::model::{
    Access, Confidence, Endpoint, EndpointReport, JudgedRequest, Rule, Severity, Verdict,
};

pub(in crate::policy) static RULE: Rule = Rule {
    id: "address-divergence",
    title: "The addresses behind one name do not answer alike",
    meaning: "What an anonymous caller may do depends on the address that a client happens to use. One server of \
        the control plane has another configuration, a rollout stopped half-way, or an address now belongs to \
        somebody else.",
    proof: "The name resolved to several addresses. All were asked, and their verdicts or open paths differ.",
    advice: for_rule,
    severity: Severity::Medium,
    score: "5.0",
    cwe: None,
    controls: &[],
};

/// The result of one address, as far as it is compared.
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
    pub(in crate::policy) fn of(report: &EndpointReport) -> Option<Self> {
        let clear = !matches!(
            report.verdict,
            Verdict::Unreachable | Verdict::NotAttempted | Verdict::Inconclusive
        );
        let endpoint = report.endpoint.clone().filter(|_| clear)?;
        let open: BTreeSet<String> = report
            .grants
            .iter()
            .map(|grant| grant.path.clone())
            .collect();
        let refused = |request: &&JudgedRequest| {
            matches!(request.access, Access::Rejected | Access::Forbidden)
        };
        let path = |request: &JudgedRequest| request.exchange.request.bare_path().to_owned();
        // The recheck may have opened a path that was refused first.
        let closed = report
            .requests
            .iter()
            .filter(refused)
            .map(path)
            .filter(|path| !open.contains(path))
            .collect();
        let confidence = report
            .identification
            .as_ref()
            .map_or(Confidence::High, |found| found.confidence);
        Some(Self {
            endpoint,
            verdict: report.verdict,
            open,
            closed,
            confidence,
        })
    }

    pub(in crate::policy) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

/// Compares the addresses of one name, sorted by address.
pub(in crate::policy) fn check(results: &[AddressResult]) -> Option<Hit> {
    let first = results.first()?;
    // A lost request does not prove that the path is closed.
    let closed_somewhere =
        |path: &&String| results.iter().any(|result| result.closed.contains(*path));
    let differing: BTreeSet<&str> = (results.iter().flat_map(|result| &result.open))
        .filter(closed_somewhere)
        .map(String::as_str)
        .collect();
    if differing.is_empty() && results.iter().all(|result| result.verdict == first.verdict) {
        return None;
    }
    let mut groups: BTreeMap<Verdict, Vec<String>> = BTreeMap::new();
    for result in results {
        let address = result
            .endpoint
            .address()
            .map(|address| address.ip().to_string());
        groups.entry(result.verdict).or_default().extend(address);
    }
    let message = if groups.len() > 1 {
        let texts = groups.iter().map(|(verdict, addresses)| {
            format!(
                "{verdict} at {}",
                listed(addresses.iter().map(String::as_str))
            )
        });
        texts.collect::<Vec<_>>().join("; ")
    } else {
        format!(
            "all are {}, and {} is open at some addresses only",
            first.verdict,
            listed(differing)
        )
    };
    let confidence = results
        .iter()
        .map(|result| result.confidence)
        .min()
        .unwrap_or(first.confidence);
    Some(Hit::proven(message, Vec::new()).at_most(confidence))
}
