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
    /// The same error for a file that shows no sign of a report before it.
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
        let said = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        let problem = match error.classify() {
            Category::Eof => "unexpected end: the report is truncated",
            _ => without_value(said.strip_suffix(&place).unwrap_or(&said)),
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

/// A message of serde without the value: the file may not be a report, but have secrets. After the last `, expected`
/// comes text of our own types.
fn without_value(said: &str) -> &str {
    const SHOW_IT: [&str; 3] = ["invalid type: ", "invalid value: ", "unknown variant "];
    let shown = SHOW_IT.iter().any(|begin| said.starts_with(begin));
    match said.rfind(", expected ").filter(|_| shown) {
        Some(at) => said.get(at + 2..).unwrap_or_default(),
        None if shown => "unexpected value",
        None => said,
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
