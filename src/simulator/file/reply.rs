//! The tables `[common]`, `[fallback]` and `[[reply]]`.

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;

use crate::simulator::reply::{Behaviour, Body, Reply};

/// The most bytes that `garbage` and `nested` may request.
pub(super) const LARGEST: usize = 1 << 20;

/// The defaults of all replies.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Common {
    headers: Option<Vec<(String, String)>>,
    audit_id: Option<bool>,
    close: Option<bool>,
    delay_ms: Option<u64>,
    behaviour: Option<Behaviour>,
}

/// A reply to one or several requests, or the fallback.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileReply {
    method: Option<String>,
    path: Option<String>,
    paths: Option<Vec<String>>,
    /// How often this reply is given, before the next reply to the same request applies.
    pub(super) times: Option<u64>,
    status: u16,
    #[serde(default)]
    headers: Vec<(String, String)>,
    body: Option<String>,
    /// Instead of `body`: this many nested JSON arrays.
    nested: Option<usize>,
    /// The length to which line feeds extend the body.
    padded_to: Option<u64>,
    content_length: Option<u64>,
    audit_id: Option<bool>,
    close: Option<bool>,
    delay_ms: Option<u64>,
    behaviour: Option<Behaviour>,
}

impl Common {
    pub(super) fn with_defaults_from(self, base: Self) -> Self {
        Self {
            headers: self.headers.or(base.headers),
            audit_id: self.audit_id.or(base.audit_id),
            close: self.close.or(base.close),
            delay_ms: self.delay_ms.or(base.delay_ms),
            behaviour: self.behaviour.or(base.behaviour),
        }
    }
}

impl FileReply {
    /// Whether it selects requests, which the fallback must not.
    pub(super) fn is_routed(&self) -> bool {
        self.method.is_some() || self.path.is_some() || self.paths.is_some() || self.times.is_some()
    }

    /// Method and path of every request that it answers.
    pub(super) fn requests(&self) -> Result<Vec<(String, String)>, String> {
        let method = self.method.as_deref().unwrap_or("GET");
        if !matches!(method, "GET" | "HEAD") {
            return Err(format!(
                "invalid method {method:?}: expected GET or HEAD; the fallback answers others"
            ));
        }
        let paths = match (&self.path, &self.paths) {
            (Some(path), None) => std::slice::from_ref(path),
            (None, Some(paths)) if !paths.is_empty() => paths.as_slice(),
            _ => return Err("a reply needs either path or paths".to_owned()),
        };
        if let Some(path) = paths.iter().find(|path| !path.starts_with('/')) {
            return Err(format!("invalid path {path:?}: it must start with '/'"));
        }
        Ok(paths
            .iter()
            .map(|path| (method.to_owned(), path.clone()))
            .collect())
    }

    pub(super) fn build(&self, common: &Common) -> Result<Reply, String> {
        if !(200..=599).contains(&self.status) {
            return Err(format!(
                "invalid status {}: expected 200 to 599",
                self.status
            ));
        }
        if self.content_length.is_some() && self.method.as_deref() != Some("HEAD") {
            return Err("content_length is only for replies to HEAD".to_owned());
        }
        let inherited = common.headers.iter().flatten().filter(|(name, _)| {
            !self
                .headers
                .iter()
                .any(|(own, _)| own.eq_ignore_ascii_case(name))
        });
        let headers = inherited.chain(&self.headers).cloned().collect();
        Ok(Reply {
            audit_id: self.audit_id.or(common.audit_id).unwrap_or(false),
            content_length: self.content_length,
            close: self.close.or(common.close).unwrap_or(false),
            delay: Duration::from_millis(self.delay_ms.or(common.delay_ms).unwrap_or(0)),
            behaviour: self.behaviour.or(common.behaviour),
            ..Reply::new(self.status, headers, self.whole_body()?)
        })
    }

    fn whole_body(&self) -> Result<Body, String> {
        let start = match (&self.body, self.nested) {
            (None, None) => Bytes::new(),
            (Some(body), None) => Bytes::copy_from_slice(body.as_bytes()),
            (None, Some(depth)) if depth <= LARGEST => {
                Bytes::from([vec![b'['; depth], vec![b']'; depth]].concat())
            }
            (None, Some(_)) => return Err(format!("nested is larger than {LARGEST}")),
            (Some(_), Some(_)) => {
                return Err("a reply may have body or nested, not both".to_owned());
            }
        };
        let padding = match self.padded_to {
            None => 0,
            Some(length) => length.checked_sub(start.len() as u64).ok_or_else(|| {
                format!("padded_to = {length} is less than the length of the body")
            })?,
        };
        Ok(Body { start, padding })
    }
}
