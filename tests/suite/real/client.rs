//! An independent client that accepts any certificate: the expected result must not come from the tested code.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::pki::Pki;

/// The response to one request.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Answer {
    /// Whether the request passed authorization: it was not denied, and the authorizer did not fail.
    pub(super) fn let_through(&self) -> bool {
        !matches!(self.status, 401 | 403) && !self.body.starts_with("Internal Server Error: ")
    }
}

pub(super) struct Client {
    address: SocketAddr,
    config: Arc<ClientConfig>,
}

impl Client {
    /// A client with the certificate of the administrator.
    pub(super) fn admin(address: SocketAddr, pki: &Pki) -> Self {
        let chain = vec![CertificateDer::from_pem_file(pki.path("admin.crt")).unwrap()];
        let key = PrivateKeyDer::from_pem_file(pki.path("admin.key")).unwrap();
        Self {
            address,
            config: Arc::new(builder().with_client_auth_cert(chain, key).unwrap()),
        }
    }

    /// A client without credentials.
    pub(super) fn anonymous(address: SocketAddr) -> Self {
        Self {
            address,
            config: Arc::new(builder().with_no_client_auth()),
        }
    }

    pub(super) async fn get(&self, path: &str) -> io::Result<Answer> {
        self.send("GET", path, "application/json", "").await
    }

    pub(super) async fn send(
        &self,
        method: &str,
        path: &str,
        media: &str,
        body: &str,
    ) -> io::Result<Answer> {
        let stream = tokio::net::TcpStream::connect(self.address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = tokio_rustls::TlsConnector::from(Arc::clone(&self.config))
            .connect(name, stream)
            .await?;
        // HTTP/1.0 has no chunks to decode.
        let request = format!(
            "{method} {path} HTTP/1.0\r\nHost: localhost\r\nContent-Type: {media}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        // The server may close without TLS close_notify; the received bytes count.
        let ended = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer);
        let Some((head, body)) = answer.split_once("\r\n\r\n") else {
            ended?;
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        Ok(Answer {
            status: status.ok_or(io::ErrorKind::InvalidData)?,
            body: body.to_owned(),
        })
    }
}

fn builder() -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let any = Arc::new(Any(provider.signature_verification_algorithms));
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap();
    builder.dangerous().with_custom_certificate_verifier(any)
}

#[derive(Debug)]
struct Any(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for Any {
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
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
