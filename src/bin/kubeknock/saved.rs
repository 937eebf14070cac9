//! Reads saved reports. A report is read several times, so that no record has to stay in memory.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _};
use std::path::Path;

use anyhow::Context as _;
use kubeknock::model::{EndpointReport, Selector};
use kubeknock::record::{self, SavedScan, Selected};

/// An open saved report.
pub(crate) struct SavedFile<'a> {
    name: String,
    file: File,
    /// The labels of the targets that count; all targets count without one.
    selectors: &'a [Selector],
}

impl<'a> SavedFile<'a> {
    /// Opens a report; `-` is standard input. A pipe is copied to a temporary file first. Of the report only targets with
    /// these labels count.
    pub(crate) fn open(path: &Path, selectors: &'a [Selector]) -> anyhow::Result<Self> {
        let stdin = path == Path::new("-");
        let name = if stdin {
            "<stdin>".to_owned()
        } else {
            path.display().to_string()
        };
        let open = || -> io::Result<File> {
            if stdin {
                return copy_to_file(&mut io::stdin().lock());
            }
            let mut file = File::open(path)?;
            if file.metadata()?.is_file() {
                Ok(file)
            } else {
                copy_to_file(&mut file)
            }
        };
        let file = open().with_context(|| format!("cannot read {name}"))?;
        Ok(Self {
            name,
            file,
            selectors,
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Passes each record to `each`, and those of earlier scans to `carried`. The scan is `None` if the report is truncated.
    fn read(
        &mut self,
        each: &mut dyn FnMut(EndpointReport),
        carried: &mut dyn FnMut(EndpointReport),
    ) -> anyhow::Result<Option<SavedScan>> {
        self.file
            .rewind()
            .with_context(|| format!("cannot read {}", self.name))?;
        let mut file = BufReader::new(&self.file);
        if self.selectors.is_empty() {
            return Ok(record::read(&self.name, &mut file, each, carried)?);
        }
        let (mut selected, labels) = (Selected::new(self.selectors), Selected::new(self.selectors));
        let mut each = |record| {
            if selected.add(&record) {
                each(record);
            }
        };
        let mut carried = |record| {
            if labels.has(&record) {
                carried(record);
            }
        };
        let mut scan = record::read(&self.name, &mut file, &mut each, &mut carried)?;
        if let Some(scan) = &mut scan {
            selected.finish(&mut scan.summary);
        }
        Ok(scan)
    }

    /// Passes each record to `each`.
    pub(crate) fn records(&mut self, each: &mut dyn FnMut(EndpointReport)) -> anyhow::Result<()> {
        self.all_records(each, &mut |_| {})
    }

    /// Passes each record to `each`, and those that are carried from earlier scans to `carried`.
    pub(crate) fn all_records(
        &mut self,
        each: &mut dyn FnMut(EndpointReport),
        carried: &mut dyn FnMut(EndpointReport),
    ) -> anyhow::Result<()> {
        self.read(each, carried).map(drop)
    }

    /// Passes each record to `each`, and returns the scan and whether it carries records of earlier scans. A truncated
    /// report is an error.
    pub(crate) fn scan(
        &mut self,
        each: &mut dyn FnMut(EndpointReport),
    ) -> anyhow::Result<(SavedScan, bool)> {
        let mut carries = false;
        let scan = self.read(each, &mut |_| carries = true)?.with_context(|| {
            format!(
                "{}: the summary line is missing: the scan was interrupted or is still running, and \
                 targets that it did not reach would look like targets without findings",
                self.name
            )
        })?;
        Ok((scan, carries))
    }
}

/// Copies a stream to a temporary file.
fn copy_to_file(stream: &mut dyn Read) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    io::copy(stream, &mut file)?;
    Ok(file)
}
