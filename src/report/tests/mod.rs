//! What several formats have in common, and the formats that `record` writes.

mod hostile;
mod json;
mod jsonl;
pub(in crate::report) mod python;
