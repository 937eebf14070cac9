//! The verdict on an endpoint: what an anonymous caller may do there.

use std::fmt;

use serde::{Deserialize, Serialize};
use strum::{EnumString, VariantArray, VariantNames};

use super::{InvalidWord, as_array, words};

/// What an anonymous caller may do at an endpoint, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[derive(EnumString, VariantArray, VariantNames)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[strum(serialize_all = "kebab-case", parse_err_ty = InvalidWord, parse_err_fn = Verdict::invalid)]
pub enum Verdict {
    /// A path beyond version and health is granted: discovery, `OpenAPI`, metrics, a resource.
    Exposed,
    /// `/api` answers 403 for `system:anonymous`: authentication accepts anonymous requests, authorization refuses them.
    Forbidden,
    /// Anonymous requests are limited to some paths: others answer 401.
    #[serde(alias = "health-only")]
    #[strum(to_string = "limited", serialize = "health-only")]
    Limited,
    /// `/version`, `/api` and the health paths answer 401, and no path is open or forbidden: authentication refuses
    /// anonymous requests.
    Rejected,
    /// The answers do not tell; the reason says why.
    Inconclusive,
    /// Another program answers, or no answer shows a sign of Kubernetes.
    NotApiServer,
    /// No HTTP answer.
    Unreachable,
    /// Not a verdict: our own side failed, and what was seen before that proves nothing.
    #[strum(disabled)]
    NotAttempted,
}

words!(Verdict);

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Verdict {
    /// Every verdict, worst first. [`Self::NotAttempted`], the last value, is none.
    pub const ALL: [Self; 7] = as_array(<Self as VariantArray>::VARIANTS);

    fn invalid(word: &str) -> InvalidWord {
        InvalidWord::new("verdict", word, &Self::ALL.map(Self::as_str))
    }

    /// Whether an endpoint with this verdict breaks the expectation of another one. Closed ports and servers of other
    /// kinds next to the expected server break none, unless the expectation is `unreachable` or `not-api-server`.
    pub fn contradicts(self, expected: Self) -> bool {
        let counts = match (self, expected) {
            (Self::NotAttempted, _) => false,
            (_, Self::Unreachable) => true,
            (seen, Self::NotApiServer) => seen != Self::Unreachable,
            (seen, _) => !matches!(seen, Self::Unreachable | Self::NotApiServer),
        };
        counts && self != expected
    }

    /// Whether the endpoint gave no answer: `unreachable` or not attempted.
    pub const fn has_no_answer(self) -> bool {
        matches!(self, Self::Unreachable | Self::NotAttempted)
    }

    /// Whether it is what one wants to know of an endpoint: conclusive, or the expected one.
    pub fn settles(self, expected: Option<Self>) -> bool {
        self.is_conclusive() || Some(self) == expected
    }

    /// Whether it settles what an anonymous caller may do: one of the four verdicts on an API server.
    pub const fn is_conclusive(self) -> bool {
        matches!(
            self,
            Self::Exposed | Self::Forbidden | Self::Limited | Self::Rejected
        )
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
        assert_eq!(
            none.as_str().parse::<Verdict>(),
            Err(Verdict::invalid("not-attempted"))
        );
    }
}
