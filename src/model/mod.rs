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
mod assessment;
mod audit_canary;
mod change;
mod clue;
mod compared;
mod component;
mod confidence;
mod curl;
mod declared;
mod declared_reach;
mod distinguished_name;
mod endpoint;
mod failure;
mod finding;
#[cfg(test)]
pub(crate) mod fixtures;
mod grade;
mod handshake;
mod hex;
mod identification;
mod learned;
mod left_out;
mod merged_declaration;
mod missing;
mod not_asked;
mod observation;
mod one_at_a_time;
mod origin;
mod pattern;
mod posture;
mod product;
mod remediation;
mod reply;
mod report;
mod request;
mod rule;
mod selector;
mod serial;
mod severity;
mod since_reported;
mod special;
mod summary;
mod target;
mod unanswered;
mod verdict;
mod word;

pub use access::{Access, Unclear};
pub use assessment::{ApiPath, Assessment, Grant, JudgedRequest, Recheck, Verb, api_paths};
pub use audit_canary::AuditCanary;
pub use change::{Change, ChangeKind, Outage};
pub use clue::{Clue, ClueKind};
pub(crate) use compared::LIKELY_CAUSES;
pub use compared::{ComparedFact, ComparisonResult, DeclaredFact};
pub use component::Component;
pub use confidence::Confidence;
pub use curl::curl;
pub(crate) use declared::short;
pub use declared::{Contradiction, Declared, DeclaredAnonymous, DeclaredEndpoint, Reported};
pub use distinguished_name::DistinguishedName;
pub use endpoint::Endpoint;
pub use failure::{Failure, FailureKind, Stage};
pub use finding::{
    Acceptance, BaselineState, Finding, Fingerprint, Identity, Site, UnusedAcceptance,
};
pub use grade::Grade;
pub use handshake::{Certificate, Handshake, NameList, Signature, Trust};
pub(crate) use hex::hex;
pub use identification::Identification;
pub use learned::Learned;
pub use left_out::{LeftOut, LeftOutReason};
pub use missing::MissingReason;
pub use not_asked::{ClusterNotAsked, NotAskedReason};
pub(crate) use observation::microseconds;
pub use observation::{Exchange, Observation, Timings};
pub use one_at_a_time::OneAtATime;
pub(crate) use origin::without_annotations;
pub use origin::{Origin, Source};
pub use pattern::{Pattern, TargetNames};
pub use posture::{Posture, PostureStatus, Remedy};
pub use product::{Attribution, Product, ProductMark, Provenance, Specificity, Text};
pub use remediation::{Remediation, Step};
pub use reply::{RawAnswer, Reply};
pub use report::EndpointReport;
pub use request::{Method, Request};
pub use rule::{Control, Rule};
pub use selector::{InvalidSelector, Selector};
pub(crate) use serial::{Clipped, Ms, Time};
pub use severity::Severity;
pub use since_reported::SinceReported;
pub(crate) use special::special_blocks;
pub use special::{embedded_v4, is_private, is_public, special};
pub use summary::{Coverage, ScanSummary, Selection, SpecCoverage};
pub use target::{Host, Scheme, SpecId, Target};
pub use unanswered::{unanswered_paths, unanswered_text};
pub use verdict::Verdict;
pub use word::InvalidWord;
pub(crate) use word::{as_array, words};
