//! Saved reports, read from files: twice, so that no record has to be held.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::Context as _;
use kubeknock::model::EndpointReport;
use kubeknock::policy::{Judge, Judged, Policy, Snapshot};
use kubeknock::report::saved::{self, SavedScan};

/// Hands each record to `each`; the scan is `None` for a report that was torn off.
pub(crate) fn read(path: &Path, each: &mut dyn FnMut(EndpointReport)) -> anyhow::Result<Option<SavedScan>> {
    let name = path.display().to_string();
    let file = File::open(path).with_context(|| format!("cannot read {name}"))?;
    Ok(saved::read(&name, &mut BufReader::new(file), each)?)
}

/// The scan that a report is about, without its records.
pub(crate) fn scan(path: &Path) -> anyhow::Result<SavedScan> {
    read(path, &mut |_| {})?.with_context(|| {
        format!(
            "{}: the summary line is missing: the scan was torn off or still runs, and what it did not come \
             to would count as nothing found",
            path.display()
        )
    })
}

/// An earlier scan, as far as a later one is held against it.
pub(crate) struct Earlier {
    pub(crate) scan: SavedScan,
    pub(crate) judged: Judged,
    pub(crate) snapshot: Snapshot,
}

/// Reads an earlier scan. Its findings are made anew by the rules of this version: what a new rule
/// finds in both is not new.
pub(crate) fn earlier(path: &Path, policy: &Policy) -> anyhow::Result<Earlier> {
    let scan = scan(path)?;
    let mut judge = Judge::new(policy, scan.summary.started);
    let mut snapshot = Snapshot::default();
    read(path, &mut |record| {
        judge.add(&record);
        snapshot.add(&record);
    })?;
    Ok(Earlier { judged: judge.finish(&scan.summary.coverage), scan, snapshot })
}
