//! The validated description of one simulated server.

use std::io;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use rustls::ServerConfig;

use super::answers::Answers;
use super::tls;
use super::tls_settings::Tls;
use crate::model::Verdict;

/// The description of one kind of server.
#[derive(Debug)]
pub struct Scenario {
    /// Its unique name.
    pub name: String,
    /// The real server it stands for, in one line.
    pub about: String,
    /// `recorded: …` with the recording and the server, or `composed: …` with its sources.
    pub source: String,
    /// The expected verdict.
    pub expect: Verdict,
    /// The expected verdict with `--deep`.
    pub expect_deep: Verdict,
    pub(super) tls: Option<Tls>,
    pub(super) behaviour: ConnectionBehaviour,
    /// Certificates are created once per scenario, however many servers run it.
    prepared: OnceLock<tls::Prepared>,
}

/// What a server does with a connection.
#[derive(Debug)]
pub(super) enum ConnectionBehaviour {
    /// Speaks HTTP, over TLS if the scenario has TLS settings.
    Answer(Box<Answers>),
    /// Closes at once.
    Close,
    /// Never sends anything.
    Silence,
    /// Waits for the first bytes, sends this and closes.
    Send(Bytes),
}

/// Why a scenario is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("scenario {name}: {problem}")]
pub struct ScenarioError {
    /// The name of the scenario, as far as it is known.
    pub name: String,
    /// What is wrong, and how to fix it.
    pub problem: String,
}

impl ScenarioError {
    pub(super) fn new(name: &str, problem: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            problem: problem.into(),
        }
    }
}

/// The description and expectations of a scenario.
#[derive(Debug, Clone)]
pub(super) struct Description {
    pub(super) name: String,
    pub(super) about: String,
    pub(super) source: String,
    pub(super) expect: Verdict,
    pub(super) expect_deep: Verdict,
}

impl Scenario {
    /// Creates a scenario and checks that its parts are consistent.
    pub(super) fn new(
        description: Description,
        tls: Option<Tls>,
        behaviour: ConnectionBehaviour,
    ) -> Result<Self, ScenarioError> {
        let wrong = |problem: &str| Err(ScenarioError::new(&description.name, problem));
        if let Some(tls) = &tls {
            tls::check(tls).map_err(|problem| ScenarioError::new(&description.name, problem))?;
            if let ConnectionBehaviour::Answer(answers) = &behaviour
                && answers.need_raw_bytes()
                && tls.alpn.iter().any(|protocol| protocol == "h2")
            {
                return wrong(
                    "its replies are written byte by byte, which HTTP/2 does not support; remove h2",
                );
            }
        }
        let Description {
            name,
            about,
            source,
            expect,
            expect_deep,
        } = description;
        Ok(Self {
            name,
            about,
            source,
            expect,
            expect_deep,
            tls,
            behaviour,
            prepared: OnceLock::new(),
        })
    }

    /// The same server with only this version of TLS: `1.2` or `1.3`.
    #[must_use]
    pub fn with_tls_version(mut self, version: &str) -> Self {
        if let Some(tls) = &mut self.tls {
            tls.versions = vec![version.to_owned()];
        }
        self
    }

    /// The TLS settings with certificates. Creating them on first use takes some milliseconds.
    pub(super) fn tls_config(&self) -> io::Result<Option<Arc<ServerConfig>>> {
        Ok(self
            .prepared()?
            .map(|prepared| Arc::clone(&prepared.config)))
    }

    /// The certificate of the CA that signs the serving certificate, as DER; `None` without TLS.
    ///
    /// # Errors
    /// No certificate could be created.
    pub fn issuer(&self) -> io::Result<Option<Vec<u8>>> {
        Ok(self.prepared()?.map(|prepared| prepared.issuer.to_vec()))
    }

    fn prepared(&self) -> io::Result<Option<&tls::Prepared>> {
        let Some(tls) = &self.tls else {
            return Ok(None);
        };
        if let Some(prepared) = self.prepared.get() {
            return Ok(Some(prepared));
        }
        let prepared = tls::prepare(tls)?;
        Ok(Some(self.prepared.get_or_init(|| prepared)))
    }

    /// The replies, if the server speaks HTTP.
    pub(super) fn answers(&self) -> Option<&Answers> {
        match &self.behaviour {
            ConnectionBehaviour::Answer(answers) => Some(answers),
            _ => None,
        }
    }

    /// Whether it speaks plain HTTP, so that a target needs `http://`.
    pub fn plain_http(&self) -> bool {
        self.tls.is_none() && self.answers().is_some()
    }
}
