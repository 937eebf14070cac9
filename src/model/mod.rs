//! The nouns every stage speaks: what is asked, what came back, what it means.
//!
//! Nothing here does I/O and nothing here knows a stage. The types follow the way of a
//! target through the program:
//!
//! ```text
//! Target → Endpoint → Observation (Exchange, Reply, Answer, Handshake, Failure)
//!        → Identification (Component, Clue, Attribution) → Assessment (Access, Verdict, Grant)
//!        → Posture, Remedy
//!        → EndpointReport → Rule, Finding, Coverage, ScanSummary
//! ```

mod access;
mod answer;
mod assessment;
mod change;
mod component;
mod endpoint;
mod failure;
mod finding;
#[cfg(test)]
pub(crate) mod fixtures;
mod handshake;
mod hex;
mod left_out;
mod observation;
mod pattern;
mod posture;
mod product;
mod reply;
mod report;
mod request;
mod rule;
mod severity;
mod special;
mod summary;
mod support;
mod target;
mod unasked;
mod verdict;
mod version;
mod word;

pub use access::{Access, Unclear};
pub use answer::{Answer, Status, VersionInfo};
pub use assessment::{Assessment, Grade, Grant, JudgedRequest, SecondLook, api_paths};
pub use change::{Change, ChangeKind};
pub use component::{Clue, ClueKind, Component, Confidence, Identification};
pub use endpoint::Endpoint;
pub use failure::{Failure, FailureKind, Stage};
pub use finding::{Acceptance, BaselineState, Finding, Fingerprint, Identity, Site};
pub use handshake::{Certificate, Handshake, NameList, Signature, Trust};
pub(crate) use hex::hex;
pub use left_out::left_out;
pub(crate) use observation::microseconds;
pub use observation::{Exchange, Observation, Timings};
pub use pattern::{Pattern, TargetNames};
pub use posture::{Posture, PostureStatus, Remedy};
pub use product::{Attribution, Mark, Product, Provenance, Specificity, Text};
pub(crate) use reply::{AUDIT_ID, FLOW_CONTROL};
pub use reply::{Markers, Reply};
pub use report::EndpointReport;
pub use request::{Method, PathClass, PathError, Request};
pub use rule::{Control, Rule};
pub use severity::Severity;
pub(crate) use special::special_blocks;
pub use special::{embedded_v4, special};
pub use summary::{Coverage, ScanSummary, SpecCoverage};
pub use support::Support;
pub use target::{Host, Origin, Scheme, Source, SpecId, Target};
pub use unasked::{Gap, Unasked};
pub use verdict::Verdict;
pub use version::{Minor, NoMinor};
pub use word::InvalidWord;
pub(crate) use word::{as_array, words};
