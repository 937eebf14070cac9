//! Results of other scanners, and inventories of clusters, as targets.
//!
//! An entry of an inventory becomes what a target line can say, together with what the inventory declares about the
//! cluster. Nothing else knows the formats. Types of inventories have fields for what is used and for nothing else, so
//! that no secret beside it is ever read.
//!
//! Every open TCP port becomes a target; closed and filtered ports, UDP and banners are skipped. A
//! line that cannot be read is an error with its place, as in any target list. A truncated file is
//! an error too, because its missing ports would look closed. Imported targets do not count as
//! named targets,
//! since an open port does not promise an API server.

mod aks;
mod documents;
mod eks;
mod format;
mod gke;
mod imported;
mod inventory;
mod kubeconfig;
mod lenient;
mod lines;
mod masscan;
mod nmap;
mod projectdiscovery;
mod read;
mod recognise;
mod service_discovery;
mod shadowserver;
mod terraform;
mod yaml;
mod zmap;

pub use format::ImportFormat;
pub(super) use imported::{Entry, ImportedLine};
pub(super) use inventory::{NO_AUTHORITY, ca_bundle};
pub(super) use recognise::{is_empty_array, is_json, is_key, recognise};

#[cfg(test)]
mod tests;
