//! Certificates and TLS settings as a scenario describes them.
//!
//! Keys are ECDSA P-256, made anew in every process: nothing secret lies in the source, and a
//! handshake costs the server little when thousands of connections come.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, PKCS_ECDSA_P256_SHA256, SanType, date_time_ymd,
};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{
    ClientHello, NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier,
};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};

use super::scenario::Tls;

/// Finds what would fail only when a server starts.
pub(super) fn check(tls: &Tls) -> Result<(), String> {
    let cas = tls.client_cas.iter().flatten();
    let nameless = tls.without_sni.iter();
    let names = nameless
        .clone()
        .flat_map(|names| [&names.subject, &names.issuer]);
    for name in [&tls.subject, &tls.issuer]
        .into_iter()
        .chain(names)
        .chain(cas)
    {
        distinguished_name(name)?;
    }
    for san in tls
        .sans
        .iter()
        .chain(nameless.flat_map(|names| &names.sans))
    {
        san_type(san)?;
    }
    if tls.require_client_certificate && tls.client_cas.is_none() {
        return Err("requires a client certificate but asks for none; give client_cas".to_owned());
    }
    protocol_versions(&tls.versions).map(|_| ())
}

/// What is made of a scenario's TLS settings, once.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) config: Arc<ServerConfig>,
    /// The certificate of the CA that signs the serving certificate.
    pub(super) issuer: CertificateDer<'static>,
}

/// The settings, with certificates made for them.
pub(super) fn make(tls: &Tls) -> io::Result<Made> {
    build(tls).map_err(io::Error::other)
}

fn build(tls: &Tls) -> Result<Made, String> {
    let words = |error: &dyn std::error::Error| format!("cannot set up TLS: {error}");
    let made = certify(tls, &tls.subject, &tls.issuer, &tls.sans).map_err(|error| words(&error))?;
    let issuer = made.issuer.clone();
    let nameless = tls
        .without_sni
        .as_ref()
        .map(|names| certify(tls, &names.subject, &names.issuer, &names.sans));
    let nameless = nameless.transpose().map_err(|error| words(&error))?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&protocol_versions(&tls.versions)?)
        .map_err(|error| words(&error))?;
    let builder = match client_verifier(tls, provider)? {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let provider = builder.crypto_provider();
    let mut key = |made: Certified| {
        CertifiedKey::from_der(made.chain, made.key, provider)
            .map(Arc::new)
            .map_err(|error| words(&error))
    };
    let named = key(made)?;
    let nameless = nameless.map(&mut key).transpose()?;
    let mut config = builder.with_cert_resolver(Arc::new(BySni { named, nameless }));
    config.alpn_protocols = tls
        .alpn
        .iter()
        .map(|protocol| protocol.clone().into_bytes())
        .collect();
    // Nobody resumes: tickets would only cost.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Made {
        config: Arc::new(config),
        issuer,
    })
}

/// Serves the one certificate to clients that send SNI, and the other, where there is one, to those
/// that do not.
#[derive(Debug)]
struct BySni {
    named: Arc<CertifiedKey>,
    nameless: Option<Arc<CertifiedKey>>,
}

impl ResolvesServerCert for BySni {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let nameless = self
            .nameless
            .as_ref()
            .filter(|_| hello.server_name().is_none());
        Some(Arc::clone(nameless.unwrap_or(&self.named)))
    }
}

struct Certified {
    issuer: CertificateDer<'static>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

/// A serving certificate by an issuer of the right name.
fn certify(
    tls: &Tls,
    subject: &str,
    issuer: &str,
    sans: &[String],
) -> Result<Certified, rcgen::Error> {
    let ca_key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let ca = ca_params(issuer)?;
    let ca_certificate = ca.self_signed(&ca_key)?;

    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut leaf = CertificateParams::default();
    leaf.distinguished_name = named(subject)?;
    leaf.subject_alt_names = sans.iter().filter_map(|san| san_type(san).ok()).collect();
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    valid_for_long(&mut leaf);
    if let Some(days) = tls.expires_in_days {
        let end = TimeZone::UTC
            .to_datetime(Timestamp::now())
            .date()
            .saturating_add(i64::from(days).days());
        leaf.not_after = date_time_ymd(
            end.year().into(),
            end.month().unsigned_abs(),
            end.day().unsigned_abs(),
        );
    }
    let certificate = leaf.signed_by(&key, &Issuer::new(ca, ca_key))?;

    let mut chain = vec![certificate.der().clone()];
    if tls.send_issuer {
        chain.push(ca_certificate.der().clone());
    }
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    Ok(Certified {
        issuer: ca_certificate.der().clone(),
        chain,
        key,
    })
}

/// What puts the CA names into the `CertificateRequest`. rustls takes them from real CA
/// certificates, so each name gets one.
fn client_verifier(
    tls: &Tls,
    provider: Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, String> {
    let Some(names) = &tls.client_cas else {
        return Ok(None);
    };
    let mut roots = RootCertStore::empty();
    let unnamed = ["CN=unnamed".to_owned()];
    let cas: &[String] = if names.is_empty() { &unnamed } else { names };
    for name in cas {
        let certificate = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)
            .and_then(|key| ca_params(name)?.self_signed(&key))
            .map_err(|error| format!("cannot make the client CA {name:?}: {error}"))?;
        roots
            .add(certificate.der().clone())
            .map_err(|error| format!("cannot use the client CA {name:?}: {error}"))?;
    }
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    if names.is_empty() {
        builder = builder.clear_root_hint_subjects();
    }
    if !tls.require_client_certificate {
        builder = builder.allow_unauthenticated();
    }
    builder
        .build()
        .map(Some)
        .map_err(|error| format!("cannot ask for client certificates: {error}"))
}

fn ca_params(name: &str) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = named(name)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    valid_for_long(&mut params);
    Ok(params)
}

/// Fixed dates, so that a simulation says the same every day.
fn valid_for_long(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2036, 1, 1);
}

fn named(name: &str) -> Result<DistinguishedName, rcgen::Error> {
    distinguished_name(name).map_err(|_| rcgen::Error::CouldNotParseCertificate)
}

/// `O=…, CN=…` as a name; each attribute once. Any text may stand in a value, control characters
/// too, but not `, `.
fn distinguished_name(text: &str) -> Result<DistinguishedName, String> {
    let mut name = DistinguishedName::new();
    for part in text.split(", ") {
        let (attribute, value) = part.split_once('=').ok_or_else(|| {
            format!("{text:?} is no distinguished name; write it as \"O=…, CN=…\"")
        })?;
        let attribute = match attribute {
            "CN" => DnType::CommonName,
            "O" => DnType::OrganizationName,
            "OU" => DnType::OrganizationalUnitName,
            "C" => DnType::CountryName,
            "ST" => DnType::StateOrProvinceName,
            "L" => DnType::LocalityName,
            other => {
                return Err(format!(
                    "unknown attribute {other:?} in {text:?}; use CN, O, OU, C, ST or L"
                ));
            }
        };
        if name.get(&attribute).is_some() {
            return Err(format!("an attribute stands twice in {text:?}"));
        }
        name.push(attribute, value);
    }
    Ok(name)
}

fn san_type(san: &str) -> Result<SanType, String> {
    if let Ok(address) = san.parse::<IpAddr>() {
        return Ok(SanType::IpAddress(address));
    }
    let name = san
        .try_into()
        .map_err(|error| format!("{san:?} is no DNS name: {error}"))?;
    Ok(SanType::DnsName(name))
}

fn protocol_versions(
    versions: &[String],
) -> Result<Vec<&'static SupportedProtocolVersion>, String> {
    if versions.is_empty() {
        return Err("speaks no TLS version; give \"1.2\", \"1.3\" or both".to_owned());
    }
    let known = |version: &String| match version.as_str() {
        "1.2" => Ok(&TLS12),
        "1.3" => Ok(&TLS13),
        other => Err(format!(
            "unknown TLS version {other:?}; use \"1.2\" and \"1.3\""
        )),
    };
    versions.iter().map(known).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_or_refused() {
        let name =
            distinguished_name("O=dynamiclistener-org, CN=dynamiclistener-ca@1735689600").unwrap();
        let attributes: Vec<_> = name.iter().map(|(kind, _)| kind.clone()).collect();
        assert_eq!(attributes, [DnType::OrganizationName, DnType::CommonName]);
        for text in ["", "kubernetes", "CN=a, CN=b", "XX=a", "CN=a,, O"] {
            assert!(distinguished_name(text).is_err(), "{text:?}");
        }
    }
}
