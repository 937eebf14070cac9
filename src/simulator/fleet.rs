//! A small fleet on loopback: one of each kind that a scan tells apart.

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

/// Running servers, and a port that refuses. They stop when this is dropped.
#[derive(Debug)]
pub struct Fleet {
    members: Vec<Member>,
    servers: Vec<SimulatedServer>,
    /// Bound and never listening: nobody else can take the port, and every connect is refused.
    _closed: TcpSocket,
}

/// One address of a fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The scenario's name; `closed-port` for the port that refuses.
    pub name: String,
    /// What real thing it stands for, in one line.
    pub about: String,
    /// Recorded or composed, and from what.
    pub source: String,
    /// Where to knock.
    pub address: SocketAddr,
    /// The verdict that kubeknock must give.
    pub expect: Verdict,
}

impl Fleet {
    /// Every address, in a fixed order, the refusing one last.
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
/// A port cannot be bound, or no certificate could be made.
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
