//! Knock on Kubernetes API servers without credentials; say, with evidence, what an anonymous
//! caller may do there.
//!
//! # The way through
//!
//! ```text
//! targets → resolve → sweep → probe → identify → assess → report
//! ```
//!
//! Each stage is a module, none imports another, and only `scan` knows their order. They meet in
//! the nouns of [`model`].

pub mod assess;
pub mod config;
pub mod error;
pub mod identify;
pub mod model;
pub mod probe;
pub mod resolve;
pub mod sweep;
pub mod report;
#[cfg(feature = "simulator")]
pub mod simulator;
pub mod targets;
