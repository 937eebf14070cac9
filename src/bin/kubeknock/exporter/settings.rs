//! What the arguments and the settings file say. Read again while the exporter runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::bail;
use kubeknock::config::{Order, RunId};
use kubeknock::exporter::{ProbeSettings, TargetList};
use kubeknock::targets::Expectation;
use tokio::runtime::Handle;

use super::changes::Files;
use crate::args::{Command, ExporterArgs};
use crate::fetch::is_url;
use crate::settings;
use crate::settings_file::{SettingsFile, arguments_again};

/// The settings, with the files that they name as they were before they were read.
pub(super) struct Settings {
    pub(super) args: Arc<ExporterArgs>,
    expectations: Arc<[Expectation]>,
    /// The settings file.
    pub(super) path: Option<PathBuf>,
    /// The lists of targets.
    pub(super) lists: Files,
    /// The certificates of `--ca-file`.
    pub(super) certificates: Files,
    /// The id of the run, which stays the same.
    pub(super) run_id: Option<RunId>,
}

impl Settings {
    /// The settings, and how they ask. `run_id` is that of the settings before.
    pub(super) fn new(
        args: ExporterArgs,
        file: SettingsFile,
        run_id: Option<RunId>,
    ) -> anyhow::Result<(Self, ProbeSettings)> {
        check(&args)?;
        let lists = args.sources.files().filter(|path| !is_list_url(path));
        let lists = Files::new(lists.map(Path::to_owned).collect());
        let certificates = Files::new(args.requests.ca_file.clone());
        let mut config =
            settings::config(&args.connection, &args.requests, Order::Sequential, true)?;
        settings::fit_to_machine(&mut config, true);
        if run_id.is_some() {
            config.run_id = run_id;
        }
        let probes = ProbeSettings::new(&config, file.policy, file.exporter_deep);
        let probes = probes.map_err(|error| anyhow::anyhow!("--{error}"))?;
        let settings = Self {
            args: Arc::new(args),
            expectations: file.expectations.into(),
            path: file.path,
            lists,
            certificates,
            run_id: config.run_id,
        };
        Ok((settings, probes))
    }

    /// The settings as their files are now.
    pub(super) fn again(&self) -> anyhow::Result<(Self, ProbeSettings)> {
        let (cli, file) = arguments_again()?;
        let Command::Exporter(args) = cli.command else {
            bail!("a bug in kubeknock, please report it: the arguments have another command");
        };
        Self::new(*args, file, self.run_id.clone())
    }

    /// The targets as the lists are now. Only the first time is there anything to say about them.
    pub(super) fn targets(
        &self,
        runtime: &Handle,
        shown: Option<u8>,
    ) -> anyhow::Result<TargetList> {
        let expectations = self.expectations.to_vec();
        let set = settings::exporter_targets(&self.args, expectations, runtime, shown)?;
        Ok(TargetList::new(set)?)
    }

    /// Whether a list has to be fetched.
    pub(super) fn has_urls(&self) -> bool {
        self.args.sources.files().any(is_list_url)
    }
}

fn is_list_url(path: &Path) -> bool {
    path.to_str().is_some_and(is_url)
}

fn check(args: &ExporterArgs) -> anyhow::Result<()> {
    if args.requests.deep {
        bail!(
            "--deep: for the exporter, write deep = true in [exporter] of kubeknock.toml, and ask for module=deep"
        );
    }
    if args.connection.max_duration.is_some() {
        bail!("--max-duration: the exporter runs until it is stopped");
    }
    if args.sources.files().any(|file| file == Path::new("-")) {
        bail!(
            "the exporter reads its lists again when they change; name a file in place of standard input"
        );
    }
    Ok(())
}
