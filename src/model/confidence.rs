//! How sure an identification or a finding is.

use serde::{Deserialize, Serialize};
use strum::VariantNames;

use super::words;

/// The confidence in an identification or a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[derive(VariantNames)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[strum(serialize_all = "kebab-case")]
pub enum Confidence {
    /// Weak signs, which also fit something else.
    Low,
    /// One strong sign, or several weak ones.
    Medium,
    /// Several independent strong signs.
    High,
}

words!(Confidence);
