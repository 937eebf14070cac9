//! What the answers of one endpoint prove: per request, then for the endpoint.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Access, Exchange, Grade, Reply, Verdict};
use crate::kubernetes::PathClass;

/// What an anonymous caller may do with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Verb {
    /// Read it.
    Get,
    /// List resources.
    List,
}

/// Something an anonymous caller may do, with the request that proved it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Grant {
    /// The path, without query and without the endpoint's prefix.
    pub path: String,
    /// `list` for resources, `get` for every other path.
    pub verb: Verb,
    /// How bad it is that the path is open.
    pub grade: Grade,
    /// Whether it is authorized while nothing is served there (404 from behind authorization).
    pub not_served: bool,
    /// Index into `requests`, from 0: the proof.
    pub request: usize,
}

/// One exchange and what it proves.
#[derive(Debug, Clone)]
pub struct JudgedRequest {
    /// The request and its answer.
    pub exchange: Arc<Exchange>,
    /// How far the request came.
    pub access: Access,
}

impl JudgedRequest {
    /// The answer, if there was one.
    pub fn reply(&self) -> Option<&Reply> {
        self.exchange.outcome.as_ref().ok()
    }

    /// The path without its query.
    pub fn path(&self) -> &str {
        self.exchange.request.bare_path()
    }

    /// What kind of path it is.
    pub fn class(&self) -> PathClass {
        self.exchange.request.class
    }
}

/// An API path that was requested.
#[derive(Debug, Clone, Copy)]
pub struct ApiPath<'a> {
    /// The path without its query.
    pub path: &'a str,
    /// What kind of path it is.
    pub class: PathClass,
    /// What an anonymous caller may do with it: what its last clear answer shows, if it has one.
    pub access: &'a Access,
}

/// Every API path that was requested, once, sorted. Paths that a product opens by design (`/ping`, `/cacerts`) are left
/// out: they say nothing about anonymous access to the API.
pub fn api_paths(requests: &[JudgedRequest]) -> Vec<ApiPath<'_>> {
    let of_api = (requests.iter()).filter(|request| request.class() != PathClass::Product);
    let mut paths: Vec<ApiPath<'_>> = of_api
        .map(|request| ApiPath {
            path: request.path(),
            class: request.class(),
            access: &request.access,
        })
        .collect();
    // Answers to the same path stay in their order.
    paths.sort_by_key(|path| path.path);
    paths.dedup_by(|later, path| {
        let is_same = later.path == path.path;
        if is_same && path.access.yields_to(later.access) {
            *path = *later;
        }
        is_same
    });
    paths
}

/// What the answers of one endpoint prove.
#[derive(Debug, Clone)]
pub struct Assessment {
    /// Every request, in the order made.
    pub requests: Vec<JudgedRequest>,
    /// The verdict.
    pub verdict: Verdict,
    /// Why the endpoint has this verdict, in a sentence.
    pub reason: String,
    /// What is open: the worst grade first, then by path.
    pub grants: Vec<Grant>,
    /// The recheck that must come before this verdict counts; `None` if there is none to make.
    pub recheck: Option<Recheck>,
}

/// Why an endpoint is rechecked, and after which pause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recheck {
    /// The answers that contradict each other, or that show an overloaded or starting server.
    pub why: String,
    /// The pause that the server asked for with `Retry-After`.
    pub after: Option<Duration>,
}

#[cfg(test)]
mod tests {
    use super::super::Unclear;
    use super::super::fixtures::{ok, seen};
    use super::*;

    #[test]
    fn of_several_answers_to_a_path_the_last_clear_one_counts() {
        let unclear = || Access::Unclear(Unclear::ServerError);
        for (accesses, counts) in [
            (vec![Access::Forbidden, unclear()], Access::Forbidden),
            (vec![unclear(), Access::Forbidden], Access::Forbidden),
            (vec![Access::Forbidden, Access::Granted], Access::Granted),
            (
                vec![Access::Granted, unclear(), Access::Rejected],
                Access::Rejected,
            ),
        ] {
            let judged = |path, access: &Access| JudgedRequest {
                exchange: Arc::clone(&seen(1, [(path, ok())]).exchanges[0]),
                access: access.clone(),
            };
            let mut requests = vec![judged("/version", &Access::Granted)];
            requests.extend(accesses.iter().map(|access| judged("/api", access)));
            requests.push(judged("/ping", &Access::Granted));
            let paths = api_paths(&requests);
            let seen: Vec<(&str, &Access)> =
                paths.iter().map(|path| (path.path, path.access)).collect();
            assert_eq!(seen, [("/api", &counts), ("/version", &Access::Granted)]);
        }
    }
}
