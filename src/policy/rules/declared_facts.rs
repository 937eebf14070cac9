//! What an inventory declares about a cluster besides anonymous requests, and what was observed instead.

use super::hit::{DEFAULTS, Hit, ScanTime, answered, clear_paths, replies};
use crate::kubernetes::Answer;
use crate::model::{
    ComparisonResult, Confidence, DeclaredFact, EndpointReport, Learned, Rule, Severity, Verdict,
};
use crate::policy::controls;

pub(in crate::policy) static REACHABLE: Rule = Rule {
    id: "private-endpoint-reachable",
    title: "An endpoint answers from where the inventory says it should not",
    meaning: "The inventory declares that the endpoint is private, and it answers at a public address; or that only \
        some networks reach it, and it answers an address outside them. A change may not be rolled out yet, or \
        something forwards connections to it. Whoever can reach an API server can try stolen tokens and flaws.",
    proof: "The endpoint answered, and its address or the public address of this machine was compared with the \
        inventory. That address is known from --egress-address, or if the local one is public; otherwise there is \
        no finding about networks.",
    severity: Severity::Medium,
    score: "5.3",
    cwe: Some(668),
    controls: &[
        controls::OWASP_2022_MISCONFIGURED,
        controls::OWASP_2025_MISCONFIGURED,
        controls::ATTACK_PUBLIC_FACING,
    ],
    ..DEFAULTS
};

pub(in crate::policy) static OTHER_AUTHORITY: Rule = Rule {
    id: "certificate-not-of-this-cluster",
    title: "The CA of the inventory did not sign the certificate of what answers",
    meaning: "Another cluster answers at this address, or something in between ends TLS, which can read the tokens \
        of clients that do not check the certificate. A cluster that was created again under its name has a new CA \
        too: then the inventory is old, and clients that use its CA cannot connect.",
    proof: "The signatures of the certificate chain were checked with the CA certificates of the inventory. Names \
        and dates do not count.",
    severity: Severity::High,
    score: "7.4",
    cwe: Some(295),
    page: "https://kubernetes.io/docs/setup/best-practices/certificates/",
    ..DEFAULTS
};

pub(in crate::policy) static OTHER_PRODUCT: Rule = Rule {
    id: "identified-as-another-product",
    title: "Another product answers than the inventory declares",
    meaning: "The inventory says which managed service runs the cluster, and what answers shows the signs of \
        another product. Another cluster or a proxy may answer at this address.",
    proof: "The product that was identified with medium or high confidence, compared with the inventory.",
    severity: Severity::Medium,
    score: "4.8",
    ..DEFAULTS
};

pub(in crate::policy) static OTHER_VERSION: Rule = Rule {
    id: "declared-version-differs",
    title: "The version is not the one that the inventory declares",
    meaning: "The cluster was upgraded since the inventory was written, an upgrade is not finished, or another \
        cluster answers at this address. What the product documents depends on the version.",
    proof: "The version from /version, compared with the inventory as far as it goes.",
    severity: Severity::Low,
    score: "2.0",
    ..DEFAULTS
};

pub(in crate::policy) static NO_AUDIT_LOG: Rule = Rule {
    id: "audit-logging-off",
    title: "The inventory says that the audit log is off",
    meaning: "Without the audit log of the API server nobody sees what anonymous callers, or anybody else, asked \
        for. This is declared, and cannot be seen from outside.",
    proof: "The inventory declares it. Nothing was observed.",
    severity: Severity::Note,
    score: "0.0",
    page: "https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/",
    ..DEFAULTS
};

pub(in crate::policy) fn reachable(report: &EndpointReport, _: ScanTime) -> Option<Hit> {
    differs(report, DeclaredFact::Reach)
}

pub(in crate::policy) fn other_authority(report: &EndpointReport, _: ScanTime) -> Option<Hit> {
    let compared = report.compares(
        DeclaredFact::CertificateAuthority,
        ComparisonResult::Differs,
    )?;
    // Nothing is compared where no certificate was seen.
    let needs = [
        Learned::Certificate,
        Learned::Compared(DeclaredFact::CertificateAuthority),
    ];
    Some(Hit::proven(compared.sentence.as_str(), Vec::new()).needing(needs))
}

pub(in crate::policy) fn other_product(report: &EndpointReport, _: ScanTime) -> Option<Hit> {
    let attribution = &report.identification.as_ref()?.attribution;
    let confidence = attribution.confidence.unwrap_or(Confidence::Low);
    let hit = differs(report, DeclaredFact::Product)?.resting_on(clear_paths(report));
    Some(hit.at_most(confidence))
}

pub(in crate::policy) fn other_version(report: &EndpointReport, _: ScanTime) -> Option<Hit> {
    let answers = replies(report, |reply| matches!(reply.answer, Answer::Version(_)));
    let hit = differs(report, DeclaredFact::Version)?;
    Some(Hit {
        requests: answers,
        ..hit
    })
}

/// Found at every endpoint that was asked, whatever it answered.
pub(in crate::policy) fn no_audit_log(report: &EndpointReport, _: ScanTime) -> Option<Hit> {
    let declared = report.target.declared.as_deref()?;
    let is_off = declared.audit_logging == Some(false) && report.verdict != Verdict::NotAttempted;
    let message = "the inventory says that the audit log is off; this cannot be seen from outside";
    is_off.then(|| Hit::proven(message, Vec::new()))
}

fn differs(report: &EndpointReport, fact: DeclaredFact) -> Option<Hit> {
    let compared = report.compares(fact, ComparisonResult::Differs)?;
    let hit = Hit::proven(compared.sentence.as_str(), answered(report));
    Some(hit.needing([Learned::Compared(fact)]))
}
