//! A URL as target: the server, and the prefix of its paths.
//!
//! Parsed strictly by hand. A URL parser made for browsers is too lenient: it reads `0x7f.1` as
//! 127.0.0.1, drops tabs and turns backslashes into slashes.

use std::sync::Arc;

use super::error::Problem;
use super::host::host_port;
use crate::kubernetes::{PathClass, PathError};
use crate::model::{Host, Scheme};

/// Maximum length of a path prefix in bytes; every request contains the prefix.
const MAX_PREFIX: usize = 1024;

/// The parts of a base URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BaseUrl {
    pub(super) scheme: Scheme,
    pub(super) host: Host,
    pub(super) port: u16,
    pub(super) prefix: Arc<str>,
}

/// Reads a URL; `None` if `text` has no `://`.
pub(super) fn base_url(text: &str) -> Option<Result<BaseUrl, Problem>> {
    text.split_once("://")
        .map(|(scheme, rest)| parse(scheme, rest))
}

fn parse(scheme: &str, rest: &str) -> Result<BaseUrl, Problem> {
    let (scheme, default_port) = match scheme.to_ascii_lowercase().as_str() {
        "https" => (Scheme::Https, 443),
        "http" => (Scheme::Http, 80),
        _ => return Err("unsupported scheme: expected https:// or http://".into()),
    };
    if rest.contains(['?', '#']) {
        return Err("unexpected query or fragment: write the base URL alone".into());
    }
    let (authority, path) = match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, ""),
    };
    if !authority.starts_with('[') && authority.matches(':').count() > 1 {
        return Err("an IPv6 address in a URL needs brackets: https://[2001:db8::1]:6443".into());
    }
    let (host, port) = host_port(authority)?;
    Ok(BaseUrl {
        scheme,
        host,
        port: port.unwrap_or(default_port),
        prefix: prefix(path)?.into(),
    })
}

/// The path prefix without a trailing slash.
fn prefix(path: &str) -> Result<&str, Problem> {
    let prefix = path.strip_suffix('/').unwrap_or(path);
    if prefix.is_empty() {
        return Ok(prefix);
    }
    if prefix.len() > MAX_PREFIX {
        return Err(format!("the path is longer than {MAX_PREFIX} characters").into());
    }
    if prefix.ends_with('/') {
        return Err(PathError::Segments.to_string().into());
    }
    let class = PathClass::of(prefix);
    if let Err(problem @ (PathError::NoSlash | PathError::Character(_) | PathError::Segments)) =
        class
    {
        return Err(problem.to_string().into());
    }
    // Not allowed in a URL's path (RFC 3986, section 3.3).
    if let Some(forbidden) = prefix
        .chars()
        .find(|c| matches!(c, '"' | '<' | '>' | '^' | '`' | '{' | '|' | '}'))
    {
        return Err(PathError::Character(forbidden).to_string().into());
    }
    // An API path may follow a real prefix: /k8s/clusters/c-1/version.
    if prefix
        .match_indices('/')
        .filter_map(|(slash, _)| prefix.get(slash..))
        .any(|tail| is_api_path(tail, tail.len() == prefix.len()))
    {
        return Err(
            "unexpected API path: write the server's base URL; kubeknock adds /version and the other paths itself"
                .into(),
        );
    }
    Ok(prefix)
}

/// Whether the end of a prefix is a path that kubeknock asks, or the beginning of a resource path.
fn is_api_path(tail: &str, whole: bool) -> bool {
    match PathClass::of(tail) {
        Ok(
            PathClass::Version
            | PathClass::Health
            | PathClass::OpenApi
            | PathClass::Metrics
            | PathClass::Diagnostics,
        ) => true,
        // A cluster may be called "ping", so /ping counts only as the whole path.
        Ok(PathClass::Product) => whole,
        Ok(PathClass::Other) => false,
        // /api, /apis, or either with a version. A gateway's /api/prod is a prefix.
        Ok(PathClass::Discovery | PathClass::ResourceList { .. }) | Err(_) => {
            let mut segments = tail.split('/').skip(1);
            match (segments.next(), segments.next(), segments.next()) {
                (Some("api" | "apis"), None, _) => true,
                (Some("api"), Some(version), _) | (Some("apis"), _, Some(version)) => {
                    is_version(version)
                }
                _ => false,
            }
        }
    }
}

/// `v1`, `v1beta1`, `v2alpha1`.
fn is_version(segment: &str) -> bool {
    segment
        .strip_prefix('v')
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}
