//! The local end of connections and queries: any address of this machine, or the address and the interface that the
//! user chose.

use std::io;
use std::net::{IpAddr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpSocket, TcpStream};

use crate::config::ScanConfig;
use crate::error::Error;

/// The local end as configured.
#[derive(Debug, Clone, Default)]
pub(crate) struct LocalEnd {
    addresses: Vec<IpAddr>,
    interface: Option<String>,
}

impl LocalEnd {
    /// The local end as configured.
    pub(crate) fn new(config: &ScanConfig) -> Self {
        Self {
            addresses: config.source_addresses.clone(),
            interface: config.interface.clone(),
        }
    }

    /// Whether the user chose nothing.
    pub(crate) fn is_any(&self) -> bool {
        self.addresses.is_empty() && self.interface.is_none()
    }

    /// A socket for a peer, bound to the local end. It does not block.
    ///
    /// # Errors
    /// There is no such address or interface, or no address of the peer's family was chosen.
    pub(crate) fn socket(&self, kind: Type, peer: IpAddr) -> io::Result<Socket> {
        let domain = Domain::for_address(SocketAddr::new(peer, 0));
        let protocol = if kind == Type::STREAM {
            Protocol::TCP
        } else {
            Protocol::UDP
        };
        let socket = nonblocking(domain, kind, protocol)?;
        if let Some(interface) = &self.interface {
            use_interface(&socket, interface)?;
        }
        let same_family = |address: &&IpAddr| address.is_ipv4() == peer.is_ipv4();
        match self.addresses.iter().find(same_family) {
            Some(address) => {
                choose_port_late(&socket);
                socket.bind(&SocketAddr::new(*address, 0).into())?;
            }
            None if self.addresses.is_empty() => {}
            None => {
                let problem = if peer.is_ipv4() {
                    "no --source-address for IPv4"
                } else {
                    "no --source-address for IPv6"
                };
                return Err(io::Error::new(io::ErrorKind::AddrNotAvailable, problem));
            }
        }
        Ok(socket)
    }

    /// Opens a TCP connection.
    ///
    /// # Errors
    /// Those of [`Self::socket`] and of the connect.
    pub(crate) async fn connect(&self, peer: SocketAddr) -> io::Result<TcpStream> {
        let socket = self.socket(Type::STREAM, peer.ip())?;
        TcpSocket::from_std_stream(socket.into())
            .connect(peer)
            .await
    }

    /// Checks that address and interface exist. Sends nothing.
    ///
    /// # Errors
    /// [`Error::Config`].
    pub(crate) fn check(&self) -> Result<(), Error> {
        let failed = |setting, what: &str, error: io::Error| Error::Config {
            setting,
            problem: format!("cannot use {what}: {error}"),
        };
        for address in &self.addresses {
            let alone = Self {
                addresses: vec![*address],
                interface: None,
            };
            alone
                .socket(Type::DGRAM, *address)
                .map_err(|error| failed("source-address", &address.to_string(), error))?;
        }
        if let Some(interface) = &self.interface {
            let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP));
            socket
                .and_then(|socket| use_interface(&socket, interface))
                .map_err(|error| failed("interface", "it", error))?;
        }
        Ok(())
    }
}

/// A socket that does not block. On Linux that takes no further system call.
fn nonblocking(domain: Domain, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    #[cfg(target_os = "linux")]
    return Socket::new(domain, kind.nonblocking(), Some(protocol));
    #[cfg(not(target_os = "linux"))]
    {
        let socket = Socket::new(domain, kind, Some(protocol))?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    }
}

/// Lets the kernel choose the port at the connect, so that connections to different targets can share one.
fn choose_port_late(socket: &Socket) {
    #[cfg(target_os = "linux")]
    let _ = nix::sys::socket::setsockopt(
        socket,
        nix::sys::socket::sockopt::IpBindAddressNoPort,
        &true,
    );
    #[cfg(not(target_os = "linux"))]
    let _ = socket;
}

#[cfg(target_os = "linux")]
fn use_interface(socket: &Socket, interface: &str) -> io::Result<()> {
    socket.bind_device(Some(interface.as_bytes()))
}

#[cfg(not(target_os = "linux"))]
fn use_interface(_: &Socket, _: &str) -> io::Result<()> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "only Linux can choose an interface",
    ))
}
