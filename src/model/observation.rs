//! What one endpoint showed: its answers, its TLS handshake and its failures, without any conclusion.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{Endpoint, Failure, Handshake, Method, OneAtATime, Reply, Request};
use crate::kubernetes::HeaderMarks;

/// What one endpoint showed.
#[derive(Debug, Clone)]
pub struct Observation {
    /// The endpoint that was probed.
    pub endpoint: Endpoint,
    /// The names that the host name is an alias of (CNAME), in the order of the chain.
    pub aliases: Arc<[Arc<str>]>,
    /// The local address of the connections.
    pub local_address: Option<IpAddr>,
    /// TLS facts of the first handshake that completed; `None` for plain HTTP or when none did.
    pub tls: Option<Box<Handshake>>,
    /// The certificates of that handshake, DER. Reports do not have them.
    pub chain: Vec<Box<[u8]>>,
    /// What a handshake without SNI showed, where one was made (`--deep`, endpoints with a name).
    pub without_sni: Option<Result<Box<Handshake>, Failure>>,
    /// The requests in the order in which they were made, those of the recheck included.
    pub exchanges: Vec<Arc<Exchange>>,
    /// The request of `--audit-canary`, which is no part of any conclusion.
    pub audit_canary: Option<Box<Exchange>>,
    /// Why requests were made one at a time; `None` if they left together, or that was not tried.
    pub one_at_a_time: Option<OneAtATime>,
    /// Requests that were answered only together with others, so that no answer is certainly theirs.
    pub unproven: Vec<Request>,
    /// Whether the probe gave up a connection because requests had left together on it.
    pub gave_up_connection: bool,
    /// Planned requests that were not made, because the time was over or the endpoint could not be reached any more.
    pub not_asked: Vec<Request>,
    /// The failure that ended the probe before any request.
    pub failure: Option<Failure>,
    /// Whether the last TLS connection showed no TLS: it ended before any byte, or other bytes came. The port may
    /// speak plain HTTP.
    pub no_tls: bool,
    /// TCP connections opened.
    pub connections: u32,
    /// TLS handshakes completed.
    pub handshakes: u32,
    /// How long each stage took.
    pub timings: Timings,
}

impl Observation {
    /// The failure of the probe as a whole, then those of its requests.
    pub fn failures(&self) -> impl Iterator<Item = &Failure> {
        let of_requests = self
            .exchanges
            .iter()
            .filter_map(|exchange| exchange.outcome.as_ref().err());
        self.failure.iter().chain(of_requests)
    }

    /// An observation of nothing yet.
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            aliases: Arc::default(),
            local_address: None,
            tls: None,
            chain: Vec::new(),
            without_sni: None,
            audit_canary: None,
            exchanges: Vec::new(),
            one_at_a_time: None,
            unproven: Vec::new(),
            gave_up_connection: false,
            not_asked: Vec::new(),
            failure: None,
            no_tls: false,
            connections: 0,
            handshakes: 0,
            timings: Timings::default(),
        }
    }

    /// Every answer, oldest first.
    pub fn replies(&self) -> impl Iterator<Item = (&Request, &Reply)> {
        self.exchanges.iter().filter_map(|exchange| {
            exchange
                .outcome
                .as_ref()
                .ok()
                .map(|reply| (&exchange.request, reply))
        })
    }

    /// The header marks of this endpoint's GET answers. An answer to HEAD counts only with the same marks.
    pub fn reference(&self) -> HeaderMarks {
        self.replies()
            .filter(|(request, _)| request.method == Method::Get)
            .fold(HeaderMarks::default(), |marks, (_, reply)| {
                marks.or(reply.header_marks())
            })
    }

    /// Adds the results of a recheck.
    pub fn absorb(&mut self, second: Self) {
        self.exchanges.extend(second.exchanges);
        for request in second.not_asked {
            if !self.not_asked.contains(&request) {
                self.not_asked.push(request);
            }
        }
        let exchanges = &self.exchanges;
        self.not_asked.retain(|request| {
            !exchanges
                .iter()
                .any(|exchange| exchange.request == *request)
        });
        self.connections += second.connections;
        self.handshakes += second.handshakes;
        self.timings.total += second.timings.total;
        if self.tls.is_none() {
            self.tls = second.tls;
            self.chain = second.chain;
        }
        if self.audit_canary.is_none() {
            self.audit_canary = second.audit_canary;
        }
        if self.without_sni.is_none() {
            self.without_sni = second.without_sni;
        }
    }
}

/// One request and its answer or failure.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The request.
    pub request: Request,
    /// 1 for the first probe, 2 for the recheck.
    pub probe: u8,
    /// When it was sent.
    pub at: Timestamp,
    /// From sending to the end of the body.
    pub elapsed: Duration,
    /// The answer, or why there is none.
    pub outcome: Result<Reply, Failure>,
}

impl Exchange {
    /// The pause that the answer asks for before the next request.
    pub fn asks_to_wait(&self) -> Option<Duration> {
        self.outcome.as_ref().ok()?.retry_after(self.at)
    }
}

/// How long the stages of one endpoint took.
///
/// Truncated to microseconds, as in reports, so that a report that is read and written again stays the same.
#[derive(Debug, Clone, Copy, Default)]
pub struct Timings {
    /// Resolving the name; `None` for an address.
    pub resolve: Option<Duration>,
    /// TCP connect of the first connection.
    pub connect: Option<Duration>,
    /// TLS handshake of the first connection.
    pub tls: Option<Duration>,
    /// The whole probe with the pauses between requests, without the wait for a permit.
    pub total: Duration,
}

impl Timings {
    /// Truncated as in reports.
    pub(crate) fn truncated(self) -> Self {
        Self {
            resolve: self.resolve.map(microseconds),
            connect: self.connect.map(microseconds),
            tls: self.tls.map(microseconds),
            total: microseconds(self.total),
        }
    }
}

/// Truncates a duration to microseconds, as in saved reports.
pub(crate) fn microseconds(duration: Duration) -> Duration {
    Duration::from_micros(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{forbidden, ok, seen};
    use super::*;

    /// A request counts as made if either probe made it, and is listed once if neither did.
    #[test]
    fn after_a_recheck_only_requests_that_neither_probe_made_are_unasked() {
        let left = |paths: &[&str]| {
            paths
                .iter()
                .map(|path| Request::for_path(path).unwrap())
                .collect()
        };
        let mut first = seen(1, [("/api", forbidden()), ("/livez", ok())]);
        first.not_asked = left(&["/metrics", "/apis"]);
        let mut second = seen(2, [("/api", forbidden()), ("/apis", forbidden())]);
        second.not_asked = left(&["/livez", "/metrics"]);
        first.absorb(second);
        let paths: Vec<&str> = first.not_asked.iter().map(Request::bare_path).collect();
        assert_eq!(paths, ["/metrics"]);
    }
}
