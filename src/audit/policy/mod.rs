//! Audit policies (`audit.k8s.io/v1`): which requests an API server with such a policy writes to its log.
//!
//! ```
//! use kubeknock::audit::policy::{Caller, Policy};
//! use kubeknock::kubernetes::Attributes;
//!
//! let policy = Policy::parse(
//!     "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata, userGroups: ['system:unauthenticated']}]",
//! )?;
//! let request = Attributes::of("GET", "/version");
//! assert!(policy.decide(&request, Caller::Anonymous).is_logged());
//! // A request that authentication refuses has no user and no group.
//! assert!(!policy.decide(&request, Caller::Unauthenticated).is_logged());
//! # Ok::<(), kubeknock::audit::policy::InvalidPolicy>(())
//! ```

mod decision;
mod file;
mod rule;
mod words;

pub use decision::{Decision, Policy};
pub use file::InvalidPolicy;
pub use rule::{GroupResources, Rule};
pub use words::{Caller, Level, Place, Stage};

#[cfg(test)]
mod tests;
