//! Reads a scenario from TOML. An unknown key is an error: a misspelt key would describe another server than was
//! meant.

mod reply;
mod tls;

use bytes::Bytes;
use serde::Deserialize;

use self::reply::{Common, FileReply, LARGEST};
use self::tls::FileTls;
use super::answers::{Answers, Route};
use super::scenario::{ConnectionBehaviour, Description, Scenario, ScenarioError};

/// A scenario file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    about: String,
    source: String,
    expect: String,
    /// Defaults to `expect`.
    expect_deep: Option<String>,
    /// The scenario that provides everything that is not set here.
    extends: Option<String>,
    #[serde(default)]
    plain_http: bool,
    #[serde(default)]
    http10: bool,
    /// Over HTTP/2 GOAWAY follows every response, as Kubernetes does for anonymous callers since 1.29.
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

impl Scenario {
    /// Reads a scenario from TOML, as in `src/simulator/scenarios`.
    ///
    /// # Errors
    /// [`ScenarioError`] for invalid TOML, an unknown key, or inconsistent parts.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let file = read(text)?;
        match file.extends.as_deref() {
            None => file.build(),
            Some(base) => {
                let wrong = |problem| Err(ScenarioError::new(&file.name, problem));
                let Some(text) = super::catalogue::text(base) else {
                    return wrong(format!(
                        "extends {base:?}, which is not an embedded scenario"
                    ));
                };
                let base = read(text)?;
                if base.extends.is_some() {
                    return wrong(format!(
                        "extends {:?}, which itself extends another scenario",
                        base.name
                    ));
                }
                file.with_defaults_from(base).build()
            }
        }
    }
}

fn read(text: &str) -> Result<File, ScenarioError> {
    toml::from_str(text).map_err(|error| ScenarioError::new("(unread)", error.to_string()))
}

impl File {
    /// Adds what this file does not set from the base.
    fn with_defaults_from(self, base: Self) -> Self {
        let mut reply = self.reply;
        reply.extend(base.reply);
        Self {
            http10: self.http10 || base.http10,
            goaway: self.goaway || base.goaway,
            tls: match (self.tls, base.tls) {
                (_, _) if self.plain_http => None,
                // With its own subject, [tls] replaces that of the base.
                (Some(own), Some(base)) if own.subject.is_none() => {
                    Some(own.with_defaults_from(base))
                }
                (own, base) => own.or(base),
            },
            common: self.common.with_defaults_from(base.common),
            fallback: self.fallback.or(base.fallback),
            reply,
            ..self
        }
    }

    fn build(self) -> Result<Scenario, ScenarioError> {
        let wrong = |problem: String| ScenarioError::new(&self.name, problem);
        let verdict = |key: &str, word: &str| {
            word.parse()
                .map_err(|error| wrong(format!("{key}: {error}")))
        };
        let expect = verdict("expect", &self.expect)?;
        let deep = self
            .expect_deep
            .as_deref()
            .map(|word| verdict("expect_deep", word))
            .transpose()?;
        let ways = [
            self.tls.is_some(),
            self.plain_http,
            self.connection.is_some(),
        ];
        if ways.into_iter().filter(|way| *way).count() != 1 {
            return Err(wrong(
                "exactly one of [tls], plain_http = true and connection is required".to_owned(),
            ));
        }
        let behaviour = match &self.connection {
            Some(connection) => connection.behaviour().map_err(wrong)?,
            None => ConnectionBehaviour::Answer(Box::new(self.answers().map_err(wrong)?)),
        };
        let tls = self
            .tls
            .as_ref()
            .map(FileTls::build)
            .transpose()
            .map_err(wrong)?;
        let description = Description {
            name: self.name,
            about: self.about,
            source: self.source,
            expect,
            expect_deep: deep.unwrap_or(expect),
        };
        Scenario::new(description, tls, behaviour)
    }

    fn answers(&self) -> Result<Answers, String> {
        let Some(fallback) = &self.fallback else {
            return Err("[fallback] is required: the reply to every other request".to_owned());
        };
        if fallback.is_routed() {
            return Err(
                "[fallback] must have no method, path or times: it answers everything else"
                    .to_owned(),
            );
        }
        let mut routes: Vec<Route> = Vec::new();
        for written in &self.reply {
            let reply = written.build(&self.common)?;
            for (method, path) in written.requests()? {
                let route = route_for(&mut routes, &method, &path);
                match (&route.then, written.times) {
                    (None, Some(times)) => route.timed.push((times, reply.clone())),
                    (None, None) => route.then = Some(reply.clone()),
                    // The extending scenario replaces this reply of the base.
                    (Some(_), _) if self.extends.is_some() => {}
                    (Some(_), _) => {
                        return Err(format!(
                            "{method} {path} has two replies: the first one needs times"
                        ));
                    }
                }
            }
        }
        let mut answers = Answers::new(routes, fallback.build(&self.common)?);
        answers.http10 = self.http10;
        answers.goaway = self.goaway;
        Ok(answers)
    }
}

/// The route for this request; adds an empty one if there is none.
fn route_for<'a>(routes: &'a mut Vec<Route>, method: &str, path: &str) -> &'a mut Route {
    let at = routes
        .iter()
        .position(|route| route.method == method && route.path == path);
    let at = at.unwrap_or_else(|| {
        let (method, path) = (method.to_owned(), path.to_owned());
        routes.push(Route {
            method,
            path,
            timed: Vec::new(),
            then: None,
        });
        routes.len() - 1
    });
    &mut routes[at]
}

impl FileConnection {
    fn behaviour(&self) -> Result<ConnectionBehaviour, String> {
        Ok(match self {
            Self::Close => ConnectionBehaviour::Close,
            Self::Silence => ConnectionBehaviour::Silence,
            Self::Say(text) => ConnectionBehaviour::Send(Bytes::copy_from_slice(text.as_bytes())),
            Self::Garbage(length) if *length <= LARGEST => {
                ConnectionBehaviour::Send(garbage(*length))
            }
            Self::Garbage(_) => return Err(format!("garbage is larger than {LARGEST} bytes")),
        })
    }
}

/// Bytes of no protocol, the same every time.
fn garbage(length: usize) -> Bytes {
    let mut state = 0x2545_f491_u32;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        // The high bit rules out TLS record types and ASCII.
        state.to_be_bytes()[0] | 0x80
    };
    (0..length).map(next).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "name = 'x'\nabout = 'x'\nsource = 'composed'\nexpect = 'rejected'\n";

    fn problem(rest: &str) -> String {
        Scenario::parse(&format!("{HEAD}{rest}"))
            .map(|_| ())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn unknown_keys_are_rejected_everywhere() {
        let good = "plain_http = true\n[fallback]\nstatus = 401\n";
        assert!(Scenario::parse(&format!("{HEAD}{good}")).is_ok());
        for (text, key) in [
            (
                "colour = 'red'\nplain_http = true\n[fallback]\nstatus = 401\n",
                "colour",
            ),
            (
                "plain_http = true\n[fallback]\nstatus = 401\nbodyy = ''\n",
                "bodyy",
            ),
            (
                "plain_http = true\n[common]\nheader = []\n[fallback]\nstatus = 401\n",
                "header",
            ),
            (
                "[tls]\nsubject = 'CN=a'\nissuer = 'CN=b'\nsan = []\n[fallback]\nstatus = 401\n",
                "san",
            ),
            (
                "plain_http = true\n[fallback]\nstatus = 401\nbehaviour = { drip = { byte = 1 } }\n",
                "byte",
            ),
            (
                "plain_http = true\n[fallback]\nstatus = 401\nbehaviour = 'sulk'\n",
                "sulk",
            ),
        ] {
            assert!(problem(text).contains(key), "{}", problem(text));
        }
    }

    #[test]
    fn inconsistent_parts_are_rejected() {
        let tls = "[tls]\nsubject = 'CN=a'\nissuer = 'CN=b'\n";
        for (text, words) in [
            ("[fallback]\nstatus = 401\n".to_owned(), "exactly one of"),
            (format!("plain_http = true\n{tls}"), "exactly one of"),
            ("plain_http = true\n".to_owned(), "[fallback] is required"),
            (
                "plain_http = true\n[fallback]\nstatus = 401\npath = '/'\n".to_owned(),
                "no method, path",
            ),
            (
                "plain_http = true\n[fallback]\nstatus = 99\n".to_owned(),
                "invalid status 99",
            ),
            (
                "plain_http = true\n[fallback]\nstatus = 200\nbody = 'abc'\npadded_to = 2\n"
                    .to_owned(),
                "padded_to",
            ),
            (
                "plain_http = true\n[fallback]\nstatus = 200\ncontent_length = 2\n".to_owned(),
                "content_length",
            ),
            (
                format!("{tls}alpn = ['h2']\n[fallback]\nstatus = 200\nbehaviour = 'hang'\n"),
                "remove h2",
            ),
            (
                format!("{tls}versions = ['1.1']\n[fallback]\nstatus = 200\n"),
                "1.1",
            ),
            (
                format!("{tls}require_client_certificate = true\n[fallback]\nstatus = 200\n"),
                "client_cas",
            ),
            (
                "extends = 'nobody'\n".to_owned(),
                "not an embedded scenario",
            ),
            ("extends = 'closes-each'\n".to_owned(), "itself extends"),
        ] {
            assert!(
                problem(&text).contains(words),
                "{words}: {}",
                problem(&text)
            );
        }
        let twice = "plain_http = true\n[fallback]\nstatus = 401\n[[reply]]\npath = '/'\nstatus = 200\n[[reply]]\npath = '/'\nstatus = 403\n";
        assert!(problem(twice).contains("has two replies"));
        let verdict = HEAD.replace("rejected", "fine");
        assert!(
            Scenario::parse(&verdict)
                .unwrap_err()
                .to_string()
                .contains("invalid verdict `fine`: expected one of")
        );
    }
}
