//! Rules of earlier versions. Their ids are not used again, and settings that name one learn what it became.

use std::fmt;

/// A rule that no longer exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retired {
    /// Its id.
    pub id: &'static str,
    /// Where its content is now: the end of a sentence that begins with "What it said".
    pub became: &'static str,
    /// The rules to name in its place.
    pub instead: &'static [&'static str],
}

impl fmt::Display for Retired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            id,
            became,
            instead,
        } = self;
        write!(f, "{id} is retired: what it said {became}; ")?;
        write!(f, "in its place write {}", instead.join(", "))
    }
}

/// Every retired rule, in the order of `docs/stability.md`.
pub static RETIRED: [Retired; 4] = [
    Retired {
        id: "version-disclosed",
        became: "is a detail of the finding about anonymous access",
        instead: &[
            "anonymous-auth-enabled",
            "anonymous-auth-not-changeable",
            "anonymous-auth-limited",
            "anonymous-auth-unexpected",
        ],
    },
    Retired {
        id: "health-endpoints-open",
        became: "is a detail of the finding about anonymous access; where nothing else is open, that is \
                 anonymous-auth-limited",
        instead: &[
            "anonymous-auth-limited",
            "anonymous-auth-enabled",
            "anonymous-auth-not-changeable",
            "anonymous-auth-unexpected",
        ],
    },
    Retired {
        id: "posture-deviation",
        became: "is anonymous-auth-unexpected or anonymous-telemetry-unexpected; where there is no finding about \
                 anonymous access, more-open-than-documented or stricter-than-documented",
        instead: &[
            "anonymous-auth-unexpected",
            "anonymous-telemetry-unexpected",
            "more-open-than-documented",
            "stricter-than-documented",
        ],
    },
    Retired {
        id: "more-open-than-declared",
        became: "is in the finding about anonymous access, which every server has that is more open than declared; where \
                 nothing worse is open, that is anonymous-auth-unexpected",
        instead: &[
            "anonymous-auth-unexpected",
            "anonymous-telemetry-unexpected",
        ],
    },
];

/// The retired rule with this id.
pub fn retired(id: &str) -> Option<&'static Retired> {
    RETIRED.iter().find(|retired| retired.id == id)
}
