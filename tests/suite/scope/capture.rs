//! Captures every packet of a network namespace with a packet socket. The kernel's counters prove that none was
//! lost.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Read as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, Protocol, Socket, Type};

/// The captured traffic.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    /// TCP connections: both ends of each, and its first sequence number, because ports are reused.
    syns: BTreeSet<(SocketAddr, SocketAddr, u32)>,
    /// UDP: both ends, and the number of packets.
    datagrams: BTreeMap<(SocketAddr, SocketAddr), u64>,
    /// Other protocols, with their destination.
    pub(super) others: BTreeSet<(u8, IpAddr)>,
}

impl Traffic {
    /// The destinations of TCP connections.
    pub(super) fn connected_to(&self) -> BTreeSet<SocketAddr> {
        self.syns.iter().map(|(_, to, _)| *to).collect()
    }

    /// The destinations of datagrams that are not replies.
    pub(super) fn asked(&self) -> BTreeSet<SocketAddr> {
        let answers = |from: &SocketAddr, to: &SocketAddr| {
            from.port() < to.port() && self.datagrams.contains_key(&(*to, *from))
        };
        self.datagrams
            .keys()
            .filter(|(from, to)| !answers(from, to))
            .map(|(_, to)| *to)
            .collect()
    }
}

/// A capture that runs until it is stopped.
pub(super) struct Capture {
    end: Arc<AtomicBool>,
    thread: JoinHandle<Traffic>,
    before: Counts,
}

impl Capture {
    pub(super) fn start() -> Self {
        // ETH_P_ALL, in network order.
        let every_protocol = Protocol::from(i32::from(0x0003_u16.to_be()));
        let socket =
            Socket::new(Domain::PACKET, Type::RAW, Some(every_protocol)).expect("a packet socket");
        setsockopt(&socket, sockopt::RcvBufForce, &(64 * 1024 * 1024)).expect("a large buffer");
        socket
            .set_read_timeout(Some(Duration::from_millis(100)))
            .expect("a timeout");
        let end = Arc::new(AtomicBool::new(false));
        let before = Counts::now();
        let ended = Arc::clone(&end);
        let thread = std::thread::spawn(move || listen(socket, &ended));
        Self {
            end,
            thread,
            before,
        }
    }

    /// Stops the capture and returns its traffic.
    pub(super) fn stop(self) -> Traffic {
        // Lets packets in flight arrive.
        std::thread::sleep(Duration::from_millis(300));
        let counted = Counts::now();
        self.end.store(true, Ordering::Relaxed);
        let traffic = self.thread.join().expect("no panic");
        let begun = counted.connections - self.before.connections;
        assert_eq!(
            traffic.syns.len() as u64,
            begun,
            "the kernel counts other connections than were captured"
        );
        let sent = counted.datagrams - self.before.datagrams;
        let seen: u64 = traffic.datagrams.values().sum();
        assert_eq!(
            seen, sent,
            "the kernel counts other datagrams than were captured"
        );
        traffic
    }
}

fn listen(mut socket: Socket, end: &AtomicBool) -> Traffic {
    let mut traffic = Traffic::default();
    let mut buffer = vec![0; 65_536];
    // On loopback each packet is seen twice, outgoing and incoming.
    let mut datagrams: BTreeMap<(SocketAddr, SocketAddr), u64> = BTreeMap::new();
    loop {
        match socket.read(&mut buffer) {
            Ok(length) => note(&buffer[..length], &mut traffic, &mut datagrams),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                if end.load(Ordering::Relaxed) {
                    break;
                }
            }
            Err(error) => panic!("the capture broke off: {error}"),
        }
    }
    traffic.datagrams = datagrams
        .into_iter()
        .map(|(ends, count)| (ends, count / 2))
        .collect();
    traffic
}

const TCP: u8 = 6;
const UDP: u8 = 17;

/// Records one packet with its Ethernet header.
fn note(
    packet: &[u8],
    traffic: &mut Traffic,
    datagrams: &mut BTreeMap<(SocketAddr, SocketAddr), u64>,
) {
    let (kind, packet) = (u16::from_be_bytes([packet[12], packet[13]]), &packet[14..]);
    let v4 = |at: usize| IpAddr::from(<[u8; 4]>::try_from(&packet[at..at + 4]).unwrap());
    let v6 = |at: usize| IpAddr::from(<[u8; 16]>::try_from(&packet[at..at + 16]).unwrap());
    let (protocol, from, to, inner) = match kind {
        0x0800 => (
            packet[9],
            v4(12),
            v4(16),
            &packet[usize::from(packet[0] & 15) * 4..],
        ),
        // Extension headers are not expected, so they count as another protocol.
        0x86dd => (packet[6], v6(8), v6(24), &packet[40..]),
        _ => {
            traffic
                .others
                .insert((0, IpAddr::from(Ipv4Addr::UNSPECIFIED)));
            return;
        }
    };
    let port = |at: usize| u16::from_be_bytes([inner[at], inner[at + 1]]);
    match protocol {
        TCP => {
            let (syn, ack) = (inner[13] & 0x02 != 0, inner[13] & 0x10 != 0);
            if syn && !ack {
                let sequence = u32::from_be_bytes(inner[4..8].try_into().unwrap());
                traffic.syns.insert((
                    SocketAddr::new(from, port(0)),
                    SocketAddr::new(to, port(2)),
                    sequence,
                ));
            }
        }
        UDP => {
            let ends = (SocketAddr::new(from, port(0)), SocketAddr::new(to, port(2)));
            *datagrams.entry(ends).or_default() += 1;
        }
        other => {
            traffic.others.insert((other, to));
        }
    }
}

/// The packet counters of the kernel in this namespace.
struct Counts {
    connections: u64,
    datagrams: u64,
}

impl Counts {
    fn now() -> Self {
        let snmp = std::fs::read_to_string("/proc/self/net/snmp").unwrap();
        let column = |table: &str, name: &str| -> u64 {
            let mut lines = snmp.lines().filter(|line| line.starts_with(table));
            let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
            let at = names.split(' ').position(|word| word == name).unwrap();
            values.split(' ').nth(at).unwrap().parse().unwrap()
        };
        let snmp6 = std::fs::read_to_string("/proc/self/net/snmp6").unwrap_or_default();
        let v6 = snmp6
            .lines()
            .find_map(|line| line.strip_prefix("Udp6OutDatagrams"))
            .map_or(0, |count| count.trim().parse().unwrap());
        Self {
            connections: column("Tcp:", "ActiveOpens"),
            datagrams: column("Udp:", "OutDatagrams") + v6,
        }
    }
}

#[test]
fn packets_are_parsed_correctly() {
    let mut traffic = Traffic::default();
    let mut datagrams = BTreeMap::new();
    let mut syn = vec![0; 14 + 20 + 20];
    (syn[12], syn[14], syn[14 + 9]) = (0x08, 0x45, TCP);
    syn[14 + 12..14 + 20].copy_from_slice(&[192, 0, 2, 1, 192, 0, 2, 2]);
    syn[34..38].copy_from_slice(&[0x9c, 0x40, 0x19, 0x2b]);
    syn[34 + 13] = 0x02;
    note(&syn, &mut traffic, &mut datagrams);
    syn[34 + 13] = 0x12;
    syn[14 + 19] = 3;
    note(&syn, &mut traffic, &mut datagrams);
    assert_eq!(
        traffic.connected_to(),
        BTreeSet::from(["192.0.2.2:6443".parse().unwrap()])
    );
    let mut echo = vec![0; 14 + 40 + 8];
    (echo[12], echo[13], echo[14 + 6]) = (0x86, 0xdd, 58);
    note(&echo, &mut traffic, &mut datagrams);
    assert_eq!(
        traffic.others,
        BTreeSet::from([(58, IpAddr::from(Ipv6Addr::UNSPECIFIED))])
    );
}
