//! One name, several addresses, different answers.

use std::collections::{BTreeMap, BTreeSet};

use super::{Hit, listed};
use crate::advise::for_rule;
use crate::model::{
    Access, Confidence, Endpoint, EndpointReport, JudgedRequest, Rule, Severity, Verdict,
};

pub(in crate::policy) static RULE: Rule = Rule {
    id: "address-divergence",
    title: "The addresses behind one name do not answer alike",
    meaning: "What an anonymous caller may do depends on which address a client happens to get. One server of \
        the control plane was configured otherwise, a rollout stopped half-way, or an address belongs to \
        somebody else by now.",
    proof: "The name resolved to several addresses, each was asked, and verdicts or open paths differ.",
    advice: for_rule,
    severity: Severity::Medium,
    score: "5.0",
    cwe: None,
    controls: &[],
};

/// What an address showed, as far as it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::policy) struct Face {
    endpoint: Endpoint,
    verdict: Verdict,
    open: BTreeSet<String>,
    closed: BTreeSet<String>,
    /// How sure it is what answered.
    confidence: Confidence,
}

impl Face {
    /// `None` for an address that did not answer, or nothing clear: that says nothing about what is open.
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
        // What a second look opened is open.
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

/// Compares the addresses of one name, given by address.
pub(in crate::policy) fn check(faces: &[Face]) -> Option<Hit> {
    let first = faces.first()?;
    // A request that was lost at one address closes nothing there.
    let closed_somewhere = |path: &&String| faces.iter().any(|face| face.closed.contains(*path));
    let differing: BTreeSet<&str> = (faces.iter().flat_map(|face| &face.open))
        .filter(closed_somewhere)
        .map(String::as_str)
        .collect();
    if differing.is_empty() && faces.iter().all(|face| face.verdict == first.verdict) {
        return None;
    }
    let mut groups: BTreeMap<Verdict, Vec<String>> = BTreeMap::new();
    for face in faces {
        let address = face
            .endpoint
            .address()
            .map(|address| address.ip().to_string());
        groups.entry(face.verdict).or_default().extend(address);
    }
    let message = if groups.len() > 1 {
        let said = groups.iter().map(|(verdict, addresses)| {
            format!(
                "{verdict} at {}",
                listed(addresses.iter().map(String::as_str))
            )
        });
        said.collect::<Vec<_>>().join("; ")
    } else {
        format!(
            "all are {}, and {} is open at some addresses only",
            first.verdict,
            listed(differing)
        )
    };
    let confidence = faces
        .iter()
        .map(|face| face.confidence)
        .min()
        .unwrap_or(first.confidence);
    Some(Hit::proven(message, Vec::new()).at_most(confidence))
}
