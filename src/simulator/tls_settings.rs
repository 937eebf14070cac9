//! The TLS settings of a scenario.

use bytes::Bytes;

/// The response of Go's TLS server to a client that speaks plain HTTP.
pub(super) const GO_TO_PLAIN_HTTP: &str =
    "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

/// How a server speaks TLS.
#[derive(Debug, Clone)]
pub(super) struct Tls {
    /// Subject of the serving certificate, `O=…, CN=…`.
    pub(super) subject: String,
    /// Its issuer, which signs it.
    pub(super) issuer: String,
    /// Subject alternative names: addresses and DNS names.
    pub(super) sans: Vec<String>,
    /// The certificate for clients without SNI, if it differs.
    pub(super) without_sni: Option<CertificateNames>,
    /// When the serving certificate expires, in days from today; `None` for a fixed date years ahead.
    pub(super) expires_in_days: Option<i16>,
    /// Whether the issuer's certificate is sent, too.
    pub(super) send_issuer: bool,
    /// CA names in the `CertificateRequest`. `None` requests no certificate; an empty list requests one
    /// without CA names.
    pub(super) client_cas: Option<Vec<String>>,
    /// Whether a client without a certificate is rejected.
    pub(super) require_client_certificate: bool,
    /// TLS versions, `1.2` and `1.3`.
    pub(super) versions: Vec<String>,
    /// ALPN protocols.
    pub(super) alpn: Vec<String>,
    /// The response to a client that speaks plain HTTP.
    pub(super) to_plain_http: Bytes,
}

/// The names in a certificate for clients that send no SNI.
#[derive(Debug, Clone)]
pub(super) struct CertificateNames {
    pub(super) subject: String,
    pub(super) issuer: String,
    pub(super) sans: Vec<String>,
}
