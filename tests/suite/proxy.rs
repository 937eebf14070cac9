//! Scans through proxies of the test's own: SOCKS5 and HTTP CONNECT.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kubeknock::config::{Proxy, ProxyKind, ScanConfig};
use kubeknock::model::{FailureKind, Stage, Verdict};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{ANY, config, knock, run, start, stderr};

/// A proxy that counts what it connected.
struct TestProxy {
    address: SocketAddr,
    tunnels: Arc<AtomicUsize>,
}

impl TestProxy {
    async fn start(kind: ProxyKind) -> Self {
        let listener = TcpListener::bind(ANY).await.unwrap();
        let address = listener.local_addr().unwrap();
        let tunnels = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&tunnels);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let count = Arc::clone(&count);
                tokio::spawn(async move {
                    match kind {
                        ProxyKind::Socks5 => socks5(client, &count).await,
                        ProxyKind::HttpConnect => connect(client, &count).await,
                    }
                });
            }
        });
        Self { address, tunnels }
    }

    fn config(&self, kind: ProxyKind) -> ScanConfig {
        let proxy = Proxy { kind, host: self.address.ip().to_string(), port: self.address.port() };
        ScanConfig { proxy: Some(proxy), ..config() }
    }
}

/// RFC 1928, IPv4 only, no authentication.
async fn socks5(mut client: TcpStream, tunnels: &AtomicUsize) {
    let mut greeting = [0; 2];
    client.read_exact(&mut greeting).await.unwrap();
    let mut methods = vec![0; usize::from(greeting[1])];
    client.read_exact(&mut methods).await.unwrap();
    assert!(methods.contains(&0), "only \"no authentication\" may be needed");
    client.write_all(&[5, 0]).await.unwrap();
    let mut request = [0; 10];
    client.read_exact(&mut request).await.unwrap();
    assert_eq!(request[..4], [5, 1, 0, 1], "CONNECT to an IPv4 address");
    let ip = <[u8; 4]>::try_from(&request[4..8]).unwrap();
    let target = SocketAddr::from((ip, u16::from_be_bytes([request[8], request[9]])));
    let (reply, server) = match TcpStream::connect(target).await {
        Ok(server) => (0, Some(server)),
        Err(_) => (5, None),
    };
    client.write_all(&[5, reply, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap();
    if let Some(mut server) = server {
        tunnels.fetch_add(1, Ordering::Relaxed);
        let _ = copy_bidirectional(&mut client, &mut server).await;
    }
}

async fn connect(mut client: TcpStream, tunnels: &AtomicUsize) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    assert!(!head.to_lowercase().contains("proxy-authorization"));
    let target = head.strip_prefix("CONNECT ").unwrap().split(' ').next().unwrap();
    if let Ok(mut server) = TcpStream::connect(target).await {
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
        tunnels.fetch_add(1, Ordering::Relaxed);
        let _ = copy_bidirectional(&mut client, &mut server).await;
    } else {
        let refusal = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n";
        client.write_all(refusal).await.unwrap();
        // Kept open, as proxies do: the refusal itself must end the attempt.
        let _ = client.read_u8().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_verdict_is_the_same_through_a_proxy() {
    for kind in [ProxyKind::Socks5, ProxyKind::HttpConnect] {
        let proxy = TestProxy::start(kind).await;
        let server = start("default").await;
        let record = knock(proxy.config(kind), &server.address().to_string()).await;
        assert_eq!(record.verdict, Verdict::Forbidden, "{kind:?}: {}", record.reason);
        assert_eq!(proxy.tunnels.load(Ordering::Relaxed), 1, "{kind:?}");
        assert_eq!(server.stats().connections(), 1, "nothing goes round the proxy");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_port_behind_a_proxy() {
    let closed = { TcpListener::bind(ANY).await.unwrap().local_addr().unwrap() };
    let socks = TestProxy::start(ProxyKind::Socks5).await;
    let failure = knock(socks.config(ProxyKind::Socks5), &closed.to_string()).await.failure.unwrap();
    assert_eq!(
        (failure.stage, failure.kind),
        (Stage::Connect, FailureKind::Refused),
        "SOCKS says whose fault it is"
    );
    let http = TestProxy::start(ProxyKind::HttpConnect).await;
    let failure = knock(http.config(ProxyKind::HttpConnect), &closed.to_string()).await.failure.unwrap();
    assert_eq!((failure.stage, failure.kind), (Stage::Proxy, FailureKind::Proxy), "CONNECT does not");
    assert!(failure.detail.contains("502"), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_is_not_there_is_not_the_targets_state() {
    let closed = { TcpListener::bind(ANY).await.unwrap().local_addr().unwrap() };
    let server = start("default").await;
    let proxy = Proxy { kind: ProxyKind::Socks5, host: closed.ip().to_string(), port: closed.port() };
    let record = knock(ScanConfig { proxy: Some(proxy), ..config() }, &server.address().to_string()).await;
    assert_eq!(record.failure.unwrap().kind, FailureKind::Proxy);
    assert_eq!(server.stats().connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_names_no_proxy() {
    let server = start("default").await;
    let output = crate::support::kubeknock()
        .env("HTTPS_PROXY", "http://127.0.0.1:1")
        .env("ALL_PROXY", "socks5://127.0.0.1:1")
        .args(["scan", "-q", &server.address().to_string()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(server.stats().connections(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_url_with_credentials_is_refused_without_showing_them() {
    let output = run(&["scan", "192.0.2.1", "--proxy", "http://user:hunter2@192.0.2.9:3128"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("--proxy") && !stderr(&output).contains("hunter2"),
        "{}",
        stderr(&output)
    );
}
