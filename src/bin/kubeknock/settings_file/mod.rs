//! `kubeknock.toml`: what a team decided once. The command line beats it.
//!
//! `over` lays its `[scan]` table under the command line; this page finds and reads the file.

mod entries;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzed;
mod over;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use kubeknock::policy::Policy;
use kubeknock::targets::Expectation;

use entries::Entry;
pub(crate) use over::arguments;

/// The file's name, looked for from the working directory upward.
const NAME: &str = "kubeknock.toml";
/// Its tables.
const TABLES: [&str; 4] = ["scan", "severity", "accept", "expect"];
/// The most that is read of it.
const MAX_SIZE: u64 = 4 * 1024 * 1024;

/// What the file says; nothing where there is none.
#[derive(Debug, Default)]
pub(crate) struct SettingsFile {
    /// Where it is, as it is shown.
    pub(crate) path: Option<PathBuf>,
    /// Severities and acceptances.
    pub(crate) policy: Policy,
    /// What must come out at which targets.
    pub(crate) expectations: Vec<Expectation>,
    /// Options of `kubeknock scan` by their long names.
    scan: toml::Table,
}

impl SettingsFile {
    /// The file that is named, or the nearest one from the working directory upward.
    fn load(named: Option<&Path>) -> anyhow::Result<Self> {
        let path = match named {
            Some(path) => path.to_owned(),
            None => match nearest() {
                Some(path) => path,
                None => return Ok(Self::default()),
            },
        };
        let shown = path.display().to_string();
        let size = fs::metadata(&path).with_context(|| format!("cannot read {shown}"))?.len();
        if size > MAX_SIZE {
            bail!("{shown}: {size} bytes are more than a settings file has");
        }
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {shown}"))?;
        let file = Self::parse(&shown, &text)?;
        Ok(Self { path: Some(path), ..file })
    }

    fn parse(name: &str, text: &str) -> anyhow::Result<Self> {
        let table: toml::Table = text.parse().map_err(|error| anyhow::anyhow!("{name}: {error}"))?;
        let root = Entry::new(name.to_owned(), &table);
        root.only(&TABLES)?;
        let mut file = Self::default();
        if let Some(scan) = root.table("scan")? {
            file.scan = scan.into_table();
        }
        if let Some(severities) = root.table("severity")? {
            file.policy.severities = severities.severities()?;
        }
        for entry in root.array("accept")? {
            file.policy.accept.push(entry.accept()?);
        }
        for entry in root.array("expect")? {
            file.expectations.push(entry.expectation()?);
        }
        Ok(file)
    }

    /// The folder that the file's paths start from.
    fn folder(&self) -> &Path {
        self.path.as_deref().and_then(Path::parent).unwrap_or(Path::new(""))
    }
}

/// The nearest file from the working directory upward. Stops at the root of a repository: what
/// lies above it is somebody else's.
fn nearest() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    // Relative, so that paths in reports do not begin with this machine's folders.
    let mut up = PathBuf::new();
    for folder in here.ancestors() {
        if folder.join(NAME).is_file() {
            return Some(up.join(NAME));
        }
        if folder.join(".git").exists() {
            return None;
        }
        up.push("..");
    }
    None
}

#[cfg(test)]
mod tests {
    use kubeknock::model::{Severity, Verdict};

    use super::*;

    const WHOLE: &str = r#"
[scan]
rate = 100
http2 = true
path = ["/metrics", "/api/v1/secrets"]

[severity]
version-disclosed = "note"

[[accept]]
rule = "anonymous-auth-enabled"
target = "*.lab.example.com"
reason = "a lab behind the VPN"
owner = "platform@example.com"
expires = 2027-01-31

[[accept]]
rule = "unsupported-version"
target = "10.4.0.0/16"
reason = "upgrade is planned"
owner = "platform@example.com"
expires = "2026-12-31"

[[expect]]
target = "*.prod.example.com"
verdict = "rejected"
"#;

    #[test]
    fn everything_that_it_can_say() {
        let file = SettingsFile::parse("kubeknock.toml", WHOLE).unwrap();
        assert_eq!(file.scan.len(), 3);
        let severities: Vec<_> =
            file.policy.severities.iter().map(|(rule, severity)| (rule.id, *severity)).collect();
        assert_eq!(severities, [("version-disclosed", Severity::Note)]);
        let expires: Vec<String> =
            file.policy.accept.iter().map(|accept| accept.expires.to_string()).collect();
        assert_eq!(expires, ["2027-01-31", "2026-12-31"]);
        assert_eq!(file.expectations[0].verdict, Verdict::Rejected);
        assert!(SettingsFile::parse("kubeknock.toml", "").unwrap().scan.is_empty());
    }

    #[test]
    fn errors_say_where_and_suggest() {
        for (from, to, said) in [
            (
                "[severity]",
                "[severities]",
                "kubeknock.toml: unknown key \"severities\"; known are scan, severity, accept, expect; did you mean severity?",
            ),
            (
                "reason = \"a lab",
                "reasons = \"a lab",
                "[[accept]] 1: unknown key \"reasons\"; known are rule, target, reason, owner, expires; did you mean reason?",
            ),
            ("version-disclosed =", "version-disclose =", "did you mean version-disclosed?"),
            ("\"note\"", "\"notice\"", "[severity] version-disclosed: \"notice\" is no severity"),
            (
                "\"anonymous-auth-enabled\"",
                "\"anonymous-auth\"",
                "[[accept]] 1: \"anonymous-auth\" is no rule",
            ),
            ("expires = 2027-01-31", "", "[[accept]] 1: expires is missing"),
            ("2027-01-31", "2027-02-31", "kubeknock.toml: "),
            ("\"2026-12-31\"", "\"soon\"", "[[accept]] 2: expires: \"soon\" is no day"),
            (
                "owner = \"platform@example.com\"\nexpires = 2027",
                "owner = \"\"\nexpires = 2027",
                "owner is empty",
            ),
            ("target = \"10.4.0.0/16\"", "target = 7", "[[accept]] 2: target must be text"),
            ("\"rejected\"", "\"closed\"", "[[expect]] 1: \"closed\" is no verdict"),
            ("[[expect]]", "[expect]", "expect must be written [[expect]]"),
            ("[scan]", "[[scan]]", "scan must be written [scan]"),
            ("[scan]", "[scan", "kubeknock.toml: "),
        ] {
            assert!(WHOLE.contains(from), "{from}");
            let error = SettingsFile::parse("kubeknock.toml", &WHOLE.replacen(from, to, 1)).unwrap_err();
            assert!(error.to_string().contains(said), "{from} → {to}: {error}");
        }
    }
}
