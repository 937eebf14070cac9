//! `sarif`: SARIF 2.1.0, for GitHub code scanning and every other viewer of that standard.
//!
//! The log is written even if nothing was found, because an upload without results closes the alerts of the
//! previous upload. So findings that are carried from earlier scans are results too. A finding that is accepted or gone
//! becomes a notification: GitHub shows every result as an open alert, even with `suppressions` or a `baselineState`, and
//! GitLab counts suppressed results as results that it could not read. What inventories declare, compared with what was
//! observed, is in notifications, too.
//!
//! A result points to the line of the targets file that names its target. It never points to a URL, because
//! GitHub rejects an upload with any location outside the repository.

mod driver;
mod escaping;
mod measure;
mod notices;
mod result;

use std::borrow::Borrow;
use std::cell::Cell;
use std::io::{self, Write as _};

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::encode::{self, Sequence};
use super::ordered_json::object;
use super::results::Results;
use super::source_location::Repository;
use crate::model::{EndpointReport, Finding};

use escaping::plain;
use measure::Measured;
use notices::Compared;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// What platforms read.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Results of one run.
    results: usize,
    /// Bytes of the log up to the end of the results.
    bytes: u64,
}

/// GitHub and GitLab read 5,000 results. GitLab accepts files of 10 MB, GitHub of 10 MB compressed. The rest of the log has
/// one megabyte.
const LIMITS: Limits = Limits {
    results: 5_000,
    bytes: 9_000_000,
};

/// Writes the log. `category` is the name of this analysis among others of the same repository.
pub(super) fn write(
    out: &mut dyn io::Write,
    results: &Results<'_>,
    reports: impl Iterator<Item: Borrow<EndpointReport>>,
    repository: Repository<'_>,
    category: Option<&str>,
) -> io::Result<()> {
    within(LIMITS, out, results, reports, repository, category)
}

fn within(
    limits: Limits,
    out: &mut dyn io::Write,
    results: &Results<'_>,
    reports: impl Iterator<Item: Borrow<EndpointReport>>,
    repository: Repository<'_>,
    category: Option<&str>,
) -> io::Result<()> {
    let (mut out, bytes) = Measured::new(io::BufWriter::new(out));
    let run = Run {
        results,
        compared: Compared::of(reports),
        repository,
        category: category.map_or_else(|| own_category(results), str::to_owned),
        limits,
        bytes: &bytes,
    };
    let mut serializer = encode::narrow(&mut out);
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
    compared: Compared,
    repository: Repository<'a>,
    category: String,
    limits: Limits,
    /// Bytes of the log so far.
    bytes: &'a Cell<u64>,
}

impl Serialize for Run<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let driver = driver::Driver::new(self.results);
        let written = Cell::new(0);
        let has_room = |_: &&Finding| {
            written.get() < self.limits.results && self.bytes.get() < self.limits.bytes
        };
        let open = self.results.open_findings();
        let results = (open.iter().copied().take_while(has_room))
            .inspect(|_| written.set(written.get() + 1))
            .map(|finding| result::result(finding, &driver, self.repository));
        let mut run = serializer.serialize_map(None)?;
        run.serialize_entry("tool", &object! { "driver": driver.component() })?;
        let category = object! { "id": category(&self.category) };
        run.serialize_entry("automationDetails", &category)?;
        run.serialize_entry("results", &Sequence::new(results))?;
        let left_out = open.get(written.get()..).unwrap_or_default();
        let invocation =
            notices::invocation(self.results, &self.compared, self.repository, left_out);
        run.serialize_entry("invocations", &[invocation])?;
        run.serialize_entry("taxonomies", &[driver.taxonomy()])?;
        run.serialize_entry("columnKind", "unicodeCodePoints")?;
        run.end()
    }
}

/// The category where none is given. A part has one of its own, because an upload closes what it lacks of its category.
fn own_category(results: &Results<'_>) -> String {
    match &results.summary.selection {
        Some(selection) => format!("kubeknock where {}", selection.labels.join(" ")),
        None => "kubeknock".to_owned(),
    }
}

/// GitHub reads the text before the last slash as the category, and the text after it as the run.
fn category(category: &str) -> String {
    let category = plain(category);
    if category.ends_with('/') {
        category
    } else {
        format!("{category}/")
    }
}

#[cfg(test)]
mod tests;
