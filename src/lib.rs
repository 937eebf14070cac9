//! Knock on Kubernetes API servers without credentials; say, with evidence, what an anonymous
//! caller may do there.
//!
//! # The way through
//!
//! ```text
//! targets → resolve → connect → probe → identify → assess → advise → policy → report
//!            (name)    (TCP)     (TLS,   (who       (what      (how to    (what to
//!                                HTTP)   answers)   anonymous  close it)  look at)
//!                                                   may do)
//! ```
//!
//! Each stage is a module, none imports another, and only [`scan`] knows their order. They meet in
//! the nouns of [`model`]. What one endpoint does is never an error but a record; what stops a
//! scan before it starts is [`error::Error`]. `docs/architecture.md` says why it is built so.
//!
//! # A scan is a stream of reports
//!
//! ```
//! # #[cfg(feature = "simulator")] {
//! use std::sync::Arc;
//!
//! use kubeknock::config::ScanConfig;
//! use kubeknock::model::Verdict;
//! use kubeknock::scan::Scanner;
//! use kubeknock::targets::{TargetOptions, TargetSetBuilder};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # runtime.block_on(async {
//! # let scenario = kubeknock::simulator::scenario("default").unwrap();
//! # let server = kubeknock::simulator::start(scenario, "127.0.0.1:0".parse()?).await?;
//! # let address = server.address().to_string();
//! let mut builder = TargetSetBuilder::new(TargetOptions::default());
//! builder.argument(&address); // "192.0.2.7:6443", "10.0.0.0/8", "api.example.com", a URL …
//! let targets = Arc::new(builder.build()?);
//!
//! let scanner = Scanner::new(ScanConfig::default())?;
//! let mut scan = scanner.scan(targets);
//! while let Some(report) = scan.next().await {
//!     println!("{} {}: {}", report.verdict, report.target, report.reason);
//!     assert_eq!(report.verdict, Verdict::Forbidden);
//! }
//! let summary = scan.finish();
//! assert_eq!(summary.coverage.covered(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! One target is one call: [`scan::Scanner::knock`].
//!
//! # What is stable
//!
//! Until 1.0 a minor release may change any type. Meant to stay: the verdicts and their rules, the
//! words of [`model`] as they appear in reports, [`scan::Scanner`], [`scan::Scan`] and
//! [`targets::TargetSetBuilder`], and the report format named by [`record::SCHEMA`]. The stages
//! ([`resolve`], [`connect`], [`probe`], [`identify`], [`assess`], [`advise`]) are public to be read and reused,
//! and may change with any release.
//!
//! # Cargo features
//!
//! * `cli` (default): what the `kubeknock` program needs beside the library. A library user turns
//!   default features off.
//! * `simulator` (default): simulated API servers over real TLS, for tests and demonstrations.

pub mod advise;
pub mod assess;
pub mod atomic_file;
pub mod config;
pub mod connect;
pub mod error;
mod escape;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod host_port;
pub mod identify;
pub mod input;
pub mod kubernetes;
pub mod model;
pub mod policy;
pub mod probe;
mod products;
mod random;
pub mod record;
pub mod report;
pub mod resolve;
pub mod scan;
#[cfg(feature = "simulator")]
pub mod simulator;
pub mod targets;
