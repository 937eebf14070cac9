//! Gathers the signs in an observation, with a clue for each, and matches every text that could name a product with
//! the table of products.

mod signs;
mod tls;

use std::fmt;

use super::attribution::ProductMarks;
use crate::kubernetes::{
    Answer, GO_NOT_FOUND, Minor, PathClass, Status, UNAUTHORIZED, VersionInfo,
};
use crate::model::{ClueKind, Component, Observation, Reply, Request, Scheme};
use crate::products::Place;
pub(super) use signs::Signs;

/// How Teleport's Kubernetes proxy refuses a caller without a client certificate (`accessDeniedMsg`
/// in `lib/kube/proxy/forwarder.go` of gravitational/teleport).
const PROXY_DENIES: &str = "[00] access denied";
/// The realm of an API server with password authentication.
const OLD_REALM: &str = "kubernetes-master";

/// Clues that an endpoint usually gives at most.
const CLUES: usize = 10;

impl<'a> Signs<'a> {
    pub(super) fn of(observation: &'a Observation) -> Self {
        let mut signs = Self {
            clues: Vec::with_capacity(CLUES),
            only_go_text: true,
            ..Self::default()
        };
        for (request, reply) in observation.replies() {
            signs.reply(request, reply);
        }
        signs.only_go_text &= signs.replies > 0;
        // etcd returns its version at one path only. A program that returns it at every path is not etcd.
        signs.etcd_answer &= observation.replies().all(|(request, reply)| {
            request.class == PathClass::Version || reply.answer != Answer::Etcd
        });
        signs.host_name(observation);
        signs.collect_tls(observation);
        signs.plain_http(observation);
        signs.clues.sort_by_key(|clue| clue.kind);
        signs.match_products(observation);
        signs
    }

    /// Matches the observed texts with the table of products.
    fn match_products(&mut self, observation: &'a Observation) {
        let at = |kind: ClueKind| {
            self.clues
                .iter()
                .position(|clue| clue.kind == kind)
                .unwrap_or_default()
        };
        let mut marks = ProductMarks::with_room();
        if let Some(version) = self.version {
            marks.match_text(Place::Version, version, at(ClueKind::VersionFields));
        }
        let host = at(ClueKind::HostName);
        if let Some(name) = &observation.endpoint.name {
            marks.match_text(Place::Host, &**name, host);
        }
        for alias in observation.aliases.iter() {
            marks.match_alias(alias, host);
        }
        tls::match_all(&mut marks, observation, at);
        let transport = at(ClueKind::TransportSecurity);
        let header = observation
            .replies()
            .find_map(|(_, reply)| reply.header("strict-transport-security"));
        if let Some(value) = header {
            marks.match_text(Place::TransportSecurity, value, transport);
        }
        let answer = at(ClueKind::ProductAnswer);
        for (request, reply) in observation.replies() {
            if let Some(text) = own_answer(request, &reply.answer) {
                marks.match_text(Place::Answer, text, answer);
            }
        }
        self.proxy_answer = marks.show(Component::KubernetesProxy, Place::Answer, answer);
        self.supervisor_answer = marks.show(Component::Supervisor, Place::Answer, answer);
        if (observation.tls.as_ref()).is_some_and(|tls| tls.certificate.is_some()) {
            let certificate = at(ClueKind::ServingCertificate);
            let of_certificate = |program, place| marks.show(program, place, certificate);
            self.supervisor_certificate = of_certificate(Component::Supervisor, Place::Subject);
            self.proxy_certificate = of_certificate(Component::KubernetesProxy, Place::Issuer);
        }
        // Some products serve the API under a service name of their own.
        self.other_service_certificate &= !marks.unique_in(Place::San);
        self.marks = marks;
    }

    fn reply(&mut self, request: &Request, reply: &'a Reply) {
        self.replies += 1;
        let asked = Asked {
            request,
            status: reply.status,
        };
        let marks = reply.header_marks();
        if marks.audit_id {
            self.audit_id = true;
            self.push_once(ClueKind::AuditId, format_args!("{asked} with an Audit-Id"));
        }
        if marks.flow_control {
            self.flow_control = true;
            self.push_once(
                ClueKind::FlowControl,
                format_args!("{asked} with X-Kubernetes-Pf headers"),
            );
        }
        if let Some(server) = reply.header("server") {
            self.front = true;
            self.push_once(ClueKind::ServerHeader, format_args!("Server: {server}"));
        }
        self.front |= reply.headers.contains("via");
        if let Some(value) = reply.header("strict-transport-security") {
            self.push_once(
                ClueKind::TransportSecurity,
                format_args!("{asked} with Strict-Transport-Security: {value}"),
            );
        }
        match &reply.answer {
            Answer::Status(status) => self.status(asked, status),
            answer if answer.refusal().is_some() => {
                self.status_objects += 1;
                self.push_once(
                    ClueKind::Status,
                    format_args!("{asked} in the words of API servers before 1.7"),
                );
            }
            Answer::Version(info) if request.class == PathClass::Version => {
                self.version = Some(&info.git_version);
                self.push_once(ClueKind::VersionFields, format_args!("{}", Fields(info)));
            }
            // An API server also lists its root paths with a 404.
            answer @ (Answer::ApiVersions
            | Answer::ApiGroups
            | Answer::ApiGroup
            | Answer::ApiResources
            | Answer::RootPaths
            | Answer::ResourceList { .. })
                if answer.fits(request.class, request.bare_path())
                    || *answer == Answer::RootPaths && reply.status == 404 =>
            {
                self.discovery = true;
                self.push_once(
                    ClueKind::Discovery,
                    format_args!("{asked} with a Kubernetes API document"),
                );
            }
            Answer::Etcd if request.class == PathClass::Version => {
                self.etcd_answer = true;
                self.push_once(
                    ClueKind::ForeignAnswer,
                    format_args!("{asked} with an etcdserver version"),
                );
            }
            Answer::KubeletDeniesAnonymous | Answer::KubeletDeniesUser => {
                // One such refusal is enough: a kubelet may refuse every path in the same words.
                if !self.kubelet_answer {
                    self.push_or_extend(
                        ClueKind::ForeignAnswer,
                        format!("{asked} with a kubelet's refusal"),
                    );
                }
                self.kubelet_answer = true;
            }
            answer => match own_answer(request, answer) {
                Some(own) => {
                    self.push_or_extend(ClueKind::ProductAnswer, format!("{asked}: {own}"));
                }
                None => self.foreign(reply, answer, asked),
            },
        }
        if reply
            .header("www-authenticate")
            .is_some_and(|value| value.contains(OLD_REALM))
        {
            self.old_realm = true;
            self.push_once(
                ClueKind::Status,
                format_args!("{asked} with the realm {OLD_REALM}"),
            );
        }
        let bare = match &reply.answer {
            Answer::Text(text) => matches!(text.as_str(), UNAUTHORIZED | GO_NOT_FOUND),
            Answer::Empty | Answer::HealthOk | Answer::HealthFailing | Answer::Metrics { .. } => {
                true
            }
            _ => false,
        };
        self.only_go_text &= bare;
    }

    fn status(&mut self, asked: Asked<'_>, status: &Status) {
        match (status.code, status.reason.as_str()) {
            (401, UNAUTHORIZED) => self.status_401 = true,
            (403, _) if status.message == PROXY_DENIES => self.proxy_status = true,
            (403, "Forbidden") => {
                self.refuses_a_resource |= status.refuses_a_resource();
                self.refuses_lists_as_paths |= asked.request.class.is_list()
                    && status.refuses_the_path(asked.request.bare_path());
            }
            _ => {}
        }
        self.status_objects += 1;
        self.push_once(
            ClueKind::Status,
            format_args!("{asked} with a Status of reason {}", status.reason),
        );
    }

    fn foreign(&mut self, reply: &Reply, answer: &Answer, asked: Asked<'_>) {
        let go_404 = matches!(answer, Answer::Text(text) if text == GO_NOT_FOUND);
        if asked.request.class == PathClass::Version
            && reply.status == 404
            && go_404
            && !reply.header_marks().any()
        {
            self.version_is_go_404 = true;
        }
        let what = match answer {
            Answer::Html => "a web page",
            Answer::OtherJson | Answer::Etcd => "JSON that is not from Kubernetes",
            Answer::Text(_) => "plain text",
            Answer::Binary => "bytes that are not text",
            Answer::WantsTls => "the text of a TLS port",
            _ => return,
        };
        self.push_once(ClueKind::ForeignAnswer, format_args!("{asked} with {what}"));
    }

    /// The host name of the endpoint and the names that it is an alias of.
    fn host_name(&mut self, observation: &Observation) {
        let Some(name) = &observation.endpoint.name else {
            return;
        };
        let mut seen = name.to_string();
        for alias in observation.aliases.iter() {
            seen.push_str(", an alias of ");
            seen.push_str(alias);
        }
        self.push(ClueKind::HostName, seen);
    }

    /// API servers from 1.20 on have no port for plain HTTP, so a proxy forwards their answers.
    fn plain_http(&mut self, observation: &Observation) {
        if observation.endpoint.scheme != Scheme::Http || self.api_server_signs() == 0 {
            return;
        }
        let minor = self.version.and_then(Minor::of_git_version);
        let proxied = minor.is_some_and(|minor| minor >= Minor::NO_INSECURE_PORT);
        self.front |= proxied;
        let seen = if proxied {
            "an API server's answers over plain HTTP: this release has no port for that, so a proxy such as \
             kubectl proxy forwards them"
        } else {
            "an API server's answers over plain HTTP"
        };
        self.push(ClueKind::PlainHttp, seen);
    }
}

/// A request and the status of its answer, as clues show them.
#[derive(Clone, Copy)]
struct Asked<'a> {
    request: &'a Request,
    status: u16,
}

impl fmt::Display for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.request.method.as_str())?;
        f.write_str(" ")?;
        f.write_str(&self.request.path)?;
        write!(f, " answered {}", self.status)
    }
}

/// The text for the `answer` patterns of the table, if the body is a product's own.
fn own_answer(request: &Request, answer: &Answer) -> Option<String> {
    let Answer::Product(body) = answer else {
        return None;
    };
    if body.refusal {
        return Some(body.name.to_owned());
    }
    (request.class == PathClass::Product).then(|| format!("{} {}", request.bare_path(), body.name))
}

/// The fields of `/version` that a clue shows.
struct Fields<'a>(&'a VersionInfo);

impl fmt::Display for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(info) = self;
        f.write_str("gitVersion ")?;
        f.write_str(&info.git_version)?;
        for (words, field) in [
            ("emulating", &info.emulation),
            ("compatible from", &info.minimum_compatibility),
            ("for", &info.platform),
            ("built with", &info.go_version),
            ("on", &info.build_date),
        ] {
            if let Some(field) = field {
                [", ", words, " ", field]
                    .iter()
                    .try_for_each(|part| f.write_str(part))?;
            }
        }
        Ok(())
    }
}
