//! The id of one run of a scan, by which its requests are found in the audit log of a server.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::model::{Endpoint, Request};

/// Characters of an id. With the product in front, it lies within the first 64 characters of the `User-Agent`.
const MAX_LENGTH: usize = 36;
/// Characters of a product in front of the id.
const MAX_PRODUCT: usize = 64 - MAX_LENGTH - "(run )".len() - 1;
/// What the path of the audit canary begins with.
const CANARY: &str = "/kubeknock-audit-";

/// The id of one run of a scan: letters, digits, `-`, `_` and `.`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RunId(Box<str>);

/// The error for a text that is not a [`RunId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid run ID: expected 1 to 36 letters, digits, hyphens, underscores and dots")]
#[non_exhaustive]
pub struct InvalidRunId;

impl FromStr for RunId {
    type Err = InvalidRunId;

    fn from_str(text: &str) -> Result<Self, InvalidRunId> {
        let is_known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if (1..=MAX_LENGTH).contains(&text.len()) && text.chars().all(is_known) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidRunId)
        }
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl RunId {
    /// The path of the audit canary: no server has it, and no audit policy names it.
    pub fn canary_path(&self) -> String {
        format!("{CANARY}{self}")
    }

    /// The `User-Agent` with the id after the product, because audit logs cut long values:
    /// `kubeknock/1.0 (run ID; …)`.
    pub fn in_user_agent(&self, user_agent: &str) -> String {
        let (product, rest) = user_agent.split_once(' ').unwrap_or((user_agent, ""));
        if product.len() > MAX_PRODUCT || product.starts_with('(') {
            return format!("(run {self}) {user_agent}");
        }
        match rest.strip_prefix('(') {
            Some(comment) => format!("{product} (run {self}; {comment}"),
            None if rest.is_empty() => format!("{product} (run {self})"),
            None => format!("{product} (run {self}) {rest}"),
        }
    }

    /// The `Audit-ID` of a request, in the form of a UUID. It can be computed again from a saved report.
    pub fn audit_id(&self, endpoint: &Endpoint, request: &Request, at: Timestamp) -> String {
        let method = request.method.as_str();
        let what = format!(
            "{self}\n{endpoint}\n{method} {}\n{}",
            request.path,
            at.as_millisecond()
        );
        let mut bytes: [u8; 16] = std::array::from_fn({
            let digest = Sha256::digest(what);
            move |at| digest[at]
        });
        // Version 8, which is for ids made in one's own way (RFC 9562).
        bytes[6] = bytes[6] & 0x0f | 0x80;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let number = u128::from_be_bytes(bytes);
        let part = |shift: u32, digits: usize| {
            let mask = (1_u128 << (4 * digits)) - 1;
            format!("{:0digits$x}", number >> shift & mask)
        };
        [
            part(96, 8),
            part(80, 4),
            part(64, 4),
            part(48, 4),
            part(0, 12),
        ]
        .join("-")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Host, Scheme};

    fn id(text: &str) -> RunId {
        text.parse().unwrap()
    }

    #[test]
    fn ids_are_short_words() {
        let longest = "x".repeat(MAX_LENGTH);
        for text in ["r1", "2026-11-29T12.00_a", &longest] {
            assert_eq!(id(text).to_string(), text);
        }
        for text in [
            "",
            "a b",
            "a/b",
            "a?b",
            "é",
            "a\nb",
            "(a)",
            &format!("{longest}x"),
        ] {
            assert_eq!(text.parse::<RunId>(), Err(InvalidRunId), "{text}");
        }
    }

    #[test]
    fn the_id_is_within_the_first_64_characters_of_any_user_agent() {
        let longest = id(&"x".repeat(MAX_LENGTH));
        let long_product = "p".repeat(70);
        for agent in [
            crate::config::USER_AGENT,
            "curl/8.0",
            "Mozilla/5.0 (X11; Linux) x",
            "scanner by sec@corp.example",
            "(compatible)",
            &long_product,
        ] {
            let sent = longest.in_user_agent(agent);
            let end = sent.find(&longest.to_string()).unwrap() + MAX_LENGTH;
            assert!(end <= 64, "{sent}");
        }
        for (agent, sent) in [
            ("a/1 (b)", "a/1 (run r1; b)"),
            ("a/1", "a/1 (run r1)"),
            ("a/1 b c", "a/1 (run r1) b c"),
            ("(b)", "(run r1) (b)"),
        ] {
            assert_eq!(id("r1").in_user_agent(agent), sent);
        }
    }

    #[test]
    fn audit_ids_are_uuids_that_depend_on_everything() {
        let endpoint = |port| Endpoint {
            scheme: Scheme::Https,
            host: Host::Ip("192.0.2.7".parse().unwrap()),
            port,
            name: None,
            prefix: "".into(),
        };
        let request = |path| Request::for_path(path).unwrap();
        let at = |ms| Timestamp::from_millisecond(ms).unwrap();
        let ids = [
            id("r1").audit_id(&endpoint(6443), &request("/api"), at(1)),
            id("r2").audit_id(&endpoint(6443), &request("/api"), at(1)),
            id("r1").audit_id(&endpoint(443), &request("/api"), at(1)),
            id("r1").audit_id(&endpoint(6443), &request("/apis"), at(1)),
            id("r1").audit_id(&endpoint(6443), &request("/api"), at(2)),
        ];
        assert_eq!(ids[0], "2e5db444-864f-8675-8128-28d691169a0a");
        let different: std::collections::HashSet<&String> = ids.iter().collect();
        assert_eq!(different.len(), ids.len());
        for id in &ids {
            let lengths: Vec<usize> = id.split('-').map(str::len).collect();
            assert_eq!(lengths, [8, 4, 4, 4, 12], "{id}");
            assert_eq!(&id[14..15], "8", "{id}");
        }
    }
}
