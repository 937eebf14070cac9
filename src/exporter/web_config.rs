//! The web configuration file, as Prometheus' exporters spell it: TLS and basic authentication.
//! <https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md>

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Options;

use super::web_config_error::WebConfigError;
use super::web_tls::{self, TlsFields};
use crate::input;

/// The largest file that is read, in bytes.
const MAX_SIZE: u32 = 1024 * 1024;
/// The highest cost of a password's hash: each step doubles the time of a check, and this one takes seconds.
const MAX_COST: u32 = 16;

/// Who may ask the exporter, and over what.
#[derive(Default)]
pub struct WebConfig {
    /// TLS; `None` for plain HTTP.
    pub(super) tls: Option<Arc<ServerConfig>>,
    /// Users with the bcrypt hashes of their passwords.
    pub(super) users: BTreeMap<String, String>,
    /// Whether a client needs a certificate.
    requires_certificate: bool,
    /// The files that it was made from.
    files: Vec<PathBuf>,
}

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    tls_server_config: Option<TlsFields>,
    http_server_config: Option<HttpFields>,
    basic_auth_users: Option<BTreeMap<String, String>>,
    rate_limit: Option<IgnoredAny>,
}

/// `http_server_config`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HttpFields {
    /// The exporter speaks HTTP/1.1, whatever this says.
    #[expect(dead_code, reason = "checked to be true or false, and without effect")]
    http2: Option<bool>,
    headers: Option<IgnoredAny>,
}

impl WebConfig {
    /// Reads a file, and those that it names. Relative paths start from its folder.
    ///
    /// # Errors
    /// [`WebConfigError`].
    pub fn read(path: &Path) -> Result<Self, WebConfigError> {
        let place = path.display().to_string();
        let text = File::open(path).and_then(|file| input::text(file, MAX_SIZE));
        let text =
            text.map_err(|error| WebConfigError::new(&*place, format!("cannot read it: {error}")))?;
        let fields = parse(&place, &text)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut config = Self {
            files: vec![path.to_owned()],
            ..Self::default()
        };
        check_unsupported(&place, &fields)?;
        if let Some(tls) = &fields.tls_server_config {
            let made = web_tls::server_config(&place, folder, tls)?;
            config.tls = Some(made.config);
            config.requires_certificate = made.requires_certificate;
            config.files.extend(made.files);
        }
        for (user, hash) in fields.basic_auth_users.unwrap_or_default() {
            let problem = match hash.parse::<bcrypt::HashParts>() {
                Ok(parts) if parts.get_cost() <= MAX_COST => None,
                Ok(_) => Some(format!("a cost above {MAX_COST} takes too long to check")),
                Err(_) => Some("expected the password hashed with bcrypt".to_owned()),
            };
            if let Some(problem) = problem {
                let number = config.users.len() + 1;
                let problem = format!("basic_auth_users, user {number}: {problem}");
                return Err(WebConfigError::new(place, problem));
            }
            config.users.insert(user, hash);
        }
        Ok(config)
    }

    /// Whether nobody is answered without a password or a certificate.
    pub fn authenticates(&self) -> bool {
        !self.users.is_empty() || self.requires_certificate
    }

    /// Whether answers and passwords are encrypted on the way.
    pub const fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// The files that it was made from.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }
}

fn parse(place: &str, text: &str) -> Result<Fields, WebConfigError> {
    let mut options = Options::default();
    options.with_snippet = false;
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let at = error.location();
        let place = at.map_or_else(
            || place.to_owned(),
            |at| format!("{place}:{}:{}", at.line(), at.column()),
        );
        WebConfigError::new(
            place,
            "expected tls_server_config, http_server_config and basic_auth_users, as in the web configuration of \
             Prometheus' exporters",
        )
    })
}

/// Refuses what would have an effect in other exporters and has none here.
fn check_unsupported(place: &str, fields: &Fields) -> Result<(), WebConfigError> {
    let of_tls = fields.tls_server_config.as_ref().map(|tls| {
        [
            ("cert", &tls.cert),
            ("key", &tls.key),
            ("client_ca", &tls.client_ca),
            ("client_allowed_sans", &tls.client_allowed_sans),
            ("cipher_suites", &tls.cipher_suites),
            ("curve_preferences", &tls.curve_preferences),
            (
                "prefer_server_cipher_suites",
                &tls.prefer_server_cipher_suites,
            ),
        ]
    });
    let http = fields.http_server_config.as_ref();
    let others = [
        ("rate_limit", &fields.rate_limit),
        ("headers", http.map_or(&None, |http| &http.headers)),
    ];
    let mut all = of_tls.into_iter().flatten().chain(others);
    match all.find(|(_, value)| value.is_some()) {
        None => Ok(()),
        Some((key, _)) => Err(WebConfigError::new(
            place,
            format!("{key} is not supported; remove it"),
        )),
    }
}
