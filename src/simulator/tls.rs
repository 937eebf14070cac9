//! Creates the certificates and the TLS configuration that a scenario describes.
//!
//! Keys are ECDSA P-256 and created in every process. So the source contains no secrets, and handshakes are cheap
//! for a server with thousands of connections.

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

use super::tls_settings::Tls;

/// Finds errors that would otherwise appear only when a server starts.
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
        return Err("requires a client certificate but requests none; set client_cas".to_owned());
    }
    protocol_versions(&tls.versions).map(|_| ())
}

/// The TLS configuration of a scenario, created once.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) config: Arc<ServerConfig>,
    /// The certificate of the CA that signs the serving certificate.
    pub(super) issuer: CertificateDer<'static>,
}

/// Creates certificates and the TLS configuration.
pub(super) fn prepare(tls: &Tls) -> io::Result<Prepared> {
    build(tls).map_err(io::Error::other)
}

fn build(tls: &Tls) -> Result<Prepared, String> {
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
    // No client resumes a session, so tickets would only cost time.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Prepared {
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

/// Puts the CA names into the `CertificateRequest`. rustls takes them from CA certificates, so each name gets
/// one.
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

/// Sets fixed dates, so that a simulation has the same result every day.
fn valid_for_long(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2036, 1, 1);
}

fn named(name: &str) -> Result<DistinguishedName, rcgen::Error> {
    distinguished_name(name).map_err(|_| rcgen::Error::CouldNotParseCertificate)
}

/// Parses `O=…, CN=…`; each attribute may occur once. A value may contain any text, including control characters,
/// except `, `.
fn distinguished_name(text: &str) -> Result<DistinguishedName, String> {
    let mut name = DistinguishedName::new();
    for part in text.split(", ") {
        let (attribute, value) = part.split_once('=').ok_or_else(|| {
            format!("invalid distinguished name {text:?}: expected the form \"O=…, CN=…\"")
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
                    "unknown attribute {other:?} in {text:?}: expected one of CN, O, OU, C, ST, L"
                ));
            }
        };
        if name.get(&attribute).is_some() {
            return Err(format!("duplicate attribute in {text:?}"));
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
        .map_err(|error| format!("invalid DNS name {san:?}: {error}"))?;
    Ok(SanType::DnsName(name))
}

fn protocol_versions(
    versions: &[String],
) -> Result<Vec<&'static SupportedProtocolVersion>, String> {
    if versions.is_empty() {
        return Err("versions is empty: expected \"1.2\", \"1.3\" or both".to_owned());
    }
    let known = |version: &String| match version.as_str() {
        "1.2" => Ok(&TLS12),
        "1.3" => Ok(&TLS13),
        other => Err(format!(
            "unknown TLS version {other:?}: expected \"1.2\" or \"1.3\""
        )),
    };
    versions.iter().map(known).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distinguished_names_are_parsed_or_rejected() {
        let name =
            distinguished_name("O=dynamiclistener-org, CN=dynamiclistener-ca@1735689600").unwrap();
        let attributes: Vec<_> = name.iter().map(|(kind, _)| kind.clone()).collect();
        assert_eq!(attributes, [DnType::OrganizationName, DnType::CommonName]);
        for text in ["", "kubernetes", "CN=a, CN=b", "XX=a", "CN=a,, O"] {
            assert!(distinguished_name(text).is_err(), "{text:?}");
        }
    }
}
