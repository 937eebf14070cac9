//! ICMP messages about a failed IPv4 connect.
//!
//! The error number is the same for "host unreachable" and "administratively prohibited". Only the
//! socket's error queue has the ICMP code (`ip(7)`, `IP_RECVERR`).

use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;
use nix::sys::socket::sockopt::Ipv4RecvErr;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrIn, recv, recvmsg, setsockopt};

/// Codes of "destination unreachable" that filters send: network, host or communication administratively
/// prohibited (RFC 792, RFC 1812).
const PROHIBITED: [u8; 3] = [9, 10, 13];
/// The ICMP type "destination unreachable".
const UNREACHABLE: u8 = 3;

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

/// Whether the queue has a message, as far as is known. The message is taken from the queue.
pub(super) fn has_message(socket: &impl AsFd) -> bool {
    let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
    recv(socket.as_fd().as_raw_fd(), &mut [0], flags) != Err(Errno::EAGAIN)
}

/// Whether the queue has an ICMP message of a filter.
pub(super) fn says_prohibited(socket: &impl AsFd) -> bool {
    let mut packet = [0; 64];
    let mut parts = [IoSliceMut::new(&mut packet)];
    let mut space = nix::cmsg_space!(libc::sock_extended_err, libc::sockaddr_in);
    let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
    let message = recvmsg::<SockaddrIn>(
        socket.as_fd().as_raw_fd(),
        &mut parts,
        Some(&mut space),
        flags,
    );
    let Ok(messages) = message.and_then(|message| Ok(message.cmsgs()?.collect::<Vec<_>>())) else {
        return false;
    };
    messages.into_iter().any(|message| match message {
        ControlMessageOwned::Ipv4RecvErr(error, _) => {
            error.ee_origin == libc::SO_EE_ORIGIN_ICMP
                && error.ee_type == UNREACHABLE
                && PROHIBITED.contains(&error.ee_code)
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, UdpSocket};

    use super::*;

    #[test]
    fn a_message_is_found_in_the_queue() {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        // Nothing listens at the discard port: "port unreachable".
        socket.connect((Ipv4Addr::LOCALHOST, 9)).unwrap();
        keep_errors(&socket, true);
        assert!(!has_message(&socket));
        socket.send(b"x").unwrap();
        assert!(socket.recv(&mut [0]).is_err());
        assert!(has_message(&socket));
        assert!(!has_message(&socket));
    }
}
