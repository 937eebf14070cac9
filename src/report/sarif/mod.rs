//! `sarif`: SARIF 2.1.0, for GitHub code scanning and every other viewer of that standard.
//!
//! Written always, also with nothing found: an upload without results is what closes the alerts of
//! the upload before. For the same reason a finding that is gone since the baseline is no result
//! here but a notification: GitHub shows every result as an open alert, whatever its
//! `baselineState` says.
//!
//! A result stands at the line of the targets file that names its target, never at a URL: GitHub
//! refuses a whole upload that has one location outside the repository.

mod driver;
mod log;
mod measure;
mod notices;
mod result;

use std::cell::Cell;
use std::io::{self, Write as _};

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::encode::{self, Sequence};
use super::escape::escape;
use super::{Files, Results};
use crate::model::Finding;
use measure::Measured;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// What GitHub accepts.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Results of one run.
    results: usize,
    /// Bytes, compressed, that the results may take: 10 MB less room for everything else.
    compressed: u64,
}

const LIMITS: Limits = Limits {
    results: 25_000,
    compressed: 9_000_000,
};
/// Characters of a text that is not ours.
const SHOWN: usize = 1024;

/// Text that is not ours: nothing hidden, and nothing that SARIF reads as a link or a placeholder
/// (sections 3.11.5 and 3.11.6).
fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in escape(text, SHOWN).chars() {
        match c {
            '[' | ']' | '\\' => out.extend(['\\', c]),
            '{' | '}' => out.extend([c, c]),
            c => out.push(c),
        }
    }
    out
}

/// Writes the log. `category` tells this scan from others of the same repository.
pub(super) fn write(
    out: &mut dyn io::Write,
    results: &Results<'_>,
    files: Files<'_>,
    category: Option<&str>,
) -> io::Result<()> {
    within(LIMITS, out, results, files, category)
}

fn within(
    limits: Limits,
    out: &mut dyn io::Write,
    results: &Results<'_>,
    files: Files<'_>,
    category: Option<&str>,
) -> io::Result<()> {
    let (mut out, compressed) = Measured::new(io::BufWriter::new(out));
    let run = Run {
        results,
        files,
        category: category.unwrap_or("kubeknock"),
        limits,
        compressed: &compressed,
    };
    let mut serializer = encode::pretty(&mut out);
    let mut document = serializer.serialize_map(None)?;
    document.serialize_entry("$schema", SCHEMA)?;
    document.serialize_entry("version", "2.1.0")?;
    document.serialize_entry("runs", &[run])?;
    document.end()?;
    out.write_all(b"\n")?;
    out.flush()
}

struct Run<'a> {
    results: &'a Results<'a>,
    files: Files<'a>,
    category: &'a str,
    limits: Limits,
    /// Bytes of the log so far, compressed.
    compressed: &'a Cell<u64>,
}

impl Run<'_> {
    /// The findings that are there: those that nobody accepted first, so that they are the ones that
    /// stay, and each of both worst first.
    fn findings(&self) -> impl Iterator<Item = &Finding> {
        let there = || {
            self.results
                .findings
                .iter()
                .filter(|finding| !finding.gone())
        };
        there()
            .filter(|finding| finding.counts())
            .chain(there().filter(|finding| !finding.counts()))
    }
}

impl Serialize for Run<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let driver = driver::Driver::new(self.results);
        let written = Cell::new(0);
        let room = |_: &&Finding| {
            written.get() < self.limits.results && self.compressed.get() < self.limits.compressed
        };
        let results = (self.findings().take_while(room))
            .inspect(|_| written.set(written.get() + 1))
            .map(|finding| result::result(finding, &driver, self.files));
        let mut run = serializer.serialize_map(None)?;
        run.serialize_entry(
            "tool",
            &log::Tool {
                driver: driver.component(self.results),
            },
        )?;
        run.serialize_entry(
            "automationDetails",
            &log::AutomationDetails {
                id: category(self.category),
            },
        )?;
        run.serialize_entry("results", &Sequence::new(results))?;
        let left_out: Vec<&Finding> = self.findings().skip(written.get()).collect();
        run.serialize_entry(
            "invocations",
            &[notices::invocation(self.results, self.files, &left_out)],
        )?;
        run.serialize_entry("taxonomies", &[driver.taxonomy()])?;
        run.serialize_entry("columnKind", "unicodeCodePoints")?;
        run.end()
    }
}

/// GitHub takes for the category what stands before the last slash, and for the run what follows.
fn category(category: &str) -> String {
    let category = escape(category, SHOWN);
    if category.ends_with('/') {
        category
    } else {
        format!("{category}/")
    }
}

#[cfg(test)]
mod tests;
