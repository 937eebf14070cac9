//! Reads the tables of a settings file strictly. Errors give the place but never the value: a file
//! given by mistake may contain secrets.

use anyhow::bail;
use jiff::civil::Date;
use kubeknock::model::{InvalidWord, Pattern, Rule, Severity};
use kubeknock::policy::{Accept, AcceptedRules, RULES, retired, rule};
use kubeknock::targets::Expectation;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::source::SourceText;
use crate::suggest::did_you_mean;

/// One table.
pub(super) struct TomlTable<'a> {
    source: SourceText<'a>,
    /// Line and column of its beginning.
    place: String,
    /// `[[accept]] 1: `; empty for the whole file.
    name: String,
    content: &'a DeTable<'a>,
}

impl<'a> TomlTable<'a> {
    /// The whole file.
    pub(super) fn root(source: SourceText<'a>, table: &'a DeTable<'a>) -> Self {
        Self {
            source,
            place: source.name.to_owned(),
            name: String::new(),
            content: table,
        }
    }

    /// All keys and values, with the place of each key.
    pub(super) fn settings(&self) -> impl Iterator<Item = (String, &'a str, &'a DeValue<'a>)> {
        let source = self.source;
        self.content
            .iter()
            .map(move |(key, value)| (source.place(&key.span()), &**key.get_ref(), value.get_ref()))
    }

    /// Fails if there is any other key.
    pub(super) fn allow_only(&self, known: &[&str]) -> anyhow::Result<()> {
        match self.settings().find(|(_, key, _)| !known.contains(key)) {
            None => Ok(()),
            Some((place, key, _)) => {
                let hint = did_you_mean(key, known.iter().copied());
                bail!(
                    "{place}: {}unknown key: expected {}{hint}",
                    self.name,
                    known.join(", ")
                )
            }
        }
    }

    /// The table with this key.
    pub(super) fn table(&self, key: &str) -> anyhow::Result<Option<Self>> {
        let Some(value) = self.content.get(key) else {
            return Ok(None);
        };
        match value.get_ref().as_table() {
            Some(table) => Ok(Some(self.within(format!("[{key}]: "), value, table))),
            None => bail!(
                "{}: invalid {key}: expected [{key}]",
                self.source.place(&value.span())
            ),
        }
    }

    /// The tables of the array with this key.
    pub(super) fn array(&self, key: &str) -> anyhow::Result<Vec<Self>> {
        let Some(value) = self.content.get(key) else {
            return Ok(Vec::new());
        };
        let invalid = || {
            anyhow::anyhow!(
                "{}: invalid {key}: expected [[{key}]]",
                self.source.place(&value.span())
            )
        };
        let array = value.get_ref().as_array().ok_or_else(invalid)?;
        let entry = |(index, value): (usize, &'a Spanned<DeValue<'a>>)| {
            let table = value.get_ref().as_table().ok_or_else(invalid)?;
            Ok(self.within(format!("[[{key}]] {}: ", index + 1), value, table))
        };
        array.iter().enumerate().map(entry).collect()
    }

    fn within(&self, name: String, value: &Spanned<DeValue<'a>>, table: &'a DeTable<'a>) -> Self {
        Self {
            source: self.source,
            place: self.source.place(&value.span()),
            name,
            content: table,
        }
    }

    /// `[severity]`: the severities of rules.
    pub(super) fn severities(&self) -> anyhow::Result<Vec<(&'static Rule, Severity)>> {
        let pair = |(place, id, value): (String, &str, &DeValue<'_>)| {
            let rule = self.known_rule(&place, id)?;
            let severity = value.as_str().unwrap_or_default().parse();
            let severity = severity.map_err(|error: InvalidWord| {
                let error = error.without_word();
                anyhow::anyhow!("{place}: {}{}: {error}", self.name, rule.id)
            })?;
            Ok((rule, severity))
        };
        self.settings().map(pair).collect()
    }

    /// `[[accept]]`.
    pub(super) fn accept(&self) -> anyhow::Result<Accept> {
        self.allow_only(&["rule", "at-most", "target", "reason", "owner", "expires"])?;
        let rules = self.accepted_rules()?;
        let at_most = self.at_most()?;
        if rules == AcceptedRules::All && at_most.is_none() {
            return Err(self.error(
                "rule",
                "rule = \"*\" needs at-most: the most severe findings that are accepted (critical, high, medium, \
                 low or note)",
            ));
        }
        Ok(Accept {
            rules,
            at_most,
            target: self.pattern()?,
            reason: self.text("reason")?.to_owned(),
            owner: self.text("owner")?.to_owned(),
            expires: self.date("expires")?,
            place: self.place.clone(),
        })
    }

    /// An id, a list of ids, or `*`.
    fn accepted_rules(&self) -> anyhow::Result<AcceptedRules> {
        let place = self.at("rule");
        let Some(list) = (self.content.get("rule")).and_then(|value| value.get_ref().as_array())
        else {
            return Ok(match self.text("rule")? {
                "*" => AcceptedRules::All,
                id => AcceptedRules::Named(vec![self.known_rule(&place, id)?]),
            });
        };
        let mut rules = Vec::new();
        for id in list {
            let Some(text) = id.get_ref().as_str() else {
                return Err(self.error("rule", "invalid rule: expected texts in quotes"));
            };
            rules.push(self.known_rule(&self.source.place(&id.span()), text)?);
        }
        if rules.is_empty() {
            return Err(self.error("rule", "empty rule"));
        }
        Ok(AcceptedRules::Named(rules))
    }

    fn at_most(&self) -> anyhow::Result<Option<Severity>> {
        if self.content.get("at-most").is_none() {
            return Ok(None);
        }
        let severity = self.text("at-most")?.parse();
        severity.map(Some).map_err(|error: InvalidWord| {
            self.error("at-most", &format!("at-most: {}", error.without_word()))
        })
    }

    /// `[exporter]`: whether `module=deep` is allowed.
    pub(super) fn exporter_deep(&self) -> anyhow::Result<bool> {
        self.allow_only(&["deep"])?;
        match self.content.get("deep").map(Spanned::get_ref) {
            None => Ok(false),
            Some(DeValue::Boolean(deep)) => Ok(*deep),
            Some(_) => Err(self.error("deep", "invalid deep: expected true or false")),
        }
    }

    /// `[[expect]]`.
    pub(super) fn expectation(&self) -> anyhow::Result<Expectation> {
        self.allow_only(&["target", "verdict"])?;
        let verdict = self.text("verdict")?.parse();
        let verdict = verdict.map_err(|error: InvalidWord| {
            self.error("verdict", &format!("verdict: {}", error.without_word()))
        })?;
        Ok(Expectation {
            target: self.pattern()?,
            verdict,
        })
    }

    fn known_rule(&self, place: &str, id: &str) -> anyhow::Result<&'static Rule> {
        if let Some(retired) = retired(id) {
            bail!("{place}: {}{retired}", self.name);
        }
        rule(id).ok_or_else(|| {
            let hint = did_you_mean(id, RULES.iter().map(|rule| rule.id));
            anyhow::anyhow!(
                "{place}: {}unknown rule; kubeknock rules lists all{hint}",
                self.name
            )
        })
    }

    fn pattern(&self) -> anyhow::Result<Pattern> {
        Pattern::new(self.text("target")?).ok_or_else(|| self.error("target", "empty target"))
    }

    fn text(&self, key: &str) -> anyhow::Result<&'a str> {
        let Some(value) = self.content.get(key) else {
            return Err(self.error(key, &format!("missing {key}")));
        };
        match value.get_ref().as_str() {
            Some(text) if text.trim().is_empty() => Err(self.error(key, &format!("empty {key}"))),
            Some(text) => Ok(text),
            None => Err(self.error(key, &format!("invalid {key}: expected text in quotes"))),
        }
    }

    /// A TOML date, or a date in quotes.
    fn date(&self, key: &str) -> anyhow::Result<Date> {
        let date = self
            .content
            .get(key)
            .and_then(|value| value.get_ref().as_datetime());
        let text = date.map_or_else(
            || self.text(key).map(str::to_owned),
            |date| Ok(date.to_string()),
        )?;
        text.parse().map_err(|_| {
            self.error(
                key,
                &format!("invalid {key}: expected a date such as 2027-01-31"),
            )
        })
    }

    /// An error in the value of this key.
    fn error(&self, key: &str, problem: &str) -> anyhow::Error {
        anyhow::anyhow!("{}: {}{problem}", self.at(key), self.name)
    }

    /// The place of a key's value, or of the table if the key is missing.
    fn at(&self, key: &str) -> String {
        self.content.get(key).map_or_else(
            || self.place.clone(),
            |value| self.source.place(&value.span()),
        )
    }
}
