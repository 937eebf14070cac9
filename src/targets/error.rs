//! What is wrong with the target list: the first bad lines of every source, said in one go.
//!
//! An error says where and of what kind a mistake is, and never what stands there: a list may be a
//! kubeconfig by mistake, and errors go to logs that many people read.

use std::borrow::Cow;
use std::fmt;

/// Errors that are told of each source; the others are counted. A file that is no list has one in each
/// of its lines.
const MAX_ERRORS: u64 = 5;

/// What kind of mistake it is, and how to mend it.
pub(super) type Kind = Cow<'static, str>;

/// One mistake in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mistake {
    /// The character where it is, from 1; `None` if it is about the whole line.
    pub(super) column: Option<usize>,
    pub(super) kind: Kind,
}

impl Mistake {
    pub(super) fn at(column: usize, kind: impl Into<Kind>) -> Self {
        Self {
            column: Some(column),
            kind: kind.into(),
        }
    }
}

impl From<Kind> for Mistake {
    /// A mistake of the line as a whole.
    fn from(kind: Kind) -> Self {
        Self { column: None, kind }
    }
}

/// One bad line, source or setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetError {
    /// Where: `targets.txt:12:5`, `<stdin>:3`, `argument 1`, `exclusion 1`, a file's path; empty
    /// when it is about the list as a whole.
    pub place: String,
    /// What is wrong and how to mend it. Nothing of what stands there.
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

/// Everything that keeps a list from being a target set; displayed one a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetErrors(pub Vec<TargetError>);

impl fmt::Display for TargetErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, error) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for TargetErrors {}

/// Collects errors, the first ones of each source in full and the rest as a number.
#[derive(Debug, Default)]
pub(super) struct ErrorLog {
    kept: Vec<TargetError>,
    /// Of each source its name and how many errors it has.
    sources: Vec<(String, u64)>,
}

impl ErrorLog {
    /// An error of this source, which is named where the place is not.
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

    /// The errors, or nothing if there are none.
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
    fn errors_are_one_a_line_and_bounded_for_each_source() {
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
