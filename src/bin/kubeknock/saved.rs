//! Saved reports, read from files: twice, so that no record has to be held.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _};
use std::path::Path;

use anyhow::Context as _;
use kubeknock::model::EndpointReport;
use kubeknock::policy::{Evaluation, Evaluator, Policy, Snapshot};
use kubeknock::report::saved::{self, SavedScan};

use crate::conclusion::{judged_coverage, partial};

/// A saved report, open.
pub(crate) struct SavedFile {
    name: String,
    file: File,
}

impl SavedFile {
    /// Opens a report; `-` is standard input. What comes through a pipe is laid down first.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let stdin = path == Path::new("-");
        let name = if stdin {
            "<stdin>".to_owned()
        } else {
            path.display().to_string()
        };
        let open = || -> io::Result<File> {
            if stdin {
                return lay_down(&mut io::stdin().lock());
            }
            let mut file = File::open(path)?;
            if file.metadata()?.is_file() {
                Ok(file)
            } else {
                lay_down(&mut file)
            }
        };
        let file = open().with_context(|| format!("cannot read {name}"))?;
        Ok(Self { name, file })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Hands each record to `each`; the scan is `None` for a report that was torn off.
    fn read(&mut self, each: &mut dyn FnMut(EndpointReport)) -> anyhow::Result<Option<SavedScan>> {
        self.file
            .rewind()
            .with_context(|| format!("cannot read {}", self.name))?;
        Ok(saved::read(
            &self.name,
            &mut BufReader::new(&self.file),
            each,
        )?)
    }

    /// Hands each record to `each`.
    pub(crate) fn records(&mut self, each: &mut dyn FnMut(EndpointReport)) -> anyhow::Result<()> {
        self.read(each).map(drop)
    }

    /// The scan that the report is about; each record is handed to `each`.
    pub(crate) fn scan(
        &mut self,
        each: &mut dyn FnMut(EndpointReport),
    ) -> anyhow::Result<SavedScan> {
        self.read(each)?.with_context(|| {
            format!(
                "{}: the summary line is missing: the scan was torn off or still runs, and what it did not \
                 come to would count as nothing found",
                self.name
            )
        })
    }
}

/// Copies a stream into a file without a name.
fn lay_down(stream: &mut dyn Read) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    io::copy(stream, &mut file)?;
    Ok(file)
}

/// An earlier scan, as far as a later one is held against it.
pub(crate) struct Earlier {
    pub(crate) scan: SavedScan,
    pub(crate) judged: Evaluation,
    pub(crate) snapshot: Snapshot,
}

/// Reads an earlier scan. Its findings are made anew by the rules of this version: what a new rule
/// finds in both is not new.
pub(crate) fn earlier(path: &Path, policy: &Policy) -> anyhow::Result<Earlier> {
    let mut file = SavedFile::open(path)?;
    let scan = file.scan(&mut |_| {})?;
    let mut judge = Evaluator::new(policy, scan.summary.started);
    let mut snapshot = Snapshot::default();
    file.records(&mut |record| {
        judge.add(&record);
        snapshot.add(&record);
    })?;
    snapshot.partial = partial(&scan.config, &scan.summary);
    let judged = judge.finish(&judged_coverage(&scan.config, &scan.summary.coverage));
    Ok(Earlier {
        scan,
        judged,
        snapshot,
    })
}
