//! What an open path is worth to an attacker.

use serde::{Deserialize, Serialize};
use strum::{VariantArray, VariantNames};

use super::words;
use crate::kubernetes::PathClass;

/// What a grant is worth to an attacker, from least to most. `product` and `public-info` do not make an endpoint
/// `exposed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[derive(VariantArray, VariantNames)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[strum(serialize_all = "kebab-case")]
pub enum Grade {
    /// Open by the design of a product.
    Product,
    /// Version and health, which a default cluster opens since 1.14.
    PublicInfo,
    /// The list of APIs, and any other path that is not a resource.
    Discovery,
    /// Metrics, flags, the index of profiles, and the `OpenAPI` documents.
    Telemetry,
    /// A list of resources.
    Resources,
    /// A list of secrets, config maps, roles or the like.
    SensitiveResources,
}

words!(Grade, all);

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
