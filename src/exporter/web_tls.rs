//! `tls_server_config` of the web configuration.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::web_config_error::WebConfigError;
use crate::input;

/// The largest file that is read, in bytes.
const MAX_SIZE: u32 = 1024 * 1024;

/// `tls_server_config`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TlsFields {
    pub(super) cert_file: Option<PathBuf>,
    pub(super) key_file: Option<PathBuf>,
    pub(super) client_auth_type: Option<String>,
    pub(super) client_ca_file: Option<PathBuf>,
    pub(super) min_version: Option<String>,
    pub(super) max_version: Option<String>,
    pub(super) cert: Option<IgnoredAny>,
    pub(super) key: Option<IgnoredAny>,
    pub(super) client_ca: Option<IgnoredAny>,
    pub(super) client_allowed_sans: Option<IgnoredAny>,
    pub(super) cipher_suites: Option<IgnoredAny>,
    pub(super) curve_preferences: Option<IgnoredAny>,
    pub(super) prefer_server_cipher_suites: Option<IgnoredAny>,
}

/// TLS as configured.
pub(super) struct WebTls {
    pub(super) config: Arc<ServerConfig>,
    pub(super) requires_certificate: bool,
    pub(super) files: Vec<PathBuf>,
}

static ONLY_1_2: [&SupportedProtocolVersion; 1] = [&TLS12];
static ONLY_1_3: [&SupportedProtocolVersion; 1] = [&TLS13];
static BOTH: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];

/// Which clients are answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ClientCertificates {
    NotAsked,
    CheckedIfGiven,
    Required,
}

/// Reads the certificates and the key.
pub(super) fn server_config(
    place: &str,
    folder: &Path,
    fields: &TlsFields,
) -> Result<WebTls, WebConfigError> {
    let fail = |problem: &str| WebConfigError::new(place, format!("tls_server_config: {problem}"));
    let (Some(cert), Some(key)) = (&fields.cert_file, &fields.key_file) else {
        return Err(fail("cert_file and key_file are both needed"));
    };
    let (cert, key) = (folder.join(cert), folder.join(key));
    let clients = match fields.client_auth_type.as_deref() {
        None | Some("" | "NoClientCert") => ClientCertificates::NotAsked,
        Some("VerifyClientCertIfGiven") => ClientCertificates::CheckedIfGiven,
        Some("RequireAndVerifyClientCert") => ClientCertificates::Required,
        Some(_) => {
            return Err(fail(
                "client_auth_type: expected NoClientCert, VerifyClientCertIfGiven or RequireAndVerifyClientCert; the \
                 types that check no certificate are not supported",
            ));
        }
    };
    let ca = fields.client_ca_file.as_ref().map(|ca| folder.join(ca));
    if ca.is_some() != (clients != ClientCertificates::NotAsked) {
        return Err(fail(
            "client_ca_file belongs to a client_auth_type that checks certificates, and only to that",
        ));
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions(fields).map_err(|problem| fail(&problem))?)
        .map_err(|error| fail(&error.to_string()))?;
    let builder = match &ca {
        None => builder.with_no_client_auth(),
        Some(ca) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(ca)? {
                roots
                    .add(certificate)
                    .map_err(|_| WebConfigError::new(shown(ca), "not a CA certificate"))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
            let verifier = match clients {
                ClientCertificates::Required => verifier,
                _ => verifier.allow_unauthenticated(),
            };
            let verifier = verifier.build().map_err(|error| fail(&error.to_string()))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    // The error of the library may repeat lines of the file.
    let private = PrivateKeyDer::from_pem_slice(&read(&key)?)
        .map_err(|_| WebConfigError::new(shown(&key), "no private key in PEM"))?;
    let mut config = builder
        .with_single_cert(certificates(&cert)?, private)
        .map_err(|error| {
            fail(&format!(
                "the certificate and the key cannot be used: {error}"
            ))
        })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(WebTls {
        config: Arc::new(config),
        requires_certificate: clients == ClientCertificates::Required,
        files: [cert, key].into_iter().chain(ca).collect(),
    })
}

fn versions(fields: &TlsFields) -> Result<&'static [&'static SupportedProtocolVersion], String> {
    let least = match fields.min_version.as_deref() {
        None | Some("TLS12") => 2,
        Some("TLS13") => 3,
        Some(_) => return Err("min_version: expected TLS12 or TLS13".to_owned()),
    };
    let most = match fields.max_version.as_deref() {
        Some("TLS12") => 2,
        None | Some("TLS13") => 3,
        Some(_) => return Err("max_version: expected TLS12 or TLS13".to_owned()),
    };
    match (least, most) {
        (2, 2) => Ok(&ONLY_1_2),
        (2, _) => Ok(&BOTH),
        (_, 2) => Err("min_version is above max_version".to_owned()),
        _ => Ok(&ONLY_1_3),
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn read(path: &Path) -> Result<Vec<u8>, WebConfigError> {
    let bytes = File::open(path).and_then(|file| input::bytes(file, MAX_SIZE));
    bytes.map_err(|error| WebConfigError::new(shown(path), format!("cannot read it: {error}")))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, WebConfigError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(path)?).collect();
    let found = found.ok().filter(|found| !found.is_empty());
    found.ok_or_else(|| WebConfigError::new(shown(path), "no certificate in PEM"))
}
