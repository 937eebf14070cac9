//! A multi-target exporter for Prometheus: probes one listed target for each scrape, with the stages of a scan.
//!
//! ```text
//! TargetSet ─→ TargetList ─name→ ListedTarget ─ probing ─→ ProbeResult ─ probe_metrics ─→ text
//! connection ─ server: TLS, limits ─ routes: who may ask, what for ─┘
//! ```
//!
//! Only names of the list are probed: an open `/probe` would be a scanner for anybody. A target is probed once at a time,
//! scrapes that come meanwhile share the probe, and a probe ends when nobody waits for it any more.

mod answered;
mod authentication;
mod exporter_metrics;
mod known;
mod page;
mod probe_metrics;
mod probe_query;
mod probe_result;
mod probe_settings;
mod probing;
mod process_metrics;
mod routes;
mod server;
mod service_discovery;
mod target_list;
mod web_config;
mod web_config_error;
mod web_tls;

pub use probe_settings::ProbeSettings;
pub use probing::{Exporter, ExporterOptions};
pub use server::{Server, ServerError};
pub use target_list::{ListError, TargetList};
pub use web_config::WebConfig;
pub use web_config_error::WebConfigError;
