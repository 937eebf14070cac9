//! What a simulated server saw, so that a test can say what was sent.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

/// Requests that are kept in the log; later ones are only counted.
const KEPT: usize = 1024;

/// Counts, and the first requests.
#[derive(Debug, Default)]
pub struct Stats {
    connections: AtomicU64,
    handshakes: AtomicU64,
    requests: AtomicU64,
    log: Mutex<Vec<Seen>>,
}

/// One request as the server saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Which connection it came on, from 1 in the order accepted.
    pub connection: u64,
    /// The name sent as SNI.
    pub sni: Option<String>,
    /// `HTTP/1.1`, `HTTP/2.0`.
    pub version: String,
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Every header, names in lower case; over HTTP/2 the authority stands as `host`.
    pub headers: Vec<(String, String)>,
}

impl Seen {
    /// The first header of this name (given in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(seen, _)| seen == name)
            .map(|(_, value)| value.as_str())
    }
}

impl Stats {
    /// TCP connections accepted.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// TLS handshakes completed, seen from the server: one that is turned away does not count.
    pub fn handshakes(&self) -> u64 {
        self.handshakes.load(Ordering::Relaxed)
    }

    /// Requests read.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// The first requests, at most 1024, in the order they came.
    pub fn log(&self) -> Vec<Seen> {
        self.log.lock().clone()
    }

    /// Counts a connection and gives its number.
    pub(super) fn connection(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn handshake(&self) {
        self.handshakes.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request, and keeps it while there is room: `seen` is made only then.
    pub(super) fn request(&self, seen: impl FnOnce() -> Seen) {
        let before = self.requests.fetch_add(1, Ordering::Relaxed);
        if usize::try_from(before).is_ok_and(|before| before < KEPT) {
            self.log.lock().push(seen());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_bounded_and_the_count_is_not() {
        let stats = Stats::default();
        let seen = Seen {
            connection: stats.connection(),
            sni: None,
            version: "HTTP/1.1".to_owned(),
            method: "GET".to_owned(),
            path: "/".to_owned(),
            headers: vec![("host".to_owned(), "a.example".to_owned())],
        };
        for _ in 0..KEPT + 5 {
            stats.request(|| seen.clone());
        }
        assert_eq!(stats.requests(), KEPT as u64 + 5);
        assert_eq!(stats.log().len(), KEPT);
        assert_eq!(stats.log()[0].header("host"), Some("a.example"));
    }
}
