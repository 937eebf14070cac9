//! What is wrong with a policy, and where.

/// A policy cannot be loaded or evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct RegoError {
    /// The file; with line and column if they are known: `prohibit.rego:11:5`.
    pub place: String,
    /// What is wrong.
    pub problem: String,
}

impl RegoError {
    /// A problem of this file.
    pub(super) fn of(place: &str, problem: String) -> Self {
        Self {
            place: place.to_owned(),
            problem,
        }
    }

    /// Reads an error of regorus: `--> FILE:LINE:COLUMN`, an excerpt of the file, then `error: PROBLEM`.
    pub(super) fn parse(fallback: &str, text: &str) -> Self {
        let mut lines = text.lines().map(str::trim);
        let places = lines.clone().filter_map(|line| line.strip_prefix("--> "));
        let places: Vec<&str> = places.collect();
        let problem = lines.find_map(|line| line.strip_prefix("error: "));
        let problem = match problem {
            // The rules on the way follow with an excerpt each, the first one again at the end.
            Some(problem) if problem.starts_with("recursion detected") => {
                let way = places.get(1..).unwrap_or_default().join(" to ");
                format!("the rule depends on itself: from {way}")
            }
            problem => problem.unwrap_or_else(|| text.trim()).to_owned(),
        };
        Self {
            place: places.first().copied().unwrap_or(fallback).to_owned(),
            problem,
        }
    }

    /// The same error; if it has no place of its own, in this file.
    pub(super) fn or_in(self, file: String) -> Self {
        match self.place.as_str() {
            "policy" => Self {
                place: file,
                ..self
            },
            _ => self,
        }
    }
}
