//! Creates a scenario from a recording of a real server.

use bytes::Bytes;
use serde::Deserialize;

use super::answers::{Answers, PATH_PLACEHOLDER, Route};
use super::reply::{Body, Reply};
use super::scenario::{ConnectionBehaviour, Description, Scenario, ScenarioError};
use super::tls_settings::{GO_TO_PLAIN_HTTP, Tls};
use crate::kubernetes::Minor;
use crate::model::Verdict;

/// The path whose recorded response is used for every path without a recording.
const UNKNOWN_PATH: &str = "/nonexistent";

/// The first release that closes an HTTP/2 connection after every response to an anonymous caller.
const CLOSES_HTTP2: Minor = Minor {
    major: 1,
    minor: 29,
};

/// Headers that belong to one connection or time, and are generated.
const GENERATED: [&str; 5] = [
    "audit-id",
    "date",
    "content-length",
    "transfer-encoding",
    "connection",
];

#[derive(Deserialize)]
struct Recording {
    name: String,
    server: Server,
    /// Missing in some recordings.
    tls: Option<RecordedTls>,
    exchanges: Vec<Exchange>,
}

#[derive(Deserialize)]
struct Server {
    version: String,
}

#[derive(Deserialize)]
struct RecordedTls {
    tls_versions: Vec<String>,
    client_ca_names: Option<Vec<String>>,
    client_certificate_requested: bool,
    alpn: Vec<String>,
    server_subject: String,
    server_issuer: String,
    sans: Vec<String>,
}

#[derive(Deserialize)]
struct Exchange {
    method: String,
    path: String,
    #[serde(default)]
    request_headers: Vec<(String, String)>,
    http_version: Option<String>,
    /// Missing if there was no response, as early in a start.
    status: Option<u16>,
    #[serde(default)]
    headers: Vec<(String, String)>,
    /// Missing if it is not text.
    body: Option<String>,
    #[serde(default)]
    body_size: u64,
    truncated_at: Option<u64>,
    /// The time, in recordings of how responses change.
    t_seconds: Option<f64>,
}

impl Scenario {
    /// Creates a scenario from a recording of a real server, as in `tests/recordings`, with the expected
    /// verdicts without `--deep` and with it.
    ///
    /// It uses GET and HEAD requests with plain headers, over HTTP/1.1 if that was recorded. Any other request
    /// gets the recorded response to `/nonexistent`, or else that of the first path whose refusal names the
    /// path. In a recording over time, each response to a path is given once, in order, and the last one
    /// repeats.
    ///
    /// If only the start of a body was recorded, line feeds extend it to its real length.
    ///
    /// # Errors
    /// [`ScenarioError`] if the text is not a recording.
    pub fn from_recording(
        json: &str,
        expect: Verdict,
        expect_deep: Verdict,
    ) -> Result<Self, ScenarioError> {
        let recording: Recording = serde_json::from_str(json)
            .map_err(|error| ScenarioError::new("(unread)", format!("not a recording: {error}")))?;

        let mut plain: Vec<(&Exchange, Reply)> = (recording.exchanges.iter())
            .filter(|exchange| exchange.is_plain())
            .filter_map(|exchange| Some((exchange, exchange.reply()?)))
            .collect();
        plain.sort_by_key(|(exchange, _)| exchange.http_version.as_deref() != Some("1.1"));
        let mut routes: Vec<Route> = Vec::new();
        for (exchange, reply) in &plain {
            let Exchange { method, path, .. } = exchange;
            let known = routes
                .iter_mut()
                .find(|route| route.method == *method && route.path == *path);
            match known {
                Some(route) if exchange.t_seconds.is_some() => {
                    let earlier = route.then.replace(reply.clone());
                    route.timed.extend(earlier.map(|earlier| (1, earlier)));
                }
                Some(_) => {}
                None => {
                    let (method, path, then) = (method.clone(), path.clone(), Some(reply.clone()));
                    routes.push(Route {
                        method,
                        path,
                        timed: Vec::new(),
                        then,
                    });
                }
            }
        }
        let gets = || {
            plain
                .iter()
                .filter(|(exchange, _)| exchange.method == "GET")
        };
        let unknown = gets()
            .find(|(exchange, _)| exchange.path == UNKNOWN_PATH)
            .or_else(|| gets().find(|(exchange, reply)| exchange.fallback(reply) != *reply))
            .map(|(exchange, reply)| exchange.fallback(reply));
        let unknown = unknown.ok_or_else(|| {
            let problem =
                "needs GET /nonexistent or a refusal that names its path, as the reply to other requests";
            ScenarioError::new(&recording.name, problem)
        })?;
        let minor = Minor::of_git_version(&recording.server.version);
        let mut answers = Answers::new(routes, unknown);
        answers.goaway = minor.is_some_and(|minor| minor >= CLOSES_HTTP2);
        let description = Description {
            about: format!("the complete recording {}", recording.name),
            source: format!("recorded: {}, {}", recording.name, recording.server.version),
            name: recording.name,
            expect,
            expect_deep,
        };
        let tls = recording.tls.map_or_else(unknown_tls, RecordedTls::build);
        Self::new(
            description,
            Some(tls),
            ConnectionBehaviour::Answer(Box::new(answers)),
        )
    }
}

impl Exchange {
    /// Whether the request has only default headers.
    fn is_plain(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD")
            && self
                .request_headers
                .iter()
                .all(|(name, value)| match name.as_str() {
                    "User-Agent" => true,
                    "Accept" => value == "*/*",
                    _ => false,
                })
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The response; `None` if there was none, or its body is not text.
    fn reply(&self) -> Option<Reply> {
        let kept = |(name, _): &&(String, String)| {
            !GENERATED.contains(&name.to_ascii_lowercase().as_str())
        };
        let headers = self.headers.iter().filter(kept).cloned().collect();
        let start = Bytes::copy_from_slice(self.body.as_ref()?.as_bytes());
        let padding = match self.truncated_at {
            Some(_) => self.body_size.saturating_sub(start.len() as u64),
            None => 0,
        };
        let length = self
            .header("content-length")
            .and_then(|length| length.parse().ok());
        Some(Reply {
            audit_id: self.header("audit-id").is_some(),
            content_length: length.filter(|_| self.method == "HEAD"),
            ..Reply::new(self.status?, headers, Body { start, padding })
        })
    }

    /// The same reply with a placeholder for the path.
    fn fallback(&self, reply: &Reply) -> Reply {
        let mut reply = reply.clone();
        let body = self.body.as_deref().unwrap_or_default();
        let named = body.replace(
            &format!(r#"\"{}\""#, self.path),
            &format!(r#"\"{PATH_PLACEHOLDER}\""#),
        );
        reply.body.start = Bytes::from(named);
        reply
    }
}

/// Neutral TLS settings for a recording without a handshake.
fn unknown_tls() -> Tls {
    Tls {
        subject: "CN=recorded".to_owned(),
        issuer: "CN=recorded".to_owned(),
        sans: Vec::new(),
        without_sni: None,
        expires_in_days: None,
        send_issuer: false,
        client_cas: None,
        require_client_certificate: false,
        versions: ["1.2", "1.3"].map(str::to_owned).into(),
        alpn: ["h2", "http/1.1"].map(str::to_owned).into(),
        to_plain_http: GO_TO_PLAIN_HTTP.into(),
    }
}

impl RecordedTls {
    fn build(self) -> Tls {
        let san = |san: String| match san.split_once(':') {
            Some(("DNS" | "IP Address", name)) => name.to_owned(),
            _ => san,
        };
        Tls {
            subject: self.server_subject,
            issuer: self.server_issuer,
            sans: self.sans.into_iter().map(san).collect(),
            without_sni: None,
            expires_in_days: None,
            send_issuer: false,
            client_cas: self
                .client_certificate_requested
                .then(|| self.client_ca_names.unwrap_or_default()),
            require_client_certificate: false,
            versions: self
                .tls_versions
                .iter()
                .map(|version| version.trim_start_matches("TLSv").to_owned())
                .collect(),
            alpn: self.alpn,
            to_plain_http: GO_TO_PLAIN_HTTP.into(),
        }
    }
}
