//! A direct TCP connect, and what its failure says about the target.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use tokio::net::TcpStream;

use super::exhaustion;
use crate::model::{Failure, FailureKind, Stage};

/// The discard port. Nothing is sent to it.
const DISCARD: u16 = 9;

/// Opens a connection.
pub(super) async fn connect(address: SocketAddr) -> Result<TcpStream, Failure> {
    open(address)
        .await
        .map_err(|(error, prohibited)| failure(&error, address, prohibited))
}

/// Opens a connection. The error comes with a flag: whether an ICMP message of a packet filter caused it.
#[cfg(target_os = "linux")]
async fn open(address: SocketAddr) -> Result<TcpStream, (io::Error, bool)> {
    use super::icmp;
    use socket2::{Domain, Protocol, Socket, Type};

    let local = |error| (error, false);
    let kind = Type::STREAM.nonblocking().cloexec();
    let socket =
        Socket::new(Domain::for_address(address), kind, Some(Protocol::TCP)).map_err(local)?;
    if address.is_ipv4() {
        icmp::keep_errors(&socket, true);
    }
    match socket.connect(&address.into()) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => {
            return Err((error, false));
        }
        _ => {}
    }
    let stream = TcpStream::from_std(socket.into()).map_err(local)?;
    stream.writable().await.map_err(local)?;
    if let Some(error) = stream.take_error().map_err(local)? {
        let prohibited =
            address.is_ipv4() && icmp::unreachable(&error) && icmp::says_prohibited(&stream);
        return Err((error, prohibited));
    }
    if address.is_ipv4() {
        // A router's message must not end an open connection.
        icmp::keep_errors(&stream, false);
    }
    Ok(stream)
}

#[cfg(not(target_os = "linux"))]
async fn open(address: SocketAddr) -> Result<TcpStream, (io::Error, bool)> {
    TcpStream::connect(address)
        .await
        .map_err(|error| (error, false))
}

fn failure(error: &io::Error, address: SocketAddr, prohibited: bool) -> Failure {
    if !prohibited && is_local_route_error(error, address) {
        return Failure::new(Stage::Connect, FailureKind::NoRoute, error.to_string());
    }
    if let Some(failure) = exhaustion::failure(error) {
        return failure;
    }
    let kind = match error.kind() {
        _ if prohibited => FailureKind::Prohibited,
        io::ErrorKind::ConnectionRefused => FailureKind::Refused,
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => FailureKind::Reset,
        io::ErrorKind::TimedOut => FailureKind::TimedOut,
        io::ErrorKind::NetworkUnreachable => FailureKind::NetworkUnreachable,
        // ICMPv6 "administratively prohibited". A packet filter of this machine gives the same error.
        io::ErrorKind::PermissionDenied => FailureKind::Prohibited,
        _ => FailureKind::HostUnreachable,
    };
    let detail = match kind {
        FailureKind::Refused | FailureKind::TimedOut => String::new(),
        FailureKind::Prohibited if prohibited => {
            "a router answered: administratively prohibited".to_owned()
        }
        _ => error.to_string(),
    };
    Failure::new(Stage::Connect, kind, detail)
}

/// Whether the error comes from this machine and not from the network: no route, no local address of that
/// family, or a route that prohibits it. A router's ICMP message has the same error numbers. A UDP connect
/// distinguishes them: it looks up the same route and sends nothing.
fn is_local_route_error(error: &io::Error, address: SocketAddr) -> bool {
    let is_ambiguous = matches!(
        error.kind(),
        io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::AddrNotAvailable
            | io::ErrorKind::InvalidInput
    );
    let is_same = |other: &io::Error| {
        other.kind() == error.kind() && other.raw_os_error() == error.raw_os_error()
    };
    (is_ambiguous || is_missing_family(error))
        && route_error(address).is_some_and(|other| is_same(&other))
}

/// Whether this machine has a route to the address. A route that prohibits it counts.
pub(super) fn has_route(address: IpAddr) -> bool {
    route_error(SocketAddr::new(address, DISCARD)).is_none_or(|error| {
        let no_route = matches!(
            error.kind(),
            io::ErrorKind::NetworkUnreachable | io::ErrorKind::AddrNotAvailable
        );
        !no_route && !is_missing_family(&error)
    })
}

/// The error of this machine when it looks up a route to the address.
fn route_error(address: SocketAddr) -> Option<io::Error> {
    let any: SocketAddr = if address.is_ipv4() {
        (Ipv4Addr::UNSPECIFIED, 0).into()
    } else {
        (Ipv6Addr::UNSPECIFIED, 0).into()
    };
    match UdpSocket::bind(any) {
        Ok(socket) => socket.connect(address).err(),
        // Other errors say nothing about the address.
        Err(error) => is_missing_family(&error).then_some(error),
    }
}

#[cfg(unix)]
fn is_missing_family(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EAFNOSUPPORT)
}

#[cfg(not(unix))]
fn is_missing_family(_: &io::Error) -> bool {
    false
}
