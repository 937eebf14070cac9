//! The CAs of `--ca-file` and of inventories: does the certificate chain of a server end at one of them?
//!
//! The name is not checked, because an API server is often reached by an address that is not in its
//! certificate. The dates are not checked either: an expired certificate has a finding of its own and does
//! not show that somebody else serves it.

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use std::time::Duration;
use webpki::{EndEntityCert, KeyUsage};

use super::certificate;
use crate::error::Error;
use crate::model::{Certificate, Trust};

/// The trusted CAs.
pub(super) struct TrustAnchors {
    ders: Vec<CertificateDer<'static>>,
    roots: Vec<TrustAnchor<'static>>,
    /// Their names, in the same order.
    subjects: Vec<String>,
}

impl TrustAnchors {
    /// Reads CA certificates.
    ///
    /// # Errors
    /// [`Error::Config`] if one is not a CA certificate.
    pub(super) fn new(ders: &[Vec<u8>]) -> Result<Self, Error> {
        let ders: Vec<CertificateDer<'static>> =
            ders.iter().cloned().map(CertificateDer::from).collect();
        let roots = (ders.iter().map(anchor))
            .collect::<Result<_, _>>()
            .map_err(|error| Error::Config {
                setting: "ca-file",
                problem: format!("contains a certificate that is not a CA certificate: {error}"),
            })?;
        Ok(Self::of(ders, roots))
    }

    /// The CA certificates of an inventory. Those that cannot be used are left out.
    pub(super) fn declared(ders: &[Box<[u8]>]) -> Self {
        let ders = ders.iter().map(|der| CertificateDer::from(der.to_vec()));
        let usable = ders.filter_map(|der| anchor(&der).ok().map(|root| (der, root)));
        let (ders, roots) = usable.unzip();
        Self::of(ders, roots)
    }

    fn of(ders: Vec<CertificateDer<'static>>, roots: Vec<TrustAnchor<'static>>) -> Self {
        let subject = |der: &CertificateDer<'_>| {
            certificate::facts(der).map(|facts| facts.subject.to_string())
        };
        let subjects = ders
            .iter()
            .map(|der| subject(der).unwrap_or_default())
            .collect();
        Self {
            ders,
            roots,
            subjects,
        }
    }

    /// Whether the chain ends at a trusted CA; `None` if no CA was given. `certificate` has the facts of
    /// its first certificate.
    pub(super) fn evaluate(
        &self,
        chain: &[CertificateDer<'_>],
        certificate: Option<&Certificate>,
        algorithms: WebPkiSupportedAlgorithms,
    ) -> Option<Trust> {
        if self.roots.is_empty() {
            return None;
        }
        let Some((leaf, intermediates)) = chain.split_first() else {
            return Some(Trust::NotAnchored {
                why: "no certificate was sent".to_owned(),
            });
        };
        // The user may give the serving certificate itself.
        if let Some(at) = self
            .ders
            .iter()
            .position(|given| given.as_ref() == leaf.as_ref())
        {
            return Some(Trust::Anchored {
                by: self.subjects[at].clone(),
            });
        }
        let verified = EndEntityCert::try_from(leaf).and_then(|end_entity| {
            let path = end_entity.verify_for_usage(
                algorithms.all,
                &self.roots,
                intermediates,
                validity_time(certificate),
                KeyUsage::server_auth(),
                None,
                None,
            )?;
            let ends_at = self
                .roots
                .iter()
                .position(|anchor| anchor.subject == path.anchor().subject);
            Ok(ends_at
                .map(|at| self.subjects[at].clone())
                .unwrap_or_default())
        });
        Some(match verified {
            Ok(by) => Trust::Anchored { by },
            Err(error) => not_anchored(&error),
        })
    }
}

fn anchor(der: &CertificateDer<'_>) -> Result<TrustAnchor<'static>, webpki::Error> {
    webpki::anchor_from_trusted_cert(der).map(|anchor| anchor.to_owned())
}

/// What a failed path search means. Only another issuer, or a certificate that must not serve, counts against
/// the server.
fn not_anchored(error: &webpki::Error) -> Trust {
    use webpki::Error as E;

    let untrusted = |why: &str| Trust::NotAnchored {
        why: why.to_owned(),
    };
    let not_checked = |why: &str| Trust::NotChecked {
        why: why.to_owned(),
    };
    match error {
        E::UnknownIssuer => untrusted("none of the given CAs signed it"),
        E::InvalidSignatureForPublicKey => {
            untrusted("a given CA has the name of its issuer, but that CA did not sign it")
        }
        E::RequiredEkuNotFoundContext(_) => {
            untrusted("its certificate is not for server authentication")
        }
        E::EndEntityUsedAsCa => untrusted("a certificate that is not a CA signed it"),
        E::PathLenConstraintViolated => untrusted("a CA of the chain must not have CAs below it"),
        E::NameConstraintViolation => untrusted("a CA of the chain must not sign such names"),
        E::UnsupportedCertVersion => {
            not_checked("certificates of X.509 version 1 and 2 are not supported")
        }
        E::UnsupportedCriticalExtension => {
            not_checked("a certificate has an unknown critical extension")
        }
        E::CaUsedAsEndEntity => not_checked("its certificate is a CA certificate"),
        E::CertExpired { .. } | E::CertNotValidYet { .. } => {
            not_checked("a CA certificate of the chain is not valid now")
        }
        other => Trust::NotChecked {
            why: other.to_string(),
        },
    }
}

/// The current time, or the nearest time at which the certificate is valid.
fn validity_time(certificate: Option<&Certificate>) -> UnixTime {
    let now = UnixTime::now().as_secs();
    let seconds =
        |at: Option<jiff::Timestamp>| at.and_then(|at| u64::try_from(at.as_second()).ok());
    let (from, to) = certificate
        .map(|facts| (seconds(facts.not_before), seconds(facts.not_after)))
        .unwrap_or_default();
    let from = from.unwrap_or(0);
    let moment = now.max(from).min(to.unwrap_or(u64::MAX).max(from));
    UnixTime::since_unix_epoch(Duration::from_secs(moment))
}

#[cfg(test)]
mod tests {
    use rcgen::{
        BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType,
        ExtendedKeyUsagePurpose, IsCa, KeyPair,
    };
    use rustls::crypto::aws_lc_rs;

    use super::*;

    type Ca = CertifiedIssuer<'static, KeyPair>;

    fn ca(name: &str) -> Ca {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    }

    fn leaf(by: &Ca, change: impl FnOnce(&mut CertificateParams)) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(["kubernetes".to_owned()]).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        change(&mut params);
        params
            .signed_by(&KeyPair::generate().unwrap(), by)
            .unwrap()
            .der()
            .clone()
    }

    fn evaluated(given: &Ca, chain: &[CertificateDer<'static>]) -> Trust {
        let anchors = TrustAnchors::new(&[given.der().to_vec()]).unwrap();
        let facts = chain.first().and_then(|leaf| certificate::facts(leaf));
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        anchors.evaluate(chain, facts.as_ref(), algorithms).unwrap()
    }

    fn unknown_critical(params: &mut CertificateParams) {
        let mut extension =
            CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
        extension.set_criticality(true);
        params.custom_extensions.push(extension);
    }

    #[test]
    fn another_issuer_counts_against_a_server_and_an_unsupported_certificate_does_not() {
        let (own, namesake, other) = (ca("kubernetes"), ca("kubernetes"), ca("other"));
        let good = leaf(&own, |_| {});
        assert_eq!(
            evaluated(&own, std::slice::from_ref(&good)),
            Trust::Anchored {
                by: "CN=kubernetes".into()
            }
        );
        for (given, chain) in [
            (&other, good.clone()),
            (&namesake, good),
            (
                &own,
                leaf(&own, |params| {
                    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
                }),
            ),
        ] {
            let trust = evaluated(given, &[chain]);
            assert!(matches!(trust, Trust::NotAnchored { .. }), "{trust:?}");
        }
        for chain in [
            leaf(&own, unknown_critical),
            leaf(&own, |params| {
                params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            }),
            CertificateDer::from(vec![1, 2, 3]),
        ] {
            let trust = evaluated(&own, &[chain]);
            assert!(matches!(trust, Trust::NotChecked { .. }), "{trust:?}");
        }
    }
}
