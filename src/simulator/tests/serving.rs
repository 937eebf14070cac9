//! Well-formed servers: handshakes, replies, counters, start and stop.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::x509::X509Name;

use super::client::{Client, ask, rest, send};
use super::{SOON, loopback, recorded, recording, serve, serve_text};
use crate::model::Verdict;
use crate::simulator::{fleet, start};

/// The CA names of a `CertificateRequest`, as text.
fn names(client: &Client) -> Option<Vec<String>> {
    let asked = client.asked.lock().unwrap();
    asked.as_ref().map(|names| {
        names
            .iter()
            .map(|der| X509Name::from_der(der).unwrap().1.to_string())
            .collect()
    })
}

#[tokio::test]
async fn the_handshake_names_the_client_cas_in_both_tls_versions() {
    let server = serve("default").await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let client = Client {
            versions: vec![version],
            ..Client::default()
        };
        let stream = client.connect(server.address()).await.unwrap();
        assert_eq!(stream.get_ref().1.protocol_version(), Some(version.version));
        assert_eq!(
            names(&client),
            Some(vec![
                "CN=kubernetes".to_owned(),
                "CN=front-proxy-ca".to_owned()
            ])
        );
    }
    let front = Client::default();
    front
        .connect(serve("nginx-fronted").await.address())
        .await
        .unwrap();
    assert_eq!(names(&front), None);
}

#[tokio::test]
async fn a_certificate_request_without_cas_is_sent_and_tls_versions_are_respected() {
    let text = "name = 'x'\nabout = 'x'\nsource = 'composed'\nexpect = 'rejected'\n[tls]\n\
        subject = 'CN=k3s'\nissuer = 'CN=k3s-server-ca'\nclient_cas = []\nversions = ['1.2']\n\
        [fallback]\nstatus = 401\n";
    let server = serve_text(text).await;
    let client = Client::default();
    let stream = client.connect(server.address()).await.unwrap();
    assert_eq!(
        stream.get_ref().1.protocol_version(),
        Some(rustls::ProtocolVersion::TLSv1_2)
    );
    assert_eq!(names(&client), Some(Vec::new()));
    let newer = Client {
        versions: vec![&rustls::version::TLS13],
        ..Client::default()
    };
    assert!(newer.connect(server.address()).await.is_err());
}

#[tokio::test]
async fn the_certificate_matches_the_scenario() {
    let server = serve("control-characters").await;
    let stream = Client::default().connect(server.address()).await.unwrap();
    let chain = stream.get_ref().1.peer_certificates().unwrap();
    let (_, certificate) = X509Certificate::from_der(&chain[0]).unwrap();
    let subject = certificate
        .subject()
        .iter_common_name()
        .next()
        .unwrap()
        .as_str()
        .unwrap();
    assert_eq!(
        subject,
        "kube\u{1b}[31m\u{7}\u{202e}apiserver\r\nverdict: rejected"
    );
    let issuer = certificate
        .issuer()
        .iter_common_name()
        .next()
        .unwrap()
        .as_str()
        .unwrap();
    assert_eq!(issuer, "kubernetes\u{1b}]0;owned\u{7}");
    assert_eq!(chain.len(), 1);
    let self_made = Client::default()
        .connect(serve("kubelet").await.address())
        .await
        .unwrap();
    assert_eq!(self_made.get_ref().1.peer_certificates().unwrap().len(), 2);
}

#[tokio::test]
async fn one_connection_serves_many_requests_and_all_are_counted() {
    let server = serve("default").await;
    let mut stream = Client::default().connect(server.address()).await.unwrap();
    let version = ask(&mut stream, "GET", "/version").await;
    assert_eq!(
        (version.status(), version.json()["gitVersion"].as_str()),
        (200, Some("v1.20.2"))
    );
    let api = ask(&mut stream, "GET", "/api").await;
    assert_eq!(api.status_line, "HTTP/1.1 403 Forbidden");
    assert_eq!(
        api.json()["message"],
        "forbidden: User \"system:anonymous\" cannot get path \"/api\""
    );
    assert!(
        api.headers
            .iter()
            .any(|(name, _)| name == "X-Kubernetes-Pf-Flowschema-Uid")
    );
    let head = ask(&mut stream, "HEAD", "/api/v1/secrets?limit=1").await;
    assert_eq!(
        (head.status(), head.header("content-length")),
        (403, Some("262"))
    );

    let stats = server.stats();
    assert_eq!(
        (stats.connections(), stats.handshakes(), stats.requests()),
        (1, 1, 3)
    );
    let log = stats.log();
    let seen: Vec<_> = log
        .iter()
        .map(|seen| (seen.method.as_str(), seen.path.as_str()))
        .collect();
    assert_eq!(
        seen,
        [
            ("GET", "/version"),
            ("GET", "/api"),
            ("HEAD", "/api/v1/secrets?limit=1")
        ]
    );
    assert_eq!(log[0].sni.as_deref(), Some("api.example"));
    assert_eq!(
        (log[0].header("host"), log[0].header("user-agent")),
        (Some("api.example"), Some("tests"))
    );
    assert_eq!(
        (log[0].header("authorization"), log[0].connection),
        (None, 1)
    );
}

#[tokio::test]
async fn audit_ids_are_new_unless_the_client_sent_one() {
    let server = serve("rejecting").await;
    let mut stream = Client::default().connect(server.address()).await.unwrap();
    let first = ask(&mut stream, "GET", "/a").await;
    let second = ask(&mut stream, "GET", "/a").await;
    assert_ne!(
        first.header("audit-id").unwrap(),
        second.header("audit-id").unwrap()
    );
    assert_eq!(first.body, second.body);
    assert!(first.header("date").unwrap().ends_with(" GMT"));
    send(
        &mut stream,
        "GET",
        "/a",
        "Audit-ID: chosen\r\nConnection: close\r\n",
    )
    .await;
    let third = rest(&mut stream).await.unwrap();
    assert!(
        String::from_utf8(third)
            .unwrap()
            .contains("Audit-Id: chosen\r\n")
    );
    let manager = serve("kube-controller-manager").await;
    let mut stream = Client::default().connect(manager.address()).await.unwrap();
    assert_eq!(
        ask(&mut stream, "GET", "/api").await.header("audit-id"),
        None
    );
}

#[tokio::test]
async fn a_starting_server_keeps_its_state_across_connections() {
    let server = serve("starting").await;
    let mut statuses = Vec::new();
    for _ in 0..2 {
        let mut stream = Client::default().connect(server.address()).await.unwrap();
        for path in ["/version", "/api", "/healthz"] {
            statuses.push(ask(&mut stream, "GET", path).await.status());
        }
    }
    assert_eq!(statuses, [403, 403, 500, 200, 403, 200]);
    assert_eq!(server.stats().connections(), 2);
    let other = serve("starting").await;
    let mut again = Client::default().connect(other.address()).await.unwrap();
    assert_eq!(
        ask(&mut again, "GET", "/version").await.status(),
        403,
        "each server starts anew"
    );
}

#[tokio::test]
async fn a_shortened_body_is_as_long_as_the_recorded_one() {
    let server = serve("exposed").await;
    let mut stream = Client::default().connect(server.address()).await.unwrap();
    let openapi = ask(&mut stream, "GET", "/openapi/v2").await;
    assert_eq!(openapi.body.len(), 3_774_218);
    assert!(openapi.body.starts_with(b"{\"swagger\":\"2.0\"") && openapi.body.ends_with(b"\n"));
    assert_eq!(
        ask(&mut stream, "HEAD", "/apis/apps/v1/deployments?limit=1")
            .await
            .status(),
        405
    );
}

#[tokio::test]
async fn plain_http_is_served_where_the_scenario_says_so() {
    let server = serve("insecure-http").await;
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let version = ask(&mut stream, "GET", "/version").await;
    assert_eq!(version.json()["gitVersion"], "v1.15.12");
    assert_eq!(
        (
            version.header("audit-id"),
            version.header("x-kubernetes-pf-flowschema-uid")
        ),
        (None, None)
    );
    assert_eq!(ask(&mut stream, "GET", "/api").await.status(), 200);
    assert_eq!(
        (
            server.stats().handshakes(),
            server.stats().log()[0].sni.as_deref()
        ),
        (0, None)
    );
}

#[tokio::test]
async fn plain_http_on_a_tls_port_is_told_so() {
    for (name, line, words) in [
        (
            "default",
            "HTTP/1.0 400",
            "Client sent an HTTP request to an HTTPS server.\n",
        ),
        (
            "nginx-fronted",
            "HTTP/1.1 400",
            "The plain HTTP request was sent to HTTPS port",
        ),
    ] {
        let server = serve(name).await;
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        send(&mut stream, "GET", "/version", "").await;
        let text = String::from_utf8(rest(&mut stream).await.unwrap()).unwrap();
        assert!(text.starts_with(line) && text.contains(words), "{text}");
        assert_eq!(
            (server.stats().handshakes(), server.stats().requests()),
            (0, 0)
        );
    }
}

#[tokio::test]
async fn http2_is_used_if_negotiated_and_ends_with_goaway() {
    let client = Client {
        alpn: vec!["h2", "http/1.1"],
        ..Client::default()
    };
    for (name, goes_on) in [
        ("default", true),
        ("health-only", false),
        ("closes-each", false),
    ] {
        let server = serve(name).await;
        let stream = client.connect(server.address()).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
        let connection = tokio::spawn(connection);
        let request = || {
            let uri = "https://api.example/healthz";
            hyper::Request::get(uri)
                .body(Empty::<bytes::Bytes>::new())
                .unwrap()
        };
        let response = sender.send_request(request()).await.unwrap();
        assert_eq!(response.status(), 200);
        assert!(
            response.headers().contains_key("audit-id") && response.headers().contains_key("date")
        );
        assert_eq!(
            response.into_body().collect().await.unwrap().to_bytes(),
            "ok"
        );
        let seen = &server.stats().log()[0];
        assert_eq!(
            (seen.version.as_str(), seen.header("host")),
            ("HTTP/2.0", Some("api.example"))
        );
        if goes_on {
            assert_eq!(sender.send_request(request()).await.unwrap().status(), 200);
        } else {
            assert!(
                timeout(SOON, connection).await.is_ok(),
                "{name}: the connection ends by itself"
            );
        }
    }
    let unknown = Client {
        alpn: vec!["spdy/3"],
        ..Client::default()
    };
    assert!(
        unknown
            .connect(serve("default").await.address())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_closing_server_closes_after_each_answer() {
    let server = serve("closes-each").await;
    let mut stream = Client::default().connect(server.address()).await.unwrap();
    assert_eq!(
        ask(&mut stream, "GET", "/healthz")
            .await
            .header("connection"),
        Some("close")
    );
    assert_eq!(rest(&mut stream).await.unwrap(), b"");
}

#[tokio::test]
async fn a_slow_server_delays_its_response() {
    let server = serve("slow").await;
    let mut stream = Client::default().connect(server.address()).await.unwrap();
    let before = std::time::Instant::now();
    assert_eq!(ask(&mut stream, "GET", "/healthz").await.status(), 200);
    assert!(before.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn a_recording_can_be_served() {
    let scenario = recorded(&recording("behind-nginx-tls")).unwrap();
    let server = start(Arc::new(scenario), loopback()).await.unwrap();
    let mut stream = Client::default().connect(server.address()).await.unwrap();
    let answer = ask(&mut stream, "GET", "/api/v1/namespaces?limit=1").await;
    assert_eq!((answer.status(), answer.body.len()), (403, 271));
    assert_eq!(answer.header("server"), Some("nginx/1.22.1"));
}

#[tokio::test]
async fn dropping_a_server_stops_it_and_its_connections() {
    let server = serve("default").await;
    let address = server.address();
    let mut stream = Client::default().connect(address).await.unwrap();
    assert_eq!(ask(&mut stream, "GET", "/healthz").await.status(), 200);
    drop(server);
    let refused = async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, refused).await.expect("the port is closed");
    // The connection must end; how is up to the TLS library.
    let _ = stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await;
    assert!(rest(&mut stream).await.unwrap_or_default().is_empty());
}

#[tokio::test]
async fn the_fleet_has_seven_servers_and_a_closed_port() {
    let fleet = fleet().await.unwrap();
    let names: Vec<&str> = fleet
        .members()
        .iter()
        .map(|member| member.name.as_str())
        .collect();
    assert_eq!(names[..2], ["default", "rejecting"]);
    assert_eq!((names.len(), fleet.servers().len()), (8, 7));
    for (member, server) in fleet.members().iter().zip(fleet.servers()) {
        assert_eq!(member.address, server.address());
        let mut stream = Client::default().connect(member.address).await.unwrap();
        assert!(
            ask(&mut stream, "GET", "/version").await.status() >= 200,
            "{}",
            member.name
        );
    }
    let closed = fleet.members().last().unwrap();
    assert_eq!(
        (closed.name.as_str(), closed.expect),
        ("closed-port", Verdict::Unreachable)
    );
    for _ in 0..3 {
        let error = TcpStream::connect(closed.address).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }
}
