//! The other commands.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum, ValueHint};
use kubeknock::config::Proxy;

use super::connections::ConnectionArgs;
use super::gate::{GateArgs, PolicyArgs};
use super::notify::{BaselineArg, NotifyArgs};
use super::output::ColorWord;
use super::output::OutputArgs;
use super::requests::RequestArgs;
use super::targets::{PortArgs, WhereArgs};
use crate::units;

#[derive(Debug, Args)]
#[command(after_long_help = "\
Exit codes:
  0    something answered
  2    could not run: bad input or configuration, or nothing could be probed
  3    nothing answered

Examples:
  kubeknock identify api.prod.example.com
  kubeknock identify 10.4.0.7:6443 10.4.0.8:6443 -o json")]
pub(crate) struct IdentifyArgs {
    /// Addresses, host names or URLs, with or without port
    ///
    /// Annotations as in scan, except expect=.
    #[arg(value_name = "TARGET", required = true)]
    pub(crate) targets: Vec<String>,

    /// Write text, json or jsonl. Repeatable
    ///
    /// The explanations for people (text), or the records of a report (json, jsonl). To standard output, or to a file. [default: text]
    #[arg(short, long, value_name = "FORMAT[=PATH]", help_heading = "Output")]
    pub(crate) output: Vec<String>,

    /// Another form of --output
    #[arg(long, value_name = "FORMAT", hide = true)]
    pub(crate) format: Option<String>,

    /// Also print the answers: status, headers and the start of each body
    ///
    /// Lists of resources are shown without a body. No report has these answers.
    #[arg(long)]
    pub(crate) raw: bool,

    #[command(flatten)]
    pub(crate) ports: PortArgs,

    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,

    #[command(flatten)]
    pub(crate) requests: RequestArgs,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  kubeknock targets clusters.json
  kubeknock targets ~/.kube/config clusters.txt -o json
  kubeknock targets --from gke clusters.json -o lines > clusters.txt")]
pub(crate) struct TargetsArgs {
    /// Lists, inventories, results of scanners; - is standard input
    #[arg(value_name = "FILE", required_unless_present = "from")]
    pub(crate) files: Vec<PathBuf>,

    /// Read a file of this format. Repeatable
    #[arg(long, num_args = 2, value_names = ["FORMAT", "FILE"])]
    pub(crate) from: Vec<String>,

    /// Fetch the URLs of --from http-sd
    #[arg(long)]
    pub(crate) fetch: bool,

    /// Write table, json or lines. Repeatable
    ///
    /// For people (table), for programs (json), or as a list of targets (lines); to standard output, or to a file.
    /// [default: table]
    #[arg(short, long, value_name = "FORMAT[=PATH]", help_heading = "Output")]
    pub(crate) output: Vec<String>,

    /// Another form of --output
    #[arg(long, value_name = "FORMAT", hide = true)]
    pub(crate) format: Option<String>,

    /// The proxy of the scan
    ///
    /// Clusters that an inventory reaches through it count as asked.
    #[arg(long, value_name = "URL")]
    pub(crate) proxy: Option<Proxy>,

    #[command(flatten)]
    pub(crate) selectors: WhereArgs,

    #[command(flatten)]
    pub(crate) ports: PortArgs,
}

/// A format of `kubeknock targets`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TargetsFormat {
    Table,
    Json,
    Lines,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Exit codes:
  Those of a scan with these results.

Examples:
  kubeknock report report.json -o html=report.html
  kubeknock report shard-1.json shard-2.json -o json=whole.json -o table
  kubeknock report report.json --severity critical,high
  kubeknock report today.json --baseline yesterday.json --fail-on new -o markdown")]
pub(crate) struct ReportArgs {
    /// The saved reports (json or jsonl); - is standard input
    ///
    /// An endpoint in several reports counts once, as the latest scan found it. A word that names a format,
    /// alone or before =, is an --output; write ./table for a file of that name.
    #[arg(value_name = "REPORT", required = true)]
    pub(crate) words: Vec<String>,

    #[command(flatten)]
    pub(crate) output: OutputArgs,

    #[command(flatten)]
    pub(crate) selectors: WhereArgs,

    /// Compare with an earlier report, or auto:DIR
    ///
    /// REPORT is a saved report (json or jsonl). auto:DIR is for scheduled scans: the last good report, which is kept in this folder, or nothing at first. Findings are
    /// new, unchanged or absent.
    #[arg(long, value_name = "REPORT", value_parser = BaselineArg::parser(), value_hint = ValueHint::FilePath, help_heading = "Gate")]
    pub(crate) baseline: Option<BaselineArg>,

    #[command(flatten)]
    pub(crate) notify: NotifyArgs,

    /// Reject reports of scans that began longer ago
    ///
    /// Such as a shard left over from last week.
    #[arg(long, value_name = "TIME", value_parser = units::duration, help_heading = "Gate")]
    pub(crate) max_age: Option<Duration>,

    #[command(flatten)]
    pub(crate) gate: GateArgs,

    #[command(flatten)]
    pub(crate) policies: PolicyArgs,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Exit codes:
  Those of a scan with the results of NEW and with OLD as its baseline.

Examples:
  kubeknock diff yesterday.json today.json
  kubeknock diff yesterday.json today.json -o json=changes.json --fail-on new:high")]
pub(crate) struct DiffArgs {
    /// The earlier report (json or jsonl)
    pub(crate) old: PathBuf,

    /// The later report (json or jsonl)
    pub(crate) new: PathBuf,

    /// Write table, markdown or json. Repeatable
    ///
    /// The changes for people (table, markdown) or for programs (json). To standard output, or to a file. [default: table]
    #[arg(short, long, value_name = "FORMAT[=PATH]", help_heading = "Output")]
    pub(crate) output: Vec<String>,

    /// Another form of --output
    #[arg(long, value_name = "FORMAT", hide = true)]
    pub(crate) format: Option<String>,

    /// Colours in the table; auto respects NO_COLOR and pipes
    #[arg(long, value_enum, default_value_t = ColorWord::Auto, help_heading = "Output", hide_short_help = true)]
    pub(crate) color: ColorWord,

    #[command(flatten)]
    pub(crate) selectors: WhereArgs,

    #[command(flatten)]
    pub(crate) gate: GateArgs,
}

/// A format of `kubeknock diff`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DiffFormat {
    Table,
    Markdown,
    Json,
}

/// A format of `kubeknock identify`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum IdentifyFormat {
    Text,
    Json,
    Jsonl,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  kubeknock rules
  kubeknock rules anonymous-auth-enabled")]
pub(crate) struct RulesArgs {
    /// Explain these rules: meaning, proof and fix
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  kubeknock completions bash > ~/.local/share/bash-completion/completions/kubeknock
  kubeknock completions zsh > ~/.zfunc/_kubeknock
  kubeknock completions fish > ~/.config/fish/completions/kubeknock.fish")]
pub(crate) struct CompletionsArgs {
    /// Which shell
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  kubeknock man | man -l -
  kubeknock man --dir ~/.local/share/man/man1")]
pub(crate) struct ManArgs {
    /// Write a page for each command here
    ///
    /// kubeknock.1, kubeknock-scan.1 and the others.
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) dir: Option<PathBuf>,
}

#[cfg(feature = "simulator")]
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  kubeknock demo
  kubeknock demo -o html=demo.html")]
pub(crate) struct DemoArgs {
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[cfg(feature = "simulator")]
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  kubeknock simulate --list
  kubeknock simulate --profile exposed --listen 127.0.0.1:6443")]
pub(crate) struct SimulateArgs {
    /// Profile of the simulated server; --list shows all
    #[arg(long, value_name = "NAME", required_unless_present = "list")]
    pub(crate) profile: Option<String>,

    /// Where to listen
    ///
    /// Port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:6443")]
    pub(crate) listen: std::net::SocketAddr,

    /// List the profiles with their verdicts
    ///
    /// The verdict that each must get, with --deep too if it differs.
    #[arg(long)]
    pub(crate) list: bool,
}
