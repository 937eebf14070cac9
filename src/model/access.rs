//! How far one anonymous request came.

use std::fmt;

use serde::{Deserialize, Serialize};
use strum::VariantNames;

use super::{Failure, words};

/// kube-apiserver runs authentication, then authorization, then the handler: the answer tells which
/// of them ended the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Authentication refused it: 401.
    Rejected,
    /// Authorization refused `system:anonymous`: 403.
    Forbidden,
    /// It came through: 200, or an error that only the handler behind authorization produces.
    Granted,
    /// An answer that says nothing about anonymous access.
    Unclear(Unclear),
    /// No answer.
    Failed(Failure),
}

impl Access {
    /// The word in reports.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Forbidden => "forbidden",
            Self::Granted => "granted",
            Self::Unclear(_) => "unclear",
            Self::Failed(_) => "failed",
        }
    }

    /// Whether authentication or authorization refused the request.
    pub const fn is_refused(&self) -> bool {
        matches!(self, Self::Rejected | Self::Forbidden)
    }

    /// Whether it says how far anonymous requests come.
    pub const fn is_clear(&self) -> bool {
        !matches!(self, Self::Unclear(_) | Self::Failed(_))
    }

    /// Whether a later answer to the same path replaces this one: unless this one is clear and the later one is not.
    pub fn yields_to(&self, later: &Self) -> bool {
        !self.is_clear() || later.is_clear()
    }

    /// Whether a later answer to the same path contradicts this one: both are clear, and they differ.
    pub fn is_contradicted_by(&self, later: &Self) -> bool {
        self.is_clear() && later.is_clear() && self != later
    }
}

/// Why an answer proves nothing about anonymous access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[derive(VariantNames)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[strum(serialize_all = "kebab-case")]
pub enum Unclear {
    /// 3xx: a redirect, which is not followed.
    Redirect,
    /// 429: too many requests.
    RateLimited,
    /// A 5xx that is not an API server's health text.
    ServerError,
    /// 401 without a Kubernetes `Status` and without other marks of an API server.
    #[serde(rename = "plain-401")]
    #[strum(serialize = "plain-401")]
    Plain401,
    /// 403 without a Kubernetes `Status`: a web application firewall or a proxy.
    #[serde(rename = "plain-403")]
    #[strum(serialize = "plain-403")]
    Plain403,
    /// 403 `Status` for another user than `system:anonymous`: a proxy in between authenticates as that user.
    OtherUser,
    /// 403 `Status` that names another request.
    OtherRequest,
    /// 401 or 403 `Status` in other words than an API server's: a proxy refused.
    OwnWords,
    /// 500 of the API server before its handler: the authorizer failed.
    AuthorizerFailed,
    /// 200 with a body that this path does not have.
    UnexpectedBody,
    /// 200 with the same body as a path of another kind: one page for every path.
    SameBody,
    /// 200 without the header marks of the endpoint's other answers: a front end answered.
    Unmarked,
    /// 200 with a document that any program may have, without marks of an API server.
    Unvouched,
    /// A health answer without the `Audit-Id` of the other answers: a load balancer answered.
    FrontHealth,
    /// HTTP was sent to a port that speaks TLS.
    TlsPort,
    /// The body is longer than the limit, and nothing else decides.
    #[serde(rename = "body-cut")]
    #[strum(serialize = "body-cut")]
    Cut,
    /// Any other status.
    OtherStatus,
}

words!(Unclear);

impl Unclear {
    /// The reason in words.
    pub const fn phrase(&self) -> &'static str {
        match self {
            Self::Redirect => "a redirect, which is not followed",
            Self::RateLimited => "too many requests: the server or a front end limits the rate",
            Self::ServerError => "a server error that is not an API server's health text",
            Self::Plain401 => {
                "a 401 that is no Kubernetes Status: web servers, kubelets and API servers before 1.7 answer so"
            }
            Self::Plain403 => "a 403 that is no Kubernetes Status",
            Self::OtherUser => {
                "a 403 for another user than system:anonymous: something in between has an identity"
            }
            Self::OtherRequest => "a 403 that names another request than the one made",
            Self::OwnWords => "a refusal in other words than an API server's: a proxy's own",
            Self::AuthorizerFailed => {
                "the API server's own error in front of its handlers: its authorizer fails, as a webhook that \
                 cannot be reached"
            }
            Self::UnexpectedBody => "a success whose body is not what this path gives",
            Self::SameBody => {
                "a success with the same body as a path of another kind: a page for everything"
            }
            Self::Unmarked => {
                "a success without the header marks of the endpoint's other answers: something in front gave it"
            }
            Self::Unvouched => {
                "a success with a document that any program may have, without the header marks of an API server"
            }
            Self::FrontHealth => {
                "a health answer without the Audit-Id of its siblings: a load balancer's own"
            }
            Self::TlsPort => "the port speaks TLS, and plain HTTP was sent",
            Self::Cut => "the body is longer than the limit",
            Self::OtherStatus => "a status that says nothing about anonymous access",
        }
    }
}

impl fmt::Display for Unclear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.phrase())
    }
}
