//! A direct TCP connect, and what its failure says about the target.

use std::io;
use std::net::{IpAddr, SocketAddr};

use socket2::{Socket, Type};
use tokio::net::TcpStream;

use super::exhaustion;
use crate::local_end::LocalEnd;
use crate::model::{Failure, FailureKind, Stage};

/// The discard port. Nothing is sent to it.
const DISCARD: u16 = 9;

/// Opens a connection.
pub(super) async fn connect(
    address: SocketAddr,
    local_end: &LocalEnd,
) -> Result<TcpStream, Failure> {
    // A socket that cannot be made or bound is a failure of this machine.
    let socket = local_end
        .socket(Type::STREAM, address.ip())
        .map_err(|error| {
            // Without a source address of this family nothing is exhausted, and no pause helps.
            let is_exhausted =
                error.kind() != io::ErrorKind::AddrNotAvailable || error.raw_os_error().is_some();
            let exhausted = exhaustion::failure(&error).filter(|_| is_exhausted);
            exhausted.unwrap_or_else(|| {
                Failure::new(Stage::Connect, FailureKind::NoRoute, error.to_string())
            })
        })?;
    open(socket, address)
        .await
        .map_err(|(error, prohibited)| failure(&error, address, local_end, prohibited))
}

/// Opens a connection. The error comes with a flag: whether an ICMP message of a packet filter caused it.
#[cfg(target_os = "linux")]
async fn open(socket: Socket, address: SocketAddr) -> Result<TcpStream, (io::Error, bool)> {
    use super::icmp;

    let local = |error| (error, false);
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
async fn open(socket: Socket, address: SocketAddr) -> Result<TcpStream, (io::Error, bool)> {
    tokio::net::TcpSocket::from_std_stream(socket.into())
        .connect(address)
        .await
        .map_err(|error| (error, false))
}

fn failure(
    error: &io::Error,
    address: SocketAddr,
    local_end: &LocalEnd,
    prohibited: bool,
) -> Failure {
    if !prohibited && is_local_route_error(error, address, local_end) {
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
fn is_local_route_error(error: &io::Error, address: SocketAddr, local_end: &LocalEnd) -> bool {
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
        && route_error(address, local_end).is_some_and(|other| is_same(&other))
}

/// Whether this machine has a route to the address. A route that prohibits it counts.
pub(super) fn has_route(address: IpAddr, local_end: &LocalEnd) -> bool {
    route_error(SocketAddr::new(address, DISCARD), local_end).is_none_or(|error| {
        let no_route = matches!(
            error.kind(),
            io::ErrorKind::NetworkUnreachable | io::ErrorKind::AddrNotAvailable
        );
        !no_route && !is_missing_family(&error)
    })
}

/// The error of this machine when it looks up a route to the address.
fn route_error(address: SocketAddr, local_end: &LocalEnd) -> Option<io::Error> {
    match local_end.socket(Type::DGRAM, address.ip()) {
        Ok(socket) => socket.connect(&address.into()).err(),
        // Other errors say nothing about the address.
        Err(error) => (is_missing_family(&error)
            || error.kind() == io::ErrorKind::AddrNotAvailable)
            .then_some(error),
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
