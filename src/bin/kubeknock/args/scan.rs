//! `kubeknock scan`: the sections of its help, and the options outside all sections.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};

use super::connections::ConnectionArgs;
use super::gate::{GateArgs, PolicyArgs};
use super::notify::{BaselineArg, NotifyArgs};
use super::output::OutputArgs;
use super::requests::RequestArgs;
use super::targets::TargetArgs;
use crate::units;

#[derive(Debug, Args)]
#[command(after_long_help = AFTER_HELP)]
pub(crate) struct ScanArgs {
    /// What to scan: address, CIDR, range, host name, URL
    ///
    /// With or without port: 10.0.0.7, 10.0.0.7:6443, [2001:db8::7]:6443, 10.0.0.0/24, 10.0.0.10-40, api.example.com,
    /// https://rancher.example.com/k8s/clusters/c-1. Annotations go into the same argument:
    /// "10.0.0.7 name=prod expect=rejected".
    #[arg(value_name = "TARGET", help_heading = "Targets", display_order = 0)]
    pub(crate) targets: Vec<String>,

    #[command(flatten)]
    pub(crate) selection: TargetArgs,

    /// Show the targets, requests and connections of the scan; send nothing
    #[arg(long, help_heading = "Targets", hide_short_help = true)]
    pub(crate) dry_run: bool,

    /// With --dry-run, fetch the URLs of --from http-sd
    #[arg(
        long,
        requires = "dry_run",
        help_heading = "Targets",
        hide_short_help = true
    )]
    pub(crate) fetch: bool,

    /// Compare with an earlier report, or auto:DIR
    ///
    /// REPORT is a saved report (json or jsonl). auto:DIR is for scheduled scans: the last good report, which the scan keeps in this folder, or nothing at first.
    /// Findings are new, unchanged or absent. Also shows changed verdicts, versions and certificates, and endpoints that appeared or
    /// disappeared. A report made without --deep or --path has no data about their paths: create a
    /// new one when you change these options.
    #[arg(long, value_name = "REPORT", value_parser = BaselineArg::parser(), value_hint = ValueHint::FilePath, help_heading = "Gate")]
    pub(crate) baseline: Option<BaselineArg>,

    #[command(flatten)]
    pub(crate) notify: NotifyArgs,

    #[command(flatten)]
    pub(crate) gate: GateArgs,

    #[command(flatten)]
    pub(crate) policies: PolicyArgs,

    #[command(flatten)]
    pub(crate) output: OutputArgs,

    /// Report refused and silent addresses of ranges, too; otherwise they are only counted
    #[arg(long, help_heading = "Output", hide_short_help = true)]
    pub(crate) all: bool,

    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,

    #[command(flatten)]
    pub(crate) requests: RequestArgs,

    /// Record progress in this file; the same command continues an unfinished scan
    ///
    /// Targets that are done are not probed again. Rate, concurrency and outputs may change. A new scan replaces
    /// a finished one. The checkpoint of other targets or options is an error.
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Long scans",
        hide_short_help = true
    )]
    pub(crate) checkpoint: Option<PathBuf>,

    /// Continue the scan of this checkpoint, finished or not
    #[arg(long, value_name = "FILE", hide = true)]
    pub(crate) resume: Option<PathBuf>,

    /// Print a JSON line about the progress this often, to standard error; SIGUSR1 prints one now
    #[arg(long, value_name = "TIME", value_parser = units::duration, help_heading = "Long scans", hide_short_help = true)]
    pub(crate) stats_interval: Option<Duration>,
}

const AFTER_HELP: &str = "\
Verdicts:
  exposed         more than version and health is open to anonymous callers
  forbidden       403 as system:anonymous: anonymous is accepted, authorization stops it
  limited         anonymous may use some paths only, usually health checks
  rejected        401 on every path asked
  inconclusive    cannot tell; the reason says why
  not-api-server  something else answers
  unreachable     no HTTP answer
  not-attempted   no verdict: a failure on this side (proxy, route, name server, open files)

Exit codes:
  0    nothing at or above --fail-on
  1    findings at or above --fail-on (with a verdict, critical ones too), an unmet expect=, or a denial by --policy
  2    could not run: bad input or configuration, or nothing could be asked
  3    fewer named targets got a verdict than --require-coverage asks for
  130  interrupted
  If several apply: 130, then 2, then 1, then 3.

Examples:
  kubeknock scan 10.4.0.0/24 api.prod.example.com
  kubeknock scan -f clusters.txt -o table -o json=report.json
  kubeknock scan -f clusters.txt --baseline report.json --fail-on new
  kubeknock scan -f clusters.txt --deep --ca-file ca.pem
  kubeknock scan 10.0.0.0/16 --exclude @fragile.txt --rate 200 --checkpoint scan.checkpoint
  kubeknock scan -f clusters.txt --dry-run";
