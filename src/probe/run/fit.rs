//! Whether an answer to one of several requests that left together is certainly an API server's answer to this request.
//!
//! A front end may lose a request, answer one twice or out of order, or refuse requests only because they came together. A
//! verdict must not rest on that.

use std::collections::BTreeSet;

use crate::kubernetes::{Answer, HeaderMarks, PathClass, Refusal};
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

/// Whether the answer itself shows which request it belongs to, so that it counts whatever became of the others: a
/// document of the path, or a refusal that names it.
pub(super) fn names_its_request(exchange: &Exchange) -> bool {
    let request = &exchange.request;
    exchange.outcome.as_ref().is_ok_and(|reply| {
        let shows_path = matches!(reply.status, 200 | 403) && !is_health(&reply.answer);
        shows_path && request.method == Method::Get && doubt(request, reply).is_none()
    })
}

/// Whether the answers of a flight prove the same whichever of them belongs to which request: those that do not show
/// theirs are all alike, or there is only one, and no answer came twice.
pub(super) fn prove_the_same(flight: &[Exchange], reference: HeaderMarks) -> bool {
    let replies = || {
        flight
            .iter()
            .filter_map(|exchange| exchange.outcome.as_ref().ok())
    };
    let mut ids = BTreeSet::new();
    let came_twice = replies().any(|reply| {
        let id = reply.header("audit-id");
        id.is_some_and(|id| !ids.insert(id))
    });
    let is_vouched = flight.iter().all(|exchange| {
        let reply = exchange.outcome.as_ref().ok();
        reply.is_none_or(|reply| {
            exchange.request.method == Method::Get || reply.vouched_by(reference)
        })
    });
    !came_twice && is_vouched && are_alike(flight)
}

/// Whether the answers that do not show their request are all alike. A pause that one of them asks for concerns all.
pub(super) fn are_alike(flight: &[Exchange]) -> bool {
    let for_health = |exchange: &Exchange| exchange.request.class == PathClass::Health;
    let is_alone = flight
        .iter()
        .filter(|exchange| for_health(exchange))
        .count()
        == 1;
    // Only a health path is answered with "ok", so the answer belongs to the only one.
    let is_health = |exchange: &Exchange| {
        let reply = exchange.outcome.as_ref();
        for_health(exchange) && reply.is_ok_and(|reply| is_health(&reply.answer))
    };
    let mut unnamed = (flight.iter())
        .filter(|exchange| !(names_its_request(exchange) || is_alone && is_health(exchange)))
        .filter_map(|exchange| exchange.outcome.as_ref().ok())
        .filter(|reply| reply.status != 429);
    let first = unnamed.next();
    unnamed.all(|reply| {
        first.is_some_and(|first| first.status == reply.status && first.answer == reply.answer)
    })
}

const fn is_health(answer: &Answer) -> bool {
    matches!(answer, Answer::HealthOk | Answer::HealthFailing)
}

/// Whether requests that came together may be the reason for an answer.
pub(super) const fn may_be_due_to_company(reply: &Reply) -> bool {
    matches!(reply.status, 400 | 408 | 429 | 431 | 500..)
}

fn is_certain(request: &Request, reply: &Reply) -> bool {
    let path = request.bare_path();
    let is_marked = reply.header_marks().any();
    match (reply.status, &reply.answer) {
        // The probe waits, and starts over.
        (429, _) => true,
        (200, answer) => answer.fits(request.class, path),
        (_, answer) if is_health(answer) => answer.fits(request.class, path),
        (401, Answer::Status(_)) => is_marked,
        (403, answer) => answer
            .refusal()
            .is_some_and(|message| Refusal::of(message, request.class, path) == Refusal::Anonymous),
        // "Not found" and the like, in the words of an API server.
        (402..=499, answer) => is_marked || answer.is_kubernetes(),
        // The refusal of a bogus continue token.
        (400, Answer::Status(_)) => is_marked,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixtures::{api_versions, ok, page, seen, status, unauthorized, version};
    use crate::model::{Failure, Stage};

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
            let mut observation = seen(1, [(path, reply)]);
            names_its_request(&observation.exchanges.pop().unwrap())
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
    fn proven<const N: usize>(answers: [(&str, Reply); N]) -> bool {
        let mut number = 0;
        let observation = seen(
            1,
            answers.map(|(path, reply)| {
                number += 1;
                (path, reply.with("audit-id", &number.to_string()))
            }),
        );
        prove_the_same(&observation.exchanges, observation.reference())
    }

    #[test]
    fn the_answer_of_the_only_health_path_of_a_flight_is_its_own() {
        let refused = unauthorized;
        assert!(proven([
            ("/version", refused()),
            ("/api", refused()),
            ("/healthz", ok())
        ]));
        assert!(proven([("/livez", refused()), ("/readyz", refused())]));
        assert!(!proven([("/livez", ok()), ("/readyz", refused())]));
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
