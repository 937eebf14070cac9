//! ICMP messages about a failed IPv4 connect.
//!
//! The error number is the same for "host unreachable" and "administratively prohibited". Only the
//! socket's error queue has the ICMP code (`ip(7)`, `IP_RECVERR`).

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};

use nix::sys::socket::sockopt::Ipv4RecvErr;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrIn, recvmsg, setsockopt};

/// Codes of "destination unreachable" that filters send: network, host or communication administratively
/// prohibited (RFC 792, RFC 1812).
const PROHIBITED: [u8; 3] = [9, 10, 13];
/// The ICMP type "destination unreachable".
const UNREACHABLE: u8 = 3;
/// How many messages are read of one queue.
const MOST_MESSAGES: usize = 16;

/// Sets whether the socket queues ICMP errors. If that fails, the scan continues and cannot distinguish the codes.
pub(super) fn keep_errors(socket: &impl AsFd, keep: bool) {
    let _ = setsockopt(socket, Ipv4RecvErr, &keep);
}

/// Whether several ICMP codes lead to this error.
pub(super) fn unreachable(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable
    )
}

/// Whether the queue has an ICMP message of a filter about this address. The socket may have connected to others before.
pub(super) fn says_prohibited(socket: &impl AsFd, address: SocketAddr) -> bool {
    std::iter::from_fn(|| next_message(socket))
        .take(MOST_MESSAGES)
        .any(|(about, is_prohibited)| about == Some(address) && is_prohibited)
}

/// The address that the next message of the queue is about, and whether it is one of a filter.
fn next_message(socket: &impl AsFd) -> Option<(Option<SocketAddr>, bool)> {
    let mut packet = [0; 64];
    let mut parts = [IoSliceMut::new(&mut packet)];
    let mut space = nix::cmsg_space!(libc::sock_extended_err, libc::sockaddr_in);
    let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
    let message = recvmsg::<SockaddrIn>(
        socket.as_fd().as_raw_fd(),
        &mut parts,
        Some(&mut space),
        flags,
    )
    .ok()?;
    let is_prohibited = message.cmsgs().ok()?.any(|part| match part {
        ControlMessageOwned::Ipv4RecvErr(error, _) => {
            error.ee_origin == libc::SO_EE_ORIGIN_ICMP
                && error.ee_type == UNREACHABLE
                && PROHIBITED.contains(&error.ee_code)
        }
        _ => false,
    });
    Some((message.address.map(SocketAddr::from), is_prohibited))
}
