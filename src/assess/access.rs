//! One request's [`Access`]: how far it came, from status, parsed body and header marks.

use crate::model::{
    Access, Answer, Exchange, Markers, Method, Observation, PathClass, Reply, Request, Unclear,
};

/// What the other answers of the same endpoint say, where one answer alone does not suffice.
pub(super) struct Context {
    /// Another path gave a Kubernetes `Status`, so that a bare 401 may be the server's own.
    gave_status: bool,
    /// Answers to other paths than health carry an `Audit-Id`.
    siblings_audited: bool,
    /// The marks of the GET answers, which vouch for answers to HEAD.
    reference: Markers,
}

impl Context {
    pub(super) fn of(observation: &Observation) -> Self {
        let siblings_audited = observation
            .replies()
            .any(|(request, reply)| request.class != PathClass::Health && reply.markers().audit_id);
        Self {
            gave_status: observation.replies().any(|(_, reply)| reply.answer.status().is_some()),
            siblings_audited,
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
        let status = reply.answer.status().filter(|status| status.code == reply.status);
        match reply.status {
            401 => match status {
                Some(status) if status.reason == "Unauthorized" => Ok(Access::Rejected),
                _ if self.bare_401_counts(reply) => Ok(Access::Rejected),
                _ => Err(Unclear::Plain401),
            },
            403 => match status {
                Some(status) if status.reason != "Forbidden" => Err(Unclear::Plain403),
                Some(status) if status.names_anonymous() => Ok(Access::Forbidden),
                Some(_) => Err(Unclear::OtherUser),
                None => Err(Unclear::Plain403),
            },
            200..=299 => self.success(request, reply),
            // The list was allowed, and only then was its continue token found to be none.
            400 if status.is_some_and(|status| status.reason == "BadRequest")
                && matches!(request.class, PathClass::ResourceList { .. }) =>
            {
                Ok(Access::Granted)
            }
            404..=406 | 415 if status.is_some() || reply.answer == Answer::RootPaths => Ok(Access::Granted),
            300..=399 => Err(Unclear::Redirect),
            429 => Err(Unclear::RateLimited),
            500..=599 => {
                let health = request.class == PathClass::Health
                    && matches!(reply.answer, Answer::Health { .. })
                    && !self.is_a_fronts_health(reply);
                // Flow control runs behind authentication and authorization follows it: what fails
                // later than both had let the request in.
                if health || reply.markers().flow_control {
                    Ok(Access::Granted)
                } else {
                    Err(Unclear::ServerError)
                }
            }
            _ => Err(Unclear::OtherStatus),
        }
    }

    /// A plain or bodyless 401 counts only where the answer itself or a sibling shows an API
    /// server: a kubelet answers plain 401 too. API servers never send `WWW-Authenticate`.
    fn bare_401_counts(&self, reply: &Reply) -> bool {
        matches!(reply.answer, Answer::Text(_) | Answer::Empty)
            && !reply.headers.contains_key("www-authenticate")
            && (reply.markers().audit_id || self.gave_status)
    }

    /// A health answer without the `Audit-Id` of its siblings is a load balancer's own.
    fn is_a_fronts_health(&self, reply: &Reply) -> bool {
        self.siblings_audited && !reply.markers().audit_id
    }

    fn success(&self, request: &Request, reply: &Reply) -> Result<Access, Unclear> {
        let marked = reply.markers().any();
        let fits = match (request.class, &reply.answer) {
            (PathClass::Health, Answer::Health { .. }) => {
                if self.is_a_fronts_health(reply) {
                    return Err(Unclear::FrontHealth);
                }
                true
            }
            (PathClass::Version, Answer::Version(_))
            | (PathClass::Discovery, Answer::ApiVersions | Answer::ApiGroups | Answer::RootPaths)
            | (PathClass::OpenApi, Answer::OpenApi)
            | (PathClass::Metrics, Answer::Metrics)
            | (PathClass::Debug, Answer::Debug)
            | (PathClass::Product, Answer::IssuerMetadata | Answer::Pong | Answer::Certificates)
            | (PathClass::ResourceList { .. }, Answer::ResourceList) => true,
            // These are long, and formats differ between versions: the header marks decide.
            (_, Answer::Cut) if !marked => return Err(Unclear::Cut),
            (
                PathClass::OpenApi | PathClass::Metrics | PathClass::Debug | PathClass::Discovery,
                Answer::Cut,
            )
            | (PathClass::OpenApi, Answer::OtherJson | Answer::Text(_))
            | (PathClass::Other | PathClass::Product, _) => marked,
            _ => false,
        };
        if fits { Ok(Access::Granted) } else { Err(Unclear::UnexpectedBody) }
    }

    /// HEAD has no body: its status counts if it carries the marks that the GET answers showed.
    fn head(&self, reply: &Reply) -> Result<Access, Unclear> {
        let vouched = reply.vouched_by(self.reference);
        match reply.status {
            401 if vouched => Ok(Access::Rejected),
            401 => Err(Unclear::Plain401),
            403 if vouched => Ok(Access::Forbidden),
            403 => Err(Unclear::Plain403),
            200..=299 | 404..=406 | 415 if vouched => Ok(Access::Granted),
            200..=299 => Err(Unclear::UnexpectedBody),
            300..=399 => Err(Unclear::Redirect),
            429 => Err(Unclear::RateLimited),
            500..=599 if reply.markers().flow_control => Ok(Access::Granted),
            500..=599 => Err(Unclear::ServerError),
            _ => Err(Unclear::OtherStatus),
        }
    }
}
