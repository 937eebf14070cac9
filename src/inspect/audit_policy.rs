//! Audit policies of the input: which requests without credentials they would write to the log.

use super::document::File;
use super::node::Node;
use super::place::Place;
use crate::audit::policy::{Caller, InvalidPolicy, Policy};
use crate::kubernetes::Attributes;

/// A request, and why it is interesting.
type Row = (&'static str, &'static str, &'static str);

/// What a scan asks, and what an attacker would.
const ROWS: [Row; 9] = [
    ("GET", "/version", "a scan"),
    ("GET", "/healthz", "a scan, and every health check"),
    ("GET", "/livez", "a scan, and every health check"),
    ("GET", "/api", "a scan"),
    ("GET", "/kubeknock-audit-ID", "a scan with --audit-canary"),
    ("HEAD", "/api/v1/secrets", "a scan with --deep"),
    ("GET", "/api/v1/secrets", "somebody who reads secrets"),
    (
        "POST",
        "/api/v1/namespaces/default/pods",
        "somebody who starts a pod",
    ),
    ("GET", "/metrics", "somebody who reads metrics"),
];

/// The rows that a policy should keep. Losing version and health is usual, because load balancers ask them all day.
const MATTERS: [&str; 2] = ["/api/v1/secrets", "/api/v1/namespaces/default/pods"];

/// What an audit policy does with requests without credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyReport {
    /// Where it begins, or where the server stops reading it.
    pub place: Place,
    /// Why the server does not start with it; `None` if it does.
    pub problem: Option<String>,
    /// The requests.
    pub rows: Vec<PolicyRow>,
    /// Rules and documents with a field that the server does not know. It starts, and the rule matches too much.
    pub unknown: Vec<Place>,
}

/// A request, and whether the log would have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRow {
    /// `GET /version`.
    pub request: String,
    /// Who makes it.
    pub by: &'static str,
    /// Whether it is logged if authentication lets it in as `system:anonymous`.
    pub let_in: bool,
    /// Whether it is logged if authentication refuses it with 401.
    pub refused: bool,
    /// Whether the loss of it is a finding.
    pub matters: bool,
}

impl PolicyReport {
    /// What it loses and should keep, as a sentence; `None` if nothing.
    pub fn loss(&self) -> Option<String> {
        let lost = |kept: fn(&PolicyRow) -> bool| -> Vec<&str> {
            let rows = self.rows.iter().filter(|row| row.matters && !kept(row));
            rows.map(|row| row.request.as_str()).collect()
        };
        let (anonymous, refused) = (lost(|row| row.let_in), lost(|row| row.refused));
        let mut parts = Vec::new();
        if !anonymous.is_empty() {
            parts.push(format!(
                "of anonymous callers it does not log {}",
                anonymous.join(", ")
            ));
        }
        if !refused.is_empty() {
            parts.push(format!(
                "of requests refused with 401 it does not log {}",
                refused.join(", ")
            ));
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

/// Reads a policy of a file; `None` in a text of another document.
pub(super) fn read(file: File<'_>, node: &Node) -> Option<PolicyReport> {
    let (first, text) = file.document_text(node)?;
    let place = |line: u32, column: u32| file.place(line.saturating_add(first), column);
    Some(read_text(text, node.place.clone(), &place))
}

/// Reads a policy that is the text of a value.
pub(super) fn read_in(file: File<'_>, node: &Node) -> PolicyReport {
    let place = file.positions_in(node);
    read_text(node.text().unwrap_or_default(), node.place.clone(), &place)
}

fn read_text(text: &str, begins: Place, place: &impl Fn(u32, u32) -> Place) -> PolicyReport {
    match Policy::parse(text) {
        Ok(policy) => {
            let unknown = policy.unknown_keys().iter();
            let unknown = unknown.map(|(at, _)| place(at.line, at.column)).collect();
            report(&policy, begins, unknown)
        }
        Err(InvalidPolicy { place: at, problem }) => PolicyReport {
            place: place(at.line, at.column),
            problem: Some(problem),
            rows: Vec::new(),
            unknown: Vec::new(),
        },
    }
}

fn report(policy: &Policy, place: Place, unknown: Vec<Place>) -> PolicyReport {
    let row = |(method, path, by): Row| {
        let request = Attributes::of(method, path);
        let is_logged = |caller| policy.decide(&request, caller).has_answer();
        PolicyRow {
            request: format!("{method} {path}"),
            by,
            let_in: is_logged(Caller::Anonymous),
            refused: is_logged(Caller::Unauthenticated),
            matters: MATTERS.contains(&path),
        }
    };
    PolicyReport {
        place,
        problem: None,
        rows: ROWS.map(row).to_vec(),
        unknown,
    }
}
