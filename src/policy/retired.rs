//! Rules of earlier versions. Their ids are not used again, and settings that name one learn what it became.

/// A rule that is no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retired {
    /// Its id.
    pub id: &'static str,
    /// What says the same now, as the end of a sentence that begins with "What it said".
    pub became: &'static str,
}

/// Every retired rule, in the order of `docs/stability.md`.
pub static RETIRED: [Retired; 3] = [
    Retired {
        id: "version-disclosed",
        became: "is a detail of the finding about anonymous access (the rules anonymous-… and insecure-http-api)",
    },
    Retired {
        id: "health-endpoints-open",
        became: "is a detail of the finding about anonymous access; where nothing else is open, that is \
                 anonymous-auth-limited",
    },
    Retired {
        id: "posture-deviation",
        became: "is anonymous-auth-unexpected or anonymous-telemetry-unexpected; where there is no finding about \
                 anonymous access, more-open-than-documented or stricter-than-documented",
    },
];

/// The retired rule with this id.
pub fn retired(id: &str) -> Option<&'static Retired> {
    RETIRED.iter().find(|retired| retired.id == id)
}
