//! Everything that is open, with its grade and the request that proves it.

use crate::kubernetes::{Answer, GO_NOT_FOUND};
use crate::model::{Access, Grade, Grant, JudgedRequest, Reply, Verb};

/// The grants that the requests prove: the worst grade first, then by path.
pub(super) fn list(requests: &[JudgedRequest]) -> Vec<Grant> {
    let mut grants: Vec<Grant> = Vec::new();
    for (index, request) in requests.iter().enumerate() {
        if request.access != Access::Granted {
            continue;
        }
        let grant = Grant {
            path: request.path().to_owned(),
            grade: Grade::of(request.class()),
            verb: if request.class().is_list() {
                Verb::List
            } else {
                Verb::Get
            },
            not_served: request.reply().is_some_and(is_not_served),
            request: index,
        };
        // A recheck proves the same grant again.
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

/// Whether an API server answered that it does not serve the path.
fn is_not_served(reply: &Reply) -> bool {
    let form = match &reply.answer {
        Answer::Empty | Answer::RootPaths | Answer::Status(_) => true,
        Answer::Text(text) => text == GO_NOT_FOUND,
        _ => false,
    };
    reply.status == 404 && form
}
