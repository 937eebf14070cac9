//! A direct TCP connect, and what its failure says about the target.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::task::Poll;
use std::time::Duration;

use socket2::{SockRef, Type};
use tokio::net::TcpStream;

use super::exhaustion;
#[cfg(target_os = "linux")]
use super::icmp;
use crate::local_end::LocalEnd;
use crate::model::{Failure, FailureKind, Stage};

/// A stream of the standard library or of a runtime.
#[cfg(unix)]
pub(crate) use std::os::fd::AsFd as Stream;
#[cfg(windows)]
pub(crate) use std::os::windows::io::AsSocket as Stream;

/// The discard port. Nothing is sent to it.
const DISCARD: u16 = 9;
/// A connect that takes this long was answered after a repeated SYN: systems repeat it after one second (RFC 6298).
pub(crate) const RETRANSMITTED: Duration = Duration::from_secs(1);
/// The pause before a stream that still connects is looked at again.
const PAUSE: Duration = Duration::from_millis(10);

/// Opens a connection.
pub(super) async fn connect(
    address: SocketAddr,
    local_end: &LocalEnd,
) -> Result<TcpStream, Failure> {
    let failure = |error| failure(&error, address, local_end, false);
    let stream = TcpStream::from_std(begin(address, local_end)?).map_err(failure)?;
    loop {
        stream.writable().await.map_err(failure)?;
        if let Poll::Ready(result) = end(&stream, address, local_end) {
            return result.map(|()| stream);
        }
        // The ICMP message stays in the queue, and the stream stays writable.
        tokio::time::sleep(PAUSE).await;
    }
}

/// Begins to connect. Once the stream is writable, [`end`] tells the result.
pub(super) fn begin(
    address: SocketAddr,
    local_end: &LocalEnd,
) -> Result<std::net::TcpStream, Failure> {
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
    #[cfg(target_os = "linux")]
    if address.is_ipv4() {
        icmp::keep_errors(&socket, true);
    }
    match socket.connect(&address.into()) {
        Err(error) if !is_in_progress(&error) => Err(failure(&error, address, local_end, false)),
        _ => Ok(socket.into()),
    }
}

/// Whether a stream can connect to another address, after this one refused it and `took` so long. Nothing of the first
/// connect may show in the next one.
///
/// An IPv6 socket may stay bound to an interface. A repeated SYN or an ICMP message may have left an error; some firewalls
/// refuse with ICMP.
#[cfg(target_os = "linux")]
pub(super) fn can_begin_again(stream: &impl Stream, address: SocketAddr, took: Duration) -> bool {
    address.is_ipv4() && took < RETRANSMITTED && !icmp::has_message(stream)
}

/// Only on Linux can a stream connect again.
#[cfg(not(target_os = "linux"))]
pub(super) fn can_begin_again(_: &impl Stream, _: SocketAddr, _: Duration) -> bool {
    false
}

/// Begins to connect a stream to this address, after another one refused it. The stream keeps its options. `false` if that
/// is not possible: a new stream is needed.
#[cfg(target_os = "linux")]
pub(super) fn begin_again(stream: &impl Stream, address: SocketAddr) -> bool {
    // An address without a family dissolves the association (connect(2)).
    if !address.is_ipv4() || rustix::net::connect_unspec(stream).is_err() {
        return false;
    }
    // A new stream reports the error.
    (SockRef::from(stream).connect(&address.into()))
        .map_or_else(|error| is_in_progress(&error), |()| true)
}

/// Only on Linux can a stream connect again.
#[cfg(not(target_os = "linux"))]
pub(super) fn begin_again(_: &impl Stream, _: SocketAddr) -> bool {
    false
}

/// The result of a connect, once the stream is writable. Pending if it still connects: an ICMP message that did not end the
/// connect has woken it.
pub(super) fn end<S: Stream>(
    stream: &S,
    address: SocketAddr,
    local_end: &LocalEnd,
) -> Poll<Result<(), Failure>> {
    let socket = SockRef::from(stream);
    match socket.take_error() {
        Ok(None) if cfg!(target_os = "linux") && is_connecting(&socket) => return Poll::Pending,
        Ok(None) => {}
        Ok(Some(error)) => {
            // Whether an ICMP message of a packet filter caused it.
            #[cfg(target_os = "linux")]
            let prohibited =
                address.is_ipv4() && icmp::unreachable(&error) && icmp::says_prohibited(stream);
            #[cfg(not(target_os = "linux"))]
            let prohibited = false;
            return Poll::Ready(Err(failure(&error, address, local_end, prohibited)));
        }
        Err(error) => return Poll::Ready(Err(failure(&error, address, local_end, false))),
    }
    #[cfg(target_os = "linux")]
    if address.is_ipv4() {
        // A router's message must not end an open connection.
        icmp::keep_errors(stream, false);
    }
    Poll::Ready(Ok(()))
}

/// Whether a stream without an error is not connected yet.
fn is_connecting(socket: &SockRef<'_>) -> bool {
    (socket.peer_addr()).is_err_and(|error| error.kind() == io::ErrorKind::NotConnected)
}

#[cfg(unix)]
fn is_in_progress(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EINPROGRESS)
}

#[cfg(not(unix))]
fn is_in_progress(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

fn failure(
    error: &io::Error,
    address: SocketAddr,
    local_end: &LocalEnd,
    prohibited: bool,
) -> Failure {
    if error.kind() == io::ErrorKind::ConnectionRefused {
        return Failure::new(Stage::Connect, FailureKind::Refused, "");
    }
    if !prohibited && is_local_route_error(error, address, local_end) {
        return Failure::new(Stage::Connect, FailureKind::NoRoute, error.to_string());
    }
    if let Some(failure) = exhaustion::failure(error) {
        return failure;
    }
    let kind = match error.kind() {
        _ if prohibited => FailureKind::Prohibited,
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => FailureKind::Reset,
        io::ErrorKind::TimedOut => FailureKind::TimedOut,
        io::ErrorKind::NetworkUnreachable => FailureKind::NetworkUnreachable,
        // ICMPv6 "administratively prohibited". A packet filter of this machine gives the same error.
        io::ErrorKind::PermissionDenied => FailureKind::Prohibited,
        _ => FailureKind::HostUnreachable,
    };
    let detail = match kind {
        FailureKind::TimedOut => String::new(),
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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    /// Nothing listens there.
    const CLOSED: [SocketAddr; 2] = [loopback(2), loopback(3)];

    const fn loopback(host: u8) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, host)), DISCARD)
    }

    /// The result of a connect on this machine, which comes soon.
    fn result(stream: &std::net::TcpStream, address: SocketAddr) -> Result<(), Failure> {
        for _ in 0..5000 {
            if let Poll::Ready(result) = end(stream, address, &LocalEnd::default()) {
                return result;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        panic!("no result for {address}");
    }

    fn local_listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    #[test]
    fn a_refused_stream_connects_again() {
        let (listener, open) = local_listener();
        let stream = begin(CLOSED[0], &LocalEnd::default()).unwrap();
        let refused = Err(Failure::new(Stage::Connect, FailureKind::Refused, ""));
        assert_eq!(result(&stream, CLOSED[0]), refused);
        for address in [CLOSED[1], CLOSED[0]] {
            assert!(can_begin_again(&stream, address, Duration::ZERO));
            assert!(begin_again(&stream, address));
            assert_eq!(result(&stream, address), refused);
        }
        assert!(begin_again(&stream, open));
        assert_eq!(result(&stream, open), Ok(()));
        let (mut server, client) = listener.accept().unwrap();
        assert_eq!(stream.local_addr().unwrap(), client);
        server.write_all(b"hello").unwrap();
        drop(server);
        stream.set_nonblocking(false).unwrap();
        let mut text = String::new();
        (&stream).read_to_string(&mut text).unwrap();
        assert_eq!(text, "hello");
    }

    #[test]
    fn a_stream_that_was_more_than_refused_does_not_connect_again() {
        let stream = begin(CLOSED[0], &LocalEnd::default()).unwrap();
        assert!(result(&stream, CLOSED[0]).is_err());
        let repeated_syn = Duration::from_secs(1);
        assert!(!can_begin_again(&stream, CLOSED[0], repeated_syn));
        let sixth = SocketAddr::new(std::net::Ipv6Addr::LOCALHOST.into(), DISCARD);
        assert!(!can_begin_again(&stream, sixth, Duration::ZERO));
        assert!(!begin_again(&stream, sixth));
        // An ICMP message: "port unreachable".
        let socket = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.connect(CLOSED[0]).unwrap();
        icmp::keep_errors(&socket, true);
        socket.send(b"x").unwrap();
        assert!(socket.recv(&mut [0]).is_err());
        assert!(!can_begin_again(&socket, CLOSED[0], Duration::ZERO));
    }

    #[test]
    fn a_stream_that_connects_again_keeps_its_source_address() {
        let source_address = IpAddr::from([127, 0, 0, 5]);
        let config = crate::config::ScanConfig {
            source_addresses: vec![source_address],
            ..crate::config::ScanConfig::default()
        };
        let (listener, open) = local_listener();
        let stream = begin(CLOSED[0], &LocalEnd::new(&config)).unwrap();
        assert!(begin_again(&stream, open));
        assert_eq!(listener.accept().unwrap().1.ip(), source_address);
    }

    #[test]
    fn a_stream_that_is_still_connecting_has_no_result() {
        let (listener, address) = local_listener();
        // The kernel answers no further SYN once the queue of the listener is full.
        SockRef::from(&listener).listen(0).unwrap();
        let streams: Vec<_> = (0..4)
            .map(|_| begin(address, &LocalEnd::default()).unwrap())
            .collect();
        assert_eq!(result(&streams[0], address), Ok(()));
        let last = end(&streams[3], address, &LocalEnd::default());
        assert_eq!(last, Poll::Pending);
    }
}
