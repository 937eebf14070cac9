//! The answer to the one question: what may an anonymous caller do at this endpoint?

use std::fmt;
use std::str::FromStr;

/// The verdict on one endpoint, declared worst first: the order of tables and summaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// A path beyond the public-info set is granted: discovery, `OpenAPI`, metrics, any resource.
    Exposed,
    /// `/api` is 403 as `system:anonymous`: anonymous is accepted, authorization stops it.
    Forbidden,
    /// Some asked paths are 401, others are answered: anonymous is limited to some paths.
    Limited,
    /// 401 on every path asked.
    Rejected,
    /// Cannot tell, and the reason says why.
    Inconclusive,
    /// Something else answered, or nothing shows that it is Kubernetes.
    NotApiServer,
    /// No HTTP answer.
    Unreachable,
    /// No verdict: our own side failed before anything could be asked.
    NotAttempted,
}

impl Verdict {
    /// Every verdict, worst first; [`Self::NotAttempted`] is none.
    pub const ALL: [Self; 7] = [
        Self::Exposed,
        Self::Forbidden,
        Self::Limited,
        Self::Rejected,
        Self::Inconclusive,
        Self::NotApiServer,
        Self::Unreachable,
    ];

    /// The word in reports and in `expect=`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exposed => "exposed",
            Self::Forbidden => "forbidden",
            Self::Limited => "limited",
            Self::Rejected => "rejected",
            Self::Inconclusive => "inconclusive",
            Self::NotApiServer => "not-api-server",
            Self::Unreachable => "unreachable",
            Self::NotAttempted => "not-attempted",
        }
    }

    /// Whether seeing this verdict breaks the expectation of another. Closed ports and servers of
    /// another kind beside the expected one say nothing, unless just that is expected.
    pub fn contradicts(self, expected: Self) -> bool {
        let telling = match (self, expected) {
            (Self::NotAttempted, _) => false,
            (_, Self::Unreachable) => true,
            (seen, Self::NotApiServer) => seen != Self::Unreachable,
            (seen, _) => !matches!(seen, Self::Unreachable | Self::NotApiServer),
        };
        telling && self != expected
    }

    /// Whether it settles what an anonymous caller may do: one of the four verdicts on an API server.
    pub const fn is_conclusive(self) -> bool {
        matches!(
            self,
            Self::Exposed | Self::Forbidden | Self::Limited | Self::Rejected
        )
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that names no verdict.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no verdict; use one of exposed, forbidden, limited, rejected, inconclusive, not-api-server, unreachable"
)]
pub struct UnknownVerdict;

impl FromStr for Verdict {
    type Err = UnknownVerdict;

    fn from_str(text: &str) -> Result<Self, UnknownVerdict> {
        // What `limited` was called before it covered paths other than health.
        let word = if text == "health-only" {
            Self::Limited.as_str()
        } else {
            text
        };
        Self::ALL
            .into_iter()
            .find(|verdict| verdict.as_str() == word)
            .ok_or(UnknownVerdict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_former_word_is_still_read() {
        assert_eq!("health-only".parse(), Ok(Verdict::Limited));
        assert_eq!(Verdict::Limited.as_str(), "limited");
        for verdict in Verdict::ALL {
            assert_eq!(verdict.as_str().parse(), Ok(verdict));
        }
    }

    #[test]
    fn what_was_not_attempted_says_nothing() {
        let none = Verdict::NotAttempted;
        assert!(
            !none.is_conclusive()
                && Verdict::ALL
                    .iter()
                    .all(|expected| !none.contradicts(*expected))
        );
        assert_eq!(none.as_str().parse::<Verdict>(), Err(UnknownVerdict));
    }
}
