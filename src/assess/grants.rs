//! Everything that is open, graded, each with the request that proved it.

use crate::kubernetes::{Answer, GO_NOT_FOUND};
use crate::model::{Access, Grade, Grant, JudgedRequest, Verb};

/// The grants that the requests prove: the worst grade first, then by path.
pub(super) fn list(requests: &[JudgedRequest]) -> Vec<Grant> {
    let mut grants: Vec<Grant> = Vec::new();
    for (index, request) in requests.iter().enumerate() {
        if request.access != Access::Granted {
            continue;
        }
        let asked = &request.exchange.request;
        let grant = Grant {
            path: asked.bare_path().to_owned(),
            grade: Grade::of(asked.class),
            verb: if asked.class.is_list() {
                Verb::List
            } else {
                Verb::Get
            },
            not_served: request.exchange.outcome.as_ref().is_ok_and(|reply| {
                reply.status == 404
                    && match &reply.answer {
                        Answer::Empty | Answer::RootPaths | Answer::Status(_) => true,
                        Answer::Text(text) => text == GO_NOT_FOUND,
                        _ => false,
                    }
            }),
            request: index,
        };
        // A second look proves the same grant again.
        if !grants
            .iter()
            .any(|known| known.path == grant.path && known.verb == grant.verb)
        {
            grants.push(grant);
        }
    }
    grants.sort_by(|a, b| b.grade.cmp(&a.grade).then_with(|| a.path.cmp(&b.path)));
    grants
}
