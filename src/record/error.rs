//! What is wrong with a saved report, and where.

use std::io;

use serde_json::error::Category;

use crate::escape::escape;

/// Characters of a problem that are shown.
const SHOWN: usize = 400;

/// Why a saved report cannot be read: where (`old.json:12:7`) and what.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct SavedError {
    /// The report, with line and column where they are known.
    pub place: String,
    /// What is wrong there.
    pub problem: String,
}

impl SavedError {
    /// The same error, for input in which nothing before the error looks like a report.
    pub(super) fn of_no_report(mut self) -> Self {
        self.problem.push_str(
            ": this is not a kubeknock report; `kubeknock scan -o json=FILE` or `-o jsonl=FILE` writes one",
        );
        self
    }
}

/// The report that is being read.
pub(super) struct ReportName<'a>(&'a str);

impl<'a> ReportName<'a> {
    pub(super) const fn new(name: &'a str) -> Self {
        Self(name)
    }

    pub(super) fn wrong(&self, problem: &str) -> SavedError {
        SavedError {
            place: self.0.to_owned(),
            problem: escape(problem, SHOWN),
        }
    }

    pub(super) fn line(&self, line: u64, problem: &str) -> SavedError {
        SavedError {
            place: format!("{}:{line}", self.0),
            problem: escape(problem, SHOWN),
        }
    }

    pub(super) fn io(&self, error: &io::Error) -> SavedError {
        self.wrong(&format!("cannot be read: {error}"))
    }

    /// An error of a whole document, which knows its line.
    pub(super) fn json(&self, error: &serde_json::Error) -> SavedError {
        self.at(error.line() as u64, error)
    }

    /// An error of one line.
    pub(super) fn json_line(&self, line: u64, error: &serde_json::Error) -> SavedError {
        self.at(line, error)
    }

    fn at(&self, line: u64, error: &serde_json::Error) -> SavedError {
        let message = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        let problem = match error.classify() {
            Category::Eof => "unexpected end: the report is truncated",
            _ => without_value(message.strip_suffix(&place).unwrap_or(&message)),
        };
        if line == 0 {
            return self.wrong(problem);
        }
        SavedError {
            place: format!("{}:{line}:{}", self.0, error.column()),
            problem: escape(problem, SHOWN),
        }
    }
}

/// A message of serde without the value, because the file may be no report and contain secrets. The text after the last
/// `, expected` is from our own types.
fn without_value(message: &str) -> &str {
    const WITH_VALUE: [&str; 3] = ["invalid type: ", "invalid value: ", "unknown variant "];
    let has_value = WITH_VALUE.iter().any(|begin| message.starts_with(begin));
    match message.rfind(", expected ").filter(|_| has_value) {
        Some(at) => message.get(at + 2..).unwrap_or_default(),
        None if has_value => "unexpected value",
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_is_repeated() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(rename_all = "lowercase")]
        enum Either {
            This,
        }
        let problem = |text: &str| {
            let error = serde_json::from_str::<(Option<u8>, Option<Either>)>(text).unwrap_err();
            assert!(
                error.to_string().contains("hunter2") || !text.contains("hunter2"),
                "{error}"
            );
            ReportName::new("old.json").json(&error)
        };
        for (text, said) in [
            ("[\"hunter2, expected x\", null]", "expected u8"),
            ("[\"`hunter2`, expected hunter2\"]", "expected u8"),
            ("[1, \"hunter2\"]", "expected `this`"),
            ("[300]", "expected u8"),
            ("{}", "expected a tuple of size 2"),
        ] {
            assert_eq!(problem(text).problem, said, "{text}");
        }
        assert_eq!(
            without_value("missing field `scan`"),
            "missing field `scan`"
        );
        assert_eq!(without_value("invalid value: hunter2"), "unexpected value");
        let Either::This = Either::This;
    }
}
