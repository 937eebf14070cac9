//! A client that uses only sockets and TLS.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme, SupportedProtocolVersion};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::SOON;

/// The CA names of the certificate request in DER; `None` if there was none.
pub(super) type Asked = Arc<Mutex<Option<Vec<Vec<u8>>>>>;

/// Checks only the signature, which proves that the server holds the key of the certificate.
#[derive(Debug)]
struct AnyName(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[derive(Debug)]
struct NoCertificate(Asked);

impl ResolvesClientCert for NoCertificate {
    fn resolve(&self, names: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        *self.0.lock().unwrap() = Some(names.iter().map(|name| name.to_vec()).collect());
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

pub(super) struct Client {
    pub(super) versions: Vec<&'static SupportedProtocolVersion>,
    pub(super) alpn: Vec<&'static str>,
    pub(super) name: &'static str,
    pub(super) asked: Asked,
}

impl Default for Client {
    fn default() -> Self {
        let versions = vec![&rustls::version::TLS12, &rustls::version::TLS13];
        Self {
            versions,
            alpn: vec!["http/1.1"],
            name: "api.example",
            asked: Asked::default(),
        }
    }
}

impl Client {
    pub(super) async fn connect(
        &self,
        address: SocketAddr,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&self.versions)
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyName(provider)))
            .with_client_cert_resolver(Arc::new(NoCertificate(Arc::clone(&self.asked))));
        config.alpn_protocols = self
            .alpn
            .iter()
            .map(|protocol| protocol.as_bytes().to_vec())
            .collect();
        let stream = TcpStream::connect(address).await?;
        let name = ServerName::try_from(self.name).unwrap();
        timeout(
            SOON,
            TlsConnector::from(Arc::new(config)).connect(name, stream),
        )
        .await?
    }
}

/// One HTTP/1 response.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status_line: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn status(&self) -> u16 {
        self.status_line.split(' ').nth(1).unwrap().parse().unwrap()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(seen, _)| seen.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

pub(super) async fn send<S: AsyncWrite + Unpin>(
    stream: &mut S,
    method: &str,
    path: &str,
    more: &str,
) {
    let request =
        format!("{method} {path} HTTP/1.1\r\nHost: api.example\r\nUser-Agent: tests\r\n{more}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
}

/// Sends a request and reads the whole response, using its Content-Length.
pub(super) async fn ask<S>(stream: &mut S, method: &str, path: &str) -> Answer
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    send(stream, method, path, "").await;
    timeout(SOON, read_answer(stream, method)).await.unwrap()
}

async fn read_answer<S: AsyncRead + Unpin>(stream: &mut S, method: &str) -> Answer {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        assert_ne!(
            stream.read_buf(&mut bytes).await.unwrap(),
            0,
            "closed in the head: {bytes:?}"
        );
    };
    let mut body = bytes.split_off(end + 4);
    let head = String::from_utf8_lossy(&bytes).into_owned();
    let mut lines = head.trim_end().split("\r\n");
    let status_line = lines.next().unwrap().to_owned();
    let headers: Vec<(String, String)> = lines
        .map(|line| line.split_once(':').unwrap())
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    let answer = Answer {
        status_line,
        headers,
        body: Vec::new(),
    };
    let length: usize = answer.header("content-length").unwrap().parse().unwrap();
    while method != "HEAD" && body.len() < length {
        assert_ne!(
            stream.read_buf(&mut body).await.unwrap(),
            0,
            "closed in the body"
        );
    }
    assert!(method != "HEAD" || body.is_empty(), "a HEAD got a body");
    assert!(body.len() <= length, "more than was stated");
    Answer { body, ..answer }
}

/// Reads until the server closes.
pub(super) async fn rest<S: AsyncRead + Unpin>(stream: &mut S) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    timeout(SOON, stream.read_to_end(&mut bytes))
        .await
        .expect("closes soon")?;
    Ok(bytes)
}
