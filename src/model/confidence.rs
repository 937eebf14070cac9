//! How sure an identification or a finding is.

use serde::{Deserialize, Serialize};
use strum::VariantNames;

use super::words;

/// How sure an identification is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[derive(VariantNames)]
#[strum(serialize_all = "kebab-case")]
pub enum Confidence {
    /// A guess that another reading could overturn.
    Low,
    /// One strong sign, or several weak ones.
    Medium,
    /// Several independent strong signs.
    High,
}

words!(Confidence);
