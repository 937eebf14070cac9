//! The content of a settings file.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use kubeknock::input;
use kubeknock::policy::Policy;
use kubeknock::targets::Expectation;
use toml::de::DeValue;

use super::search;
use super::source::SourceText;
use super::tables::TomlTable;

/// The tables of the file.
const TABLES: [&str; 5] = ["scan", "severity", "accept", "expect", "exporter"];
/// The largest file that is read.
const MAX_SIZE: u32 = 4 * 1024 * 1024;

/// The content of a settings file. Empty if there is no file.
#[derive(Debug, Default)]
pub(crate) struct SettingsFile {
    pub(crate) path: Option<PathBuf>,
    /// Severities and acceptances.
    pub(crate) policy: Policy,
    /// The verdicts that targets should get.
    pub(crate) expectations: Vec<Expectation>,
    /// Whether the exporter allows `module=deep`.
    pub(crate) exporter_deep: bool,
    /// Options of `kubeknock scan`.
    pub(super) scan: Vec<Setting>,
}

/// An option by its long name.
#[derive(Debug)]
pub(super) struct Setting {
    /// `kubeknock.toml:12:1`.
    pub(super) place: String,
    pub(super) key: String,
    pub(super) value: Value,
}

/// The value of an option.
#[derive(Debug)]
pub(super) enum Value {
    Bool(bool),
    Text(String),
    Number(i128),
    List(Vec<Value>),
    /// A date, a table or a fraction, which no option takes.
    Other,
}

impl From<&DeValue<'_>> for Value {
    fn from(value: &DeValue<'_>) -> Self {
        match value {
            DeValue::Boolean(set) => Self::Bool(*set),
            DeValue::String(text) => Self::Text(text.clone().into_owned()),
            DeValue::Integer(number) => i128::from_str_radix(number.as_str(), number.radix())
                .map_or(Self::Other, Self::Number),
            DeValue::Array(values) => Self::List(
                values
                    .iter()
                    .map(|value| Self::from(value.get_ref()))
                    .collect(),
            ),
            DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Table(_) => Self::Other,
        }
    }
}

impl SettingsFile {
    /// Reads the named file, or the nearest one from the working directory upward.
    pub(super) fn load(named: Option<&Path>) -> anyhow::Result<Self> {
        let (path, file) = match named {
            Some(path) => (path.to_owned(), File::open(path)),
            None => match search::nearest()? {
                Some((path, file)) => (path, Ok(file)),
                None => return Ok(Self::default()),
            },
        };
        let shown = path.display().to_string();
        let text = file.and_then(|file| input::text(file, MAX_SIZE));
        let text = text.with_context(|| format!("cannot read {shown}"))?;
        let file = Self::parse(&shown, &text)?;
        Ok(Self {
            path: Some(path),
            ..file
        })
    }

    pub(super) fn parse(name: &str, text: &str) -> anyhow::Result<Self> {
        let source = SourceText { name, text };
        let table = source.parse()?;
        let root = TomlTable::root(source, table.get_ref());
        root.allow_only(&TABLES)?;
        let mut file = Self::default();
        if let Some(scan) = root.table("scan")? {
            let setting = |(place, key, value): (String, &str, &DeValue<'_>)| Setting {
                place,
                key: key.to_owned(),
                value: value.into(),
            };
            file.scan.extend(scan.settings().map(setting));
        }
        if let Some(severities) = root.table("severity")? {
            file.policy.severities = severities.severities()?;
        }
        if let Some(exporter) = root.table("exporter")? {
            file.exporter_deep = exporter.exporter_deep()?;
        }
        for table in root.array("accept")? {
            file.policy.accept.push(table.accept()?);
        }
        for table in root.array("expect")? {
            file.expectations.push(table.expectation()?);
        }
        Ok(file)
    }

    /// The directory that relative paths in the file start from.
    pub(super) fn directory(&self) -> &Path {
        self.path
            .as_deref()
            .and_then(Path::parent)
            .unwrap_or(Path::new(""))
    }
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
unsupported-version = "note"

[[accept]]
rule = "anonymous-auth-enabled"
target = "*.lab.example.com"
reason = "a lab behind the VPN"
owner = "platform@example.com"
expires = 2027-01-31

[[accept]]
rule = ["serving-certificate-expired", "etcd-open"]
target = "10.4.0.0/16"
reason = "upgrade is planned"
owner = "platform@example.com"
expires = "2026-12-31"

[[expect]]
target = "*.prod.example.com"
verdict = "rejected"

[exporter]
deep = true
"#;

    #[test]
    fn every_table_is_read() {
        let file = SettingsFile::parse("kubeknock.toml", WHOLE).unwrap();
        assert_eq!(file.scan.len(), 3);
        let severities: Vec<_> = file
            .policy
            .severities
            .iter()
            .map(|(rule, severity)| (rule.id, *severity))
            .collect();
        assert_eq!(severities, [("unsupported-version", Severity::Note)]);
        let rules: Vec<String> = (file.policy.accept.iter())
            .map(|accept| format!("{} {}", accept.place, accept.rules))
            .collect();
        assert_eq!(
            rules,
            [
                "kubeknock.toml:10:1 anonymous-auth-enabled",
                "kubeknock.toml:17:1 serving-certificate-expired, etcd-open"
            ]
        );
        let expires: Vec<String> = file
            .policy
            .accept
            .iter()
            .map(|accept| accept.expires.to_string())
            .collect();
        assert_eq!(expires, ["2027-01-31", "2026-12-31"]);
        assert_eq!(file.expectations[0].verdict, Verdict::Rejected);
        assert!(file.exporter_deep);
        assert!(
            SettingsFile::parse("kubeknock.toml", "")
                .unwrap()
                .scan
                .is_empty()
        );
    }

    #[test]
    fn errors_have_a_place_and_a_suggestion() {
        for (from, to, said) in [
            (
                "[severity]",
                "[severities]",
                "kubeknock.toml:7:2: unknown key: expected scan, severity, accept, expect, exporter; did you mean severity?",
            ),
            (
                "reason = \"a lab",
                "reasons = \"a lab",
                "kubeknock.toml:13:1: [[accept]] 1: unknown key: expected rule, at-most, target, reason, owner, expires; did you mean reason?",
            ),
            (
                "unsupported-version =",
                "unsupported-versio =",
                "did you mean unsupported-version?",
            ),
            (
                "\"note\"",
                "\"notice\"",
                "kubeknock.toml:8:1: [severity]: unsupported-version: invalid severity: expected",
            ),
            (
                "\"anonymous-auth-enabled\"",
                "\"anonymous-auth\"",
                "kubeknock.toml:11:8: [[accept]] 1: unknown rule",
            ),
            (
                "unsupported-version =",
                "posture-deviation =",
                "kubeknock.toml:8:1: [severity]: posture-deviation is retired: what it said is \
                 anonymous-auth-unexpected or ",
            ),
            (
                "\"anonymous-auth-enabled\"",
                "\"health-endpoints-open\"",
                "kubeknock.toml:11:8: [[accept]] 1: health-endpoints-open is retired: what it said is a detail of ",
            ),
            (
                "\"anonymous-auth-enabled\"",
                "\"*\"",
                "kubeknock.toml:11:8: [[accept]] 1: rule = \"*\" needs at-most",
            ),
            (
                "\"anonymous-auth-enabled\"",
                "\"*\"\nat-most = \"severe\"",
                "kubeknock.toml:12:11: [[accept]] 1: at-most: invalid severity: expected",
            ),
            (
                "\"etcd-open\"]",
                "\"version-disclosed\"]",
                "kubeknock.toml:18:40: [[accept]] 2: version-disclosed is retired: what it said is a detail of the \
                 finding about anonymous access; in its place write anonymous-auth-enabled, ",
            ),
            ("\"etcd-open\"]", "7]", "[[accept]] 2: invalid rule"),
            (
                "[\"serving-certificate-expired\", \"etcd-open\"]",
                "[]",
                "[[accept]] 2: empty rule",
            ),
            (
                "expires = 2027-01-31",
                "",
                "kubeknock.toml:10:1: [[accept]] 1: missing expires",
            ),
            ("2027-01-31", "2027-02-31", "kubeknock.toml:15:11: "),
            (
                "\"2026-12-31\"",
                "\"soon\"",
                "[[accept]] 2: invalid expires: expected a date",
            ),
            (
                "owner = \"platform@example.com\"\nexpires = 2027",
                "owner = \"\"\nexpires = 2027",
                "empty owner",
            ),
            (
                "target = \"10.4.0.0/16\"",
                "target = 7",
                "[[accept]] 2: invalid target: expected text in quotes",
            ),
            (
                "\"rejected\"",
                "\"closed\"",
                "[[expect]] 1: verdict: invalid verdict: expected one of",
            ),
            (
                "[[expect]]",
                "[expect]",
                "invalid expect: expected [[expect]]",
            ),
            (
                "deep = true",
                "deep = \"yes\"",
                "[exporter]: invalid deep: expected true or false",
            ),
            (
                "deep = true",
                "depe = true",
                "[exporter]: unknown key: expected deep; did you mean deep?",
            ),
            ("[scan]", "[[scan]]", "invalid scan: expected [scan]"),
            ("[scan]", "[scan", "kubeknock.toml:2:6: "),
        ] {
            assert!(WHOLE.contains(from), "{from}");
            let error =
                SettingsFile::parse("kubeknock.toml", &WHOLE.replacen(from, to, 1)).unwrap_err();
            assert!(error.to_string().contains(said), "{from} → {to}: {error}");
        }
    }
}
