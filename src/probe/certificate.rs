//! Reads facts from a certificate leniently: what cannot be read is left out.

use std::borrow::Cow;
use std::net::IpAddr;

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use x509_parser::certificate::X509CertificateParser;
use x509_parser::der_parser::oid::Oid;
use x509_parser::extensions::{GeneralName, SubjectAlternativeName};
use x509_parser::nom::Parser as _;
use x509_parser::objects;
use x509_parser::oid_registry::OID_X509_EXT_SUBJECT_ALT_NAME;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{AttributeTypeAndValue, RelativeDistinguishedName, X509Name};

use crate::model::{Certificate, DistinguishedName, NameList, Text, hex};

/// What a server's certificate says.
#[derive(Debug)]
pub(super) struct Leaf {
    pub(super) facts: Certificate,
    pub(super) key: Key,
}

/// The public key of a certificate.
#[derive(Debug)]
pub(super) struct Key {
    /// Its `SubjectPublicKeyInfo`, DER.
    pub(super) info: Box<[u8]>,
    /// The size of an RSA key.
    pub(super) rsa_bits: Option<usize>,
}

/// The facts of one DER certificate; `None` if the bytes are not a certificate.
pub(super) fn facts(der: &CertificateDer<'_>) -> Option<Certificate> {
    Some(leaf(der)?.facts)
}

/// The facts and the key of one DER certificate; `None` if the bytes are not a certificate.
pub(super) fn leaf(der: &CertificateDer<'_>) -> Option<Leaf> {
    // Of the extensions, only the names are read.
    let mut parser = X509CertificateParser::new().with_deep_parse_extensions(false);
    let (_, parsed) = parser.parse(der).ok()?;
    let names = parsed.get_extension_unique(&OID_X509_EXT_SUBJECT_ALT_NAME);
    let names = names.ok().flatten().map(|extension| extension.value);
    let names = names.and_then(|names| Some(SubjectAlternativeName::from_der(names).ok()?.1));
    let names = names.map(|names| names.general_names).unwrap_or_default();
    let key = parsed.public_key();
    let (key_text, rsa_bits): (Text, _) = match key.parsed() {
        Ok(PublicKey::RSA(rsa)) => {
            let bits = rsa.key_size();
            (format!("RSA {bits}").into(), Some(bits))
        }
        // Points have whole bytes, and P-521 has 521 bits.
        Ok(PublicKey::EC(point)) => (format!("EC P-{}", point.key_size().min(521)).into(), None),
        _ => (algorithm(&key.algorithm.algorithm).into(), None),
    };
    let facts = Certificate {
        subject: name(parsed.subject()),
        issuer: name(parsed.issuer()),
        sans: NameList::collect(names.iter().filter_map(san)),
        not_before: Timestamp::from_second(parsed.validity().not_before.timestamp()).ok(),
        not_after: Timestamp::from_second(parsed.validity().not_after.timestamp()).ok(),
        key: key_text,
        signature_algorithm: algorithm(&parsed.signature_algorithm.algorithm).into(),
        serial: hex(parsed.raw_serial().iter().copied().take(32)),
        sha256: hex(Sha256::digest(der)),
    };
    let info = key.raw.into();
    Some(Leaf {
        facts,
        key: Key { info, rsa_bits },
    })
}

/// A DER distinguished name, for example of a CA.
pub(super) fn distinguished_name(der: &[u8]) -> String {
    X509Name::from_der(der).map_or_else(
        |_| "unreadable name".to_owned(),
        |(_, parsed)| name(&parsed).into(),
    )
}

fn name(parsed: &X509Name<'_>) -> DistinguishedName {
    let encoded: Vec<&RelativeDistinguishedName<'_>> = parsed.iter_rdn().collect();
    let relative_names = encoded.into_iter().rev();
    DistinguishedName::new(relative_names.map(|relative| relative.iter().map(attribute)))
}

/// The type and the value of an attribute.
fn attribute<'a>(attribute: &'a AttributeTypeAndValue<'_>) -> (Cow<'a, str>, Cow<'a, str>) {
    let oid = attribute.attr_type();
    let kind = objects::oid2abbrev(oid, objects::oid_registry())
        .map_or_else(|_| oid.to_id_string().into(), Cow::Borrowed);
    let value = (attribute.as_str()).map_or_else(
        |_| String::from_utf8_lossy(attribute.as_slice()),
        Cow::Borrowed,
    );
    (kind, value)
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

/// An object identifier by its short name, where it has one.
fn algorithm(oid: &Oid<'_>) -> String {
    objects::oid2sn(oid, objects::oid_registry()).map_or_else(|_| oid.to_id_string(), str::to_owned)
}
