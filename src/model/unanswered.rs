//! Planned requests that were not sent or have no clear answer, in words.

use std::collections::BTreeMap;

use super::{Access, Grade, JudgedRequest, Request};
use crate::kubernetes::PathClass;
use crate::wording::plural;

/// How much the answers to one path show. Of several answers, the one that shows most counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Shown {
    NotAsked,
    NoAnswer,
    Unclear,
    Access,
}

impl Shown {
    const fn by(access: &Access) -> Self {
        match access {
            Access::Failed(_) => Self::NoAnswer,
            Access::Unclear(_) => Self::Unclear,
            Access::Rejected | Access::Forbidden | Access::Granted => Self::Access,
        }
    }
}

/// `resources: 13 of 20 asked, 2 without an answer`, `20 of 20 lists of resources without a clear answer`, `4 other
/// paths without an answer`. `None` if every path was answered and no answer that matters is unclear. Unclear answers of
/// version, health and a product's own paths do not matter.
pub fn unanswered_text(requests: &[JudgedRequest], not_asked: &[Request]) -> Option<String> {
    if not_asked.is_empty() && requests.iter().all(|judged| judged.access.is_clear()) {
        return None;
    }
    let paths = shown_by_path(requests, not_asked);
    if !(paths.values()).any(|(class, shown)| is_unanswered(*class, *shown)) {
        return None;
    }
    let (lists, others): (Vec<_>, Vec<_>) =
        (paths.into_values()).partition(|(class, _)| class.is_list());
    let count = |paths: &[(PathClass, Shown)], wanted: Shown| {
        let of_this_kind = |(class, shown): &&(PathClass, Shown)| {
            *shown == wanted && is_unanswered(*class, *shown)
        };
        paths.iter().filter(of_this_kind).count()
    };
    let other_paths = |count: usize, without: &str| {
        let paths = plural(count as u64, "other path", "other paths");
        (count > 0).then(|| format!("{paths} without {without}"))
    };
    let all = lists.len();
    let asked = all - count(&lists, Shown::NotAsked);
    let (failed, unclear) = (
        count(&lists, Shown::NoAnswer),
        count(&lists, Shown::Unclear),
    );
    let failed_text = if asked < all {
        format!("{failed} without an answer")
    } else {
        format!("{failed} of {all} lists of resources without an answer")
    };
    let unanswered = count(&others, Shown::NotAsked) + count(&others, Shown::NoAnswer);
    let texts: Vec<String> = [
        (asked < all).then(|| format!("resources: {asked} of {all} asked")),
        (failed > 0).then_some(failed_text),
        (unclear > 0)
            .then(|| format!("{unclear} of {all} lists of resources without a clear answer")),
        other_paths(unanswered, "an answer"),
        other_paths(count(&others, Shown::Unclear), "a clear answer"),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!texts.is_empty()).then(|| texts.join(", "))
}

/// The paths that [`unanswered_text`] counts.
pub fn unanswered_paths<'a>(
    requests: &'a [JudgedRequest],
    not_asked: &'a [Request],
) -> impl Iterator<Item = &'a str> {
    let paths = shown_by_path(requests, not_asked).into_iter();
    paths.filter_map(|(path, (class, shown))| is_unanswered(class, shown).then_some(path))
}

fn shown_by_path<'a>(
    requests: &'a [JudgedRequest],
    not_asked: &'a [Request],
) -> BTreeMap<&'a str, (PathClass, Shown)> {
    let mut paths = BTreeMap::new();
    let made = requests
        .iter()
        .map(|judged| (&judged.exchange.request, Shown::by(&judged.access)));
    let all = made.chain(not_asked.iter().map(|request| (request, Shown::NotAsked)));
    for (request, shown) in all {
        let path = paths
            .entry(request.bare_path())
            .or_insert((request.class, shown));
        path.1 = path.1.max(shown);
    }
    paths
}

fn is_unanswered(class: PathClass, shown: Shown) -> bool {
    match shown {
        Shown::NotAsked | Shown::NoAnswer => true,
        Shown::Unclear => Grade::of(class).exposes(),
        Shown::Access => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{failing, forbidden, ok, page, reset};
    use super::super::{Exchange, Failure, FailureKind, Reply, Stage, Unclear};
    use std::sync::Arc;

    use super::*;

    fn said(
        answers: &[(&'static str, Result<Reply, Failure>)],
        not_asked: &[&str],
    ) -> Option<String> {
        let seen = failing(1, answers.iter().cloned());
        let judged = |exchange: &Arc<Exchange>| {
            let failed = exchange.outcome.as_ref().err().cloned();
            JudgedRequest {
                access: failed.map_or(Access::Forbidden, Access::Failed),
                exchange: Arc::clone(exchange),
            }
        };
        let requests: Vec<JudgedRequest> = seen.exchanges.iter().map(judged).collect();
        let not_asked: Vec<Request> = not_asked
            .iter()
            .map(|path| Request::for_path(path).unwrap())
            .collect();
        unanswered_text(&requests, &not_asked)
    }

    #[test]
    fn paths_without_an_answer_are_counted() {
        let late = || Failure::new(Stage::Http, FailureKind::Deadline, "");
        let asked = [
            ("/healthz", Ok(ok())),
            ("/api/v1/secrets", Ok(forbidden())),
            ("/api/v1/pods", Err(late())),
        ];
        assert_eq!(said(&asked[..2], &[]), None);
        assert_eq!(
            said(&asked, &[]).unwrap(),
            "1 of 2 lists of resources without an answer"
        );
        assert_eq!(
            said(&asked, &["/api/v1/nodes", "/metrics"]).unwrap(),
            "resources: 2 of 3 asked, 1 without an answer, 1 other path without an answer"
        );
        assert_eq!(
            said(&asked[..2], &["/flagz", "/metrics"]).unwrap(),
            "2 other paths without an answer"
        );
    }

    #[test]
    fn lists_without_a_clear_answer_are_counted() {
        let seen = failing(
            1,
            [
                ("/healthz", Ok(page(500))),
                ("/api/v1/secrets", Ok(page(500))),
                ("/api/v1/pods", Ok(page(500))),
                ("/metrics", Ok(page(500))),
            ],
        );
        let unclear = |exchange: &Arc<Exchange>| JudgedRequest {
            access: Access::Unclear(Unclear::ServerError),
            exchange: Arc::clone(exchange),
        };
        let mut requests: Vec<JudgedRequest> = seen.exchanges.iter().map(unclear).collect();
        assert_eq!(
            unanswered_text(&requests, &[]).unwrap(),
            "2 of 2 lists of resources without a clear answer, 1 other path without a clear answer"
        );
        for request in &mut requests[2..] {
            request.access = Access::Forbidden;
        }
        assert_eq!(
            unanswered_text(&requests, &[]).unwrap(),
            "1 of 2 lists of resources without a clear answer"
        );
    }

    #[test]
    fn an_answer_of_the_recheck_replaces_a_failure_of_the_first_probe() {
        let asked = [("/api", Err(reset())), ("/api", Ok(forbidden()))];
        assert_eq!(said(&asked, &[]), None);
    }
}
