//! Why a web configuration file cannot be used.

/// Why a web configuration file cannot be used. Never has text of the file, which may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct WebConfigError {
    place: String,
    problem: String,
}

impl WebConfigError {
    pub(super) fn new(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            problem: problem.into(),
        }
    }
}
