//! The formats that `record` writes.

mod json;
mod jsonl;
