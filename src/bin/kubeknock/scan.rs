//! `kubeknock scan`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kubeknock::config::{ScanConfig, Shard};
use kubeknock::model::{Coverage, Source};
use kubeknock::policy::{Evaluator, Gate, INTERRUPTED, Policy, ScanEnd, Snapshot};
use kubeknock::record::{ScanInfo, Spool};
use kubeknock::scan::{Began, Checkpoint, Scanner, Stop};
use kubeknock::targets::TargetSet;

use crate::args::ScanArgs;
use crate::baseline::{Baseline, ensure_whole};
use crate::carried::Earlier;
use crate::conclusion::Conclusion;
use crate::evaluated_scan::{NO_TEMPORARY_FILE, evaluated_coverage};
use crate::notify::Notifier;
use crate::outputs::Outputs;
use crate::policies::Policies;
use crate::progress::ProgressLine;
use crate::runtime::runtime;
use crate::settings::Inventory;
use crate::settings_file::SettingsFile;
use crate::{dry_run, policies, say, settings, signals, stats};

/// The stop reason after a signal.
const INTERRUPT: &str = "interrupted";

/// Runs a scan and returns the exit code.
pub(crate) fn run(
    args: &ScanArgs,
    file: SettingsFile,
    quiet: bool,
    verbose: u8,
) -> anyhow::Result<u8> {
    let runtime = runtime()?;
    let stats_requests = {
        let _within = runtime.enter();
        stats::Requests::new()
    };
    let (order, earlier_id) = settings::order(args)?;
    let mut config = settings::config(&args.connection, &args.requests, order, args.all)?;
    if args.requests.run_id.is_none() && earlier_id.is_some() {
        config.run_id = earlier_id;
    }
    config.shard = args.selection.shard.unwrap_or(Shard::WHOLE);
    config.scan_name.clone_from(&args.output.scan_name);
    ensure_whole(
        config.shard,
        args.baseline.as_ref(),
        !args.notify.notify.is_empty(),
    )?;
    let notifier = Notifier::open(&args.notify, args.baseline.as_ref())?;
    let targets = settings::targets(args, file.expectations, runtime.handle(), verbose)?;
    if args.dry_run {
        let receivers = notifier.as_ref().map_or(&[][..], Notifier::receivers);
        dry_run::write(&config, &targets, &urls(args)?, args.fetch, receivers)?;
        return Ok(0);
    }
    let outputs = Outputs::open(&args.output, &[])?;
    outputs.check_inputs(&inputs(args, file.path.as_deref()))?;
    settings::fit_to_machine(&mut config, targets.has_names());
    let mut resumed = None;
    let checkpoint = match (&args.checkpoint, &args.resume) {
        (Some(new), Some(old)) if new != old => {
            anyhow::bail!("--checkpoint and --resume must name the same file if both are given");
        }
        (_, Some(path)) if args.checkpoint.is_none() || path.exists() => {
            let checkpoint = Checkpoint::resume(path, &config, &targets)?;
            report_resumed(&checkpoint);
            resumed = Some(checkpoint.began());
            Some(checkpoint)
        }
        (Some(path), None) => {
            let (checkpoint, began) = Checkpoint::start(path, &config, &targets)?;
            report_began(&checkpoint, began);
            resumed = matches!(began, Began::Continued).then(|| checkpoint.began());
            Some(checkpoint)
        }
        (Some(path), Some(_)) => Some(Checkpoint::create(path, &config, &targets)?),
        (None, _) => None,
    };
    let gate = args.gate.gate();
    let policies = policies::open(&args.policies.policy)?;
    let baseline = Baseline::open(
        args.baseline.as_ref(),
        args.gate.fail_on,
        &file.policy,
        &args.selection.sources.selectors.selectors,
        policies.as_ref(),
    )?;
    baseline.check_waiting(notifier.as_ref())?;
    if let Some(began) = resumed {
        baseline.ensure_not_older(began)?;
    }
    let job = Job {
        config,
        targets: Arc::new(targets),
        checkpoint,
        outputs,
        gate,
        baseline,
        notifier,
        policy: file.policy,
        policies,
        is_demo: false,
        no_progress: quiet || verbose > 0,
        stats_interval: args.stats_interval,
        stats_requests,
    };
    runtime.block_on(job.run())
}

/// The URLs of lists of targets.
fn urls(args: &ScanArgs) -> anyhow::Result<Vec<Source>> {
    let mut urls = Vec::new();
    for inventory in settings::inventories(&args.selection.sources.from) {
        if let Inventory::Url(url) = inventory? {
            urls.push(url.source());
        }
    }
    Ok(urls)
}

/// The files that a report may not overwrite.
fn inputs<'a>(args: &'a ScanArgs, settings: Option<&'a Path>) -> Vec<&'a Path> {
    let checkpoints = args.checkpoint.iter().chain(&args.resume);
    let others = checkpoints.chain(&args.requests.ca_file);
    let sources = args.selection.sources.files();
    sources
        .chain(others.map(PathBuf::as_path))
        .chain(settings)
        .collect()
}

/// Prints whether the scan of a checkpoint continues, or a new one replaces it.
fn report_began(checkpoint: &Checkpoint, began: Began) {
    match began {
        Began::Continued => report_resumed(checkpoint),
        Began::Replaced(ended) => say::note(format_args!(
            "{}: the scan in it ended at {ended:.0}; a new one begins and replaces it",
            checkpoint.path().display()
        )),
        _ => {}
    }
}

/// Prints which scan is resumed, and the date of its results.
fn report_resumed(checkpoint: &Checkpoint) {
    let path = checkpoint.path().display();
    let truncated = checkpoint.truncated();
    if truncated > 0 {
        say::note(format_args!(
            "{path}: the last record is truncated; its {truncated} bytes are cut off"
        ));
    }
    if let Some(ended) = checkpoint.ended() {
        say::note(format_args!(
            "{path}: this scan ended at {ended:.0}; nothing is probed again and the report has that date; for a \
             new scan, remove the file or name another one"
        ));
    } else {
        say::note(format_args!(
            "{path}: resuming the scan that began at {:.0}",
            checkpoint.began()
        ));
    }
}

/// Everything that one scan needs.
pub(crate) struct Job {
    pub(crate) config: ScanConfig,
    pub(crate) targets: Arc<TargetSet>,
    pub(crate) checkpoint: Option<Checkpoint>,
    pub(crate) outputs: Outputs,
    pub(crate) gate: Gate,
    pub(crate) policy: Policy,
    /// The policies in Rego.
    pub(crate) policies: Option<Policies>,
    /// The baseline that findings are compared with.
    pub(crate) baseline: Baseline,
    /// Who is told what changed.
    pub(crate) notifier: Option<Notifier>,
    /// In a demo, findings do not fail the program, because the demo set them up.
    pub(crate) is_demo: bool,
    pub(crate) no_progress: bool,
    pub(crate) stats_interval: Option<Duration>,
    pub(crate) stats_requests: stats::Requests,
}

impl Job {
    /// Scans, reports, and returns the exit code.
    pub(crate) async fn run(mut self) -> anyhow::Result<u8> {
        let scanner = Scanner::new(self.config)?;
        scanner.prepare(&self.targets).await?;
        if let (Some(notifier), Some(kept)) = (&self.notifier, &self.baseline.kept) {
            // What an earlier scan could not deliver does not wait for the end of this one.
            tokio::select! {
                sent = notifier.deliver_waiting(kept, 1) => drop(sent?),
                () = signals::next() => return Ok(INTERRUPTED),
            }
        }
        let targets = Arc::clone(&self.targets);
        let checkpoint = self
            .checkpoint
            .as_ref()
            .map(|checkpoint| checkpoint.path().to_owned());
        let mut scan = match self.checkpoint {
            Some(checkpoint) => scanner.scan_with(targets, checkpoint),
            None => scanner.scan(targets),
        };
        let watch = tokio::spawn(watch_signals(scan.stop_handle()));
        let line = ProgressLine::start(scan.watch(), self.no_progress);
        let stats = tokio::spawn(stats::print(
            scan.watch(),
            self.stats_interval,
            self.stats_requests,
        ));

        let keep =
            self.outputs.needs_records() || self.policies.is_some() || self.baseline.kept.is_some();
        let mut records = Spool::default();
        let mut snapshot = Snapshot::default();
        let mut evaluator = Evaluator::new(&self.policy, scan.started());
        evaluator.set_headers(&scanner.config().headers);
        while let Some(record) = scan.next().await {
            evaluator.add(&record);
            if self.baseline.compares() {
                snapshot.add(&record);
            }
            if let Err(error) = self.outputs.endpoint(&record) {
                scan.stop_handle().fail(format!("{error:#}"));
            }
            if keep && let Err(error) = records.push(record) {
                scan.stop_handle()
                    .fail(format!("{NO_TEMPORARY_FILE}: {error}"));
            }
        }
        drop(line);
        watch.abort();
        stats.abort();

        let stop = scan.stop_handle();
        let summary = scan.finish();
        anyhow::ensure!(
            summary.coverage.adds_up(),
            "the counts do not add up ({:?}): a defect in kubeknock, please report it",
            Coverage {
                specs: Vec::new(),
                ..summary.coverage
            }
        );
        let end = match stop.reason().as_deref() {
            Some(INTERRUPT) => ScanEnd::Interrupted,
            _ if stop.failed() => ScanEnd::Failed,
            _ => ScanEnd::Regular,
        };
        let could_not_scan = summary.coverage.could_not_scan();
        let coverage = evaluated_coverage(scanner.config(), &summary.coverage);
        let evaluation = evaluator.finish(&coverage);
        let Self {
            targets,
            policy,
            policies,
            baseline,
            notifier,
            gate,
            outputs,
            is_demo,
            ..
        } = self;
        let conclusion = Conclusion {
            policy: &policy,
            policies: policies.as_ref(),
            started: summary.started,
            evaluation,
            snapshot,
            baseline,
            notifier: notifier.as_ref(),
            carried: Earlier::default(),
            targets: Some(&targets),
            gate,
            end,
            is_demo,
        };
        let (code, outbox) = conclusion.write(
            ScanInfo::new(scanner.config()),
            &summary,
            &coverage,
            records,
            outputs,
        )?;
        if let Some(checkpoint) = checkpoint.filter(|_| end != ScanEnd::Regular) {
            let checkpoint = checkpoint.display();
            say::note(format_args!(
                "to continue from here, run the same command again; {checkpoint} has what is done"
            ));
        }
        if let Some(reason) = stop.reason().filter(|_| stop.failed()) {
            anyhow::ensure!(!could_not_scan, "{reason}");
            anyhow::bail!("{reason}; the report has the results until then");
        }
        outbox.deliver(notifier.as_ref(), code).await
    }
}

/// The first signal stops the scan, which then reports; the second exits at once.
async fn watch_signals(stop: Stop) {
    signals::next().await;
    stop.stop(INTERRUPT);
    say::note(
        "finishing the targets in flight, then reporting; press Ctrl-C again to exit at once",
    );
    signals::next().await;
    std::process::exit(i32::from(INTERRUPTED));
}
