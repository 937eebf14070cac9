//! Whether the answer to one of several requests that left together is the answer to this one.
//!
//! A front end may lose a request, answer out of order, or refuse requests only because they came together. A verdict must
//! not rest on that.

use crate::kubernetes::{Answer, Refusal};
use crate::model::{Reply, Request};

/// Whether the answer may be the one to this request, and is not about how the requests came.
pub(super) fn fits(request: &Request, reply: &Reply) -> bool {
    let path = request.bare_path();
    if let Some(message) = reply.answer.refusal() {
        return Refusal::of(message, request.class, path) != Refusal::OtherRequest;
    }
    match (&reply.answer, reply.status) {
        (Answer::HealthOk | Answer::HealthFailing, _)
        | (
            Answer::Version(_)
            | Answer::ApiVersions
            | Answer::ApiGroups
            | Answer::ApiGroup
            | Answer::ApiResources
            | Answer::ResourceList { .. }
            | Answer::RootPaths,
            200,
        ) => reply.answer.fits(request.class, path),
        // Bad request, timeout, misdirected, and errors of a front end that lost its connection.
        (_, status) => !matches!(status, 400 | 408 | 413 | 414 | 421 | 431 | 500..),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixtures::{api_versions, ok, page, status, unauthorized, version};

    fn fitting(path: &str, answer: &Reply) -> bool {
        fits(&Request::for_path(path).unwrap(), answer)
    }

    #[test]
    fn a_document_fits_the_path_that_has_it() {
        assert!(fitting("/version", &version()));
        assert!(!fitting("/api", &version()));
        assert!(!fitting("/version", &api_versions()));
        assert!(!fitting("/version", &ok()));
        assert!(fitting("/readyz", &ok()));
        // Pages say nothing about the path.
        assert!(fitting("/api", &page(200)) && fitting("/api", &page(404)));
    }

    #[test]
    fn a_refusal_fits_the_path_that_it_names() {
        let message = "forbidden: User \"system:anonymous\" cannot get path \"/api\"";
        let refusal = status(403, "Forbidden", message);
        assert!(fitting("/api", &refusal));
        assert!(!fitting("/version", &refusal));
    }

    #[test]
    fn an_error_of_a_front_end_may_be_due_to_requests_that_came_together() {
        for code in [400, 408, 431, 500, 502, 503] {
            assert!(!fitting("/api", &page(code)), "{code}");
        }
        assert!(fitting("/api", &unauthorized()));
        let of_api_server = status(500, "InternalError", "Internal error occurred");
        assert!(fitting("/api", &of_api_server));
        assert!(fitting("/api", &page(429)));
    }
}
