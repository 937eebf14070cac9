//! The `Status` object with which a Kubernetes API refuses a request.

use serde_json::{Map, Value};

use super::json::text;

/// The user that a request without credentials becomes, where anonymous requests are accepted.
pub(crate) const ANONYMOUS: &str = "system:anonymous";

/// The reason and the message of an API server's 401.
pub(crate) const UNAUTHORIZED: &str = "Unauthorized";

/// The text that Go's HTTP library gives for a path nobody serves: an API server's from 1.30 on.
pub(crate) const GO_NOT_FOUND: &str = "404 page not found";

/// The deciding fields of a `Status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The HTTP status code, repeated.
    pub code: u16,
    /// Machine-readable reason: `Unauthorized`, `Forbidden`, `NotFound` …
    pub reason: String,
    /// The server's sentence.
    pub message: String,
}

impl Status {
    /// A `Status` of a failure in API version v1; anything less is none.
    pub(super) fn read(object: &Map<String, Value>) -> Option<Self> {
        if text(object, "apiVersion")? != "v1" || text(object, "status")? != "Failure" {
            return None;
        }
        Some(Self {
            code: u16::try_from(object.get("code")?.as_u64()?).ok()?,
            reason: text(object, "reason").unwrap_or_default(),
            message: text(object, "message").unwrap_or_default(),
        })
    }

    /// Whether the message names the anonymous user.
    pub fn names_anonymous(&self) -> bool {
        self.message.contains("User \"system:anonymous\"")
    }

    /// Whether the message refuses this path (`cannot get path "/api/v1/pods"`). Programs without resources refuse a
    /// list so, too.
    pub fn refuses_the_path(&self, path: &str) -> bool {
        self.message.contains(&format!(" path \"{path}\""))
    }

    /// Whether the message refuses a continue token (`continue=bogus`), which is read behind authorization.
    pub fn refuses_the_continue_token(&self) -> bool {
        ["invalid continue token", "continue key is not valid"]
            .iter()
            .any(|words| self.message.contains(words))
    }

    /// Whether the message refuses a resource (`secrets is forbidden: … cannot list resource`). Only a server
    /// with resources says so; others refuse the same request as a path.
    pub fn refuses_a_resource(&self) -> bool {
        self.message.contains(" resource \"")
    }
}
