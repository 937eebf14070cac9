//! The results of reading a file of another program: specifications, endpoints and warnings.

use std::path::PathBuf;

use crate::model::{Declared, NotAskedReason};
use crate::targets::error::Problem;

/// The result of reading a line of another scanner's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::targets) enum ImportedLine {
    /// The specification of an open port.
    Spec(String),
    /// An endpoint of a cluster of an inventory.
    Entry(Box<Entry>),
    /// A failure of the other scanner that users of its results should know.
    Warning(String),
}

/// Called with each result and its line.
pub(super) type Handler<'a> = &'a mut dyn FnMut(u32, Result<ImportedLine, Problem>);

/// An endpoint of a cluster that an inventory lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::targets) struct Entry {
    /// What the inventory calls the cluster.
    pub(in crate::targets) name: Option<String>,
    /// The endpoint as a target line has it, with `sni=` if it needs one; empty if the cluster has none.
    pub(in crate::targets) line: String,
    /// The reason in the inventory why it is not asked, even if it has an endpoint.
    pub(in crate::targets) not_asked: Option<NotAskedReason>,
    pub(in crate::targets) declared: Declared,
    /// Where the CA certificates of the cluster are, relative to the inventory.
    pub(in crate::targets) ca_file: Option<PathBuf>,
    /// Whether the CA certificates in the inventory itself cannot be read.
    pub(in crate::targets) ca_is_damaged: bool,
}
