//! What configuration files say about anonymous callers: offline, beside the pipeline.
//!
//! ```text
//! text → documents, words (places) → flags, both files, roles → evaluator → predicted verdict per path
//!                                                                         ↘ findings, text, JSON
//! ```
//!
//! `recognise` finds out what a document is; each input shape has a file. One evaluator predicts from flags, files and
//! roles, whatever the shape was. What a real server did with each spelling is in the tests, and
//! `tests/suite/real/inspect.rs` compares predictions with real servers. Nothing here reads credentials: fields that are
//! not needed are skipped while parsing, and values of flags are never repeated.

mod against;
mod argument_list;
mod audit_policy;
mod authentication;
mod authorization;
mod bindings;
mod built_in_bindings;
mod built_in_roles;
mod context;
mod document;
mod evaluator;
mod findings;
mod flags;
mod found;
mod hosted;
mod insecure_port;
mod inspected;
mod json;
mod k0s;
mod k3s;
mod kubeadm;
mod node;
mod openshift;
mod pairing;
mod place;
mod pod;
mod prediction;
mod rbac;
mod recognise;
mod rule;
mod server;
mod start;
mod talos;
mod text;
mod verdict;
mod words;

pub use against::{Comparison, Difference, Outcome};
pub use audit_policy::{PolicyReport, PolicyRow};
pub use bindings::{BindingReport, Standing};
pub use document::Unreadable;
pub use found::Note;
pub use inspected::{Input, InspectedServer, Inspection};
#[cfg(test)]
pub(crate) use json::Document;
pub use json::write_json;
pub use place::Place;
pub use prediction::{PathPrediction, PredictedAccess, Prediction};
pub use server::Statement;
pub use text::{TextOptions, write_text};

#[cfg(test)]
mod tests;
