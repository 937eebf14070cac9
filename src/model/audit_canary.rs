//! The request that is made only to be found in the audit log.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::observation::Exchange;
use super::serial::{Clipped, Time};
use crate::kubernetes::AUDIT_ID;

/// The request of `--audit-canary`: one GET of a path that no server has. It is no part of the verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AuditCanary {
    /// The path, without the endpoint's prefix.
    #[serde(deserialize_with = "text")]
    pub path: String,
    /// When it was sent.
    #[serde(serialize_with = "write_time", deserialize_with = "read_time")]
    #[cfg_attr(test, schemars(with = "Time"))]
    pub at: Timestamp,
    /// The HTTP status code; null without an answer.
    pub status: Option<u16>,
    /// `Audit-Id` of the answer; null without one.
    #[serde(deserialize_with = "text_if_any")]
    #[cfg_attr(test, schemars(with = "Option<Clipped<'static>>"))]
    pub audit_id: Option<String>,
}

impl From<Exchange> for AuditCanary {
    fn from(exchange: Exchange) -> Self {
        let reply = exchange.outcome.as_ref().ok();
        Self {
            status: reply.map(|reply| reply.status),
            audit_id: reply
                .and_then(|reply| reply.header(AUDIT_ID))
                .map(|id| Clipped::from(id).into()),
            path: exchange.request.path,
            at: exchange.at,
        }
    }
}

fn write_time<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    Time(*at).serialize(serializer)
}

fn read_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    Time::deserialize(deserializer).map(|Time(at)| at)
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Clipped::deserialize(deserializer).map(String::from)
}

fn text_if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text: Option<Clipped<'_>> = Option::deserialize(deserializer)?;
    Ok(text.map(String::from))
}
