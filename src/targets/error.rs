//! Errors of a target list: the first bad lines of every source, reported together.
//!
//! An error gives the place and the kind of a mistake but never repeats the text: the file may be a
//! kubeconfig given by mistake, and many people can read the logs.

use std::borrow::Cow;
use std::fmt;

/// Errors shown for each source; the others are counted. A file that is not a list has one in every
/// line.
const MAX_ERRORS: u64 = 5;

/// What is wrong, and how to fix it. Never holds text of the input.
pub(super) type Problem = Cow<'static, str>;

/// One mistake in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LineError {
    /// The character where the mistake is, from 1; `None` if it concerns the whole line.
    pub(super) column: Option<usize>,
    pub(super) problem: Problem,
}

impl LineError {
    pub(super) fn at(column: usize, problem: impl Into<Problem>) -> Self {
        Self {
            column: Some(column),
            problem: problem.into(),
        }
    }

    /// The place of the error. The column is omitted if it is the first of an argument.
    pub(super) fn place(&self, place: String, argument: bool) -> String {
        match self.column {
            Some(column) if column > 1 || !argument => format!("{place}:{column}"),
            _ => place,
        }
    }
}

impl<P: Into<Problem>> From<P> for LineError {
    /// A mistake that concerns the whole line.
    fn from(problem: P) -> Self {
        Self {
            column: None,
            problem: problem.into(),
        }
    }
}

/// One bad line, source or setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetError {
    /// Where: `targets.txt:12:5`, `<stdin>:3`, `argument 1`, `exclusion 1`, or a file's path. Empty
    /// if it concerns the list as a whole.
    pub place: String,
    /// What is wrong and how to fix it. Never holds text of the input.
    pub problem: String,
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.is_empty() {
            f.write_str(&self.problem)
        } else {
            write!(f, "{}: {}", self.place, self.problem)
        }
    }
}

impl std::error::Error for TargetError {}

/// All errors of a target list; displayed one per line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetErrors(pub Vec<TargetError>);

impl fmt::Display for TargetErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for TargetErrors {}

/// Collects errors: the first of each source, and the number of the rest.
#[derive(Debug, Default)]
pub(super) struct ErrorLog {
    kept: Vec<TargetError>,
    /// Each source with its number of errors.
    sources: Vec<(String, u64)>,
}

impl ErrorLog {
    /// Adds an error of this source.
    pub(super) fn push(&mut self, source: &str, place: String, problem: impl Into<String>) {
        let known = self.sources.iter().position(|(name, _)| name == source);
        let at = known.unwrap_or_else(|| {
            self.sources.push((source.to_owned(), 0));
            self.sources.len() - 1
        });
        let count = &mut self.sources[at].1;
        *count += 1;
        if *count <= MAX_ERRORS {
            self.kept.push(TargetError {
                place,
                problem: problem.into(),
            });
        }
    }

    /// Fails if there are any errors.
    pub(super) fn finish(self) -> Result<(), TargetErrors> {
        let mut errors = self.kept;
        for (place, count) in self.sources {
            if let Some(more @ 1..) = count.checked_sub(MAX_ERRORS) {
                errors.push(TargetError {
                    place,
                    problem: format!("and {more} more"),
                });
            }
        }
        if errors.is_empty() {
            Ok(())
        } else {
            Err(TargetErrors(errors))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_one_per_line_and_limited_for_each_source() {
        let mut log = ErrorLog::default();
        for line in 1..=100_000 {
            log.push("targets.txt", format!("targets.txt:{line}"), "bad");
        }
        for line in 1..=MAX_ERRORS {
            log.push("other.txt", format!("other.txt:{line}"), "bad");
        }
        let text = log.finish().unwrap_err().to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 11);
        assert_eq!(lines[..2], ["targets.txt:1: bad", "targets.txt:2: bad"]);
        assert_eq!(
            lines[9..],
            ["other.txt:5: bad", "targets.txt: and 99995 more"]
        );
        assert_eq!(ErrorLog::default().finish(), Ok(()));
    }
}
