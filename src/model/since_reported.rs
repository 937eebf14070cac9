//! What became of an endpoint that another scanner reported as open.

use serde::{Deserialize, Serialize};
use strum::{VariantArray, VariantNames};

use super::{Access, EndpointReport, Verdict, words};

/// What became of an endpoint that another scanner reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[derive(VariantArray, VariantNames)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[strum(serialize_all = "kebab-case")]
pub enum SinceReported {
    /// `/version` answers 200 to anonymous callers, and did so for the other scanner.
    StillOpen,
    /// `/version` answers 200, and did not for the other scanner.
    Opened,
    /// `/version` answers 401.
    Rejected,
    /// `/version` answers 403: anonymous requests get as far as authorization.
    Forbidden,
    /// Nothing answers.
    Gone,
    /// What answers is no Kubernetes API server.
    AnotherProgram,
    /// The answers do not tell.
    Unclear,
}

words!(SinceReported, all);

impl SinceReported {
    /// What became of this endpoint; `None` if no other scanner reported it, or if it was not asked.
    pub fn of(report: &EndpointReport) -> Option<Self> {
        let declared = report.target.declared.as_ref()?;
        let was_open = declared
            .reported
            .as_ref()?
            .status
            .is_none_or(|code| code == 200);
        let version = report.requests.iter();
        let mut version = version.filter(|request| request.exchange.request.path == "/version");
        Some(match (report.seen()?, version.next_back()) {
            (Verdict::Unreachable, _) => Self::Gone,
            (Verdict::NotApiServer, _) => Self::AnotherProgram,
            (_, None) => Self::Unclear,
            (_, Some(version)) => match version.access {
                Access::Granted if was_open => Self::StillOpen,
                Access::Granted => Self::Opened,
                Access::Rejected => Self::Rejected,
                Access::Forbidden => Self::Forbidden,
                _ => Self::Unclear,
            },
        })
    }

    /// The end of a sentence about some of the reported endpoints.
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::StillOpen => "still open (200)",
            Self::Opened => "open now (200)",
            Self::Rejected => "answering 401 on /version",
            Self::Forbidden => "answering 403 on /version, by authorization only",
            Self::Gone => "gone (no answer)",
            Self::AnotherProgram => "another program now",
            Self::Unclear => "unclear",
        }
    }
}
