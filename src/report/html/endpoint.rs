//! An endpoint on the page: a row, and its evidence to unfold.

use super::super::findings_by_endpoint::FindingsByEndpoint;
use super::super::phrases::{self, access_reason, day, target_and_address, who_answered};
use super::parts::{finding_state, shown};
use crate::model::{
    Access, Certificate, Declared, EndpointReport, Finding, Handshake, Identification,
    JudgedRequest, NameList,
};
use crate::wording::first_and_more;

/// Requests shown for one endpoint.
const MAX_REQUESTS: usize = 100;
/// Names shown of one list.
const MAX_NAMES: usize = 12;
/// The title of the requests.
const ASKED: &str = "Asked";
/// What a 404 to an anonymous caller means.
const NOT_SERVED: &str =
    "granted: authorization let the request through, but nothing is served under this path";

/// An endpoint as the page shows it. No text has hidden characters.
pub(super) struct Entry {
    pub(super) verdict: String,
    pub(super) target: String,
    /// What the user calls it; empty without a name.
    pub(super) name: String,
    pub(super) who: String,
    pub(super) may: String,
    /// The severity of the worst finding that counts; empty without one.
    pub(super) severity: String,
    /// How many more findings count.
    pub(super) more: String,
    /// The product, for groups; empty if it is unknown.
    pub(super) provider: String,
    /// What an inventory says about where it belongs: `key=value`.
    pub(super) labels: Vec<String>,
    pub(super) sections: Vec<Section>,
}

/// A part of the evidence: a title and rows of texts. Rows of one text are a list, rows of two are terms and what they
/// mean, and more columns are a table whose first row has the titles.
pub(super) struct Section {
    pub(super) title: &'static str,
    pub(super) rows: Vec<Vec<String>>,
}

impl Entry {
    /// Leaves out the requests, where a page of many endpoints would get too large.
    pub(super) fn leave_out_requests(&mut self) {
        for section in &mut self.sections {
            if section.title == ASKED {
                let note = "left out here to keep the page small; the json report has the requests";
                section.rows = vec![vec![note.to_owned()]];
            }
        }
    }
}

impl Section {
    fn new(title: &'static str, rows: impl IntoIterator<Item = Vec<String>>) -> Self {
        let rows = rows.into_iter().collect();
        Self { title, rows }
    }
}

/// What the page shows of an endpoint and its findings.
pub(super) fn entry(report: &EndpointReport, all: &FindingsByEndpoint<'_>) -> Entry {
    let findings = all.of(report);
    let counting: Vec<&&Finding> = findings.iter().filter(|finding| finding.counts()).collect();
    let worst = counting.iter().map(|finding| finding.severity).min();
    let more = counting.len().saturating_sub(1);
    let product = report
        .identification
        .as_ref()
        .and_then(Identification::product);
    Entry {
        verdict: report.verdict.as_str().to_owned(),
        target: shown(&target_and_address(report)),
        name: shown(report.target.label.as_deref().unwrap_or_default()),
        who: shown(&who_answered(report)),
        may: shown(&all.anonymous_may(report)),
        severity: worst.map_or_else(String::new, |worst| worst.as_str().to_owned()),
        more: if more > 0 {
            format!("+{more}")
        } else {
            String::new()
        },
        provider: product.map_or_else(String::new, |product| shown(&product.short)),
        labels: (labels(report).map(|(key, value)| shown(&format!("{key}={value}")))).collect(),
        sections: sections(report, findings),
    }
}

/// The labels of an endpoint: the script splits `key=value` at the first `=`. Its product is the provider of the page,
/// so the declared one is not among them.
pub(super) fn labels(report: &EndpointReport) -> impl Iterator<Item = (String, &str)> {
    let declared = report.target.declared.as_deref().into_iter();
    let facts = declared.flat_map(Declared::facts);
    let facts = facts.filter(|(key, _)| *key != "provider");
    facts.map(|(key, value)| (key.replace('=', ":"), value))
}

fn sections(report: &EndpointReport, findings: &[&Finding]) -> Vec<Section> {
    let mut sections = vec![
        Section::new(
            "Findings",
            findings.iter().map(|finding| vec![found(finding)]),
        ),
        Section::new("How to fix it", [fixes(report)]),
        Section::new("Verdict", verdict(report)),
        Section::new(
            "Compared with the inventory",
            (report.compared.iter())
                .map(|compared| vec![compared.fact.phrase().to_owned(), shown(&compared.sentence)]),
        ),
    ];
    sections.extend(report.identification.as_ref().map(what_answered));
    sections.push(Section::new(ASKED, asked(&report.requests)));
    let not_asked = report.not_asked.iter();
    sections.push(Section::new(
        "Not asked",
        not_asked.map(|request| vec![shown(&request.path)]),
    ));
    sections.extend(report.tls.as_deref().map(handshake));
    let labels = labels(report).map(|(key, value)| vec![shown(&key), shown(value)]);
    sections.push(Section::new("Labels", labels));
    sections.retain(|section| section.rows.iter().any(|row| !row.is_empty()));
    sections
}

/// `high anonymous-auth-unexpected (new): …`.
fn found(finding: &Finding) -> String {
    let state = finding_state(finding).map_or_else(String::new, |state| format!(" ({state})"));
    let acceptance = finding.acceptance.as_ref();
    let acceptance = acceptance.map_or_else(String::new, |acceptance| {
        format!(
            "; {}: {}",
            phrases::acceptance_text(acceptance),
            acceptance.reason
        )
    });
    let (severity, rule) = (finding.severity, finding.rule.id);
    shown(&format!(
        "{severity} {rule}{state}: {}{acceptance}",
        finding.said()
    ))
}

/// What to do, in short. The steps are with the findings.
fn fixes(report: &EndpointReport) -> Vec<String> {
    let Some(remedy) = &report.remedy else {
        return Vec::new();
    };
    let mut text = remedy.remediation.summary.to_string();
    if let Some(url) = &remedy.network_url {
        text = format!("{text} Who can reach it: {url}");
    }
    vec![shown(&text)]
}

fn verdict(report: &EndpointReport) -> Vec<Vec<String>> {
    let mut rows = vec![
        vec!["reason".to_owned(), shown(&report.reason)],
        vec![
            "written at".to_owned(),
            shown(&report.target.origin.to_string()),
        ],
    ];
    let expected = report.target.expect.map(|expected| expected.to_string());
    let posture = report
        .posture
        .as_ref()
        .map(|posture| shown(&posture.sentence));
    for (term, text) in [("expected", expected), ("posture", posture)] {
        rows.extend(text.map(|text| vec![term.to_owned(), text]));
    }
    rows
}

fn what_answered(identification: &Identification) -> Section {
    let Identification {
        component,
        confidence,
        version,
        attribution,
        clues,
        ..
    } = identification;
    let row = |term: &str, text: String| vec![term.to_owned(), shown(&text)];
    let mut rows = vec![row(
        "component",
        format!(
            "{} (confidence {})",
            component.as_str(),
            confidence.as_str()
        ),
    )];
    rows.extend(version.clone().map(|version| row("version", version)));
    if let Some(product) = &attribution.product {
        let confidence = attribution
            .confidence
            .map_or_else(String::new, |confidence| {
                format!(" (confidence {})", confidence.as_str())
            });
        rows.push(row("product", format!("{}{confidence}", product.name)));
    }
    rows.extend(
        clues
            .iter()
            .map(|clue| row(clue.kind.as_str(), clue.seen.clone())),
    );
    Section::new("What answered", rows)
}

fn asked(requests: &[JudgedRequest]) -> Vec<Vec<String>> {
    if requests.is_empty() {
        return Vec::new();
    }
    let titles = ["request", "status", "shows", "audit id", "at (UTC)"];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    rows.extend(requests.iter().take(MAX_REQUESTS).map(request));
    if let Some(more @ 1..) = requests.len().checked_sub(MAX_REQUESTS) {
        let mut row = vec![format!("… and {more} more")];
        row.resize(titles.len(), String::new());
        rows.push(row);
    }
    rows
}

fn request(JudgedRequest { exchange, access }: &JudgedRequest) -> Vec<String> {
    let reply = exchange.outcome.as_ref().ok();
    let status = reply.map(|reply| reply.status);
    let mut shows = match (access, status) {
        (Access::Granted, Some(404)) => NOT_SERVED.to_owned(),
        _ => access.as_str().to_owned(),
    };
    let message = reply
        .and_then(|reply| reply.answer.status())
        .map(|status| status.message.clone());
    for text in access_reason(access).into_iter().chain(message) {
        shows = format!("{shows}: {text}");
    }
    let (method, path) = (exchange.request.method.as_str(), &exchange.request.path);
    let audit_id = reply.and_then(|reply| reply.header("audit-id"));
    vec![
        shown(&format!("{method} {path}")),
        status.map(|status| status.to_string()).unwrap_or_default(),
        shown(&shows),
        audit_id.map(|id| shown(&id)).unwrap_or_default(),
        exchange.at.strftime("%H:%M:%S%.3f").to_string(),
    ]
}

fn handshake(tls: &Handshake) -> Section {
    let mut rows = vec![(
        "protocol",
        format!("{}, {}", shown(&tls.version), shown(&tls.cipher)),
    )];
    rows.extend(tls.certificate.iter().flat_map(certificate));
    if tls.client_ca_names.total > 0 {
        rows.push(("client CAs it asks for", names(&tls.client_ca_names)));
    }
    let rows = rows.into_iter();
    Section::new("TLS", rows.map(|(term, text)| vec![term.to_owned(), text]))
}

fn certificate(certificate: &Certificate) -> [(&'static str, String); 6] {
    let (from, to) = (day(certificate.not_before), day(certificate.not_after));
    [
        ("certificate", shown(&certificate.subject)),
        ("issued by", shown(&certificate.issuer)),
        ("valid", format!("{from} to {to}")),
        ("names", names(&certificate.sans)),
        ("key", shown(&certificate.key)),
        ("SHA-256", shown(&certificate.sha256)),
    ]
}

fn names(names: &NameList) -> String {
    let listed: Vec<String> = names
        .kept
        .iter()
        .take(MAX_NAMES)
        .map(|name| shown(name))
        .collect();
    let more = names.total.saturating_sub(listed.len());
    first_and_more(&listed, more as u64)
}
