//! `--notify KIND=DESTINATION`: where notifications go. Destinations may be secrets, so nothing but the kind and the host of
//! one is ever shown.

use std::fmt;
use std::fs::File;
use std::io::Read as _;

use anyhow::{Context as _, bail, ensure};
use kubeknock::report::escape;
use kubeknock::report::notification::Receiver as Kind;
use reqwest::Url;

/// Bytes of a file with a destination.
const MAX_SIZE: u64 = 8 * 1024;
/// Characters of a host that are shown.
const MAX_HOST: usize = 100;
/// The path of Alertmanager's API, and that of its alerts.
const API: &str = "/api/v2";
const ALERTS: &str = "/api/v2/alerts";
/// Those of its version 1.
const OLD: [&str; 2] = ["/api/v1", "/api/v1/alerts"];

/// One receiver.
pub(crate) struct Receiver {
    pub(crate) kind: Kind,
    /// What names the receiver in files: the argument, or the address of an Alertmanager however it is spelled. It is no
    /// secret: those are read from elsewhere.
    pub(crate) name: String,
    pub(super) url: Url,
}

impl fmt::Display for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.url.host_str().unwrap_or_default();
        write!(f, "{} at {}", self.kind.as_str(), escape(host, MAX_HOST))
    }
}

impl Receiver {
    /// Reads the destination. Errors do not repeat it.
    pub(crate) fn open(argument: &str) -> anyhow::Result<Self> {
        let kinds = || {
            let kinds = Kind::ALL.map(Kind::as_str).join(", ");
            format!("--notify: expected KIND=DESTINATION, and KIND is one of {kinds}")
        };
        let (word, destination) = argument.split_once('=').with_context(kinds)?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.as_str() == word);
        let kind = kind.with_context(kinds)?;
        let url = url(kind, destination).with_context(|| format!("--notify {word}"))?;
        let is_elsewhere = destination.starts_with('@') || destination.starts_with("env:");
        let name = if is_elsewhere {
            argument.to_owned()
        } else {
            let server = url.as_str();
            let server = server.strip_suffix(ALERTS).unwrap_or(server);
            format!("{word}={server}")
        };
        Ok(Self { kind, name, url })
    }
}

fn url(kind: Kind, destination: &str) -> anyhow::Result<Url> {
    let is_alertmanager = kind == Kind::Alertmanager;
    if let Some(path) = destination.strip_prefix('@') {
        return read(path)
            .and_then(|text| parse(kind, &text))
            .with_context(|| format!("the file {}", escape(path, usize::MAX)));
    }
    if let Some(name) = destination.strip_prefix("env:") {
        let variable = || format!("the variable {}", escape(name, usize::MAX));
        ensure!(
            !name.is_empty(),
            "expected the name of a variable after env:"
        );
        let value = std::env::var(name)
            .ok()
            .filter(|value| !value.trim().is_empty());
        let value = value.with_context(|| format!("{} has no value", variable()))?;
        return parse(kind, &value).with_context(variable);
    }
    let is_url = destination.starts_with("https://") || destination.starts_with("http://");
    if !is_alertmanager {
        ensure!(
            !is_url,
            "the URL for {kind} is a secret, and every user of this machine can read a command line: put it into a \
             file ({kind}=@FILE) or a variable ({kind}=env:NAME)",
            kind = kind.as_str()
        );
        bail!("expected @FILE or env:NAME");
    }
    ensure!(
        is_url,
        "expected an http:// or https:// URL, @FILE or env:NAME"
    );
    let url = parse(kind, destination)?;
    let is_plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    ensure!(
        is_plain,
        "a URL with user information or a query is a secret, and every user of this machine can read a command line: \
         put it into a file (alertmanager=@FILE) or a variable (alertmanager=env:NAME)"
    );
    Ok(url)
}

/// The text of a file, which has nothing but a URL.
fn read(path: &str) -> anyhow::Result<String> {
    let mut text = String::new();
    let file = File::open(path).context("cannot be read")?;
    let read = file.take(MAX_SIZE + 1).read_to_string(&mut text);
    ensure!(
        read.context("cannot be read")? as u64 <= MAX_SIZE,
        "is too large for a URL"
    );
    Ok(text)
}

fn parse(kind: Kind, text: &str) -> anyhow::Result<Url> {
    let https_only = kind == Kind::Slack;
    let expected = if https_only {
        "https://"
    } else {
        "http:// or https://"
    };
    // Editors of Windows begin a file with a mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim();
    let mut url: Url = (text.parse().ok()).with_context(|| {
        format!("has no valid URL: expected one line with {expected} and a host")
    })?;
    let is_http = url.scheme() == "http" && !https_only;
    ensure!(
        (is_http || url.scheme() == "https") && url.has_host(),
        "has no valid URL: expected one line with {expected} and a host"
    );
    url.set_fragment(None);
    if kind == Kind::Alertmanager {
        let path = prefix(url.path())?;
        url.set_path(&format!("{path}{ALERTS}"));
    }
    Ok(url)
}

/// What stands before Alertmanager's API in a path, which may be that of the API itself.
fn prefix(path: &str) -> anyhow::Result<String> {
    let path = path.trim_end_matches('/');
    let ends = |end: &str| path.strip_suffix(end);
    ensure!(
        OLD.iter().all(|old| ends(old).is_none()),
        "has the path of version 1 of Alertmanager's API, which Alertmanager 0.27 removed: end the URL before {}",
        OLD[0]
    );
    let before = ends(ALERTS).or_else(|| ends(API)).unwrap_or(path);
    Ok(before.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(argument: &str) -> String {
        format!("{:#}", Receiver::open(argument).err().unwrap())
    }

    #[test]
    fn an_alertmanager_has_one_name_however_it_is_spelled() {
        for spelled in [
            "http://am.example:9093",
            "http://AM.example:9093/",
            "http://am.example:9093/api/v2/alerts",
            "http://am.example:9093/api/v2/alerts/",
            "http://am.example:9093/api/v2",
            "http://am.example:9093/api/v2/",
            "http://am.example:9093/#/alerts",
        ] {
            let receiver = Receiver::open(&format!("alertmanager={spelled}")).unwrap();
            assert_eq!(receiver.name, "alertmanager=http://am.example:9093");
            assert_eq!(receiver.url.path(), "/api/v2/alerts", "{spelled}");
        }
    }

    #[test]
    fn no_error_repeats_a_destination() {
        for (argument, said) in [
            (
                "slack=https://hooks.example/hunter2",
                "put it into a file (slack=@FILE)",
            ),
            (
                "webhook=http://hooks.example/hunter2",
                "put it into a file (webhook=@FILE)",
            ),
            (
                "webhook=hunter2",
                "--notify webhook: expected @FILE or env:NAME",
            ),
            ("alertmanager=http://me:hunter2@host", "user information"),
            ("alertmanager=http://hunter2@host", "user information"),
            (
                "alertmanager=http://host/?token=hunter2",
                "user information or a query",
            ),
            (
                "alertmanager=hunter2",
                "expected an http:// or https:// URL, @FILE or env:NAME",
            ),
            ("alertmanager=http://[hunter2", "has no valid URL"),
            (
                "alertmanager=http://hunter2/api/v1/alerts",
                "Alertmanager 0.27 removed: end the URL before /api/v1",
            ),
            ("alertmanager=http://hunter2/prefix/api/v1/", "version 1"),
            ("hunter2", "KIND is one of alertmanager, webhook, slack"),
            (
                "hunter2=https://host",
                "KIND is one of alertmanager, webhook, slack",
            ),
            ("slack=env:", "the name of a variable"),
            (
                "slack=env:KUBEKNOCK_NO_SUCH",
                "the variable KUBEKNOCK_NO_SUCH has no value",
            ),
            (
                "slack=@/no/such/file",
                "the file /no/such/file: cannot be read",
            ),
        ] {
            let error = error(argument);
            assert!(error.contains(said), "{argument}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_file_has_one_url() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("url");
        let open = |kind: &str, text: &str| {
            std::fs::write(&path, text).unwrap();
            Receiver::open(&format!("{kind}=@{}", path.display()))
        };
        let slack = open("slack", "https://hooks.example/services/hunter2\n").unwrap();
        assert_eq!(slack.to_string(), "slack at hooks.example");
        assert_eq!(slack.url.path(), "/services/hunter2");
        let marked = open(
            "slack",
            "\u{feff}https://hooks.example/services/hunter2\r\n",
        )
        .unwrap();
        assert_eq!(marked.url, slack.url);
        let inside = open("webhook", "http://receiver.svc/hook?key=hunter2").unwrap();
        assert_eq!(inside.to_string(), "webhook at receiver.svc");
        for (kind, text) in [
            ("slack", "http://hooks.example/hunter2"),
            ("slack", ""),
            ("webhook", "hunter2"),
            ("webhook", "ftp://host/hunter2"),
            ("webhook", &"hunter2 ".repeat(2000)),
        ] {
            let error = format!("{:#}", open(kind, text).err().unwrap());
            assert!(error.contains("url: "), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn alertmanager_may_be_behind_a_prefix() {
        for (url, expected) in [
            ("http://am:9093", "http://am:9093/api/v2/alerts"),
            ("https://am/prefix/", "https://am/prefix/api/v2/alerts"),
            (
                "https://am/prefix/api/v2",
                "https://am/prefix/api/v2/alerts",
            ),
            ("https://am/myapi/v2", "https://am/myapi/v2/api/v2/alerts"),
            ("https://am/api/v2/alerts", "https://am/api/v2/alerts"),
        ] {
            let receiver = Receiver::open(&format!("alertmanager={url}")).unwrap();
            assert_eq!(receiver.url.as_str(), expected);
        }
    }
}
