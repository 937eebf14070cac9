//! The text of a settings file, with lines and columns for errors.

use std::ops::Range;

use toml::Spanned;
use toml::de::DeTable;

/// The text of a settings file, and the name of the file.
#[derive(Clone, Copy)]
pub(super) struct SourceText<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
}

impl<'a> SourceText<'a> {
    /// Parses the file. Errors do not show its text, which may be a secret.
    pub(super) fn parse(self) -> anyhow::Result<Spanned<DeTable<'a>>> {
        DeTable::parse(self.text).map_err(|error| {
            let place = error
                .span()
                .map_or_else(|| self.name.to_owned(), |span| self.place(&span));
            anyhow::anyhow!("{place}: {}", error.message())
        })
    }

    /// `kubeknock.toml:12:5`.
    pub(super) fn place(self, span: &Range<usize>) -> String {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count()
            + 1;
        format!("{}:{line}:{column}", self.name)
    }
}
