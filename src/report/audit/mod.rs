//! What an audit log shows, for people and for programs. Every text of the log is escaped here.

mod json;
mod markdown;
mod table;
mod words;

pub use json::{SCHEMA, write_json};
pub use markdown::write_markdown;
pub use table::write_table;

#[cfg(test)]
pub(crate) use json::Document;

#[cfg(test)]
pub(crate) mod tests;
