//! Simulated API servers over real sockets and real TLS, behind the cargo feature `simulator`.
//!
//! `kubeknock demo` scans a [`fleet`] of them, `kubeknock simulate` serves one, and every test and
//! benchmark that needs a server uses one. What a server does is a [`Scenario`]: a TOML file, one
//! per kind of behaviour, embedded and found by name ([`scenarios`], [`scenario`]), or a recording
//! of a real server ([`Scenario::from_recording`]).
//!
//! ```text
//! scenarios/*.toml → file → Scenario ─start→ accept ─ TLS ─┬ ordinary: by hyper
//! tests/recordings → recording ──┘                         └ hostile: byte by byte
//! ```
//!
//! [`chaos`] starts servers of another kind: they misbehave at random.
//!
//! A simulated server answers as the real thing would, it does not work like it: nothing is
//! authenticated, nothing is stored, and a request that no reply names gets the fallback.
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
mod chaos;
mod connection;
mod file;
mod fleet;
mod hostile;
mod ordinary;
mod recording;
mod reply;
mod scenario;
mod server;
mod stats;
mod tls;

#[cfg(test)]
mod tests;

pub use catalogue::{scenario, scenarios};
pub use chaos::{ChaosServer, chaos};
pub use fleet::{Fleet, Member, fleet};
pub use scenario::{Scenario, ScenarioError};
pub use server::{SimulatedServer, start};
pub use stats::{Seen, Stats};
