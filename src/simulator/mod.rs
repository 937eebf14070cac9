//! Simulated API servers over real sockets and real TLS, behind the cargo feature `simulator`.
//!
//! `kubeknock demo` scans a [`fleet`] of them, `kubeknock simulate` serves one, and tests and benchmarks use
//! them. A [`Scenario`] describes what a server does. It is either an embedded TOML file, found by name
//! ([`scenarios`], [`scenario`]), or a recording of a real server ([`Scenario::from_recording`]).
//!
//! ```text
//! scenarios/*.toml → file → Scenario ─start→ accept ─ TLS ─┬ ordinary: sent by hyper
//! tests/recordings → recording ──┘                         └ hostile: written byte by byte
//! ```
//!
//! A simulated server only sends the responses of the real one. It authenticates and stores nothing, and requests
//! without a reply of their own get the fallback.
//!
//! ```
//! # async fn example() -> std::io::Result<()> {
//! use kubeknock::simulator;
//!
//! let scenario = simulator::scenario("default").expect("embedded");
//! let server = simulator::start(scenario, "127.0.0.1:0".parse().expect("an address")).await?;
//! println!("knock on {}", server.address());
//! assert_eq!(server.stats().connections(), 0);
//! # Ok(())
//! # }
//! ```

mod answers;
mod audit;
mod catalogue;
mod connection;
mod file;
mod fleet;
mod hostile;
mod ordinary;
mod recording;
mod reply;
mod scenario;
mod server;
mod shared;
mod socket;
mod stats;
mod tls;
mod tls_settings;

#[cfg(test)]
mod tests;

pub use catalogue::{scenario, scenarios};
pub use fleet::{Fleet, Member, fleet};
pub use scenario::{Scenario, ScenarioError};
pub use server::{SimulatedServer, start};
pub use stats::{LoggedRequest, Stats};
