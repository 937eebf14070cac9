//! Probes Kubernetes API servers without credentials, and tells with evidence what an anonymous caller may do.
//!
//! # How a scan works
//!
//! ```text
//! targets → resolve → connect → probe → identify → assess → advise → policy → report
//!           name to   TCP       TLS,    what       what      how to   what to
//!           address             HTTP    answers    is open   close it look at
//! ```
//!
//! Users of the library see the two ends: [`targets`] says what to scan, [`scan`] scans it and returns an
//! [`model::EndpointReport`] for each endpoint. [`policy`] derives findings and an exit code, [`report`] writes any format,
//! and [`record`] reads saved reports again. The stages in between are private. A failure of one endpoint is never an
//! error, but part of its report. An error ([`error::Error`]) means that the scan could not start.
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
//! [`scan::Scanner::knock`] scans a single target.
//!
//! # What may change
//!
//! Until 1.0 a minor release may change any type. These are meant to stay: the verdicts and their rules, the words of
//! [`model`] in reports, [`scan::Scanner`], [`scan::Scan`], [`targets::TargetSetBuilder`], and the report format
//! [`record::SCHEMA`]. [`input`] and [`atomic_file`] are helpers of the program.
//!
//! # Cargo features
//!
//! * `cli` (default): the dependencies of the `kubeknock` program. Turn off default features to use the library alone.
//! * `exporter` (with `cli`): the multi-target exporter for Prometheus.
//! * `simulator` (default): simulated API servers over real TLS, for tests and demonstrations.

mod advise;
mod assess;
pub mod atomic_file;
pub mod audit;
pub mod config;
mod connect;
pub mod error;
mod escape;
#[cfg(feature = "exporter")]
pub mod exporter;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod host_port;
mod identify;
pub mod input;
pub mod inspect;
pub mod kubernetes;
mod local_end;
pub mod model;
mod natural_order;
mod os_error;
pub mod policy;
mod probe;
mod products;
mod random;
pub mod record;
pub mod report;
mod resolve;
pub mod scan;
#[cfg(feature = "simulator")]
pub mod simulator;
pub mod targets;
mod wording;

/// What benchmarks and tests measure on its own. It is no part of the API.
#[doc(hidden)]
pub mod internal {
    pub use crate::advise::advise;
    pub use crate::assess::assess;
    pub use crate::connect::Connector;
    pub use crate::identify::{identify, prepare};
    pub use crate::probe::{Dial, Dialled, Prober, Round};
}
