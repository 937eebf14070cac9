//! JSON, for programs: everything.

use std::io::{self, Write as _};

use serde::Serialize;

use crate::audit::log::{Counts, Decision};
use crate::audit::{Audit, AuditDecision, OtherCounts, Trace};
use crate::model::{Clipped, Method, Time};
use crate::record::encode;

/// The name and version of the format.
pub const SCHEMA: &str = "kubeknock.audit/v1";

/// What `kubeknock audit -o json` writes. Later versions may add keys: ignore those that you do not know. Values of
/// queries are never in it.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(title = "kubeknock audit, version 1", extend("$id" = "urn:kubeknock:audit:v1")))]
pub(crate) struct Document<'a> {
    /// The name and version of the format.
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    schema: &'a str,
    /// The id of the run, from the report; null without one.
    run_id: Option<&'a str>,
    /// The log.
    log: Log,
    /// The endpoints of the scan that the log is of.
    endpoints: Vec<Endpoint<'a>>,
    /// Other endpoints of the scan, of which the log has no request.
    no_log_given: Vec<Clipped<'a>>,
    /// Requests of other callers without credentials, grouped, the worst first.
    others: Vec<Other<'a>>,
    /// How many requests of other callers there were.
    other_counts: OtherCounts,
    /// The decision of `--fail-on`.
    gate: Gate<'a>,
}

/// The log.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "AuditLog"))]
struct Log {
    /// What was read and what was left out.
    #[serde(flatten)]
    counts: Counts,
    /// When the first event was received; null without events.
    first: Option<Time>,
    /// When the last event was received; null without events.
    last: Option<Time>,
    /// Events of this scan.
    own_events: u64,
}

/// An endpoint.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "AuditedEndpoint"))]
struct Endpoint<'a> {
    /// The target.
    target: Clipped<'a>,
    /// The user's name for it; null without one.
    name: Option<Clipped<'a>>,
    /// Which audit policy was assumed; null without one.
    policy: Option<&'a str>,
    /// Whether requests are outside of the time of the log.
    outside_of_log: bool,
    /// The requests that its API server answered, the canary last.
    requests: Vec<Request<'a>>,
}

/// A request.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "AuditedRequest"))]
struct Request<'a> {
    /// What became of it.
    result: Trace,
    /// The reason, where it is known; null without one.
    why: Option<&'a str>,
    /// The HTTP method.
    method: Method,
    /// The path, without its query.
    path: Clipped<'a>,
    /// When it was sent.
    at: Time,
    /// The HTTP status code; null without an answer.
    status: Option<u16>,
    /// The id by which the log knows it; null if it is not known.
    audit_id: Option<Clipped<'a>>,
    /// Whether it is the request of `--audit-canary`.
    canary: bool,
}

/// Requests of others that are the same in all of this.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "OtherRequests"))]
struct Other<'a> {
    /// The decision in the log, or that authentication refused them.
    decision: Decision,
    /// Whether they were allowed and a default cluster does not allow them.
    beyond_default: bool,
    /// Whether they carry this run's id and match no request of it.
    claims_run: bool,
    /// The address of the connection, as the server saw it.
    source: Clipped<'a>,
    /// The `User-Agent`.
    user_agent: Clipped<'a>,
    /// The verb.
    verb: Clipped<'a>,
    /// The path with the names of its parameters.
    path: Clipped<'a>,
    /// How many there were.
    count: u64,
    /// When the first was; null if the log has no time.
    first: Option<Time>,
    /// When the last was; null if the log has no time.
    last: Option<Time>,
}

/// The exit code and its reason.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Gate<'a> {
    /// The exit code.
    code: u8,
    /// The reason for the exit code.
    sentence: Clipped<'a>,
}

/// Writes the JSON document.
pub fn write_json(
    out: &mut dyn io::Write,
    audit: &Audit,
    decision: &AuditDecision,
    code: u8,
) -> io::Result<()> {
    let text = |text: &'_ Option<String>| text.as_deref().map(str::to_owned).map(Clipped::from);
    let endpoints = audit.endpoints.iter().map(|endpoint| Endpoint {
        target: (&*endpoint.target).into(),
        name: text(&endpoint.name),
        policy: endpoint.policy.as_deref(),
        outside_of_log: endpoint.is_outside_of_log,
        requests: (endpoint.requests.iter())
            .map(|request| Request {
                result: request.trace,
                why: request.why.as_deref(),
                method: request.method,
                path: (&*request.path).into(),
                at: Time(request.at),
                status: request.status,
                audit_id: text(&request.audit_id),
                canary: request.canary,
            })
            .collect(),
    });
    let others = audit.others.iter().map(|other| Other {
        decision: other.decision,
        beyond_default: other.is_beyond_default,
        claims_run: other.claims_run,
        source: (&*other.source).into(),
        user_agent: (&*other.agent).into(),
        verb: (&*other.verb).into(),
        path: (&*other.path).into(),
        count: other.count,
        first: other.first.map(Time),
        last: other.last.map(Time),
    });
    let document = Document {
        schema: SCHEMA,
        run_id: audit.run_id.as_deref(),
        log: Log {
            counts: audit.counts,
            first: audit.first.map(Time),
            last: audit.last.map(Time),
            own_events: audit.own_events,
        },
        endpoints: endpoints.collect(),
        no_log_given: audit
            .without_log
            .iter()
            .map(|target| Clipped::from(&**target))
            .collect(),
        others: others.collect(),
        other_counts: audit.other_counts,
        gate: Gate {
            code,
            sentence: (&*decision.sentence).into(),
        },
    };
    let mut out = io::BufWriter::new(out);
    document.serialize(&mut encode::pretty(&mut out))?;
    out.write_all(b"\n")?;
    out.flush()
}
