//! The client for requests that are no probes: lists of targets that are fetched, and notifications that are sent.
//!
//! The services are the user's own, so requests are made as other programs make theirs: the system resolves the name, and
//! the roots of this machine check the certificate. No redirect is followed, and no proxy of the environment is used.

use std::error::Error;
use std::io;
use std::time::Duration;

use anyhow::anyhow;
use kubeknock::report::escape;
use reqwest::Client;
use reqwest::redirect::Policy;
use rustls::{CertificateError, OtherError};

/// Characters that an error repeats of what a library says.
const MAX_CAUSE: usize = 300;

/// A client that gives up after `timeout`.
pub(crate) fn client(
    user_agent: &str,
    timeout: Duration,
    https_only: bool,
) -> anyhow::Result<Client> {
    // An error means that there is one already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Client::builder()
        .user_agent(user_agent)
        .https_only(https_only)
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .timeout(timeout)
        .build()
        .map_err(|error| reason(&error))
}

/// Why a request failed. The library's own words repeat the URL, so only their cause is said.
pub(crate) fn reason(error: &reqwest::Error) -> anyhow::Error {
    if error.is_timeout() {
        return anyhow!("no complete answer in time");
    }
    match of_tls(error) {
        Some(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) => anyhow!(
            "this machine does not trust the issuer of its certificate: add the CA to the trusted roots, or name a \
             file of CAs in the variable SSL_CERT_FILE"
        ),
        Some(rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(error))))
            if matches!(error.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity)) =>
        {
            anyhow!(
                "its certificate is self-signed, a CA certificate that signs itself: give the server a certificate \
                 that a CA signed, and trust that CA"
            )
        }
        Some(error) => anyhow!("{}", escape(&error.to_string(), MAX_CAUSE)),
        None if causes(error).any(is_end) => {
            anyhow!("it closed the connection before the end of its answer")
        }
        None => {
            let last = causes(error).last().map(ToString::to_string);
            anyhow!(
                "{}",
                escape(last.as_deref().unwrap_or("it failed"), MAX_CAUSE)
            )
        }
    }
}

/// The causes of an error, the nearest first.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(error.source(), |cause| (*cause).source())
}

/// Whether the other side closed a connection of which more was expected, with or without the farewell of TLS.
fn is_end(cause: &(dyn Error + 'static)) -> bool {
    let io: Option<&io::Error> = cause.downcast_ref();
    io.is_some_and(|error| error.kind() == io::ErrorKind::UnexpectedEof)
}

/// The error of TLS among the causes of an error.
fn of_tls<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    if let Some(found) = error.downcast_ref() {
        return Some(found);
    }
    // An I/O error does not count the error inside of it as its source.
    let io: Option<&io::Error> = error.downcast_ref();
    match io.and_then(io::Error::get_ref) {
        Some(inner) => of_tls(inner),
        None => of_tls(error.source()?),
    }
}
