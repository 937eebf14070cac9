//! Reads the settings, the lists of targets and the web configuration again when they change. What is broken changes nothing.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kubeknock::exporter::{Exporter, ProbeSettings, Server, TargetList, WebConfig};
use kubeknock::targets::TargetErrors;
use tokio::runtime::Handle;
use tokio::time::{Instant, interval_at};

use super::changes::Files;
use super::settings::Settings;
use crate::say;
use crate::signals::Hangups;

/// How often files are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How often lists are fetched, as Prometheus does by default.
const FETCH: Duration = Duration::from_mins(1);

/// The settings and the lists of targets.
pub(super) struct Inputs {
    settings: Arc<Settings>,
    settings_file: Files,
    certificates: Files,
    lists: Files,
    exporter: Arc<Exporter>,
    /// Whether the settings in use are not those of the files.
    is_stale: bool,
    /// Why the last version could not be used, as it was said.
    problem: Option<String>,
}

/// The web configuration.
pub(super) struct Web {
    pub(super) path: Option<PathBuf>,
    /// The files that it was made from.
    pub(super) files: Files,
    pub(super) server: Arc<Server>,
    pub(super) exporter: Arc<Exporter>,
}

/// Looks for changes until the exporter ends.
pub(super) async fn run(mut inputs: Inputs, mut web: Web) {
    let mut hangups = Hangups::new();
    let mut look = interval_at(Instant::now() + LOOK, LOOK);
    let mut fetch = interval_at(Instant::now() + FETCH, FETCH);
    loop {
        tokio::select! {
            _ = look.tick() => {
                inputs.look().await;
                if web.files.have_changed() {
                    web.reload();
                }
            }
            _ = fetch.tick(), if inputs.settings.has_urls() => inputs.reload().await,
            () = hangups.next() => {
                inputs.is_stale = true;
                inputs.reload().await;
                web.reload();
            }
        }
    }
}

impl Inputs {
    /// The settings and lists that are in use.
    pub(super) fn new(settings: Settings, exporter: Arc<Exporter>) -> Self {
        Self {
            settings_file: Files::new(settings.path.iter().cloned().collect()),
            certificates: settings.certificates.clone(),
            lists: settings.lists.clone(),
            settings: Arc::new(settings),
            exporter,
            is_stale: false,
            problem: None,
        }
    }

    /// Reads what has changed.
    async fn look(&mut self) {
        let files = [&mut self.settings_file, &mut self.certificates];
        // Each has to look, whatever the others see.
        let changed = files.map(Files::have_changed).contains(&true);
        self.is_stale |= changed;
        if self.lists.have_changed() || changed {
            self.reload().await;
        }
    }

    async fn reload(&mut self) {
        let what = if self.is_stale {
            "the settings and the lists of targets"
        } else {
            "the lists of targets"
        };
        match self.read().await {
            Ok((settings, list)) => {
                let old = self.exporter.list();
                let (added, removed) = (list.missing_in(&old), old.missing_in(&list));
                if self.problem.take().is_some() || self.is_stale || added + removed > 0 {
                    say::note(format_args!(
                        "{what} were read again: {} targets, {added} new, {removed} removed",
                        list.len()
                    ));
                }
                if let Some((settings, probes)) = settings {
                    if self.exporter.settings().allows_deep() && !probes.allows_deep() {
                        say::reason(
                            "deep probes are not allowed any more, and scrapes with module=deep fail: [exporter] has no deep = true",
                        );
                    }
                    self.exporter.replace_settings(probes);
                    self.replace(settings);
                }
                self.exporter.replace_list(list);
            }
            Err(error) => {
                self.exporter.reload_failed();
                let problem = problem(&error);
                if self.problem.as_ref() != Some(&problem) {
                    problem.lines().for_each(say::reason);
                    say::reason(format_args!(
                        "{what} cannot be used as they are now; the earlier targets stay, and the earlier settings"
                    ));
                    self.problem = Some(problem);
                }
            }
        }
    }

    /// Uses other settings from now on.
    fn replace(&mut self, settings: Settings) {
        if settings.path != self.settings.path {
            self.settings_file = Files::new(settings.path.iter().cloned().collect());
        }
        self.certificates = settings.certificates.clone();
        self.lists = settings.lists.clone();
        self.settings = Arc::new(settings);
        self.is_stale = false;
    }

    /// The lists as they are now, and the settings if those in use are stale.
    async fn read(&self) -> anyhow::Result<(Option<(Settings, ProbeSettings)>, TargetList)> {
        let (settings, is_stale) = (Arc::clone(&self.settings), self.is_stale);
        let runtime = Handle::current();
        let read = tokio::task::spawn_blocking(move || {
            let new = is_stale.then(|| settings.again()).transpose()?;
            let current = new.as_ref().map_or(&*settings, |(new, _)| new);
            let list = current.targets(&runtime, None)?;
            anyhow::Ok((new, list))
        });
        let (new, list) = read.await??;
        match &new {
            Some((_, probes)) => probes.prepare(&list).await?,
            None => self.exporter.settings().prepare(&list).await?,
        }
        Ok((new, list))
    }
}

/// Why the settings or the lists cannot be used, a line for each mistake.
fn problem(error: &anyhow::Error) -> String {
    match error.downcast_ref::<TargetErrors>() {
        Some(errors) => errors.to_string(),
        None => format!("{error:#}"),
    }
}

impl Web {
    fn reload(&mut self) {
        let Some(path) = &self.path else { return };
        let read = WebConfig::read(path).map_err(anyhow::Error::from);
        let replaced = read.and_then(|config| {
            let files = config.files().to_vec();
            self.server.replace_web_config(config)?;
            Ok(files)
        });
        self.exporter.web_config_reloaded(replaced.is_ok());
        match replaced {
            Ok(files) => {
                self.files = Files::new(files);
                say::note("the web configuration was read again");
            }
            Err(error) => say::reason(format_args!(
                "the web configuration cannot be used as it is now, the earlier one stays: {error:#}"
            )),
        }
    }
}
