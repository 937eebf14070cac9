//! How much a finding matters, apart from how sure it is.

use std::fmt;
use std::str::FromStr;

/// Declared worst first: the order of lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Anybody can read or change what the cluster holds, now.
    Critical,
    /// A wide opening, or a clear step away from what is documented.
    High,
    /// Hardening guides ask for it to be closed.
    Medium,
    /// Helps an attacker a little, or will be a problem soon.
    Low,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// Every severity, worst first.
    pub const ALL: [Self; 5] = [
        Self::Critical,
        Self::High,
        Self::Medium,
        Self::Low,
        Self::Note,
    ];

    /// The word in reports and in settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
            Self::Note => "note",
        }
    }

    /// The score that GitHub sorts by (`security-severity`), within the band that it shows under
    /// the same word: critical from 9.0, high from 7.0, medium from 4.0, low from 0.1.
    pub const fn score(self) -> &'static str {
        match self {
            Self::Critical => "9.5",
            Self::High => "8.0",
            Self::Medium => "5.5",
            Self::Low => "3.0",
            Self::Note => "0.0",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that names no severity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no severity; use one of critical, high, medium, low, note")]
pub struct UnknownSeverity;

impl FromStr for Severity {
    type Err = UnknownSeverity;

    fn from_str(text: &str) -> Result<Self, UnknownSeverity> {
        Self::ALL
            .into_iter()
            .find(|severity| severity.as_str() == text)
            .ok_or(UnknownSeverity)
    }
}
