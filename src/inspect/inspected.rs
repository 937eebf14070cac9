//! The input, and what it says.

use jiff::Timestamp;

use super::against::Comparison;
use super::audit_policy::PolicyReport;
use super::bindings::BindingReport;
use super::document::Unreadable;
use super::found::Note;
use super::place::Place;
use super::prediction::Prediction;
use crate::kubernetes::Minor;
use crate::model::Source;

/// A file of the input.
#[derive(Debug, Clone)]
pub struct Input {
    /// Its name.
    pub source: Source,
    /// Its content.
    pub text: String,
}

/// A server with what is predicted of it.
#[derive(Debug, Clone)]
pub struct InspectedServer {
    /// What people know it by: `Pod kube-system/kube-apiserver-cp-1`.
    pub name: String,
    /// Where its configuration begins.
    pub place: Place,
    /// Its release, if the input shows it.
    pub release: Option<Minor>,
    /// Whether another program turns this specification into a configuration, so that it is a hint only.
    pub is_hint: bool,
    /// Whether this server is assumed: it stands for a configuration file that no server of the input uses.
    pub is_assumed: bool,
    /// What is predicted.
    pub prediction: Prediction,
    /// What scans found, beside the prediction.
    pub comparisons: Vec<Comparison>,
}

/// What the files of the input say.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// When the files were inspected.
    pub time: Timestamp,
    /// The servers, in the order of the input.
    pub servers: Vec<InspectedServer>,
    /// The bindings that name anonymous callers, or everybody with credentials.
    pub bindings: Vec<BindingReport>,
    /// The audit policies.
    pub policies: Vec<PolicyReport>,
    /// Remarks on the input.
    pub notes: Vec<Note>,
    /// What could not be read.
    pub unreadable: Vec<Unreadable>,
    /// How many objects say nothing about anonymous access.
    pub others: u64,
}

impl Inspection {
    /// Whether nothing in the input says anything about anonymous access.
    pub fn is_empty(&self) -> bool {
        self.servers.is_empty() && self.bindings.is_empty() && self.policies.is_empty()
    }
}
