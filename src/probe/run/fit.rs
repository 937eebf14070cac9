//! Whether an answer to one of several requests that left together is certainly an API server's answer to this request.
//!
//! A front end may lose a request, answer one twice or out of order, or refuse requests only because they came together. A
//! verdict must not rest on that.

use std::sync::Arc;

use crate::kubernetes::{AUDIT_ID, Answer, HeaderMarks, PathClass, Refusal};
use crate::model::{Exchange, FailureKind, Method, OneAtATime, Reply, Request};

/// Why the answer is in doubt; `None` if it is an API server's own. Which request it belongs to is decided for the whole
/// flight.
pub(super) fn doubt(request: &Request, reply: &Reply) -> Option<OneAtATime> {
    match &reply.body_failure {
        Some(failure) if failure.kind == FailureKind::InvalidHttp => {
            return Some(OneAtATime::Misfit);
        }
        Some(_) => return Some(OneAtATime::Closed),
        None if reply.answer == Answer::Cut => return Some(OneAtATime::TooLarge),
        None => {}
    }
    let certain = request.method == Method::Head || is_certain(request, reply);
    (!certain).then_some(OneAtATime::Misfit)
}

/// Which answers of a flight over HTTP/1.1 count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    All,
    /// Those that name their request.
    Named(OneAtATime),
    Nothing(OneAtATime),
}

impl Proof {
    /// Whether the answers may be those to other requests, also on earlier flights of the connection.
    pub(super) const fn is_out_of_step(self) -> bool {
        matches!(
            self,
            Self::Nothing(_)
                | Self::Named(OneAtATime::Misfit | OneAtATime::Surplus | OneAtATime::Unproven)
        )
    }
}

/// Which answers of a flight with these requests count. `earlier` are the exchanges before it, `carried`
/// says whether the connection carried a flight before, and `doubt` is why one of its answers is in doubt.
pub(super) fn proof(
    requests: &[Request],
    flight: &[Arc<Exchange>],
    earlier: &[Arc<Exchange>],
    carried: bool,
    reference: HeaderMarks,
    doubt: Option<OneAtATime>,
) -> Proof {
    let ids = || (earlier.iter().chain(flight)).filter_map(|exchange| audit_id(exchange));
    let came_twice = (ids().enumerate()).any(|(at, id)| ids().take(at).any(|other| other == id));
    if came_twice {
        return Proof::Nothing(doubt.unwrap_or(OneAtATime::Unproven));
    }
    if let Some(why) = doubt {
        return Proof::Named(why);
    }
    let is_refused_for_now = |exchange: &Arc<Exchange>| status(exchange) == Some(429);
    if flight.iter().any(is_refused_for_now) {
        return Proof::Named(OneAtATime::AskedToWait);
    }
    let unnamed: Vec<&Exchange> = (flight.iter().map(Arc::as_ref))
        .filter(|exchange| !names_its_request(exchange, requests, earlier))
        .collect();
    let is_vouched = |exchange: &&Exchange| {
        let reply = exchange.outcome.as_ref();
        exchange.request.method == Method::Get
            || reply.is_ok_and(|reply| reply.vouched_by(reference))
    };
    // Answers to HEAD that a front end may have given prove nothing, whichever requests they belong to.
    if !unnamed.iter().any(is_vouched) {
        return Proof::All;
    }
    // Nothing else that was asked on the connection can have this answer.
    let is_alone = unnamed.len() < 2 && !carried;
    let has_own_id = |exchange: &&Exchange| audit_id(exchange).is_some();
    let is_proven = unnamed.iter().all(is_vouched)
        && (is_alone || unnamed.iter().all(has_own_id) && are_alike(&unnamed));
    if is_proven {
        Proof::All
    } else {
        Proof::Named(OneAtATime::Unproven)
    }
}

/// Whether the answer itself shows which request it belongs to, so that it counts whatever became of the others: a
/// document of the path and of no other path that was requested, or a refusal that names the path.
pub(super) fn names_its_request(
    exchange: &Exchange,
    requests: &[Request],
    earlier: &[Arc<Exchange>],
) -> bool {
    let request = &exchange.request;
    let Ok(reply) = &exchange.outcome else {
        return false;
    };
    if request.method != Method::Get || doubt(request, reply).is_some() {
        return false;
    }
    let is_of_another = || {
        let earlier = earlier.iter().map(|exchange| &exchange.request);
        requests.iter().chain(earlier).any(|other| {
            other.path != request.path && reply.answer.fits(other.class, other.bare_path())
        })
    };
    match reply.status {
        403 => !is_health(&reply.answer),
        200 => !is_health(&reply.answer) && !is_of_another(),
        _ => false,
    }
}

/// Whether answers that do not name their request prove the same whichever of them belongs to which. Only a health path
/// is answered with "ok", so such an answer belongs to the only one.
fn are_alike(unnamed: &[&Exchange]) -> bool {
    let for_health = |exchange: &&&Exchange| exchange.request.class == PathClass::Health;
    let is_alone = unnamed.iter().filter(for_health).count() == 1;
    let shows_health = |exchange: &Exchange| {
        let reply = exchange.outcome.as_ref();
        reply.is_ok_and(|reply| is_health(&reply.answer))
    };
    let mut others = (unnamed.iter())
        .filter(|exchange| !(is_alone && shows_health(exchange)))
        .filter_map(|exchange| exchange.outcome.as_ref().ok());
    let first = others.next();
    // Each path has a document of its own.
    let is_document = |exchange: &&&Exchange| {
        exchange.request.method == Method::Get
            && status(exchange) == Some(200)
            && !shows_health(exchange)
    };
    unnamed.iter().filter(is_document).count() < 2
        && others.all(|reply| {
            first.is_some_and(|first| first.status == reply.status && first.answer == reply.answer)
        })
}

const fn is_health(answer: &Answer) -> bool {
    matches!(answer, Answer::HealthOk | Answer::HealthFailing)
}

pub(super) fn status(exchange: &Exchange) -> Option<u16> {
    exchange.outcome.as_ref().ok().map(|reply| reply.status)
}

/// Whether requests that came together may be the reason for an answer with this status.
pub(super) const fn is_due_to_company(status: u16) -> bool {
    matches!(
        status,
        400 | 408 | 413 | 414 | 417 | 421 | 426 | 429 | 431 | 500..
    )
}

/// What a server calls this answer, and no other.
fn audit_id(exchange: &Exchange) -> Option<&[u8]> {
    exchange.outcome.as_ref().ok()?.headers.get(AUDIT_ID)
}

fn is_certain(request: &Request, reply: &Reply) -> bool {
    let path = request.bare_path();
    let is_marked = reply.header_marks().any();
    match (reply.status, &reply.answer) {
        // The probe waits, and starts over.
        (429, _) => true,
        (200, answer) => answer.fits(request.class, path),
        (_, answer) if is_health(answer) => answer.fits(request.class, path),
        // A 400 is the refusal of a bogus continue token.
        (400 | 401, Answer::Status(_)) => is_marked,
        (403, answer) => answer
            .refusal()
            .is_some_and(|message| Refusal::of(message, request.class, path) == Refusal::Anonymous),
        // "Not found" and the like, in the words of an API server.
        (status @ 402..=499, answer) if !is_due_to_company(status) => {
            is_marked || answer.is_kubernetes()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixtures::{
        api_versions, ok, page, reply, seen, status, unauthorized, version,
    };
    use crate::model::{Failure, Observation, Stage};

    fn fitting(path: &str, answer: &Reply) -> bool {
        doubt(&Request::for_path(path).unwrap(), answer).is_none()
    }

    #[test]
    fn a_document_fits_the_path_that_has_it() {
        assert!(fitting("/version", &version()));
        assert!(!fitting("/api", &version()));
        assert!(!fitting("/version", &api_versions()));
        assert!(!fitting("/version", &ok()));
        assert!(fitting("/readyz", &ok()));
        // Pages say nothing about the path.
        for code in [200, 301, 401, 403, 404] {
            assert!(!fitting("/api", &page(code)), "{code}");
        }
    }

    #[test]
    fn a_refusal_fits_the_path_that_it_names() {
        let message = "forbidden: User \"system:anonymous\" cannot get path \"/api\"";
        let refusal = status(403, "Forbidden", message);
        assert!(fitting("/api", &refusal));
        assert!(!fitting("/version", &refusal));
    }

    #[test]
    fn only_documents_and_refusals_name_their_request() {
        let names = |path: &str, reply: Reply| {
            let flight = seen(1, [(path, reply)]).exchanges;
            names_its_request(&flight[0], &[], &[])
        };
        let refusal = "forbidden: User \"system:anonymous\" cannot get path \"/api\"";
        assert!(names("/version", version()));
        assert!(names("/api", status(403, "Forbidden", refusal)));
        // The same for every path.
        assert!(!names("/healthz", ok()));
        assert!(!names("/api", unauthorized()));
        assert!(!names("/version", status(403, "Forbidden", refusal)));
    }

    /// Each answer has an `Audit-Id` of its own.
    fn flight<const N: usize>(answers: [(&str, Reply); N]) -> Observation {
        let mut number = 0;
        seen(
            1,
            answers.map(|(path, reply)| {
                number += 1;
                (path, reply.with("audit-id", &number.to_string()))
            }),
        )
    }

    fn judged(seen: &Observation, earlier: &[Arc<Exchange>]) -> Proof {
        let requests = seen
            .exchanges
            .iter()
            .map(|exchange| exchange.request.clone());
        let requests: Vec<Request> = requests.collect();
        let carried = !earlier.is_empty();
        let reference = seen.reference();
        proof(
            &requests,
            &seen.exchanges,
            earlier,
            carried,
            reference,
            None,
        )
    }

    const UNPROVEN: Proof = Proof::Named(OneAtATime::Unproven);

    #[test]
    fn answers_that_do_not_name_their_request_must_be_alike() {
        let refused = unauthorized;
        let first = flight([
            ("/version", refused()),
            ("/api", refused()),
            ("/healthz", ok()),
        ]);
        assert_eq!(judged(&first, &[]), Proof::All);
        let both = flight([("/livez", refused()), ("/readyz", refused())]);
        assert_eq!(judged(&both, &[]), Proof::All);
        let one = flight([("/livez", ok()), ("/readyz", refused())]);
        assert_eq!(judged(&one, &[]), UNPROVEN);
        // A refusal for now may have overtaken another answer.
        let paused = flight([("/livez", refused()), ("/readyz", page(429))]);
        assert_eq!(judged(&paused, &[]), Proof::Named(OneAtATime::AskedToWait));
        // Without an id, one of them may have come twice.
        let bare = || reply(200, "text/plain", "ok");
        let unmarked = seen(1, [("/livez", bare()), ("/readyz", bare())]);
        assert_eq!(judged(&unmarked, &[]), UNPROVEN);
        // Alone it is certain, but not after a flight.
        let alone = seen(1, [("/readyz", bare())]);
        assert_eq!(judged(&alone, &[]), Proof::All);
        assert_eq!(judged(&alone, &first.exchanges), UNPROVEN);
    }

    #[test]
    fn nothing_counts_if_an_answer_came_twice() {
        let twice = seen(
            1,
            [("/version", version().audited()), ("/api", unauthorized())],
        );
        let nothing = Proof::Nothing(OneAtATime::Unproven);
        assert_eq!(judged(&twice, &[]), nothing);
        let earlier = flight([("/healthz", unauthorized())]).exchanges;
        let late = flight([("/livez", unauthorized()), ("/readyz", unauthorized())]);
        assert_eq!(judged(&late, &earlier), nothing);
    }

    #[test]
    fn a_document_of_two_paths_names_neither() {
        let group = || {
            reply(
                200,
                "application/json",
                r#"{"kind":"APIGroup","apiVersion":"v1","name":"apps","versions":[]}"#,
            )
        };
        let groups = flight([("/apis/apps", group()), ("/apis/batch", unauthorized())]);
        let [first, _] = &groups.exchanges[..] else {
            unreachable!()
        };
        assert!(doubt(&first.request, first.outcome.as_ref().unwrap()).is_none());
        let batch = Request::for_path("/apis/batch").unwrap();
        assert!(!names_its_request(first, &[batch], &[]));
        assert_eq!(judged(&groups, &[]), UNPROVEN);
    }

    #[test]
    fn an_error_of_a_front_end_may_be_due_to_requests_that_came_together() {
        for code in [400, 408, 431, 500, 502, 503] {
            assert!(!fitting("/api", &page(code)), "{code}");
        }
        assert!(fitting("/api", &unauthorized()));
        // Anybody can say this without the header marks of an API server.
        assert!(!fitting(
            "/api",
            &status(401, "Unauthorized", "Unauthorized")
        ));
        assert!(!fitting(
            "/api",
            &status(403, "Forbidden", "in words of its own")
        ));
        assert!(fitting("/api", &page(429)));
    }

    #[test]
    fn a_body_that_did_not_come_whole_is_in_doubt() {
        let request = Request::for_path("/version").unwrap();
        let broken = |kind| {
            let failure = Some(Failure::new(Stage::Body, kind, ""));
            let reply = Reply {
                body_failure: failure,
                ..version()
            };
            doubt(&request, &reply)
        };
        assert_eq!(broken(FailureKind::Closed), Some(OneAtATime::Closed));
        assert_eq!(broken(FailureKind::InvalidHttp), Some(OneAtATime::Misfit));
        let cut = Reply {
            answer: Answer::Cut,
            ..version()
        };
        assert_eq!(doubt(&request, &cut), Some(OneAtATime::TooLarge));
    }
}
