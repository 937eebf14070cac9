//! `kubeknock exporter`: answers Prometheus until Ctrl-C.

mod changes;
mod reload;

use std::path::Path;
use std::sync::Arc;

use anyhow::bail;
use kubeknock::config::Order;
use kubeknock::exporter::{Exporter, ExporterOptions, Server, TargetList, WebConfig};

use crate::args::ExporterArgs;
use crate::runtime::runtime;
use crate::settings_file::SettingsFile;
use crate::{say, settings, signals};
use reload::{Lists, Web};

/// Runs the exporter.
pub(crate) fn run(args: ExporterArgs, file: SettingsFile, verbose: u8) -> anyhow::Result<u8> {
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
    let runtime = runtime()?;
    let mut config = settings::config(&args.connection, &args.requests, Order::Sequential, true)?;
    settings::fit_to_machine(&mut config, true);
    let web = args.web_config_file.as_deref().map(WebConfig::read);
    let web = web.transpose()?.unwrap_or_default();
    let web_files = web.files().to_vec();
    let files = reload::files(&args);
    let set = settings::exporter_targets(
        &args,
        file.expectations.clone(),
        runtime.handle(),
        Some(verbose),
    )?;
    let list = TargetList::new(set)?;
    let options = ExporterOptions {
        max_probes: args.max_probes,
        min_interval: args.min_interval,
        deep: file.exporter_deep,
    };
    runtime.block_on(async {
        let exporter = Exporter::new(&config, file.policy, list, &options);
        let exporter = Arc::new(exporter.map_err(|error| anyhow::anyhow!("--{error}"))?);
        exporter.prepare(&exporter.list()).await?;
        if web.authenticates() && !web.has_tls() && !args.listen.ip().to_canonical().is_loopback() {
            say::note(
                "passwords come over plain HTTP: add tls_server_config to the web configuration",
            );
        }
        let server = Server::listen(
            Arc::clone(&exporter),
            args.listen,
            web,
            args.listen_unprotected,
        );
        let server = Arc::new(server.await?);
        println!("listening on {}", server.address());
        let web = Web::new(args.web_config_file.clone(), web_files, Arc::clone(&server));
        let lists = Lists::new(args, files, file.expectations, exporter);
        tokio::select! {
            () = server.serve() => {}
            () = reload::run(lists, web) => {}
            () = signals::end() => {}
        }
        Ok(0)
    })
}
