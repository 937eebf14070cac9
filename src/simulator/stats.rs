//! What a simulated server has received, for tests that check what was sent.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

/// How many requests the log keeps; later ones are only counted.
const KEPT: usize = 1024;

/// Counters, and a log of the first requests.
#[derive(Debug, Default)]
pub struct Stats {
    connections: AtomicU64,
    handshakes: AtomicU64,
    requests: AtomicU64,
    log: Mutex<Vec<LoggedRequest>>,
}

/// One request as the server received it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedRequest {
    /// The number of its connection in the order of acceptance, from 1.
    pub connection: u64,
    /// The name sent as SNI.
    pub sni: Option<String>,
    /// `HTTP/1.1`, `HTTP/2.0`.
    pub version: String,
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// All headers, with names in lower case. Over HTTP/2, `host` is the authority.
    pub headers: Vec<(String, String)>,
}

impl LoggedRequest {
    /// The first header with this name, which must be in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }
}

impl Stats {
    /// The number of accepted TCP connections.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// The number of TLS handshakes that the server completed. Rejected clients do not count.
    pub fn handshakes(&self) -> u64 {
        self.handshakes.load(Ordering::Relaxed)
    }

    /// The number of requests.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// The first requests, at most 1024, in order of arrival.
    pub fn log(&self) -> Vec<LoggedRequest> {
        self.log.lock().clone()
    }

    /// Counts a connection and returns its number.
    pub(super) fn connection(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn handshake(&self) {
        self.handshakes.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request. If the log has room, also adds it there; only then is `request` called.
    pub(super) fn request(&self, request: impl FnOnce() -> LoggedRequest) {
        let before = self.requests.fetch_add(1, Ordering::Relaxed);
        if usize::try_from(before).is_ok_and(|before| before < KEPT) {
            self.log.lock().push(request());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_bounded_and_the_count_is_not() {
        let stats = Stats::default();
        let request = LoggedRequest {
            connection: stats.connection(),
            sni: None,
            version: "HTTP/1.1".to_owned(),
            method: "GET".to_owned(),
            path: "/".to_owned(),
            headers: vec![("host".to_owned(), "a.example".to_owned())],
        };
        for _ in 0..KEPT + 5 {
            stats.request(|| request.clone());
        }
        assert_eq!(stats.requests(), KEPT as u64 + 5);
        assert_eq!(stats.log().len(), KEPT);
        assert_eq!(stats.log()[0].header("host"), Some("a.example"));
    }
}
