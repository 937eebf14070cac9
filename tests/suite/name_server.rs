//! A name server for tests, over UDP and TCP on loopback.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::CNAME;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use hickory_resolver::proto::serialize::binary::{BinDecodable, BinEncodable};
use kubeknock::config::ScanConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UdpSocket};

use crate::support::{ANY, config};

/// The last name of the alias chain.
pub(crate) const EKS: &str =
    "a42c0404a862c06b0e9998c1ec42d7e1.gr7.ap-northeast-2.eks.amazonaws.com.";

/// A name server for the names of these tests.
pub(crate) struct NameServer {
    pub(crate) address: SocketAddr,
    queries: Arc<AtomicUsize>,
}

impl NameServer {
    pub(crate) async fn start() -> Self {
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind(ANY).await.unwrap();
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
                break (udp, tcp);
            }
        };
        let address = udp.local_addr().unwrap();
        let queries = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&queries);
        tokio::spawn(async move {
            let mut buffer = [0; 1500];
            while let Ok((length, from)) = udp.recv_from(&mut buffer).await {
                count.fetch_add(1, Ordering::Relaxed);
                if let Some(answer) = answer(&buffer[..length], false) {
                    let _ = udp.send_to(&answer, from).await;
                }
            }
        });
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = tcp.accept().await {
                tokio::spawn(async move {
                    while let Ok(length) = stream.read_u16().await {
                        let mut query = vec![0; length.into()];
                        stream.read_exact(&mut query).await.unwrap();
                        let Some(answer) = answer(&query, true) else {
                            continue;
                        };
                        stream
                            .write_u16(u16::try_from(answer.len()).unwrap())
                            .await
                            .unwrap();
                        stream.write_all(&answer).await.unwrap();
                    }
                });
            }
        });
        Self { address, queries }
    }

    /// A configuration with this server. All its addresses are loopback, so special addresses are allowed.
    pub(crate) fn config(&self) -> ScanConfig {
        self.strict().with(|config| config.allow_special = true)
    }

    /// A configuration with this server that does not allow special addresses.
    pub(crate) fn strict(&self) -> ScanConfig {
        config().with(|config| config.resolver = Some(self.address))
    }

    /// The number of queries over UDP so far.
    pub(crate) fn queries(&self) -> usize {
        self.queries.load(Ordering::Relaxed)
    }
}

/// The response to a query.
enum Say {
    /// Those of these addresses that belong to the requested family.
    At(Vec<IpAddr>),
    /// A chain of aliases; the last name is at loopback.
    Chain(Vec<&'static str>),
    Code(ResponseCode),
    /// No response.
    Silence,
    /// FORMERR to queries with EDNS, loopback to others.
    NoEdns,
    /// A response too long for UDP.
    OverTcp(Vec<IpAddr>),
    /// Loopback, and an address that belongs to another name.
    Foreign,
}

/// The first label of a name of EKS or AKS.
fn managed(name: &str) -> Option<&str> {
    let services = [".eks.amazonaws.com.", ".azmk8s.io."];
    let is_managed = services.iter().any(|service| name.ends_with(service));
    name.split('.').next().filter(|_| is_managed)
}

fn zone(name: &str, record: RecordType) -> Say {
    let at = |addresses: &[&str]| {
        Say::At(
            addresses
                .iter()
                .map(|address| address.parse().unwrap())
                .collect(),
        )
    };
    let many = |count: u8| {
        (0..count)
            .map(|host| Ipv4Addr::new(127, 45, 0, host).into())
            .collect()
    };
    let code = Say::Code;
    if record == RecordType::AAAA {
        match name {
            "half-servfail.example." | "half-none.example." => return code(ResponseCode::ServFail),
            "half-missing.example." => return code(ResponseCode::NXDomain),
            "half-silent.example." => return Say::Silence,
            "half-a.example." => return at(&["::1"]),
            _ => {}
        }
    }
    // The address of a cluster of a managed service ends with the last byte of its label.
    if let Some(label) = managed(name) {
        let last = u8::from_str_radix(&label[label.len() - 2..], 16).unwrap();
        return Say::At(vec![Ipv4Addr::new(203, 0, 113, last).into()]);
    }
    match name {
        "one.example."
        | "my_cluster.corp.example."
        | "_k8s.corp.example."
        | "half-servfail.example."
        | "half-missing.example."
        | "half-silent.example." => at(&["127.0.0.1"]),
        "both.example." => at(&["127.0.0.1", "::ffff:127.0.0.1"]),
        "two.example." => at(&["127.0.0.2", "127.0.0.1"]),
        "empty.example." | "half-none.example." => at(&[]),
        "zero.example." => at(&["0.0.0.0"]),
        "zero6.example." => at(&["::"]),
        "mapped.example." => at(&["::ffff:127.0.0.1"]),
        "nat64.example." => at(&["64:ff9b::7f00:1"]),
        "many.example." => Say::OverTcp(many(200)),
        "alias.example." => Say::Chain(vec!["alias.example.", "Hop.example.", EKS]),
        "foreign.example." => Say::Foreign,
        "noedns.example." => Say::NoEdns,
        "servfail.example." | "half-a.example." => code(ResponseCode::ServFail),
        name if name.ends_with("silent.example.") => Say::Silence,
        _ => code(ResponseCode::NXDomain),
    }
}

fn answer(query: &[u8], tcp: bool) -> Option<Vec<u8>> {
    let query = Message::from_bytes(query).unwrap();
    let asked = query.queries.first()?.clone();
    let name = asked.name().to_ascii().to_ascii_lowercase();
    let mut reply = Message::response(query.metadata.id, query.metadata.op_code);
    reply.add_query(asked.clone());
    let loopback = || vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
    let (owner, addresses) = match zone(&name, asked.query_type()) {
        Say::Silence => return None,
        Say::NoEdns if query.edns.is_some() => {
            reply.metadata.response_code = ResponseCode::FormErr;
            (asked.name().clone(), Vec::new())
        }
        Say::Code(code) => {
            reply.metadata.response_code = code;
            (asked.name().clone(), Vec::new())
        }
        Say::At(addresses) => (asked.name().clone(), addresses),
        Say::OverTcp(addresses) if tcp => (asked.name().clone(), addresses),
        Say::OverTcp(_) => {
            reply.metadata.truncation = true;
            (asked.name().clone(), Vec::new())
        }
        Say::NoEdns => (asked.name().clone(), loopback()),
        Say::Foreign => {
            let other = RData::from(IpAddr::from([127, 0, 0, 2]));
            reply.add_answer(Record::from_rdata(
                Name::from_ascii("other.example.").unwrap(),
                60,
                other,
            ));
            (asked.name().clone(), loopback())
        }
        Say::Chain(names) => {
            for pair in names.windows(2) {
                let [from, to] = [pair[0], pair[1]].map(|name| Name::from_ascii(name).unwrap());
                reply.add_answer(Record::from_rdata(from, 60, RData::CNAME(CNAME(to))));
            }
            (
                Name::from_ascii(names[names.len() - 1]).unwrap(),
                loopback(),
            )
        }
    };
    let record = |address: IpAddr| Record::from_rdata(owner.clone(), 60, RData::from(address));
    let records = addresses.into_iter().map(record);
    reply.add_answers(records.filter(|record| record.record_type() == asked.query_type()));
    Some(reply.to_bytes().unwrap())
}
