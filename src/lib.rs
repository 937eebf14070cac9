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

pub mod config;
pub mod error;
pub mod model;
pub mod targets;
