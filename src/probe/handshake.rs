//! The TLS handshake. It accepts any certificate chain, records whether the signature is valid, and never
//! offers a client certificate. It keeps what the server reveals: its chain, and the CA names of its
//! certificate request, which callers see even if they then get a 401.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use parking_lot::Mutex;
use rustls::client::danger::ServerCertVerifier;
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CipherSuite, ClientConfig};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::config::ScanConfig;
use crate::error::Error;
use crate::model::{Endpoint, Failure, FailureKind, Handshake, NameList, Signature, Stage, Trust};

use super::first_bytes::SniffedStream;
use super::recorder::{Recorder, Revealed};
use super::tls_error::{self, FailedHandshake};
use super::trust_anchors::TrustAnchors;

/// Why a chain is not trusted although it ends at a trusted CA.
const KEY_NOT_PROVEN: &str =
    "the handshake's signature does not prove that the peer holds the certificate's key";
/// The ALPN name of HTTP/1.1.
const HTTP11: &[u8] = b"http/1.1";

/// The TLS settings that all connections of a scan share.
pub(super) struct Client {
    provider: Arc<CryptoProvider>,
    base: ClientConfig,
    /// Settings of handshakes that have ended: to make them costs a hundredth of a handshake. A handshake that is dropped,
    /// as by a timeout, drops its settings, too, with what its recorder holds.
    spare: Mutex<Vec<Settings>>,
    anchors: TrustAnchors,
}

/// The settings of one handshake at a time, with its recorder.
struct Settings {
    config: Arc<ClientConfig>,
    recorder: Arc<Recorder>,
}

impl Client {
    pub(super) fn new(config: &ScanConfig) -> Result<Self, Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let recorder = Arc::new(Recorder::new(&provider));
        let mut base = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::Tls(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(recorder)
            .with_no_client_auth();
        // Each endpoint gets one handshake, so there is no session to resume.
        base.resumption = Resumption::disabled();
        // Offers HTTP/2 only on request: since 1.29, API servers close an HTTP/2 connection after each response to an
        // anonymous caller.
        base.alpn_protocols = if config.http2 {
            vec![b"h2".to_vec(), HTTP11.to_vec()]
        } else {
            vec![HTTP11.to_vec()]
        };
        Ok(Self {
            anchors: TrustAnchors::new(&config.trusted_cas)?,
            provider,
            base,
            spare: Mutex::default(),
        })
    }

    /// Settings with a recorder of their own. With `http1`, only HTTP/1.1 is offered.
    fn settings(&self, http1: bool) -> Settings {
        let recorder = Arc::new(Recorder::new(&self.provider));
        let mut config = self.base.clone();
        config
            .dangerous()
            .set_certificate_verifier(Arc::clone(&recorder) as Arc<dyn ServerCertVerifier>);
        config.client_auth_cert_resolver = Arc::clone(&recorder) as Arc<dyn ResolvesClientCert>;
        if http1 {
            config.alpn_protocols = vec![HTTP11.to_vec()];
        }
        Settings {
            config: Arc::new(config),
            recorder,
        }
    }

    /// Performs the handshake. Returns the stream, what the server revealed, and how long it took. With
    /// `http1`, only HTTP/1.1 is offered.
    pub(super) async fn handshake(
        &self,
        stream: TcpStream,
        endpoint: &Endpoint,
        http1: bool,
    ) -> Result<(TlsStream<SniffedStream>, Box<Handshake>, Duration), FailedHandshake> {
        let name = server_name(endpoint).map_err(|failure| FailedHandshake {
            failure,
            no_tls: false,
        })?;
        let spare = if http1 { None } else { self.spare.lock().pop() };
        let settings = spare.unwrap_or_else(|| self.settings(http1));
        let connector = TlsConnector::from(Arc::clone(&settings.config));
        let connect = connector.connect(name, SniffedStream::new(stream));
        // The first message is made by now, so the time for its random numbers is not counted as the server's.
        let started = std::time::Instant::now();
        let outcome = connect.into_fallible().await;
        let elapsed = started.elapsed();
        let revealed = settings.recorder.take();
        if !http1 {
            // A connection asks its recorder for nothing after the handshake.
            self.spare.lock().push(settings);
        }
        let mut stream = match outcome {
            Ok(stream) => stream,
            Err((error, mut stream)) => {
                // Sends the alert that tells the server why, if it can leave at once.
                stream.end_handshake();
                let _ = stream.flush().now_or_never();
                return Err(tls_error::classify(&error, stream.first_bytes(), &revealed));
            }
        };
        stream.get_mut().0.end_handshake();
        let handshake = Box::new(self.facts(&stream, endpoint, revealed));
        Ok((stream, handshake, elapsed))
    }

    /// Whether the chain of a handshake ends at one of the CAs that an inventory declares.
    pub(super) fn declared_trust(
        &self,
        chain: &[Box<[u8]>],
        handshake: &Handshake,
        authorities: &[Box<[u8]>],
    ) -> Trust {
        let chain: Vec<_> = (chain.iter())
            .map(|der| CertificateDer::from(&**der))
            .collect();
        let algorithms = self.provider.signature_verification_algorithms;
        TrustAnchors::declared(authorities)
            .evaluate(&chain, handshake.certificate.as_ref(), algorithms)
            .map_or_else(
                || Trust::NotChecked {
                    why: "the inventory has no CA certificate that can be used".to_owned(),
                },
                |trust| require_key(trust, &handshake.signature),
            )
    }

    fn facts(
        &self,
        stream: &TlsStream<SniffedStream>,
        endpoint: &Endpoint,
        revealed: Revealed,
    ) -> Handshake {
        let (_, connection) = stream.get_ref();
        let chain = connection.peer_certificates().unwrap_or_default();
        let certificate = revealed.leaf.map(|leaf| leaf.facts);
        let algorithms = self.provider.signature_verification_algorithms;
        let requested = revealed.ca_names.is_some();
        let signature = revealed.signature.unwrap_or_else(|| Signature::NotChecked {
            why: "the handshake had none".to_owned(),
        });
        Handshake {
            version: match connection.protocol_version() {
                Some(rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2".into(),
                Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3".into(),
                other => format!("{other:?}").into(),
            },
            cipher: (connection.negotiated_cipher_suite())
                .map(|suite| iana_name(suite.suite()))
                .unwrap_or_default()
                .into(),
            alpn: connection.alpn_protocol().map(|protocol| match protocol {
                HTTP11 => "http/1.1".into(),
                b"h2" => "h2".into(),
                other => String::from_utf8_lossy(other).into_owned().into(),
            }),
            sni: endpoint.name.as_deref().map(str::to_owned),
            client_certificate_requested: requested,
            client_ca_names: NameList::collect(revealed.ca_names.unwrap_or_default()),
            trust: self
                .anchors
                .evaluate(chain, certificate.as_ref(), algorithms)
                .map(|trust| require_key(trust, &signature)),
            declared_trust: None,
            signature,
            chain_length: chain.len(),
            certificate,
        }
    }
}

/// The name of a cipher suite in the registry of IANA. The library's names of those of TLS 1.3 differ.
fn iana_name(suite: CipherSuite) -> &'static str {
    match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        other => other.as_str().unwrap_or_default(),
    }
}

/// Anybody can copy a chain; only the signature proves that the server holds its key.
fn require_key(trust: Trust, signature: &Signature) -> Trust {
    match (trust, signature) {
        (Trust::Anchored { .. }, Signature::Invalid) => Trust::NotAnchored {
            why: KEY_NOT_PROVEN.to_owned(),
        },
        (Trust::Anchored { by }, Signature::NotChecked { why }) => Trust::NotChecked {
            why: format!("the chain ends at {by}, but the signature could not be checked: {why}"),
        },
        (trust, _) => trust,
    }
}

fn server_name(endpoint: &Endpoint) -> Result<ServerName<'static>, Failure> {
    let Some(name) = &endpoint.name else {
        // rustls sends no SNI for an address. If only the proxy knows the address, any will do.
        let address = endpoint
            .address()
            .map_or(Ipv4Addr::UNSPECIFIED.into(), |address| address.ip());
        return Ok(ServerName::IpAddress(address.into()));
    };
    ServerName::try_from(name.to_string()).map_err(|error| {
        Failure::new(
            Stage::Tls,
            FailureKind::Handshake,
            format!("{name} cannot be sent as SNI: {error}"),
        )
    })
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::model::{Host, Scheme};
    use crate::simulator;

    /// The handshake with a server, within a second.
    async fn handshake(client: &Client, address: SocketAddr) -> Option<Box<Handshake>> {
        let endpoint = Endpoint {
            scheme: Scheme::Https,
            host: Host::Ip(address.ip()),
            port: address.port(),
            name: None,
            prefix: "".into(),
        };
        let stream = TcpStream::connect(address).await.unwrap();
        let work = client.handshake(stream, &endpoint, false);
        let done = tokio::time::timeout(Duration::from_secs(1), work).await;
        done.ok()?.ok().map(|(_, handshake, _)| handshake)
    }

    #[test]
    fn cipher_suites_have_their_registered_names() {
        for (suite, name) in [
            (
                CipherSuite::TLS13_AES_128_GCM_SHA256,
                "TLS_AES_128_GCM_SHA256",
            ),
            (
                CipherSuite::TLS13_AES_256_GCM_SHA384,
                "TLS_AES_256_GCM_SHA384",
            ),
            (
                CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
                "TLS_CHACHA20_POLY1305_SHA256",
            ),
            (
                CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            ),
        ] {
            assert_eq!(iana_name(suite), name);
        }
    }

    /// Settings are used again, and what a server revealed stays with its own handshake: also if that failed or was given
    /// up.
    #[tokio::test]
    async fn settings_are_used_again_without_what_they_recorded() {
        let mut servers = Vec::new();
        for name in ["default", "nginx-fronted", "garbage", "hangs-after-accept"] {
            let scenario = simulator::scenario(name).unwrap();
            let any = "127.0.0.1:0".parse().unwrap();
            servers.push(simulator::start(scenario, any).await.unwrap());
        }
        let [asks, asks_not, fails, hangs] = [0, 1, 2, 3].map(|at| servers[at].address());
        let client = Client::new(&ScanConfig::default()).unwrap();
        for (earlier, succeeds, spare) in [
            (asks, true, 1),
            (fails, false, 1),
            (hangs, false, 0),
            (asks, true, 1),
        ] {
            assert_eq!(handshake(&client, earlier).await.is_some(), succeeds);
            assert_eq!(client.spare.lock().len(), spare);
            let other = handshake(&client, asks_not).await.unwrap();
            assert!(!other.client_certificate_requested);
            assert_eq!(other.client_ca_names.total, 0);
            assert_eq!(other.signature, Signature::Valid);
            assert_eq!(client.spare.lock().len(), 1);
        }
        let asking = handshake(&client, asks).await.unwrap();
        assert!(asking.client_certificate_requested && asking.client_ca_names.total > 0);
    }
}
