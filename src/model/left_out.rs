//! What was to be asked and came to no answer, in words.

use std::collections::BTreeMap;

use super::{Access, JudgedRequest, PathClass, Request};

/// `resources: 13 of 20 asked, 4 other paths without an answer`; `None` where everything that was to be asked
/// was answered.
pub fn left_out(requests: &[JudgedRequest], not_asked: &[Request]) -> Option<String> {
    let mut paths: BTreeMap<&str, (PathClass, bool)> = BTreeMap::new();
    let made = requests.iter().map(|judged| {
        (
            &judged.exchange.request,
            !matches!(judged.access, Access::Failed(_)),
        )
    });
    for (request, answered) in made.chain(not_asked.iter().map(|request| (request, false))) {
        paths
            .entry(request.bare_path())
            .or_insert((request.class, false))
            .1 |= answered;
    }
    let (lists, others): (Vec<_>, Vec<_>) = paths
        .into_values()
        .partition(|(class, _)| matches!(class, PathClass::ResourceList { .. }));
    let answered = lists.iter().filter(|(_, answered)| *answered).count();
    let without = others.iter().filter(|(_, answered)| !answered).count();
    let resources =
        (answered < lists.len()).then(|| format!("resources: {answered} of {} asked", lists.len()));
    let other = match without {
        0 => None,
        1 => Some("1 other path without an answer".to_owned()),
        several => Some(format!("{several} other paths without an answer")),
    };
    let said: Vec<String> = resources.into_iter().chain(other).collect();
    (!said.is_empty()).then(|| said.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{failing, forbidden, ok, reset};
    use super::super::{Exchange, Failure, FailureKind, Reply, Stage};
    use super::*;

    fn said(
        answers: &[(&'static str, Result<Reply, Failure>)],
        not_asked: &[&str],
    ) -> Option<String> {
        let seen = failing(1, answers.iter().cloned());
        let judged = |exchange: &Exchange| {
            let failed = exchange.outcome.as_ref().err().cloned();
            JudgedRequest {
                access: failed.map_or(Access::Forbidden, Access::Failed),
                exchange: exchange.clone(),
            }
        };
        let requests: Vec<JudgedRequest> = seen.exchanges.iter().map(judged).collect();
        let not_asked: Vec<Request> = not_asked
            .iter()
            .map(|path| Request::for_path(path).unwrap())
            .collect();
        left_out(&requests, &not_asked)
    }

    #[test]
    fn what_came_to_no_answer_is_counted() {
        let late = || Failure::new(Stage::Http, FailureKind::Deadline, "");
        let asked = [
            ("/healthz", Ok(ok())),
            ("/api/v1/secrets", Ok(forbidden())),
            ("/api/v1/pods", Err(late())),
        ];
        assert_eq!(said(&asked[..2], &[]), None);
        assert_eq!(said(&asked, &[]).unwrap(), "resources: 1 of 2 asked");
        assert_eq!(
            said(&asked, &["/api/v1/nodes", "/metrics"]).unwrap(),
            "resources: 1 of 3 asked, 1 other path without an answer"
        );
        assert_eq!(
            said(&asked[..2], &["/flagz", "/metrics"]).unwrap(),
            "2 other paths without an answer"
        );
    }

    #[test]
    fn a_second_look_that_was_answered_makes_up_for_the_first() {
        let asked = [("/api", Err(reset())), ("/api", Ok(forbidden()))];
        assert_eq!(said(&asked, &[]), None);
    }
}
