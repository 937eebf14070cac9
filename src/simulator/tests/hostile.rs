//! Misbehaving servers.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use super::client::{Client, ask, rest, send};
use super::serve;
use crate::simulator::SimulatedServer;

/// Long enough to see that nothing arrives.
const A_WHILE: Duration = Duration::from_millis(200);

async fn connected(name: &str) -> (SimulatedServer, TlsStream<TcpStream>) {
    let server = serve(name).await;
    let stream = Client::default().connect(server.address()).await.unwrap();
    (server, stream)
}

/// Connects, sends the start of a handshake, and reads to the end.
async fn knock(name: &str) -> std::io::Result<Vec<u8>> {
    let server = serve(name).await;
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(&[0x16, 3, 1, 0, 200]).await.unwrap();
    rest(&mut stream).await
}

#[tokio::test]
async fn connections_that_fail_before_tls() {
    assert_eq!(knock("closes-at-once").await.unwrap(), b"");
    let garbage = knock("garbage").await.unwrap();
    assert_eq!(garbage.len(), 512);
    assert!(
        garbage.iter().all(|byte| *byte >= 0x80),
        "nothing that a protocol begins with"
    );
    let text = String::from_utf8(knock("tls-port-speaks-http").await.unwrap()).unwrap();
    assert!(text.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{text}");

    let server = serve("hangs-after-accept").await;
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(&[0x16, 3, 1]).await.unwrap();
    assert!(
        timeout(A_WHILE, stream.read_u8()).await.is_err(),
        "nothing arrives"
    );
    assert_eq!(
        (server.stats().connections(), server.stats().handshakes()),
        (1, 0)
    );
}

#[tokio::test]
async fn a_client_without_a_required_certificate_is_rejected() {
    let server = serve("etcd").await;
    let newer = Client {
        versions: vec![&rustls::version::TLS13],
        ..Client::default()
    };
    let mut stream = newer
        .connect(server.address())
        .await
        .expect("complete for the client");
    let alert = rest(&mut stream).await.unwrap_err().to_string();
    assert!(alert.contains("CertificateRequired"), "{alert}");
    let older = Client {
        versions: vec![&rustls::version::TLS12],
        ..Client::default()
    };
    assert!(older.connect(server.address()).await.is_err());
    assert_eq!(
        (server.stats().connections(), server.stats().handshakes()),
        (2, 0)
    );
}

#[tokio::test]
async fn servers_that_never_answer() {
    let (server, mut stream) = connected("hangs-in-http").await;
    send(&mut stream, "GET", "/version", "").await;
    assert!(
        timeout(A_WHILE, stream.read_u8()).await.is_err(),
        "nothing arrives"
    );
    assert_eq!(server.stats().requests(), 1);

    let (_server, mut stream) = connected("resets").await;
    send(&mut stream, "GET", "/version", "").await;
    assert_eq!(
        rest(&mut stream).await.unwrap_err().kind(),
        std::io::ErrorKind::ConnectionReset
    );
}

#[tokio::test]
async fn endless_responses() {
    for (name, start, again) in [
        (
            "huge-body",
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n",
            "[0,1,2,3,4,5,6,7,8,9],\r\n16",
        ),
        ("huge-headers", "HTTP/1.1 200 OK\r\n", "\r\nX-Filler: "),
    ] {
        let (_server, mut stream) = connected(name).await;
        send(&mut stream, "GET", "/version", "").await;
        let mut bytes = vec![0; 1 << 20];
        stream.read_exact(&mut bytes).await.unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.starts_with(start), "{name}: {}", &text[..200]);
        assert!(text.matches(again).count() > 1000, "{name}");
        assert_eq!(
            text.contains("\r\n\r\n"),
            name == "huge-body",
            "{name}: the end of the headers"
        );
    }
}

#[tokio::test]
async fn a_dripping_response_arrives_byte_by_byte() {
    let (_server, mut stream) = connected("drip").await;
    send(&mut stream, "GET", "/version", "").await;
    let mut bytes = [0; 64];
    for expected in [&b"H"[..], b"T"] {
        let read = stream.read(&mut bytes).await.unwrap();
        assert_eq!(&bytes[..read], expected);
    }
}

#[tokio::test]
async fn a_truncated_body_is_shorter_than_announced() {
    let (_server, mut stream) = connected("truncated-body").await;
    send(&mut stream, "GET", "/version", "").await;
    let text = String::from_utf8(rest(&mut stream).await.unwrap()).unwrap();
    assert!(
        text.contains("Content-Length: 263\r\n") && text.ends_with("\r\n\r\n{"),
        "{text}"
    );
}

#[tokio::test]
async fn http_1_0_responses_close_the_connection() {
    let (_server, mut stream) = connected("http10").await;
    assert_eq!(
        ask(&mut stream, "GET", "/healthz").await.status_line,
        "HTTP/1.0 200 OK"
    );
    assert_eq!(rest(&mut stream).await.unwrap(), b"");
}

#[tokio::test]
async fn special_characters_are_sent_unchanged() {
    let (_server, mut stream) = connected("control-header").await;
    let version = ask(&mut stream, "GET", "/version").await;
    assert_eq!(version.header("server"), Some("evil\u{1b}[31m\u{7}"));
    assert!(version.header("date").unwrap().ends_with(" GMT"));
    let head = ask(&mut stream, "HEAD", "/api/v1/secrets?limit=1").await;
    assert_eq!(
        (head.status(), head.header("content-length")),
        (403, Some("262"))
    );

    let (_server, mut stream) = connected("control-characters").await;
    let api = ask(&mut stream, "GET", "/api").await;
    assert_eq!(
        api.header("server"),
        Some("evil\u{202e}\u{9b}31m<script>document.title='owned'</script>")
    );
    assert!(
        api.json()["message"]
            .as_str()
            .unwrap()
            .contains("\u{1b}[2J\u{7}\r\n")
    );
}

#[tokio::test]
async fn deep_json_is_nested_deeply() {
    let (_server, mut stream) = connected("deep-json").await;
    let body = ask(&mut stream, "GET", "/version").await.body;
    assert_eq!(
        (body.len(), body[99_999], body[100_000]),
        (200_000, b'[', b']')
    );
    assert_eq!(ask(&mut stream, "GET", "/api").await.body.len(), 60_000);
}
