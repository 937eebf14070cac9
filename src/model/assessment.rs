//! What the answers of one endpoint prove: per request, then for the endpoint.

use std::collections::BTreeMap;
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

/// Every API path that was requested, once, with its access. Paths that a product opens by design (`/ping`,
/// `/cacerts`) are left out: they say nothing about anonymous access to the API.
pub fn api_paths(requests: &[JudgedRequest]) -> BTreeMap<&str, (PathClass, &Access)> {
    let mut paths: BTreeMap<&str, (PathClass, &Access)> = BTreeMap::new();
    for request in requests {
        let (path, access) = (request.path(), &request.access);
        let yields = |(_, earlier): &(PathClass, &Access)| earlier.yields_to(access);
        if request.class() != PathClass::Product && paths.get(path).is_none_or(yields) {
            paths.insert(path, (request.class(), access));
        }
    }
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
