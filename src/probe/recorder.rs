//! Records what the server reveals in one handshake. It accepts every certificate and offers none.

use std::sync::Arc;

use parking_lot::Mutex;
use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, Error, ProtocolVersion, SignatureScheme};

use super::certificate::{self, Leaf};
use super::signature;
use crate::model::Signature;

/// What a handshake has revealed so far.
#[derive(Debug, Default)]
pub(super) struct Revealed {
    /// The server's certificate; `None` until it came, and if it cannot be read.
    pub(super) leaf: Option<Leaf>,
    /// `None` until the server has signed the handshake.
    pub(super) signature: Option<Signature>,
    /// The CA names of the certificate request; `None` if there was none.
    pub(super) ca_names: Option<Vec<String>>,
}

/// The recorder of one handshake.
#[derive(Debug)]
pub(super) struct Recorder {
    provider: Arc<CryptoProvider>,
    revealed: Mutex<Revealed>,
}

impl Recorder {
    pub(super) fn new(provider: &Arc<CryptoProvider>) -> Self {
        Self {
            provider: Arc::clone(provider),
            revealed: Mutex::default(),
        }
    }

    /// Takes what was recorded.
    pub(super) fn take(&self) -> Revealed {
        std::mem::take(&mut *self.revealed.lock())
    }

    fn record(&self, change: impl FnOnce(&mut Revealed)) {
        change(&mut self.revealed.lock());
    }

    /// Checks the signature and records the result. An invalid one does not stop the handshake.
    fn check(
        &self,
        version: ProtocolVersion,
        message: &[u8],
        signed: &DigitallySignedStruct,
    ) -> HandshakeSignatureValid {
        let algorithms = &self.provider.signature_verification_algorithms;
        self.record(|revealed| {
            let key = revealed.leaf.as_ref().map(|leaf| &leaf.key);
            let signature = signature::check(version, message, key, signed, algorithms);
            revealed.signature = Some(signature);
        });
        HandshakeSignatureValid::assertion()
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        // Comes before the signature.
        self.record(|revealed| revealed.leaf = certificate::leaf(leaf));
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        _leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(self.check(ProtocolVersion::TLSv1_2, message, signed))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        _leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(self.check(ProtocolVersion::TLSv1_3, message, signed))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

impl ResolvesClientCert for Recorder {
    /// Records the CA names and offers no certificate.
    fn resolve(
        &self,
        ca_names: &[&[u8]],
        _schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        let names = ca_names
            .iter()
            .map(|name| certificate::distinguished_name(name))
            .collect();
        self.record(|revealed| revealed.ca_names = Some(names));
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}
