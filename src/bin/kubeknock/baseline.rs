//! `--baseline`: the earlier scan that a scan is compared with.

use anyhow::{Context as _, bail, ensure};
use jiff::Timestamp;
use kubeknock::config::Shard;
use kubeknock::model::Selector;
use kubeknock::policy::{FailOn, Policy};

use crate::args::BaselineArg;
use crate::evaluated_scan::EarlierScan;
use crate::kept::Kept;
use crate::notify::Notifier;
use crate::policies::Policies;

/// The earlier scan, and the folder of a scheduled scan.
#[derive(Default)]
pub(crate) struct Baseline {
    /// `None` without `--baseline`, and for the first of the scheduled scans.
    pub(crate) earlier: Option<EarlierScan>,
    /// The folder of `auto:DIR`.
    pub(crate) kept: Option<Kept>,
}

impl Baseline {
    /// Reads the report of `--baseline`, which some thresholds require. Only targets with these labels count.
    pub(crate) fn open(
        argument: Option<&BaselineArg>,
        fail_on: FailOn,
        policy: &Policy,
        selectors: &[Selector],
        policies: Option<&Policies>,
    ) -> anyhow::Result<Self> {
        let path = match argument {
            None if fail_on.needs_baseline() => {
                bail!("--fail-on {fail_on}: give the earlier report with --baseline REPORT")
            }
            None => return Ok(Self::default()),
            Some(BaselineArg::Auto(folder)) => {
                let kept = Kept::open(folder)?;
                // A damaged file must stop the scan before it begins.
                kept.told()?;
                let earlier = kept.report().map(|path| {
                    EarlierScan::read(&path, policy, selectors, policies).with_context(|| {
                        let path = path.display();
                        format!("--baseline auto: to go on with an earlier report, remove {path}")
                    })
                });
                return Ok(Self {
                    earlier: earlier.transpose()?,
                    kept: Some(kept),
                });
            }
            Some(BaselineArg::Report(path)) => path,
        };
        let earlier = EarlierScan::read(path, policy, selectors, policies).with_context(|| {
            if path.exists() {
                return "--baseline".to_owned();
            }
            let threshold = if fail_on.needs_baseline() {
                ", choose another --fail-on"
            } else {
                ""
            };
            format!(
                "--baseline: there is no such report. For a first scan leave --baseline out{threshold} and create the \
                 report with -o json=FILE"
            )
        })?;
        Ok(Self {
            earlier: Some(earlier),
            kept: None,
        })
    }

    /// Says which notifications wait for receivers that are not told any more; an error if they must be told.
    pub(crate) fn check_waiting(&self, notifier: Option<&Notifier>) -> anyhow::Result<()> {
        let kept = self.kept.as_ref();
        kept.map_or(Ok(()), |kept| Notifier::check_waiting(notifier, kept))
    }

    /// Fails if the folder of scheduled scans has the report of a later scan than the one that began at this time: an older
    /// report must not become the baseline.
    pub(crate) fn ensure_not_older(&self, began: Timestamp) -> anyhow::Result<()> {
        let (Some(earlier), Some(_)) = (&self.earlier, &self.kept) else {
            return Ok(());
        };
        let kept = earlier.scan.summary.started;
        ensure!(
            kept <= began,
            "--baseline auto: the folder has the report of a later scan, which began at {kept:.0}; this one began at \
             {began:.0} and must not take its place: leave --baseline out, or scan anew"
        );
        Ok(())
    }

    /// Whether findings are compared with an earlier scan, or with nothing as the first of scheduled scans.
    pub(crate) const fn compares(&self) -> bool {
        self.earlier.is_some() || self.kept.is_some()
    }
}

/// A part of a scan knows nothing about the targets of the others.
pub(crate) fn ensure_whole(
    shard: Shard,
    baseline: Option<&BaselineArg>,
    notifies: bool,
) -> anyhow::Result<()> {
    let is_kept = matches!(baseline, Some(BaselineArg::Auto(_)));
    let option = if is_kept {
        "--baseline auto:DIR"
    } else {
        "--notify"
    };
    ensure!(
        !shard.is_part() || !is_kept && !notifies,
        "{option} needs a whole scan, and this is a shard: give it to kubeknock report, which merges the shards"
    );
    Ok(())
}
