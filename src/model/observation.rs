//! Everything that was seen of one endpoint: raw, before anybody judges it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{Endpoint, Failure, Handshake, Method, Reply, Request};
use crate::kubernetes::Markers;

/// What one endpoint showed.
#[derive(Debug, Clone)]
pub struct Observation {
    /// Who was asked.
    pub endpoint: Endpoint,
    /// The names that the host name is an alias of (CNAME), in the order of the chain.
    pub aliases: Arc<[Arc<str>]>,
    /// The address we spoke from.
    pub local: Option<IpAddr>,
    /// TLS facts of the first handshake that completed; `None` for plain HTTP or when none did.
    pub tls: Option<Handshake>,
    /// What a handshake without SNI showed, where one was made (`--deep`, endpoints with a name).
    pub without_sni: Option<Result<Handshake, Failure>>,
    /// The requests in the order they were made, of all looks.
    pub exchanges: Vec<Exchange>,
    /// What was to be asked and was not: the time was over, or nothing more could be asked.
    pub unasked: Vec<Request>,
    /// What ended the attempt before any request was made.
    pub failure: Option<Failure>,
    /// Whether the last connection was closed without a byte, or answered with other bytes, where TLS was
    /// expected: it may speak plain HTTP.
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
            local: None,
            tls: None,
            without_sni: None,
            exchanges: Vec::new(),
            unasked: Vec::new(),
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

    /// The header marks that this endpoint's GET answers showed: what vouches for an answer to HEAD.
    pub fn reference(&self) -> Markers {
        self.replies()
            .filter(|(request, _)| request.method == Method::Get)
            .fold(Markers::default(), |marks, (_, reply)| {
                marks.or(reply.markers())
            })
    }

    /// Adds what a second look saw.
    pub fn absorb(&mut self, second: Self) {
        self.exchanges.extend(second.exchanges);
        for request in second.unasked {
            if !self.unasked.contains(&request) {
                self.unasked.push(request);
            }
        }
        let exchanges = &self.exchanges;
        self.unasked.retain(|request| {
            !exchanges
                .iter()
                .any(|exchange| exchange.request == *request)
        });
        self.connections += second.connections;
        self.handshakes += second.handshakes;
        self.timings.total += second.timings.total;
        if self.tls.is_none() {
            self.tls = second.tls;
        }
        if self.without_sni.is_none() {
            self.without_sni = second.without_sni;
        }
    }
}

/// One request and what became of it.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// What was asked.
    pub request: Request,
    /// 1 for the first look, 2 for the second.
    pub look: u8,
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
/// To the microsecond, as reports keep it: what is rounded twice may differ.
#[derive(Debug, Clone, Copy, Default)]
pub struct Timings {
    /// Resolving the name; `None` for an address.
    pub resolve: Option<Duration>,
    /// TCP connect of the first connection.
    pub connect: Option<Duration>,
    /// TLS handshake of the first connection.
    pub tls: Option<Duration>,
    /// Everything, with the pauses between requests, without waiting for a turn among others.
    pub total: Duration,
}

impl Timings {
    /// As a record keeps them.
    pub(crate) fn kept(self) -> Self {
        Self {
            resolve: self.resolve.map(microseconds),
            connect: self.connect.map(microseconds),
            tls: self.tls.map(microseconds),
            total: microseconds(self.total),
        }
    }
}

/// A duration to the microsecond, in which saved reports have it: whatever is written from one must not
/// differ from what the scan wrote.
pub(crate) fn microseconds(duration: Duration) -> Duration {
    Duration::from_micros(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{forbidden, ok, seen};
    use super::*;

    /// What either look asked is asked; what neither did is told once.
    #[test]
    fn a_second_look_leaves_out_only_what_neither_asked() {
        let left = |paths: &[&str]| {
            paths
                .iter()
                .map(|path| Request::for_path(path).unwrap())
                .collect()
        };
        let mut first = seen(1, [("/api", forbidden()), ("/livez", ok())]);
        first.unasked = left(&["/metrics", "/apis"]);
        let mut second = seen(2, [("/api", forbidden()), ("/apis", forbidden())]);
        second.unasked = left(&["/livez", "/metrics"]);
        first.absorb(second);
        let paths: Vec<&str> = first.unasked.iter().map(Request::bare_path).collect();
        assert_eq!(paths, ["/metrics"]);
    }
}
