//! Policies of one's own, in Rego, as conftest and `opa eval` read them: package `main`, with the rules `deny`,
//! `violation` and `warn`, also as `deny_NAME`. regorus evaluates them in this process.
//!
//! A result is a text, or an object with `msg`. Its `target` says which target of the report it is about. The input is
//! the `json` report, so a policy sees what `conftest test report.json` shows it, and needs as much memory as that
//! report.

use std::num::NonZeroU32;
use std::time::Duration;

use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, Value};

/// The time for one evaluation. A policy that needs longer hardly ends at all.
const TIME_LIMIT: Duration = Duration::from_mins(1);
/// Units of work between two looks at the clock.
const CLOCK_INTERVAL: NonZeroU32 = NonZeroU32::new(10_000).unwrap();

/// Loaded policies and their data.
#[derive(Debug, Clone)]
pub struct RegoPolicies {
    engine: Engine,
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

/// A policy cannot be loaded or evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct RegoError {
    /// The file; with line and column if they are known: `prohibit.rego:11:5`.
    pub place: String,
    /// What is wrong.
    pub problem: String,
}

impl RegoPolicies {
    /// Loads policies and data: pairs of a file name and its content. Names that end in `.json`, `.yaml` or `.yml` are
    /// data, all others are policies.
    ///
    /// # Errors
    /// A policy or data cannot be parsed, two data files contradict each other, or no policy has a rule `deny`,
    /// `violation` or `warn` in package `main`.
    pub fn load(files: impl IntoIterator<Item = (String, String)>) -> Result<Self, RegoError> {
        let mut engine = Engine::new();
        engine.set_strict_builtin_errors(false);
        engine.set_execution_timer_config(ExecutionTimerConfig {
            limit: TIME_LIMIT,
            check_interval: CLOCK_INTERVAL,
        });
        let mut last = String::new();
        for (name, text) in files {
            let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
            let data = match extension {
                "json" => Some(Value::from_json_str(&text)),
                "yaml" | "yml" => Some(Value::from_yaml_str(&text)),
                _ => None,
            };
            let loaded = match data {
                // The parser's error repeats the text, which may hold a secret.
                Some(data) => data
                    .map_err(|_| RegoError::of(&name, format!("invalid {extension}")))
                    .and_then(|data| {
                        let added = engine.add_data(data);
                        added.map_err(|error| RegoError::parse(&name, &error.to_string()))
                    }),
                None => engine
                    .add_policy(name.clone(), text)
                    .map(drop)
                    .map_err(|error| RegoError::parse(&name, &error.to_string())),
            };
            loaded?;
            last = name;
        }
        let mut policies = Self { engine };
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

    /// Evaluates the policies on a `json` report.
    ///
    /// # Errors
    /// A rule fails, takes too long, or gives a result that is neither a text nor an object with `msg`.
    pub fn evaluate(&self, report: &str) -> Result<Vec<RegoResult>, RegoError> {
        let input = Value::from_json_str(report)
            .map_err(|error| RegoError::of("report", error.to_string()))?;
        let mut results = Vec::new();
        for (name, value) in self.clone().main(input)? {
            if let Some(judgement) = judgement(&name) {
                for item in items(&value) {
                    results.push(result(&name, judgement, item)?);
                }
            }
        }
        results.sort();
        results.dedup();
        Ok(results)
    }

    /// The rules of package `main` with their values.
    fn main(&mut self, input: Value) -> Result<Vec<(String, Value)>, RegoError> {
        self.engine.set_input(input);
        let main = self
            .engine
            .eval_query("data.main".to_owned(), false)
            .map_err(|error| RegoError::parse("policy", &error.to_string()))?;
        let value = main.result.into_iter().next();
        let value = value.and_then(|result| result.expressions.into_iter().next());
        let Some(value) = value else {
            return Ok(Vec::new());
        };
        let Ok(rules) = value.value.as_object() else {
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

fn result(rule: &str, judgement: RegoJudgement, value: &Value) -> Result<RegoResult, RegoError> {
    let text = |value: &Value| value.as_string().ok().map(ToString::to_string);
    let (message, target) = match value {
        Value::Object(_) => (text(&value["msg"]), text(&value["target"])),
        value => (text(value), None),
    };
    let message = message.ok_or_else(|| {
        RegoError::of(
            &format!("package main, rule {rule}"),
            "a result is neither a text nor an object with the text msg".to_owned(),
        )
    })?;
    Ok(RegoResult {
        judgement,
        target,
        message,
    })
}

impl RegoError {
    fn of(place: &str, problem: String) -> Self {
        Self {
            place: place.to_owned(),
            problem,
        }
    }

    /// Reads an error of regorus: `--> FILE:LINE:COLUMN`, an excerpt of the file, then `error: PROBLEM`.
    fn parse(fallback: &str, text: &str) -> Self {
        let mut lines = text.lines().map(str::trim);
        let place = lines.find_map(|line| line.strip_prefix("--> "));
        let problem = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("error: "));
        Self {
            place: place.unwrap_or(fallback).to_owned(),
            problem: problem.unwrap_or_else(|| text.trim()).to_owned(),
        }
    }

    /// The same error; if it has no place of its own, in this file.
    fn or_in(self, file: String) -> Self {
        match self.place.as_str() {
            "policy" => Self {
                place: file,
                ..self
            },
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(files: &[(&str, &str)]) -> Result<RegoPolicies, RegoError> {
        RegoPolicies::load(
            files
                .iter()
                .map(|(name, text)| ((*name).to_owned(), (*text).to_owned())),
        )
    }

    fn error(files: &[(&str, &str)]) -> String {
        load(files).unwrap_err().to_string()
    }

    #[test]
    fn results_are_texts_or_objects_of_every_judging_rule() {
        let policies = load(&[(
            "p.rego",
            r#"package main
deny contains "a"
deny_more contains {"msg": "b", "target": "t"} if input.bad
violation contains {"msg": "c"}
warn contains "d"
other contains "e"
denying contains "f""#,
        )])
        .unwrap();
        let deny = RegoJudgement::Deny;
        let result = |judgement, target: Option<&str>, message: &str| RegoResult {
            judgement,
            target: target.map(str::to_owned),
            message: message.to_owned(),
        };
        let without_target = [
            result(deny, None, "a"),
            result(deny, None, "c"),
            result(RegoJudgement::Warn, None, "d"),
        ];
        assert_eq!(policies.evaluate("{}").unwrap(), without_target);
        let all = policies.evaluate(r#"{"bad": true}"#).unwrap();
        assert!(all.contains(&result(deny, Some("t"), "b")), "{all:?}");
        assert_eq!(all.len(), 4);
    }

    #[test]
    fn errors_name_file_line_and_column() {
        assert_eq!(
            error(&[(
                "a.rego",
                "package main\ndeny contains x if { x := nosuch(1) }\n"
            )]),
            "a.rego:2:33: could not find function nosuch"
        );
        assert_eq!(
            error(&[
                ("ok.rego", "package main\ndeny contains 1"),
                ("b.rego", "package main\ndeny contains x if {\n")
            ]),
            "b.rego:3:1: expecting expression"
        );
        assert_eq!(
            error(&[("c.rego", "package mine\ndeny contains 1")]),
            "c.rego: package main has no rule deny, violation or warn"
        );
        assert_eq!(
            error(&[("d.json", "{\"token\": hunter2}")]),
            "d.json: invalid json"
        );
        assert_eq!(error(&[("e.yaml", "a: [hunter2")]), "e.yaml: invalid yaml");
    }

    #[test]
    fn a_result_without_a_text_is_an_error() {
        let policies = load(&[("p.rego", "package main\ndeny contains input.what")]).unwrap();
        let error = policies.evaluate(r#"{"what": 5}"#).unwrap_err();
        assert_eq!(
            error.to_string(),
            "package main, rule deny: a result is neither a text nor an object with the text msg"
        );
    }

    #[test]
    fn data_files_are_data() {
        let policies = load(&[
            (
                "p.rego",
                "package main\ndeny contains name if some name in data.names",
            ),
            ("a.yaml", "names: [x, y]"),
        ])
        .unwrap();
        assert_eq!(policies.evaluate("{}").unwrap().len(), 2);
    }

    #[test]
    fn a_failing_built_in_function_is_undefined_as_in_opa() {
        let policies = load(&[(
            "p.rego",
            "package main\ndeny contains \"no\" if to_number(input.text) > 0\nwarn contains \"yes\"",
        )])
        .unwrap();
        let results = policies.evaluate(r#"{"text": "x"}"#).unwrap();
        assert_eq!(results.len(), 1, "{results:?}");
    }
}
