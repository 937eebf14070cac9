//! Whether an answer to one of several requests that left together is certainly an API server's answer to this request.
//!
//! A front end may lose a request, answer out of order, or refuse requests only because they came together. A verdict must
//! not rest on that.

use crate::kubernetes::{Answer, Refusal};
use crate::model::{Exchange, FailureKind, Method, OneAtATime, Reply, Request};

/// Why the answer is in doubt; `None` if it is certain. Answers to HEAD have nothing to tell, so they are compared with
/// each other later.
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
        let shows_path = match reply.answer {
            Answer::HealthOk | Answer::HealthFailing => false,
            _ => matches!(reply.status, 200 | 403),
        };
        shows_path && request.method == Method::Get && doubt(request, reply).is_none()
    })
}

fn is_certain(request: &Request, reply: &Reply) -> bool {
    let path = request.bare_path();
    let is_marked = reply.header_marks().any();
    match (reply.status, &reply.answer) {
        // The probe waits, and starts over.
        (429, _) => true,
        (_, Answer::HealthOk | Answer::HealthFailing) | (200, _) => {
            reply.answer.fits(request.class, path)
        }
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
