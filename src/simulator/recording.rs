//! A recorded server as a scenario.

use bytes::Bytes;
use serde::Deserialize;

use super::answers::{Answers, PATH_PLACE, Route};
use super::file::GO_TO_PLAIN_HTTP;
use super::reply::{Body, Reply};
use super::scenario::{Conduct, Label, Scenario, ScenarioError, Tls};
use crate::model::Verdict;

/// The path whose answer stands for that of every path which was not recorded.
const UNKNOWN_PATH: &str = "/nonexistent";

/// The verdicts that the recordings must give.
const VERDICTS: [(&str, Verdict); 6] = [
    ("default-rbac", Verdict::Forbidden),
    ("anonymous-auth-off", Verdict::Rejected),
    ("cluster-admin-to-anonymous", Verdict::Exposed),
    ("public-info-removed", Verdict::Forbidden),
    ("behind-nginx-tls", Verdict::Forbidden),
    ("kube-controller-manager", Verdict::NotApiServer),
];

/// Headers that belong to one connection or one moment, and are made afresh.
const FRESH: [&str; 5] = ["audit-id", "date", "content-length", "transfer-encoding", "connection"];

#[derive(Deserialize)]
struct Recording {
    name: String,
    server: Server,
    tls: RecordedTls,
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
    request_headers: Vec<(String, String)>,
    http_version: String,
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
    body_size: u64,
    truncated_at: Option<u64>,
}

impl Scenario {
    /// A recording of a real server, as in `tests/recordings`: GET and HEAD with plain headers, the
    /// HTTP/1.1 exchange where there is one; any other request is answered as `/nonexistent` was.
    ///
    /// A body of which only the start was recorded is followed by line feeds up to its real length:
    /// a client meets a body as long as the real one, and its first bytes.
    ///
    /// # Errors
    /// [`ScenarioError`] where it is no recording, or one whose verdict is not known.
    pub fn from_recording(json: &str) -> Result<Self, ScenarioError> {
        let recording: Recording = serde_json::from_str(json)
            .map_err(|error| ScenarioError::new("(unread)", format!("no recording: {error}")))?;
        let wrong = |problem: &str| ScenarioError::new(&recording.name, problem);
        let expect = VERDICTS
            .iter()
            .find_map(|(name, verdict)| (*name == recording.name).then_some(*verdict))
            .ok_or_else(|| wrong("the verdict that this recording must give is not known"))?;

        let mut plain: Vec<&Exchange> =
            recording.exchanges.iter().filter(|exchange| exchange.is_plain()).collect();
        plain.sort_by_key(|exchange| exchange.http_version != "1.1");
        let mut routes: Vec<Route> = Vec::new();
        for exchange in &plain {
            let Exchange { method, path, .. } = exchange;
            if !routes.iter().any(|route| route.method == *method && route.path == *path) {
                let then = Some(exchange.reply());
                routes.push(Route { method: method.clone(), path: path.clone(), timed: Vec::new(), then });
            }
        }
        let unknown = plain
            .iter()
            .find(|exchange| exchange.path == UNKNOWN_PATH && exchange.method == "GET")
            .ok_or_else(|| wrong("has no GET /nonexistent, which stands for every other path"))?;
        let label = Label {
            about: format!("the recording {}, whole", recording.name),
            source: format!("recorded: {}, {}", recording.name, recording.server.version),
            name: recording.name,
            expect,
            // A path that was not recorded shows nothing more.
            expect_deep: expect,
        };
        let answers = Answers::new(routes, unknown.fallback());
        Self::new(label, Some(recording.tls.mean()), Conduct::Answer(Box::new(answers)))
    }
}

impl Exchange {
    /// Whether it is a request that tells nothing about who asks.
    fn is_plain(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD")
            && self.request_headers.iter().all(|(name, value)| match name.as_str() {
                "User-Agent" => true,
                "Accept" => value == "*/*",
                _ => false,
            })
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(seen, _)| seen.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    fn reply(&self) -> Reply {
        let kept = |(name, _): &&(String, String)| !FRESH.contains(&name.to_ascii_lowercase().as_str());
        let headers = self.headers.iter().filter(kept).cloned().collect();
        let start = Bytes::copy_from_slice(self.body.as_bytes());
        let padding = match self.truncated_at {
            Some(_) => self.body_size.saturating_sub(start.len() as u64),
            None => 0,
        };
        let length = self.header("content-length").and_then(|length| length.parse().ok());
        Reply {
            audit_id: self.header("audit-id").is_some(),
            content_length: length.filter(|_| self.method == "HEAD"),
            ..Reply::new(self.status, headers, Body { start, padding })
        }
    }

    /// The same, with the path that is asked in place of the one that was.
    fn fallback(&self) -> Reply {
        let mut reply = self.reply();
        let named = self.body.replace(&format!(r#"\"{UNKNOWN_PATH}\""#), &format!(r#"\"{PATH_PLACE}\""#));
        reply.body.start = Bytes::from(named);
        reply
    }
}

impl RecordedTls {
    fn mean(self) -> Tls {
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
            client_cas: self.client_certificate_requested.then(|| self.client_ca_names.unwrap_or_default()),
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
