//! Reads audit logs of any product as a stream of events, in bounded memory.
//!
//! ```text
//! bytes ─ unpack ─→ text ─ stream ─→ JSON values ─ entry (names of fields: keys) ─→ Event
//! ```
//!
//! Everything in a log is the word of whoever made the requests. A value that cannot be read is counted and left out.

mod cloud_logging;
mod embedded;
mod entry;
mod event;
mod facts;
mod keys;
mod stream;
mod text;
mod unpack;

pub use event::{Decision, Event, Who};
pub use facts::{Counts, Facts};
pub use stream::read;

#[cfg(test)]
mod tests;
