//! Finds the requests of a scan in an audit log.
//!
//! A request is found by an id, its path and its time together. The id is the `Audit-Id` of its answer; where the answer
//! had none, it is the id of the run, in the `User-Agent` or in the path of the canary. What has only the id of the run is
//! a request of others: anybody can send it.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use super::known::known_policy;
use super::log::{Counts, Event, Facts};
use super::others::Others;
use super::outcome::{Audit, Trace, TracedEndpoint, TracedRequest};
use super::policy::{Caller, Policy};
use crate::config::{RunId, ScanConfig};
use crate::kubernetes::{AUDIT_ID, Attributes};
use crate::model::{Access, EndpointReport, JudgedRequest, Method, Pattern, TargetNames, Verdict};

/// How far the clocks of the server and of this machine may be apart.
const CLOCKS: SignedDuration = SignedDuration::from_mins(5);
/// How far a request may be outside of the time of the log and still count as inside.
const EDGE: SignedDuration = SignedDuration::from_secs(2);

/// A request that a log may have.
struct Expected {
    endpoint: usize,
    request: TracedRequest,
    /// The paths as which the server may have seen it.
    paths: Vec<String>,
    is_found: bool,
}

/// An endpoint of the scan.
struct Endpoint {
    target: String,
    name: Option<String>,
    product: Option<String>,
    /// Whether `named` names it, or nothing is named.
    is_named: bool,
}

/// Takes the records of a scan first, and then the events of a log.
pub struct Matcher {
    run_id: Option<RunId>,
    /// Whether requests had ids made from that of the run.
    makes_ids: bool,
    /// The endpoints that the log is of; empty if that is not known.
    named: Vec<(Pattern, bool)>,
    endpoints: Vec<Endpoint>,
    expected: Vec<Expected>,
    by_id: HashMap<String, Vec<usize>>,
    /// Requests without a known id.
    by_path: HashMap<String, Vec<usize>>,
    /// When requests without an answer of the server were sent, by their paths: a log may have them.
    unanswered: HashMap<String, Vec<Timestamp>>,
    own_events: u64,
    others: Others,
}

impl Matcher {
    /// A matcher for a scan with these settings. `named` says which endpoints the log is of.
    pub fn new(config: &ScanConfig, named: Vec<Pattern>) -> Self {
        Self {
            run_id: config.run_id.clone(),
            makes_ids: config.audit_id,
            named: named.into_iter().map(|pattern| (pattern, false)).collect(),
            endpoints: Vec::new(),
            expected: Vec::new(),
            by_id: HashMap::new(),
            by_path: HashMap::new(),
            unanswered: HashMap::new(),
            own_events: 0,
            others: Others::default(),
        }
    }

    /// Adds an endpoint of the scan.
    pub fn record(&mut self, report: &EndpointReport) {
        let names = TargetNames::of_target(&report.target);
        let address = report.address().map(|address| address.to_string());
        let mut is_named = self.named.is_empty();
        for (pattern, matched) in &mut self.named {
            let matches = pattern.matches(&names)
                || address
                    .as_deref()
                    .is_some_and(|address| pattern.matches_text(address));
            *matched |= matches;
            is_named |= matches;
        }
        let before = self.expected.len();
        let endpoint = self.endpoints.len();
        let is_api_server = report.verdict != Verdict::NotApiServer;
        for judged in &report.requests {
            let exchange = &judged.exchange;
            if is_api_server && reached_the_server(judged) {
                let request = self.traced(report, judged);
                self.expect(endpoint, report, request);
            } else {
                let path = exchange.request.bare_path();
                self.sent_without_answer(&report.target.prefix, path, exchange.at);
            }
        }
        match &report.audit_canary {
            Some(canary) if is_api_server => {
                let request = TracedRequest {
                    method: Method::Get,
                    path: canary.path.clone(),
                    at: canary.at,
                    status: canary.status,
                    audit_id: canary.audit_id.clone(),
                    canary: true,
                    trace: Trace::Missing,
                    why: None,
                };
                self.expect(endpoint, report, request);
            }
            Some(canary) => {
                self.sent_without_answer(&report.target.prefix, &canary.path, canary.at);
            }
            None => {}
        }
        if self.expected.len() > before {
            let product = report
                .identification
                .as_ref()
                .and_then(|identification| identification.product());
            self.endpoints.push(Endpoint {
                target: report.target.to_string(),
                name: report.target.label.as_deref().map(str::to_owned),
                product: product.map(|product| product.id.to_string()),
                is_named,
            });
        }
    }

    fn sent_without_answer(&mut self, prefix: &str, path: &str, at: Timestamp) {
        for path in paths_of(prefix, path) {
            self.unanswered.entry(path).or_default().push(at);
        }
    }

    fn traced(&self, report: &EndpointReport, judged: &JudgedRequest) -> TracedRequest {
        let exchange = &judged.exchange;
        let reply = judged.reply();
        let made = || {
            let endpoint = report.endpoint.as_ref().filter(|_| self.makes_ids)?;
            Some(
                self.run_id
                    .as_ref()?
                    .audit_id(endpoint, &exchange.request, exchange.at),
            )
        };
        TracedRequest {
            method: exchange.request.method,
            path: exchange.request.bare_path().to_owned(),
            at: exchange.at,
            status: reply.map(|reply| reply.status),
            audit_id: reply.and_then(|reply| reply.header(AUDIT_ID)).or_else(made),
            canary: false,
            trace: Trace::Missing,
            why: None,
        }
    }

    fn expect(&mut self, endpoint: usize, report: &EndpointReport, request: TracedRequest) {
        let number = self.expected.len();
        let paths = paths_of(&report.target.prefix, &request.path);
        if let Some(id) = &request.audit_id {
            self.by_id.entry(id.clone()).or_default().push(number);
        }
        if request.audit_id.is_none() {
            for path in &paths {
                self.by_path.entry(path.clone()).or_default().push(number);
            }
        }
        self.expected.push(Expected {
            endpoint,
            request,
            paths,
            is_found: false,
        });
    }

    /// The patterns that name no endpoint of the scan.
    pub fn unknown_names(&self) -> impl Iterator<Item = &Pattern> {
        self.named
            .iter()
            .filter(|(_, matched)| !matched)
            .map(|(pattern, _)| pattern)
    }

    /// The endpoints, as targets.
    pub fn targets(&self) -> impl Iterator<Item = &str> {
        self.endpoints.iter().map(|endpoint| &*endpoint.target)
    }

    /// Takes an event of the log.
    pub fn event(&mut self, event: &Event<'_>) {
        let by_id = self.by_id.get(event.id).into_iter().flatten().copied();
        let by_id = by_id
            .into_iter()
            .find(|number| self.expected[*number].fits(event));
        let claims_run = self.is_of_this_run(event);
        let by_path = || claims_run.then(|| self.nearest(event)).flatten();
        if let Some(number) = by_id {
            self.expected[number].is_found = true;
        } else if let Some(number) = by_path() {
            self.expected[number].is_found = true;
            // Further events of this request have the same id.
            let of_id = self.by_id.entry(event.id.to_owned()).or_default();
            of_id.push(number);
        } else if !(claims_run && self.is_unanswered(event)) {
            self.others.add(event, claims_run);
            return;
        }
        self.own_events += 1;
    }

    /// Whether a request without an answer had this path at this time.
    fn is_unanswered(&self, event: &Event<'_>) -> bool {
        let mut sent = self.unanswered.get(event.path()).into_iter().flatten();
        sent.any(|sent| event.at.is_none_or(|at| is_near(at, *sent)))
    }

    /// Whether the id of the run is in the event.
    fn is_of_this_run(&self, event: &Event<'_>) -> bool {
        let Some(run_id) = &self.run_id else {
            return false;
        };
        let in_agent = || {
            let (_, rest) = event.agent.split_once("(run ")?;
            let rest = rest.strip_prefix(&*run_id.to_string())?;
            rest.starts_with([';', ')']).then_some(())
        };
        event.path().ends_with(&run_id.canary_path()) || in_agent().is_some()
    }

    /// The request with this path, and without a known id, that is nearest in time.
    fn nearest(&self, event: &Event<'_>) -> Option<usize> {
        let candidates = self.by_path.get(event.path())?.iter().copied();
        candidates
            .filter(|number| {
                let expected = &self.expected[*number];
                !expected.is_found && expected.fits(event)
            })
            .min_by_key(|number| {
                let at = self.expected[*number].request.at;
                event.at.map(|event| event.duration_since(at).abs())
            })
    }

    /// What the log shows. The policy is that of the cluster; without one, that of its product counts.
    pub fn finish(self, counts: Counts, facts: &Facts, policy: Option<&Policy>) -> Audit {
        let is_named = !self.named.is_empty();
        let mut all: Vec<Vec<Expected>> = self.endpoints.iter().map(|_| Vec::new()).collect();
        for expected in self.expected {
            all[expected.endpoint].push(expected);
        }
        let (mut endpoints, mut without_log) = (Vec::new(), Vec::new());
        for (endpoint, expected) in self.endpoints.into_iter().zip(all) {
            let has_request = || expected.iter().any(|expected| expected.is_found);
            if endpoint.is_named && (is_named || has_request()) {
                endpoints.push(traced(endpoint, expected, facts, policy));
            } else {
                without_log.push(endpoint.target);
            }
        }
        let (others, other_counts) = self.others.finish();
        Audit {
            run_id: self.run_id.map(|run_id| run_id.to_string()),
            counts,
            reads_left_out: facts.reads_are_left_out(),
            first: facts.first,
            last: facts.last,
            own_events: self.own_events,
            endpoints,
            without_log,
            others,
            other_counts,
        }
    }
}

/// Whether the API server itself answered.
fn reached_the_server(judged: &JudgedRequest) -> bool {
    let has_id = || {
        judged
            .reply()
            .is_some_and(|reply| reply.header_marks().audit_id)
    };
    matches!(
        judged.access,
        Access::Rejected | Access::Forbidden | Access::Granted
    ) || has_id()
}

impl Expected {
    /// Whether path and time are those of the event.
    fn fits(&self, event: &Event<'_>) -> bool {
        let at = self.request.at;
        self.paths.iter().any(|path| path == event.path())
            && event.at.is_none_or(|event| is_near(event, at))
    }
}

/// The paths as which a server may see a request: a front end removes the prefix of the target, or does not.
fn paths_of(prefix: &str, path: &str) -> Vec<String> {
    let mut paths = vec![path.to_owned(), format!("{prefix}{path}")];
    paths.dedup();
    paths
}

/// Whether two clocks may have meant the same moment.
fn is_near(one: Timestamp, other: Timestamp) -> bool {
    one.duration_since(other).abs() <= CLOCKS
}

fn traced(
    endpoint: Endpoint,
    expected: Vec<Expected>,
    facts: &Facts,
    given: Option<&Policy>,
) -> TracedEndpoint {
    let known = endpoint
        .product
        .as_deref()
        .and_then(known_policy)
        .filter(|_| given.is_none());
    let policy = given.or_else(|| known.map(|known| &*known.policy));
    let name = known.map_or("the given policy", |known| known.name);
    let mut is_outside_of_log = false;
    let mut requests = Vec::new();
    for Expected {
        mut request,
        is_found,
        ..
    } in expected
    {
        let caller = if request.status == Some(401) {
            Caller::Unauthenticated
        } else {
            Caller::Anonymous
        };
        let attributes = Attributes::of(request.method.as_str(), &request.path);
        let is_lost =
            || policy.is_some_and(|policy| !policy.decide(&attributes, caller).is_logged());
        (request.trace, request.why) = if is_found {
            (Trace::Found, None)
        } else if let Some(why) = facts.reads_are_left_out() {
            (Trace::NotObservable, Some(why.to_owned()))
        } else if is_lost() {
            (Trace::LostByPolicy, Some(name.to_owned()))
        } else if let Some(why) = outside(request.at, facts) {
            is_outside_of_log = true;
            (Trace::NotObservable, Some(why))
        } else {
            (Trace::Missing, None)
        };
        requests.push(request);
    }
    TracedEndpoint {
        target: endpoint.target,
        name: endpoint.name,
        policy: policy.map(|_| name.to_owned()),
        requests,
        is_outside_of_log,
    }
}

/// Why the log cannot have a request of this time.
fn outside(at: Timestamp, facts: &Facts) -> Option<String> {
    let (Some(first), Some(last)) = (facts.first, facts.last) else {
        return Some("the log has no event with a time".to_owned());
    };
    if first.duration_since(at) > EDGE {
        Some(format!("the log begins later, at {first:.0}"))
    } else if at.duration_since(last) > EDGE {
        Some(format!("the log ends earlier, at {last:.0}"))
    } else {
        None
    }
}
