//! The verdict on one endpoint: the first rule that holds decides.

use std::collections::BTreeSet;

use crate::config::MAX_PAUSE;
use crate::kubernetes::PathClass;
use crate::model::{
    Access, Component, Failure, FailureKind, Grade, Identification, JudgedRequest, Observation,
    OneAtATime, Reply, Request, Stage, Unclear, Verdict, api_paths,
};

use super::recheck::is_unavailable;
use crate::wording::{joined_at_most, plural};

/// The paths that must all be refused before a verdict is `rejected`: path conditions may open only one of them.
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

/// Tries the rules in the order in which `docs/architecture.md` numbers them.
pub(super) fn decide(
    requests: &[JudgedRequest],
    observation: &Observation,
    identification: &Identification,
) -> Ruling {
    let ruling = not_api_server(requests, identification)
        .or_else(|| unreachable(requests, observation))
        .or_else(|| not_shown_to_be_api_server(requests, identification))
        .or_else(|| contradicting(requests))
        .or_else(|| exposed(requests))
        .or_else(|| starting(requests))
        .unwrap_or_else(|| from_last_answers(requests, observation));
    match ruling.verdict {
        Verdict::Exposed | Verdict::Inconclusive => ruling,
        _ => unproven(requests, observation).unwrap_or(ruling),
    }
}

/// Answers that came together with others may belong to other requests, or a connection was given up because requests had
/// left together on it, and no other one could be opened. Then only what is open is certain.
fn unproven(requests: &[JudgedRequest], observation: &Observation) -> Option<Ruling> {
    let is_settled = |request: &Request| {
        let mut same = (requests.iter()).filter(|judged| judged.exchange.request == *request);
        same.any(|judged| judged.access.is_clear())
    };
    let unsettled = (observation.unproven.iter()).filter(|request| !is_settled(request));
    let paths: Vec<&str> = unsettled.map(Request::bare_path).collect();
    if !paths.is_empty() {
        let paths = joined_at_most(3, &paths);
        let reason =
            format!("no answer certainly belongs to {paths}, because requests left together");
        return Some(ruling(Verdict::Inconclusive, reason));
    }
    let is_silent = requests.iter().all(|request| request.reply().is_none());
    let may_be_why = if is_silent {
        observation.one_at_a_time == Some(OneAtATime::Closed)
    } else {
        observation.gave_up_connection
    };
    let is_shut_out = |failure: &&Failure| {
        matches!(failure.stage, Stage::Connect | Stage::Tls)
            || !is_silent && matches!(failure.kind, FailureKind::Closed | FailureKind::Reset)
    };
    let failure = observation.failures().find(is_shut_out)?;
    may_be_why.then(|| {
        let reason = format!("could not be asked again after requests left together: {failure}");
        ruling(Verdict::Inconclusive, reason)
    })
}

/// Rule 1: it is certainly something else, or no answer shows a sign of Kubernetes.
fn not_api_server(requests: &[JudgedRequest], identification: &Identification) -> Option<Ruling> {
    let component = identification.component;
    if component != Component::Other {
        return component.is_something_else().then(|| {
            ruling(
                Verdict::NotApiServer,
                format!("{component} answers here, not an API server"),
            )
        });
    }
    let answered = || requests.iter().filter(|request| request.reply().is_some());
    // An overloaded server, or a TLS port that received plain HTTP, shows nothing about what it is: see rule 3.
    let shows_nothing = answered().all(|request| {
        is_unavailable(request) || request.access == Access::Unclear(Unclear::TlsPort)
    });
    let count = plural(answered().count() as u64, "answer", "answers");
    let reason = format!("no sign of Kubernetes in {count}");
    (!shows_nothing).then(|| ruling(Verdict::NotApiServer, reason))
}

/// Rule 2: no HTTP answer.
fn unreachable(requests: &[JudgedRequest], observation: &Observation) -> Option<Ruling> {
    if requests.iter().any(|request| request.reply().is_some()) {
        return None;
    }
    let reason = observation
        .failures()
        .next()
        .map_or_else(|| "nothing was asked".to_owned(), ToString::to_string);
    Some(ruling(Verdict::Unreachable, reason))
}

/// Rule 3: it may not be an API server, so its 401s and 403s prove nothing.
fn not_shown_to_be_api_server(
    requests: &[JudgedRequest],
    identification: &Identification,
) -> Option<Ruling> {
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
        _ => Some(ruling(Verdict::Inconclusive, unclear_reason(requests))),
    }
}

/// Rule 4: two answers to one path differ, and a starting server does not explain it.
fn contradicting(requests: &[JudgedRequest]) -> Option<Ruling> {
    let (first, then) =
        changes(requests).find(|(first, then)| !is_explained_by_start(requests, first, then))?;
    Some(ruling(
        Verdict::Inconclusive,
        format!(
            "the answers contradict each other: {} was {}, then {}",
            first.path(),
            access_and_status(first),
            access_and_status(then)
        ),
    ))
}

/// Whether a starting server explains that an answer changed. While it starts, it refuses every request by
/// authorization, whatever its configuration. Three changes can be a start:
///
/// * A path that is open by default opens.
/// * A path was refused before flow control was set up, or with everything else: then any later answer counts.
/// * A path opens that was among the refusals with which the probe began, if these show a start: one of them came before
///   flow control was set up, or version and health are among them.
fn is_explained_by_start(
    requests: &[JudgedRequest],
    first: &JudgedRequest,
    then: &JudgedRequest,
) -> bool {
    let is_refused = |request: &&JudgedRequest| request.access == Access::Forbidden;
    let is_starting = |request: &JudgedRequest| request.reply().is_some_and(Reply::is_starting);
    let of_probe: Vec<&JudgedRequest> = (requests.iter())
        .filter(|request| request.exchange.probe == first.exchange.probe)
        .filter(|request| request.access.is_clear())
        .collect();
    let at_first: Vec<&JudgedRequest> = (of_probe.iter().copied()).take_while(is_refused).collect();
    let refuses = |class: PathClass| at_first.iter().any(|request| request.class() == class);
    let shows_a_start = at_first.iter().any(|request| is_starting(request))
        || refuses(PathClass::Version) && refuses(PathClass::Health);
    let was_at_first = at_first.iter().any(|request| std::ptr::eq(*request, first));
    let opens = then.access == Access::Granted;
    is_refused(&first)
        && (opens && then.class().is_public()
            || is_starting(first)
            || at_first.len() == of_probe.len()
            || opens && was_at_first && shows_a_start)
}

/// Each pair of clear answers to one API path that differ, the earlier first.
fn changes(requests: &[JudgedRequest]) -> impl Iterator<Item = (&JudgedRequest, &JudgedRequest)> {
    requests.iter().enumerate().filter_map(|(at, then)| {
        let mut earlier = requests[..at].iter().rev();
        let first = earlier.find(|earlier| earlier.path() == then.path())?;
        let differ = first.access.is_contradicted_by(&then.access);
        (differ && then.class() != PathClass::Product).then_some((first, then))
    })
}

/// `forbidden (403)`.
fn access_and_status(request: &JudgedRequest) -> String {
    let status = request.reply().map(|reply| format!(" ({})", reply.status));
    format!("{}{}", request.access.as_str(), status.unwrap_or_default())
}

/// `; at first, /api answered 403, as while a server starts`; empty if no answer changed.
fn refused_at_first(requests: &[JudgedRequest]) -> String {
    let paths = distinct(changes(requests).map(|(first, _)| first.path()));
    if paths.is_empty() {
        return String::new();
    }
    format!(
        "; at first, {} answered 403, as while a server starts",
        paths.join(", ")
    )
}

/// Rule 5: a path beyond the public-info set is granted.
fn exposed(requests: &[JudgedRequest]) -> Option<Ruling> {
    let open = distinct(
        requests
            .iter()
            .filter(|request| request.access == Access::Granted)
            .filter(|request| Grade::of(request.class()).exposes())
            .map(JudgedRequest::path),
    );
    (!open.is_empty()).then(|| {
        ruling(
            Verdict::Exposed,
            format!(
                "anonymous callers may read {}: beyond the public-info set{}",
                some_of(&open),
                refused_at_first(requests)
            ),
        )
    })
}

/// Each path once, in the order of the requests.
fn distinct<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = BTreeSet::new();
    paths.filter(|path| seen.insert(*path)).collect()
}

/// `a, b, c`; of a long list the first five paths and how many more there are.
fn some_of(paths: &[&str]) -> String {
    joined_at_most(5, paths)
}

/// Rule 6: the server still starts at the recheck.
fn starting(requests: &[JudgedRequest]) -> Option<Ruling> {
    let last = requests
        .iter()
        .map(|request| request.exchange.probe)
        .max()?;
    let answers: Vec<&Reply> = requests
        .iter()
        .filter(|request| request.exchange.probe == last && request.access == Access::Forbidden)
        .filter_map(JudgedRequest::reply)
        .collect();
    let starts = last > 1 && !answers.is_empty() && answers.iter().all(|reply| reply.is_starting());
    starts.then(|| {
        ruling(
            Verdict::Inconclusive,
            "the server still starts: it refuses requests before its flow control is set up",
        )
    })
}

/// Rules 7 to 10, from the last clear answer of each path.
fn from_last_answers(requests: &[JudgedRequest], observation: &Observation) -> Ruling {
    let paths = api_paths(requests);
    let with = |wanted: Access| -> Vec<&str> {
        (paths.iter())
            .filter(|path| *path.access == wanted)
            .map(|path| path.path)
            .collect()
    };
    let (open, stopped, rejected) = (
        with(Access::Granted),
        with(Access::Forbidden),
        with(Access::Rejected),
    );
    let lists = paths.iter().filter(|path| path.class.is_list()).count();
    // If lists were planned and there was no time for them, `unanswered_text` counts them.
    let planned = observation
        .not_asked
        .iter()
        .any(|request| request.class.is_list());
    let not_asked = if lists == 0 && !planned {
        "; resources not asked"
    } else {
        ""
    };
    let at_first = refused_at_first(requests);
    let api = paths.iter().find(|path| path.path == "/api");
    match api.map(|path| path.access) {
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
                    return ruling(Verdict::Inconclusive, unclear_reason(requests));
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
        _ => ruling(Verdict::Inconclusive, unclear_reason(requests)),
    }
}

/// The reason of an inconclusive verdict: the last unclear answer to `/api`, else the last one to any path.
fn unclear_reason(requests: &[JudgedRequest]) -> String {
    let unclear =
        |request: &&JudgedRequest| matches!(request.access, Access::Unclear(_) | Access::Failed(_));
    let api = requests
        .iter()
        .rev()
        .find(|request| request.exchange.request.path == "/api")
        .filter(unclear);
    let Some(request) = api.or_else(|| requests.iter().rev().find(unclear)) else {
        let asked = |path: &str| {
            requests
                .iter()
                .any(|request| request.exchange.request.path == path)
        };
        let missing = ALL_MUST_REFUSE.into_iter().filter(|path| !asked(path));
        let missing: Vec<&str> = missing.collect();
        return if missing.is_empty() {
            "the answers fit no rule".to_owned()
        } else {
            format!("not asked: {}", some_of(&missing))
        };
    };
    let path = &request.exchange.request.path;
    match (&request.access, &request.exchange.outcome) {
        (Access::Unclear(unclear), Ok(reply)) => {
            let answered = format!("{path} answered {}: {unclear}", reply.status);
            match request.exchange.asks_to_wait() {
                Some(pause) if pause > MAX_PAUSE => format!(
                    "{answered}; it asks to wait {} s, so it was not asked again",
                    pause.as_secs()
                ),
                _ => answered,
            }
        }
        (Access::Failed(failure), _) => format!("no whole answer to {path}: {failure}"),
        _ => format!("no clear answer to {path}"),
    }
}
