//! Where a configuration says something: file, line and column.

use std::fmt;
use std::sync::Arc;

use crate::model::{Origin, Source};

/// A place in a file, with the line and the column from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, or standard input.
    pub source: Source,
    /// The line.
    pub line: u32,
    /// The column, in characters.
    pub column: u32,
}

impl Place {
    /// A place of a file.
    pub(super) const fn new(source: Source, line: u32, column: u32) -> Self {
        Self {
            source,
            line,
            column,
        }
    }

    /// The place as findings have it, with the name of what the file says something about.
    pub(super) fn origin(&self, about: &str) -> Arc<Origin> {
        Arc::new(Origin {
            source: self.source.clone(),
            line: self.line,
            column: Some(self.column),
            text: about.into(),
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            source,
            line,
            column,
        } = self;
        write!(f, "{source}:{line}:{column}")
    }
}
