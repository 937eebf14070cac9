//! The tables of the settings file, read strictly: every error names its place.

use anyhow::bail;
use jiff::civil::Date;
use kubeknock::model::{Pattern, Rule, Severity};
use kubeknock::policy::{Accept, RULES, rule};
use kubeknock::targets::Expectation;
use toml::{Table, Value};

use crate::suggest::did_you_mean;

/// One table, and where it stands.
pub(super) struct Entry<'a> {
    place: String,
    table: &'a Table,
}

impl<'a> Entry<'a> {
    pub(super) const fn new(place: String, table: &'a Table) -> Self {
        Self { place, table }
    }

    pub(super) fn into_table(self) -> Table {
        self.table.clone()
    }

    /// Refuses every other key.
    pub(super) fn only(&self, known: &[&str]) -> anyhow::Result<()> {
        match self.table.keys().find(|key| !known.contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => {
                let hint = did_you_mean(key, known.iter().copied());
                bail!("{}: unknown key {key:?}; known are {}{hint}", self.place, known.join(", "))
            }
        }
    }

    /// A table within.
    pub(super) fn table(&self, key: &str) -> anyhow::Result<Option<Entry<'a>>> {
        match self.table.get(key) {
            None => Ok(None),
            Some(Value::Table(table)) => Ok(Some(Entry { place: format!("{}: [{key}]", self.place), table })),
            Some(_) => bail!("{}: {key} must be written [{key}]", self.place),
        }
    }

    /// The tables of an array of tables.
    pub(super) fn array(&self, key: &str) -> anyhow::Result<Vec<Entry<'a>>> {
        let wrong = || anyhow::anyhow!("{}: {key} must be written [[{key}]]", self.place);
        let Some(value) = self.table.get(key) else { return Ok(Vec::new()) };
        let array = value.as_array().ok_or_else(wrong)?;
        let entry = |(index, value): (usize, &'a Value)| {
            let place = format!("{}: [[{key}]] {}", self.place, index + 1);
            Ok(Entry { place, table: value.as_table().ok_or_else(wrong)? })
        };
        array.iter().enumerate().map(entry).collect()
    }

    /// `[severity]`: rules with their severities.
    pub(super) fn severities(&self) -> anyhow::Result<Vec<(&'static Rule, Severity)>> {
        let pair = |(id, value): (&String, &Value)| {
            let rule = self.known_rule(id)?;
            let word = value.as_str().unwrap_or_default();
            let severity = word.parse().map_err(|error| anyhow::anyhow!("{} {id}: {error}", self.place))?;
            Ok((rule, severity))
        };
        self.table.iter().map(pair).collect()
    }

    /// `[[accept]]`.
    pub(super) fn accept(&self) -> anyhow::Result<Accept> {
        self.only(&["rule", "target", "reason", "owner", "expires"])?;
        Ok(Accept {
            rule: self.known_rule(self.text("rule")?)?,
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
        let verdict = verdict.map_err(|error| anyhow::anyhow!("{}: {error}", self.place))?;
        Ok(Expectation { target: self.pattern()?, verdict })
    }

    fn known_rule(&self, id: &str) -> anyhow::Result<&'static Rule> {
        rule(id).ok_or_else(|| {
            let hint = did_you_mean(id, RULES.iter().map(|rule| rule.id));
            anyhow::anyhow!("{}: {id:?} is no rule; kubeknock rules lists them{hint}", self.place)
        })
    }

    fn pattern(&self) -> anyhow::Result<Pattern> {
        let text = self.text("target")?;
        Pattern::new(text).ok_or_else(|| anyhow::anyhow!("{}: target is empty", self.place))
    }

    fn text(&self, key: &str) -> anyhow::Result<&'a str> {
        match self.table.get(key) {
            None => bail!("{}: {key} is missing", self.place),
            Some(Value::String(text)) if text.trim().is_empty() => bail!("{}: {key} is empty", self.place),
            Some(Value::String(text)) => Ok(text),
            Some(_) => bail!("{}: {key} must be text in quotes", self.place),
        }
    }

    /// A TOML date, or one in quotes.
    fn day(&self, key: &str) -> anyhow::Result<Date> {
        let text = match self.table.get(key) {
            Some(Value::Datetime(date)) => date.to_string(),
            _ => self.text(key)?.to_owned(),
        };
        text.parse()
            .map_err(|_| anyhow::anyhow!("{}: {key}: {text:?} is no day; write it as 2027-01-31", self.place))
    }
}
