//! Scans through proxies: SOCKS5 and HTTP CONNECT.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use kubeknock::config::{Proxy, ProxyKind, ScanConfig};
use kubeknock::model::{FailureKind, Stage, Verdict};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{ANY, closed_port, config, knock, run, start, stderr, stdout};

/// A name that only the proxy knows.
pub(crate) const PRIVATE: &str = "api.private.example";

/// How a proxy treats its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Reports what happened.
    Honest,
    /// Reports a connection before it has one, and closes if it cannot connect.
    Optimistic,
    /// Closes without an answer if it cannot connect, as OpenSSH does.
    Curt,
    /// Requires credentials.
    WantsCredentials,
    /// Its rules forbid this port.
    Forbids(u16),
    /// Its rules forbid everything.
    ForbidsAll,
    /// Is no proxy at all.
    AnotherServer,
}

impl Manner {
    fn forbids(self, port: u16) -> bool {
        self == Self::ForbidsAll || self == Self::Forbids(port)
    }
}

/// A proxy that counts its tunnels.
pub(crate) struct TestProxy {
    pub(crate) address: SocketAddr,
    kind: ProxyKind,
    tunnels: Arc<AtomicUsize>,
    manner: Arc<Mutex<Manner>>,
    /// The names that it was asked to resolve.
    pub(crate) names: Arc<Mutex<Vec<String>>>,
}

impl TestProxy {
    pub(crate) async fn start(kind: ProxyKind, manner: Manner) -> Self {
        let listener = TcpListener::bind(ANY).await.unwrap();
        let address = listener.local_addr().unwrap();
        let tunnels = Arc::new(AtomicUsize::new(0));
        let manner = Arc::new(Mutex::new(manner));
        let names = Arc::new(Mutex::new(Vec::new()));
        let (count, manners, asked) = (
            Arc::clone(&tunnels),
            Arc::clone(&manner),
            Arc::clone(&names),
        );
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (count, manner) = (Arc::clone(&count), *manners.lock().unwrap());
                let names = Arc::clone(&asked);
                tokio::spawn(async move {
                    // A client may close at any moment.
                    let _ = match kind {
                        ProxyKind::Socks5 | ProxyKind::Socks5h => {
                            socks5(client, &count, manner, &names).await
                        }
                        ProxyKind::HttpConnect => connect(client, &count, manner).await,
                    };
                });
            }
        });
        Self {
            address,
            kind,
            tunnels,
            manner,
            names,
        }
    }

    /// Changes how the proxy treats its clients.
    pub(crate) fn change(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    /// The value for `--proxy`.
    pub(crate) fn url(&self) -> String {
        let scheme = match self.kind {
            ProxyKind::Socks5 => "socks5",
            ProxyKind::Socks5h => "socks5h",
            ProxyKind::HttpConnect => "http",
        };
        format!("{scheme}://{}", self.address)
    }

    fn config(&self) -> ScanConfig {
        let (kind, host, port) = (
            self.kind,
            self.address.ip().to_string(),
            self.address.port(),
        );
        config().with(|config| config.proxy = Some(Proxy { kind, host, port }))
    }
}

/// RFC 1928 for IPv4 and names, without authentication. It knows one name.
async fn socks5(
    mut client: TcpStream,
    tunnels: &AtomicUsize,
    manner: Manner,
    names: &Mutex<Vec<String>>,
) -> io::Result<()> {
    let mut greeting = [0; 2];
    client.read_exact(&mut greeting).await?;
    let mut methods = vec![0; usize::from(greeting[1])];
    client.read_exact(&mut methods).await?;
    assert!(
        methods.contains(&0),
        "only \"no authentication\" may be needed"
    );
    match manner {
        Manner::WantsCredentials => return client.write_all(&[5, 0xff]).await,
        Manner::AnotherServer => return client.write_all(b"220 mail.example ESMTP\r\n").await,
        _ => client.write_all(&[5, 0]).await?,
    }
    let mut request = [0; 4];
    client.read_exact(&mut request).await?;
    let reply = |code| [5, code, 0, 1, 0, 0, 0, 0, 0, 0];
    let ip = match request {
        [5, 1, 0, 1] => {
            let mut ip = [0; 4];
            client.read_exact(&mut ip).await?;
            Some(ip)
        }
        [5, 1, 0, 3] => {
            let mut name = vec![0; usize::from(client.read_u8().await?)];
            client.read_exact(&mut name).await?;
            names
                .lock()
                .unwrap()
                .push(String::from_utf8(name.clone()).unwrap());
            (name == PRIVATE.as_bytes()).then_some([127, 0, 0, 1])
        }
        other => panic!("CONNECT to an IPv4 address or a name: {other:?}"),
    };
    let port = client.read_u16().await?;
    let Some(ip) = ip else {
        return client.write_all(&reply(4)).await;
    };
    let target = SocketAddr::from((ip, port));
    if manner.forbids(target.port()) {
        return client.write_all(&reply(2)).await;
    }
    if manner == Manner::Optimistic {
        client.write_all(&reply(0)).await?;
    }
    let Ok(server) = TcpStream::connect(target).await else {
        let silent = matches!(manner, Manner::Optimistic | Manner::Curt);
        return if silent {
            Ok(())
        } else {
            client.write_all(&reply(5)).await
        };
    };
    if manner != Manner::Optimistic {
        client.write_all(&reply(0)).await?;
    }
    join(client, server, tunnels).await
}

async fn connect(mut client: TcpStream, tunnels: &AtomicUsize, manner: Manner) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    assert!(!head.to_lowercase().contains("proxy-authorization"));
    let target = head
        .strip_prefix("CONNECT ")
        .unwrap()
        .split(' ')
        .next()
        .unwrap();
    let port = target.rsplit(':').next().unwrap().parse().unwrap();
    let opened = b"HTTP/1.1 200 Connection established\r\n\r\n";
    let status = match manner {
        Manner::WantsCredentials => Some("407 Proxy Authentication Required"),
        Manner::AnotherServer => Some("405 Method Not Allowed"),
        _ if manner.forbids(port) => Some("403 Forbidden"),
        _ => None,
    };
    if let Some(status) = status {
        return refuse(client, status).await;
    }
    if manner == Manner::Optimistic {
        client.write_all(opened).await?;
    }
    let Ok(server) = TcpStream::connect(target).await else {
        let silent = manner == Manner::Optimistic;
        return if silent {
            Ok(())
        } else {
            refuse(client, "502 Bad Gateway").await
        };
    };
    if manner != Manner::Optimistic {
        client.write_all(opened).await?;
    }
    join(client, server, tunnels).await
}

async fn refuse(mut client: TcpStream, status: &str) -> io::Result<()> {
    client
        .write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes())
        .await?;
    // Kept open, as proxies do: the refusal itself must end the attempt.
    client.read_u8().await.map(drop)
}

async fn join(
    mut client: TcpStream,
    mut server: TcpStream,
    tunnels: &AtomicUsize,
) -> io::Result<()> {
    tunnels.fetch_add(1, Ordering::Relaxed);
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_verdict_is_the_same_through_a_proxy() {
    for kind in [ProxyKind::Socks5, ProxyKind::HttpConnect] {
        let proxy = TestProxy::start(kind, Manner::Honest).await;
        let server = start("default").await;
        let record = knock(proxy.config(), &server.address().to_string()).await;
        assert_eq!(
            record.verdict,
            Verdict::Forbidden,
            "{kind:?}: {}",
            record.reason
        );
        assert_eq!(proxy.tunnels.load(Ordering::Relaxed), 1, "{kind:?}");
        assert_eq!(
            server.stats().connections(),
            1,
            "nothing goes round the proxy"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_port_behind_a_proxy() {
    let closed = closed_port();
    let socks = TestProxy::start(ProxyKind::Socks5, Manner::Honest).await;
    let failure = knock(socks.config(), &closed.to_string())
        .await
        .failure
        .unwrap();
    assert_eq!(
        (failure.stage, failure.kind),
        (Stage::Connect, FailureKind::Refused),
        "SOCKS says whose fault it is"
    );
    let http = TestProxy::start(ProxyKind::HttpConnect, Manner::Honest).await;
    let failure = knock(http.config(), &closed.to_string())
        .await
        .failure
        .unwrap();
    assert_eq!(
        (failure.stage, failure.kind),
        (Stage::Proxy, FailureKind::ProxyCouldNotConnect),
        "CONNECT says that it tried"
    );
    assert!(failure.detail.contains("502"), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_proxy_is_not_the_targets_state() {
    let closed = closed_port();
    let server = start("default").await;
    let proxy = Proxy {
        kind: ProxyKind::Socks5,
        host: closed.ip().to_string(),
        port: closed.port(),
    };
    let record = knock(
        config().with(|config| config.proxy = Some(proxy)),
        &server.address().to_string(),
    )
    .await;
    assert_eq!(record.verdict, Verdict::NotAttempted);
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
    let output = run(&[
        "scan",
        "192.0.2.1",
        "--proxy",
        "http://user:hunter2@192.0.2.9:3128",
    ]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("--proxy") && !stderr(&output).contains("hunter2"),
        "{}",
        stderr(&output)
    );
}

/// As with `ssh -D` to a bastion: only the other side knows the name.
#[tokio::test(flavor = "multi_thread")]
async fn the_proxy_resolves_names_with_socks5h() {
    let server = start("default").await;
    let port = server.address().port();
    let proxy = TestProxy::start(ProxyKind::Socks5h, Manner::Honest).await;
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("report.json");
    let output = run(&[
        "scan",
        "-o",
        "table",
        "-o",
        &format!("json={}", saved.display()),
        "-o",
        "csv=/dev/stderr",
        "--proxy",
        &proxy.url(),
        &format!("{PRIVATE}:{port}"),
        "127.0.0.1",
        "nowhere.example:443",
        &format!("{PRIVATE}:{port} sni=other.example"),
        "-p",
        &port.to_string(),
        "--require-coverage",
        "0",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let report: Value = serde_json::from_str(&std::fs::read_to_string(&saved).unwrap()).unwrap();
    let endpoints: Vec<[&Value; 5]> = report["endpoints"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| {
            ["target", "verdict", "address", "resolved_by_proxy", "host"].map(|key| &record[key])
        })
        .collect();
    let private = format!("{PRIVATE}:{port}");
    let address = server.address().to_string();
    assert_eq!(
        json!(endpoints),
        json!([
            [private, "forbidden", null, true, PRIVATE],
            [address, "forbidden", address, false, null],
            [
                "nowhere.example:443",
                "unreachable",
                null,
                true,
                "nowhere.example"
            ],
            [private, "forbidden", null, true, "other.example"],
        ])
    );
    assert_eq!(report["scan"]["settings"]["proxy"], proxy.url());
    assert_eq!(
        report["scan"]["vantage"]["resolvers"],
        json!([]),
        "nothing is looked up here"
    );
    let about = format!("https://{PRIVATE}:{port}");
    let findings = report["findings"].as_array().unwrap();
    let by_proxy = findings.iter().find(|finding| finding["about"] == about);
    assert_eq!(by_proxy.unwrap()["sites"][0]["address"], Value::Null);
    let mut names = proxy.names.lock().unwrap().clone();
    names.sort();
    names.dedup();
    assert_eq!(names, [PRIVATE, "nowhere.example"], "as they were written");
    let sent: Vec<Option<String>> = server
        .stats()
        .log()
        .iter()
        .map(|request| request.sni.clone())
        .collect();
    for name in [PRIVATE, "other.example"] {
        assert!(sent.contains(&Some(name.to_owned())), "{sent:?}");
    }
    let table = stdout(&output);
    assert!(
        table.contains(&format!("{private}, resolved by the proxy")),
        "{table}"
    );
    // The saved report is read back unchanged.
    let again = run(&[
        "report",
        "table",
        saved.to_str().unwrap(),
        "--require-coverage",
        "0",
    ]);
    assert_eq!(stdout(&again), table);
}

/// Names are resolved here unless the proxy is to resolve them, and a failed lookup says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_lookup_says_that_the_proxy_could_resolve_the_name() {
    let names = crate::name_server::NameServer::start().await;
    for (kind, hint) in [
        (
            ProxyKind::Socks5,
            "names are resolved here; --proxy socks5h:// has the proxy resolve them",
        ),
        (
            ProxyKind::HttpConnect,
            "names are resolved here, not by the proxy",
        ),
    ] {
        let proxy = TestProxy::start(kind, Manner::Honest).await;
        let config = proxy
            .config()
            .with(|changed| changed.resolver = names.config().resolver);
        let record = knock(config, &format!("{PRIVATE}:6443")).await;
        assert_eq!(
            record.failure.as_ref().unwrap().kind,
            FailureKind::NameNotFound
        );
        assert!(record.reason.contains(hint), "{}", record.reason);
    }
}

/// Options that need the address of a name are refused, not ignored, if the proxy resolves names.
#[tokio::test(flavor = "multi_thread")]
async fn options_that_need_addresses_are_refused_if_the_proxy_resolves_names() {
    let proxy = TestProxy::start(ProxyKind::Socks5h, Manner::Honest).await;
    let target = format!("{PRIVATE}:6443");
    for (options, message) in [
        (
            ["--exclude", "10.0.0.0/8"],
            "exclude names, or use socks5://",
        ),
        (
            ["--exclude", "192.0.2.1:443"],
            "exclude names, or use socks5://",
        ),
        (
            ["--resolver", "192.0.2.53"],
            "--resolver has no effect with --proxy socks5h://",
        ),
        (["-4", "-q"], "--ipv4 has no effect with --proxy socks5h://"),
        (["-6", "-q"], "--ipv6 has no effect with --proxy socks5h://"),
    ] {
        let output = run(&[&["scan", &target, "--proxy", &proxy.url()], &options[..]].concat());
        assert_eq!(output.status.code(), Some(2), "{options:?}");
        assert!(
            stderr(&output).contains(message),
            "{options:?}: {}",
            stderr(&output)
        );
    }
    assert!(proxy.names.lock().unwrap().is_empty());
    // Names can be excluded, and so can addresses if no target is a name.
    for args in [
        [target.as_str(), "--exclude", "api.private.example"],
        ["127.0.0.1:9", "--exclude", "10.0.0.0/8"],
    ] {
        let output = run(&[
            &[
                "scan",
                "--proxy",
                &proxy.url(),
                "--require-coverage",
                "0",
                "127.0.0.2:9",
            ],
            &args[..],
        ]
        .concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    }
    assert!(proxy.names.lock().unwrap().is_empty());
}
