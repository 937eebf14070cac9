//! The CAs that the user gave: does a serving chain end at one of them?
//!
//! The name is not checked (an API server is often asked by an address that its certificate does not
//! have) and neither is the date: an expired certificate is a finding of its own, and says nothing
//! about who serves it.

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use std::time::Duration;
use webpki::{EndEntityCert, KeyUsage};

use super::certificate;
use crate::error::Error;
use crate::model::{Certificate, Trust};

/// CAs, ready to judge by.
pub(super) struct Anchors {
    ders: Vec<CertificateDer<'static>>,
    roots: Vec<TrustAnchor<'static>>,
    /// Their names, in the same order.
    subjects: Vec<String>,
}

impl Anchors {
    /// Reads the certificates.
    ///
    /// # Errors
    /// [`Error::Config`] for one that is no certificate.
    pub(super) fn new(ders: &[Vec<u8>]) -> Result<Self, Error> {
        let ders: Vec<CertificateDer<'static>> =
            ders.iter().cloned().map(CertificateDer::from).collect();
        let roots = ders
            .iter()
            .map(|der| webpki::anchor_from_trusted_cert(der).map(|anchor| anchor.to_owned()));
        let roots = roots
            .collect::<Result<_, _>>()
            .map_err(|error| Error::Config {
                setting: "ca-file",
                problem: format!("holds what is no CA certificate: {error}"),
            })?;
        let subject = |der: &CertificateDer<'_>| {
            certificate::facts(der).map(|facts| facts.subject.to_string())
        };
        let subjects = ders
            .iter()
            .map(|der| subject(der).unwrap_or_default())
            .collect();
        Ok(Self {
            ders,
            roots,
            subjects,
        })
    }

    /// Whether the chain ends here; `None` if no CA was given. `certificate` is what its first says.
    pub(super) fn judge(
        &self,
        chain: &[CertificateDer<'_>],
        certificate: Option<&Certificate>,
        algorithms: WebPkiSupportedAlgorithms,
    ) -> Option<Trust> {
        if self.roots.is_empty() {
            return None;
        }
        let Some((leaf, between)) = chain.split_first() else {
            return Some(Trust::NotAnchored {
                why: "no certificate was sent".to_owned(),
            });
        };
        // A certificate that is itself the one given.
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
                between,
                within_validity(certificate),
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

/// What it means that no path to a CA was found: only what speaks of another issuer, or of a certificate that
/// must not serve, is held against the server.
fn not_anchored(error: &webpki::Error) -> Trust {
    use webpki::Error as E;

    let held = |why: &str| Trust::NotAnchored {
        why: why.to_owned(),
    };
    let open = |why: &str| Trust::NotChecked {
        why: why.to_owned(),
    };
    match error {
        E::UnknownIssuer => held("it is signed by none of the CAs given"),
        E::InvalidSignatureForPublicKey => {
            held("a CA of that name was given, but its key did not sign it")
        }
        E::RequiredEkuNotFoundContext(_) => held("its certificate is not for servers"),
        E::EndEntityUsedAsCa => held("it is signed by a certificate that is no CA"),
        E::PathLenConstraintViolated => {
            held("it is signed by a CA that must not have CAs below it")
        }
        E::NameConstraintViolation => held("it is signed by a CA that must not sign such names"),
        E::UnsupportedCertVersion => {
            open("a certificate of X.509 version 1 or 2 is not understood")
        }
        E::UnsupportedCriticalExtension => {
            open("a certificate has a critical extension that is not known here")
        }
        E::CaUsedAsEndEntity => open("its certificate is itself one of a CA"),
        E::CertExpired { .. } | E::CertNotValidYet { .. } => {
            open("a CA certificate of it is not valid now")
        }
        other => Trust::NotChecked {
            why: other.to_string(),
        },
    }
}

/// Now, or the nearest moment at which the certificate is valid.
fn within_validity(certificate: Option<&Certificate>) -> UnixTime {
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

    fn judged(given: &Ca, chain: &[CertificateDer<'static>]) -> Trust {
        let anchors = Anchors::new(&[given.der().to_vec()]).unwrap();
        let facts = chain.first().and_then(|leaf| certificate::facts(leaf));
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        anchors.judge(chain, facts.as_ref(), algorithms).unwrap()
    }

    fn unknown_critical(params: &mut CertificateParams) {
        let mut extension =
            CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
        extension.set_criticality(true);
        params.custom_extensions.push(extension);
    }

    #[test]
    fn another_issuer_is_held_against_a_server_and_what_is_not_understood_is_not() {
        let (own, namesake, other) = (ca("kubernetes"), ca("kubernetes"), ca("other"));
        let good = leaf(&own, |_| {});
        assert_eq!(
            judged(&own, std::slice::from_ref(&good)),
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
            let trust = judged(given, &[chain]);
            assert!(matches!(trust, Trust::NotAnchored { .. }), "{trust:?}");
        }
        for chain in [
            leaf(&own, unknown_critical),
            leaf(&own, |params| {
                params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            }),
            CertificateDer::from(vec![1, 2, 3]),
        ] {
            let trust = judged(&own, &[chain]);
            assert!(matches!(trust, Trust::NotChecked { .. }), "{trust:?}");
        }
    }
}
