//! The `[tls]` table.

use serde::Deserialize;

use crate::simulator::tls_settings::{CertificateNames, GO_TO_PLAIN_HTTP, Tls};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileTls {
    pub(super) subject: Option<String>,
    issuer: Option<String>,
    sans: Option<Vec<String>>,
    without_sni: Option<FileCertificateNames>,
    expires_in_days: Option<i16>,
    send_issuer: Option<bool>,
    client_cas: Option<Vec<String>>,
    require_client_certificate: Option<bool>,
    versions: Option<Vec<String>>,
    alpn: Option<Vec<String>>,
    to_plain_http: Option<String>,
}

/// The certificate for clients without SNI.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileCertificateNames {
    subject: String,
    issuer: String,
    #[serde(default)]
    sans: Vec<String>,
}

impl FileTls {
    pub(super) fn with_defaults_from(self, base: Self) -> Self {
        Self {
            subject: self.subject.or(base.subject),
            issuer: self.issuer.or(base.issuer),
            sans: self.sans.or(base.sans),
            without_sni: self.without_sni.or(base.without_sni),
            expires_in_days: self.expires_in_days.or(base.expires_in_days),
            send_issuer: self.send_issuer.or(base.send_issuer),
            client_cas: self.client_cas.or(base.client_cas),
            require_client_certificate: self
                .require_client_certificate
                .or(base.require_client_certificate),
            versions: self.versions.or(base.versions),
            alpn: self.alpn.or(base.alpn),
            to_plain_http: self.to_plain_http.or(base.to_plain_http),
        }
    }

    pub(super) fn build(&self) -> Result<Tls, String> {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let (Some(subject), Some(issuer)) = (self.subject.clone(), self.issuer.clone()) else {
            return Err("[tls] requires subject and issuer".to_owned());
        };
        Ok(Tls {
            subject,
            issuer,
            sans: self.sans.clone().unwrap_or_default(),
            without_sni: self.without_sni.as_ref().map(|names| CertificateNames {
                subject: names.subject.clone(),
                issuer: names.issuer.clone(),
                sans: names.sans.clone(),
            }),
            expires_in_days: self.expires_in_days,
            send_issuer: self.send_issuer.unwrap_or(false),
            client_cas: self.client_cas.clone(),
            require_client_certificate: self.require_client_certificate.unwrap_or(false),
            versions: self
                .versions
                .clone()
                .unwrap_or_else(|| words(&["1.2", "1.3"])),
            alpn: self.alpn.clone().unwrap_or_else(|| words(&["http/1.1"])),
            to_plain_http: self
                .to_plain_http
                .clone()
                .unwrap_or_else(|| GO_TO_PLAIN_HTTP.to_owned())
                .into(),
        })
    }
}
