//! One TCP connect, and what its failure says of the target.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use tokio::net::TcpStream;

use super::shortage;
use crate::model::{Failure, FailureKind, Stage};

/// Opens a connection.
pub(super) async fn connect(address: SocketAddr) -> Result<TcpStream, Failure> {
    open(address).await.map_err(|(error, prohibited)| failure(&error, address, prohibited))
}

/// Opens a connection; the error, and whether an ICMP message said that a filter forbids it.
#[cfg(target_os = "linux")]
async fn open(address: SocketAddr) -> Result<TcpStream, (io::Error, bool)> {
    use super::icmp;
    use socket2::{Domain, Protocol, Socket, Type};

    let ours = |error| (error, false);
    let kind = Type::STREAM.nonblocking().cloexec();
    let socket = Socket::new(Domain::for_address(address), kind, Some(Protocol::TCP)).map_err(ours)?;
    if address.is_ipv4() {
        icmp::keep_errors(&socket, true);
    }
    match socket.connect(&address.into()) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => return Err((error, false)),
        _ => {}
    }
    let stream = TcpStream::from_std(socket.into()).map_err(ours)?;
    stream.writable().await.map_err(ours)?;
    if let Some(error) = stream.take_error().map_err(ours)? {
        let prohibited = address.is_ipv4() && icmp::unreachable(&error) && icmp::says_prohibited(&stream);
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
    TcpStream::connect(address).await.map_err(|error| (error, false))
}

fn failure(error: &io::Error, address: SocketAddr, prohibited: bool) -> Failure {
    // No address family, no address of ours to go out from: this machine cannot go there.
    let no_way = no_family(error) || no_source(error, address);
    if !no_way && let Some(shortage) = shortage::of(error) {
        return shortage;
    }
    let kind = match error.kind() {
        _ if prohibited => FailureKind::Prohibited,
        io::ErrorKind::ConnectionRefused => FailureKind::Refused,
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => FailureKind::Reset,
        io::ErrorKind::TimedOut => FailureKind::TimedOut,
        io::ErrorKind::NetworkUnreachable => FailureKind::NetworkUnreachable,
        // ICMPv6 "administratively prohibited", or a filter or route of this machine.
        io::ErrorKind::PermissionDenied => FailureKind::Prohibited,
        _ if no_way => FailureKind::NetworkUnreachable,
        _ => FailureKind::HostUnreachable,
    };
    let detail = match kind {
        FailureKind::Refused | FailureKind::TimedOut => String::new(),
        FailureKind::Prohibited if prohibited => "says a router: administratively prohibited".to_owned(),
        _ => error.to_string(),
    };
    Failure::new(Stage::Connect, kind, detail)
}

/// "Cannot assign requested address" says that local ports ran out, or that there is no address to
/// go out from, as to `::1` where IPv6 is turned off. UDP has ports of its own, and sends nothing
/// when it connects.
fn no_source(error: &io::Error, address: SocketAddr) -> bool {
    let none = |error: &io::Error| error.kind() == io::ErrorKind::AddrNotAvailable;
    let any: SocketAddr =
        if address.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    none(error)
        && UdpSocket::bind(any).and_then(|socket| socket.connect(address)).is_err_and(|error| none(&error))
}

#[cfg(unix)]
fn no_family(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EAFNOSUPPORT)
}

#[cfg(not(unix))]
fn no_family(_: &io::Error) -> bool {
    false
}
