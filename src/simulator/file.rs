//! The TOML form of a scenario, and its reading. A key that is not known is an error: a misspelt
//! one would make a server that is not the one described.

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;

use super::answers::{Answers, Route};
use super::reply::{Behaviour, Body, Reply};
use super::scenario::{Conduct, Label, Scenario, ScenarioError, Tls};

/// What Go's TLS server tells a client that speaks plain HTTP to it.
pub(super) const GO_TO_PLAIN_HTTP: &str =
    "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

/// The most bytes that `garbage` and `nested` may ask for.
const LARGEST: usize = 1 << 20;

/// A scenario file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    about: String,
    source: String,
    expect: String,
    /// What is not said here is as in that scenario.
    extends: Option<String>,
    #[serde(default)]
    plain_http: bool,
    #[serde(default)]
    http10: bool,
    /// Over HTTP/2 every answer is followed by GOAWAY, as from Kubernetes 1.29 on for anonymous callers.
    #[serde(default)]
    goaway: bool,
    connection: Option<FileConnection>,
    tls: Option<FileTls>,
    #[serde(default)]
    common: Common,
    fallback: Option<FileReply>,
    #[serde(default)]
    reply: Vec<FileReply>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum FileConnection {
    Close,
    Silence,
    Say(String),
    Garbage(usize),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileTls {
    subject: Option<String>,
    issuer: Option<String>,
    sans: Option<Vec<String>>,
    send_issuer: Option<bool>,
    client_cas: Option<Vec<String>>,
    require_client_certificate: Option<bool>,
    versions: Option<Vec<String>>,
    alpn: Option<Vec<String>>,
    to_plain_http: Option<String>,
}

/// What holds for every reply that does not say otherwise.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Common {
    headers: Option<Vec<(String, String)>>,
    audit_id: Option<bool>,
    close: Option<bool>,
    delay_ms: Option<u64>,
    behaviour: Option<Behaviour>,
}

/// A reply to one or several requests, or the fallback.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileReply {
    method: Option<String>,
    path: Option<String>,
    paths: Option<Vec<String>>,
    /// Given this many times only; then the next reply to the same request holds.
    times: Option<u64>,
    status: u16,
    #[serde(default)]
    headers: Vec<(String, String)>,
    body: Option<String>,
    /// In place of `body`: so many JSON arrays, one in the other.
    nested: Option<usize>,
    /// The body's length with line feeds up to it.
    padded_to: Option<u64>,
    content_length: Option<u64>,
    audit_id: Option<bool>,
    close: Option<bool>,
    delay_ms: Option<u64>,
    behaviour: Option<Behaviour>,
}

impl Scenario {
    /// Reads a scenario from its TOML form, as in the files in `src/simulator/scenarios`.
    ///
    /// # Errors
    /// [`ScenarioError`] with what is wrong: bad TOML, an unknown key, parts that do not fit.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let file = read(text)?;
        match file.extends.as_deref() {
            None => file.build(),
            Some(base) => {
                let wrong = |problem| Err(ScenarioError::new(&file.name, problem));
                let Some(text) = super::catalogue::text(base) else {
                    return wrong(format!("extends {base:?}, which is no embedded scenario"));
                };
                let base = read(text)?;
                if base.extends.is_some() {
                    return wrong(format!("extends {:?}, which extends another one itself", base.name));
                }
                file.over(base).build()
            }
        }
    }
}

fn read(text: &str) -> Result<File, ScenarioError> {
    toml::from_str(text).map_err(|error| ScenarioError::new("(unread)", error.to_string()))
}

impl File {
    /// This file, with the base where it says nothing.
    fn over(self, base: Self) -> Self {
        let mut reply = self.reply;
        reply.extend(base.reply);
        Self {
            http10: self.http10 || base.http10,
            goaway: self.goaway || base.goaway,
            tls: match (self.tls, base.tls) {
                (_, _) if self.plain_http => None,
                // With a subject it is another server's TLS altogether.
                (Some(own), Some(base)) if own.subject.is_none() => Some(own.over(base)),
                (own, base) => own.or(base),
            },
            common: Common {
                headers: self.common.headers.or(base.common.headers),
                audit_id: self.common.audit_id.or(base.common.audit_id),
                close: self.common.close.or(base.common.close),
                delay_ms: self.common.delay_ms.or(base.common.delay_ms),
                behaviour: self.common.behaviour.or(base.common.behaviour),
            },
            fallback: self.fallback.or(base.fallback),
            reply,
            ..self
        }
    }

    fn build(self) -> Result<Scenario, ScenarioError> {
        let wrong = |problem: String| ScenarioError::new(&self.name, problem);
        let expect = self.expect.parse().map_err(|error| wrong(format!("expect: {error}")))?;
        let ways = [self.tls.is_some(), self.plain_http, self.connection.is_some()];
        if ways.into_iter().filter(|way| *way).count() != 1 {
            return Err(wrong("give exactly one of [tls], plain_http = true and connection".to_owned()));
        }
        let conduct = match &self.connection {
            Some(connection) => connection.conduct().map_err(wrong)?,
            None => Conduct::Answer(self.answers().map_err(wrong)?),
        };
        let tls = self.tls.as_ref().map(FileTls::mean).transpose().map_err(wrong)?;
        let label = Label { name: self.name, about: self.about, source: self.source, expect };
        Scenario::new(label, tls, conduct)
    }

    fn answers(&self) -> Result<Answers, String> {
        let Some(fallback) = &self.fallback else {
            return Err("has no [fallback]: say what every other request gets".to_owned());
        };
        if fallback.method.is_some() || fallback.is_routed() || fallback.times.is_some() {
            return Err("the fallback answers everything else; it has no method, path or times".to_owned());
        }
        let mut routes: Vec<Route> = Vec::new();
        for written in &self.reply {
            let reply = written.mean(&self.common)?;
            for (method, path) in written.requests()? {
                let known = routes.iter_mut().find(|route| route.method == method && route.path == path);
                match known {
                    // A base's reply, which an extending scenario replaced.
                    Some(Route { then: Some(_), .. }) if self.extends.is_some() => {}
                    Some(Route { then: Some(_), .. }) => {
                        return Err(format!("{method} {path} is answered twice; give the first one times"));
                    }
                    Some(route) => match written.times {
                        Some(times) => route.timed.push((times, reply.clone())),
                        None => route.then = Some(reply.clone()),
                    },
                    None => routes.push(match written.times {
                        Some(times) => {
                            Route { method, path, timed: vec![(times, reply.clone())], then: None }
                        }
                        None => Route { method, path, timed: Vec::new(), then: Some(reply.clone()) },
                    }),
                }
            }
        }
        let mut answers = Answers::new(routes, fallback.mean(&self.common)?);
        answers.http10 = self.http10;
        answers.goaway = self.goaway;
        Ok(answers)
    }
}

impl FileConnection {
    fn conduct(&self) -> Result<Conduct, String> {
        Ok(match self {
            Self::Close => Conduct::Close,
            Self::Silence => Conduct::Silence,
            Self::Say(text) => Conduct::Say(Bytes::copy_from_slice(text.as_bytes())),
            Self::Garbage(length) if *length <= LARGEST => Conduct::Say(garbage(*length)),
            Self::Garbage(_) => return Err(format!("garbage: at most {LARGEST} bytes")),
        })
    }
}

/// Bytes that are no protocol, the same every time.
fn garbage(length: usize) -> Bytes {
    let mut state = 0x2545_f491_u32;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        // The high bit keeps clear of TLS record types and of ASCII.
        state.to_be_bytes()[0] | 0x80
    };
    (0..length).map(next).collect()
}

impl FileTls {
    fn over(self, base: Self) -> Self {
        Self {
            subject: self.subject.or(base.subject),
            issuer: self.issuer.or(base.issuer),
            sans: self.sans.or(base.sans),
            send_issuer: self.send_issuer.or(base.send_issuer),
            client_cas: self.client_cas.or(base.client_cas),
            require_client_certificate: self.require_client_certificate.or(base.require_client_certificate),
            versions: self.versions.or(base.versions),
            alpn: self.alpn.or(base.alpn),
            to_plain_http: self.to_plain_http.or(base.to_plain_http),
        }
    }

    fn mean(&self) -> Result<Tls, String> {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let (Some(subject), Some(issuer)) = (self.subject.clone(), self.issuer.clone()) else {
            return Err("[tls] needs the names subject and issuer".to_owned());
        };
        Ok(Tls {
            subject,
            issuer,
            sans: self.sans.clone().unwrap_or_default(),
            send_issuer: self.send_issuer.unwrap_or(false),
            client_cas: self.client_cas.clone(),
            require_client_certificate: self.require_client_certificate.unwrap_or(false),
            versions: self.versions.clone().unwrap_or_else(|| words(&["1.2", "1.3"])),
            alpn: self.alpn.clone().unwrap_or_else(|| words(&["http/1.1"])),
            to_plain_http: self.to_plain_http.clone().unwrap_or_else(|| GO_TO_PLAIN_HTTP.to_owned()).into(),
        })
    }
}

impl FileReply {
    fn is_routed(&self) -> bool {
        self.path.is_some() || self.paths.is_some()
    }

    /// Method and path of every request it answers.
    fn requests(&self) -> Result<Vec<(String, String)>, String> {
        let method = self.method.as_deref().unwrap_or("GET");
        if !matches!(method, "GET" | "HEAD") {
            return Err(format!("method {method:?}: use GET or HEAD, the fallback answers the others"));
        }
        let paths = match (&self.path, &self.paths) {
            (Some(path), None) => std::slice::from_ref(path),
            (None, Some(paths)) if !paths.is_empty() => paths.as_slice(),
            _ => return Err("a reply has either path or paths".to_owned()),
        };
        if let Some(path) = paths.iter().find(|path| !path.starts_with('/')) {
            return Err(format!("path {path:?} does not begin with '/'"));
        }
        Ok(paths.iter().map(|path| (method.to_owned(), path.clone())).collect())
    }

    fn mean(&self, common: &Common) -> Result<Reply, String> {
        if !(200..=599).contains(&self.status) {
            return Err(format!("status {} is no final HTTP status", self.status));
        }
        if self.content_length.is_some() && self.method.as_deref() != Some("HEAD") {
            return Err("content_length is for the answer to a HEAD; a body has its own length".to_owned());
        }
        let inherited = common
            .headers
            .iter()
            .flatten()
            .filter(|(name, _)| !self.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name)));
        let headers = inherited.chain(&self.headers).cloned().collect();
        Ok(Reply {
            audit_id: self.audit_id.or(common.audit_id).unwrap_or(false),
            content_length: self.content_length,
            close: self.close.or(common.close).unwrap_or(false),
            delay: Duration::from_millis(self.delay_ms.or(common.delay_ms).unwrap_or(0)),
            behaviour: self.behaviour.or(common.behaviour),
            ..Reply::new(self.status, headers, self.whole_body()?)
        })
    }

    fn whole_body(&self) -> Result<Body, String> {
        let start = match (&self.body, self.nested) {
            (None, None) => Bytes::new(),
            (Some(body), None) => Bytes::copy_from_slice(body.as_bytes()),
            (None, Some(depth)) if depth <= LARGEST => {
                Bytes::from([vec![b'['; depth], vec![b']'; depth]].concat())
            }
            (None, Some(_)) => return Err(format!("nested: at most {LARGEST}")),
            (Some(_), Some(_)) => return Err("a reply has either body or nested".to_owned()),
        };
        let padding = match self.padded_to {
            None => 0,
            Some(length) => length
                .checked_sub(start.len() as u64)
                .ok_or_else(|| format!("padded_to = {length} is less than the body's length"))?,
        };
        Ok(Body { start, padding })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "name = 'x'\nabout = 'x'\nsource = 'composed'\nexpect = 'rejected'\n";

    fn problem(rest: &str) -> String {
        Scenario::parse(&format!("{HEAD}{rest}")).map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn unknown_keys_are_refused_wherever_they_stand() {
        let good = "plain_http = true\n[fallback]\nstatus = 401\n";
        assert!(Scenario::parse(&format!("{HEAD}{good}")).is_ok());
        for (text, key) in [
            ("colour = 'red'\nplain_http = true\n[fallback]\nstatus = 401\n", "colour"),
            ("plain_http = true\n[fallback]\nstatus = 401\nbodyy = ''\n", "bodyy"),
            ("plain_http = true\n[common]\nheader = []\n[fallback]\nstatus = 401\n", "header"),
            ("[tls]\nsubject = 'CN=a'\nissuer = 'CN=b'\nsan = []\n[fallback]\nstatus = 401\n", "san"),
            ("plain_http = true\n[fallback]\nstatus = 401\nbehaviour = { drip = { byte = 1 } }\n", "byte"),
            ("plain_http = true\n[fallback]\nstatus = 401\nbehaviour = 'sulk'\n", "sulk"),
        ] {
            assert!(problem(text).contains(key), "{}", problem(text));
        }
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        let tls = "[tls]\nsubject = 'CN=a'\nissuer = 'CN=b'\n";
        for (text, words) in [
            ("[fallback]\nstatus = 401\n".to_owned(), "exactly one of"),
            (format!("plain_http = true\n{tls}"), "exactly one of"),
            ("plain_http = true\n".to_owned(), "no [fallback]"),
            ("plain_http = true\n[fallback]\nstatus = 401\npath = '/'\n".to_owned(), "no method, path"),
            ("plain_http = true\n[fallback]\nstatus = 99\n".to_owned(), "status 99"),
            (
                "plain_http = true\n[fallback]\nstatus = 200\nbody = 'abc'\npadded_to = 2\n".to_owned(),
                "padded_to",
            ),
            (
                "plain_http = true\n[fallback]\nstatus = 200\ncontent_length = 2\n".to_owned(),
                "content_length",
            ),
            (format!("{tls}alpn = ['h2']\n[fallback]\nstatus = 200\nbehaviour = 'hang'\n"), "drop h2"),
            (format!("{tls}versions = ['1.1']\n[fallback]\nstatus = 200\n"), "1.1"),
            (format!("{tls}require_client_certificate = true\n[fallback]\nstatus = 200\n"), "client_cas"),
            ("extends = 'nobody'\n".to_owned(), "no embedded scenario"),
            ("extends = 'closes-each'\n".to_owned(), "extends another"),
        ] {
            assert!(problem(&text).contains(words), "{words}: {}", problem(&text));
        }
        let twice = "plain_http = true\n[fallback]\nstatus = 401\n[[reply]]\npath = '/'\nstatus = 200\n[[reply]]\npath = '/'\nstatus = 403\n";
        assert!(problem(twice).contains("answered twice"));
        let verdict = HEAD.replace("rejected", "fine");
        assert!(Scenario::parse(&verdict).unwrap_err().to_string().contains("\"fine\" is no verdict"));
    }
}
