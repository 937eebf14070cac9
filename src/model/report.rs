//! The report on one endpoint, or on a target that did not lead to one.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

use super::{
    Access, AuditCanary, Certificate, ComparedFact, ComparisonResult, DeclaredFact, Endpoint,
    Failure, Grant, Handshake, Identification, JudgedRequest, OneAtATime, Posture, Remedy, Request,
    Target, Timings, Verdict, api_paths,
};

/// The report on one endpoint.
#[derive(Debug, Clone)]
pub struct EndpointReport {
    /// The target.
    pub target: Target,
    /// The endpoint; `None` if the name did not resolve.
    pub endpoint: Option<Endpoint>,
    /// The verdict.
    pub verdict: Verdict,
    /// The reason for the verdict.
    pub reason: String,
    /// The failure before any HTTP answer; `None` if there was an answer.
    pub failure: Option<Failure>,
    /// What answered; `None` if nothing answered.
    pub identification: Option<Identification>,
    /// How the endpoint compares with what its product documents; `None` without a product or a conclusive verdict.
    pub posture: Option<Posture>,
    /// How what an inventory declares compares with what was documented and observed; empty for a target that no
    /// inventory names, and without an answer.
    pub compared: Vec<ComparedFact>,
    /// How to close what is open; `None` if nothing is open.
    pub remedy: Option<Remedy>,
    /// The names that the host name is an alias of.
    pub aliases: Arc<[Arc<str>]>,
    /// The requests, in order.
    pub requests: Vec<JudgedRequest>,
    /// Why requests were made one at a time; `None` if they left together, or that was not tried.
    pub one_at_a_time: Option<OneAtATime>,
    /// Planned requests that were not made.
    pub not_asked: Vec<Request>,
    /// What is open, the worst first.
    pub grants: Vec<Grant>,
    /// Facts about TLS.
    pub tls: Option<Box<Handshake>>,
    /// A handshake without SNI, or its failure; `None` if there was none.
    pub without_sni: Option<Result<Box<Handshake>, Failure>>,
    /// The request of `--audit-canary`, which is no part of the verdict; `None` if there was none.
    pub audit_canary: Option<AuditCanary>,
    /// The local address of the connections.
    pub local_address: Option<IpAddr>,
    /// TCP connections opened.
    pub connections: u32,
    /// TLS handshakes completed.
    pub handshakes: u32,
    /// Durations.
    pub timings: Timings,
    /// For a record that is carried from an earlier scan: the time at which that scan began. `None` in a record of the
    /// scan itself.
    pub last_seen: Option<Timestamp>,
}

impl EndpointReport {
    /// The verdict; `None` if our own side failed, for which reports of earlier versions have `unreachable`.
    pub fn seen(&self) -> Option<Verdict> {
        let ours = self
            .failure
            .as_ref()
            .is_some_and(|failure| failure.kind.is_own_side());
        (!ours && self.verdict != Verdict::NotAttempted).then_some(self.verdict)
    }

    /// The grants that make it `exposed`. Grants of other programs than API servers do not count.
    pub fn exposing(&self) -> impl Iterator<Item = &Grant> {
        let exposed = self.verdict == Verdict::Exposed;
        self.grants
            .iter()
            .filter(move |grant| exposed && grant.grade.exposes())
    }

    /// The API paths that authorization stopped after authentication had accepted the request.
    pub fn stopped(&self) -> Vec<&str> {
        let paths = api_paths(&self.requests).into_iter();
        let stopped = paths.filter(|path| *path.access == Access::Forbidden);
        stopped.map(|path| path.path).collect()
    }

    /// The report on a target or endpoint without an answer: `unreachable`, or `not-attempted` if our own side
    /// failed.
    pub fn without_answer(
        target: Target,
        endpoint: Option<Endpoint>,
        failure: Failure,
        timings: Timings,
    ) -> Self {
        let ours = failure.kind.is_own_side();
        Self {
            target,
            endpoint,
            verdict: if ours {
                Verdict::NotAttempted
            } else {
                Verdict::Unreachable
            },
            reason: failure.to_string(),
            failure: Some(failure),
            identification: None,
            posture: None,
            compared: Vec::new(),
            remedy: None,
            aliases: Arc::default(),
            requests: Vec::new(),
            not_asked: Vec::new(),
            grants: Vec::new(),
            tls: None,
            without_sni: None,
            audit_canary: None,
            one_at_a_time: None,
            local_address: None,
            connections: 0,
            handshakes: 0,
            timings: timings.truncated(),
            last_seen: None,
        }
    }

    /// How a declared fact compares, if it was looked at.
    pub fn compared(&self, fact: DeclaredFact) -> Option<&ComparedFact> {
        self.compared.iter().find(|compared| compared.fact == fact)
    }

    /// The declared fact, if it compares in this way.
    pub fn compares(&self, fact: DeclaredFact, result: ComparisonResult) -> Option<&ComparedFact> {
        self.compared(fact)
            .filter(|compared| compared.result == result)
    }

    /// Whether a server accepted a TCP connection.
    pub const fn connected(&self) -> bool {
        self.connections > 0
    }

    /// The endpoint with the scheme of the target: a port that should speak TLS and speaks plain HTTP is the same
    /// endpoint.
    pub fn endpoint_as_targeted(&self) -> Option<Endpoint> {
        let endpoint = self.endpoint.clone()?;
        Some(Endpoint {
            scheme: self.target.scheme,
            ..endpoint
        })
    }

    /// The address of the endpoint; `None` without an endpoint, and if the proxy resolved the name.
    pub fn address(&self) -> Option<SocketAddr> {
        self.endpoint.as_ref().and_then(Endpoint::address)
    }

    /// The server's certificate.
    pub fn certificate(&self) -> Option<&Certificate> {
        self.tls.as_ref()?.certificate.as_ref()
    }

    /// The day of the first request, in UTC.
    pub fn day(&self) -> Option<Date> {
        let first = self.requests.first()?;
        Some(Offset::UTC.to_datetime(first.exchange.at).date())
    }

    /// The sort key of reports: position in the target set, then address.
    pub fn order_key(&self) -> (u64, Option<(IpAddr, u16)>) {
        let address = self.address();
        let address = address.map(|address| (address.ip(), address.port()));
        (self.target.index, address)
    }

    /// The time for the whole probe.
    pub const fn elapsed(&self) -> Duration {
        self.timings.total
    }
}
