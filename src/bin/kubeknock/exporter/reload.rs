//! Reads the lists of targets and the web configuration again when they change. What is broken changes nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kubeknock::exporter::{Exporter, Server, TargetList, WebConfig};
use kubeknock::targets::{Expectation, TargetErrors};
use tokio::runtime::Handle;
use tokio::time::{Instant, interval_at};

use super::changes::Files;
use crate::args::ExporterArgs;
use crate::fetch::is_url;
use crate::signals::Hangups;
use crate::{say, settings};

/// How often files are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How often lists are fetched, as Prometheus does by default.
const FETCH: Duration = Duration::from_mins(1);

/// The lists of targets.
pub(super) struct Lists {
    args: Arc<ExporterArgs>,
    expectations: Vec<Expectation>,
    exporter: Arc<Exporter>,
    files: Files,
    has_urls: bool,
    /// Why the last version could not be used, as it was said.
    problem: Option<String>,
}

/// The web configuration.
pub(super) struct Web {
    path: Option<PathBuf>,
    server: Arc<Server>,
    files: Files,
}

/// Looks for changes until the exporter ends.
pub(super) async fn run(mut lists: Lists, mut web: Web) {
    let mut hangups = Hangups::new();
    let mut look = interval_at(Instant::now() + LOOK, LOOK);
    let mut fetch = interval_at(Instant::now() + FETCH, FETCH);
    loop {
        tokio::select! {
            _ = look.tick() => {
                if lists.files.have_changed() {
                    lists.reload().await;
                }
                if web.files.have_changed() {
                    web.reload();
                }
            }
            _ = fetch.tick(), if lists.has_urls => lists.reload().await,
            () = hangups.next() => {
                lists.reload().await;
                web.reload();
            }
        }
    }
}

/// The files of the lists, before they are read.
pub(super) fn files(args: &ExporterArgs) -> Files {
    let files = args.sources.files().filter(|path| !is_list_url(path));
    Files::new(files.map(Path::to_owned).collect())
}

fn is_list_url(path: &Path) -> bool {
    path.to_str().is_some_and(is_url)
}

impl Lists {
    /// The lists of `files`, which are in use.
    pub(super) fn new(
        args: ExporterArgs,
        files: Files,
        expectations: Vec<Expectation>,
        exporter: Arc<Exporter>,
    ) -> Self {
        let has_urls = args.sources.files().any(is_list_url);
        Self {
            has_urls,
            files,
            args: Arc::new(args),
            expectations,
            exporter,
            problem: None,
        }
    }

    async fn reload(&mut self) {
        match self.read().await {
            Ok(list) => {
                let old = self.exporter.list();
                let (added, removed) = (list.missing_in(&old), old.missing_in(&list));
                if self.problem.take().is_some() || added + removed > 0 {
                    say::note(format_args!(
                        "the lists of targets were read again: {} targets, {added} new, {removed} removed",
                        list.len()
                    ));
                }
                self.exporter.replace_list(list);
            }
            Err(error) => {
                self.exporter.reload_failed();
                let problem = problem(&error);
                if self.problem.as_ref() != Some(&problem) {
                    problem.lines().for_each(say::reason);
                    say::reason(
                        "the lists of targets cannot be used as they are now; the earlier targets stay",
                    );
                    self.problem = Some(problem);
                }
            }
        }
    }

    async fn read(&self) -> anyhow::Result<TargetList> {
        let (args, expectations) = (Arc::clone(&self.args), self.expectations.clone());
        let runtime = Handle::current();
        let set = tokio::task::spawn_blocking(move || {
            settings::exporter_targets(&args, expectations, &runtime, None)
        });
        let list = TargetList::new(set.await??)?;
        self.exporter.prepare(&list).await?;
        Ok(list)
    }
}

/// Why lists cannot be used, a line for each mistake.
fn problem(error: &anyhow::Error) -> String {
    match error.downcast_ref::<TargetErrors>() {
        Some(errors) => errors.to_string(),
        None => format!("{error:#}"),
    }
}

impl Web {
    pub(super) fn new(path: Option<PathBuf>, files: Vec<PathBuf>, server: Arc<Server>) -> Self {
        Self {
            path,
            server,
            files: Files::new(files),
        }
    }

    fn reload(&mut self) {
        let Some(path) = &self.path else { return };
        let read = WebConfig::read(path).map_err(anyhow::Error::from);
        let replaced = read.and_then(|config| {
            let files = config.files().to_vec();
            self.server.replace_web_config(config)?;
            Ok(files)
        });
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
