//! The finished record of one endpoint, or of a target that never became one.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::{
    Endpoint, Failure, Grant, Handshake, Identification, JudgedRequest, Posture, Remedy, Request,
    Target, Timings, Verdict,
};

/// Everything that is reported about one endpoint.
#[derive(Debug, Clone)]
pub struct EndpointReport {
    /// What was asked for.
    pub target: Target,
    /// Where it led; `None` when the name did not resolve.
    pub endpoint: Option<Endpoint>,
    /// The verdict.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
    /// What ended the attempt before any HTTP answer, for `unreachable` endpoints.
    pub failure: Option<Failure>,
    /// What answered; `None` when nothing did.
    pub identification: Option<Identification>,
    /// What the product should answer, and whether it does; `None` where no product is named or
    /// nothing is settled.
    pub posture: Option<Posture>,
    /// How to close what is open; `None` where nothing is.
    pub remedy: Option<Remedy>,
    /// The names that the host name is an alias of.
    pub aliases: Arc<[Arc<str>]>,
    /// Every request made.
    pub requests: Vec<JudgedRequest>,
    /// What was to be asked and was not.
    pub not_asked: Vec<Request>,
    /// What is open.
    pub grants: Vec<Grant>,
    /// TLS facts.
    pub tls: Option<Handshake>,
    /// What a handshake without SNI showed, where one was made.
    pub without_sni: Option<Result<Handshake, Failure>>,
    /// The address we spoke from.
    pub local: Option<IpAddr>,
    /// TCP connections opened.
    pub connections: u32,
    /// TLS handshakes completed.
    pub handshakes: u32,
    /// Durations.
    pub timings: Timings,
}

impl EndpointReport {
    /// The verdict, where something was seen of the endpoint; `None` where our own side failed. Reports
    /// of older versions call that unreachable.
    pub fn seen(&self) -> Option<Verdict> {
        let ours = self
            .failure
            .as_ref()
            .is_some_and(|failure| failure.kind.is_ours());
        (!ours && self.verdict != Verdict::NotAttempted).then_some(self.verdict)
    }

    /// The grants that make it `exposed`; none on what is no API server, which opens what it likes.
    pub fn exposing(&self) -> impl Iterator<Item = &Grant> {
        let exposed = self.verdict == Verdict::Exposed;
        self.grants
            .iter()
            .filter(move |grant| exposed && grant.grade.exposes())
    }

    /// The record of a target or endpoint of which nothing answered: unreachable, or not attempted
    /// where our own side failed.
    pub fn without_answer(
        target: Target,
        endpoint: Option<Endpoint>,
        failure: Failure,
        timings: Timings,
    ) -> Self {
        let ours = failure.kind.is_ours();
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
            remedy: None,
            aliases: Arc::default(),
            requests: Vec::new(),
            not_asked: Vec::new(),
            grants: Vec::new(),
            tls: None,
            without_sni: None,
            local: None,
            connections: 0,
            handshakes: 0,
            timings: timings.kept(),
        }
    }

    /// Whether a server accepted a TCP connection.
    pub const fn connected(&self) -> bool {
        self.connections > 0
    }

    /// The endpoint as the target has it: where plain HTTP answered on a port that was asked with TLS, the
    /// endpoint is another one, and the same place.
    pub fn place(&self) -> Option<Endpoint> {
        let endpoint = self.endpoint.clone()?;
        Some(Endpoint {
            scheme: self.target.scheme,
            ..endpoint
        })
    }

    /// What reports sort by: position in the set, then address.
    pub fn order_key(&self) -> (u64, Option<(IpAddr, u16)>) {
        (
            self.target.index,
            self.endpoint
                .as_ref()
                .and_then(Endpoint::address)
                .map(|address| (address.ip(), address.port())),
        )
    }

    /// Total time spent.
    pub const fn elapsed(&self) -> Duration {
        self.timings.total
    }
}
