//! `kubeknock exporter`: answers Prometheus until Ctrl-C.

mod changes;
mod reload;
mod settings;

use std::sync::Arc;

use kubeknock::exporter::{Exporter, ExporterOptions, Server, WebConfig};

use crate::args::ExporterArgs;
use crate::runtime::runtime;
use crate::settings_file::SettingsFile;
use crate::{say, signals};
use changes::Files;
use reload::{Inputs, Web};
use settings::Settings;

/// Runs the exporter.
pub(crate) fn run(args: ExporterArgs, file: SettingsFile, verbose: u8) -> anyhow::Result<u8> {
    let (settings, probes) = Settings::new(args, file, None)?;
    let runtime = runtime()?;
    let args = Arc::clone(&settings.args);
    let web = args.web_config_file.as_deref().map(WebConfig::read);
    let web = web.transpose()?.unwrap_or_default();
    let web_files = web.files().to_vec();
    let list = settings.targets(runtime.handle(), Some(verbose))?;
    let options = ExporterOptions {
        max_probes: args.max_probes,
        min_interval: args.min_interval,
    };
    runtime.block_on(async {
        probes.prepare(&list).await?;
        let exporter = Exporter::new(probes, list, &options);
        let exporter = Arc::new(exporter.map_err(|error| anyhow::anyhow!("--{error}"))?);
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
        let web = Web {
            path: args.web_config_file.clone(),
            files: Files::new(web_files),
            server: Arc::clone(&server),
            exporter: Arc::clone(&exporter),
        };
        tokio::select! {
            () = server.serve() => {}
            () = reload::run(Inputs::new(settings, exporter), web) => {}
            () = signals::end() => {}
        }
        Ok(0)
    })
}
