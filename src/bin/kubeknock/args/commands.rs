//! The other commands.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::connections::ConnectionArgs;
use super::gate::GateArgs;
use super::output::ColorWord;
#[cfg(feature = "simulator")]
use super::output::OutputArgs;
use super::requests::RequestArgs;
use super::targets::PortArgs;
use crate::units;

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes:\n  0    something answered\n  2    could not run: bad input or configuration, or \
                  nothing could be probed\n  3    nothing answered"
)]
pub(crate) struct IdentifyArgs {
    /// The server: address or host name, with or without port, or URL
    ///
    /// Annotations as in scan, except expect=.
    #[arg(value_name = "TARGET")]
    pub(crate) target: String,

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
#[command(after_help = "Exit codes:\n  Those of a scan with these results.")]
pub(crate) struct ReportArgs {
    /// Formats (table, json=report.json), and the saved reports (json or jsonl) to convert
    ///
    /// A word that names a format, alone or before =, is a format. Any other word is a file; - is
    /// standard input. An endpoint in several reports counts once, as the latest scan found it.
    #[arg(value_name = "FORMAT[=PATH]|REPORT", required = true)]
    pub(crate) words: Vec<String>,

    /// Colours in the table; auto respects NO_COLOR and pipes
    #[arg(long, value_enum, default_value_t = ColorWord::Auto, help_heading = "Output")]
    pub(crate) color: ColorWord,

    /// Distinguishes this analysis from others of the same repository in code scanning (sarif)
    #[arg(long, value_name = "TEXT", help_heading = "Output")]
    pub(crate) category: Option<String>,

    /// Compare with an earlier report (json or jsonl): findings are new, unchanged or absent
    #[arg(long, value_name = "REPORT", help_heading = "Gate")]
    pub(crate) baseline: Option<PathBuf>,

    /// Reject reports of scans that began longer ago, such as a shard left over from last week
    #[arg(long, value_name = "TIME", value_parser = units::duration, help_heading = "Gate")]
    pub(crate) max_age: Option<Duration>,

    #[command(flatten)]
    pub(crate) gate: GateArgs,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes:\n  Those of a scan with the results of NEW and with OLD as its baseline."
)]
pub(crate) struct DiffArgs {
    /// The earlier report (json or jsonl)
    pub(crate) old: PathBuf,

    /// The later report (json or jsonl)
    pub(crate) new: PathBuf,

    /// Format, on standard output
    #[arg(long, value_enum, default_value_t = DiffFormat::Table, help_heading = "Output")]
    pub(crate) format: DiffFormat,

    /// Colours in the table; auto respects NO_COLOR and pipes
    #[arg(long, value_enum, default_value_t = ColorWord::Auto, help_heading = "Output")]
    pub(crate) color: ColorWord,

    #[command(flatten)]
    pub(crate) gate: GateArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DiffFormat {
    Table,
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct RulesArgs {
    /// Explain these rules: what they mean, how they are proven, how to fix them
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,
}

#[cfg(feature = "simulator")]
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[cfg(feature = "simulator")]
#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    /// Profile of the simulated server; --list shows all
    #[arg(long, value_name = "NAME", required_unless_present = "list")]
    pub(crate) profile: Option<String>,

    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:6443")]
    pub(crate) listen: std::net::SocketAddr,

    /// List the profiles with the verdict that each must get, with --deep too if it differs
    #[arg(long)]
    pub(crate) list: bool,
}
