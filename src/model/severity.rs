//! How much a finding matters, apart from how sure it is.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, VariantArray, VariantNames};

use super::{InvalidWord, words};

/// The severity of a finding, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[derive(Display, EnumString, VariantArray, VariantNames)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[strum(serialize_all = "kebab-case", parse_err_ty = InvalidWord, parse_err_fn = Severity::invalid)]
pub enum Severity {
    /// Anybody can read or change what is in the cluster.
    Critical,
    /// Much is open, or more than the product documents.
    High,
    /// Hardening guides say to close it.
    Medium,
    /// It helps an attacker a little, or will be a problem soon.
    Low,
    /// Worth knowing.
    Note,
}

words!(Severity, all, "severity");

impl Severity {
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
