//! Reads facts from a certificate leniently: what cannot be read is left out.

use std::net::IpAddr;

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use x509_parser::der_parser::oid::Oid;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{AttributeTypeAndValue, SubjectPublicKeyInfo, X509Name};
use x509_parser::{certificate::X509Certificate, objects};

use crate::model::{Certificate, DistinguishedName, NameList, hex};

/// The facts of one DER certificate; `None` if the bytes are not a certificate.
pub(super) fn facts(der: &CertificateDer<'_>) -> Option<Certificate> {
    let (_, parsed) = X509Certificate::from_der(der).ok()?;
    let sans = parsed
        .subject_alternative_name()
        .ok()
        .flatten()
        .map(|extension| {
            extension
                .value
                .general_names
                .iter()
                .filter_map(san)
                .collect::<Vec<_>>()
        })
        .unwrap_or_default();
    Some(Certificate {
        subject: name(parsed.subject()),
        issuer: name(parsed.issuer()),
        sans: NameList::collect(sans),
        not_before: Timestamp::from_second(parsed.validity().not_before.timestamp()).ok(),
        not_after: Timestamp::from_second(parsed.validity().not_after.timestamp()).ok(),
        key: key(parsed.public_key()),
        signature_algorithm: algorithm(&parsed.signature_algorithm.algorithm),
        serial: hex(parsed.raw_serial().iter().copied().take(32)),
        sha256: hex(Sha256::digest(der)),
    })
}

/// A DER distinguished name, for example of a CA.
pub(super) fn distinguished_name(der: &[u8]) -> String {
    X509Name::from_der(der).map_or_else(
        |_| "unreadable name".to_owned(),
        |(_, parsed)| name(&parsed).to_string(),
    )
}

fn name(parsed: &X509Name<'_>) -> DistinguishedName {
    let attribute = |attribute: &AttributeTypeAndValue<'_>| {
        let oid = attribute.attr_type();
        let kind = objects::oid2abbrev(oid, objects::oid_registry())
            .map_or_else(|_| oid.to_id_string(), str::to_owned);
        let value = attribute.as_str().map_or_else(
            |_| String::from_utf8_lossy(attribute.as_slice()).into_owned(),
            str::to_owned,
        );
        (kind, value)
    };
    let relative_names = parsed
        .iter_rdn()
        .map(|relative| relative.iter().map(attribute).collect());
    DistinguishedName::new(relative_names.collect())
}

fn san(general: &GeneralName<'_>) -> Option<String> {
    match general {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes)
                .ok()
                .map(|octets| IpAddr::from(octets).to_string()),
            16 => <[u8; 16]>::try_from(*bytes)
                .ok()
                .map(|octets| IpAddr::from(octets).to_string()),
            _ => None,
        },
        GeneralName::URI(uri) => Some((*uri).to_owned()),
        _ => None,
    }
}

fn key(info: &SubjectPublicKeyInfo<'_>) -> String {
    match info.parsed() {
        Ok(PublicKey::RSA(rsa)) => format!("RSA {}", rsa.key_size()),
        Ok(PublicKey::EC(point)) => format!("EC P-{}", point.key_size()),
        _ => algorithm(&info.algorithm.algorithm),
    }
}

/// An object identifier by its short name, where it has one.
fn algorithm(oid: &Oid<'_>) -> String {
    objects::oid2sn(oid, objects::oid_registry()).map_or_else(|_| oid.to_id_string(), str::to_owned)
}
