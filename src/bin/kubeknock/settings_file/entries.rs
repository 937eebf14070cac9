//! The tables of the settings file, read strictly: every error names its place, and no value. A file
//! that is no settings file may be one of secrets.

use anyhow::bail;
use jiff::civil::Date;
use kubeknock::model::{Pattern, Rule, Severity};
use kubeknock::policy::{Accept, RULES, rule};
use kubeknock::targets::Expectation;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::source::Source;
use crate::suggest::did_you_mean;

/// One table, and where it stands.
#[derive(Clone)]
pub(super) struct Entry<'a> {
    source: Source<'a>,
    /// Where it begins.
    place: String,
    /// `[[accept]] 1: `; nothing for the file as a whole.
    name: String,
    table: &'a DeTable<'a>,
}

impl<'a> Entry<'a> {
    /// The file as a whole.
    pub(super) fn root(source: Source<'a>, table: &'a DeTable<'a>) -> Self {
        Self {
            source,
            place: source.name.to_owned(),
            name: String::new(),
            table,
        }
    }

    /// Keys and values, with the place of each key.
    pub(super) fn settings(&self) -> impl Iterator<Item = (String, &'a str, &'a DeValue<'a>)> {
        let source = self.source;
        self.table
            .iter()
            .map(move |(key, value)| (source.place(&key.span()), &**key.get_ref(), value.get_ref()))
    }

    /// Refuses every other key.
    pub(super) fn only(&self, known: &[&str]) -> anyhow::Result<()> {
        match self.settings().find(|(_, key, _)| !known.contains(key)) {
            None => Ok(()),
            Some((place, key, _)) => {
                let hint = did_you_mean(key, known.iter().copied());
                bail!(
                    "{place}: {}unknown key; known are {}{hint}",
                    self.name,
                    known.join(", ")
                )
            }
        }
    }

    /// A table within.
    pub(super) fn table(&self, key: &str) -> anyhow::Result<Option<Self>> {
        let Some(value) = self.table.get(key) else {
            return Ok(None);
        };
        match value.get_ref().as_table() {
            Some(table) => Ok(Some(self.within(format!("[{key}]: "), value, table))),
            None => bail!(
                "{}: {key} must be written [{key}]",
                self.source.place(&value.span())
            ),
        }
    }

    /// The tables of an array of tables.
    pub(super) fn array(&self, key: &str) -> anyhow::Result<Vec<Self>> {
        let Some(value) = self.table.get(key) else {
            return Ok(Vec::new());
        };
        let wrong = || {
            anyhow::anyhow!(
                "{}: {key} must be written [[{key}]]",
                self.source.place(&value.span())
            )
        };
        let array = value.get_ref().as_array().ok_or_else(wrong)?;
        let entry = |(index, value): (usize, &'a Spanned<DeValue<'a>>)| {
            let table = value.get_ref().as_table().ok_or_else(wrong)?;
            Ok(self.within(format!("[[{key}]] {}: ", index + 1), value, table))
        };
        array.iter().enumerate().map(entry).collect()
    }

    fn within(&self, name: String, value: &Spanned<DeValue<'a>>, table: &'a DeTable<'a>) -> Self {
        Self {
            source: self.source,
            place: self.source.place(&value.span()),
            name,
            table,
        }
    }

    /// `[severity]`: rules with their severities.
    pub(super) fn severities(&self) -> anyhow::Result<Vec<(&'static Rule, Severity)>> {
        let pair = |(place, id, value): (String, &str, &DeValue<'_>)| {
            let rule = self.known_rule(&place, id)?;
            let word = value.as_str().unwrap_or_default();
            let severity = word
                .parse()
                .map_err(|error| anyhow::anyhow!("{place}: {}{}: {error}", self.name, rule.id))?;
            Ok((rule, severity))
        };
        self.settings().map(pair).collect()
    }

    /// `[[accept]]`.
    pub(super) fn accept(&self) -> anyhow::Result<Accept> {
        self.only(&["rule", "target", "reason", "owner", "expires"])?;
        Ok(Accept {
            rule: self.known_rule(&self.at("rule"), self.text("rule")?)?,
            target: self.pattern()?,
            reason: self.text("reason")?.to_owned(),
            owner: self.text("owner")?.to_owned(),
            expires: self.day("expires")?,
        })
    }

    /// `[[expect]]`.
    pub(super) fn expectation(&self) -> anyhow::Result<Expectation> {
        self.only(&["target", "verdict"])?;
        let verdict = self.text("verdict")?.parse();
        let verdict =
            verdict.map_err(|error| self.wrong("verdict", &format!("verdict: {error}")))?;
        Ok(Expectation {
            target: self.pattern()?,
            verdict,
        })
    }

    fn known_rule(&self, place: &str, id: &str) -> anyhow::Result<&'static Rule> {
        rule(id).ok_or_else(|| {
            let hint = did_you_mean(id, RULES.iter().map(|rule| rule.id));
            anyhow::anyhow!(
                "{place}: {}there is no such rule; kubeknock rules lists them{hint}",
                self.name
            )
        })
    }

    fn pattern(&self) -> anyhow::Result<Pattern> {
        Pattern::new(self.text("target")?).ok_or_else(|| self.wrong("target", "target is empty"))
    }

    fn text(&self, key: &str) -> anyhow::Result<&'a str> {
        let Some(value) = self.table.get(key) else {
            return Err(self.wrong(key, &format!("{key} is missing")));
        };
        match value.get_ref().as_str() {
            Some(text) if text.trim().is_empty() => {
                Err(self.wrong(key, &format!("{key} is empty")))
            }
            Some(text) => Ok(text),
            None => Err(self.wrong(key, &format!("{key} must be text in quotes"))),
        }
    }

    /// A TOML date, or one in quotes.
    fn day(&self, key: &str) -> anyhow::Result<Date> {
        let date = self
            .table
            .get(key)
            .and_then(|value| value.get_ref().as_datetime());
        let text = date.map_or_else(
            || self.text(key).map(str::to_owned),
            |date| Ok(date.to_string()),
        )?;
        text.parse()
            .map_err(|_| self.wrong(key, &format!("{key} is no day; write it as 2027-01-31")))
    }

    /// What is wrong with a value.
    fn wrong(&self, key: &str, problem: &str) -> anyhow::Error {
        anyhow::anyhow!("{}: {}{problem}", self.at(key), self.name)
    }

    /// Where a key's value stands; the table, where it is missing.
    fn at(&self, key: &str) -> String {
        self.table.get(key).map_or_else(
            || self.place.clone(),
            |value| self.source.place(&value.span()),
        )
    }
}
