//! The signs in a TLS handshake: the certificate, its names, and the CA names for client certificates.

use super::signs::Signs;
use crate::identify::attribution::ProductMarks;
use crate::model::{ClueKind, Handshake, Observation};
use crate::products::{Place, TABLE};

impl Signs<'_> {
    /// Collects the signs of the handshakes.
    pub(super) fn collect_tls(&mut self, observation: &Observation) {
        let Some(tls) = &observation.tls else { return };
        for name in &tls.client_ca_names.kept {
            self.cluster_ca =
                self.cluster_ca || (TABLE.cluster_ca_names.iter()).any(|part| contains(name, part));
            self.etcd_name |= contains(name, "etcd");
        }
        if let Some(cas) = client_cas(tls) {
            self.push(ClueKind::ClientCaNames, cas);
        }
        self.collect_certificate(tls);
        // A front end that terminates TLS has its own certificate and requests no client certificate.
        self.front |= !tls.client_certificate_requested && !self.api_server_san;
        if let Some(alpn) = &tls.alpn {
            self.push(ClueKind::Alpn, alpn.to_string());
        }
        if let Some(Ok(other)) = &observation.without_sni
            && let Some(seen) = difference(tls, other)
        {
            self.push(ClueKind::WithoutServerName, seen);
        } else if let Some(Err(failure)) = &observation.without_sni {
            self.push(
                ClueKind::WithoutServerName,
                format!("no handshake: {failure}"),
            );
        }
    }

    fn collect_certificate(&mut self, tls: &Handshake) {
        let Some(certificate) = &tls.certificate else {
            return;
        };
        let subject = certificate.subject.attribute("CN").unwrap_or_default();
        let issuer = certificate.issuer.attribute("CN").unwrap_or_default();
        self.api_server_san = certificate.sans.any(|san| {
            matches!(
                san,
                "kubernetes" | "kubernetes.default" | "kubernetes.default.svc"
            ) || san.starts_with("kubernetes.default.svc.")
        });
        let of_a_service = certificate
            .sans
            .any(|san| san.split('.').skip(1).any(|label| label == "svc"));
        self.etcd_name |= [&certificate.subject, &certificate.issuer]
            .iter()
            .any(|name| name.contains("etcd"));
        let self_made = self_made_name(&subject, &issuer);
        self.other_service_certificate =
            !self.api_server_san && (of_a_service || self_made == Some("localhost"));
        self.self_made_node_certificate =
            !self.api_server_san && self_made.is_some_and(|name| name != "localhost");
        self.node_certificate =
            subject.starts_with("system:node:") || self.self_made_node_certificate;
        self.push(
            ClueKind::ServingCertificate,
            format!(
                "subject {}; issuer {}",
                certificate.subject, certificate.issuer
            ),
        );
        if certificate.sans.total > 0 {
            self.push(ClueKind::CertificateNames, certificate.sans.kept.join(", "));
        }
    }
}

/// Matches the texts of the handshakes with the table. `at` returns the index of the clue of a kind. A handshake
/// without SNI has a clue only if it differs.
pub(super) fn match_all<'a>(
    marks: &mut ProductMarks<'a>,
    observation: &'a Observation,
    at: impl Fn(ClueKind) -> usize,
) {
    let Some(tls) = &observation.tls else { return };
    match_certificate(
        marks,
        tls,
        [
            at(ClueKind::ServingCertificate),
            at(ClueKind::CertificateNames),
        ],
    );
    match_ca_names(marks, tls, at(ClueKind::ClientCaNames));
    if let Some(Ok(other)) = &observation.without_sni {
        let clue = at(ClueKind::WithoutServerName);
        if certificate_text(tls) != certificate_text(other) {
            match_certificate(marks, other, [clue; 2]);
        }
        if client_cas(tls) != client_cas(other) {
            match_ca_names(marks, other, clue);
        }
    }
}

fn match_certificate<'a>(
    marks: &mut ProductMarks<'a>,
    tls: &'a Handshake,
    [certificate, names]: [usize; 2],
) {
    let Some(facts) = &tls.certificate else {
        return;
    };
    marks.match_text(Place::Issuer, &*facts.issuer, certificate);
    marks.match_text(Place::Subject, &*facts.subject, certificate);
    for san in &facts.sans.kept {
        marks.match_text(Place::San, san, names);
    }
}

fn match_ca_names<'a>(marks: &mut ProductMarks<'a>, tls: &'a Handshake, clue: usize) {
    for ca in &tls.client_ca_names.kept {
        marks.match_text(Place::ClientCa, ca, clue);
    }
    if tls.client_certificate_requested && tls.client_ca_names.total == 0 {
        marks.match_text(Place::ClientCa, "", clue);
    }
}

/// What a handshake without SNI shows, if that differs.
fn difference(with: &Handshake, without: &Handshake) -> Option<String> {
    let mut parts = Vec::new();
    if certificate_text(with) != certificate_text(without) {
        parts.push(
            certificate_text(without)
                .unwrap_or_else(|| "a certificate that cannot be read".to_owned()),
        );
    }
    if client_cas(with) != client_cas(without) {
        let cas = client_cas(without);
        parts.push(format!(
            "client CAs: {}",
            cas.as_deref()
                .unwrap_or("no client certificate is asked for")
        ));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// The names in the serving certificate; `None` if it cannot be read.
fn certificate_text(tls: &Handshake) -> Option<String> {
    tls.certificate.as_ref().map(|facts| {
        let names = facts.sans.kept.join(", ");
        format!(
            "subject {}; issuer {}; names {names}",
            facts.subject, facts.issuer
        )
    })
}

/// Whether a name has this part, in whatever case.
fn contains(name: &str, part: &str) -> bool {
    let mut windows = name.as_bytes().windows(part.len());
    windows.any(|window| window.eq_ignore_ascii_case(part.as_bytes()))
}

/// The names of client CAs; `None` if the server requests no client certificate.
fn client_cas(tls: &Handshake) -> Option<String> {
    let names = &tls.client_ca_names;
    if names.total > 0 {
        return Some(names.kept.join("; "));
    }
    tls.client_certificate_requested
        .then(|| "a client certificate is asked for, and no CA named".to_owned())
}

/// The host name in a certificate that a Kubernetes component makes for itself if it has none: subject `HOST@SECONDS`,
/// issuer `HOST-ca@SECONDS`.
fn self_made_name<'a>(subject: &'a str, issuer: &str) -> Option<&'a str> {
    let (host, seconds) = subject.rsplit_once('@')?;
    let (ca, ca_seconds) = issuer.rsplit_once('@')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits(seconds) && digits(ca_seconds) && ca.strip_suffix("-ca")? == host).then_some(host)
}
