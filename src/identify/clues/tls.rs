//! The signs in a TLS handshake: the certificate, its names, the CA names that are asked for.

use super::Signs;
use crate::identify::attribution::Marks;
use crate::identify::products::Place;
use crate::model::{ClueKind, Handshake, Observation};

/// Parts of CA names that clusters use for client and front-proxy authentication.
const CLUSTER_CA_PARTS: [&str; 7] =
    ["kube", "front-proxy", "k3s-", "rke2-", "requestheader", "aggregator", "openshift"];
impl Signs {
    pub(super) fn tls(&mut self, observation: &Observation) {
        let Some(tls) = &observation.tls else { return };
        let lower = |name: &str| name.to_ascii_lowercase();
        if tls.client_ca_names.total > 0 {
            self.cluster_ca = tls
                .client_ca_names
                .any(|name| CLUSTER_CA_PARTS.iter().any(|part| lower(name).contains(part)));
            self.etcd_ca = tls.client_ca_names.any(|name| lower(name).contains("etcd"));
            self.clue(ClueKind::ClientCaNames, tls.client_ca_names.kept.join("; "));
        } else if tls.client_certificate_requested {
            self.clue(ClueKind::ClientCaNames, "a client certificate is asked for, and no CA named");
        }
        self.certificate(tls);
        // A front end that terminates TLS shows its own certificate and asks for no client CA.
        self.front |= !tls.client_certificate_requested && !self.api_server_san;
        if let Some(alpn) = &tls.alpn {
            self.clue(ClueKind::Alpn, alpn.clone());
        }
        if let Some(Ok(other)) = &observation.without_sni
            && let Some(seen) = difference(tls, other)
        {
            self.clue(ClueKind::WithoutServerName, seen);
        } else if let Some(Err(failure)) = &observation.without_sni {
            self.clue(ClueKind::WithoutServerName, format!("no handshake: {failure}"));
        }
    }

    fn certificate(&mut self, tls: &Handshake) {
        let Some(certificate) = &tls.certificate else { return };
        let subject = common_name(&certificate.subject);
        let issuer = common_name(&certificate.issuer);
        self.api_server_san = certificate.sans.any(|san| {
            matches!(san, "kubernetes" | "kubernetes.default" | "kubernetes.default.svc")
                || san.starts_with("kubernetes.default.svc.")
        });
        let of_a_service = certificate.sans.any(|san| format!("{san}.").contains(".svc."));
        let self_made = self_made_name(subject, issuer);
        self.other_service_certificate =
            !self.api_server_san && (of_a_service || self_made == Some("localhost"));
        self.node_certificate = subject.starts_with("system:node:")
            || (!self.api_server_san && self_made.is_some_and(|name| name != "localhost"));
        self.supervisor_certificate =
            matches!(certificate.subject.as_str(), "O=rke2, CN=rke2" | "O=k3s, CN=k3s");
        self.dynamiclistener = issuer.starts_with("dynamiclistener-ca@");
        self.clue(
            ClueKind::ServingCertificate,
            format!("subject {}; issuer {}", certificate.subject, certificate.issuer),
        );
        if certificate.sans.total > 0 {
            self.clue(ClueKind::CertificateNames, certificate.sans.kept.join(", "));
        }
    }
}

/// The texts of one handshake, each with the clue that it stands in: certificate, its names, CA names.
pub(super) fn look_up(marks: &mut Marks, tls: &Handshake, [certificate, names, cas]: [usize; 3]) {
    if let Some(facts) = &tls.certificate {
        marks.look(Place::Issuer, &facts.issuer, certificate);
        marks.look(Place::Subject, &facts.subject, certificate);
        for san in &facts.sans.kept {
            marks.look(Place::San, san, names);
        }
    }
    for ca in &tls.client_ca_names.kept {
        marks.look(Place::ClientCa, ca, cas);
    }
    if tls.client_certificate_requested && tls.client_ca_names.total == 0 {
        marks.look(Place::ClientCa, "", cas);
    }
}

/// What a client without SNI is shown, where that differs.
fn difference(with: &Handshake, without: &Handshake) -> Option<String> {
    let certificate = |tls: &Handshake| {
        tls.certificate.as_ref().map(|facts| {
            let names = facts.sans.kept.join(", ");
            format!("subject {}; issuer {}; names {names}", facts.subject, facts.issuer)
        })
    };
    let cas = |tls: &Handshake| tls.client_ca_names.kept.join("; ");
    let mut parts = Vec::new();
    if certificate(with) != certificate(without) {
        parts.push(certificate(without).unwrap_or_else(|| "a certificate that cannot be read".to_owned()));
    }
    if cas(with) != cas(without) {
        parts.push(format!("CA names {}", cas(without)));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// The last `CN=` of a distinguished name.
fn common_name(name: &str) -> &str {
    name.rsplit(", ").find_map(|part| part.strip_prefix("CN=")).unwrap_or_default()
}

/// The host name in a certificate that Kubernetes components make for themselves when they are
/// given none: subject `HOST@SECONDS`, issuer `HOST-ca@SECONDS`.
fn self_made_name<'a>(subject: &'a str, issuer: &str) -> Option<&'a str> {
    let (host, seconds) = subject.rsplit_once('@')?;
    let (ca, ca_seconds) = issuer.rsplit_once('@')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits(seconds) && digits(ca_seconds) && ca.strip_suffix("-ca")? == host).then_some(host)
}
