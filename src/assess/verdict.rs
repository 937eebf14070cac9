//! The verdict on one endpoint: the first rule that holds decides.

use std::collections::BTreeMap;

use crate::config::MAX_PAUSE;
use crate::model::{
    Access, Component, Failure, Identification, JudgedRequest, Observation, PathClass, Unclear, Verdict,
    api_paths,
};

use super::look::is_strained;

/// The paths that must all be refused before an endpoint counts as rejecting: conditions may open
/// just one of them.
const ALL_MUST_REFUSE: [&str; 5] = ["/version", "/api", "/healthz", "/livez", "/readyz"];

/// A verdict and its sentence.
pub(super) struct Ruling {
    pub(super) verdict: Verdict,
    pub(super) reason: String,
}

fn ruling(verdict: Verdict, reason: impl Into<String>) -> Ruling {
    Ruling { verdict, reason: reason.into() }
}

/// Tries the rules in their order.
pub(super) fn decide(
    requests: &[JudgedRequest],
    observation: &Observation,
    identification: &Identification,
) -> Ruling {
    not_api_server(requests, identification)
        .or_else(|| unreachable(requests, observation))
        .or_else(|| undecidable(requests, identification))
        .or_else(|| exposed(requests))
        .unwrap_or_else(|| settled(requests))
}

/// Rule 1: positively something else, or no sign of Kubernetes in any answer.
fn not_api_server(requests: &[JudgedRequest], identification: &Identification) -> Option<Ruling> {
    let answered = requests.iter().filter(|request| request.exchange.outcome.is_ok()).count();
    let component = identification.component;
    if component == Component::Other {
        // Only "not now" was said, or the wrong protocol was spoken: that shows nothing about who
        // said it. Rule 7 has the sentence.
        let says_nothing = requests
            .iter()
            .filter(|request| request.exchange.outcome.is_ok())
            .all(|request| is_strained(request) || request.access == Access::Unclear(Unclear::TlsPort));
        return (!says_nothing).then(|| {
            let answers = if answered == 1 { "1 answer".to_owned() } else { format!("{answered} answers") };
            ruling(Verdict::NotApiServer, format!("no sign of Kubernetes in {answers}"))
        });
    }
    component
        .is_something_else()
        .then(|| ruling(Verdict::NotApiServer, format!("{component} answers here, not an API server")))
}

/// Rule 2: no HTTP answer.
fn unreachable(requests: &[JudgedRequest], observation: &Observation) -> Option<Ruling> {
    if requests.iter().any(|request| request.exchange.outcome.is_ok()) {
        return None;
    }
    let reason = first_failure(requests, observation)
        .map_or_else(|| "nothing was asked".to_owned(), ToString::to_string);
    Some(ruling(Verdict::Unreachable, reason))
}

/// The failure that a record without any answer is about.
fn first_failure<'a>(requests: &'a [JudgedRequest], observation: &'a Observation) -> Option<&'a Failure> {
    let of_requests = requests.iter().find_map(|request| request.exchange.outcome.as_ref().err());
    observation.failure.as_ref().or(of_requests)
}

/// Part of rule 7 that must come before the others: what answered is not known to be an API
/// server, so that its 401s and 403s prove nothing.
fn undecidable(requests: &[JudgedRequest], identification: &Identification) -> Option<Ruling> {
    match identification.component {
        Component::KubeApiServer | Component::AggregatedApiServer => None,
        Component::Unknown if requests.iter().any(|request| request.access == Access::Forbidden) => {
            Some(ruling(
                Verdict::Inconclusive,
                "a Kubernetes component answers, but nothing shows that it is an API server: \
             controller manager and scheduler refuse anonymous callers in the same words",
            ))
        }
        _ => Some(ruling(Verdict::Inconclusive, telling_reason(requests))),
    }
}

/// Rule 3: a path beyond the public-info set is granted, in any look: a proof does not expire.
fn exposed(requests: &[JudgedRequest]) -> Option<Ruling> {
    let mut open: Vec<&str> = requests
        .iter()
        .filter(|request| request.access == Access::Granted)
        .filter(|request| request.exchange.request.class.grade().exposes())
        .map(|request| request.exchange.request.bare_path())
        .collect();
    open.dedup();
    let more = open.len().saturating_sub(5);
    open.truncate(5);
    (!open.is_empty()).then(|| {
        let and_more = if more > 0 { format!(" and {more} more") } else { String::new() };
        ruling(
            Verdict::Exposed,
            format!("anonymous callers may read {}{and_more}: beyond the public-info set", open.join(", ")),
        )
    })
}

/// Rules 4 to 7, from the access that each path settled on.
fn settled(requests: &[JudgedRequest]) -> Ruling {
    let paths = match settle(requests) {
        Ok(paths) => paths,
        Err(reason) => return ruling(Verdict::Inconclusive, reason),
    };
    let let_in = |access: &Access| matches!(access, Access::Granted | Access::Forbidden);
    match paths.get("/api") {
        Some(Access::Forbidden) => {
            let resources_asked = requests
                .iter()
                .any(|request| matches!(request.exchange.request.class, PathClass::ResourceList { .. }));
            let not_asked = if resources_asked { "" } else { "; resources not asked" };
            ruling(
                Verdict::Forbidden,
                format!(
                    "/api is 403 for system:anonymous: anonymous is accepted, authorization stops it{not_asked}"
                ),
            )
        }
        Some(Access::Rejected) => {
            let open: Vec<&str> =
                paths.iter().filter(|(_, access)| let_in(access)).map(|(path, _)| *path).collect();
            if !open.is_empty() {
                return ruling(
                    Verdict::Limited,
                    format!("/api is 401, {} is not: anonymous is limited to some paths", open.join(", ")),
                );
            }
            if ALL_MUST_REFUSE.iter().all(|path| paths.get(path) == Some(&&Access::Rejected)) {
                let refused = paths.values().filter(|access| ***access == Access::Rejected).count();
                return ruling(
                    Verdict::Rejected,
                    format!("401 on {refused} of {} API paths asked", paths.len()),
                );
            }
            ruling(Verdict::Inconclusive, telling_reason(requests))
        }
        _ => ruling(Verdict::Inconclusive, telling_reason(requests)),
    }
}

/// The access that each API path settled on over both looks, or what contradicts itself.
fn settle(requests: &[JudgedRequest]) -> Result<BTreeMap<&str, &Access>, String> {
    for (at, JudgedRequest { exchange, access }) in requests.iter().enumerate() {
        let (path, class) = (exchange.request.bare_path(), exchange.request.class);
        let earlier = requests[..at].iter().filter(|request| request.exchange.request.bare_path() == path);
        let mut earlier = earlier.filter(|_| class != PathClass::Product);
        if let Some(old) = earlier.find(|request| request.access.contradicts(access)) {
            let (old, new) = (old.access.word(), access.word());
            return Err(format!("the answers contradict each other: {path} was {old}, then {new}"));
        }
    }
    Ok(api_paths(requests).into_iter().map(|(path, (_, access))| (path, access)).collect())
}

/// The sentence of an inconclusive verdict: what stands in the way at `/api`, else at the first
/// path that has something in the way.
fn telling_reason(requests: &[JudgedRequest]) -> String {
    let unclear = |request: &&JudgedRequest| matches!(request.access, Access::Unclear(_) | Access::Failed(_));
    let api = requests.iter().rev().find(|request| request.exchange.request.path == "/api").filter(unclear);
    let Some(request) = api.or_else(|| requests.iter().rev().find(unclear)) else {
        return "the answers fit no rule".to_owned();
    };
    let path = &request.exchange.request.path;
    match (&request.access, &request.exchange.outcome) {
        (Access::Unclear(unclear), Ok(reply)) => {
            let too_long = request.exchange.asks_to_wait().filter(|pause| *pause > MAX_PAUSE);
            let not_again = too_long.map_or_else(String::new, |pause| {
                format!("; it asks to wait {} s, so it was not asked again", pause.as_secs())
            });
            format!("{path} answered {}: {unclear}{not_again}", reply.status)
        }
        (Access::Failed(failure), _) => format!("no whole answer to {path}: {failure}"),
        _ => format!("no clear answer to {path}"),
    }
}
