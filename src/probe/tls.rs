//! TLS that records and does not judge: any chain is taken, the handshake's signature is checked
//! and its result noted, a client certificate is never offered. What the server reveals is kept:
//! its chain, and the CA names it asks for, which it shows even to callers it then answers 401.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{AlertDescription, ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::config::ScanConfig;
use crate::error::Error;
use crate::model::{Endpoint, Failure, FailureKind, Handshake, Names, Stage, Trust};

use super::anchors::Anchors;
use super::certificate;
use super::sniff::Sniffed;

/// Why a chain that ends where it should is not trusted all the same.
const NO_KEY: &str = "the handshake's signature does not prove that the peer holds the certificate's key";

/// A TLS client's settings, shared by all connections of a scan.
pub(super) struct Client {
    provider: Arc<CryptoProvider>,
    base: ClientConfig,
    anchors: Anchors,
}

/// What one handshake revealed.
#[derive(Debug, Default)]
struct Seen {
    signature: Option<bool>,
    ca_names: Option<Vec<String>>,
}

/// Records one handshake; a new one for each.
#[derive(Debug)]
struct Recorder {
    provider: Arc<CryptoProvider>,
    seen: Mutex<Seen>,
}

impl Client {
    pub(super) fn new(config: &ScanConfig) -> Result<Self, Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let recorder = Arc::new(Recorder { provider: Arc::clone(&provider), seen: Mutex::default() });
        let mut base = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(recorder)
            .with_no_client_auth();
        // Each endpoint is greeted once: nothing to resume, nothing to remember.
        base.resumption = Resumption::disabled();
        // API servers from 1.29 close an HTTP/2 connection after each anonymous answer.
        base.alpn_protocols = if config.http2 {
            vec![b"h2".to_vec(), b"http/1.1".to_vec()]
        } else {
            vec![b"http/1.1".to_vec()]
        };
        Ok(Self { anchors: Anchors::new(&config.trusted_cas)?, provider, base })
    }

    /// The handshake: the stream and what was revealed.
    pub(super) async fn handshake(
        &self,
        stream: TcpStream,
        endpoint: &Endpoint,
    ) -> Result<(TlsStream<Sniffed>, Handshake, Duration), Failure> {
        let name = server_name(endpoint)?;
        let recorder = Arc::new(Recorder { provider: Arc::clone(&self.provider), seen: Mutex::default() });
        let mut config = self.base.clone();
        config.dangerous().set_certificate_verifier(Arc::clone(&recorder) as Arc<dyn ServerCertVerifier>);
        config.client_auth_cert_resolver = Arc::clone(&recorder) as Arc<dyn ResolvesClientCert>;
        let started = std::time::Instant::now();
        let connect = TlsConnector::from(Arc::new(config)).connect(name, Sniffed::new(stream));
        let stream =
            connect.into_fallible().await.map_err(|(error, stream)| failure(&error, stream.is_http()))?;
        let elapsed = started.elapsed();
        let seen = std::mem::take(&mut *recorder.seen.lock().unwrap_or_else(PoisonError::into_inner));
        let handshake = self.facts(&stream, endpoint, seen);
        Ok((stream, handshake, elapsed))
    }

    fn facts(&self, stream: &TlsStream<Sniffed>, endpoint: &Endpoint, seen: Seen) -> Handshake {
        let (_, connection) = stream.get_ref();
        let chain = connection.peer_certificates().unwrap_or_default();
        let certificate = chain.first().and_then(|leaf| certificate::facts(leaf));
        let algorithms = self.provider.signature_verification_algorithms;
        let requested = seen.ca_names.is_some();
        Handshake {
            version: match connection.protocol_version() {
                Some(rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2".to_owned(),
                Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3".to_owned(),
                other => format!("{other:?}"),
            },
            cipher: connection
                .negotiated_cipher_suite()
                .and_then(|suite| suite.suite().as_str().map(str::to_owned))
                .unwrap_or_default()
                .replace("TLS13_", "TLS_"),
            alpn: connection.alpn_protocol().map(|protocol| String::from_utf8_lossy(protocol).into_owned()),
            sni: endpoint.name.as_deref().map(str::to_owned),
            client_certificate_requested: requested,
            client_ca_names: Names::collect(seen.ca_names.unwrap_or_default()),
            signature_valid: seen.signature.unwrap_or(false),
            chain_length: chain.len(),
            trust: self.anchors.judge(chain, certificate.as_ref(), algorithms).map(|trust| {
                // A chain can be copied; only the signature shows that its key is there.
                if seen.signature == Some(true) {
                    trust
                } else {
                    Trust::NotAnchored { why: NO_KEY.to_owned() }
                }
            }),
            certificate,
        }
    }
}

fn server_name(endpoint: &Endpoint) -> Result<ServerName<'static>, Failure> {
    let Some(name) = &endpoint.name else {
        // An address is never sent: where the proxy alone knows it, any will do.
        let address = endpoint.address().map_or(Ipv4Addr::UNSPECIFIED.into(), |address| address.ip());
        return Ok(ServerName::IpAddress(address.into()));
    };
    ServerName::try_from(name.to_string()).map_err(|error| {
        Failure::new(Stage::Tls, FailureKind::Handshake, format!("{name} cannot be sent as SNI: {error}"))
    })
}

/// What a failed handshake, or a read after it, says.
pub(super) fn failure(error: &std::io::Error, http: bool) -> Failure {
    let (kind, detail) = match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidMessage(_)) if http => (FailureKind::PlainHttp, String::new()),
        Some(rustls::Error::InvalidMessage(problem)) => (FailureKind::NotTls, format!("{problem:?}")),
        // "Bad certificate" to a caller that showed none: older servers' words for the same.
        Some(rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired | AlertDescription::BadCertificate,
        )) => (FailureKind::ClientCertificateRequired, String::new()),
        Some(other) => (FailureKind::Handshake, other.to_string()),
        None => match error.kind() {
            std::io::ErrorKind::UnexpectedEof => (FailureKind::Closed, String::new()),
            std::io::ErrorKind::ConnectionReset
            | std::io::ErrorKind::ConnectionAborted
            | std::io::ErrorKind::BrokenPipe => (FailureKind::Reset, String::new()),
            _ => (FailureKind::Handshake, error.to_string()),
        },
    };
    Failure::new(Stage::Tls, kind, detail)
}

impl Recorder {
    fn record(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// A failed check is a fact about the server, not a reason to stop.
    fn note(&self, checked: &Result<HandshakeSignatureValid, rustls::Error>) -> HandshakeSignatureValid {
        self.record(|seen| seen.signature = Some(checked.is_ok()));
        HandshakeSignatureValid::assertion()
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        Ok(self.note(&verify_tls12_signature(message, leaf, signature, algorithms)))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        Ok(self.note(&verify_tls13_signature(message, leaf, signature, algorithms)))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl ResolvesClientCert for Recorder {
    /// Keeps the CA names and offers nothing.
    fn resolve(&self, ca_names: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let names = ca_names.iter().map(|name| certificate::distinguished_name(name)).collect();
        self.record(|seen| seen.ca_names = Some(names));
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}
