//! How far one anonymous request came.

use std::fmt;

use super::Failure;

/// kube-apiserver runs authentication, then authorization, then the handler: the answer tells which
/// of them ended the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Authentication refused it: 401.
    Rejected,
    /// Authorization refused `system:anonymous`: 403.
    Forbidden,
    /// It came through: 2xx, or an error that only the handler behind authorization produces.
    Granted,
    /// An answer that says nothing about anonymous access.
    Unclear(Unclear),
    /// No answer.
    Failed(Failure),
}

impl Access {
    /// The word in reports.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Forbidden => "forbidden",
            Self::Granted => "granted",
            Self::Unclear(_) => "unclear",
            Self::Failed(_) => "failed",
        }
    }

    /// Whether it says how far anonymous requests come.
    const fn is_clear(&self) -> bool {
        !matches!(self, Self::Unclear(_) | Self::Failed(_))
    }

    /// Whether a later answer to the same path counts in its place.
    ///
    /// A clear answer beats an unclear one. Between 403 and granted the more open one stands: a
    /// starting server refuses first what it opens later.
    pub fn yields_to(&self, later: &Self) -> bool {
        !self.is_clear() || later.is_clear() && (*later != Self::Forbidden || *self == Self::Rejected)
    }

    /// Whether a later answer cannot be true beside it: authentication does not change while a server
    /// starts.
    pub fn contradicts(&self, later: &Self) -> bool {
        self.is_clear() && later.is_clear() && (*self == Self::Rejected) != (*later == Self::Rejected)
    }
}

/// Why an answer proves nothing about anonymous access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unclear {
    /// 3xx: somebody sends us elsewhere, and we do not go.
    Redirect,
    /// 429: too many requests.
    RateLimited,
    /// A 5xx that is not an API server's health text.
    ServerError,
    /// 401 without a Kubernetes `Status`, on an endpoint where nothing vouches for it.
    Plain401,
    /// 403 that is no Kubernetes `Status`: a web application firewall, a proxy.
    Plain403,
    /// 403 `Status` for another user than `system:anonymous`: somebody in between has an identity.
    OtherUser,
    /// 2xx whose body is not what this path gives.
    UnexpectedBody,
    /// A health answer without the `Audit-Id` that its siblings carry: a load balancer's own.
    FrontHealth,
    /// HTTP was sent to a port that speaks TLS.
    TlsPort,
    /// The body was longer than the limit and nothing else decides.
    Cut,
    /// Any other status.
    OtherStatus,
}

impl Unclear {
    /// The word in reports.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Redirect => "redirect",
            Self::RateLimited => "rate-limited",
            Self::ServerError => "server-error",
            Self::Plain401 => "plain-401",
            Self::Plain403 => "plain-403",
            Self::OtherUser => "other-user",
            Self::UnexpectedBody => "unexpected-body",
            Self::FrontHealth => "front-health",
            Self::TlsPort => "tls-port",
            Self::Cut => "body-cut",
            Self::OtherStatus => "other-status",
        }
    }

    /// What it means, as people read it.
    pub const fn phrase(&self) -> &'static str {
        match self {
            Self::Redirect => "a redirect, which is not followed",
            Self::RateLimited => "too many requests: the server or a front end limits the rate",
            Self::ServerError => "a server error that is not an API server's health text",
            Self::Plain401 => "a 401 that is no Kubernetes Status",
            Self::Plain403 => "a 403 that is no Kubernetes Status",
            Self::OtherUser => {
                "a 403 for another user than system:anonymous: something in between has an identity"
            }
            Self::UnexpectedBody => "a success whose body is not what this path gives",
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
