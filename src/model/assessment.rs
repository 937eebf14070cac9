//! The judgement of one endpoint: per request, then as a whole.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Access, Exchange, Grade, Verdict};
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
    /// What it is worth.
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
    pub exchange: Exchange,
    /// How far it came.
    pub access: Access,
}

/// The API paths that were asked, each once, however often it was, with how far it came. What a product
/// opens by design (`/ping`, `/cacerts`) is none: that says nothing about anonymous access to the API.
pub fn api_paths(requests: &[JudgedRequest]) -> BTreeMap<&str, (PathClass, &Access)> {
    let mut paths: BTreeMap<&str, (PathClass, &Access)> = BTreeMap::new();
    for JudgedRequest { exchange, access } in requests {
        let (path, class) = (exchange.request.bare_path(), exchange.request.class);
        let keeps = |(_, known): &(PathClass, &Access)| !known.yields_to(access);
        if class != PathClass::Product && !paths.get(path).is_some_and(keeps) {
            paths.insert(path, (class, access));
        }
    }
    paths
}

/// The judgement of one endpoint.
#[derive(Debug, Clone)]
pub struct Assessment {
    /// Every request, in the order made.
    pub requests: Vec<JudgedRequest>,
    /// The verdict.
    pub verdict: Verdict,
    /// The rule's sentence: why this verdict and no other.
    pub reason: String,
    /// What is open, best graded last seen first: sorted by grade descending, then path.
    pub grants: Vec<Grant>,
    /// Whether a second look is due before this verdict may be believed.
    pub second_look: Option<SecondLook>,
}

/// Why the endpoint should be asked once more: servers answer wrongly while they start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecondLook {
    /// What contradicts itself.
    pub why: String,
    /// The pause the server asked for with `Retry-After`, if it did.
    pub after: Option<Duration>,
}
