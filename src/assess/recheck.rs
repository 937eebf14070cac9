//! Whether an endpoint needs a recheck: its answers contradict each other, or show that the server starts, is
//! overloaded or unhealthy. It is probed once more before the verdict counts.

use crate::config::MAX_PAUSE;
use crate::kubernetes::{Answer, PathClass};
use crate::model::{Access, Component, Identification, JudgedRequest, Recheck, Unclear};

/// Why the first probe needs a recheck: its answers contradict each other, as behind a load balancer with several
/// backends, or show that the server starts, is overloaded or unhealthy. `None` if nothing does, after a recheck, and
/// where the server asks for a longer pause than [`MAX_PAUSE`].
pub(super) fn recheck(
    requests: &[JudgedRequest],
    identification: &Identification,
) -> Option<Recheck> {
    let was_rechecked = requests.iter().any(|request| request.exchange.probe > 1);
    // An overloaded server shows nothing about what it is, so it may still be an API server.
    let is_overloaded =
        identification.component == Component::Other && requests.iter().all(is_unavailable);
    let is_something_else = identification.component.is_something_else() && !is_overloaded;
    if was_rechecked || is_something_else {
        return None;
    }
    let why = reason(requests)?;
    let after = requests
        .iter()
        .filter_map(|request| request.exchange.asks_to_wait())
        .max();
    after
        .is_none_or(|pause| pause <= MAX_PAUSE)
        .then_some(Recheck { why, after })
}

/// Whether the answer only says that the server cannot answer now.
pub(super) fn is_unavailable(request: &JudgedRequest) -> bool {
    matches!(
        request.access,
        Access::Unclear(Unclear::RateLimited | Unclear::ServerError | Unclear::AuthorizerFailed)
    )
}

/// The first sign that the answers may not last.
fn reason(requests: &[JudgedRequest]) -> Option<String> {
    if let Some(why) = requests.iter().find_map(not_ready) {
        return Some(why);
    }
    let with = |access: Access| requests.iter().find(move |one| one.access == access);
    let public: Vec<&JudgedRequest> = requests
        .iter()
        .filter(|request| request.class().is_public())
        .filter(|request| matches!(request.access, Access::Forbidden | Access::Granted))
        .collect();
    if let Some(first) = public.first()
        && let Some(other) = public.iter().find(|other| other.access != first.access)
    {
        let both = accesses_of(first, other);
        return Some(format!("{both}, which one role opens together"));
    }
    // A server that starts refuses everything until it has loaded its roles.
    let forbidden = |class| {
        public
            .iter()
            .find(|request| request.class() == class && request.access == Access::Forbidden)
    };
    if let Some(version) = forbidden(PathClass::Version)
        && let Some(health) = forbidden(PathClass::Health)
    {
        let both = accesses_of(version, health);
        return Some(format!("{both}, as while a server starts"));
    }
    // Path conditions may admit some paths only, but a server that starts looks the same.
    if let Some(accepted) = with(Access::Forbidden)
        && let Some(rejected) = with(Access::Rejected)
    {
        return Some(accesses_of(accepted, rejected));
    }
    // No known configuration opens /api and closes version or health.
    let api = requests
        .iter()
        .find(|request| request.exchange.request.path == "/api")?;
    let closed = requests
        .iter()
        .find(|request| request.class().is_public() && request.access.is_refused())?;
    (api.access == Access::Granted).then(|| accesses_of(api, closed))
}

/// How an answer shows that the server is overloaded, starts or is not healthy.
fn not_ready(request: &JudgedRequest) -> Option<String> {
    let path = &request.exchange.request.path;
    let reply = request.reply()?;
    if is_unavailable(request) {
        return Some(format!("{path} answered {}", reply.status));
    }
    if reply.is_starting() {
        return Some(format!(
            "{path} answered before flow control was set up: the server starts"
        ));
    }
    (reply.answer == Answer::HealthFailing)
        .then(|| format!("{path} says that the server is not healthy"))
}

fn accesses_of(one: &JudgedRequest, other: &JudgedRequest) -> String {
    format!(
        "{} is {} and {} is {}",
        one.path(),
        one.access.as_str(),
        other.path(),
        other.access.as_str()
    )
}
