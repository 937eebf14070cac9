//! Servers whose responses a test writes byte by byte: what neither a library nor a simulated server sends.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SigningKey};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::support::ANY;

/// What happens to a connection after a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    Continue,
    /// Closes with TLS `close_notify`.
    Close,
    /// Closes TCP without TLS `close_notify`.
    Drop,
}

/// The address of a server, and the requests it received.
#[derive(Debug, Clone)]
pub(crate) struct ByHand {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl ByHand {
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Notes a request.
    pub(crate) fn note(&self, request: &str) {
        self.requests.lock().unwrap().push(request.to_owned());
    }

    /// The first line of each request.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// Listens and passes each connection to `serve`, with its number from 1.
pub(crate) async fn listen<F>(
    serve: impl Fn(TcpStream, usize, ByHand) -> F + Send + 'static,
) -> ByHand
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind(ANY).await.unwrap();
    let server = ByHand {
        address: listener.local_addr().unwrap(),
        connections: Arc::default(),
        requests: Arc::default(),
    };
    let own = server.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let number = own.connections.fetch_add(1, Ordering::SeqCst) + 1;
            tokio::spawn(serve(stream, number, own.clone()));
        }
    });
    server
}

/// A server over TLS.
pub(crate) async fn over_tls(
    answer: impl Fn(&str) -> (Vec<u8>, Then) + Send + Sync + 'static,
) -> ByHand {
    let (tls, answer) = (acceptor(&[b"http/1.1"]), Arc::new(answer));
    listen(move |stream, _, server| {
        let (tls, answer) = (tls.clone(), Arc::clone(&answer));
        async move {
            let Ok(mut stream) = tls.accept(stream).await else {
                return;
            };
            if speak(&mut stream, &server, &*answer).await == Then::Close {
                let _ = stream.shutdown().await;
            }
        }
    })
    .await
}

/// Answers requests until the client closes or a response ends the connection.
pub(crate) async fn speak<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    server: &ByHand,
    answer: &(dyn Fn(&str) -> (Vec<u8>, Then) + Send + Sync),
) -> Then {
    // Several requests may come at once.
    let mut received = Vec::new();
    loop {
        let end = loop {
            if let Some(at) = received.windows(4).position(|end| end == b"\r\n\r\n") {
                break at + 4;
            }
            if !matches!(stream.read_buf(&mut received).await, Ok(read) if read > 0) {
                return Then::Drop;
            }
        };
        let head: Vec<u8> = received.drain(..end).collect();
        let line = String::from_utf8_lossy(&head)
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned();
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        server.note(&line);
        let (answer, then) = answer(&path);
        if stream.write_all(&answer).await.is_err() || stream.flush().await.is_err() {
            return Then::Drop;
        }
        if then != Then::Continue {
            return then;
        }
    }
}

/// A default API server over TLS.
pub(crate) async fn default_over(tls: TlsAcceptor) -> ByHand {
    listen(move |stream, _, server| {
        let tls = tls.clone();
        async move {
            let Ok(mut stream) = tls.accept(stream).await else {
                return;
            };
            let default = |path: &str| {
                let (head, body) = default_cluster(path);
                (whole(&head, &body), Then::Continue)
            };
            speak(&mut stream, &server, &default).await;
        }
    })
    .await
}

/// The header by which API servers tell their answers apart.
pub(crate) fn audit_id() -> String {
    static ANSWERS: AtomicUsize = AtomicUsize::new(0);
    let number = ANSWERS.fetch_add(1, Ordering::Relaxed);
    format!("Audit-Id: 1b2c3d4e-0000-4000-8000-{number:012}\r\n")
}

/// The HTTP/1.1 response of a default API server: status line and headers, each with its line break, and the
/// body.
pub(crate) fn default_cluster(path: &str) -> (String, String) {
    let flow = "X-Kubernetes-Pf-Flowschema-Uid: 5fbd05f6-0000-4000-8000-000000000002\r\n\
                X-Kubernetes-Pf-Prioritylevel-Uid: 7c9c0aa2-0000-4000-8000-000000000003\r\n";
    let marks = format!("{}{flow}", audit_id());
    let (status, kind, body) = match path {
        "/version" => ("200 OK", "application/json", VERSION.to_owned()),
        "/healthz" | "/livez" | "/readyz" => {
            ("200 OK", "text/plain; charset=utf-8", "ok".to_owned())
        }
        _ => {
            let message =
                format!("forbidden: User \\\"system:anonymous\\\" cannot get path \\\"{path}\\\"");
            let body = format!(
                "{{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{{}},\"status\":\"Failure\",\
                 \"message\":\"{message}\",\"reason\":\"Forbidden\",\"details\":{{}},\"code\":403}}\n"
            );
            ("403 Forbidden", "application/json", body)
        }
    };
    (
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nX-Content-Type-Options: nosniff\r\n{marks}"
        ),
        body,
    )
}

const VERSION: &str = r#"{"major":"1","minor":"30","gitVersion":"v1.30.4","gitCommit":"0","gitTreeState":"clean","buildDate":"2024-08-14T00:00:00Z","goVersion":"go1.22.5","compiler":"gc","platform":"linux/amd64"}"#;

/// The response of an old API server's insecure port, where everything is open.
pub(crate) fn insecure(path: &str) -> Vec<u8> {
    let body = match path {
        "/version" => VERSION,
        "/healthz" => "ok",
        "/api" => r#"{"kind":"APIVersions","versions":["v1"],"serverAddressByClientCIDRs":[]}"#,
        _ => r#"{"paths":["/api","/healthz","/version"]}"#,
    };
    let status = if matches!(path, "/version" | "/healthz" | "/api") {
        "200 OK"
    } else {
        "404 Not Found"
    };
    whole(
        &format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\n"),
        body,
    )
}

/// A response with its length.
pub(crate) fn whole(head: &str, body: &str) -> Vec<u8> {
    format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// TLS with the certificate of an API server.
pub(crate) fn acceptor(alpn: &[&[u8]]) -> TlsAcceptor {
    let names = ["kubernetes", "kubernetes.default.svc", "localhost"].map(str::to_owned);
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(names)
        .unwrap()
        .self_signed(&key)
        .unwrap();
    acceptor_of(vec![certificate.der().clone()], &key, alpn)
}

/// TLS with these certificates and this key, which need not match.
pub(crate) fn acceptor_of(
    chain: Vec<CertificateDer<'static>>,
    key: &KeyPair,
    alpn: &[&[u8]],
) -> TlsAcceptor {
    let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    acceptor_with(
        chain,
        aws_lc_rs::default_provider()
            .key_provider
            .load_private_key(key)
            .unwrap(),
        alpn,
    )
}

/// The same with any signing key.
pub(crate) fn acceptor_with(
    chain: Vec<CertificateDer<'static>>,
    key: Arc<dyn SigningKey>,
    alpn: &[&[u8]],
) -> TlsAcceptor {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Shown(Arc::new(CertifiedKey::new(chain, key)))));
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

#[derive(Debug)]
struct Shown(Arc<CertifiedKey>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}
