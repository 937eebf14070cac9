//! What is wrong with the target list: every bad line of every source, said in one go.

use std::fmt;

/// Errors that are kept; a list of garbage must not fill the memory with complaints.
const MAX_ERRORS: usize = 10_000;

/// Characters of a bad specification that an error repeats.
const MAX_ECHO: usize = 80;

/// One bad line, source or setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetError {
    /// Where: `targets.txt:12`, `<stdin>:3`, `argument 1`, `exclusion 1`, a file's path; empty
    /// when it is about the list as a whole.
    pub place: String,
    /// What is wrong and how to mend it.
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

/// Collects errors, the first ones in full and the rest as a number.
#[derive(Debug, Default)]
pub(super) struct ErrorLog {
    kept: Vec<TargetError>,
    more: u64,
}

impl ErrorLog {
    pub(super) fn push(&mut self, place: String, problem: String) {
        if self.kept.len() < MAX_ERRORS {
            self.kept.push(TargetError { place, problem });
        } else {
            self.more += 1;
        }
    }

    /// The errors, or nothing if there are none.
    pub(super) fn finish(self) -> Result<(), TargetErrors> {
        let mut errors = self.kept;
        if self.more > 0 {
            let problem = format!("and {} more errors, not listed", self.more);
            errors.push(TargetError { place: String::new(), problem });
        }
        if errors.is_empty() { Ok(()) } else { Err(TargetErrors(errors)) }
    }
}

/// Hostile text made fit for an error: quoted, control characters escaped, cut short.
pub(super) fn quote(text: &str) -> String {
    format!("{:?}", shorten(text))
}

/// The first characters of a text, with an ellipsis where there are more.
pub(super) fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(MAX_ECHO).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echo_is_short_and_harmless() {
        assert_eq!(quote("a\0b\u{1b}[2J"), r#""a\0b\u{1b}[2J""#);
        assert_eq!(quote("\u{202e}txt"), r#""\u{202e}txt""#);
        let echo = quote(&"é".repeat(100_000));
        assert_eq!(echo.chars().count(), MAX_ECHO + 3);
        assert!(echo.ends_with("…\""));
    }

    #[test]
    fn errors_are_one_a_line_and_bounded() {
        let mut log = ErrorLog::default();
        for line in 1..=MAX_ERRORS + 7 {
            log.push(format!("targets.txt:{line}"), "bad".into());
        }
        let errors = log.finish().unwrap_err();
        assert_eq!(errors.0.len(), MAX_ERRORS + 1);
        let text = errors.to_string();
        assert!(text.starts_with("targets.txt:1: bad\ntargets.txt:2: bad\n"));
        assert!(text.ends_with("\nand 7 more errors, not listed"));
        assert_eq!(ErrorLog::default().finish(), Ok(()));
    }
}
