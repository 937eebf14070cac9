//! How far one request came: its [`Access`], from the status, the parsed body and the header marks of its answer.
//!
//! `docs/architecture.md`, "Verdicts", has the order in which kube-apiserver handles a request, and the table from
//! answers to accesses. A request was granted only if no step before the handler can have produced its answer.

use crate::kubernetes::{
    Answer, GO_NOT_FOUND, HeaderMarks, Minor, PathClass, Refusal, UNAUTHORIZED,
};
use crate::model::{Access, Exchange, Method, Observation, Reply, Request, Unclear};

/// The beginning of an API server's 500 from before the handler (`responsewriters.InternalError`).
const INTERNAL_ERROR: &str = "Internal Server Error: \"";

/// What all answers of an endpoint show. One answer alone may not prove anything.
pub(super) struct Context<'a> {
    observation: &'a Observation,
    /// Whether an answer is a Kubernetes `Status`, so that a plain 401 may be the same server's.
    has_status: bool,
    /// Whether an answer has a body that only the Kubernetes API returns. A front end can copy headers.
    has_kubernetes_body: bool,
    /// Whether `/version` shows a release that refuses in plain text.
    refuses_in_text: bool,
    /// The header marks of the GET answers. An answer without a body needs the same marks.
    reference: HeaderMarks,
}

impl<'a> Context<'a> {
    pub(super) fn of(observation: &'a Observation) -> Self {
        let has = |is_wanted: fn(&Answer) -> bool| {
            observation
                .replies()
                .any(|(_, reply)| is_wanted(&reply.answer))
        };
        Self {
            observation,
            has_status: has(|answer| answer.status().is_some()),
            has_kubernetes_body: has(Answer::is_kubernetes),
            refuses_in_text: has(refuses_in_text),
            reference: observation.reference(),
        }
    }

    /// How far the request came.
    pub(super) fn judge(&self, exchange: &Exchange) -> Access {
        let reply = match &exchange.outcome {
            Ok(reply) => reply,
            Err(failure) => return Access::Failed(failure.clone()),
        };
        if let Some(failure) = &reply.body_failure {
            return Access::Failed(failure.clone());
        }
        if reply.answer == Answer::WantsTls {
            return Access::Unclear(Unclear::TlsPort);
        }
        let judged = match exchange.request.method {
            Method::Get => self.get(&exchange.request, reply),
            Method::Head => self.head(reply),
        };
        judged.unwrap_or_else(Access::Unclear)
    }

    fn get(&self, request: &Request, reply: &Reply) -> Result<Access, Unclear> {
        let status = reply
            .answer
            .status()
            .filter(|status| status.code == reply.status);
        match reply.status {
            401 => match status {
                Some(status) if status.reason == UNAUTHORIZED && status.message == UNAUTHORIZED => {
                    Ok(Access::Rejected)
                }
                Some(_) => Err(Unclear::OwnWords),
                None if self.plain_401_counts(reply) => Ok(Access::Rejected),
                None => Err(Unclear::Plain401),
            },
            403 => {
                let in_text = reply.answer.status().is_none();
                let forbids = in_text || status.is_some_and(|status| status.reason == "Forbidden");
                match reply
                    .answer
                    .refusal()
                    .filter(|_| forbids)
                    .map(|message| Refusal::of(message, request.class, request.bare_path()))
                {
                    Some(Refusal::Anonymous) => Ok(Access::Forbidden),
                    Some(Refusal::OtherRequest) => Err(Unclear::OtherRequest),
                    Some(Refusal::OtherUser) => Err(Unclear::OtherUser),
                    Some(Refusal::OwnWords) => Err(Unclear::OwnWords),
                    None => Err(Unclear::Plain403),
                }
            }
            // An API server answers a read with no other 2xx status.
            200 => self.success(request, reply),
            // The handler reads the continue token, so authorization allowed the list.
            400 if status.is_some_and(|status| {
                status.reason == "BadRequest" && status.refuses_the_continue_token()
            }) && request.class.is_list()
                && !self.is_unmarked(reply) =>
            {
                Ok(Access::Granted)
            }
            404..=406 | 415 if self.is_from_handler(reply) => Ok(Access::Granted),
            300..=399 => Err(Unclear::Redirect),
            429 => Err(Unclear::RateLimited),
            500..=599 => match &reply.answer {
                Answer::HealthFailing if request.class == PathClass::Health => {
                    if self.is_unmarked(reply) {
                        Err(Unclear::FrontHealth)
                    } else {
                        Ok(Access::Granted)
                    }
                }
                Answer::Text(text)
                    if reply.header_marks().any() && text.starts_with(INTERNAL_ERROR) =>
                {
                    Err(Unclear::AuthorizerFailed)
                }
                _ => Err(Unclear::ServerError),
            },
            _ => Err(Unclear::OtherStatus),
        }
    }

    /// Whether a 401 with plain text or without a body counts: only if it or another answer shows an API server,
    /// because a kubelet's 401 looks the same. From 1.7 on API servers send no `WWW-Authenticate`.
    fn plain_401_counts(&self, reply: &Reply) -> bool {
        let is_plain = match &reply.answer {
            Answer::Text(text) => text == UNAUTHORIZED,
            answer => *answer == Answer::Empty,
        };
        let has_challenge = reply.headers.contains("www-authenticate");
        is_plain
            && (self.refuses_in_text
                || !has_challenge && (reply.header_marks().audit_id || self.has_status))
    }

    /// Whether the answer has no header marks while other answers of the endpoint have some: a front end answered.
    fn is_unmarked(&self, reply: &Reply) -> bool {
        !reply.header_marks().any()
            && self
                .observation
                .replies()
                .any(|(_, other)| other.header_marks().any())
    }

    /// Whether the API server's handler produced this error, and not a front end.
    fn is_from_handler(&self, reply: &Reply) -> bool {
        let form = match &reply.answer {
            Answer::Status(status) => status.code == reply.status,
            Answer::RootPaths => true,
            Answer::Text(text) => text == GO_NOT_FOUND && self.has_kubernetes_body,
            _ => false,
        };
        form && reply.vouched_by(self.reference)
    }

    /// A success counts if it has the complete body of its path and the header marks of the other answers, and if no
    /// path of another kind returns the same body. A front end may return one page for every path.
    fn success(&self, request: &Request, reply: &Reply) -> Result<Access, Unclear> {
        if reply.answer == Answer::Cut {
            return Err(Unclear::Cut);
        }
        // The bodies of these paths are not known: only header marks show who answered.
        let body_is_known = !matches!(request.class, PathClass::Other | PathClass::Product);
        let is_vouched = reply.header_marks().any() && self.has_kubernetes_body;
        if (body_is_known || !is_vouched) && !reply.answer.fits(request.class, request.bare_path())
        {
            return Err(Unclear::UnexpectedBody);
        }
        if self.is_unmarked(reply) && request.class != PathClass::Product {
            let health = request.class == PathClass::Health;
            return Err(if health {
                Unclear::FrontHealth
            } else {
                Unclear::Unmarked
            });
        }
        if self.is_body_of_another_path(request, reply) {
            return Err(Unclear::SameBody);
        }
        let may_be_another_programs = match reply.answer {
            Answer::Metrics { of_api_server } => !of_api_server,
            Answer::OpenApi { of_kubernetes } => !of_kubernetes,
            Answer::Diagnostics => true,
            _ => false,
        };
        if may_be_another_programs && !reply.header_marks().any() {
            return Err(Unclear::Unvouched);
        }
        Ok(Access::Granted)
    }

    /// Whether a path of another kind, or the list of another resource, succeeded with the same body. Paths whose
    /// bodies are not known prove nothing about others.
    fn is_body_of_another_path(&self, request: &Request, reply: &Reply) -> bool {
        let differs = |other: &Request| {
            let is_other_list = request.class.is_list() && other.bare_path() != request.bare_path();
            !matches!(other.class, PathClass::Product | PathClass::Other)
                && (!have_same_kind(request.class, other.class) || is_other_list)
        };
        request.class != PathClass::Product
            && reply.digest.is_some()
            && self.observation.replies().any(|(other, elsewhere)| {
                other.method == Method::Get
                    && (200..=299).contains(&elsewhere.status)
                    && elsewhere.digest == reply.digest
                    && differs(other)
            })
    }

    /// An answer to HEAD has no body. It counts if it has the header marks of the GET answers, and if one of those has
    /// a body that only the Kubernetes API returns.
    fn head(&self, reply: &Reply) -> Result<Access, Unclear> {
        let vouched = self.has_kubernetes_body && reply.vouched_by(self.reference);
        match reply.status {
            401 if vouched => Ok(Access::Rejected),
            401 => Err(Unclear::Plain401),
            403 if vouched => Ok(Access::Forbidden),
            403 => Err(Unclear::Plain403),
            200 | 404..=406 | 415 if vouched => Ok(Access::Granted),
            200..=299 => Err(Unclear::UnexpectedBody),
            300..=399 => Err(Unclear::Redirect),
            429 => Err(Unclear::RateLimited),
            500..=599 => Err(Unclear::ServerError),
            _ => Err(Unclear::OtherStatus),
        }
    }
}

/// Whether the answer is a version that refuses in plain text. Without a minor release it is not.
fn refuses_in_text(answer: &Answer) -> bool {
    let Answer::Version(info) = answer else {
        return false;
    };
    let number = |text: &Option<String>| text.as_deref()?.trim_end_matches('+').parse().ok();
    number(&info.major) == Some(1)
        && number(&info.minor).is_some_and(|minor: u16| minor < Minor::STATUS_REFUSALS.minor)
}

/// Whether two paths may return the same body, as two health paths do.
fn have_same_kind(one: PathClass, other: PathClass) -> bool {
    one.is_telemetry() && other.is_telemetry()
        || std::mem::discriminant(&one) == std::mem::discriminant(&other)
}
