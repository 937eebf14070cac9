//! A small fleet on loopback: one server of each kind that a scan distinguishes.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpSocket;

use super::catalogue;
use super::server::{SimulatedServer, start};
use crate::model::Verdict;

/// The scenarios of the fleet.
const NAMES: [&str; 7] = [
    "default",
    "rejecting",
    "health-only",
    "exposed",
    "nginx-fronted",
    "kube-controller-manager",
    "web-server",
];

/// Running servers, and a port that refuses connections. Dropping it stops them.
#[derive(Debug)]
pub struct Fleet {
    members: Vec<Member>,
    servers: Vec<SimulatedServer>,
    /// Bound but not listening, so that nobody else can use the port and every connection is refused.
    _closed: TcpSocket,
}

/// One address of a fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The name of the scenario; `closed-port` for the refusing port.
    pub name: String,
    /// The real server it stands for, in one line.
    pub about: String,
    /// Whether it was recorded or composed, and its sources.
    pub source: String,
    /// Its address.
    pub address: SocketAddr,
    /// The expected verdict.
    pub expect: Verdict,
}

impl Fleet {
    /// All addresses, in a fixed order, the refusing one last.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The running servers, in the order of [`Self::members`].
    pub fn servers(&self) -> &[SimulatedServer] {
        &self.servers
    }
}

/// Starts the fleet on free ports of 127.0.0.1.
///
/// # Errors
/// A port cannot be bound, or no certificate could be created.
pub async fn fleet() -> io::Result<Fleet> {
    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut members = Vec::with_capacity(NAMES.len() + 1);
    let mut servers = Vec::with_capacity(NAMES.len());
    for name in NAMES {
        let scenario = catalogue::scenario(name)
            .ok_or_else(|| io::Error::other(format!("no embedded scenario is called {name}")))?;
        let server = start(scenario, any_port).await?;
        let scenario = server.scenario();
        members.push(Member {
            name: scenario.name.clone(),
            about: scenario.about.clone(),
            source: scenario.source.clone(),
            address: server.address(),
            expect: scenario.expect,
        });
        servers.push(server);
    }
    let closed = TcpSocket::new_v4()?;
    closed.bind(any_port)?;
    members.push(Member {
        name: "closed-port".to_owned(),
        about: "a port where nothing listens".to_owned(),
        source: "composed: a bound socket that never listens".to_owned(),
        address: closed.local_addr()?,
        expect: Verdict::Unreachable,
    });
    Ok(Fleet {
        members,
        servers,
        _closed: closed,
    })
}
