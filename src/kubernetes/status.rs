//! The `Status` object with which a Kubernetes API refuses a request.

use serde_json_borrow::ObjectAsVec;

use super::json::{field, owned, text};

/// The user of a request without credentials, where authentication accepts such requests.
pub(crate) const ANONYMOUS: &str = "system:anonymous";

/// The reason and the message of an API server's 401.
pub(crate) const UNAUTHORIZED: &str = "Unauthorized";

/// The text of Go's HTTP library for a path that is not served. API servers return it from 1.30 on.
pub(crate) const GO_NOT_FOUND: &str = "404 page not found";

/// The fields of a `Status` that a decision rests on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// The HTTP status code, repeated.
    pub code: u16,
    /// Machine-readable reason: `Unauthorized`, `Forbidden`, `NotFound` …
    pub reason: String,
    /// The server's sentence.
    pub message: String,
}

impl Status {
    /// Reads a `Status` of a failure in API version v1.
    pub(super) fn read(object: &ObjectAsVec<'_>) -> Option<Self> {
        if text(object, "apiVersion")? != "v1" || text(object, "status")? != "Failure" {
            return None;
        }
        Some(Self {
            code: u16::try_from(field(object, "code")?.as_u64()?).ok()?,
            reason: owned(object, "reason").unwrap_or_default(),
            message: owned(object, "message").unwrap_or_default(),
        })
    }

    /// Whether the message names the anonymous user.
    pub fn names_anonymous(&self) -> bool {
        self.message.contains("User \"system:anonymous\"")
    }

    /// Whether the message refuses this path (`cannot get path "/api/v1/pods"`). A program without resources refuses
    /// lists like this too.
    pub fn refuses_the_path(&self, path: &str) -> bool {
        self.message.contains(&format!(" path \"{path}\""))
    }

    /// Whether the message refuses a continue token (`continue=bogus`), which a server reads after authorization.
    pub fn refuses_the_continue_token(&self) -> bool {
        ["invalid continue token", "continue key is not valid"]
            .iter()
            .any(|words| self.message.contains(words))
    }

    /// Whether the message refuses a resource (`secrets is forbidden: … cannot list resource`). Only a server
    /// with resources says so; other programs refuse the path.
    pub fn refuses_a_resource(&self) -> bool {
        self.message.contains(" resource \"")
    }
}
