//! TLS that records and does not judge: any chain is taken, the handshake's signature is checked
//! and its result noted, a client certificate is never offered. What the server reveals is kept:
//! its chain, and the CA names it asks for, which it shows even to callers it then answers 401.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::ServerCertVerifier;
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, ClientConfig, InvalidMessage, PeerIncompatible};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::config::ScanConfig;
use crate::error::Error;
use crate::model::{Endpoint, Failure, FailureKind, Handshake, NameList, Signature, Stage, Trust};

use super::anchors::Anchors;
use super::certificate;
use super::recorder::{Recorder, Seen};
use super::sniff::{Opening, Sniffed};

/// Why a chain that ends where it should is not trusted all the same.
const NO_KEY: &str =
    "the handshake's signature does not prove that the peer holds the certificate's key";
/// Why a handshake is not read to its end.
const TOO_LONG: &str = "the server's certificates are longer than 64 KiB together";
/// The only protocol offered where HTTP/2 is not.
const HTTP11: &[u8] = b"http/1.1";

/// A TLS client's settings, shared by all connections of a scan.
pub(super) struct Client {
    provider: Arc<CryptoProvider>,
    base: ClientConfig,
    anchors: Anchors,
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
        // Each endpoint is greeted once: nothing to resume, nothing to remember.
        base.resumption = Resumption::disabled();
        // API servers from 1.29 close an HTTP/2 connection after each anonymous answer.
        base.alpn_protocols = if config.http2 {
            vec![b"h2".to_vec(), HTTP11.to_vec()]
        } else {
            vec![HTTP11.to_vec()]
        };
        Ok(Self {
            anchors: Anchors::new(&config.trusted_cas)?,
            provider,
            base,
        })
    }

    /// The handshake: the stream and what was revealed. `http1` offers nothing but HTTP/1.1.
    pub(super) async fn handshake(
        &self,
        stream: TcpStream,
        endpoint: &Endpoint,
        http1: bool,
    ) -> Result<(TlsStream<Sniffed>, Handshake, Duration), Refused> {
        let name = server_name(endpoint).map_err(|failure| Refused {
            failure,
            no_tls: false,
        })?;
        let recorder = Arc::new(Recorder::new(&self.provider));
        let mut config = self.base.clone();
        config
            .dangerous()
            .set_certificate_verifier(Arc::clone(&recorder) as Arc<dyn ServerCertVerifier>);
        config.client_auth_cert_resolver = Arc::clone(&recorder) as Arc<dyn ResolvesClientCert>;
        if http1 {
            config.alpn_protocols = vec![HTTP11.to_vec()];
        }
        let started = std::time::Instant::now();
        let connect = TlsConnector::from(Arc::new(config)).connect(name, Sniffed::new(stream));
        let outcome = connect.into_fallible().await;
        let elapsed = started.elapsed();
        let seen = recorder.seen();
        let stream = outcome.map_err(|(error, stream)| refused(&error, stream.opening(), &seen))?;
        let handshake = self.facts(&stream, endpoint, seen);
        Ok((stream, handshake, elapsed))
    }

    fn facts(&self, stream: &TlsStream<Sniffed>, endpoint: &Endpoint, seen: Seen) -> Handshake {
        let (_, connection) = stream.get_ref();
        let chain = connection.peer_certificates().unwrap_or_default();
        let certificate = chain.first().and_then(|leaf| certificate::facts(leaf));
        let algorithms = self.provider.signature_verification_algorithms;
        let requested = seen.ca_names.is_some();
        let signature = seen.signature.unwrap_or_else(|| Signature::NotChecked {
            why: "there was none".to_owned(),
        });
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
            alpn: connection
                .alpn_protocol()
                .map(|protocol| String::from_utf8_lossy(protocol).into_owned()),
            sni: endpoint.name.as_deref().map(str::to_owned),
            client_certificate_requested: requested,
            client_ca_names: NameList::collect(seen.ca_names.unwrap_or_default()),
            trust: self
                .anchors
                .judge(chain, certificate.as_ref(), algorithms)
                .map(|trust| with_key(trust, &signature)),
            signature,
            chain_length: chain.len(),
            certificate,
        }
    }
}

/// A chain can be copied; only the signature shows that its key is there.
fn with_key(trust: Trust, signature: &Signature) -> Trust {
    match (trust, signature) {
        (Trust::Anchored { .. }, Signature::Invalid) => Trust::NotAnchored {
            why: NO_KEY.to_owned(),
        },
        (Trust::Anchored { by }, Signature::NotChecked { why }) => Trust::NotChecked {
            why: format!("the chain ends at {by}, but not whether its key is there: {why}"),
        },
        (trust, _) => trust,
    }
}

fn server_name(endpoint: &Endpoint) -> Result<ServerName<'static>, Failure> {
    let Some(name) = &endpoint.name else {
        // An address is never sent: where the proxy alone knows it, any will do.
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

/// Why a handshake failed.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) failure: Failure,
    /// Whether the peer showed no TLS at all: it closed without a byte, or answered with other bytes.
    pub(super) no_tls: bool,
}

/// What is offered, in words: a server that takes none of it can only be told so.
const OFFERED: &str = "TLS 1.3, and TLS 1.2 with ECDHE and AES-GCM or ChaCha20-Poly1305";

/// What a failed handshake says. `seen` is what came before.
fn refused(error: &io::Error, opening: Opening, seen: &Seen) -> Refused {
    let failure = match told(error) {
        _ if opening == Opening::Http => Failure::new(Stage::Tls, FailureKind::PlainHttp, ""),
        Some(told) if opening == Opening::Tls => negotiated(told, error, seen),
        Some(told) => Failure {
            kind: FailureKind::NotTls,
            ..told
        },
        None => match error.kind() {
            io::ErrorKind::UnexpectedEof => Failure::new(Stage::Tls, FailureKind::Closed, ""),
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => Failure::new(Stage::Tls, FailureKind::Reset, ""),
            _ => Failure::new(Stage::Tls, FailureKind::Handshake, error.to_string()),
        },
    };
    Refused {
        failure,
        no_tls: opening != Opening::Tls,
    }
}

/// The failure in the words of whoever speaks TLS, but would not have what it was offered.
fn negotiated(told: Failure, error: &io::Error, seen: &Seen) -> Failure {
    let began = seen.signature.is_some();
    let asked = seen.ca_names.is_some();
    let offered = |what: &str| {
        format!(
            "{}: the server takes none of the {what} offered: {OFFERED}",
            told.detail
        )
    };
    match rustls_error(error) {
        // In TLS 1.2 some answer so to a caller that shows no certificate.
        Some(rustls::Error::AlertReceived(AlertDescription::HandshakeFailure)) if asked => {
            Failure {
                kind: FailureKind::ClientCertificateRequired,
                detail: String::new(),
                ..told
            }
        }
        Some(rustls::Error::AlertReceived(
            AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity,
        )) if !began => Failure {
            detail: offered("cipher suites or versions"),
            ..told
        },
        Some(
            rustls::Error::AlertReceived(AlertDescription::ProtocolVersion)
            | rustls::Error::PeerIncompatible(
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
            )
            | rustls::Error::InvalidMessage(InvalidMessage::UnknownProtocolVersion),
        ) => Failure {
            detail: offered("versions"),
            ..told
        },
        Some(rustls::Error::InvalidMessage(
            InvalidMessage::CertificatePayloadTooLarge | InvalidMessage::HandshakePayloadTooLarge,
        )) => Failure {
            detail: TOO_LONG.to_owned(),
            ..told
        },
        _ => told,
    }
}

fn rustls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// What the TLS library says of a failure; `None` where it failed below that.
pub(super) fn told(error: &io::Error) -> Option<Failure> {
    let (kind, detail) = match rustls_error(error)? {
        // "Bad certificate" to a caller that showed none: older servers' words for the same.
        rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired | AlertDescription::BadCertificate,
        ) => (FailureKind::ClientCertificateRequired, String::new()),
        rustls::Error::InvalidMessage(problem) => (FailureKind::Handshake, format!("{problem:?}")),
        other => (FailureKind::Handshake, other.to_string()),
    };
    Some(Failure::new(Stage::Tls, kind, detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(error: rustls::Error, seen: &Seen) -> Failure {
        refused(
            &io::Error::new(io::ErrorKind::InvalidData, error),
            Opening::Tls,
            seen,
        )
        .failure
    }

    #[test]
    fn what_is_offered_is_what_is_said() {
        for suite in aws_lc_rs::default_provider().cipher_suites {
            let name = suite.suite().as_str().unwrap();
            let said = name.starts_with("TLS13_")
                || name.starts_with("TLS_ECDHE_")
                    && (name.contains("_GCM_") || name.contains("CHACHA20_POLY1305"));
            assert!(said, "{name}");
        }
    }

    #[test]
    fn a_refusal_says_what_was_refused() {
        use rustls::Error::{AlertReceived, PeerIncompatible as Incompatible};
        let before = Seen::default();
        for (error, said) in [
            (
                AlertReceived(AlertDescription::HandshakeFailure),
                "none of the cipher suites or versions offered",
            ),
            (
                AlertReceived(AlertDescription::ProtocolVersion),
                "none of the versions offered",
            ),
            (
                Incompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13),
                "none of the versions offered",
            ),
            (
                rustls::Error::InvalidMessage(InvalidMessage::HandshakePayloadTooLarge),
                "longer than 64 KiB",
            ),
        ] {
            let failure = after(error.clone(), &before);
            assert_eq!(failure.kind, FailureKind::Handshake, "{error}");
            assert!(failure.detail.contains(said), "{}", failure.detail);
        }
        // Behind the server's own signature all that is long agreed on.
        let alert = || AlertReceived(AlertDescription::HandshakeFailure);
        let agreed = Seen {
            signature: Some(Signature::Valid),
            ca_names: None,
        };
        assert!(!after(alert(), &agreed).detail.contains("offered"));
        let asked = Seen {
            signature: Some(Signature::Valid),
            ca_names: Some(Vec::new()),
        };
        assert_eq!(
            after(alert(), &asked).kind,
            FailureKind::ClientCertificateRequired
        );
    }

    #[test]
    fn a_peer_that_shows_no_tls_is_told_apart() {
        let broken = || {
            let error = rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType);
            io::Error::new(io::ErrorKind::InvalidData, error)
        };
        let seen = Seen::default();
        for (error, opening, kind, no_tls) in [
            (broken(), Opening::Http, FailureKind::PlainHttp, true),
            (broken(), Opening::Other, FailureKind::NotTls, true),
            (broken(), Opening::Tls, FailureKind::Handshake, false),
            (
                io::ErrorKind::UnexpectedEof.into(),
                Opening::Nothing,
                FailureKind::Closed,
                true,
            ),
            (
                io::ErrorKind::ConnectionReset.into(),
                Opening::Nothing,
                FailureKind::Reset,
                true,
            ),
            (
                io::ErrorKind::UnexpectedEof.into(),
                Opening::Tls,
                FailureKind::Closed,
                false,
            ),
        ] {
            let refused = refused(&error, opening, &seen);
            assert_eq!(
                (refused.failure.kind, refused.no_tls),
                (kind, no_tls),
                "{opening:?} {error}"
            );
        }
    }
}
