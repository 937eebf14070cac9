//! The format's name, the versions that can be read, and how large its parts may be.

/// The name and version of the format that is written, which `docs/report.schema.json` describes.
pub const SCHEMA: &str = "kubeknock/report/v3";

/// The versions that can be read.
pub const READABLE: [&str; 3] = [
    "kubeknock/report/v1",
    "kubeknock/report/v2",
    "kubeknock/report/v3",
];

/// Largest part of a report about the scan as a whole, in bytes. Most of it lists named targets.
pub const MAX_PIECE: usize = 256 * 1024 * 1024;

/// Largest endpoint record, in bytes.
pub const MAX_RECORD: usize = if cfg!(test) { 1 << 20 } else { 64 << 20 };
