//! What an open path is worth to an attacker.

use serde::{Deserialize, Serialize};
use strum::VariantNames;

use super::words;
use crate::kubernetes::PathClass;

/// What a grant is worth, from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[derive(VariantNames)]
#[strum(serialize_all = "kebab-case")]
pub enum Grade {
    /// Public by a product's design; never changes the verdict.
    Product,
    /// Open to everybody on a default cluster since 1.14: version and health.
    PublicInfo,
    /// Which APIs there are; also any other non-resource path.
    Discovery,
    /// Metrics, flags, the index of profiles, and the `OpenAPI` documents.
    Telemetry,
    /// A list of resources.
    Resources,
    /// Secrets, config maps, roles and their like.
    SensitiveResources,
}

words!(Grade);

impl Grade {
    /// The grade of a grant of a path of this class.
    pub const fn of(class: PathClass) -> Self {
        match class {
            PathClass::Version | PathClass::Health => Self::PublicInfo,
            PathClass::Product => Self::Product,
            PathClass::Discovery | PathClass::Other => Self::Discovery,
            PathClass::OpenApi | PathClass::Metrics | PathClass::Diagnostics => Self::Telemetry,
            PathClass::ResourceList { sensitive: false } => Self::Resources,
            PathClass::ResourceList { sensitive: true } => Self::SensitiveResources,
        }
    }

    /// Whether a grant of this grade makes the endpoint `exposed`.
    pub const fn exposes(self) -> bool {
        !matches!(self, Self::Product | Self::PublicInfo)
    }
}
