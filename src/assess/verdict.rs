//! The verdict on one endpoint: the first rule that holds decides.

use std::collections::BTreeSet;

use crate::config::MAX_PAUSE;
use crate::kubernetes::PathClass;
use crate::model::{
    Access, Component, Grade, Identification, JudgedRequest, Observation, Reply, Unclear, Verdict,
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
    Ruling {
        verdict,
        reason: reason.into(),
    }
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
        .or_else(|| contradicting(requests))
        .or_else(|| exposed(requests))
        .or_else(|| starting(requests))
        .unwrap_or_else(|| settled(requests, observation))
}

/// Rule 1: positively something else, or no sign of Kubernetes in any answer.
fn not_api_server(requests: &[JudgedRequest], identification: &Identification) -> Option<Ruling> {
    let answered = requests
        .iter()
        .filter(|request| request.exchange.outcome.is_ok())
        .count();
    let component = identification.component;
    if component == Component::Other {
        // Only "not now" was said, or the wrong protocol was spoken: that shows nothing about who
        // said it. Rule 7 has the sentence.
        let says_nothing = requests
            .iter()
            .filter(|request| request.exchange.outcome.is_ok())
            .all(|request| {
                is_strained(request) || request.access == Access::Unclear(Unclear::TlsPort)
            });
        return (!says_nothing).then(|| {
            let answers = if answered == 1 {
                "1 answer".to_owned()
            } else {
                format!("{answered} answers")
            };
            ruling(
                Verdict::NotApiServer,
                format!("no sign of Kubernetes in {answers}"),
            )
        });
    }
    component.is_something_else().then(|| {
        ruling(
            Verdict::NotApiServer,
            format!("{component} answers here, not an API server"),
        )
    })
}

/// Rule 2: no HTTP answer.
fn unreachable(requests: &[JudgedRequest], observation: &Observation) -> Option<Ruling> {
    if requests
        .iter()
        .any(|request| request.exchange.outcome.is_ok())
    {
        return None;
    }
    let reason = observation
        .failures()
        .next()
        .map_or_else(|| "nothing was asked".to_owned(), ToString::to_string);
    Some(ruling(Verdict::Unreachable, reason))
}

/// Part of rule 7 that must come before the others: what answered is not known to be an API
/// server, so that its 401s and 403s prove nothing.
fn undecidable(requests: &[JudgedRequest], identification: &Identification) -> Option<Ruling> {
    match identification.component {
        Component::KubeApiServer | Component::AggregatedApiServer => None,
        Component::Unknown
            if requests
                .iter()
                .any(|request| request.access == Access::Forbidden) =>
        {
            Some(ruling(
                Verdict::Inconclusive,
                "a Kubernetes component answers, but nothing shows that it is an API server: \
             controller manager and scheduler refuse anonymous callers in the same words",
            ))
        }
        _ => Some(ruling(Verdict::Inconclusive, telling_reason(requests))),
    }
}

/// Part of rule 7 that must come before the others: two answers to one path that no start explains.
fn contradicting(requests: &[JudgedRequest]) -> Option<Ruling> {
    let (first, then) = changes(requests).find(|(first, then)| !is_start(requests, first, then))?;
    let path = first.exchange.request.bare_path();
    Some(ruling(
        Verdict::Inconclusive,
        format!(
            "the answers contradict each other: {path} was {}, then {}",
            told(first),
            told(then)
        ),
    ))
}

/// Whether a server that starts explains that an answer changed. For a moment it refuses everything by
/// authorization, whatever its configuration. What is open by default may open between two requests of one
/// look; that anything else opens is believed only where flow control was not set up when it was refused, or
/// where everything was refused.
fn is_start(requests: &[JudgedRequest], first: &JudgedRequest, then: &JudgedRequest) -> bool {
    let refused_everything = || {
        requests
            .iter()
            .filter(|request| request.exchange.look == first.exchange.look)
            .filter(|request| request.access.is_clear())
            .all(|request| request.access == Access::Forbidden)
    };
    let is_public = matches!(
        then.exchange.request.class,
        PathClass::Version | PathClass::Health
    );
    let before_flow_control = (first.exchange.outcome.as_ref()).is_ok_and(Reply::is_starting);
    first.access == Access::Forbidden
        && (is_public && then.access == Access::Granted
            || before_flow_control
            || refused_everything())
}

/// Each pair of clear answers to one API path that differ, the earlier first.
fn changes(requests: &[JudgedRequest]) -> impl Iterator<Item = (&JudgedRequest, &JudgedRequest)> {
    requests.iter().enumerate().filter_map(|(at, then)| {
        let asked = &then.exchange.request;
        let same_path =
            |earlier: &&JudgedRequest| earlier.exchange.request.bare_path() == asked.bare_path();
        let first = requests[..at].iter().rev().find(same_path)?;
        let differ = first.access.is_contradicted_by(&then.access);
        (differ && asked.class != PathClass::Product).then_some((first, then))
    })
}

/// The access of an answer with the status that shows it.
fn told(request: &JudgedRequest) -> String {
    let status = request
        .exchange
        .outcome
        .as_ref()
        .map(|reply| format!(" ({})", reply.status));
    format!("{}{}", request.access.as_str(), status.unwrap_or_default())
}

/// What was refused while the server started; empty where nothing was.
fn at_first(requests: &[JudgedRequest]) -> String {
    let paths = distinct(changes(requests).map(|(first, _)| first.exchange.request.bare_path()));
    if paths.is_empty() {
        return String::new();
    }
    format!(
        "; while the server started, {} answered 403",
        paths.join(", ")
    )
}

/// Rule 3: a path beyond the public-info set is granted.
fn exposed(requests: &[JudgedRequest]) -> Option<Ruling> {
    let open = distinct(
        requests
            .iter()
            .filter(|request| request.access == Access::Granted)
            .filter(|request| Grade::of(request.exchange.request.class).exposes())
            .map(|request| request.exchange.request.bare_path()),
    );
    (!open.is_empty()).then(|| {
        ruling(
            Verdict::Exposed,
            format!(
                "anonymous callers may read {}: beyond the public-info set{}",
                some_of(&open),
                at_first(requests)
            ),
        )
    })
}

/// Each path once, in the order of the requests.
fn distinct<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = BTreeSet::new();
    paths.filter(|path| seen.insert(*path)).collect()
}

/// `a, b, c`; of long lists the first five and how many more.
fn some_of(paths: &[&str]) -> String {
    const SHOWN: usize = 5;
    let more = paths.len().saturating_sub(SHOWN);
    let and_more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!("{}{and_more}", paths[..paths.len() - more].join(", "))
}

/// Part of rule 7 that must come before rules 4 to 6: also the recheck finds a server that starts.
fn starting(requests: &[JudgedRequest]) -> Option<Ruling> {
    let last = requests.iter().map(|request| request.exchange.look).max()?;
    let answers: Vec<&Reply> = requests
        .iter()
        .filter(|request| request.exchange.look == last && request.access == Access::Forbidden)
        .filter_map(|request| request.exchange.outcome.as_ref().ok())
        .collect();
    let starts = last > 1 && !answers.is_empty() && answers.iter().all(|reply| reply.is_starting());
    starts.then(|| {
        ruling(
            Verdict::Inconclusive,
            "the server still starts: it refuses requests before its flow control is set up",
        )
    })
}

/// Rules 4 to 7, from the access that each path settled on.
fn settled(requests: &[JudgedRequest], observation: &Observation) -> Ruling {
    let paths = api_paths(requests);
    let with = |wanted: Access| -> Vec<&str> {
        paths
            .iter()
            .filter(|(_, (_, access))| **access == wanted)
            .map(|(path, _)| *path)
            .collect()
    };
    let (open, stopped, rejected) = (
        with(Access::Granted),
        with(Access::Forbidden),
        with(Access::Rejected),
    );
    let lists = paths.values().filter(|(class, _)| class.is_list()).count();
    // Those that there was no time for are counted instead.
    let planned = observation
        .unasked
        .iter()
        .any(|request| request.class.is_list());
    let not_asked = if lists == 0 && !planned {
        "; resources not asked"
    } else {
        ""
    };
    let at_first = at_first(requests);
    match paths.get("/api").map(|(_, access)| *access) {
        Some(Access::Forbidden) if rejected.is_empty() => ruling(
            Verdict::Forbidden,
            format!(
                "/api is 403 for system:anonymous: anonymous is accepted, authorization stops it{not_asked}{at_first}"
            ),
        ),
        Some(Access::Forbidden | Access::Rejected) if !rejected.is_empty() => {
            let all_must = ALL_MUST_REFUSE.iter().all(|path| rejected.contains(path));
            if open.is_empty() && stopped.is_empty() {
                if !all_must {
                    return ruling(Verdict::Inconclusive, telling_reason(requests));
                }
                let (refused, asked) = (rejected.len(), paths.len());
                let which = if lists == 0 {
                    some_of(&rejected)
                } else {
                    format!("{lists} of them lists of resources")
                };
                return ruling(
                    Verdict::Rejected,
                    format!(
                        "401 on {refused} of {asked} API paths asked ({which}){not_asked}; a condition that opens \
                         another path would not show{at_first}"
                    ),
                );
            }
            let group = |paths: &[&str], are: &str| {
                (!paths.is_empty()).then(|| format!("{are}: {}", some_of(paths)))
            };
            let groups = [
                group(&open, "open"),
                group(&stopped, "403 as system:anonymous"),
                group(&rejected, "401"),
            ];
            let groups: Vec<String> = groups.into_iter().flatten().collect();
            ruling(
                Verdict::Limited,
                format!(
                    "anonymous is limited to some paths; {}{not_asked}{at_first}",
                    groups.join("; ")
                ),
            )
        }
        _ => ruling(Verdict::Inconclusive, telling_reason(requests)),
    }
}

/// The sentence of an inconclusive verdict: what stands in the way at `/api`, else at the first
/// path that has something in the way.
fn telling_reason(requests: &[JudgedRequest]) -> String {
    let unclear =
        |request: &&JudgedRequest| matches!(request.access, Access::Unclear(_) | Access::Failed(_));
    let api = requests
        .iter()
        .rev()
        .find(|request| request.exchange.request.path == "/api")
        .filter(unclear);
    let Some(request) = api.or_else(|| requests.iter().rev().find(unclear)) else {
        return "the answers fit no rule".to_owned();
    };
    let path = &request.exchange.request.path;
    match (&request.access, &request.exchange.outcome) {
        (Access::Unclear(unclear), Ok(reply)) => {
            let too_long = request
                .exchange
                .asks_to_wait()
                .filter(|pause| *pause > MAX_PAUSE);
            let not_again = too_long.map_or_else(String::new, |pause| {
                format!(
                    "; it asks to wait {} s, so it was not asked again",
                    pause.as_secs()
                )
            });
            format!("{path} answered {}: {unclear}{not_again}", reply.status)
        }
        (Access::Failed(failure), _) => format!("no whole answer to {path}: {failure}"),
        _ => format!("no clear answer to {path}"),
    }
}
