//! A port that does not speak TLS gets one request over plain HTTP, on a connection of its own; in ranges, too.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kubeknock::config::ScanConfig;
use kubeknock::model::{FailureKind, Scheme, Verdict};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::byhand::{ByHand, Then, acceptor, default_cluster, insecure, listen, speak, whole};
use crate::support::{config, knock, run, scan, start, stderr, stdout, targets};

/// How a plain HTTP server reacts to TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ToTls {
    Closes,
    /// Closes without reading the `ClientHello`, so that the client sees a reset.
    Resets,
    Says(&'static [u8]),
}

async fn is_tls(stream: &TcpStream) -> bool {
    let mut first = [0];
    matches!(stream.peek(&mut first).await, Ok(1)) && first[0] == 0x16
}

/// A server that speaks plain HTTP and reacts to TLS like this.
async fn plain(to_tls: ToTls, answer: fn(&str) -> Vec<u8>) -> ByHand {
    listen(move |mut stream, _, server| async move {
        if is_tls(&stream).await {
            match to_tls {
                ToTls::Resets => return,
                ToTls::Closes => drop(stream.read(&mut [0; 4096]).await),
                ToTls::Says(words) => {
                    let _ = stream.read(&mut [0; 4096]).await;
                    let _ = stream.write_all(words).await;
                }
            }
            return;
        }
        speak(&mut stream, &server, &|path| (answer(path), Then::Continue)).await;
    })
    .await
}

const BAD_REQUEST: &[u8] = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n400 Bad Request";

fn once() -> ScanConfig {
    config().with(|config| config.retries = 0)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_insecure_port_is_found_however_it_reacts_to_tls() {
    for to_tls in [
        ToTls::Says(BAD_REQUEST),
        ToTls::Says(b"\x00\x01what\r\n"),
        ToTls::Closes,
        ToTls::Resets,
    ] {
        let server = plain(to_tls, insecure).await;
        let record = knock(once(), &server.address.to_string()).await;
        assert_eq!(
            record.verdict,
            Verdict::Exposed,
            "{to_tls:?}: {}",
            record.reason
        );
        let endpoint = record.endpoint.unwrap();
        assert_eq!(
            (endpoint.scheme, record.target.scheme),
            (Scheme::Http, Scheme::Https),
            "{to_tls:?}"
        );
        assert_eq!(
            (record.connections, record.handshakes),
            (2, 0),
            "{to_tls:?}"
        );
        assert_eq!((record.tls, record.failure), (None, None), "{to_tls:?}");
        assert_eq!(server.connections(), 2, "{to_tls:?}");
        let asked = server.requests();
        assert!(
            asked.iter().all(|line| line.starts_with("GET ")),
            "{asked:?}"
        );
    }
}

/// A transient failure is retried with TLS before plain HTTP is tried.
#[tokio::test(flavor = "multi_thread")]
async fn a_closed_connection_is_retried_with_tls_first() {
    for (retries, connections) in [(0, 2), (2, 4)] {
        let server = plain(ToTls::Closes, insecure).await;
        let record = knock(
            config().with(|config| config.retries = retries),
            &server.address.to_string(),
        )
        .await;
        assert_eq!(
            (record.verdict, server.connections()),
            (Verdict::Exposed, connections),
            "{}",
            record.reason
        );
    }
    // It does not speak TLS and responds accordingly.
    let server = plain(ToTls::Says(BAD_REQUEST), insecure).await;
    knock(
        config().with(|config| config.retries = 2),
        &server.address.to_string(),
    )
    .await;
    assert_eq!(server.connections(), 2);
}

/// If plain HTTP only redirects to TLS, or the server does not speak HTTP, the result of the first attempt stands.
#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_to_tls_is_not_an_answer() {
    const GO: &str = "Client sent an HTTP request to an HTTPS server.\n";
    const NGINX: &str =
        "<html>\r\n<head><title>400 The plain HTTP request was sent to HTTPS port</title></head>";
    const APACHE: &str =
        "<p>Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />";
    let answers: [fn(&str) -> Vec<u8>; 7] = [
        |_| whole("HTTP/1.0 400 Bad Request\r\n", GO),
        |_| whole("HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n", NGINX),
        |_| whole("HTTP/1.1 200 OK\r\nServer: Apache\r\n", APACHE),
        |_| whole("HTTP/1.1 400 Bad Request\r\n", ""),
        |_| whole("HTTP/1.1 426 Upgrade Required\r\nUpgrade: TLS/1.2\r\n", ""),
        |path| {
            whole(
                &format!(
                    "HTTP/1.1 308 Permanent Redirect\r\nLocation: https://api.example{path}\r\n"
                ),
                "",
            )
        },
        |_| b"SSH-2.0-OpenSSH_9.2p1\r\n".to_vec(),
    ];
    for (to_tls, kind) in [
        (ToTls::Closes, FailureKind::Closed),
        (ToTls::Resets, FailureKind::Reset),
        (ToTls::Says(BAD_REQUEST), FailureKind::PlainHttp),
        (
            ToTls::Says(b"SSH-2.0-OpenSSH_9.2p1\r\n"),
            FailureKind::NotTls,
        ),
    ] {
        for (number, answer) in answers.iter().enumerate() {
            let server = plain(to_tls, *answer).await;
            let record = knock(once(), &server.address.to_string()).await;
            let place = format!("{to_tls:?}, answer {number}: {}", record.reason);
            assert_eq!(record.verdict, Verdict::Unreachable, "{place}");
            assert_eq!(record.failure.unwrap().kind, kind, "{place}");
            assert_eq!(record.endpoint.unwrap().scheme, Scheme::Https, "{place}");
            assert!(
                record.requests.is_empty() && record.connections == 2,
                "{place}"
            );
            assert_eq!(server.requests().len(), 1, "{place}: asked once");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_are_silent_refuse_or_speak_tls_get_no_plain_http() {
    let hasty = once().with(|config| config.timeout = std::time::Duration::from_millis(500));
    for (name, verdict) in [
        ("hangs-after-accept", Verdict::Unreachable),
        ("default", Verdict::Forbidden),
    ] {
        let server = start(name).await;
        let record = knock(hasty.clone(), &server.address().to_string()).await;
        assert_eq!(
            (record.verdict, record.connections),
            (verdict, 1),
            "{name}: {}",
            record.reason
        );
        assert_eq!(server.stats().connections(), 1, "{name}");
    }
    let record = knock(hasty, "127.0.0.1:9").await;
    assert_eq!(record.failure.unwrap().kind, FailureKind::Refused);
    // A required client certificate is not a reason either.
    let server = start("etcd").await;
    let record = knock(once(), &server.address().to_string()).await;
    assert_eq!(
        (record.connections, record.tls.is_some()),
        (record.handshakes, true),
        "{}",
        record.reason
    );
}

/// Also in a range, and in all reports and findings.
#[tokio::test(flavor = "multi_thread")]
async fn plain_http_in_a_range_is_found_and_reported() {
    let server = start("insecure-http").await;
    let spec = format!("127.0.0.1/32 ports={}", server.address().port());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    let output = format!("json={}", path.display());
    let ran = run(&["scan", "-o", &output, "-o", "table", "--plain-http", &spec]);
    assert_eq!(ran.status.code(), Some(1), "{}", stderr(&ran));
    assert!(
        stderr(&ran).contains("--plain-http has no effect"),
        "{}",
        stderr(&ran)
    );
    assert!(
        stdout(&ran).contains(&format!("exposed  http://{}", server.address())),
        "{}",
        stdout(&ran)
    );
    let report: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let record = &report["endpoints"][0];
    assert_eq!(
        (&record["scheme"], &record["target"]),
        (&"http".into(), &server.address().to_string().into())
    );
    let found: Vec<_> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| &found["rule"])
        .collect();
    assert!(found.contains(&&"insecure-http-api".into()), "{found:?}");
    assert!(
        !found.contains(&&"anonymous-auth-enabled".into()),
        "the port authenticates nobody: {found:?}"
    );

    let again = run(&["report", "json", path.to_str().unwrap()]);
    assert_eq!(
        stdout(&again),
        fs::read_to_string(&path).unwrap(),
        "{}",
        stderr(&again)
    );
}

/// A target with both schemes is one endpoint.
#[tokio::test(flavor = "multi_thread")]
async fn a_target_with_both_schemes_is_reported_once() {
    let server = plain(ToTls::Says(BAD_REQUEST), insecure).await;
    let address = server.address;
    let both = [format!("https://{address}"), format!("http://{address}")];
    let (records, _) = scan(once(), targets(&both)).await;
    let verdicts: Vec<_> = records.iter().map(|record| record.verdict).collect();
    assert_eq!(verdicts, [Verdict::Unreachable, Verdict::Exposed]);
    assert_eq!(server.connections(), 2);
}

/// A port that changed from plain HTTP to TLS is the same endpoint in two scans, and the later one counts.
#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_changed_to_tls_is_the_same_endpoint() {
    let secured = Arc::new(AtomicBool::new(false));
    let (tls, own) = (acceptor(&[b"http/1.1"]), Arc::clone(&secured));
    let server = listen(move |mut stream, _, server| {
        let (tls, secured) = (tls.clone(), own.load(Ordering::SeqCst));
        async move {
            let default = |path: &str| {
                let (head, body) = default_cluster(path);
                (whole(&head, &body), Then::Continue)
            };
            if secured {
                let Ok(mut stream) = tls.accept(stream).await else {
                    return;
                };
                speak(&mut stream, &server, &default).await;
            } else if !is_tls(&stream).await {
                speak(&mut stream, &server, &|path| {
                    (insecure(path), Then::Continue)
                })
                .await;
            }
        }
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let [old, new] =
        ["old.json", "new.json"].map(|name| folder.path().join(name).display().to_string());
    let address = server.address.to_string();
    let scan = |path: &str| {
        let output = format!("json={path}");
        run(&[
            "scan",
            "-q",
            "--retries",
            "0",
            "--fail-on",
            "never",
            "-o",
            &output,
            &address,
        ])
    };
    assert!(scan(&old).status.success());
    secured.store(true, Ordering::SeqCst);
    assert!(scan(&new).status.success());
    let merged = run(&["report", "-q", "--fail-on", "never", "json", &old, &new]);
    let report: Value =
        serde_json::from_str(&stdout(&merged)).unwrap_or_else(|_| panic!("{}", stderr(&merged)));
    let records = report["endpoints"].as_array().unwrap();
    let told: Vec<_> = records
        .iter()
        .map(|record| (&record["scheme"], &record["verdict"]))
        .collect();
    assert_eq!(told, [(&"https".into(), &"forbidden".into())]);
    let changed = run(&["diff", "--fail-on", "never", &old, &new]);
    assert!(
        stdout(&changed).contains("insecure-http-api"),
        "it is mended: {}",
        stdout(&changed)
    );
}
