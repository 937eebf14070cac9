//! Names, answered by a DNS server of the test's own on loopback.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use hickory_resolver::proto::serialize::binary::{BinDecodable, BinEncodable};
use kubeknock::config::{Family, ScanConfig};
use kubeknock::model::{FailureKind, Verdict};
use kubeknock::simulator::Scenario;
use tokio::net::UdpSocket;

use crate::support::{ANY, config, run, scan, serve, start, stdout, targets};

/// Where the alias ends.
const EKS: &str = "a42c0404a862c06b0e9998c1ec42d7e1.gr7.ap-northeast-2.eks.amazonaws.com.";

/// An API server that refuses, under a certificate of its owner's CA.
const OWN_CERTIFICATE: &str = "
name = 'own-certificate'
about = 'an API server under a certificate of its owner'
source = 'composed'
expect = 'rejected'
extends = 'rejecting'
[tls]
subject = 'CN=alias.example'
issuer = 'O=Example, CN=Issuing CA 7'
sans = ['alias.example']
";

/// A name server that knows the names of these tests.
pub(crate) struct NameServer {
    pub(crate) address: SocketAddr,
    queries: Arc<AtomicUsize>,
}

impl NameServer {
    pub(crate) async fn start() -> Self {
        let socket = UdpSocket::bind(ANY).await.unwrap();
        let address = socket.local_addr().unwrap();
        let queries = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&queries);
        tokio::spawn(async move {
            let mut buffer = [0; 1500];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                count.fetch_add(1, Ordering::Relaxed);
                let query = Message::from_bytes(&buffer[..length]).unwrap();
                if let Some(answer) = answer(&query) {
                    let _ = socket.send_to(&answer.to_bytes().unwrap(), from).await;
                }
            }
        });
        Self { address, queries }
    }

    pub(crate) fn config(&self) -> ScanConfig {
        ScanConfig { resolver: Some(self.address), ..config() }
    }
}

fn answer(query: &Message) -> Option<Message> {
    let asked = query.queries.first()?.clone();
    let name = asked.name().to_ascii();
    let mut reply = Message::response(query.metadata.id, query.metadata.op_code);
    reply.add_query(asked.clone());
    let v4: &[Ipv4Addr] = match name.as_str() {
        "one.example." | "both.example." => &[Ipv4Addr::LOCALHOST],
        "two.example." => &[Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::LOCALHOST],
        "empty.example." | "alias.example." => &[],
        "servfail.example." => {
            reply.metadata.response_code = ResponseCode::ServFail;
            return Some(reply);
        }
        "silent.example." => return None,
        _ => {
            reply.metadata.response_code = ResponseCode::NXDomain;
            return Some(reply);
        }
    };
    if name == "alias.example." && asked.query_type() == RecordType::A {
        let hop = |from: &str, to: &str| {
            Record::from_rdata(
                Name::from_ascii(from).unwrap(),
                60,
                RData::CNAME(CNAME(Name::from_ascii(to).unwrap())),
            )
        };
        reply.add_answer(hop("alias.example.", "Hop.example."));
        reply.add_answer(hop("Hop.example.", EKS));
        let address = RData::A(A(Ipv4Addr::LOCALHOST));
        reply.add_answer(Record::from_rdata(Name::from_ascii(EKS).unwrap(), 60, address));
    }
    if asked.query_type() == RecordType::A {
        for address in v4 {
            reply.add_answer(Record::from_rdata(asked.name().clone(), 60, RData::A(A(*address))));
        }
    }
    if asked.query_type() == RecordType::AAAA && name == "both.example." {
        let mapped = Ipv4Addr::LOCALHOST.to_ipv6_mapped();
        reply.add_answer(Record::from_rdata(asked.name().clone(), 60, RData::AAAA(AAAA(mapped))));
    }
    Some(reply)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_goes_into_sni_and_host() {
    let names = NameServer::start().await;
    let server = start("default").await;
    let port = server.address().port();
    let (records, summary) = scan(names.config(), targets(&[format!("one.example:{port}")])).await;
    assert_eq!(records[0].verdict, Verdict::Forbidden, "{}", records[0].reason);
    assert_eq!(server.stats().log()[0].sni.as_deref(), Some("one.example"));
    assert_eq!(server.stats().log()[0].header("host"), Some(format!("one.example:{port}").as_str()));
    assert_eq!(summary.resolvers, [names.address]);
    assert!(records[0].timings.resolve.is_some());
}

/// One answer has the addresses and the names on the way there: the last one says whose it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_an_alias_is_known_by_what_it_is_an_alias_of() {
    let names = NameServer::start().await;
    // Its certificate says nothing of any product.
    let server = serve(Arc::new(Scenario::parse(OWN_CERTIFICATE).unwrap())).await;
    let port = server.address().port();
    let config = ScanConfig { family: Family::V4, ..names.config() };
    let (records, _) = scan(config.clone(), targets(&[format!("alias.example:{port}")])).await;
    let aliases: Vec<&str> = records[0].aliases.iter().map(|alias| &**alias).collect();
    assert_eq!(aliases, ["hop.example", EKS.trim_end_matches('.')]);
    assert_eq!(
        records[0].endpoint.as_ref().unwrap().name.as_deref(),
        Some("alias.example"),
        "asked as written"
    );
    let identification = records[0].identification.as_ref().unwrap();
    assert_eq!(identification.product().unwrap().id, "eks");
    let mark = &identification.attribution.marks[0];
    assert_eq!(mark.seen, EKS.trim_end_matches('.'));
    assert!(identification.clues[mark.clue].seen.contains("alias.example, an alias of hop.example"));
    assert_eq!(names.queries.load(Ordering::Relaxed), 1);
    // Kubeadm's certificate and CA names: the alias is evidence against them and names nothing.
    let kubeadm = start("rejecting").await;
    let spec = format!("alias.example:{}", kubeadm.address().port());
    let (records, _) = scan(config, targets(&[spec])).await;
    let identification = records[0].identification.as_ref().unwrap();
    assert_eq!(identification.product().unwrap().id, "kubeadm");
    assert_eq!(identification.attribution.against[0].seen, EKS.trim_end_matches('.'));
}

/// Two addresses behind one name, of which one listens: both are shown.
#[tokio::test(flavor = "multi_thread")]
async fn every_address_is_an_endpoint() {
    let names = NameServer::start().await;
    let server = start("default").await;
    let port = server.address().port();
    let (records, summary) = scan(names.config(), targets(&[format!("two.example:{port}")])).await;
    let seen: Vec<(IpAddr, Verdict)> =
        records.iter().map(|r| (r.endpoint.as_ref().unwrap().address().unwrap().ip(), r.verdict)).collect();
    assert_eq!(
        seen,
        [
            (Ipv4Addr::LOCALHOST.into(), Verdict::Forbidden),
            (Ipv4Addr::new(127, 0, 0, 2).into(), Verdict::Unreachable)
        ]
    );
    assert_eq!(summary.coverage.further_addresses, 1);
    assert_eq!(summary.coverage.covered(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_name_server_says_is_the_outcome() {
    let names = NameServer::start().await;
    for (name, kind) in [
        ("nowhere.example", FailureKind::NameNotFound),
        ("empty.example", FailureKind::NoAddress),
        ("servfail.example", FailureKind::ResolverFailure),
    ] {
        let (records, summary) = scan(names.config(), targets(&[format!("{name}:6443")])).await;
        assert_eq!(records[0].verdict, Verdict::Unreachable, "{name}");
        assert_eq!(records[0].failure.as_ref().unwrap().kind, kind, "{name}: {}", records[0].reason);
        assert!(records[0].endpoint.is_none());
        assert_eq!(summary.coverage.unreachable.get(&kind), Some(&1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ipv4_mapped_address_is_the_ipv4_address() {
    let names = NameServer::start().await;
    let server = start("default").await;
    let spec = [format!("both.example:{}", server.address().port())];
    let (records, _) = scan(names.config(), targets(&spec)).await;
    assert_eq!(records.len(), 1, "one address, not two");
    let only_v6 = ScanConfig { family: Family::V6, ..names.config() };
    let (records, _) = scan(only_v6, targets(&spec)).await;
    assert_eq!(records[0].failure.as_ref().unwrap().kind, FailureKind::NoAddress);
}

#[tokio::test(flavor = "multi_thread")]
async fn exclusions_hold_for_what_a_name_resolves_to() {
    let names = NameServer::start().await;
    let server = start("default").await;
    let target = format!("two.example:{}", server.address().port());
    let resolver = names.address.to_string();
    let output = run(&[
        "scan",
        &target,
        "--resolver",
        &resolver,
        "--exclude",
        "127.0.0.1",
        "-q",
        "-o",
        "json",
        "--fail-on",
        "never",
    ]);
    let report: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(server.stats().connections(), 0, "an excluded address is never touched");
    assert_eq!(report["coverage"]["excluded_addresses"], 1);
    assert_eq!(output.status.code(), Some(3), "its other address did not answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_asked_once_for_all_its_ports() {
    let names = NameServer::start().await;
    let sequential = ScanConfig { concurrency: 1, ..names.config() };
    scan(sequential, targets(&["nowhere.example ports=1-5".to_owned()])).await;
    let asked = names.queries.load(Ordering::Relaxed);
    assert!(asked <= 4, "{asked} queries for one name");
}
