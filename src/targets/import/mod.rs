//! Results of other scanners as targets: a faster port scan can come first.
//!
//! Every open TCP port becomes a target; closed and filtered ports, UDP and banners are skipped. A
//! line that cannot be read is an error with its place, as in any target list. A truncated file is
//! an error too, because its missing ports would look closed. Imported targets do not count as
//! named targets,
//! since an open port does not promise an API server.

mod format;
mod lines;
mod masscan;
mod nmap;
mod projectdiscovery;
mod zmap;

pub use format::ImportFormat;
pub(super) use lines::ImportedLine;

#[cfg(test)]
mod tests;
