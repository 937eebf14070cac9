//! What one simulated server is: checked, and ready to be served.

use std::io;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use rustls::ServerConfig;

use super::answers::Answers;
use super::tls;
use crate::model::Verdict;

/// One kind of server, described.
#[derive(Debug)]
pub struct Scenario {
    /// What it is found by.
    pub name: String,
    /// What real thing it stands for, in one line.
    pub about: String,
    /// `recorded: …` with the recording and the server, or `composed: …` with what it was made from.
    pub source: String,
    /// The verdict that kubeknock must give.
    pub expect: Verdict,
    /// The verdict that it must give with `--deep`, which asks for more.
    pub expect_deep: Verdict,
    pub(super) tls: Option<Tls>,
    pub(super) conduct: Conduct,
    /// Certificates are made once per scenario, however many servers run it.
    made: OnceLock<tls::Made>,
}

/// What a server does with a connection.
#[derive(Debug)]
pub(super) enum Conduct {
    /// Speaks HTTP, behind TLS where the scenario has it.
    Answer(Box<Answers>),
    /// Closes at once.
    Close,
    /// Never says anything.
    Silence,
    /// Waits for the first bytes, says this whatever they were, and closes.
    Say(Bytes),
}

/// How a server speaks TLS.
#[derive(Debug, Clone)]
pub(super) struct Tls {
    /// Subject of the serving certificate, `O=…, CN=…`.
    pub(super) subject: String,
    /// Its issuer, which signs it.
    pub(super) issuer: String,
    /// Subject alternative names: addresses and DNS names.
    pub(super) sans: Vec<String>,
    /// The certificate that is served to a client without SNI, where it is another.
    pub(super) without_sni: Option<Nameless>,
    /// When the serving certificate ends, in days from today; `None` for a fixed day in years to come.
    pub(super) expires_in_days: Option<i16>,
    /// Whether the issuer's certificate is sent too.
    pub(super) send_issuer: bool,
    /// CA names in the `CertificateRequest`; `None` asks for no certificate, an empty list asks
    /// without naming any.
    pub(super) client_cas: Option<Vec<String>>,
    /// Whether a client without a certificate is turned away.
    pub(super) require_client_certificate: bool,
    /// Versions spoken, `1.2` and `1.3`.
    pub(super) versions: Vec<String>,
    /// ALPN protocols.
    pub(super) alpn: Vec<String>,
    /// What somebody who speaks plain HTTP is told.
    pub(super) to_plain_http: Bytes,
}

/// The names in a certificate for clients that send no SNI.
#[derive(Debug, Clone)]
pub(super) struct Nameless {
    pub(super) subject: String,
    pub(super) issuer: String,
    pub(super) sans: Vec<String>,
}

/// Why a text is no scenario.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("scenario {name}: {problem}")]
pub struct ScenarioError {
    /// The scenario's name, as far as it is known.
    pub name: String,
    /// What is wrong, and how to mend it.
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

/// What a scenario says of itself.
#[derive(Debug, Clone)]
pub(super) struct Label {
    pub(super) name: String,
    pub(super) about: String,
    pub(super) source: String,
    pub(super) expect: Verdict,
    pub(super) expect_deep: Verdict,
}

impl Scenario {
    /// Puts a scenario together and checks what its parts mean for each other.
    pub(super) fn new(
        label: Label,
        tls: Option<Tls>,
        conduct: Conduct,
    ) -> Result<Self, ScenarioError> {
        let wrong = |problem: &str| Err(ScenarioError::new(&label.name, problem));
        if let Some(tls) = &tls {
            tls::check(tls).map_err(|problem| ScenarioError::new(&label.name, problem))?;
            if let Conduct::Answer(answers) = &conduct
                && answers.byte_level()
                && tls.alpn.iter().any(|protocol| protocol == "h2")
            {
                return wrong(
                    "its answers are written byte by byte, which HTTP/2 has no form for; drop h2",
                );
            }
        }
        let Label {
            name,
            about,
            source,
            expect,
            expect_deep,
        } = label;
        Ok(Self {
            name,
            about,
            source,
            expect,
            expect_deep,
            tls,
            conduct,
            made: OnceLock::new(),
        })
    }

    /// The same server, speaking this version of TLS only: `1.2` or `1.3`.
    #[must_use]
    pub fn with_tls_version(mut self, version: &str) -> Self {
        if let Some(tls) = &mut self.tls {
            tls.versions = vec![version.to_owned()];
        }
        self
    }

    /// The TLS settings with the certificates, made on first use: some milliseconds of computing.
    pub(super) fn tls_config(&self) -> io::Result<Option<Arc<ServerConfig>>> {
        Ok(self.made()?.map(|made| Arc::clone(&made.config)))
    }

    /// The certificate of the CA that signs the serving certificate, as DER; `None` without TLS.
    ///
    /// # Errors
    /// No certificate could be made.
    pub fn issuer(&self) -> io::Result<Option<Vec<u8>>> {
        Ok(self.made()?.map(|made| made.issuer.to_vec()))
    }

    fn made(&self) -> io::Result<Option<&tls::Made>> {
        let Some(tls) = &self.tls else {
            return Ok(None);
        };
        if let Some(made) = self.made.get() {
            return Ok(Some(made));
        }
        let made = tls::make(tls)?;
        Ok(Some(self.made.get_or_init(|| made)))
    }

    /// The answers, if it speaks HTTP at all.
    pub(super) fn answers(&self) -> Option<&Answers> {
        match &self.conduct {
            Conduct::Answer(answers) => Some(answers),
            _ => None,
        }
    }

    /// Whether it is asked over plain HTTP, so that a target must say `http://`.
    pub fn plain_http(&self) -> bool {
        self.tls.is_none() && self.answers().is_some()
    }
}
