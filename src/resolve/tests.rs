//! Search domains and the hosts file, against a name server on loopback.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::config::{ResolverConfig, ResolverOpts};
use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use hickory_resolver::proto::serialize::binary::{BinDecodable as _, BinEncodable as _};
use parking_lot::Mutex;
use tokio::net::UdpSocket;

use super::hosts::HostsFile;
use super::resolved::{PartialFailure, Resolution};
use super::servers::{Servers, single};
use crate::config::ScanConfig;
use crate::model::FailureKind;

/// A server whose behaviour depends on the name, and the names that it was asked for.
async fn name_server() -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let (address, asked) = (
        socket.local_addr().unwrap(),
        Arc::new(Mutex::new(Vec::new())),
    );
    let log = Arc::clone(&asked);
    tokio::spawn(async move {
        let mut buffer = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let query = Message::from_bytes(&buffer[..length]).unwrap();
            let question = query.queries[0].clone();
            let (name, v4) = (
                question.name().to_ascii(),
                question.query_type() == RecordType::A,
            );
            if v4 {
                log.lock().push(name.clone());
            }
            let mut reply = Message::response(query.metadata.id, query.metadata.op_code);
            reply.add_query(question.clone());
            let known = name.contains("svc.cluster.local") || name == "api.corp.example.";
            match name.as_str() {
                name if name.ends_with("silent.") => continue,
                name if name.ends_with("broken.") => {
                    reply.metadata.response_code = ResponseCode::ServFail;
                }
                "host.v4.example." if v4 => {}
                "host.v4.example." | "host.v6.example." if !v4 => {}
                _ if known && v4 => {
                    let address = RData::A(Ipv4Addr::new(10, 96, 0, 1).into());
                    reply.add_answer(Record::from_rdata(question.name().clone(), 60, address));
                }
                _ if known => {}
                _ => reply.metadata.response_code = ResponseCode::NXDomain,
            }
            let _ = socket.send_to(&reply.to_bytes().unwrap(), from).await;
        }
    });
    (address, asked)
}

/// The answer to a name under this system configuration, and the names that the server was asked for.
async fn resolved(
    name: &str,
    search: &[&str],
    ndots: usize,
    hosts: &str,
) -> (Resolution, Vec<String>) {
    let (address, asked) = name_server().await;
    let search = search
        .iter()
        .map(|domain| Name::from_ascii(domain).unwrap())
        .collect();
    let system = ResolverConfig::from_parts(None, search, single(address).name_servers().to_vec());
    let mut options = ResolverOpts::default();
    options.ndots = ndots;
    // A silent server is given up before the timeout.
    options.attempts = 0;
    let config = ScanConfig {
        timeout: Duration::from_millis(500),
        ..ScanConfig::default()
    };
    let servers = Servers::with(&config, system, options, HostsFile::parse(hosts)).unwrap();
    let (name, absolute) = name
        .strip_suffix('.')
        .map_or((name, false), |name| (name, true));
    let answer = servers.ask(name, absolute).await;
    let mut names = asked.lock().clone();
    // Lost and failed questions are repeated.
    names.dedup();
    (answer, names)
}

const POD: [&str; 3] = [
    "scan.svc.cluster.local",
    "svc.cluster.local",
    "cluster.local",
];

#[tokio::test]
async fn search_domains_apply_as_in_a_pod() {
    let (answer, asked) = resolved("kubernetes.default", &POD[1..], 5, "").await;
    let answer = answer.unwrap();
    assert_eq!(asked, ["kubernetes.default.svc.cluster.local."]);
    assert_eq!(answer.addresses, [Ipv4Addr::new(10, 96, 0, 1)]);
    let aliases: Vec<&str> = answer.aliases.iter().map(|alias| &**alias).collect();
    assert_eq!(
        aliases,
        ["kubernetes.default.svc.cluster.local"],
        "the full name is reported"
    );
    assert!(!answer.is_local && answer.partial_failure.is_none());
    // A name with enough dots is asked as written first, and is not asked with search domains if it exists.
    let (answer, asked) = resolved("api.corp.example", &POD, 1, "").await;
    assert_eq!(
        (asked, answer.unwrap().aliases.len()),
        (vec!["api.corp.example.".to_owned()], 0)
    );
    let (answer, asked) = resolved("gone.example", &["a.example", "b.example"], 1, "").await;
    assert_eq!(
        asked,
        [
            "gone.example.",
            "gone.example.a.example.",
            "gone.example.b.example."
        ]
    );
    let failure = answer.unwrap_err();
    assert_eq!(failure.kind, FailureKind::NameNotFound);
    assert!(
        failure.detail.contains("with and without search domains"),
        "{}",
        failure.detail
    );
}

#[tokio::test]
async fn a_trailing_dot_disables_search_domains() {
    let (answer, asked) = resolved("kubernetes.default.", &POD[1..], 5, "").await;
    assert_eq!(
        (asked, answer.unwrap_err().kind),
        (
            vec!["kubernetes.default.".to_owned()],
            FailureKind::NameNotFound
        )
    );
    let (answer, asked) = resolved("api.corp.example.", &POD, 5, "").await;
    assert_eq!(
        (asked, answer.is_ok()),
        (vec!["api.corp.example.".to_owned()], true)
    );
}

#[tokio::test]
async fn a_failing_search_domain_is_skipped_and_reported() {
    let (answer, asked) = resolved(
        "kubernetes.default.svc",
        &["broken", "cluster.local"],
        5,
        "",
    )
    .await;
    assert_eq!(
        asked,
        [
            "kubernetes.default.svc.broken.",
            "kubernetes.default.svc.cluster.local."
        ]
    );
    let failure = PartialFailure::SearchDomain(FailureKind::ResolverFailure);
    assert_eq!(answer.unwrap().partial_failure, Some(failure));
    // A silent server may know the name: the next domain is not tried.
    let (answer, _) = resolved(
        "kubernetes.default.svc",
        &["silent", "cluster.local"],
        5,
        "",
    )
    .await;
    assert_eq!(
        answer.unwrap_err().kind,
        FailureKind::NoResolver,
        "it never answered anything"
    );
}

#[tokio::test]
async fn a_name_without_addresses_is_not_a_missing_name() {
    let (answer, _) = resolved("host.v4.example", &["a.example"], 1, "").await;
    assert_eq!(answer.unwrap_err().kind, FailureKind::NoAddress);
    // The replies for the two families disagree on whether the name exists.
    let (answer, _) = resolved("host.v6.example", &[], 1, "").await;
    assert_eq!(answer.unwrap_err().kind, FailureKind::NoAddress);
}

#[tokio::test]
async fn the_hosts_file_comes_first_and_counts_as_given() {
    let hosts = "127.0.0.1 kind-control-plane my_cluster\n::1 api.corp.example";
    for name in ["kind-control-plane", "my_cluster", "api.corp.example"] {
        let (answer, asked) = resolved(name, &POD, 5, hosts).await;
        let answer = answer.unwrap();
        assert!(
            answer.is_local && answer.addresses[0].is_loopback(),
            "{name}: {answer:?}"
        );
        assert!(asked.is_empty(), "{asked:?}");
    }
    for name in ["localhost", "cluster.localhost"] {
        let (answer, asked) = resolved(name, &POD, 5, "").await;
        assert!(
            answer.unwrap().is_local && asked.is_empty(),
            "{name}: {asked:?}"
        );
    }
    let (answer, _) = resolved("kubernetes.default.svc", &POD[2..], 5, hosts).await;
    assert!(!answer.unwrap().is_local);
}
