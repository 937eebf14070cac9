//! One request's [`Access`]: how far it came, from status, parsed body and header marks.
//!
//! kube-apiserver's chain of handlers is audit id → authentication → audit → flow control →
//! **authorization** → handler. A request was granted only if nothing in front of the handler can have
//! made its answer:
//!
//! | answer | made by |
//! |---|---|
//! | 401 | authentication |
//! | 429, 504, most 5xx | flow control, time-outs, an authorizer that fails: all in front of the handler |
//! | 403 that names `system:anonymous` and the request | authorization |
//! | 200 with the whole body of its path | the handler, or a front end: see [`Context::success`] |
//! | 404, 405, 406, 415 with an API server's marks | the handler |
//! | 500 with health text | the health handler |

use crate::kubernetes::{Answer, GO_NOT_FOUND, Markers, Minor, PathClass, Refusal, UNAUTHORIZED};
use crate::model::{Access, Exchange, Method, Observation, Reply, Request, Unclear};

/// How an API server's own 500 from in front of the handler begins (`responsewriters.InternalError`).
const INTERNAL_ERROR: &str = "Internal Server Error: \"";

/// What the other answers of the same endpoint say, where one answer alone does not suffice.
pub(super) struct Context<'a> {
    observation: &'a Observation,
    /// Another path gave a Kubernetes `Status`, so that a bare 401 may be the server's own.
    gave_status: bool,
    /// A body came that only the Kubernetes API gives. Headers alone can be copied.
    gave_kubernetes: bool,
    /// `/version` shows a release that refuses in plain text.
    refuses_in_text: bool,
    /// The marks of the GET answers, which vouch for answers without a body of their own.
    reference: Markers,
}

impl<'a> Context<'a> {
    pub(super) fn of(observation: &'a Observation) -> Self {
        let gave = |wanted: fn(&Answer) -> bool| {
            observation
                .replies()
                .any(|(_, reply)| wanted(&reply.answer))
        };
        Self {
            observation,
            gave_status: gave(|answer| answer.status().is_some()),
            gave_kubernetes: gave(Answer::is_kubernetes),
            refuses_in_text: gave(refuses_in_text),
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
                None if self.bare_401_counts(reply) => Ok(Access::Rejected),
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
            // API servers answer reads with no other success.
            200 => self.success(request, reply),
            // The list was allowed, and only then was its continue token found to be none.
            400 if status.is_some_and(|status| {
                status.reason == "BadRequest" && status.refuses_the_continue_token()
            }) && request.class.is_list()
                && !self.is_unmarked(reply) =>
            {
                Ok(Access::Granted)
            }
            404..=406 | 415 if self.is_of_the_handler(reply) => Ok(Access::Granted),
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
                Answer::Text(text) if reply.markers().any() && text.starts_with(INTERNAL_ERROR) => {
                    Err(Unclear::AuthorizerFailed)
                }
                _ => Err(Unclear::ServerError),
            },
            _ => Err(Unclear::OtherStatus),
        }
    }

    /// A plain or bodyless 401 counts only where the answer itself or a sibling shows an API
    /// server: a kubelet answers plain 401 too. Since 1.7 API servers send no `WWW-Authenticate`.
    fn bare_401_counts(&self, reply: &Reply) -> bool {
        let bare = match &reply.answer {
            Answer::Text(text) => text == UNAUTHORIZED,
            answer => *answer == Answer::Empty,
        };
        let asks = reply.headers.contains_key("www-authenticate");
        bare && (self.refuses_in_text || !asks && (reply.markers().audit_id || self.gave_status))
    }

    /// Whether the answer carries none of the marks that this endpoint's other answers carry: something
    /// in front gave it.
    fn is_unmarked(&self, reply: &Reply) -> bool {
        !reply.markers().any()
            && self
                .observation
                .replies()
                .any(|(_, other)| other.markers().any())
    }

    /// Whether an error that only the handler produces is this API server's, and not a front end's.
    fn is_of_the_handler(&self, reply: &Reply) -> bool {
        let form = match &reply.answer {
            Answer::Status(status) => status.code == reply.status,
            Answer::RootPaths => true,
            Answer::Text(text) => text == GO_NOT_FOUND && self.gave_kubernetes,
            _ => false,
        };
        form && reply.vouched_by(self.reference)
    }

    /// A success counts if the body is what that path gives, whole; if the answer has the marks of its
    /// siblings; and if no path of another kind gives the very same body, as a page for everything does.
    fn success(&self, request: &Request, reply: &Reply) -> Result<Access, Unclear> {
        if reply.answer == Answer::Cut {
            return Err(Unclear::Cut);
        }
        // What such a path gives is not known: only the marks say who gave it.
        let unknown = matches!(request.class, PathClass::Other | PathClass::Product)
            && reply.markers().any()
            && self.gave_kubernetes;
        if !unknown && !reply.answer.fits(request.class, request.bare_path()) {
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
        let anybodys = match reply.answer {
            Answer::Metrics { of_api_server } => !of_api_server,
            Answer::OpenApi { of_kubernetes } => !of_kubernetes,
            Answer::Diagnostics => true,
            _ => false,
        };
        if anybodys && !reply.markers().any() {
            return Err(Unclear::Unvouched);
        }
        Ok(Access::Granted)
    }

    /// Whether a path of another kind, or the list of another resource, succeeded with the same body. Nothing is
    /// known about the bodies of [`PathClass::Product`], nor about what else has the body of [`PathClass::Other`].
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

    /// HEAD has no body: its status counts if it carries the marks that the GET answers showed, and one
    /// of those had a body that only the Kubernetes API gives.
    fn head(&self, reply: &Reply) -> Result<Access, Unclear> {
        let vouched = self.gave_kubernetes && reply.vouched_by(self.reference);
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

/// Whether it shows a release that refuses in plain text.
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
