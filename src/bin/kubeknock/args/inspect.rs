//! The command `inspect`.

use std::path::PathBuf;

use clap::Args;
use kubeknock::policy::FailOn;

use super::gate::PolicyArgs;
use super::output::OutputArgs;

#[derive(Debug, Args)]
#[command(after_long_help = "\
Exit codes:
  0    nothing at --fail-on
  1    a predicted verdict or a finding at --fail-on, or a server that does not start
  2    a file could not be read, or nothing in it is about an API server

Examples:
  kubeknock inspect - < pods.yaml
  kubeknock inspect kube-apiserver.yaml authentication-config.yaml
  kubeknock inspect kube-apiserver.yaml rbac.yaml --against report.json --endpoint prod-eu-1")]
pub(crate) struct InspectArgs {
    /// Configuration files of one cluster; - is standard input
    ///
    /// Pods and static manifests of kube-apiserver, argument lists, configurations of kubeadm, Cluster API,
    /// k3s, RKE2, k0s, Talos, MicroK8s and OpenShift, AuthenticationConfiguration, AuthorizationConfiguration,
    /// roles and bindings, audit policies. Each is recognised by its content; docs/inspect.md says which
    /// command of kubectl writes it.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// Compare the prediction with a saved report
    ///
    /// In the formats json or jsonl.
    #[arg(long, value_name = "REPORT")]
    pub(crate) against: Option<PathBuf>,

    /// Which endpoint of the report it is
    ///
    /// Its name=, its address, its host, or host:port. Needed if the report has several endpoints.
    #[arg(long, value_name = "NAME", requires = "against")]
    pub(crate) endpoint: Option<String>,

    #[command(flatten)]
    pub(crate) output: OutputArgs,

    /// What makes the exit code 1
    ///
    /// This severity or worse (critical, high, medium, low, note), this predicted verdict or worse (exposed, forbidden,
    /// limited), or never. With a verdict, a critical finding fails too unless it is accepted. A server that does not
    /// start fails at every threshold but never, unless the finding is accepted.
    #[arg(long, value_name = "THRESHOLD", default_value = "exposed", value_parser = threshold, help_heading = "Gate")]
    pub(crate) fail_on: FailOn,

    #[command(flatten)]
    pub(crate) policies: PolicyArgs,

    /// Settings file [default: kubeknock.toml of the repository]
    ///
    /// Severities and accepted findings; see docs/settings.md.
    #[arg(
        long,
        value_name = "FILE",
        hide_short_help = true,
        help_heading = "Gate"
    )]
    pub(crate) config: Option<PathBuf>,
}

/// A threshold that needs no baseline.
fn threshold(text: &str) -> Result<FailOn, String> {
    let threshold: FailOn = text.parse().map_err(|error| format!("{error}"))?;
    if threshold.needs_baseline() {
        return Err("inspect has no baseline: choose a severity, a verdict or never".to_owned());
    }
    Ok(threshold)
}
