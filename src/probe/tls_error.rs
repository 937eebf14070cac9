//! Why a TLS handshake failed: no TLS at all, no common version or cipher suite, a required client
//! certificate.

use std::io;

use rustls::{AlertDescription, InvalidMessage, PeerIncompatible};

use super::first_bytes::FirstBytes;
use super::recorder::Revealed;
use crate::model::{Failure, FailureKind, Stage};

/// The detail of a handshake that was too long to read.
const TOO_LONG: &str = "the server's certificates are longer than 64 KiB together";

/// Why a handshake failed.
#[derive(Debug)]
pub(super) struct FailedHandshake {
    pub(super) failure: Failure,
    /// Whether the peer showed no TLS: the connection ended before any byte, or other bytes came.
    pub(super) no_tls: bool,
}

/// What we offer, for messages about servers that accept none of it.
const OFFERED: &str = "TLS 1.3, and TLS 1.2 with ECDHE and AES-GCM or ChaCha20-Poly1305";

/// Classifies a failed handshake. `revealed` is what the server revealed before.
pub(super) fn classify(
    error: &io::Error,
    first_bytes: FirstBytes,
    revealed: &Revealed,
) -> FailedHandshake {
    let failure = match library_failure(error) {
        _ if first_bytes == FirstBytes::Http => {
            Failure::new(Stage::Tls, FailureKind::PlainHttp, "")
        }
        Some(failure) if first_bytes == FirstBytes::Tls => {
            negotiation_failure(failure, error, revealed)
        }
        Some(failure) => Failure {
            kind: FailureKind::NotTls,
            ..failure
        },
        None => match error.kind() {
            io::ErrorKind::UnexpectedEof => Failure::new(Stage::Tls, FailureKind::Closed, ""),
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => Failure::new(Stage::Tls, FailureKind::Reset, ""),
            _ => Failure::new(Stage::Tls, FailureKind::Handshake, error.to_string()),
        },
    };
    FailedHandshake {
        failure,
        no_tls: first_bytes != FirstBytes::Tls,
    }
}

/// The failure of a peer that speaks TLS but did not accept what we offered.
fn negotiation_failure(failure: Failure, error: &io::Error, revealed: &Revealed) -> Failure {
    let server_signed = revealed.signature.is_some();
    let certificate_requested = revealed.ca_names.is_some();
    let offered = |what: &str| {
        format!(
            "{}: the server accepts none of the {what} offered: {OFFERED}",
            failure.detail
        )
    };
    match rustls_error(error) {
        // Some TLS 1.2 servers send this alert to a client without a certificate.
        Some(rustls::Error::AlertReceived(AlertDescription::HandshakeFailure))
            if certificate_requested =>
        {
            Failure {
                kind: FailureKind::ClientCertificateRequired,
                detail: String::new(),
                ..failure
            }
        }
        Some(rustls::Error::AlertReceived(
            AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity,
        )) if !server_signed => Failure {
            detail: offered("cipher suites or versions"),
            ..failure
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
            ..failure
        },
        Some(rustls::Error::InvalidMessage(
            InvalidMessage::CertificatePayloadTooLarge | InvalidMessage::HandshakePayloadTooLarge,
        )) => Failure {
            detail: TOO_LONG.to_owned(),
            ..failure
        },
        _ => failure,
    }
}

fn rustls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// The failure of an error from the TLS library; `None` if the error came from below it.
pub(super) fn library_failure(error: &io::Error) -> Option<Failure> {
    let (kind, detail) = match rustls_error(error)? {
        // Older servers say "bad certificate" to a client that sent none.
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
    use rustls::crypto::aws_lc_rs;

    use super::*;
    use crate::model::Signature;

    fn failure_after(error: rustls::Error, revealed: &Revealed) -> Failure {
        classify(
            &io::Error::new(io::ErrorKind::InvalidData, error),
            FirstBytes::Tls,
            revealed,
        )
        .failure
    }

    #[test]
    fn messages_name_every_cipher_suite_that_is_offered() {
        for suite in aws_lc_rs::default_provider().cipher_suites {
            let name = suite.suite().as_str().unwrap();
            let said = name.starts_with("TLS13_")
                || name.starts_with("TLS_ECDHE_")
                    && (name.contains("_GCM_") || name.contains("CHACHA20_POLY1305"));
            assert!(said, "{name}");
        }
    }

    #[test]
    fn a_rejected_offer_is_named_in_the_message() {
        use rustls::Error::{AlertReceived, PeerIncompatible as Incompatible};
        let nothing = Revealed::default();
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
            let failure = failure_after(error.clone(), &nothing);
            assert_eq!(failure.kind, FailureKind::Handshake, "{error}");
            assert!(failure.detail.contains(said), "{}", failure.detail);
        }
        // Once the server has signed, versions and cipher suites are agreed on.
        let alert = || AlertReceived(AlertDescription::HandshakeFailure);
        let agreed = Revealed {
            signature: Some(Signature::Valid),
            ..Revealed::default()
        };
        assert!(!failure_after(alert(), &agreed).detail.contains("offered"));
        let asked = Revealed {
            signature: Some(Signature::Valid),
            ca_names: Some(Vec::new()),
            ..Revealed::default()
        };
        assert_eq!(
            failure_after(alert(), &asked).kind,
            FailureKind::ClientCertificateRequired
        );
    }

    #[test]
    fn a_peer_without_tls_is_recognised() {
        let broken = || {
            let error = rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType);
            io::Error::new(io::ErrorKind::InvalidData, error)
        };
        let revealed = Revealed::default();
        for (error, first_bytes, kind, no_tls) in [
            (broken(), FirstBytes::Http, FailureKind::PlainHttp, true),
            (broken(), FirstBytes::Other, FailureKind::NotTls, true),
            (broken(), FirstBytes::Tls, FailureKind::Handshake, false),
            (
                io::ErrorKind::UnexpectedEof.into(),
                FirstBytes::Nothing,
                FailureKind::Closed,
                true,
            ),
            (
                io::ErrorKind::ConnectionReset.into(),
                FirstBytes::Nothing,
                FailureKind::Reset,
                true,
            ),
            (
                io::ErrorKind::UnexpectedEof.into(),
                FirstBytes::Tls,
                FailureKind::Closed,
                false,
            ),
        ] {
            let failed = classify(&error, first_bytes, &revealed);
            assert_eq!(
                (failed.failure.kind, failed.no_tls),
                (kind, no_tls),
                "{first_bytes:?} {error}"
            );
        }
    }
}
