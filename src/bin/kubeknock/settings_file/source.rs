//! The file's text, and where in it something stands.

use std::ops::Range;

use toml::Spanned;
use toml::de::DeTable;

/// A settings file: its name as it is shown, and what it holds.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
}

impl<'a> Source<'a> {
    /// Its tables. What stands in a line that cannot be read is not repeated: it may be a secret.
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
