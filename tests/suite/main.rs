//! The integration tests: one binary with one module per subject.
//!
//! Servers are simulated over real sockets and real TLS (`kubeknock::simulator`). The program runs as users run
//! it. Nothing leaves loopback.

mod allow;
mod audit;
mod browser;
mod byhand;
mod carried;
#[path = "../chaos/mod.rs"]
mod chaos;
#[cfg(unix)]
mod ci;
mod circles;
mod cli;
mod code_scanning;
mod deep;
mod deploy;
mod exporter;
mod fetched;
mod flights;
mod formats;
mod habits;
mod handshakes;
mod hostile;
mod http2;
mod input;
mod inspect;
mod inventories;
mod layers;
mod lenient;
mod limits;
mod managed;
mod monitoring;
mod name_server;
mod notify;
mod options;
mod outputs;
mod own_side_failures;
#[cfg(target_os = "linux")]
mod picture;
mod plain;
mod platforms;
mod policies;
mod products;
mod proof;
mod proxy;
mod readme;
mod real;
mod recordings;
mod requests;
mod resolve;
mod resume;
mod rules;
mod saved;
mod scale;
#[cfg(target_os = "linux")]
mod scope;
mod secrets;
mod service;
mod settings;
mod shards;
mod skip;
mod support;
mod time;
mod verdicts;
