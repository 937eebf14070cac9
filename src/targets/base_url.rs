//! A URL as target: where a server's paths begin.
//!
//! Read strictly by hand, for a URL parser made for browsers is too kind: it takes `0x7f.1` for
//! 127.0.0.1, drops tabs and reads backslashes as slashes.

use std::sync::Arc;

use super::error::quote;
use super::host::host_port;
use crate::model::{Host, PathClass, PathError, Scheme};

/// Bytes of a path prefix; it goes into every request.
const MAX_PREFIX: usize = 1024;

/// A base URL in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BaseUrl {
    pub(super) scheme: Scheme,
    pub(super) host: Host,
    pub(super) port: u16,
    pub(super) prefix: Arc<str>,
}

/// Reads a URL; `None` if `text` has no `://`.
pub(super) fn base_url(text: &str) -> Option<Result<BaseUrl, String>> {
    text.split_once("://").map(|(scheme, rest)| parse(scheme, rest))
}

fn parse(scheme: &str, rest: &str) -> Result<BaseUrl, String> {
    let (scheme, default_port) = match scheme.to_ascii_lowercase().as_str() {
        "https" => (Scheme::Https, 443),
        "http" => (Scheme::Http, 80),
        _ => return Err(format!("the scheme {} is unknown; use https:// or http://", quote(scheme))),
    };
    // What stands in a query may be a token: it is not repeated.
    if let Some((before, _)) = rest.split_once(['?', '#']) {
        return Err(format!("the URL of {} has a query or fragment; give the base URL alone", quote(before)));
    }
    let (authority, path) = match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, ""),
    };
    let (host, port) = host_port(authority)?;
    Ok(BaseUrl { scheme, host, port: port.unwrap_or(default_port), prefix: prefix(path)?.into() })
}

/// The path prefix without a trailing slash.
fn prefix(path: &str) -> Result<&str, String> {
    let prefix = path.strip_suffix('/').unwrap_or(path);
    if prefix.is_empty() {
        return Ok(prefix);
    }
    if prefix.len() > MAX_PREFIX {
        return Err(format!("the path {} is longer than {MAX_PREFIX} characters", quote(prefix)));
    }
    if prefix.ends_with('/') {
        return Err(format!("the path {}: {}", quote(path), PathError::Segments));
    }
    let class = PathClass::of(prefix);
    if let Err(problem @ (PathError::NoSlash | PathError::Character(_) | PathError::Segments)) = class {
        return Err(format!("the path {}: {problem}", quote(path)));
    }
    // Not allowed in a URL's path (RFC 3986, section 3.3).
    if let Some(odd) = prefix.chars().find(|c| matches!(c, '"' | '<' | '>' | '^' | '`' | '{' | '|' | '}')) {
        return Err(format!("the path {}: {}", quote(path), PathError::Character(odd)));
    }
    // A path of the API may hide behind a prefix of its own: /k8s/clusters/c-1/version.
    let starts = prefix.match_indices('/').map(|(slash, _)| slash);
    if starts.filter_map(|slash| prefix.get(slash..)).any(|tail| is_asked(tail, tail.len() == prefix.len())) {
        return Err(format!(
            "the path {} is one of the API; give the server's base URL, kubeknock asks /version and the others itself",
            quote(path)
        ));
    }
    Ok(prefix)
}

/// Whether the end of a prefix is a path that kubeknock asks, or the beginning of a resource path.
fn is_asked(tail: &str, whole: bool) -> bool {
    match PathClass::of(tail) {
        Ok(
            PathClass::Version
            | PathClass::Health
            | PathClass::OpenApi
            | PathClass::Metrics
            | PathClass::Diagnostics,
        ) => true,
        // A cluster may be called "ping": only a path of its own is the product's.
        Ok(PathClass::Product) => whole,
        Ok(PathClass::Other) => false,
        // The API's root, or a group with its version; a gateway's /api/prod is a prefix.
        Ok(PathClass::Discovery | PathClass::ResourceList { .. }) | Err(_) => {
            let mut segments = tail.split('/').skip(1);
            match (segments.next(), segments.next(), segments.next()) {
                (Some("api" | "apis"), None, _) => true,
                (Some("api"), Some(version), _) | (Some("apis"), _, Some(version)) => is_version(version),
                _ => false,
            }
        }
    }
}

/// `v1`, `v1beta1`, `v2alpha1`.
fn is_version(segment: &str) -> bool {
    segment.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}
