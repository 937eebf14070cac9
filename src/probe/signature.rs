//! Does the handshake's signature prove that the peer holds the certificate's key?
//!
//! Only the key is taken from the certificate, so that an old X.509 version or an unknown extension does not
//! prevent the check. A signature that cannot be checked does not count against the server.

use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::{CertificateError, DigitallySignedStruct, Error, ProtocolVersion};
use webpki::RawPublicKeyEntity;

use super::certificate::Key;
use crate::model::Signature;

/// The sizes of RSA keys, in bits, that the cryptographic library supports.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// Checks the signature of a handshake with the key of the server's certificate; `None` if that cannot be read.
pub(super) fn check(
    version: ProtocolVersion,
    message: &[u8],
    key: Option<&Key>,
    signed: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Signature {
    let not_checked = |why: String| Signature::NotChecked { why };
    let Some(key) = key else {
        return not_checked("the certificate cannot be read".to_owned());
    };
    let info = SubjectPublicKeyInfoDer::from(&*key.info);
    let checked = if version == ProtocolVersion::TLSv1_3 {
        verify_tls13_signature_with_raw_key(message, &info, signed, algorithms).map(|_| true)
    } else {
        tls12(message, &info, signed, algorithms)
    };
    match (checked, key.rsa_bits) {
        (Ok(true), _) => Signature::Valid,
        // The library reports an unsupported key as a wrong signature.
        (_, Some(bits)) if !RSA_BITS.contains(&bits) => not_checked(format!(
            "its RSA key has {bits} bits; {} to {} are supported",
            RSA_BITS.start(),
            RSA_BITS.end()
        )),
        (Ok(false) | Err(Error::InvalidCertificate(CertificateError::BadSignature)), _) => {
            Signature::Invalid
        }
        (Err(error), _) => not_checked(error.to_string()),
    }
}

/// In TLS 1.2 a signature scheme does not name the curve, so it can mean several algorithms.
fn tls12(
    message: &[u8],
    info: &SubjectPublicKeyInfoDer<'_>,
    signed: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<bool, Error> {
    let unknown = |what: &dyn std::fmt::Display| Error::General(what.to_string());
    let candidates = algorithms
        .mapping
        .iter()
        .find(|(scheme, _)| *scheme == signed.scheme);
    let (_, candidates) =
        candidates.ok_or_else(|| unknown(&format_args!("{:?} is not supported", signed.scheme)))?;
    let key = RawPublicKeyEntity::try_from(info).map_err(|error| unknown(&error))?;
    let mut last = None;
    for algorithm in *candidates {
        match key.verify_signature(*algorithm, message, signed.signature()) {
            Ok(()) => return Ok(true),
            Err(webpki::Error::InvalidSignatureForPublicKey) => return Ok(false),
            Err(error) => last = Some(error),
        }
    }
    Err(last.map_or_else(
        || unknown(&"no algorithm matches the key"),
        |error| unknown(&error),
    ))
}
