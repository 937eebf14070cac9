//! Contradictions that a server shows while it starts, is overloaded or stands behind a front with
//! several backends. They get one second look before the verdict is believed.

use crate::config::MAX_PAUSE;
use crate::kubernetes::{Answer, PathClass};
use crate::model::{Access, Component, Identification, JudgedRequest, Reply, SecondLook, Unclear};

/// Whether the first look contradicts itself. `None` after a second look: there is only one; and where
/// the server asks for a longer pause than we wait.
pub(super) fn second_look(
    requests: &[JudgedRequest],
    identification: &Identification,
) -> Option<SecondLook> {
    let looked_twice = requests.iter().any(|request| request.exchange.look > 1);
    // Without any sign of who answers, "not now" from all paths says nothing: that is worth asking again.
    let strained = identification.component == Component::Other && requests.iter().all(is_strained);
    if requests.is_empty()
        || looked_twice
        || identification.component.is_something_else() && !strained
    {
        return None;
    }
    let why = why(requests)?;
    let after = requests
        .iter()
        .filter_map(|request| request.exchange.asks_to_wait())
        .max();
    after
        .is_none_or(|pause| pause <= MAX_PAUSE)
        .then_some(SecondLook { why, after })
}

fn reply(request: &JudgedRequest) -> Option<&Reply> {
    request.exchange.outcome.as_ref().ok()
}

/// Whether the answer is only that the server cannot answer now.
pub(super) fn is_strained(request: &JudgedRequest) -> bool {
    matches!(
        request.access,
        Access::Unclear(Unclear::RateLimited | Unclear::ServerError | Unclear::AuthorizerFailed)
    )
}

fn why(requests: &[JudgedRequest]) -> Option<String> {
    for request in requests {
        let asked = &request.exchange.request;
        if is_strained(request) {
            let status = reply(request).map(|reply| reply.status).unwrap_or_default();
            return Some(format!("{} answered {status}", asked.path));
        }
        if reply(request).is_some_and(Reply::is_starting) {
            return Some(format!(
                "{} answered before flow control was set up: the server starts",
                asked.path
            ));
        }
        if let Some(Answer::Health { ok: false }) = reply(request).map(|reply| &reply.answer) {
            return Some(format!(
                "{} says that the server is not healthy",
                asked.path
            ));
        }
    }
    let public: Vec<&JudgedRequest> = requests
        .iter()
        .filter(|request| {
            matches!(
                request.exchange.request.class,
                PathClass::Version | PathClass::Health
            )
        })
        .filter(|request| matches!(request.access, Access::Forbidden | Access::Granted))
        .collect();
    let differing = public
        .iter()
        .find(|request| request.access != public[0].access);
    if let (Some(first), Some(other)) = (public.first(), differing) {
        return Some(format!(
            "{}, which one role opens together",
            both(first, other)
        ));
    }
    // A server that starts refuses everything for a moment, before it knows its roles.
    let refused = |class| {
        public
            .iter()
            .find(|request| request.exchange.request.class == class)
    };
    if let (Some(version), Some(health)) = (refused(PathClass::Version), refused(PathClass::Health))
        && version.access == Access::Forbidden
    {
        return Some(format!(
            "{}, as while a server starts",
            both(version, health)
        ));
    }
    // Path conditions may let one path through to authorization, but a start does so too.
    let accepted = requests
        .iter()
        .find(|request| request.access == Access::Forbidden);
    let rejected = requests
        .iter()
        .find(|request| request.access == Access::Rejected);
    if let (Some(accepted), Some(rejected)) = (accepted, rejected) {
        return Some(both(accepted, rejected));
    }
    // Open, while version and health are not, fits no configuration seen.
    let api = requests
        .iter()
        .find(|request| request.exchange.request.path == "/api")?;
    let odd = requests.iter().find(|request| {
        api.access == Access::Granted
            && matches!(request.access, Access::Rejected | Access::Forbidden)
            && matches!(
                request.exchange.request.class,
                PathClass::Version | PathClass::Health
            )
    })?;
    Some(both(api, odd))
}

fn both(one: &JudgedRequest, other: &JudgedRequest) -> String {
    let said = |request: &JudgedRequest| {
        format!(
            "{} is {}",
            request.exchange.request.bare_path(),
            request.access.as_str()
        )
    };
    format!("{} and {}", said(one), said(other))
}
