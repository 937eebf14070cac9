//! Reads saved reports. A report is read several times, so that no record has to stay in memory.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _};
use std::path::Path;

use anyhow::Context as _;
use kubeknock::model::EndpointReport;
use kubeknock::record::{self, SavedScan};

/// An open saved report.
pub(crate) struct SavedFile {
    name: String,
    file: File,
}

impl SavedFile {
    /// Opens a report; `-` is standard input. A pipe is copied to a temporary file first.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
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
        Ok(Self { name, file })
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
        Ok(record::read(
            &self.name,
            &mut BufReader::new(&self.file),
            each,
            carried,
        )?)
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
