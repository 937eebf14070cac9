//! A saved scan, evaluated: the baseline, or a side of `diff`.

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::path::Path;

use anyhow::Context as _;
use jiff::Timestamp;
use kubeknock::config::ScanConfig;
use kubeknock::model::{Coverage, EndpointReport, Fingerprint, ScanSummary, Selection, Selector};
use kubeknock::policy::{Evaluation, Evaluator, Policy, Snapshot, proves};
use kubeknock::record::{SavedScan, Spool};

use crate::carried::Earlier;
use crate::policies::Policies;
use crate::saved::SavedFile;

/// The beginning of an error about spooled records.
pub(crate) const NO_TEMPORARY_FILE: &str = "cannot write a temporary file";

/// Adds a record to a spool whose error is reported after all records are read.
pub(crate) fn push(records: &mut Spool, record: EndpointReport, first_error: &mut io::Result<()>) {
    let pushed = records.push(record);
    if first_error.is_ok() {
        *first_error = pushed;
    }
}

/// Copies the records that are carried, as records of a scan itself.
pub(crate) fn copy_carried(from: &mut Spool, to: &mut Spool) -> io::Result<()> {
    from.read_carried(|records| {
        let mut records = records.map(|record| EndpointReport {
            last_seen: None,
            ..record.into_owned()
        });
        records.try_for_each(|record| to.push(record))
    })
}

/// A saved scan with its findings.
pub(crate) struct EvaluatedScan {
    pub(crate) scan: SavedScan,
    pub(crate) evaluation: Evaluation,
    pub(crate) snapshot: Snapshot,
    /// What it carries from earlier scans.
    pub(crate) carried: Earlier,
}

impl EvaluatedScan {
    /// Reads a saved report. The rules of this version are applied to it, so that a finding of a new rule is not
    /// new if both scans have it.
    pub(crate) fn read(
        path: &Path,
        policy: &Policy,
        selectors: &[Selector],
    ) -> anyhow::Result<Self> {
        Self::of(&mut SavedFile::open(path, selectors)?, policy)
    }

    fn of(file: &mut SavedFile<'_>, policy: &Policy) -> anyhow::Result<Self> {
        let (scan, _) = file.scan(&mut |_| {})?;
        let mut evaluator = Evaluator::new(policy, scan.summary.started);
        evaluator.set_headers(&scan.config.headers);
        let mut snapshot = Snapshot::default();
        let mut carried = CarriedRecords::new(policy, scan.summary.started);
        let mut earlier = Snapshot::default();
        file.all_records(
            &mut |record| {
                evaluator.add(&record);
                snapshot.add(&record);
            },
            &mut |record| {
                earlier.add(&record);
                carried.add(record);
            },
        )?;
        snapshot.set_carried(earlier);
        snapshot.partial = is_partial(&scan.config, &scan.summary);
        snapshot.set_left_out(&scan.config, &scan.summary.coverage);
        let coverage = evaluated_coverage(&scan.config, &scan.summary.coverage);
        let evaluation = evaluator.finish(&coverage);
        let mut carried = carried.finish()?;
        let open = evaluation.left_open(carried.findings.iter(), &snapshot);
        carried.findings = open.cloned().collect();
        Ok(Self {
            scan,
            evaluation,
            snapshot,
            carried,
        })
    }
}

/// A saved scan that a later one is compared with.
pub(crate) struct EarlierScan {
    pub(crate) scan: SavedScan,
    pub(crate) snapshot: Snapshot,
    /// Its findings and those that it carries. It has all records that prove them, because the file may be replaced
    /// while a scan runs.
    pub(crate) earlier: Earlier,
    /// The findings among them that it carries.
    pub(crate) carried: HashSet<Fingerprint>,
}

impl EarlierScan {
    /// Reads a saved report, and judges it by `policies`. Only targets with these labels count.
    pub(crate) fn read(
        path: &Path,
        policy: &Policy,
        selectors: &[Selector],
        policies: Option<&Policies>,
    ) -> anyhow::Result<Self> {
        let mut file = SavedFile::open(path, selectors)?;
        let EvaluatedScan {
            scan,
            mut evaluation,
            snapshot,
            mut carried,
        } = EvaluatedScan::of(&mut file, policy)?;
        if let Some(policies) = policies {
            let (mut all, mut spooled) = (Spool::default(), Ok(()));
            file.records(&mut |record| push(&mut all, record, &mut spooled))?;
            spooled
                .and_then(|()| copy_carried(&mut carried.records, &mut all))
                .context(NO_TEMPORARY_FILE)?;
            let scan = (scan.info(), &scan.summary);
            let judged = policies.judge(policy, scan, &evaluation, &mut all)?;
            evaluation.findings.extend(judged.findings);
        }
        let (started, mut records) = (scan.summary.started, carried.records);
        let own = evaluation.findings.iter();
        let own: BTreeSet<Fingerprint> = own.map(|finding| finding.fingerprint).collect();
        let mut spooled = Ok(());
        if !own.is_empty() {
            file.records(&mut |mut record| {
                if proves(&own, policy, started, &record) {
                    record.last_seen = Some(started);
                    push(&mut records, record, &mut spooled);
                }
            })?;
        }
        spooled.context(NO_TEMPORARY_FILE)?;
        let fingerprints = carried.findings.iter();
        let of_carried = fingerprints.map(|finding| finding.fingerprint).collect();
        let mut findings = evaluation.findings;
        findings.extend(carried.findings);
        Ok(Self {
            scan,
            snapshot,
            earlier: Earlier { findings, records },
            carried: of_carried,
        })
    }
}

/// Takes the records that a report carries from earlier scans.
pub(crate) struct CarriedRecords<'a> {
    started: Timestamp,
    evaluator: Evaluator<'a>,
    records: Spool,
    spooled: io::Result<()>,
}

impl<'a> CarriedRecords<'a> {
    /// For the reports of a scan that began at this time.
    pub(crate) fn new(policy: &'a Policy, started: Timestamp) -> Self {
        let mut evaluator = Evaluator::new(policy, started);
        evaluator.accept_as_of(started);
        Self {
            started,
            evaluator,
            records: Spool::default(),
            spooled: Ok(()),
        }
    }

    /// Adds a record.
    pub(crate) fn add(&mut self, record: EndpointReport) {
        self.evaluator
            .as_of(record.last_seen.unwrap_or(self.started));
        self.evaluator.add(&record);
        push(&mut self.records, record, &mut self.spooled);
    }

    /// The records with all findings that they prove.
    pub(crate) fn finish(self) -> anyhow::Result<Earlier> {
        self.spooled.context(NO_TEMPORARY_FILE)?;
        Ok(Earlier {
            findings: self.evaluator.finish(&Coverage::default()).findings,
            records: self.records,
        })
    }
}

/// The coverage to evaluate. Another shard may cover what this shard does not, so only the merged
/// report is evaluated by specification.
pub(crate) fn evaluated_coverage(config: &ScanConfig, coverage: &Coverage) -> Coverage {
    let mut evaluated = coverage.clone();
    if config.shard.is_part() {
        evaluated.specs.clear();
    }
    evaluated
}

/// Whether a scan, or what is selected of it, has only some of its targets.
pub(crate) fn is_partial(config: &ScanConfig, summary: &ScanSummary) -> bool {
    let selection = summary.selection.as_ref();
    config.shard.is_part()
        || summary.stopped.is_some()
        || selection.is_some_and(Selection::is_partial)
}
