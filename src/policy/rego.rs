//! Policies of one's own, in Rego, as conftest and `opa eval` read them: package `main`, with the rules `deny`,
//! `violation` and `warn`, also as `deny_NAME`. regorus evaluates them in this process.
//!
//! As in conftest, a rule `exception` says which of these rules do not count: by what follows `deny_`.
//!
//! A result is a text, or an object with `msg`. Its `target` says which target of the report it is about. The input is
//! the `json` report, so a policy sees what `conftest test report.json` shows it, and needs as much memory as that
//! report.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, Value};

use super::rego_error::RegoError;
use super::{rego_data, rego_references, rego_safety};

/// The time for one evaluation. A policy that needs longer hardly ends at all.
const TIME_LIMIT: Duration = Duration::from_mins(1);
/// Units of work between two looks at the clock.
const CLOCK_INTERVAL: NonZeroU32 = NonZeroU32::new(10_000).unwrap();

/// Loaded policies and their data.
#[derive(Debug, Clone)]
pub struct RegoPolicies {
    engine: Engine,
    /// Where the files define the rules that judge.
    definitions: Vec<Definition>,
}

/// A rule that judges.
#[derive(Debug, Clone)]
struct Definition {
    rule: String,
    /// `prohibit.rego:11:1`.
    place: String,
}

/// How a policy judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RegoJudgement {
    /// A `deny` or `violation` rule.
    Deny,
    /// A `warn` rule.
    Warn,
}

/// One result of a policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RegoResult {
    /// The kind of rule.
    pub judgement: RegoJudgement,
    /// The `target` of an endpoint in the report; `None` if the result is about the report as a whole.
    pub target: Option<String>,
    /// Its text; may have text from the network.
    pub message: String,
}

impl RegoPolicies {
    /// Loads policies and data: pairs of a file name and its content. Names that end in `.json`, `.yaml` or `.yml` are
    /// data, all others are policies.
    ///
    /// # Errors
    /// A policy or data cannot be parsed, two data files contradict each other, a variable gets no value, nothing defines
    /// what is imported, or no policy has a rule `deny`, `violation` or `warn` in package `main`.
    pub fn load(files: impl IntoIterator<Item = (String, String)>) -> Result<Self, RegoError> {
        let mut engine = Engine::new();
        engine.set_strict_builtin_errors(false);
        engine.set_execution_timer_config(ExecutionTimerConfig {
            limit: TIME_LIMIT,
            check_interval: CLOCK_INTERVAL,
        });
        let (mut last, mut definitions) = (String::new(), Vec::new());
        for (name, text) in files {
            if let Some(data) = rego_data::data(&name, &text) {
                let data = data.map_err(|(line, column, problem)| {
                    RegoError::of(&format!("{name}:{line}:{column}"), problem)
                })?;
                // The engine's error repeats both values, which may be secrets.
                engine.add_data(data).map_err(|_| {
                    let problem = "another file has another value for one of its keys";
                    RegoError::of(&name, problem.to_owned())
                })?;
            } else {
                definitions.extend(Definition::all(&name, &text));
                let added = engine.add_policy(name.clone(), text);
                added.map_err(|error| RegoError::parse(&name, &error.to_string()))?;
            }
            last = name;
        }
        let data = engine.get_data();
        let modules = engine.get_modules();
        rego_references::check(modules, &data)?;
        rego_safety::check(modules)?;
        let mut policies = Self {
            engine,
            definitions,
        };
        // Every mistake that shows without input is found before a scan begins.
        let rules = policies.main(Value::new_object()).map_err(|error| {
            let fallback = last.clone();
            error.or_in(fallback)
        })?;
        let judges = |name: &str| judgement(name).is_some();
        if rules.iter().any(|(name, _)| judges(name)) {
            Ok(policies)
        } else {
            Err(RegoError::of(
                &last,
                "package main has no rule deny, violation or warn".to_owned(),
            ))
        }
    }

    /// Whether a file has Kubernetes objects. Such files lie beside policies, and are no data for them.
    pub fn is_manifest(name: &str, text: &str) -> bool {
        rego_data::is_manifest(name, text)
    }

    /// Evaluates the policies on a `json` report.
    ///
    /// # Errors
    /// A rule fails, takes too long, or gives a result that is neither a text nor an object with `msg`.
    pub fn evaluate(&self, report: &str) -> Result<Vec<RegoResult>, RegoError> {
        let input = Value::from_json_str(report)
            .map_err(|error| RegoError::of("report", error.to_string()))?;
        let mut results = Vec::new();
        let rules = self.clone().main(input)?;
        let excepted = rules.iter().find(|(name, _)| name == "exception");
        let excepted = excepted.map(|(_, value)| excepted_names(value));
        let is_excepted = |rule: &str| {
            let name = rule.split_once('_').map_or("", |(_, name)| name);
            excepted.as_ref().is_some_and(|names| names.contains(name))
        };
        for (name, value) in &rules {
            if let Some(judgement) = judgement(name).filter(|_| !is_excepted(name)) {
                for item in items(value) {
                    let result = result(judgement, item);
                    results.push(result.ok_or_else(|| self.without_text(name))?);
                }
            }
        }
        results.sort();
        results.dedup();
        Ok(results)
    }

    /// The error for a result of this rule that has no text.
    fn without_text(&self, rule: &str) -> RegoError {
        let definitions = self.definitions.iter();
        let mut places = definitions
            .filter(|definition| definition.rule == rule)
            .map(|definition| definition.place.as_str());
        let first = places.next().unwrap_or("package main");
        let others: Vec<&str> = places.collect();
        let others = if others.is_empty() {
            String::new()
        } else {
            format!("; the rule is also at {}", others.join(", "))
        };
        RegoError::of(
            first,
            format!(
                "a result of rule {rule} is neither a text nor an object with the text msg{others}"
            ),
        )
    }

    /// The rules of package `main` with their values.
    fn main(&mut self, input: Value) -> Result<Vec<(String, Value)>, RegoError> {
        self.engine.set_input(input);
        // Not the query `data.main`: for it, regorus 0.14.1 leaves out what the second of two files has to say about a set
        // of another package.
        let data = self
            .engine
            .eval_query("data".to_owned(), false)
            .map_err(|error| RegoError::parse("policy", &error.to_string()))?;
        let value = data.result.into_iter().next();
        let value = value.and_then(|result| result.expressions.into_iter().next());
        let Some(data) = value.map(|expression| expression.value) else {
            return Ok(Vec::new());
        };
        let Ok(rules) = data["main"].as_object() else {
            return Ok(Vec::new());
        };
        let named = rules.iter().filter_map(|(name, value)| {
            let name = name.as_string().ok()?;
            Some((name.to_string(), value.clone()))
        });
        Ok(named.collect())
    }
}

/// How a rule of this name judges: `deny`, `deny_public`; `None` for other rules.
fn judgement(rule: &str) -> Option<RegoJudgement> {
    let kind = rule.split_once('_').map_or(rule, |(kind, _)| kind);
    match kind {
        "deny" | "violation" => Some(RegoJudgement::Deny),
        "warn" => Some(RegoJudgement::Warn),
        _ => None,
    }
}

/// The elements of a set or an array; nothing for a rule without a value.
fn items(value: &Value) -> Vec<&Value> {
    match value {
        Value::Set(items) => items.iter().collect(),
        Value::Array(items) => items.iter().collect(),
        Value::Undefined => Vec::new(),
        value => vec![value],
    }
}

/// The names that conftest's query `exception[_][_]` gives.
fn excepted_names(value: &Value) -> BTreeSet<String> {
    let within = |value: &Value| -> Vec<Value> {
        match value {
            Value::Set(items) => items.iter().cloned().collect(),
            Value::Array(items) => items.iter().cloned().collect(),
            Value::Object(fields) => fields.values().cloned().collect(),
            _ => Vec::new(),
        }
    };
    let names = within(value).into_iter().flat_map(|names| within(&names));
    let text = |name: Value| name.as_string().ok().map(ToString::to_string);
    names.filter_map(text).collect()
}

/// `None` if the value is neither a text nor an object with the text `msg`.
fn result(judgement: RegoJudgement, value: &Value) -> Option<RegoResult> {
    let text = |value: &Value| value.as_string().ok().map(ToString::to_string);
    let (message, target) = match value {
        Value::Object(_) => (text(&value["msg"]), text(&value["target"])),
        value => (text(value), None),
    };
    Some(RegoResult {
        judgement,
        target,
        message: message?,
    })
}

impl Definition {
    /// The rules that judge in a file of package `main`. The head of a rule begins its line.
    fn all(file: &str, text: &str) -> Vec<Self> {
        let is_main = |line: &str| line.split_whitespace().take(2).eq(["package", "main"]);
        if !text.lines().any(is_main) {
            return Vec::new();
        }
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let rules = (1..).zip(text.lines()).filter_map(|(number, line)| {
            let end = line.find(|c| !is_part(c)).unwrap_or(line.len());
            let rule = &line[..end];
            judgement(rule).map(|_| Self {
                rule: rule.to_owned(),
                place: format!("{file}:{number}:1"),
            })
        });
        rules.collect()
    }
}

#[cfg(test)]
mod tests;
