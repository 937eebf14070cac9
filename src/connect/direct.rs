//! One TCP connect, and what its failure says of the target.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use tokio::net::TcpStream;

use super::shortage;
use crate::model::{Failure, FailureKind, Stage};

/// Any port: nothing is sent to it.
const DISCARD: u16 = 9;

/// Opens a connection.
pub(super) async fn connect(address: SocketAddr) -> Result<TcpStream, Failure> {
    open(address)
        .await
        .map_err(|(error, prohibited)| failure(&error, address, prohibited))
}

/// Opens a connection; the error, and whether an ICMP message said that a filter forbids it.
#[cfg(target_os = "linux")]
async fn open(address: SocketAddr) -> Result<TcpStream, (io::Error, bool)> {
    use super::icmp;
    use socket2::{Domain, Protocol, Socket, Type};

    let ours = |error| (error, false);
    let kind = Type::STREAM.nonblocking().cloexec();
    let socket =
        Socket::new(Domain::for_address(address), kind, Some(Protocol::TCP)).map_err(ours)?;
    if address.is_ipv4() {
        icmp::keep_errors(&socket, true);
    }
    match socket.connect(&address.into()) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => {
            return Err((error, false));
        }
        _ => {}
    }
    let stream = TcpStream::from_std(socket.into()).map_err(ours)?;
    stream.writable().await.map_err(ours)?;
    if let Some(error) = stream.take_error().map_err(ours)? {
        let prohibited =
            address.is_ipv4() && icmp::unreachable(&error) && icmp::says_prohibited(&stream);
        return Err((error, prohibited));
    }
    if address.is_ipv4() {
        // An open connection outlives what a router says in passing.
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
    if !prohibited && is_no_way(error, address) {
        return Failure::new(Stage::Connect, FailureKind::NoRoute, error.to_string());
    }
    if let Some(shortage) = shortage::of(error) {
        return shortage;
    }
    let kind = match error.kind() {
        _ if prohibited => FailureKind::Prohibited,
        io::ErrorKind::ConnectionRefused => FailureKind::Refused,
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => FailureKind::Reset,
        io::ErrorKind::TimedOut => FailureKind::TimedOut,
        io::ErrorKind::NetworkUnreachable => FailureKind::NetworkUnreachable,
        // ICMPv6 "administratively prohibited", or a packet filter of this machine.
        io::ErrorKind::PermissionDenied => FailureKind::Prohibited,
        _ => FailureKind::HostUnreachable,
    };
    let detail = match kind {
        FailureKind::Refused | FailureKind::TimedOut => String::new(),
        FailureKind::Prohibited if prohibited => {
            "says a router: administratively prohibited".to_owned()
        }
        _ => error.to_string(),
    };
    Failure::new(Stage::Connect, kind, detail)
}

/// Whether this machine can send nothing to the address, so that the target had no part in the error:
/// no route, no address of its own of that family, or a route that forbids it. What a router says
/// (ICMP) has the same error numbers, and UDP tells them apart: it does the same look-up when it
/// connects, and sends nothing.
fn is_no_way(error: &io::Error, address: SocketAddr) -> bool {
    let may_be = matches!(
        error.kind(),
        io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::AddrNotAvailable
            | io::ErrorKind::InvalidInput
    );
    let same = |other: &io::Error| {
        other.kind() == error.kind() && other.raw_os_error() == error.raw_os_error()
    };
    (may_be || is_no_family(error)) && no_way(address).is_some_and(|no_way| same(&no_way))
}

/// Whether this machine has a route to the address. What forbids the way is no lack of one.
pub(super) fn has_route(address: IpAddr) -> bool {
    no_way(SocketAddr::new(address, DISCARD)).is_none_or(|error| {
        let no_route = matches!(
            error.kind(),
            io::ErrorKind::NetworkUnreachable | io::ErrorKind::AddrNotAvailable
        );
        !no_route && !is_no_family(&error)
    })
}

/// Why nothing can be sent to the address, if that can be told without sending anything.
fn no_way(address: SocketAddr) -> Option<io::Error> {
    let any: SocketAddr = if address.is_ipv4() {
        (Ipv4Addr::UNSPECIFIED, 0).into()
    } else {
        (Ipv6Addr::UNSPECIFIED, 0).into()
    };
    match UdpSocket::bind(any) {
        Ok(socket) => socket.connect(address).err(),
        // Anything else says nothing of the address.
        Err(error) => is_no_family(&error).then_some(error),
    }
}

#[cfg(unix)]
fn is_no_family(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EAFNOSUPPORT)
}

#[cfg(not(unix))]
fn is_no_family(_: &io::Error) -> bool {
    false
}
