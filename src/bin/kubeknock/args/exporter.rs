//! `kubeknock exporter`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::connections::ConnectionArgs;
use super::requests::RequestArgs;
use super::targets::SourceArgs;
use crate::units;

/// Port 9643, on this machine only.
const LISTEN: &str = "127.0.0.1:9643";

#[derive(Debug, Args)]
#[command(
    mut_arg("deep", |arg| arg.hide(true)),
    mut_arg("max_duration", |arg| arg.hide(true)),
    after_long_help = "\
Pages:
  /probe?target=NAME  probes a listed target and answers with its metrics; module=deep requests more, if
                      kubeknock.toml has deep = true in [exporter]
  /sd                 the list, for http_sd_configs of Prometheus
  /metrics            metrics of the exporter itself
  /                   what is probed, with the last verdicts
  /healthz, /readyz   for probes of Kubernetes

Examples:
  kubeknock exporter -f clusters.txt
  kubeknock exporter --from gke clusters.json --listen :9643 --web.config.file web.yml"
)]
pub(crate) struct ExporterArgs {
    /// What to probe: address, host name, URL
    ///
    /// As in scan, without CIDRs and ranges. The name of a target is its name=, or else the target as written.
    #[arg(value_name = "TARGET", help_heading = "Targets", display_order = 0)]
    pub(crate) targets: Vec<String>,

    #[command(flatten)]
    pub(crate) sources: SourceArgs,

    /// Where to answer
    ///
    /// :PORT means every address of this machine; port 0 takes a free one. Beyond 127.0.0.1 and ::1 it needs
    /// authentication, because the answers say which clusters are open.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = LISTEN, value_parser = listen, help_heading = "Exporter")]
    pub(crate) listen: SocketAddr,

    /// TLS and passwords, as other exporters have them
    ///
    /// tls_server_config and basic_auth_users. Read again when it or a file that it names changes.
    #[arg(
        long = "web.config.file",
        value_name = "FILE",
        help_heading = "Exporter"
    )]
    pub(crate) web_config_file: Option<PathBuf>,

    /// Answer everybody who reaches --listen
    ///
    /// For example, because a network policy or a proxy in front decides who does.
    #[arg(long, help_heading = "Exporter", hide_short_help = true)]
    pub(crate) listen_unprotected: bool,

    /// Probes at once; three times as many wait, further ones get 503
    #[arg(long, value_name = "NUMBER", default_value_t = 64, value_parser = units::whole::<usize>, help_heading = "Exporter", hide_short_help = true)]
    pub(crate) max_probes: usize,

    /// Serve an answer again for this long before the target is probed anew
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = units::duration, help_heading = "Exporter", hide_short_help = true)]
    pub(crate) min_interval: Duration,

    /// Settings file [default: kubeknock.toml of the repository]
    ///
    /// Outside of a repository, that of the working directory. Scan defaults, severities, accepted findings,
    /// expectations, and [exporter]; see docs/settings.md. Read again when it changes.
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Exporter",
        hide_short_help = true
    )]
    pub(crate) config: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,

    #[command(flatten)]
    pub(crate) requests: RequestArgs,
}

/// `127.0.0.1:9643`, `:9643`, `localhost:9643`.
fn listen(text: &str) -> Result<SocketAddr, &'static str> {
    let address = match text.strip_prefix(':') {
        Some(port) => format!("[::]:{port}"),
        None => match text.strip_prefix("localhost:") {
            Some(port) => format!("127.0.0.1:{port}"),
            None => text.to_owned(),
        },
    };
    (address.parse())
        .map_err(|_| "expected an address with a port, such as 127.0.0.1:9643, [::1]:9643 or :9643")
}
