//! Tests the simulator with an independent client: the client of kubeknock must not test its own server.

mod client;
mod embedded;
mod hostile;
mod serving;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::{Scenario, ScenarioError, SimulatedServer, scenario, start};
use crate::model::Verdict;

/// A timeout for events that happen at once.
const SOON: Duration = Duration::from_secs(20);

fn loopback() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

async fn serve(name: &str) -> SimulatedServer {
    start(scenario(name).unwrap(), loopback()).await.unwrap()
}

async fn serve_text(text: &str) -> SimulatedServer {
    start(Arc::new(Scenario::parse(text).unwrap()), loopback())
        .await
        .unwrap()
}

/// A recording as a scenario. The integration tests check its verdicts.
fn recorded(json: &str) -> Result<Scenario, ScenarioError> {
    Scenario::from_recording(json, Verdict::Forbidden, Verdict::Forbidden)
}

fn recording(name: &str) -> String {
    let path = format!(
        "{}/tests/recordings/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}
