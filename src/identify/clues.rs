//! Gathers the signs that an observation holds, each with what was seen.

use crate::model::{Answer, Certificate, Clue, ClueKind, Observation, PathClass, Reply, Request, Status};

/// Parts of CA names that clusters use for client and front-proxy authentication.
const CLUSTER_CA_PARTS: [&str; 7] =
    ["kube", "front-proxy", "k3s-", "rke2-", "requestheader", "aggregator", "openshift"];

/// What was seen, ready to be weighed.
#[derive(Default)]
pub(super) struct Signs {
    pub(super) clues: Vec<Clue>,
    pub(super) replies: usize,
    /// `Status` objects of 401 or 403, which several components send.
    pub(super) status_objects: usize,
    status_401: bool,
    refuses_a_resource: bool,
    version_fields: bool,
    discovery: bool,
    audit_id: bool,
    flow_control: bool,
    pub(super) version: Option<String>,
    pub(super) etcd_answer: bool,
    pub(super) version_is_go_404: bool,
    /// Every answer is bare text as Go's standard library writes it (or bodyless), none a `Status`.
    pub(super) only_go_text: bool,
    /// `kubernetes.default` or a sibling among the SANs.
    pub(super) api_server_san: bool,
    /// The certificate names another service of a cluster, or is Kubernetes' self-made default.
    pub(super) other_service_certificate: bool,
    pub(super) node_certificate: bool,
    pub(super) cluster_ca: bool,
    pub(super) etcd_ca: bool,
    /// Something in front terminates TLS.
    pub(super) front: bool,
}

impl Signs {
    pub(super) fn of(observation: &Observation) -> Self {
        let mut signs = Self { only_go_text: true, ..Self::default() };
        for (request, reply) in observation.replies() {
            signs.reply(request, reply);
        }
        signs.only_go_text &= signs.replies > 0;
        signs.tls(observation);
        signs.clues.sort_by_key(|clue| clue.kind);
        signs
    }

    /// How many independent signs say that it is an API server and not merely a program that
    /// shares its HTTP library.
    pub(super) fn api_server_signs(&self) -> u32 {
        [
            self.version_fields,
            self.discovery,
            self.audit_id,
            self.flow_control,
            self.refuses_a_resource,
            // Controller manager and scheduler always accept anonymous; a kubelet's 401 is text.
            self.status_401,
        ]
        .into_iter()
        .map(u32::from)
        .sum()
    }

    /// Whether anything at all says Kubernetes.
    pub(super) fn kubernetes(&self) -> bool {
        self.status_objects > 0
            || self.api_server_signs() > 0
            || self.api_server_san
            || self.node_certificate
            || self.cluster_ca
    }

    fn clue(&mut self, kind: ClueKind, seen: impl Into<String>) {
        self.clues.push(Clue { kind, seen: seen.into() });
    }

    fn once(&mut self, kind: ClueKind, seen: impl Into<String>) {
        if self.clues.iter().all(|clue| clue.kind != kind) {
            self.clue(kind, seen);
        }
    }

    fn reply(&mut self, request: &Request, reply: &Reply) {
        self.replies += 1;
        let asked = format!("{} {} answered {}", request.method.word(), request.path, reply.status);
        let marks = reply.markers();
        if marks.audit_id {
            self.audit_id = true;
            self.once(ClueKind::AuditId, format!("{asked} with an Audit-Id"));
        }
        if marks.flow_control {
            self.flow_control = true;
            self.once(ClueKind::FlowControl, format!("{asked} with X-Kubernetes-Pf headers"));
        }
        if let Some(server) = reply.header("server") {
            self.front = true;
            self.once(ClueKind::ServerHeader, format!("Server: {server}"));
        }
        self.front |= reply.headers.contains_key("via");
        match &reply.answer {
            Answer::Status(status) => self.status(&asked, status),
            Answer::Version(info) => {
                self.version_fields = true;
                self.version = Some(info.git_version.clone());
                self.once(ClueKind::VersionFields, format!("gitVersion {}", info.git_version));
            }
            Answer::ApiVersions | Answer::ApiGroups | Answer::RootPaths | Answer::ResourceList => {
                self.discovery = true;
                self.once(ClueKind::Discovery, format!("{asked} with a Kubernetes API document"));
            }
            Answer::Etcd => {
                self.etcd_answer = true;
                self.once(ClueKind::ForeignAnswer, format!("{asked} with an etcdserver version"));
            }
            answer => self.foreign(request, reply, answer, &asked),
        }
        let bare = match &reply.answer {
            Answer::Text(text) => matches!(text.as_str(), "Unauthorized" | "404 page not found"),
            Answer::Empty | Answer::Health { ok: true } => true,
            _ => false,
        };
        self.only_go_text &= bare;
    }

    fn status(&mut self, asked: &str, status: &Status) {
        match (status.code, status.reason.as_str()) {
            (401, "Unauthorized") => self.status_401 = true,
            (403, "Forbidden") => self.refuses_a_resource |= status.refuses_a_resource(),
            _ => {}
        }
        self.status_objects += 1;
        self.once(ClueKind::Status, format!("{asked} with a Status of reason {}", status.reason));
    }

    fn foreign(&mut self, request: &Request, reply: &Reply, answer: &Answer, asked: &str) {
        let go_404 = matches!(answer, Answer::Text(text) if text == "404 page not found");
        if request.class == PathClass::Version && reply.status == 404 && go_404 && !reply.markers().any() {
            self.version_is_go_404 = true;
        }
        let what = match answer {
            Answer::Html => "a web page",
            Answer::OtherJson => "JSON that is not Kubernetes'",
            Answer::Text(_) => "plain text",
            Answer::Binary => "bytes that are no text",
            Answer::WantsTls => "the words of a TLS port",
            _ => return,
        };
        self.once(ClueKind::ForeignAnswer, format!("{asked} with {what}"));
    }

    fn tls(&mut self, observation: &Observation) {
        let Some(tls) = &observation.tls else { return };
        let lower = |name: &str| name.to_ascii_lowercase();
        if tls.client_ca_names.total > 0 {
            self.cluster_ca = tls
                .client_ca_names
                .any(|name| CLUSTER_CA_PARTS.iter().any(|part| lower(name).contains(part)));
            self.etcd_ca = tls.client_ca_names.any(|name| lower(name).contains("etcd"));
            self.clue(ClueKind::ClientCaNames, tls.client_ca_names.kept.join("; "));
        }
        if let Some(certificate) = &tls.certificate {
            self.certificate(certificate);
        }
        // A front end that terminates TLS shows its own certificate and asks for no client CA.
        self.front |= !tls.client_certificate_requested && !self.api_server_san;
    }

    fn certificate(&mut self, certificate: &Certificate) {
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
        self.clue(
            ClueKind::ServingCertificate,
            format!("subject {}; issuer {}", certificate.subject, certificate.issuer),
        );
    }
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
